//! What travels from an agent to an overwatch. Plain values: bytes are `mesh`'s affair.
//!
//! See `docs/decisions/0005-one-sequence-per-learner.md`.

use model::{Rtt, Subnet, Time};

/// The widest IPv4 network that a row may speak for: wider ones are no neighbourhood, and one bad
/// row would steer a whole registry's worth of clients. A wider one is refused.
pub const WIDEST_IPV4_PREFIX: u8 = 8;

/// The widest IPv6 network that a row may speak for; a registry allots /16s at the most.
pub const WIDEST_IPV6_PREFIX: u8 = 16;

/// What a learner published after one sequence number and up to another, both of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The receiver must have everything up to here.
    pub after: u64,
    /// The receiver then has everything up to here; above `after`.
    pub through: u64,
    /// By listening port, ascending, no port twice.
    pub ports: Vec<PortReport>,
}

/// The rows of one listening port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortReport {
    /// The port that the clients connected to.
    pub port: u16,
    /// New or moved rows, ascending by subnet, none twice.
    pub rows: Vec<ReportRow>,
    /// Rows seen again that hardly moved, ascending by subnet, none twice and none in `rows`.
    pub refreshed: Vec<RefreshRow>,
}

/// What an agent knows about one client network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// The client network.
    pub subnet: Subnet,
    /// The average round-trip time.
    pub rtt_us: Rtt,
    /// How far a connection lies from the average, on average, in microseconds.
    pub deviation_us: u32,
    /// The least seen lately.
    pub min_rtt: Rtt,
    /// Connections counted since the row began; at least 1, stays at the type's maximum.
    pub samples: u32,
    /// When the last of them was counted, by the agent's clock.
    pub observed_at: Time,
}

/// That a row was seen again and still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshRow {
    /// The client network.
    pub subnet: Subnet,
    /// As in [`ReportRow`].
    pub samples: u32,
    /// As in [`ReportRow`].
    pub observed_at: Time,
}

impl Report {
    /// The rows of all ports, whole ones and refreshed ones.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ports.iter().map(|port| port.rows.len() + port.refreshed.len()).sum()
    }

    /// Whether it holds no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
