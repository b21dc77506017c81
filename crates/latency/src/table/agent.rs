//! What the table holds of one agent.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use model::{Rtt, Subnet, Time};

use super::changes::Changes;
use super::held::{Held, WAIT_MS};
use super::level::{Fall, Level};
use super::pieces::Pieces;
use super::row::{Row, kept_time};
use super::rows::{RowStore, tellings};
use super::{Applied, Lane, Position, TableLimits, evict};
use crate::report::{PortReport, RefreshRow, ReportRow};

/// One agent's lanes, rows and position. A port number bounds the lanes, the table the rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct AgentRows {
    /// How far the agent was heard; `None` until its first report.
    pub(crate) position: Option<Position>,
    /// How long its rows are good for, as the agent said; `None` where it did not.
    pub(crate) ttl_ms: Option<u64>,
    /// Whether its word waits for an operator.
    pub(crate) held: Option<Held>,
    /// Rows of it that made room for others of it; only grows.
    pub(crate) evicted: u64,
    /// By listening port.
    pub(crate) ports: BTreeMap<u16, PortRows>,
}

/// The rows of one port and what they stand for.
#[derive(Clone, Debug)]
pub(crate) struct PortRows {
    /// What they stand for.
    pub(crate) lane: Lane,
    /// The rows that count.
    pub(crate) rows: RowStore,
    /// Those that do not, or not yet; the newer word about a network. Bounded as the rows are.
    pub(super) waiting: Pieces<Subnet, Waiting>,
    /// The networks of which a deep fall was believed, until what they fell to is usual; some of
    /// them need not be in `rows` any more. Bounded as the rows are.
    pub(super) fallen: BTreeSet<Subnet>,
}

/// A row that does not count yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// What was last told.
    pub(crate) row: Row,
    /// When it began to wait.
    pub(crate) since: Time,
    /// How deep it fell.
    pub(crate) fall: Fall,
}

/// How the rows of a report are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    /// The limits of this agent.
    pub(crate) limits: &'a TableLimits,
    /// Whether all is kept apart.
    pub(crate) is_held: bool,
    /// How many rows more may be kept apart; what is beyond comes again within the hour.
    pub(crate) room: usize,
    /// How many rows more may count.
    pub(crate) space: usize,
    /// The number under which they are told.
    pub(crate) told: Position,
    pub(crate) now: Time,
}

/// What became of the rows of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Rows set, new ones among them.
    pub(crate) rows: usize,
    /// The new ones among them.
    pub(crate) added: usize,
    /// New rows for which there was no space.
    pub(crate) left_out: usize,
    /// Rows refreshed.
    pub(crate) refreshed: usize,
    /// Refreshes of rows that are not there.
    pub(crate) unknown: usize,
    /// Rows that had expired on the way.
    pub(crate) expired: usize,
    /// Rows that do not count yet.
    pub(crate) waiting: usize,
    /// New rows that share one time, if those are at least half of the new ones.
    pub(crate) alike: usize,
}

impl Taken {
    /// What became of the report as a whole.
    pub(crate) const fn applied(
        self,
        position: Position,
        evicted: usize,
        newly_held: Option<Held>,
    ) -> Applied {
        let Self { rows, added: _, left_out, refreshed, unknown, expired, waiting, alike: _ } =
            self;
        Applied {
            position,
            rows,
            refreshed,
            unknown,
            expired,
            evicted,
            left_out,
            waiting,
            newly_held,
        }
    }
}

impl AddAssign for Taken {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.added += other.added;
        self.left_out += other.left_out;
        self.refreshed += other.refreshed;
        self.unknown += other.unknown;
        self.expired += other.expired;
        self.waiting += other.waiting;
        self.alike += other.alike;
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

    /// The rows that wait, of all ports.
    pub(crate) fn waiting(&self) -> usize {
        self.ports.values().map(|port| port.waiting.len()).sum()
    }

    /// Whether time alone changes something of it ([`super::Table::expire`]).
    pub(super) fn is_moved(&self, limits: &TableLimits, now: Time) -> bool {
        let then = limits.expired_until(now);
        let is_due = |waiting: &Waiting| {
            let has_waited = now.ms_since(waiting.since) >= WAIT_MS;
            limits.is_expired(waiting.row.observed_at, now) || (self.held.is_none() && has_waited)
        };
        self.ports.values().any(|port| {
            port.rows.is_moved(then, now) || port.waiting.iter().any(|(_, waiting)| is_due(waiting))
        })
    }

    /// Makes some tellings one where a port has nearly as many as it can tell apart; the same ones for
    /// all ports, so that a position of the agent lies between two of them or in none.
    pub(crate) fn join_tellings(&mut self) {
        if !self.ports.values().any(|port| port.rows.is_crowded()) {
            return;
        }
        let mut counts = BTreeMap::new();
        self.ports.values().for_each(|port| port.rows.count_told(&mut counts));
        let left = tellings::left_of(&counts);
        self.ports.values_mut().for_each(|port| port.rows.round_up(&left));
    }

