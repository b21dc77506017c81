//! Probe outcomes to up, doubtful, down, draining.
//!
//! In the order of the data:
//!
//! - [`spec`]: what a check asks, how often, and how many answers make a verdict,
//! - [`status_set`]: the HTTP statuses that pass,
//! - [`schedule`]: which checks are due, spread so that a thousand do not beat together,
//! - [`outcome`]: what one check said,
//! - [`state`]: many outcomes to one verdict, and the average connect time,
//! - [`average`]: that average by itself,
//! - [`session`]: whether an agent can be believed to be there,
//! - [`mod@standing`]: everything known about a backend to one standing, and who decided.
//!
//! Pure: no socket, file, clock, thread or log. Checks are run by `runtime`; the time and the
//! outcomes come as arguments.

#![forbid(unsafe_code)]

pub mod spec;

pub mod status_set;

pub mod schedule;

pub mod outcome;

pub mod state;

pub mod average;

pub mod session;

pub mod standing;

pub use average::Average;
pub use outcome::{ErrorText, FailReason, Outcome, Phase};
pub use schedule::{Schedule, ScheduleFull};
pub use session::{HeartbeatTerms, Session, SessionLiveness};
pub use spec::{CheckKind, CheckSpec, CheckSpecError, HttpCheck};
pub use standing::{Authority, Evidence, Standing, standing};
pub use state::{CheckState, CheckStatus, Thresholds, Transition};
pub use status_set::{StatusSet, StatusSetError};
