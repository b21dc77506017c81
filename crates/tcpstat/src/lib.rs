//! From the kernel's sockets to [`model::Sample`]s: the only place that asks a kernel about TCP.
//!
//! Two sources, because each is blind where the other sees (decision 0003):
//!
//! - [`DestroyEvents`]: the kernel announces each socket the moment it is gone, with its final
//!   `tcp_info`. The shortest connection is seen, an idle one that never ends is not.
//! - [`Dump`]: the kernel lists the sockets that are open now. Long-lived ones are seen, short
//!   ones fall between two looks.
//!
//! [`probe`] tells which of them this system has. Neither needs a capability on Linux.
//!
//! Every system has the same face: these names with these signatures. One file a system stands
//! behind it; where there is none, every call answers with a named error.
//!
//! Samples come out as the kernel told them. What counts as a sample is decided in `latency`,
//! never here: this crate keeps no memory of connections and knows no subnets.

// Why a source gives nothing, and what it gave in numbers: the same on every system.
mod error;
mod outcome;

// The bytes, both ways: pure, so that recorded bytes test them. In the order in which a request
// is made and its answer is read.
#[cfg(target_os = "linux")]
mod netlink;

// One file a system.
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
#[doc(hidden)]
pub mod unsupported;

// The door for fuzzers.
#[cfg(target_os = "linux")]
#[doc(hidden)]
pub mod fuzz;

pub use error::{CollectError, Unavailable};
#[cfg(target_os = "linux")]
pub use linux::{DestroyEvents, Dump, probe};
pub use outcome::{DumpStats, Received, Sources};
#[cfg(not(target_os = "linux"))]
pub use unsupported::{DestroyEvents, Dump, probe};
