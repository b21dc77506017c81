//! A play on a lab of its own, in steps that each end with a tick or a cross.
//!
//! Builds the lab, runs the steps, takes the lab down; nothing is left but, after a failure, the
//! hosts' logs. Never claims what it has not checked.

pub(crate) mod screen;

pub(crate) mod stage;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;

use crate::cli::aligned;
use crate::sys::process;
use crate::topology::{Role, Topology};
use crate::{shim, supervisor};
use screen::Screen;
use stage::{Ended, Stage};

/// What a shell says of a command that Ctrl-C ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// What is played.
pub(crate) struct Play {
    pub(crate) title: &'static str,
    /// The lab's name begins with it.
    pub(crate) name: &'static str,
    pub(crate) topology: &'static str,
    /// Each with its title.
    pub(crate) steps: &'static [(&'static str, Step)],
}

/// `Err`: what was not as promised.
pub(crate) type Verdict = Result<String, String>;

/// What a step does; an error ends the play.
pub(crate) type Step = fn(&mut Stage) -> anyhow::Result<Verdict>;

/// Runs it. 0: as many ticks as steps.
pub(crate) fn run(play: &Play) -> ExitCode {
    let began = Instant::now();
    let mut screen = Screen::new();
    screen.title(play.title);
    let lab = process::catch_stop_signals().context("catching signals").and_then(|()| {
        screen.waiting("building the lab …");
        supervisor::start(&format!("{}-{}", play.name, std::process::id()), play.topology)
    });
    screen.waited();
    let lab = match lab {
        Ok(lab) => lab,
        Err(error) => {
            screen.cross(&format!("the lab cannot be built: {error:#}"));
            return ExitCode::FAILURE;
        }
    };
    let mut stage = Stage::new(lab, screen);
    let mut ticks = 0;
    let result = introduce(&stage).and_then(|()| perform(play, &mut stage, &mut ticks));
    let code = conclude(&stage, result, (ticks, play.steps.len()), began);
    stage.down();
    code
}

/// What is there, and what is not what it seems.
pub(crate) fn introduce(stage: &Stage) -> anyhow::Result<()> {
    let topology = stage.lab.lab.topology()?;
    let mut rows = vec![["HOST", "SITE", "ADDRESS"].map(str::to_owned)];
    for host in &topology.hosts {
        let site = topology.sites.get(host.site).map_or("", |site| site.title.as_str());
        let address = host.addresses.first().map(ToString::to_string).unwrap_or_default();
        rows.push([host.name.clone(), site.to_owned(), address]);
    }
    aligned(&rows).iter().for_each(|line| stage.screen.line(line));
    stage.screen.line(&distances(&topology));
    let agents = topology.with_role(Role::Backend).count();
    stage.screen.note(&format!("{agents} agents run without any capability"));
    let stand_ins = shim::stand_ins();
    if !stand_ins.is_empty() {
        let list = stand_ins.join(", ");
        stage.screen.note(&format!("not on this machine, so the lab stands in for it: {list}"));
    }
    Ok(())
}

fn distances(topology: &Topology) -> String {
    let mut pairs = Vec::new();
    for (a, from) in topology.sites.iter().enumerate() {
        for (b, to) in topology.sites.iter().enumerate().skip(a + 1) {
            let rtt_us = topology.rtt_us.get(a).and_then(|row| row.get(b)).copied();
            let rtt_ms = f64::from(rtt_us.unwrap_or_default()) / 1000.0;
            pairs.push(format!("{} - {} {rtt_ms} ms", from.title, to.title));
        }
    }
    format!("Round trips: {}", pairs.join(", "))
}

/// The steps, up to the first cross.
fn perform(play: &Play, stage: &mut Stage, ticks: &mut usize) -> anyhow::Result<bool> {
    for (number, (title, step)) in (1..).zip(play.steps) {
        stage.screen.step(number, title);
        match step(stage)? {
            Ok(text) => stage.screen.tick(&text),
            Err(text) => {
                stage.screen.cross(&text);
                return Ok(false);
            }
        }
        *ticks += 1;
    }
    Ok(true)
}

/// The last lines and the exit code.
fn conclude(
    stage: &Stage,
    result: anyhow::Result<bool>,
    (ticks, steps): (usize, usize),
    began: Instant,
) -> ExitCode {
    crate::say("");
    match &result {
        Ok(true) => {
            let seconds = began.elapsed().as_secs();
            stage.screen.title(&format!("{ticks} of {steps} steps passed, in {seconds} s"));
            return ExitCode::SUCCESS;
        }
        Err(error) if error.is::<Ended>() => {
            stage.screen.title("Stopped; the lab is taken down");
            return ExitCode::from(INTERRUPTED);
        }
        Err(error) => stage.screen.cross(&format!("{error:#}")),
        Ok(false) => {}
    }
    stage.screen.title(&format!("{ticks} of {steps} steps passed"));
    say_where_logs_are(stage);
    ExitCode::FAILURE
}

/// Keeps the hosts' logs, and says where.
pub(crate) fn say_where_logs_are(stage: &Stage) {
    match stage.keep_logs() {
        Ok(path) => stage.screen.line(&format!("The hosts' logs are kept in {}", path.display())),
        Err(error) => stage.screen.line(&format!("The hosts' logs could not be kept: {error:#}")),
    }
}
