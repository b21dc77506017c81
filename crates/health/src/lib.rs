//! Probe outcomes to up, doubtful, down, draining.
//!
//! In the order of the data:
//!
//! - [`kind`]: what a check asks,
//! - [`spec`]: how often, and how many answers make a verdict,
//! - [`status_set`]: the HTTP statuses that pass,
//! - [`schedule`]: which checks are due, spread so that a thousand do not beat together,
//! - [`outcome`]: what one check said,
//! - [`dns_question`]: the question of a DNS check, and its answer judged,
//! - [`state`]: many outcomes to one verdict, and the average connect time,
//! - [`average`]: that average by itself,
//! - [`session`]: whether an agent can be believed to be there,
//! - [`mod@standing`]: everything known about a backend to one standing, and who decided,
//! - [`bleeding`]: how much of its share a server that strains should still get.
//!
//! Pure: no socket, file, clock, thread or log. Checks are run by `runtime`; the time and the
//! outcomes come as arguments.

#![forbid(unsafe_code)]

pub mod kind;

pub mod spec;

pub mod status_set;

pub mod schedule;

pub mod outcome;

pub mod dns_question;

pub mod state;

pub mod average;

pub mod session;

pub mod standing;

pub mod bleeding;

#[doc(hidden)]
pub mod fuzz;

pub use average::Average;
pub use bleeding::{Bleeding, Limit, Limits, Signal, Strain, WHOLE_PERMILLE};
pub use domain::base::iana::{Rcode, Rtype};
pub use kind::{CheckKind, CommandCheck, Dialogue, DnsCheck, GrpcCheck, HttpCheck};
pub use outcome::{ErrorText, FailReason, Outcome, Phase};
pub use schedule::{Schedule, ScheduleFull};
pub use session::{HeartbeatTerms, Session, SessionLiveness};
pub use spec::{CheckSpec, CheckSpecError};
pub use standing::{Authority, Evidence, Standing, standing};
pub use state::{CheckState, CheckStatus, Thresholds, Transition};
pub use status_set::{StatusSet, StatusSetError};
