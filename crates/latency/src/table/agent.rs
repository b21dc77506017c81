//! What the table holds of one agent.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use model::{Subnet, Time};

use super::changes::Changes;
use super::row::{Row, RowStore};
use super::{Lane, Position, TableLimits};
use crate::report::{PortReport, RefreshRow, ReportRow};

/// One agent's lanes, rows and position. A port number bounds the lanes, the table the rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct AgentRows {
    /// How far the agent was heard; `None` until its first report.
    pub(crate) position: Option<Position>,
    /// How long its rows are good for, as the agent said; `None` where it did not.
    pub(crate) ttl_ms: Option<u64>,
    /// By listening port.
    pub(crate) ports: BTreeMap<u16, PortRows>,
}

/// The rows of one port and what they stand for.
#[derive(Clone, Debug)]
pub(crate) struct PortRows {
    /// What they stand for.
    pub(crate) lane: Lane,
    /// The rows.
    pub(crate) rows: RowStore,
}

/// What became of the rows of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Rows set, new ones among them.
    pub(crate) rows: usize,
    /// Rows refreshed.
    pub(crate) refreshed: usize,
    /// Refreshes of rows that are not there.
    pub(crate) unknown: usize,
    /// Rows that had expired on the way.
    pub(crate) expired: usize,
}

impl AddAssign for Taken {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.refreshed += other.refreshed;
        self.unknown += other.unknown;
        self.expired += other.expired;
    }
}

impl AgentRows {
    /// The table's limits as they are for this agent: its own time to live where that is shorter.
    pub(crate) fn limits(&self, limits: TableLimits) -> TableLimits {
        let ttl_ms = self.ttl_ms.map_or(limits.ttl_ms, |ttl_ms| ttl_ms.min(limits.ttl_ms));
        TableLimits { ttl_ms, ..limits }
    }

    /// The rows of all ports.
    pub(crate) fn len(&self) -> usize {
        self.ports.values().map(|port| port.rows.len()).sum()
    }

    /// Drops the rows observed longest ago until `max` are left; tells how many went. Of equally
    /// old ones the lower port and subnet goes first.
    pub(crate) fn evict_beyond(&mut self, max: usize, changes: &mut Changes) -> usize {
        let excess = self.len().saturating_sub(max);
        if excess == 0 {
            return 0;
        }
        let mut by_age: Vec<(Time, u16, Subnet)> = Vec::with_capacity(max + excess);
        for (port, known) in &self.ports {
            by_age.extend(known.rows.iter().map(|(subnet, row)| (row.observed_at, *port, subnet)));
        }
        by_age.select_nth_unstable(excess - 1);
        for (_, port, subnet) in by_age.into_iter().take(excess) {
            if let Some(known) = self.ports.get_mut(&port) {
                known.rows.remove(subnet);
                changes.mark(&known.lane, std::iter::once(subnet));
            }
        }
        excess
    }
}

impl PortRows {
    /// Takes the checked rows of a report.
    pub(crate) fn take(&mut self, report: &PortReport, limits: &TableLimits, now: Time) -> Taken {
        let mut taken = Taken::default();
        for row in &report.rows {
            if limits.is_expired(row.observed_at, now) {
                taken.expired += 1;
            } else {
                self.rows.set(row.subnet, stored(row, now));
                taken.rows += 1;
            }
        }
        for refresh in &report.refreshed {
            if self.refresh(refresh, now) {
                taken.refreshed += 1;
            } else {
                taken.unknown += 1;
            }
        }
        taken
    }

    fn refresh(&mut self, refresh: &RefreshRow, now: Time) -> bool {
        let Some(row) = self.rows.get_mut(refresh.subnet) else { return false };
        row.samples = refresh.samples;
        row.observed_at = refresh.observed_at.min(now);
        true
    }
}

/// A row as it is kept: an agent whose clock is ahead does not look fresher than any other.
fn stored(row: &ReportRow, now: Time) -> Row {
    Row {
        rtt: row.rtt_us,
        deviation_us: row.deviation_us,
        samples: row.samples,
        observed_at: row.observed_at.min(now),
    }
}
