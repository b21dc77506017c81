//! `lab demo6`: the brief's six steps on a lab of its own, each with a tick or a cross.
//!
//! Builds the lab, runs the steps, takes the lab down; nothing is left but, after a failure, the
//! hosts' logs. Never claims what it has not checked.

mod screen;

mod stage;

mod steps;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;

use crate::cli::aligned;
use crate::sys::process;
use crate::topology::{self, Role, Topology};
use crate::{shim, supervisor};
use screen::Screen;
use stage::{Ended, Stage};
use steps::Verdict;

/// What a shell says of a command that Ctrl-C ended.
const INTERRUPTED: u8 = 130;
/// How many steps there are, and so how many ticks.
const STEPS: usize = 6;

/// Runs the demo. 0: six ticks.
pub(crate) fn run() -> ExitCode {
    let began = Instant::now();
    let mut screen = Screen::new();
    screen.title("Demo 6: passive latency learning, three regions on this machine");
    let lab = process::catch_stop_signals().context("catching signals").and_then(|()| {
        screen.waiting("building the lab …");
        supervisor::start(&format!("demo6-{}", std::process::id()), topology::DEMO6)
    });
    screen.waited();
    let lab = match lab {
        Ok(lab) => lab,
        Err(error) => {
            screen.cross(&format!("the lab cannot be built: {error:#}"));
            return ExitCode::FAILURE;
        }
    };
    let mut stage = Stage { lab, screen };
    let mut ticks = 0;
    let result = introduce(&stage).and_then(|()| play(&mut stage, &mut ticks));
    let code = conclude(&stage, result, ticks, began);
    stage.lab.down();
    code
}

/// What is there, and what is not what it seems.
fn introduce(stage: &Stage) -> anyhow::Result<()> {
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

fn play(stage: &mut Stage, ticks: &mut usize) -> anyhow::Result<bool> {
    let mut number = 0;
    let mut judge = |stage: &Stage, verdict: Verdict| {
        match &verdict {
            Ok(text) => stage.screen.tick(text),
            Err(text) => stage.screen.cross(text),
        }
        *ticks += usize::from(verdict.is_ok());
        verdict.is_ok()
    };
    let mut announce = |stage: &Stage, title: &str| {
        number += 1;
        stage.screen.step(number, title);
    };
    announce(stage, "verify the deployment");
    let verdict = steps::verify(stage)?;
    if !judge(stage, verdict) {
        return Ok(false);
    }
    announce(stage, "generate traffic");
    let (traffic, verdict) = steps::generate(stage)?;
    if !judge(stage, verdict) {
        return Ok(false);
    }
    announce(stage, "view what was learned");
    let verdict = steps::view(stage, traffic)?;
    if !judge(stage, verdict) {
        return Ok(false);
    }
    type Step = fn(&mut Stage) -> anyhow::Result<Verdict>;
    let rest: [(&str, Step); 3] = [
        ("test latency-based routing", steps::route),
        ("test the cold-start fallback", steps::cold_start),
        ("compare regions", steps::compare),
    ];
    for (title, step) in rest {
        announce(stage, title);
        let verdict = step(stage)?;
        if !judge(stage, verdict) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The last lines and the exit code.
fn conclude(stage: &Stage, result: anyhow::Result<bool>, ticks: usize, began: Instant) -> ExitCode {
    crate::say("");
    match &result {
        Ok(true) => {
            let seconds = began.elapsed().as_secs();
            stage.screen.title(&format!("{ticks} of {STEPS} steps passed, in {seconds} s"));
            return ExitCode::SUCCESS;
        }
        Err(error) if error.is::<Ended>() => {
            stage.screen.title("Stopped; the lab is taken down");
            return ExitCode::from(INTERRUPTED);
        }
        Err(error) => stage.screen.cross(&format!("{error:#}")),
        Ok(false) => {}
    }
    stage.screen.title(&format!("{ticks} of {STEPS} steps passed"));
    match stage.keep_logs() {
        Ok(path) => stage.screen.line(&format!("The hosts' logs are kept in {}", path.display())),
        Err(error) => stage.screen.line(&format!("The hosts' logs could not be kept: {error:#}")),
    }
    ExitCode::FAILURE
}