    /// Drops the rows observed longest ago until `max` are left; tells how many went. Of equally
    /// old ones the lower port and subnet goes first.
    pub(crate) fn evict_beyond(&mut self, max: usize, changes: &mut Changes) -> usize {
        let excess = self.len().saturating_sub(max);
        if excess == 0 {
            return 0;
        }
        let ports = self.ports.iter().map(|(port, known)| (*port, &known.rows));
        for (port, subnet) in evict::oldest(ports, excess) {
            if let Some(known) = self.ports.get_mut(&port) {
                known.rows.remove(subnet);
                changes.mark(&known.lane, std::iter::once(subnet));
            }
        }
        self.evicted += excess as u64;
        excess
    }
}

impl PortRows {
    /// Of a lane, without a row.
    pub(crate) const fn new(lane: Lane) -> Self {
        Self { lane, rows: RowStore::NONE, waiting: Pieces::NONE, fallen: BTreeSet::new() }
    }

    /// Takes the checked rows of a report.
    pub(crate) fn take(&mut self, report: &PortReport, terms: &Terms<'_>) -> Taken {
        self.rows.pass(terms.now);
        let mut taken = Taken { alike: self.alike(report), ..Taken::default() };
        let mut counting = Vec::with_capacity(report.rows.len());
        for row in &report.rows {
            let is_new = !terms.is_held && !self.rows.contains(row.subnet);
            if terms.limits.is_expired(row.observed_at, terms.now) {
                taken.expired += 1;
            } else if is_new && taken.added >= terms.space {
                // Nor does an earlier word that still waits count one day in its place.
                self.waiting.remove(&row.subnet);
                taken.left_out += 1;
            } else if let Some(row) = self.hear(row.subnet, stored(row, terms), terms) {
                counting.push(row);
                taken.rows += 1;
                taken.added += usize::from(is_new);
            } else {
                taken.waiting += 1;
            }
        }
        self.rows.set_all(&counting);
        for refresh in &report.refreshed {
            if self.refresh(refresh, terms) {
                taken.refreshed += 1;
            } else {
                taken.unknown += 1;
            }
        }
        taken
    }

    /// Hears a row: as it counts from now on, or not at all where it waits.
    fn hear(&mut self, subnet: Subnet, mut row: Row, terms: &Terms<'_>) -> Option<(Subnet, Row)> {
        let present = self.rows.get(subnet);
        let fall = present.map_or(Fall::None, |p| p.level.fall(row.rtt, p.rtt, terms.now));
        if fall != Fall::None || terms.is_held {
            self.wait(subnet, row, fall, terms);
            return None;
        }
        self.waiting.remove(&subnet);
        if let Some(Row { mut level, observed_at, .. }) = present {
            level.follow(row.rtt, row.observed_at.ms_since(observed_at));
            row.level = level;
        }
        Some((subnet, row))
    }

    /// Keeps a row apart. It waits from when it first fell.
    fn wait(&mut self, subnet: Subnet, row: Row, fall: Fall, terms: &Terms<'_>) {
        let since = self.waiting.get(&subnet).map(|waiting| waiting.since);
        if since.is_some() || self.waiting.len() < terms.room {
            self.waiting.insert(subnet, Waiting { row, since: since.unwrap_or(terms.now), fall });
        }
    }

    /// A row that waited counts.
    pub(crate) fn believe(&mut self, subnet: Subnet, mut row: Row) {
        if let Some(present) = self.rows.get(subnet) {
            row.level = present.level;
            row.level.believe(row.rtt);
        }
        if row.level.is_fallen() {
            self.fallen.insert(subnet);
        }
        self.rows.set(subnet, row);
    }

    fn refresh(&mut self, refresh: &RefreshRow, terms: &Terms<'_>) -> bool {
        let observed_at = kept_time(refresh.observed_at.min(terms.now));
        let renew = |row: &mut Row| {
            row.samples = refresh.samples;
            row.observed_at = observed_at;
            row.told = terms.told;
        };
        if let Some(waiting) = self.waiting.get_mut(&refresh.subnet) {
            renew(&mut waiting.row);
            return true;
        }
        let Some(mut row) = self.rows.get(refresh.subnet) else { return false };
        if terms.is_held {
            renew(&mut row);
            self.wait(refresh.subnet, row, Fall::None, terms);
            return true;
        }
        row.level.follow(row.rtt, observed_at.ms_since(row.observed_at));
        renew(&mut row);
        self.rows.set(refresh.subnet, row);
        true
    }

    /// How many new rows of a report share their time with the most others, if those are at least
    /// half of the new ones.
    fn alike(&self, report: &PortReport) -> usize {
        let is_new = |row: &&ReportRow| !self.rows.contains(row.subnet);
        let mut new = 0;
        let mut by_time: BTreeMap<Rtt, usize> = BTreeMap::new();
        for row in report.rows.iter().filter(is_new) {
            new += 1;
            *by_time.entry(row.rtt_us).or_default() += 1;
        }
        let most = by_time.into_values().max().unwrap_or(0);
        if most * 2 >= new { most } else { 0 }
    }
}

/// A row as it is kept: an agent whose clock is ahead does not look fresher than any other.
fn stored(row: &ReportRow, terms: &Terms<'_>) -> Row {
    Row {
        rtt: row.rtt_us,
        deviation_us: row.deviation_us,
        samples: row.samples,
        observed_at: kept_time(row.observed_at.min(terms.now)),
        level: Level::new(row.rtt_us, terms.now),
        told: terms.told,
    }
}
