//! From the kernel's sockets to [`model::Sample`]s: the only place that asks a kernel about TCP.
//!
//! [`Kernel`] is who is asked. Two sources, because each is blind where the other sees
//! (decision 0003):
//!
//! - [`DestroyEvents`]: connections that ended, with what was last known of them. Linux announces
//!   each socket the moment it is gone: the shortest connection is seen, an idle one that never
//!   ends is not. On Windows the table is looked at often enough to miss few (decision 0056).
//! - [`Dump`]: the kernel lists the sockets that are open now. Long-lived ones are seen, short
//!   ones fall between two looks.
//!
//! [`Kernel::probe`] tells which of them this system has. Neither needs a capability on Linux;
//! Windows lists connections for everybody, and times them for administrators.
//!
//! Every system has the same face: these names with these signatures. One file a system stands
//! behind it; where there is none, every call answers with a named error.
//!
//! Samples come out as the kernel told them. What counts as a sample is decided in `latency`,
//! never here: this crate knows no subnets, and remembers connections only where the kernel has no
//! name for them.

// Why a source gives nothing, and what it gave in numbers: the same on every system.
mod error;
mod outcome;

// The bytes, both ways: pure, so that recorded bytes test them. In the order in which a request
// is made and its answer is read.
#[cfg(target_os = "linux")]
mod netlink;

// One file a system. What stands above Windows' own library is compiled everywhere, for its tests.
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(any(target_os = "linux", windows)), test))]
#[doc(hidden)]
pub mod unsupported;
#[doc(hidden)]
pub mod windows;

// The doors for benches and fuzzers.
#[cfg(target_os = "linux")]
#[doc(hidden)]
pub mod bench;
#[cfg(target_os = "linux")]
#[doc(hidden)]
pub mod fuzz;

pub use error::{CollectError, FunctionAnswer, NoTimes, Unavailable};
#[cfg(target_os = "linux")]
pub use linux::{DestroyEvents, Dump, Kernel};
pub use outcome::{DumpStats, Received, Sources};
#[cfg(not(any(target_os = "linux", windows)))]
pub use unsupported::{DestroyEvents, Dump, Kernel};
#[cfg(windows)]
pub use windows::{DestroyEvents, Dump, Kernel};
