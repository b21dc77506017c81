//! `cargo xtask bench dns`: what a DNS query costs us and other servers, side by side on this machine.
//!
//! And `cargo xtask bench health` (`health`): what checking ten thousand servers costs; `cargo xtask bench
//! table` (`table`): what the table of all client networks costs, and a map of it; `cargo xtask bench report`
//! and `cargo xtask bench poll` (`agent`): what an agent costs; `cargo xtask bench mesh` (`mesh`): what
//! reports cost on the wire, and a thousand agents' reports.
//!
//! - `networks`: the client networks that the maps are of, and the questions of the load,
//! - `peers`: the other servers, their configurations and their processes,
//! - `ours`: this server, with a table learned over the mesh,
//! - `rounds`: load on one server after another, and what each took of the processor,
//! - `report`: medians, ratios, goals; as text and as a section of the guide,
//! - `program`: what all benches do alike,
//! - `figures`: figures beside their goals, for those benches whose figures programs print.
//!
//! Load goes to loopback only. Nothing here is run by the gate: the figures are worth something on a
//! quiet machine only.

mod health;

mod table;

mod agent;

mod mesh;

mod figures;

mod networks;

mod peers;

mod ours;

mod process;

mod program;

mod rounds;

mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use crate::steps::say;

const USAGE: &str = "\
usage: cargo xtask bench dns [--rounds 15] [--seconds 2] [--networks 1000000] [--write] [--debug]

  --rounds     how often each server has its turn
  --seconds    how long a turn is
  --networks   client networks in the table and in the peers' maps; at most 10000000
  --write      puts the figures into docs/guide/performance.md
  --debug      measures the debug build: to try the bench, not the server
";

/// What the load and the peers need, and the packages that have it.
const TOOLS: [&str; 5] = ["dnsperf", "gdnsd", "knotd", "nsd", "taskset"];
const PACKAGES: &str = "dnsperf gdnsd knot knot-module-geoip nsd util-linux";

/// More IPv4 /24s than that are hard to find by chance.
const NETWORKS_MAX: usize = 10_000_000;

/// How the bench is run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Options {
    rounds: usize,
    seconds: usize,
    networks: usize,
    write: bool,
    debug: bool,
}

/// Runs `cargo xtask bench`, with the words behind it.
///
/// # Errors
///
/// Something is missing, or a goal was not met.
pub(crate) fn run(words: &[String]) -> anyhow::Result<()> {
    match words.split_first().map(|(word, more)| (word.as_str(), more)) {
        Some(("health", more)) => return health::run(more),
        Some(("table", more)) => return table::run(more),
        Some(("report", more)) => return agent::report(more),
        Some(("poll", more)) => return agent::poll(more),
        Some(("mesh", more)) => return mesh::run(more),
        _ => {}
    }
    let options = parse(words)?;
    let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| !is_there(tool)).collect();
    let missing = missing.join(", ");
    ensure!(missing.is_empty(), "missing {missing}: apt-get install {PACKAGES}");
    let (server, feeder) = build(options.debug)?;
    let directory = PathBuf::from("target/bench-dns").join(std::process::id().to_string());
    std::fs::create_dir_all(&directory).context("cannot make the directory of the bench")?;
    let directory = std::fs::canonicalize(directory)?;
    let result = measure(&options, &directory, (&server, &feeder));
    // What a run leaves is of no use to anybody.
    drop(std::fs::remove_dir_all(&directory));
    let rounds = result?;
    let report = report::Report::of(&options, &rounds)?;
    say(&report.to_text());
    if options.write {
        report.write(Path::new("docs/guide/performance.md"))?;
    }
    let missed = report.missed();
    ensure!(missed.is_empty(), "missed: {}", missed.join("; "));
    Ok(())
}

/// Starts all servers, then loads one after another.
fn measure(
    options: &Options,
    directory: &Path,
    (server, feeder): (&Path, &Path),
) -> anyhow::Result<rounds::Rounds> {
    let networks = networks::random(options.networks);
    let loads = networks::Loads::write(directory, &networks)?;
    say(&format!("{} networks; the servers start", networks.len()));
    let ours = ours::Ours::start(directory, (server, feeder), &networks)?;
    let peers = peers::start(directory, &networks)?;
    rounds::run(options, &loads, &ours, &peers)
}

/// Builds the server and what fills its table; where they are.
fn build(debug: bool) -> anyhow::Result<(PathBuf, PathBuf)> {
    let crates = ["-p", "opengslb", "-p", "runtime"];
    let words = [&crates[..], &["--bin", "opengslb", "--example", "learned_table"]].concat();
    let target = program::build(&words, debug)?;
    Ok((target.join("opengslb"), target.join("examples/learned_table")))
}

/// Whether a program is in the search path, or where Debian has its servers.
fn is_there(tool: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':').chain(["/usr/sbin"]).any(|folder| Path::new(folder).join(tool).is_file())
}

fn parse(words: &[String]) -> anyhow::Result<Options> {
    let mut options =
        Options { rounds: 15, seconds: 2, networks: 1_000_000, write: false, debug: false };
    let mut words = words.iter().map(String::as_str);
    ensure!(words.next() == Some("dns"), "{USAGE}");
    while let Some(word) = words.next() {
        let mut number = |most| program::number(word, &mut words, most);
        match word {
            "--rounds" => options.rounds = number(1_000)?,
            "--seconds" => options.seconds = number(60)?,
            "--networks" => options.networks = number(NETWORKS_MAX)?,
            "--write" => options.write = true,
            "--debug" => options.debug = true,
            _ => bail!("{USAGE}"),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let read =
            |line: &str| parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let standard =
            Options { rounds: 15, seconds: 2, networks: 1_000_000, write: false, debug: false };
        assert_eq!(read("dns").unwrap(), standard);
        let given = read("dns --rounds 1 --seconds 3 --networks 9 --write --debug").unwrap();
        let expect = Options { rounds: 1, seconds: 3, networks: 9, write: true, debug: true };
        assert_eq!(given, expect);
        for wrong in ["", "http", "dns --rounds", "dns --rounds 0", "dns --seconds x", "dns --no"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
