//! Running checks: one ([`Checker`]), or many for as long as the process lives ([`Prober`]).
//!
//! What a result means is decided elsewhere (`health`); here a check is a connection that was made
//! or not, and what was said on it. A check never follows a redirect and keeps no connection.

mod checker;

mod prober;

mod tls;

pub use checker::{CheckReport, Checker};
pub use prober::{ProbeCounters, ProbeLimits, ProbeResult, ProbeTarget, Prober};
