//! Why a kernel could not be asked. Never decides what to do about it.

use std::io;

/// A source that failed.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// No netlink socket: the address family or its SOCK_DIAG protocol is not allowed here.
    #[error(
        "cannot open a netlink SOCK_DIAG socket (a sandbox may forbid it: with systemd, \
         RestrictAddressFamilies must name AF_NETLINK)"
    )]
    Open(#[source] io::Error),
    /// A call on the open socket failed.
    #[error("cannot {action}")]
    Call {
        /// What was tried, as in "join the destroy groups".
        action: &'static str,
        /// The system's own words.
        #[source]
        source: io::Error,
    },
    /// The kernel was built without the diagnostics, or cannot load their modules here.
    #[error(
        "this kernel cannot list TCP sockets: it lacks CONFIG_INET_TCP_DIAG, or its modules \
         inet_diag and tcp_diag cannot be loaded from here (try: modprobe tcp_diag)"
    )]
    NoTcpDiag,
    /// The kernel answered a dump with an error.
    #[error("the kernel refused to list the {family} sockets")]
    Refused {
        /// Whose sockets were asked for.
        family: &'static str,
        /// The kernel's own words.
        #[source]
        source: io::Error,
    },
    /// The kernel began no answer, or did not end it.
    #[error("the kernel stopped in the middle of a dump: nothing came for {waited_ms} ms")]
    Silent {
        /// How long nothing came.
        waited_ms: u64,
    },
    /// A dump that is not netlink: the rest of it cannot be found any more.
    #[error("the kernel's dump cannot be read: {reason}")]
    Garbled {
        /// What was wrong.
        reason: &'static str,
    },
    /// Windows lists no connections: its function is missing, or answers with an error.
    #[error("cannot list the {family} connections: {function} {answer}")]
    NoTable {
        /// Whose connections were asked for.
        family: &'static str,
        /// The function of `iphlpapi.dll`.
        function: &'static str,
        /// What came of asking it.
        answer: FunctionAnswer,
    },
    /// No collector for this system.
    #[error(
        "there is no collector for {system}: only Linux and Windows can be asked about their \
         connections"
    )]
    UnsupportedSystem {
        /// The system's name, as Rust calls it.
        system: &'static str,
    },
}

/// What came of calling a function of the system that may be missing.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FunctionAnswer {
    /// The library has no function of that name.
    #[error("is missing in iphlpapi.dll")]
    Missing,
    /// It answered with an error (winerror.h).
    #[error("answers with error {0}")]
    Code(u32),
    /// It wanted a longer buffer each time it was asked.
    #[error("wants a longer buffer each time it is asked")]
    NeverEnough,
}

/// Why the times of a connection are not known, on systems that must be told to take them.
///
/// Windows times a connection only after an administrator has asked for it, one by one
/// (`SetPerTcpConnectionEStats`).
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoTimes {
    /// Nobody has asked for them yet. The state of each connection when it is first seen, and of
    /// one that took the addresses and ports of another.
    #[error("not yet enabled: the connection is not timed so far")]
    NotYetEnabled,
    /// The process may not ask for them.
    #[error(
        "not elevated: Windows times connections only for an administrator (run the service as \
         LocalSystem, or start the agent as administrator)"
    )]
    NotElevated,
    /// The system has no such times.
    #[error("not supported: {function} {answer}")]
    NotSupported {
        /// The function of `iphlpapi.dll`.
        function: &'static str,
        /// What came of calling it.
        answer: FunctionAnswer,
    },
    /// The connection ended before it was asked for.
    #[error("the connection is gone")]
    Gone,
    /// An error that says nothing of the system.
    #[error("{function} {answer}")]
    Failed {
        /// The function of `iphlpapi.dll`.
        function: &'static str,
        /// What came of calling it.
        answer: FunctionAnswer,
    },
}

/// Why a source gives nothing on this system, as [`crate::Kernel::probe`] found.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// It could not be opened or asked.
    #[error("it cannot be used")]
    Failed(#[source] CollectError),
    /// It opened, but a socket closed for the test was not announced. A kernel that cannot load
    /// tcp_diag lets anyone join the groups all the same, as does one that only imitates Linux.
    #[error(
        "a test socket was closed and not announced within {waited_ms} ms (is tcp_diag there? \
         try: modprobe tcp_diag)"
    )]
    NotAnnounced {
        /// How long the test waited.
        waited_ms: u64,
    },
}
