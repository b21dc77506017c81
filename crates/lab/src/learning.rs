//! `lab learning`: a map that is wrong, and clients that only follow DNS. Shows that exploring finds
//! the better site, that clients stay there, and what `explain` says of it.

mod steps;

use std::process::ExitCode;

use crate::demo::{self, Play};
use crate::topology;

/// Runs it. 0: five ticks.
pub(crate) fn run() -> ExitCode {
    demo::run(&Play {
        title: "Learning: the near site is slow, the far one is fast, and the map knows nothing of it",
        name: "learning",
        topology: topology::LEARNING,
        steps: &[
            ("clients ask, and geography answers", steps::geography),
            ("a few of their connections try the other site", steps::exploration),
            ("what was found is followed", steps::found),
            ("and they stay", steps::stay),
            ("ask why", steps::explain),
        ],
    })
}
