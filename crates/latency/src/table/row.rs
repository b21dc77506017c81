//! The rows of one agent's port, kept in order of their subnets. The one place that knows how
//! rows lie in memory.

use std::collections::BTreeMap;

use model::{Rtt, Subnet, Time};

use super::level::Level;

/// What one agent said about one client network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The average round-trip time.
    pub(crate) rtt: Rtt,
    /// The mean deviation from it, in microseconds.
    pub(crate) deviation_us: u32,
    /// Connections counted since the row began.
    pub(crate) samples: u32,
    /// When the last was counted; never in this table's future.
    pub(crate) observed_at: Time,
    /// What is usual.
    pub(crate) level: Level,
}

/// Rows by subnet. How many there may be is bounded by the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowStore(BTreeMap<Subnet, Row>);

impl RowStore {
    /// No row.
    pub(crate) const NONE: Self = Self(BTreeMap::new());

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is a row of exactly this subnet.
    pub(crate) fn contains(&self, subnet: Subnet) -> bool {
        self.0.contains_key(&subnet)
    }

    /// The row of exactly this subnet.
    pub(crate) fn get(&self, subnet: Subnet) -> Option<&Row> {
        self.0.get(&subnet)
    }

    /// The same, to change.
    pub(crate) fn get_mut(&mut self, subnet: Subnet) -> Option<&mut Row> {
        self.0.get_mut(&subnet)
    }

    /// Sets a row; tells whether it is new.
    pub(crate) fn set(&mut self, subnet: Subnet, row: Row) -> bool {
        self.0.insert(subnet, row).is_none()
    }

    /// Drops a row; tells whether it was there.
    pub(crate) fn remove(&mut self, subnet: Subnet) -> bool {
        self.0.remove(&subnet).is_some()
    }

    /// Drops the rows that `is_over` names; tells which.
    pub(crate) fn drop_if(&mut self, is_over: impl Fn(&Row) -> bool) -> Vec<Subnet> {
        let over: Vec<Subnet> =
            self.0.iter().filter(|(_, row)| is_over(row)).map(|(subnet, _)| *subnet).collect();
        for subnet in &over {
            self.0.remove(subnet);
        }
        over
    }

    /// All rows, to change.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Subnet, &mut Row)> {
        self.0.iter_mut().map(|(subnet, row)| (*subnet, row))
    }

    /// The rows from a subnet on, ascending.
    pub(crate) fn iter_from(&self, subnet: Subnet) -> impl Iterator<Item = (Subnet, &Row)> {
        self.0.range(subnet..).map(|(subnet, row)| (*subnet, row))
    }

    /// All rows, ascending by subnet.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Subnet, &Row)> + Clone {
        self.0.iter().map(|(subnet, row)| (*subnet, row))
    }
}
