//! `lab demo6`: the brief's six steps. Never claims what it has not checked.

mod steps;

use std::process::ExitCode;

use crate::demo::{self, Play};
use crate::topology;

/// Runs the demo. 0: six ticks.
pub(crate) fn run() -> ExitCode {
    demo::run(&Play {
        title: "Demo 6: passive latency learning, three regions on this machine",
        name: "demo6",
        topology: topology::DEMO6,
        steps: &[
            ("verify the deployment", steps::verify),
            ("generate traffic", steps::generate),
            ("view what was learned", steps::view),
            ("test latency-based routing", steps::route),
            ("test the cold-start fallback", steps::cold_start),
            ("compare regions", steps::compare),
        ],
    })
}
