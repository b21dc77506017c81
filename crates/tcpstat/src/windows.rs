//! Windows: the table of connections is read often, and each connection that appears is asked to be
//! timed.
//!
//! Nothing is announced here when a connection ends. So both sources are one `watch`: it looks at
//! the table several times a second, and a connection that is gone has ended with what was last read
//! of it. One that came and went between two looks was never there.
//!
//! ```text
//!   library     iphlpapi.dll, looked up while the program runs; the only part that needs Windows
//!   functions   its six functions as a table; each may be missing
//!   rows        what the tables of both families hold, and the row that names a connection
//!   table       asks for a whole table, however long it is
//!   estats      switches the timing of one connection on, and reads it
//!   watch       connections from look to look
//!   kernel, probe, sources     the face that every system has
//!   scripted    a Windows that says what a test tells it to
//! ```
//!
//! All but the library is compiled and tested on every system.

#[cfg(windows)]
mod library;

pub mod functions;

pub mod rows;

mod table;

mod estats;

mod watch;

mod kernel;

mod probe;

mod sources;

pub mod scripted;

pub use kernel::Kernel;
pub use sources::{DestroyEvents, Dump};

#[cfg(target_os = "linux")]
pub(crate) mod fuzz;
