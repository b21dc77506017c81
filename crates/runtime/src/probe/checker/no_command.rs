//! Where programs are not run as checks: this system has no group of processes that could be ended
//! whole, and no rights that could be given up. Each such check fails and says so.

use std::net::SocketAddr;
use std::time::Duration;

use health::{CommandCheck, ErrorText, FailReason};

use super::CheckReport;

/// Programs at a time; never reached.
pub(crate) const COMMANDS_MAX: usize = 16;

/// With which rights a program would run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// All of this process's. Nothing is run.
    Kept,
}

impl Rights {
    /// Gives up nothing.
    pub(crate) const fn give_up() -> Self {
        Self::Kept
    }
}

/// Fails.
pub(super) async fn run(
    _target: SocketAddr,
    _check: &CommandCheck,
    _rights: Rights,
    _timeout: Duration,
) -> CheckReport {
    let text = "programs are run as checks on Linux only";
    CheckReport::fail(FailReason::Command(ErrorText::new(text)))
}
