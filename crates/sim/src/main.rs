//! The command line of the simulator: reads a matrix, runs every policy, prints what came of it.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Parser;
use clap::error::ErrorKind;
use opengslb_sim::cities::{self, DEFAULT_SITES};
use opengslb_sim::random::Random;
use opengslb_sim::world::WorldError;
use opengslb_sim::{Matrix, Policy, RunSettings, World, report, run};

/// How good are the answers? Agents and overwatches over virtual time.
///
/// Runs the policies round-robin, geolocation (with perfect coordinates), learned and oracle over
/// the same connections and prints, for each hour and weighted by connection, the round-trip times
/// and the share of (geolocation - oracle) that was captured.
#[derive(Debug, Parser)]
#[command(name = "opengslb-sim", version)]
struct Options {
    /// A ping matrix: CSV, plain or gzip, with the columns client, site, distance_km, rtt_avg_ms,
    /// rtt_min_ms, rtt_mdev_ms. Without it, one is computed from 60 cities and the seed.
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
    /// The sites, as the matrix names them.
    #[arg(long, value_delimiter = ',', value_name = "A,B,C", default_values = DEFAULT_SITES)]
    sites: Vec<String>,
    /// Client networks, each a /24 in a city of the matrix.
    #[arg(long, default_value_t = 1_000)]
    networks: usize,
    /// Hours of virtual time.
    #[arg(long, default_value_t = 24)]
    hours: u64,
    /// Decides all luck: the same seed gives the same output.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Connections an hour over all networks.
    #[arg(long, default_value_t = 10_000.0)]
    connections_per_hour: f64,
    /// The share of connections that go to any site, whatever DNS says, as clients with a stale
    /// answer do. Without exploration it is what the learning lives on.
    #[arg(long, default_value_t = 0.05)]
    stray: f64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
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
    let settings = match checked(&options) {
        Ok(settings) => settings,
        Err(error) => return complain(&error, ExitCode::from(USAGE)),
    };
    match simulate(&options, &settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<WorldError>() => complain(&error, ExitCode::from(USAGE)),
        Err(error) => complain(&error, ExitCode::FAILURE),
    }
}

fn complain(error: &anyhow::Error, code: ExitCode) -> ExitCode {
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(std::io::stderr(), "opengslb-sim: {error:#}");
    code
}

fn simulate(options: &Options, settings: &RunSettings) -> anyhow::Result<()> {
    let matrix = match &options.matrix {
        Some(path) => {
            let name = path.display();
            let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
            Matrix::read(&bytes).with_context(|| format!("{name} is no ping matrix"))?
        }
        None => cities::matrix(options.seed),
    };
    let mut random = Random::new(options.seed, "world");
    let world = Arc::new(World::new(&matrix, &options.sites, options.networks, &mut random)?);
    let mut progress = Progress { hours: options.hours, is_shown: std::io::stderr().is_terminal() };
    let report = run(&world, settings, |policy, hour| progress.show(policy, hour))?;
    progress.clear();
    let mut out = std::io::stdout().lock();
    if options.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else {
        out.write_all(report::table(&report).as_bytes())?;
    }
    Ok(out.flush()?)
}

/// A year: beyond it a mistyped number is likelier than a purpose.
const HOURS_MAX: u64 = 8_784;

/// An hour's connections are held in memory: 8 bytes each.
const CONNECTIONS_MAX: f64 = 1e8;

fn checked(options: &Options) -> anyhow::Result<RunSettings> {
    let (per_hour, stray) = (options.connections_per_hour, options.stray);
    ensure!(
        (1..=HOURS_MAX).contains(&options.hours),
        "--hours is 1 to {HOURS_MAX}, not {}",
        options.hours
    );
    ensure!(
        (1.0..=CONNECTIONS_MAX).contains(&per_hour),
        "--connections-per-hour is 1 to {CONNECTIONS_MAX}, not {per_hour}"
    );
    ensure!((0.0..=1.0).contains(&stray), "--stray is a share from 0 to 1, not {stray}");
    Ok(RunSettings {
        seed: options.seed,
        hours: options.hours,
        connections_per_hour: per_hour,
        stray_share: stray,
    })
}

/// One line that is written over, for those who wait.
struct Progress {
    hours: u64,
    is_shown: bool,
}

impl Progress {
    fn show(&mut self, policy: Policy, hour: u64) {
        let line = format!("{}: hour {hour} of {}", policy.as_str(), self.hours);
        self.write(&line);
    }

    fn clear(&mut self) {
        self.write("");
    }

    fn write(&mut self, line: &str) {
        if self.is_shown {
            // Back to the line's beginning, and clear what stood there.
            let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
        }
    }
}
