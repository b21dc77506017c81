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
    /// So many values and networks are kept: at least as many rows.
    places_max: usize,
    best: BTreeMap<Place, BTreeMap<(Service, Region), RegionEstimate>>,
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
    pub const fn new(wanted: Wanted, order: Order, places_max: usize) -> Self {
        Self { wanted, order, places_max, best: BTreeMap::new(), from: None }
    }

    /// What was found so far: as many rows as were asked for, or a little more where several are of
    /// one network; in their order, then by service and region.
    #[must_use]
    pub fn into_rows(self) -> Vec<(Subnet, Service, Region, RegionEstimate)> {
        // A row that changed between two slices may have been found at both of its places.
        let mut seen = BTreeSet::new();
        let mut rows = Vec::new();
        for (place, same) in self.best {
            for ((service, region), row) in same {
                if seen.insert((place.subnet, service.clone(), region.clone())) {
                    rows.push((place.subnet, service, region, row));
                }
            }
        }
        rows
    }

    /// The last of the places that are kept, if no worse one is worth keeping.
    fn worst(&self) -> Option<Place> {
        if self.best.len() < self.places_max {
            return None;
        }
        self.best.last_key_value().map(|(place, _)| *place)
    }

    fn keep(&mut self, place: Place, of: (&Service, &Region), row: RegionEstimate) {
        let key = (of.0.clone(), of.1.clone());
        self.best.entry(place).or_default().insert(key, row);
        if self.best.len() > self.places_max {
            self.best.pop_last();
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
    let mut worst = search.worst();
    port.rows.look_through(wanted.within, (from, work_max), |row| {
        let rank = order.earliest(row, ports);
        // Most rows end here: their network is asked for only where the value alone is no answer.
        if worst.is_some_and(|worst| rank > worst.rank) {
            return 1;
        }
        let Some(subnet) = row.subnet() else { return 1 };
        if worst.is_some_and(|worst| Place { rank, subnet } > worst) {
            return 1;
        }
        for ((service, region), ports) in &of {
            let Some(merged) = estimate_at(ports, subnet) else { continue };
            let place = Place { rank: order.rank(order.value_of(&merged)), subnet };
            if worst.is_none_or(|worst| place <= worst) {
                search.keep(place, (service, region), merged);
                worst = search.worst();
            }
        }
        1 + MERGE_WORK * of.len()
    })
}

#[cfg(test)]
mod tests;
