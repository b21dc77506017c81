//! The first rows of an order other than that of the networks, found in one pass over rows as they lie.
//!
//! A [`Search`] is gone on with by slices and may outlive any change of the table in between. A row is
//! put together with those of other agents only where it can be among the first: the rest is a
//! comparison of a few bits. See `docs/decisions/0063-the-first-rows-of-an-order.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Included, Unbounded};

use model::{AgentId, Region, Service, Subnet};

use super::agent::PortRows;
use super::estimate::RegionEstimate;
use super::page::Wanted;
use super::rows::{BlockId, Offered};
use super::{Table, estimate_at};

/// What putting a row together costs, where looking at one costs 1. Measured.
const MERGE_WORK: usize = 64;
/// What a port costs before its first row.
const PORT_WORK: usize = 4;

/// What rows are put in order by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The round-trip time.
    Rtt,
    /// How many connections were counted.
    Samples,
    /// When the last was observed.
    Observed,
}

/// An order of rows; equal ones are in the order of their networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub by: By,
    /// Whether the most comes first.
    pub is_descending: bool,
}

/// A search for the first rows of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    wanted: Wanted,
    order: Order,
    /// So many rows are looked for.
    rows_max: usize,
    /// The best so far, in any order, and others that were until better ones came: twice as many at
    /// most, but for those that stand at one place.
    found: Vec<Found>,
    /// With how many found it is time to leave the best.
    cut_at: usize,
    /// No row behind this place is among the first.
    worst: Option<Place>,
    /// Where it goes on; `None` before the first slice.
    from: Option<Cursor>,
}

/// Where a network stands in an order: the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// The value, or what it is less than the most that there can be.
    rank: u64,
    subnet: Subnet,
}

/// A row that was found.
type Found = (Place, Service, Region, RegionEstimate);

/// A port of an agent, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cursor {
    agent: AgentId,
    port: u16,
    block: Option<BlockId>,
}

/// The ports of each region that a service is measured in, each with a number that is its agent's and
/// ascends.
type Groups<'a> = BTreeMap<(&'a Service, &'a Region), Vec<(u32, &'a PortRows)>>;

impl Search {
    /// A search that has not begun. `from` of what is wanted has no meaning here.
    #[must_use]
    pub const fn new(wanted: Wanted, order: Order, rows_max: usize) -> Self {
        let cut_at = rows_max.saturating_mul(2);
        Self { wanted, order, rows_max, found: Vec::new(), cut_at, worst: None, from: None }
    }

    /// What was found so far: as many rows as were asked for, and those that stand where the last of
    /// them does; in their order, then by service and region.
    #[must_use]
    pub fn into_rows(mut self) -> Vec<(Subnet, Service, Region, RegionEstimate)> {
        self.cut();
        // A row that changed between two slices may have been found at both of its places.
        let mut seen = BTreeSet::new();
        self.found.retain(|(place, service, region, _)| {
            seen.insert((place.subnet, service.clone(), region.clone()))
        });
        let row = |(place, service, region, row): Found| (place.subnet, service, region, row);
        self.found.into_iter().map(row).collect()
    }

    /// Whether something at this place, or behind it, can be among the first.
    fn may_be(&self, place: Place) -> bool {
        self.worst.is_none_or(|worst| place <= worst)
    }

    fn keep(&mut self, found: Found) {
        if self.may_be(found.0) {
            self.found.push(found);
            if self.found.len() >= self.cut_at {
                self.cut();
                self.cut_at = self.found.len().max(self.rows_max).saturating_mul(2);
            }
        }
    }

    /// Puts what was found in order, and leaves the first, and all that stand where the last of them does.
    fn cut(&mut self) {
        self.found.sort_unstable_by(|a, b| (a.0, &a.1, &a.2).cmp(&(b.0, &b.1, &b.2)));
        // What several agents told was found with the row of each.
        self.found.dedup_by(|a, b| (a.0, &a.1, &a.2) == (b.0, &b.1, &b.2));
        let last = self.rows_max.checked_sub(1).and_then(|last| self.found.get(last));
        if let Some(worst) = last.map(|found| found.0) {
            let end = self.found.partition_point(|found| found.0 <= worst);
            self.found.truncate(end);
            self.worst = Some(worst);
        }
    }
}

