//! Sockets, clocks, files, signals and logs.

/// The one clock of the process.
pub mod clock;

/// Log lines, as text or JSON.
pub mod logs;

/// Checks of backends: tcp, http, https.
pub mod probe;

/// The DNS server's sockets, UDP and TCP.
pub mod dns;

pub mod mesh;
