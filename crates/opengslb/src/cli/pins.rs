//! `opengslb-cli pins`: networks that are sent to a region by hand.

use api::hand::{Pin, PinTo, Pins as Document};
use clap::Subcommand;
use hyper::Method;

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, json, say};
use super::words::{Because, Reason, ending, query};

/// What to do about pins.
#[derive(Debug, Subcommand)]
pub(super) enum Pins {
    /// Every pin.
    #[command(after_help = "Example:\n  opengslb-cli pins list")]
    List,
    /// Send a network to a region while that is up, whatever was learned.
    #[command(after_help = "Example:\n  opengslb-cli pins set app.demo.local 10.1.2.0/24 eu-west")]
    Set {
        /// Of which domain.
        domain: String,
        /// The network.
        cidr: String,
        /// Where to.
        region: String,
        #[command(flatten)]
        because: Because,
    },
    /// Take a pin back.
    #[command(after_help = "Example:\n  opengslb-cli pins clear app.demo.local 10.1.2.0/24")]
    Clear {
        /// Of which domain.
        domain: String,
        /// The network, as it was pinned.
        cidr: String,
        #[command(flatten)]
        reason: Reason,
    },
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: Pins) -> Result<bool, Failure> {
    let path = |domain: &str, cidr: &str| {
        format!("/api/v1/routing/pins/{}/{}", escaped(domain), escaped(cidr))
    };
    match command {
        Pins::List => return list(client, output),
        Pins::Set { domain, cidr, region, because } => {
            let Because { reason, for_seconds } = because;
            let line = format!("{cidr} of {domain}: pinned to {region}{}", ending(for_seconds));
            let body = json(&PinTo { region, reason, for_seconds });
            client.say(Method::PUT, &path(&domain, &cidr), body)?;
            output.done(&line);
        }
        Pins::Clear { domain, cidr, reason } => {
            let query = query(&[("reason", reason.reason)]);
            client.say(Method::DELETE, &(path(&domain, &cidr) + &query), String::new())?;
            output.done(&format!("{cidr} of {domain}: no longer pinned"));
        }
    }
    Ok(true)
}

fn list(client: &Client, output: &Output) -> Result<bool, Failure> {
    let text = client.text("/api/v1/routing/pins")?;
    let Document { pins } = client.read(&text)?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let row = |pin: Pin| {
        let effect = if pin.in_effect { "" } else { "waits: not in the configuration" };
        let [until, by, reason] = [pin.until, pin.by, pin.reason].map(Option::unwrap_or_default);
        let effect = effect.to_owned();
        vec![pin.domain, pin.network, pin.region, pin.since, until, by, reason, effect]
    };
    let rows: Vec<Vec<String>> = pins.into_iter().map(row).collect();
    output.table(&["DOMAIN", "NETWORK", "REGION", "SINCE", "UNTIL", "WHO", "WHY", ""], &rows);
    Ok(true)
}
