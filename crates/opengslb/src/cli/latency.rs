//! `opengslb-cli latency show`: what was learned, with bars.

use api::latency::{LatencyEntry, LatencyTable};
use clap::{Args, Subcommand};

use super::client::{Client, escaped};
use super::failure::Failure;
use super::output::{Output, say};
use super::watching::Watching;

/// What to do about what was learned.
#[derive(Debug, Subcommand)]
pub(super) enum Latency {
    /// Show it, a row per client network, domain and region.
    #[command(after_help = "Examples:\n  \
                      opengslb-cli latency show --domain app.demo.local --limit 20\n  \
                      opengslb-cli latency show --prefix 10.1.0.0/16 --watch --every 5s")]
    Show(Wanted),
}

/// Which rows.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// Of this domain only.
    #[arg(long)]
    domain: Option<String>,
    /// Of this region only.
    #[arg(long)]
    region: Option<String>,
    /// Of this client network and those inside it only, as in 10.1.0.0/16.
    #[arg(long, alias = "subnet")]
    prefix: Option<String>,
    /// By subnet; or the first by rtt, samples or last_updated, the last ones with - before it.
    #[arg(long, allow_hyphen_values = true)]
    sort: Option<String>,
    /// How many rows, 10,000 at most.
    #[arg(long, default_value_t = 50)]
    limit: u16,
    /// Go on behind the last row of a page.
    #[arg(long)]
    after: Option<String>,
    #[command(flatten)]
    watching: Watching,
}

/// Prints them.
pub(super) fn run(client: &Client, output: &Output, wanted: &Wanted) -> Result<bool, Failure> {
    wanted.watching.show(output, || show(client, output, wanted))
}

fn show(client: &Client, output: &Output, wanted: &Wanted) -> Result<bool, Failure> {
    let Wanted { domain, region, prefix, sort, limit, after, .. } = wanted;
    let mut path = format!("/api/v1/overwatch/latency?limit={limit}");
    let given = [
        ("domain", domain),
        ("region", region),
        ("prefix", prefix),
        ("sort", sort),
        ("after", after),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            path += &format!("&{name}={}", escaped(value));
        }
    }
    let text = client.text(&path)?;
    if output.is_json {
        say(&text);
        return Ok(true);
    }
    let LatencyTable { entries, next } = client.read(&text)?;
    let longest_us = entries.iter().map(|entry| entry.rtt_us).max().unwrap_or(0);
    let rows: Vec<Vec<String>> = entries.iter().map(|entry| row(entry, longest_us)).collect();
    let heads = ["NETWORK", "DOMAIN", "REGION", "MS", "SAMPLES", "LAST MEASURED", ""];
    output.table(&heads, &rows);
    if let Some(next) = next {
        say(&format!("there are more: --after {next}"));
    }
    Ok(true)
}

fn row(entry: &LatencyEntry, longest_us: u32) -> Vec<String> {
    let (ms, tenth) = (entry.rtt_us / 1000, entry.rtt_us / 100 % 10);
    vec![
        entry.subnet.clone(),
        entry.domain.clone(),
        entry.region.clone(),
        format!("{ms}.{tenth}"),
        entry.samples.to_string(),
        entry.last_updated.clone(),
        bar(entry.rtt_us, longest_us),
    ]
}

/// At least one mark, and the longest has 30.
fn bar(rtt_us: u32, longest_us: u32) -> String {
    const MARKS_MAX: u64 = 30;
    let marks = u64::from(rtt_us) * MARKS_MAX / u64::from(longest_us.max(1));
    "▇".repeat(usize::try_from(marks).unwrap_or(0).max(1))
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn bars_are_in_proportion() {
        for (rtt_us, marks) in [(220_000, 30), (110_000, 15), (10, 1)] {
            assert_eq!(bar(rtt_us, 220_000).chars().count(), marks, "{rtt_us}");
        }
        assert_eq!(bar(0, 0).chars().count(), 1);
    }
}
