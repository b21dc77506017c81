//! `opengslb-cli pins`: networks that are sent to a region by hand.

use api::hand::{Pin, PinTo, Pins as Document};
use clap::Subcommand;
use hyper::Method;

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, json, say};

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
    },
    /// Take a pin back.
    #[command(after_help = "Example:\n  opengslb-cli pins clear app.demo.local 10.1.2.0/24")]
    Clear {
        /// Of which domain.
        domain: String,
        /// The network, as it was pinned.
        cidr: String,
    },
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: Pins) -> Result<bool, Failure> {
    let path = |domain: &str, cidr: &str| {
        format!("/api/v1/routing/pins/{}/{}", escaped(domain), escaped(cidr))
    };
    match command {
        Pins::List => return list(client, output),
        Pins::Set { domain, cidr, region } => {
            let line = format!("{cidr} of {domain}: pinned to {region}");
            client.say(Method::PUT, &path(&domain, &cidr), json(&PinTo { region }))?;
            output.done(&line);
        }
        Pins::Clear { domain, cidr } => {
            client.say(Method::DELETE, &path(&domain, &cidr), String::new())?;
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
        vec![pin.domain, pin.network, pin.region, pin.since, effect.to_owned()]
    };
    let rows: Vec<Vec<String>> = pins.into_iter().map(row).collect();
    output.table(&["DOMAIN", "NETWORK", "REGION", "SINCE", ""], &rows);
    Ok(true)
}
