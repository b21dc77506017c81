//! Many outcomes to one verdict: up or down, with as many results in a row as the operator asks.
//!
//! The first result of a backend of which nothing is known decides at once, both ways: waiting for
//! more would keep a new site out for a minute, or a dead one in. A verdict that was remembered
//! over a restart is a verdict like any other: it takes the full number of results to turn it, so
//! that a restart in a bad moment does not empty the answers.

use model::{Rtt, Time};

use crate::average::Average;
use crate::outcome::{FailReason, Outcome};

/// What a backend's own checks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckStatus {
    /// No check has come back yet.
    Unknown,
    /// It answers.
    Up,
    /// It does not.
    Down,
}

impl CheckStatus {
    /// One word, for logs and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// How many results in a row make a verdict. Zero counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Failures in a row that take a backend down.
    pub failure: u32,
    /// Passes in a row that bring it up.
    pub success: u32,
}

/// A verdict that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What it was.
    pub from: CheckStatus,
    /// What it is now.
    pub to: CheckStatus,
}

/// The checks of one backend so far.
#[derive(Clone, Debug)]
pub struct CheckState {
    status: CheckStatus,
    thresholds: Thresholds,
    passes: u32,
    failures: u32,
    connect: Average,
    last_error: Option<FailReason>,
    last_checked: Option<Time>,
    last_passed: Option<Time>,
}

impl CheckState {
    /// A backend of which nothing is known. `smoothing_factor` is the share of each new connect
    /// time in the average ([`Average::new`]).
    #[must_use]
    pub fn new(thresholds: Thresholds, smoothing_factor: f64) -> Self {
        Self::resumed(thresholds, smoothing_factor, CheckStatus::Unknown)
    }

    /// A backend whose verdict was kept over a restart.
    #[must_use]
    pub fn resumed(thresholds: Thresholds, smoothing_factor: f64, status: CheckStatus) -> Self {
        Self {
            status,
            thresholds,
            passes: 0,
            failures: 0,
            connect: Average::new(smoothing_factor),
            last_error: None,
            last_checked: None,
            last_passed: None,
        }
    }

    /// Takes one result in; says so where it turned the verdict.
    pub fn record(&mut self, outcome: Outcome, now: Time) -> Option<Transition> {
        self.last_checked = Some(now);
        match outcome {
            Outcome::Pass { connect } => {
                self.connect.record(connect);
                self.last_passed = Some(now);
                self.passes = self.passes.saturating_add(1);
                self.failures = 0;
            }
            Outcome::Fail(reason) => {
                self.last_error = Some(reason);
                self.failures = self.failures.saturating_add(1);
                self.passes = 0;
            }
        }
        let from = self.status;
        self.status = self.verdict();
        (self.status != from).then_some(Transition { from, to: self.status })
    }

    /// The first result decides at once; later ones need their number in a row.
    fn verdict(&self) -> CheckStatus {
        let (up_after, down_after) = match self.status {
            CheckStatus::Unknown => (1, 1),
            CheckStatus::Up | CheckStatus::Down => {
                (self.thresholds.success.max(1), self.thresholds.failure.max(1))
            }
        };
        if self.passes >= up_after {
            CheckStatus::Up
        } else if self.failures >= down_after {
            CheckStatus::Down
        } else {
            self.status
        }
    }

    /// The verdict.
    #[must_use]
    pub const fn status(&self) -> CheckStatus {
        self.status
    }

    /// The average connect time; nothing before the first pass.
    #[must_use]
    pub fn connect_rtt(&self) -> Option<Rtt> {
        self.connect.value()
    }

    /// Why the latest failed check failed, also after later passes.
    #[must_use]
    pub const fn last_error(&self) -> Option<&FailReason> {
        self.last_error.as_ref()
    }

    /// When a result last came in.
    #[must_use]
    pub const fn last_checked(&self) -> Option<Time> {
        self.last_checked
    }

    /// When a check last passed.
    #[must_use]
    pub const fn last_passed(&self) -> Option<Time> {
        self.last_passed
    }
}

#[cfg(test)]
mod tests;
