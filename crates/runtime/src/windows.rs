//! What Windows has in place of signals, `/proc` and a journal.
//!
//! - [`signals`]: what a service is told to do,
//! - [`notify`]: what the service manager is told,
//! - `vitals`: the machine's own numbers,
//! - [`event_log`]: the few lines that an administrator finds without knowing of us.
//!
//! The service itself, its installation and its words are in the binary. Must never decide anything.

pub mod signals;

pub mod notify;

pub(crate) mod vitals;

pub mod event_log;
