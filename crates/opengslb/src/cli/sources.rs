//! `opengslb-cli sources`: who reports times that is no agent.

use api::sources::{Source, Sources as Document};
use clap::Subcommand;
use hyper::Method;

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, say};
use super::words::{Reason, query};

/// What to do about sources of times.
#[derive(Debug, Subcommand)]
pub(super) enum Sources {
    /// Who reports times, and what came of it.
    #[command(after_help = "Example:\n  opengslb-cli sources list")]
    List,
    /// Forget what a source reported; it may report anew until it is taken out of the configuration.
    #[command(
        after_help = "Example:\n  opengslb-cli sources forget probe --reason 'measured itself'"
    )]
    Forget {
        /// Its name.
        name: String,
        #[command(flatten)]
        reason: Reason,
    },
}

/// Carries it out.
pub(super) fn run(client: &Client, output: &Output, command: Sources) -> Result<bool, Failure> {
    match command {
        Sources::List => list(client, output),
        Sources::Forget { name, reason } => {
            let query = query(&[("reason", reason.reason)]);
            let path = format!("/api/v1/overwatch/sources/{}{query}", escaped(&name));
            client.say(Method::DELETE, &path, String::new())?;
            output.done(&format!("{name}: forgotten"));
            Ok(true)
        }
    }
}

fn list(client: &Client, output: &Output) -> Result<bool, Failure> {
    let text = client.text("/api/v1/overwatch/sources")?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let Document { sources, .. } = client.read(&text)?;
    let rows: Vec<Vec<String>> = sources.into_iter().map(row).collect();
    let heads = ["SOURCE", "SERVICE", "REGIONS", "ROWS", "HELD", "LAST REPORT", ""];
    output.table(&heads, &rows);
    Ok(true)
}

fn row(source: Source) -> Vec<String> {
    let Source { name, service, regions, last_report, refused, latency_rows, held, .. } = source;
    vec![
        name,
        service,
        regions.join(","),
        latency_rows.to_string(),
        held.map_or_else(|| "-".to_owned(), |held| held.reason),
        last_report.unwrap_or_else(|| "-".to_owned()),
        refused.map_or_else(String::new, |why| format!("refused: {why}")),
    ]
}
