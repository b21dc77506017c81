//! The command line of the simulator: reads a matrix, runs every policy, prints what came of it.

mod bad_days;
mod guide;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use anyhow::{Context, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use opengslb_sim::cities::{self, DEFAULT_SITES};
use opengslb_sim::random::Random;
use opengslb_sim::world::{WorldError, random_sites};
use opengslb_sim::{Matrix, Policy, RunSettings, Scenario, World, report, run};

use guide::Guide;

/// How good are the answers? Agents and overwatches over virtual time.
///
/// Runs the policies round-robin, geolocation (with perfect coordinates), learned without and with
/// exploration, and oracle over the same connections and prints, for each hour and weighted by
/// connection, the round-trip times and the share of (geolocation - oracle) that was captured.
#[derive(Debug, Parser)]
#[command(name = "opengslb-sim", version, args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunOptions,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints the tables of the guide to the learning: each part of it on and off.
    Guide {
        /// A ping matrix, as for a run.
        #[arg(long, value_name = "FILE")]
        matrix: Option<PathBuf>,
        /// The sites, as the matrix names them.
        #[arg(long, value_delimiter = ',', value_name = "A,B,C", default_values = DEFAULT_SITES)]
        sites: Vec<String>,
        /// Hours of virtual time.
        #[arg(long, default_value_t = 24)]
        hours: u64,
        /// Decides all luck.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Bad days: crashes, partitions, wrong clocks, full disks; prints what did not hold, with its seed.
    Chaos(bad_days::Options),
}

#[derive(Debug, clap::Args)]
struct RunOptions {
    /// A ping matrix: CSV, plain or gzip, with the columns client, site, distance_km, rtt_avg_ms,
    /// rtt_min_ms, rtt_mdev_ms. Without it, one is computed from 60 cities and the seed.
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
    /// The sites, as the matrix names them.
    #[arg(long, value_delimiter = ',', value_name = "A,B,C", default_values = DEFAULT_SITES)]
    sites: Vec<String>,
    /// So many sites by chance instead.
    #[arg(long, value_name = "N", conflicts_with = "sites")]
    random_sites: Option<usize>,
    /// Clients, events and settings: YAML, see docs/guide/simulator.md.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Hours of virtual time.
    #[arg(long, default_value_t = 24)]
    hours: u64,
    /// Decides all luck: the same seed gives the same output.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The share of connections behind a resolver that sends ECS; beats the scenario's.
    #[arg(long, value_name = "SHARE")]
    ecs: Option<f64>,
    /// Run this policy and no other beside the oracle. May be given more than once; `captured` needs
    /// geolocation among them.
    #[arg(long = "policy", value_name = "NAME", value_parser = by_name())]
    policies: Vec<Policy>,
    /// Print JSON.
    #[arg(long, conflicts_with = "plot")]
    json: bool,
    /// Draw mean, 99th percentile and captured share by the hour into an SVG file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// A policy by its name.
fn by_name() -> impl TypedValueParser<Value = Policy> {
    let named = |name: String| {
        let policy = Policy::ALL.into_iter().find(|policy| policy.as_str() == name);
        policy.ok_or("no such policy")
    };
    PossibleValuesParser::new(Policy::ALL.map(Policy::as_str)).try_map(named)
}

/// Exit code for a command line that makes no sense (sysexits.h, `EX_USAGE`).
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            // Help goes to where it was asked for; nobody is left to tell if that is closed.
            let _ = error.print();
            let is_help =
                matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if is_help { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    let done = match options.command {
        Some(Command::Guide { matrix, sites, hours, seed }) => {
            write_guide(matrix.as_deref(), sites, hours, seed)
        }
        Some(Command::Chaos(options)) => bad_days::run(&options).map_err(Failure::Run),
        None => simulate(&options.run),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(error)) => complain(&error, ExitCode::from(USAGE)),
        Err(Failure::Run(error)) => complain(&error, ExitCode::FAILURE),
    }
}

/// Why nothing came of it.
enum Failure {
    /// The command line or the scenario makes no sense.
    Usage(anyhow::Error),
    /// A file that cannot be read, or a fault of what is simulated.
    Run(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let is_usage = error.chain().any(|cause| cause.is::<WorldError>());
        if is_usage { Self::Usage(error) } else { Self::Run(error) }
    }
}

fn complain(error: &anyhow::Error, code: ExitCode) -> ExitCode {
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(std::io::stderr(), "opengslb-sim: {error:#}");
    code
}

fn simulate(options: &RunOptions) -> Result<(), Failure> {
    let hours = checked_hours(options.hours)?;
    let scenario = scenario_of(options)?;
    let matrix = matrix_of(options.matrix.as_deref(), options.seed)?;
    let mut random = Random::new(options.seed, "sites");
    let sites = match options.random_sites {
        Some(count) => random_sites(&matrix, count, &mut random).map_err(anyhow::Error::from)?,
        None => options.sites.clone(),
    };
    let mut random = Random::new(options.seed, "world");
    let world = World::new(&matrix, &sites, &scenario, &mut random).map_err(anyhow::Error::from)?;
    let asks = |policy: &Policy| options.policies.is_empty() || options.policies.contains(policy);
    let policies = Policy::ASKING.into_iter().filter(asks).collect();
    let settings = RunSettings { seed: options.seed, hours, scenario, policies };
    let progress = Progress::new(settings.hours);
    let report = run(&Arc::new(world), &settings, |policy, hour| progress.show(policy, hour));
    progress.clear();
    let report = report.map_err(anyhow::Error::from)?;
    if let Some(path) = &options.plot {
        let written = std::fs::write(path, report::plot(&report));
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    let text = if options.json {
        serde_json::to_string(&report).map_err(anyhow::Error::from)? + "\n"
    } else {
        report::table(&report)
    };
    print(&text)
}

fn write_guide(
    matrix: Option<&Path>,
    sites: Vec<String>,
    hours: u64,
    seed: u64,
) -> Result<(), Failure> {
    let hours = checked_hours(hours)?;
    let matrix = matrix_of(matrix, seed)?;
    let guide = Guide { matrix: &matrix, sites, hours, seed };
    let is_watched = std::io::stderr().is_terminal();
    let tables = guide.tables(|done, all| {
        if is_watched {
            let end = if done < all { "" } else { "\r\x1b[K" };
            let _ = write!(std::io::stderr(), "\r\x1b[K{done} of {all} worlds{end}");
        }
    });
    print(&tables?)
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    Ok(written.context("cannot write the result")?)
}

fn matrix_of(path: Option<&Path>, seed: u64) -> anyhow::Result<Matrix> {
    let Some(path) = path else { return Ok(cities::matrix(seed)) };
    let name = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
    Matrix::read(&bytes).with_context(|| format!("{name} is no ping matrix"))
}

fn scenario_of(options: &RunOptions) -> Result<Scenario, Failure> {
    let mut scenario = match &options.scenario {
        Some(path) => {
            let name = path.display();
            let text = std::fs::read_to_string(path);
            let text = text.with_context(|| format!("cannot read {name}"))?;
            let read = Scenario::read(&text).with_context(|| format!("{name} is no scenario"));
            read.map_err(Failure::Usage)?
        }
        None => Scenario::default(),
    };
    if let Some(ecs) = options.ecs {
        let check = || {
            ensure!((0.0..=1.0).contains(&ecs), "--ecs is a share from 0 to 1, not {ecs}");
            Ok(())
        };
        check().map_err(Failure::Usage)?;
        scenario.ecs = ecs;
    }
    Ok(scenario)
}

/// A year: beyond it a mistyped number is likelier than a purpose.
const HOURS_MAX: u64 = 8_784;

fn checked_hours(hours: u64) -> Result<u64, Failure> {
    let check = || {
        ensure!((1..=HOURS_MAX).contains(&hours), "--hours is 1 to {HOURS_MAX}, not {hours}");
        Ok(hours)
    };
    check().map_err(Failure::Usage)
}

/// One line that is written over, for those who wait.
struct Progress {
    hours: u64,
    /// The hour that each policy is at; `None` where nobody watches.
    at: Option<Mutex<Vec<(Policy, u64)>>>,
}

impl Progress {
    fn new(hours: u64) -> Self {
        Self { hours, at: std::io::stderr().is_terminal().then(Mutex::default) }
    }

    fn show(&self, policy: Policy, hour: u64) {
        let Some(Ok(mut at)) = self.at.as_ref().map(Mutex::lock) else { return };
        at.retain(|(known, _)| *known != policy);
        at.push((policy, hour));
        at.sort_by_key(|(policy, _)| policy.as_str());
        let policies = at.iter().map(|(policy, hour)| format!("{} {hour}", policy.as_str()));
        let line = policies.collect::<Vec<_>>().join(", ");
        // Back to the line's beginning, and clear what stood there.
        let _ = write!(std::io::stderr(), "\r\x1b[Khour of {}: {line}", self.hours);
    }

    fn clear(&self) {
        if self.at.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
