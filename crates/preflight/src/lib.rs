//! Whether resolvers will find a zone, and what they will see.
//!
//! ```text
//! Plan ----> look ----> Ask(questions)  -> whoever has sockets -> Book::enter
//! Book --/        \---> Done(findings)                               |
//!   ^----------------------------------------------------------------/
//! ```
//!
//! [`look()`] reads top to bottom as if every answer were there. Where one is missing it says which, and
//! is called again with it: so a page of checks needs neither sockets nor states, and a test is a table
//! of answers. It never sends anything, and never looks at a clock: what time it is stands in the plan.
//!
//! In the order of the data:
//!
//! - [`question`]: what is asked of whom, as bytes,
//! - [`message`]: what came back, taken apart,
//! - [`book`]: questions and their replies, and which are missing,
//! - [`plan`]: the zone, and what the caller knows,
//! - [`finding`]: what a check found and what to do next,
//! - `walk`: from the root, or by a resolver, to the servers of any zone,
//! - `delegation`: what the parent says,
//! - `nameservers`: the addresses behind the names, and glue,
//! - `serving`: whether each address answers as an authority must,
//! - `agreement`: serials, nameservers,
//! - `signing`: keys, and what the parent says of them,
//! - `signatures`: whether they are signed, and hold now,
//! - `overwatches`: digests of configurations,
//! - `steered`: what resolvers will see,
//! - [`mod@look`]: all of it in order.

#![forbid(unsafe_code)]

pub mod question;

pub mod message;

pub mod book;

pub mod plan;

pub mod finding;

mod walk;

mod delegation;

mod nameservers;

mod serving;

mod agreement;

mod signing;

mod signatures;

mod overwatches;

mod steered;

pub mod look;

#[doc(hidden)]
pub mod fuzz;

pub use book::{Book, Failure, Reply};
pub use finding::{Check, Finding, Verdict};
pub use look::{Step, look};
pub use message::Message;
pub use plan::{Network, OverwatchSaid, Plan, Start};
pub use question::{Edns, Question, Transport};

/// A domain name; letters of either case are the same.
pub type Name = domain::base::Name<Vec<u8>>;

pub use domain::base::iana::Rtype as RecordType;

#[cfg(test)]
mod tests;
