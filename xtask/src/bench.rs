//! `cargo xtask bench dns`: what a DNS query costs us and other servers, side by side on this machine.
//!
//! And `cargo xtask bench health` (`health`): what checking ten thousand servers costs; `cargo xtask bench
//! table` (`table`): what the table of all client networks costs, and a map of it; `cargo xtask bench report`
//! and `cargo xtask bench poll` (`agent`): what an agent costs; `cargo xtask bench mesh` (`mesh`): what
//! reports cost on the wire, and a thousand agents' reports.
//!
//! - `networks`: the client networks that the maps are of, and the questions of the load,
//! - `peers`: the other servers, their configurations and their processes,
//! - `overwatch`: this server, alone; `ours`: the same with a table learned over the mesh,
//! - `rounds`: load on one server after another, and what each took of the processor,
//! - `report`: medians, ratios, goals; as text and as a section of the guide,
//! - `options`, `program`: what all benches do alike,
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

mod overwatch;

mod process;

mod options;

mod program;

mod rounds;

mod report;

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};

use self::options::{Options, Size, Usage};
use crate::steps::say;

const DNS: Usage<3> = Usage {
    bench: "dns",
    sizes: [
        Size {
            word: "--rounds",
            whole: 15,
            most: 1_000,
            what: "how often each server has its turn",
        },
        Size { word: "--seconds", whole: 2, most: 10, what: "how long a turn is" },
        Size {
            word: "--networks",
            whole: 1_000_000,
            // More IPv4 /24s than that are hard to find by chance.
            most: 10_000_000,
            what: "client networks in the table and in the peers' maps",
        },
    ],
    has_page: true,
};

/// What the load and the peers need, and the packages that have it.
const TOOLS: [&str; 5] = ["dnsperf", "gdnsd", "knotd", "nsd", "taskset"];
const PACKAGES: &str = "dnsperf gdnsd knot knot-module-geoip nsd util-linux";

/// Runs `cargo xtask bench`, with the words behind it.
///
/// # Errors
///
/// Something is missing, or a goal was not met.
pub(crate) fn run(words: &[String]) -> anyhow::Result<()> {
    let (bench, words) = words.split_first().map_or(("", words), |(bench, more)| (bench, more));
    match bench {
        "dns" => dns(words),
        "health" => health::run(words),
        "table" => table::run(words),
        "report" => agent::report(words),
        "poll" => agent::poll(words),
        "mesh" => mesh::run(words),
        _ => bail!("usage: cargo xtask bench dns|health|table|report|poll|mesh [--help]"),
    }
}

fn dns(words: &[String]) -> anyhow::Result<()> {
    let options = DNS.read(words)?;
    let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| !is_there(tool)).collect();
    let missing = missing.join(", ");
    ensure!(missing.is_empty(), "missing {missing}: apt-get install {PACKAGES}");
    let programs = build(options.debug)?;
    let rounds = program::within("dns", |directory| measure(&options, directory, &programs))?;
    let [turns, seconds, networks] = options.sizes;
    let how = format!("{networks} networks, {turns} rounds of {seconds} s");
    let report = report::Report::of(how, &rounds)?;
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
    options: &Options<3>,
    directory: &Path,
    (server, feeder): &(PathBuf, PathBuf),
) -> anyhow::Result<rounds::Rounds> {
    let [turns, seconds, networks] = options.sizes;
    let networks = networks::random(networks);
    let loads = networks::Loads::write(directory, &networks, seconds)?;
    say(&format!("{} networks; the servers start", networks.len()));
    let ours = ours::Ours::start(directory, (server, feeder), &networks)?;
    let peers = peers::start(directory, &networks)?;
    rounds::run((turns, seconds), loads, &ours, &peers)
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
