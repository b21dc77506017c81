//! `opengslb-cli servers`: every server, its standing and who says so.

use api::backends::{Backend, Backends};
use clap::{Args, ValueEnum};

use super::client::Client;
use super::failure::Failure;
use super::output::{Output, say};

/// Which servers.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// For those who are used to it.
    #[arg(value_enum, hide = true)]
    list: Option<ListWord>,
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

/// `list`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ListWord {
    /// As without it.
    List,
}

/// Prints them.
pub(super) fn run(client: &Client, output: &Output, wanted: &Wanted) -> Result<bool, Failure> {
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
        backend.validation_error.clone().or_else(|| backend.agent_id.clone()).unwrap_or_default(),
    ]
}
