//! `opengslb-cli externaldns`: a webhook for ExternalDNS, beside it in its pod.
//!
//! ```text
//! ExternalDNS --HTTP--> serve -> site -> steps -> Client --REST--> overwatch
//! ```
//!
//! - `wire`: the webhook's JSON,
//! - `record`: what one record means here, or why it cannot be,
//! - `note`: what is remembered of a name,
//! - `steps`: from what is wanted and what there is to the next requests,
//! - `site`: the overwatch,
//! - `serve`: the webhook's HTTP.
//!
//! It keeps nothing: all that it has to remember stands in the overwatch (decision 0062).

mod note;

mod record;

mod serve;

mod site;

mod steps;

#[cfg(test)]
mod tests;

mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use tokio::net::TcpListener;

use self::record::Terms;
use self::serve::{Door, Webhook, serve};
use self::site::Site;
use super::client::Client;
use super::failure::Failure;
use super::output::tell;

/// How it is run.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// A zone whose names ExternalDNS may make; may be given several times.
    #[arg(long = "zone", value_name = "NAME", required = true)]
    zones: Vec<String>,
    /// The region of records that name none.
    #[arg(long)]
    region: Option<String>,
    /// The port of servers whose record names none.
    #[arg(long, default_value_t = 80)]
    port: u16,
    /// The algorithm of domains that are made.
    #[arg(long, value_name = "WORD", default_value = "learned_latency")]
    algorithm: String,
    /// Where ExternalDNS asks; nobody else should reach it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8888")]
    listen: SocketAddr,
    /// Where a kubelet asks whether all is well, `/healthz` alone; without it, only at the address above.
    #[arg(long, value_name = "ADDRESS")]
    health: Option<SocketAddr>,
}

/// Serves until it is ended.
pub(super) fn run(client: Client, wanted: Wanted) -> Result<bool, Failure> {
    let Wanted { zones, region, port, algorithm, listen, health } = wanted;
    let zone = |zone: String| zone.trim_matches('.').to_ascii_lowercase();
    let terms = Terms { zones: zones.into_iter().map(zone).collect(), region, port };
    let webhook = Arc::new(Webhook::new(Site { client, terms, algorithm }));
    let cannot = |error: std::io::Error| Failure::Unavailable(format!("cannot serve: {error}"));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(cannot)?.block_on(async {
        let listener = TcpListener::bind(listen).await.map_err(cannot)?;
        let at = listener.local_addr().map_err(cannot)?;
        if let Some(health) = health {
            let listener = TcpListener::bind(health).await.map_err(cannot)?;
            tokio::spawn(serve(listener, Door::Health, Arc::clone(&webhook)));
        }
        tell(&format!("the webhook of ExternalDNS is at http://{at}"));
        serve(listener, Door::Webhook, webhook).await;
        Ok(true)
    })
}
