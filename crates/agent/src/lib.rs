//! The agent as a value: events in, effects out.
//!
//! An agent sits where connections from clients end. It learns their round-trip times by client
//! network, checks its own backends, and tells every overwatch it knows. One [`Agent`] holds all of
//! that; the edge feeds it [`Event`]s with the time and carries out the [`Effect`]s that come back.
//!
//! - [`settings`]: what an agent is told at start,
//! - [`event`]: all that can happen to it, all that it can want,
//! - [`node`]: the one handler,
//! - `link`: its session with one overwatch, from hello to goodbye,
//! - `checks`: the health of its own backends,
//! - [`note`]: every line it can ask to have logged.
//!
//! Pure: no socket, file, clock, thread or log.

#![forbid(unsafe_code)]

pub mod settings;

pub mod event;

pub mod node;

mod link;

mod checks;

pub mod note;

pub use event::{Effect, Event, LinkId};
pub use node::Agent;
pub use note::{Level, Note};
pub use settings::{Offer, Settings};