impl Order {
    /// How early something with this value comes.
    const fn rank(self, value: u64) -> u64 {
        if self.is_descending { u64::MAX - value } else { value }
    }

    /// Whether neither of two rows comes before the other.
    #[must_use]
    pub const fn is_same(self, one: &RegionEstimate, other: &RegionEstimate) -> bool {
        self.value_of(one) == self.value_of(other)
    }

    const fn value_of(self, row: &RegionEstimate) -> u64 {
        match self.by {
            By::Rtt => row.rtt.us() as u64,
            By::Samples => row.samples,
            By::Observed => row.observed_at.unix_ms(),
        }
    }

    /// How early a network with this row can come, if it is the row that speaks most for it; of so
    /// many agents' ports.
    fn earliest(self, row: Offered, ports: u64) -> u64 {
        let value = match (self.by, self.is_descending) {
            (By::Rtt, _) => row.rtt_us(),
            (By::Observed, _) => row.observed_ms(),
            // Counts are added up.
            (By::Samples, true) => row.samples_at_most().saturating_mul(ports),
            (By::Samples, false) => row.samples_at_least(),
        };
        self.rank(value)
    }
}

impl Table {
    /// Goes on with a search, for so much work or a little more: 1 is a look at a row. Says whether it is
    /// at its end.
    pub fn search(&self, search: &mut Search, work_max: usize) -> bool {
        let groups = self.groups(&search.wanted);
        let (from, mut work) = (search.from.take(), 0);
        let first = from.as_ref().map_or(Unbounded, |from| Included(&from.agent));
        for (agent, known) in self.agents.range::<AgentId, _>((first, Unbounded)) {
            let here = from.as_ref().filter(|from| from.agent == *agent);
            for (port, rows) in known.ports.range(here.map_or(0, |from| from.port)..) {
                let cursor = |block| Cursor { agent: agent.clone(), port: *port, block };
                if work > 0 && work >= work_max {
                    search.from = Some(cursor(None));
                    return false;
                }
                let block = here.filter(|from| from.port == *port).and_then(|from| from.block);
                let left = work_max.saturating_sub(work);
                let (done, next) = search_port(search, (rows, &groups), block, left);
                work += done + PORT_WORK;
                if next.is_some() {
                    search.from = Some(cursor(next));
                    return false;
                }
            }
        }
        true
    }

    fn groups(&self, wanted: &Wanted) -> Groups<'_> {
        let mut groups = Groups::new();
        for (number, known) in (0u32..).zip(self.agents.values()) {
            for port in known.ports.values().filter(|port| wanted.is_of(&port.lane)) {
                for service in &port.lane.services {
                    let group = groups.entry((service, &port.lane.region)).or_default();
                    group.push((number, port));
                }
            }
        }
        groups
    }
}

/// Searches a port from a block on; says how much work that was, and where it goes on if that was too
/// much.
fn search_port(
    search: &mut Search,
    (port, groups): (&PortRows, &Groups<'_>),
    from: Option<BlockId>,
    work_max: usize,
) -> (usize, Option<BlockId>) {
    let lane = &port.lane;
    if !search.wanted.is_of(lane) {
        return (0, None);
    }
    let wanted = search.wanted.clone();
    let services = lane.services.iter().filter(|service| wanted.has(service));
    let of = services.filter_map(|service| groups.get_key_value(&(service, &lane.region)));
    let of: Vec<_> = of.collect();
    let ports = of.iter().map(|(_, ports)| ports.len() as u64).max().unwrap_or(0);
    let order = search.order;
    port.rows.look_through(wanted.within, (from, work_max), |row| {
        let rank = order.earliest(row, ports);
        // Most rows end here: their network is asked for only where the value alone is no answer.
        if search.worst.is_some_and(|worst| rank > worst.rank) {
            return 1;
        }
        let Some(subnet) = row.subnet() else { return 1 };
        if !search.may_be(Place { rank, subnet }) {
            return 1;
        }
        for ((service, region), ports) in &of {
            if let Some(merged) = estimate_at(ports, subnet) {
                let place = Place { rank: order.rank(order.value_of(&merged)), subnet };
                search.keep((place, (*service).clone(), (*region).clone(), merged));
            }
        }
        1 + MERGE_WORK * of.len()
    })
}

#[cfg(test)]
mod tests;
