//! Sockets, clocks, files, signals and logs: the edge around the agent and the overwatch.
//!
//! No decision is made here. In the order of the data:
//!
//! - [`confine`]: what a process forbids itself,
//! - [`limits`]: what the kernel gives it at most,
//! - [`panics`]: faults of this program, counted, and loops that begin anew,
//! - [`clock`]: the one clock of the process,
//! - [`logs`]: log lines, as text, as JSON or to the journal,
//! - `backoff`: how long to wait before something is tried again,
//! - `notify`: what a service manager is told,
//! - [`collect`]: the threads that read the kernel,
//! - [`probe`]: checks of backends,
//! - `bind`: sockets on the addresses that anything is served on,
//! - [`mesh`]: TLS sessions between agents and overwatches,
//! - [`dns`]: the DNS server's sockets,
//! - [`answer`]: what a DNS worker does with a packet,
//! - `tally`: where answers went, counted by each worker,
//! - `tail`: decisions, for whoever watches them now,
//! - `query_log`: a sample of queries and answers, for an operator's tools,
//! - [`http`]: the API,
//! - `trust`: TLS as a client of it,
//! - `etcd`: where several overwatches share what operators make,
//! - [`metrics`]: what is counted, for Prometheus,
//! - [`process`]: all of it put together, once for each mode.
//!
//! On Windows there are agents only: what serves DNS is not compiled there, and module `windows`
//! stands in for what the other systems have.

#![cfg_attr(
    windows,
    expect(
        dead_code,
        unused_imports,
        reason = "what only an overwatch needs is compiled on Windows and not used"
    )
)]

pub mod confine;

#[cfg(unix)]
pub mod limits;

pub mod panics;

pub mod clock;

mod backoff;

mod random;

pub mod logs;

#[cfg(unix)]
mod notify;
#[cfg(windows)]
use self::windows::notify;

#[cfg(windows)]
pub mod windows;

pub mod collect;

pub mod probe;

mod bind;

pub mod mesh;

#[cfg(unix)]
pub mod dns;

#[cfg(unix)]
pub mod answer;

mod tail;

#[cfg(unix)]
mod tally;

#[cfg(unix)]
mod query_log;

pub mod http;

pub mod metrics;

mod trust;

#[cfg(unix)]
mod etcd;

pub mod process;

pub use trust::{TrustError, tls_client};

#[cfg(unix)]
#[doc(hidden)]
pub mod fuzz;
