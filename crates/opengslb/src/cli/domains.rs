//! `opengslb-cli domains`: what is steered, and how.

use api::domains::Domains;
use clap::{Args, Subcommand};

use super::client::Client;
use super::failure::Failure;
use super::output::{Output, say};
use super::things::{self, Things};

/// What to do about domains; without a word, to list them.
#[derive(Debug, Args)]
pub(super) struct Words {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every domain.
    #[command(after_help = "Example:\n  opengslb-cli domains list")]
    List,
    #[command(flatten)]
    One(Things),
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, words: Words) -> Result<bool, Failure> {
    match words.command {
        None | Some(Command::List) => list(client, output),
        Some(Command::One(command)) => {
            things::run(client, output, ("domain", "/api/v1/domains"), command)
        }
    }
}

fn list(client: &Client, output: &Output) -> Result<bool, Failure> {
    let text = client.text("/api/v1/domains")?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let Domains { domains } = client.read(&text)?;
    let rows = domains.into_iter().map(|domain| {
        let limits = domain.latency_config;
        let limit = limits.and_then(|limits| limits.max_latency_ms);
        let limit = limit.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
        let (ttl, regions) = (domain.ttl.to_string(), domain.regions.join(", "));
        let of = match (domain.file, domain.line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            _ => domain.source.unwrap_or_default(),
        };
        vec![domain.name, domain.routing_algorithm, ttl, limit, regions, of]
    });
    let heads = ["DOMAIN", "ALGORITHM", "TTL", "LIMIT", "REGIONS", "DEFINED BY"];
    output.table(&heads, &rows.collect::<Vec<_>>());
    Ok(true)
}
