//! `lab chaos`: bad days on three regions with three overwatches, and a judge of what clients saw.
//!
//! - `options`: the command line,
//! - `fault`: what can go wrong, and how it is brought about,
//! - `schedule`: what goes wrong when, from a seed,
//! - `etcd`: what holds the operators' words, where that is asked for,
//! - `load`: who asks all the while,
//! - `outages`: what was missing when,
//! - `judge`: which answers are wrong, and which questions are lost,
//! - `words`, `operators`: what operators say meanwhile, where etcd holds it,
//! - `watch`: whether all is well, as the overwatches say,
//! - `keeping`: whether what operators said is kept,
//! - `run`: one run,
//! - `report`: what is told of it.
//!
//! The processes are the product's own, the kernels are real. Exit code 1: a promise is broken.

mod options;

mod fault;

mod schedule;

mod etcd;

mod load;

mod outages;

mod judge;

mod words;

mod operators;

mod stalls;

mod watch;

mod keeping;

mod run;

mod report;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};

use self::options::Options;
use self::run::Run;
use crate::demo::screen::Screen;
use crate::demo::stage::{Ended, Stage};
use crate::demo::{self, INTERRUPTED};
use crate::files::Layout;
use crate::sys::process;
use crate::topology::Topology;
use crate::{shim, supervisor};

/// Seeds that nobody chose are short, to be typed again.
const SEEDS: u64 = 1_000_000;

/// Runs it. 0: all promises were kept.
pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let options = Options::parse(args)?;
    if options.etcd && !shim::is_on_path(etcd::PROGRAM) {
        bail!("--etcd needs the program etcd, which is not on this machine (Debian: etcd-server)");
    }
    let text = etcd::topology(options.etcd);
    let topology: Topology = text.parse()?;
    let mut screen = Screen::new();
    let seed = options.seed.unwrap_or_else(any_seed);
    screen.title(&format!("Bad days: three overwatches, four servers, seed {seed}"));
    process::catch_stop_signals().context("catching signals")?;
    screen.waiting("building the lab …");
    let lab = supervisor::start(&format!("chaos-{}", std::process::id()), &text);
    screen.waited();
    let mut run = Run::new(Stage::new(lab?, screen), &topology);
    let played = demo::introduce(&run.stage).and_then(|()| play(&mut run, seed, &options));
    let code = match played {
        Ok(true) => ExitCode::SUCCESS,
        Err(error) if error.is::<Ended>() => {
            run.stage.screen.title("Stopped; the lab is taken down");
            ExitCode::from(INTERRUPTED)
        }
        failed => {
            if let Err(error) = failed {
                run.stage.screen.cross(&format!("{error:#}"));
            }
            demo::say_where_logs_are(&run.stage);
            ExitCode::FAILURE
        }
    };
    run.stage.down();
    Ok(code)
}

/// `true`: all promises were kept.
fn play(run: &mut Run<'_>, seed: u64, options: &Options) -> anyhow::Result<bool> {
    if let Err(why) = run.come_to_rest(options.rate)? {
        run.stage.screen.cross(&format!("the lab does not come to rest: {why}"));
        return Ok(false);
    }
    let rate = options.rate;
    run.stage.screen.note(&format!(
        "clients in three regions ask {rate} questions a second each, and a second nameserver after 1 s"
    ));
    crate::say("");
    report::head(&run.stage.screen);
    run.play(seed, options)?;
    let kept = run.kept()?;
    let ended = ends(&run.stage)?;
    let is_kept = report::conclude(run, ended, kept.as_ref());
    if !is_kept {
        let words = options.words();
        run.stage.screen.line(&format!("Again: opengslb lab chaos --seed {seed}{words}"));
    }
    Ok(is_kept)
}

/// How many daemons ended, and how many panics the logs tell of.
fn ends(stage: &Stage) -> anyhow::Result<(usize, usize)> {
    let lab = &stage.lab.lab;
    let (layout, mut ended, mut panics) = (Layout::new(&lab.directory), 0, 0);
    for host in &lab.topology()?.hosts {
        let log = std::fs::read(lab.seen_from_outside(&layout.log(&host.name)))?;
        let log = String::from_utf8_lossy(&log);
        ended += log.lines().filter(|line| line.starts_with("lab: opengslb ended")).count();
        panics += log.lines().filter(|line| line.contains("panicked at")).count();
    }
    Ok((ended, panics))
}

/// From the clock, to the microsecond.
fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_micros()) % SEEDS
}
