//! The agent as a value: events in, effects out.
//!
//! An agent sits where connections from clients end. It learns their round-trip times by client
//! network, checks its own backends, and tells every overwatch it knows. One [`Agent`] holds all of
//! that; the edge feeds it [`Event`]s with the time and carries out the [`Effect`]s that come back.
//!
//! - [`settings`]: what an agent is told at start,
//! - [`event`]: all that can happen to it, all that it can want,
//! - [`node`]: the one handler,
//! - [`mod@reload`]: other settings while it runs,
//! - `link`: its session with one overwatch, from hello to goodbye,
//! - `checks`: the health of its own backends,
//! - `load`: how busy its ports are,
//! - [`vitals`]: what the machine says of itself,
//! - [`predictive`]: which backends should get less since they strain,
//! - [`note`]: every line it can ask to have logged.
//!
//! Pure: no socket, file, clock, thread or log.

#![forbid(unsafe_code)]

pub mod settings;

pub mod event;

pub mod node;

pub mod reload;

mod link;

mod checks;

mod load;

pub mod vitals;

pub mod predictive;

pub mod note;

pub use event::{Effect, Event, LinkId};
pub use node::Agent;
pub use note::{Level, Note};
pub use predictive::Predictive;
pub use reload::Reload;
pub use settings::{Offer, Settings};
pub use vitals::{CpuTimes, Vitals};
