//! What the nodes count, as a page of metrics. The loop fills it, a task writes it.
//!
//! - `agent`: an agent's numbers,
//! - `overwatch`: an overwatch's,
//! - `health`: checks, of either,
//! - `api`: requests,
//! - `shared`: the store, and etcd,
//! - `kernel_drops`: what the kernel dropped before anybody saw it.
//!
//! Must never count: numbers are read where they are counted, when somebody asks.

mod agent;

#[cfg(unix)]
mod overwatch;

mod health;

mod api;

#[cfg(unix)]
mod shared;

#[cfg(unix)]
mod kernel_drops;

use std::io;

use model::Time;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tracing::info;

pub(super) use self::agent::agent;
pub(super) use self::api::of_requests;
pub(super) use self::health::{of_agent_strains, of_checks, of_servers};
#[cfg(unix)]
pub(super) use self::kernel_drops::KernelDrops;
#[cfg(unix)]
pub(super) use self::overwatch::{Dns, of_kept, overwatch, status};
#[cfg(unix)]
pub(super) use self::shared::{Shared, of_shared, of_store};
use super::reload::ReloadCounters;
use crate::metrics::families::process;
use crate::metrics::{MetricsServer, Page, Source};
use crate::{clock, confine, panics};

/// Somebody who wants to see the numbers.
pub(super) type Asked = oneshot::Sender<Page>;

/// Where those who want to see the numbers stand.
pub(super) fn queue() -> (mpsc::Sender<Asked>, mpsc::Receiver<Asked>) {
    // Scrapes come one at a time; a few more wait.
    mpsc::channel(8)
}

/// Serves the numbers on a socket that listens. The loop answers those who ask.
pub(super) fn serve(listener: TcpListener, ask: mpsc::Sender<Asked>) -> io::Result<MetricsServer> {
    let server = MetricsServer::start(listener, Numbers(ask))?;
    info!("serving metrics on {}", server.local_address());
    Ok(server)
}

/// Asks the loop for its numbers.
struct Numbers(mpsc::Sender<Asked>);

impl Source for Numbers {
    async fn page(&self) -> Option<Page> {
        let (reply, numbers) = oneshot::channel();
        // A process that is going down has no numbers.
        self.0.send(reply).await.ok()?;
        numbers.await.ok()
    }
}

/// The numbers of every process.
fn of_process(page: &mut Page, reloads: &ReloadCounters, now: Time) {
    page.each(&process::INFO, [("", 1)]);
    page.set(&process::STARTED, reloads.started.unix_s());
    page.set(&process::CONFIG_LOADED, reloads.loaded.unix_s());
    let results = [("applied", reloads.applied), ("refused", reloads.refused)];
    page.each(&process::CONFIG_RELOADS, results);
    page.each(&process::PANICS, panics::counters());
    let layers = confine::in_force().layers();
    page.each(
        &process::SANDBOX,
        layers.map(|(layer, is_in_force)| (layer, u64::from(is_in_force))),
    );
    let wall = clock::wall();
    page.set(&process::CLOCK_OFFSET, wall.ms_since(now).max(now.ms_since(wall)));
}

#[cfg(test)]
mod tests;
