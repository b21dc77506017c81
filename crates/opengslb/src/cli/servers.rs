//! `opengslb-cli servers`: every server, its standing and who says so.

use std::net::SocketAddr;

use api::backends::{Backend, Backends};
use clap::{Args, Subcommand};

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, say};
use super::things::{self, Place, What};
use super::words::Reason;

/// What to do about servers; without a word, to list them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Words {
    #[command(flatten)]
    wanted: Wanted,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Which servers.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// Of this service only.
    #[arg(long)]
    service: Option<String>,
    /// In this region only.
    #[arg(long)]
    region: Option<String>,
    /// With this standing only: healthy, doubtful, unhealthy, draining.
    #[arg(long)]
    status: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every server, its standing and who says so.
    #[command(after_help = "Example:\n  opengslb-cli servers list --status unhealthy")]
    List(Wanted),
    /// The settings of a server of the configuration, and who defines it.
    #[command(after_help = "Example:\n  opengslb-cli servers get app.demo.local 10.2.1.10:80")]
    Get {
        #[command(flatten)]
        server: Server,
    },
    /// Make a server.
    #[command(after_help = "Example:\n  opengslb-cli servers create app.demo.local 10.2.1.10:80 \
                      '{\"region\": \"eu-west\", \"weight\": 50}'")]
    Create {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        what: What,
    },
    /// Change some of its settings; the others stay. A setting of null is taken away.
    #[command(after_help = "Example:\n  opengslb-cli servers update app.demo.local 10.2.1.10:80 \
                      '{\"weight\": 10}'")]
    Update {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        what: What,
    },
    /// Take a server back.
    #[command(after_help = "Example:\n  opengslb-cli servers delete app.demo.local 10.2.1.10:80")]
    Delete {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        reason: Reason,
    },
}

/// Which server of the configuration.
#[derive(Debug, Args)]
struct Server {
    /// Its service.
    service: String,
    /// Its address and port: 10.2.1.10:80; IPv6 stands in brackets.
    address: SocketAddr,
}

impl Server {
    fn place(&self) -> Place {
        let Self { service, address } = self;
        let (ip, port) = (escaped(&address.ip().to_string()), address.port());
        Place {
            path: format!("/api/v1/servers/{}/{ip}/{port}", escaped(service)),
            shown: format!("server {service} at {address}"),
        }
    }
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, words: Words) -> Result<bool, Failure> {
    match words.command {
        None => list(client, output, &words.wanted),
        Some(Command::List(wanted)) => list(client, output, &wanted),
        Some(Command::Get { server }) => things::get(client, &server.place()),
        Some(Command::Create { server, what }) => {
            things::create(client, output, &server.place(), &what)
        }
        Some(Command::Update { server, what }) => {
            things::update(client, output, &server.place(), &what)
        }
        Some(Command::Delete { server, reason }) => {
            things::delete(client, output, &server.place(), reason)
        }
    }
}

fn list(client: &Client, output: &Output, wanted: &Wanted) -> Result<bool, Failure> {
    let mut all = read(client)?;
    let fits = |filter: &Option<String>, value: &str| {
        filter.as_ref().is_none_or(|filter| filter.eq_ignore_ascii_case(value))
    };
    all.backends.retain(|backend| {
        fits(&wanted.service, &backend.service)
            && fits(&wanted.region, &backend.region)
            && fits(&wanted.status, &backend.effective_status)
    });
    show(output, &all);
    Ok(true)
}

/// All there are.
pub(super) fn read(client: &Client) -> Result<Backends, Failure> {
    client.read(&client.text("/api/v1/overwatch/backends")?)
}

/// As a table or as JSON.
pub(super) fn show(output: &Output, all: &Backends) {
    if output.is_json {
        // Plain data: there is nothing in it that JSON cannot say.
        say(&serde_json::to_string(all).unwrap_or_default());
        return;
    }
    let heads = ["SERVICE", "ADDRESS", "PORT", "REGION", "WEIGHT", "STATUS", "SAYS", "NOTE"];
    let rows: Vec<Vec<String>> = all.backends.iter().map(row).collect();
    output.table(&heads, &rows);
}

fn row(backend: &Backend) -> Vec<String> {
    vec![
        backend.service.clone(),
        backend.address.clone(),
        backend.port.to_string(),
        backend.region.clone(),
        backend.weight.to_string(),
        backend.effective_status.clone(),
        backend.authority.clone(),
        note(backend),
    ]
}

/// What an operator said of it, or why its check fails, or who speaks for it.
fn note(backend: &Backend) -> String {
    let word = &backend.word;
    let Some(by) = word.by.as_ref().filter(|_| word.since.is_some()) else {
        let note = backend.validation_error.clone().or_else(|| backend.agent_id.clone());
        return note.unwrap_or_default();
    };
    let share = backend.drained_share.map(|share| format!("{:.0} % drained", share * 100.0));
    let until = word.until.as_ref().map(|until| format!("until {until}"));
    let parts = [share, word.reason.clone(), Some(format!("by {by}")), until];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
