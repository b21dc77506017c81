//! `opengslb-cli overrides`: servers forced up or down, or draining, by an operator.

use std::net::{IpAddr, SocketAddr};

use api::backends::{Backend, Backends, Override};
use clap::{ArgAction, Args, Subcommand};
use hyper::Method;

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, json};
use super::servers;
use super::words::{Because, Reason, ending, query, seconds};

/// What to do about overrides.
#[derive(Debug, Subcommand)]
pub(super) enum Overrides {
    /// The servers that an operator has spoken about.
    #[command(after_help = "Example:\n  opengslb-cli overrides list")]
    List,
    /// Speak about a server; this beats every check.
    #[command(
        after_help = "Examples:\n  opengslb-cli overrides set app.demo.local 10.2.1.10 --healthy false\n  \
                      opengslb-cli overrides set app.demo.local 10.2.1.10:8443 --drain --over 10m \
                      --reason upgrade\n  \
                      opengslb-cli overrides set app.demo.local 10.2.1.10 --healthy false --for 2h"
    )]
    Set {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        word: Word,
        /// How much of its weight a drain takes, from 0 to 1.
        #[arg(long, requires = "drain", default_value_t = 1.0)]
        share: f64,
        /// How long a drain takes to get there: seconds, or with a unit as in 10m or 2h.
        #[arg(long, requires = "drain", value_name = "TIME", value_parser = seconds)]
        over: Option<u64>,
        #[command(flatten)]
        because: Because,
    },
    /// Take the word back: checks decide again.
    #[command(after_help = "Example:\n  opengslb-cli overrides clear app.demo.local 10.2.1.10")]
    Clear {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        reason: Reason,
    },
}

/// Which server.
#[derive(Debug, Args)]
pub(super) struct Server {
    /// Its service.
    service: String,
    /// Its address, with its port where it has several: 10.2.1.10 or 10.2.1.10:8443; IPv6 with a port
    /// stands in brackets.
    address: String,
}

/// What is said of it.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Word {
    /// Forced up (true) or down (false).
    #[arg(long, action = ArgAction::Set, value_name = "true|false")]
    healthy: Option<bool>,
    /// No new clients, at once or by steps.
    #[arg(long)]
    drain: bool,
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: Overrides) -> Result<bool, Failure> {
    let mut all = servers::read(client)?;
    match command {
        Overrides::List => {
            let by_hand = |b: &Backend| b.word.since.is_some();
            all.backends.retain(by_hand);
            servers::show(output, &all);
        }
        Overrides::Set { server, word, share, over, because } => {
            let (shown, path) = find(&all, &server)?;
            let Because { reason, for_seconds } = because;
            let ending = ending(for_seconds);
            match word.healthy {
                Some(healthy) => {
                    let body = json(&Override { healthy, reason, for_seconds });
                    client.say(Method::POST, &format!("{path}/override"), body)?;
                    let standing = if healthy { "up" } else { "down" };
                    output.done(&format!("{shown}: forced {standing}{ending}"));
                }
                None => {
                    let whole = |number: Option<u64>| number.map(|number| number.to_string());
                    let share_word = (share < 1.0).then(|| share.to_string());
                    let query = query(&[
                        ("share", share_word.clone()),
                        ("over_seconds", whole(over)),
                        ("reason", reason),
                        ("for_seconds", whole(for_seconds)),
                    ]);
                    client.say(Method::POST, &format!("{path}/drain{query}"), String::new())?;
                    let share = share_word.map_or_else(String::new, |share| format!(" of {share}"));
                    let over = over.map_or_else(String::new, |over| format!(" over {over} s"));
                    output.done(&format!("{shown}: draining{share}{over}{ending}"));
                }
            }
        }
        Overrides::Clear { server, reason } => {
            let (shown, path) = find(&all, &server)?;
            let query = query(&[("reason", reason.reason)]);
            for word in ["override", "drain"] {
                client.say(Method::DELETE, &format!("{path}/{word}{query}"), String::new())?;
            }
            output.done(&format!("{shown}: checks decide again"));
        }
    }
    Ok(true)
}

/// The one server that is meant: how it is shown, and its path.
fn find(all: &Backends, server: &Server) -> Result<(String, String), Failure> {
    let (address, port) = match (server.address.parse::<IpAddr>(), server.address.parse()) {
        (Ok(address), _) => (address, None),
        (_, Ok(socket)) => {
            let socket: SocketAddr = socket;
            (socket.ip(), Some(socket.port()))
        }
        _ => {
            let text =
                format!("{:?} is no address, as in 10.2.1.10 or 10.2.1.10:80", server.address);
            return Err(Failure::Usage(text));
        }
    };
    let is_meant = |backend: &&Backend| {
        backend.service.eq_ignore_ascii_case(server.service.trim_end_matches('.'))
            && backend.address.parse() == Ok(address)
            && port.is_none_or(|port| port == backend.port)
    };
    let found: Vec<&Backend> = all.backends.iter().filter(is_meant).collect();
    match found.as_slice() {
        [backend] => {
            let Backend { service, address: text, port, .. } = backend;
            let path =
                format!("/api/v1/overwatch/backends/{}/{}/{port}", escaped(service), escaped(text));
            Ok((format!("{service} at {}", SocketAddr::new(address, *port)), path))
        }
        [] => {
            let text = format!(
                "{} has no server {}: see opengslb-cli servers",
                server.service, server.address
            );
            Err(Failure::Refused(text))
        }
        several => {
            let ports: Vec<String> = several.iter().map(|b| b.port.to_string()).collect();
            let text = format!("{address} has ports {}: say which one", ports.join(", "));
            Err(Failure::Usage(text))
        }
    }
}
