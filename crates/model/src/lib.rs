//! The words of the field, shared by every crate: what a network, a round-trip time, a sample, a
//! region, a service and a backend are.
//!
//! In the order of the data:
//!
//! - [`sample`]: what the kernel said about one connection,
//! - [`rtt`]: a round-trip time that is known to be sane,
//! - [`subnet`]: the client network that samples are learned for,
//! - [`name`]: services, regions, agents,
//! - [`backend`]: where a service can be reached,
//! - [`range_map`]: every address of the Internet mapped to a value, and how far the value holds,
//! - [`role`]: what somebody who speaks to an overwatch may do,
//! - [`time`]: the one clock that all pure crates are handed.
//!
//! Pure: no socket, file, clock, thread or log. Nothing here knows what is done with the words.

#![forbid(unsafe_code)]

pub mod sample;

pub mod rtt;

pub mod subnet;

pub mod name;

pub mod backend;

pub mod range_map;

pub mod role;

pub mod time;

pub use backend::{Backend, BackendKey};
pub use name::{AgentId, NameError, Region, Service, TokenName};
pub use range_map::RangeMap;
pub use role::{Role, RoleError};
pub use rtt::{Rtt, RttError};
pub use sample::{Sample, SocketState};
pub use subnet::{Subnet, SubnetError, SubnetWidths};
pub use time::Time;
