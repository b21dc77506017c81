//! Why a report is refused. A refused report has changed nothing but a counter.

use model::Subnet;

use super::Position;

/// Why a report is refused, whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableRefusal {
    /// No lane was ever set for the agent, or it was forgotten.
    #[error("the agent has not registered")]
    UnknownAgent,
    /// No lane was set for the port.
    #[error("the agent has not registered port {port}")]
    UnknownPort {
        /// The port.
        port: u16,
    },
    /// From an earlier life of the agent than one already heard.
    #[error("the report is of epoch {epoch}, and epoch {known} was already heard")]
    StaleEpoch {
        /// The report's epoch.
        epoch: u64,
        /// The latest epoch heard.
        known: u64,
    },
    /// A repeat, a gap, or a new epoch that does not begin at 0.
    #[error("the report follows sequence {after}, and the table is at {expected}")]
    OutOfSequence {
        /// What the report follows.
        after: u64,
        /// What it would have to follow: where the session goes on.
        expected: u64,
    },
    /// It leads nowhere.
    #[error("the report leads from sequence {after} to {through}")]
    Backwards {
        /// Its beginning.
        after: u64,
        /// Its end.
        through: u64,
    },
    /// Ports or subnets are not strictly ascending.
    #[error("the rows of port {port} are not in order, or repeat")]
    Unordered {
        /// Where.
        port: u16,
    },
    /// A network too wide to speak for, down to all of the Internet.
    #[error("{subnet} is wider than one row may speak for")]
    TooWide {
        /// The network.
        subnet: Subnet,
    },
    /// A row without a connection behind it.
    #[error("the row of {subnet} has no samples")]
    NoSamples {
        /// The network.
        subnet: Subnet,
    },
    /// A deviation longer than any round-trip time.
    #[error("the row of {subnet} has a deviation of {deviation_us} us, over the limit of 60 s")]
    DeviationTooLong {
        /// The network.
        subnet: Subnet,
        /// The deviation.
        deviation_us: u32,
    },
}

impl TableRefusal {
    /// Every word that there is.
    pub const NAMES: [&'static str; 9] = [
        "unknown_agent",
        "unknown_port",
        "stale_epoch",
        "out_of_sequence",
        "backwards",
        "unordered",
        "too_wide",
        "no_samples",
        "deviation_too_long",
    ];

    /// One of [`Self::NAMES`]: one word, as a metric label.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::UnknownAgent => "unknown_agent",
            Self::UnknownPort { .. } => "unknown_port",
            Self::StaleEpoch { .. } => "stale_epoch",
            Self::OutOfSequence { .. } => "out_of_sequence",
            Self::Backwards { .. } => "backwards",
            Self::Unordered { .. } => "unordered",
            Self::TooWide { .. } => "too_wide",
            Self::NoSamples { .. } => "no_samples",
            Self::DeviationTooLong { .. } => "deviation_too_long",
        }
    }

    /// Where a session goes on after this refusal, if it is one of sequence: everything after that
    /// is to be sent again.
    #[must_use]
    pub const fn resume(&self, epoch: u64) -> Option<Position> {
        match self {
            Self::OutOfSequence { expected, .. } => Some(Position { epoch, sequence: *expected }),
            _ => None,
        }
    }
}
