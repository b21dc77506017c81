//! A page of the table, in the order of the networks: costs what is on it, however large the table
//! is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use model::{Region, Service, Subnet};

use super::agent::PortRows;
use super::estimate::{self, RegionEstimate};
use super::row::Row;
use super::{Lane, Table};

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of these services; none named: of all.
    pub services: Vec<Service>,
    /// Of this region only.
    pub region: Option<Region>,
    /// Of this network and those inside it.
    pub within: Option<Subnet>,
    /// From this network on; `None` for from the first.
    pub from: Option<Subnet>,
}

/// A page: whole networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Ascending by network, then by service and region.
    pub rows: Vec<(Subnet, Service, Region, RegionEstimate)>,
    /// The first network behind it; `None` where there is none.
    pub next: Option<Subnet>,
}

/// The rows of one network, by service and region, each with the number of its agent.
type OfNetwork<'a> = BTreeMap<(&'a Service, &'a Region), Vec<(u32, Row)>>;

impl Table {
    /// The rows that are wanted, of as many whole networks as make `rows_max` rows or a little more.
    ///
    /// Costs a look into every port that can have some, and what is on the page.
    #[must_use]
    pub fn page(&self, wanted: &Wanted, rows_max: usize) -> Page {
        let from = wanted.from.max(wanted.within).unwrap_or(Subnet::ALL_IPV4);
        let agents = (0u32..).zip(self.agents.values());
        let ports = agents.flat_map(|(agent, known)| known.ports.values().map(move |p| (agent, p)));
        let ports: Vec<(u32, &PortRows)> =
            ports.filter(|(_, port)| wanted.is_of(&port.lane)).collect();
        let mut rows: Vec<_> = ports.iter().map(|(_, port)| port.rows.iter_from(from)).collect();
        // The next row of each port; the least one is the next of all.
        let mut heads = BinaryHeap::with_capacity(rows.len());
        for (at, rows) in rows.iter_mut().enumerate() {
            heads.extend(rows.next().map(|(subnet, row)| Reverse(Head { subnet, at, row })));
        }
        let mut page = Page::default();
        while let Some(Reverse(head)) = heads.peek() {
            let subnet = head.subnet;
            if wanted.within.is_some_and(|within| !within.covers(subnet)) {
                break;
            }
            if page.rows.len() >= rows_max {
                page.next = Some(subnet);
                break;
            }
            let mut same = OfNetwork::new();
            while let Some(Reverse(head)) = heads.peek()
                && head.subnet == subnet
            {
                let Some(Reverse(head)) = heads.pop() else { break };
                let next = rows.get_mut(head.at).and_then(Iterator::next);
                heads.extend(next.map(|(subnet, row)| Reverse(Head { subnet, at: head.at, row })));
                let Some((agent, port)) = ports.get(head.at) else { continue };
                for service in port.lane.services.iter().filter(|service| wanted.has(service)) {
                    let rows = same.entry((service, &port.lane.region)).or_default();
                    rows.push((*agent, head.row));
                }
            }
            page.rows.extend(same.into_iter().filter_map(|((service, region), rows)| {
                Some((subnet, service.clone(), region.clone(), estimate::merge(&rows)?))
            }));
        }
        page
    }
}

impl Wanted {
    /// Whether a port can have rows that are wanted.
    pub(super) fn is_of(&self, lane: &Lane) -> bool {
        self.region.as_ref().is_none_or(|region| *region == lane.region)
            && lane.services.iter().any(|service| self.has(service))
    }

    pub(super) fn has(&self, service: &Service) -> bool {
        self.services.is_empty() || self.services.contains(service)
    }
}

/// The next row of a port; ordered by network, then by the port's number, so that the rows of one
/// network come in the order of their agents.
struct Head {
    subnet: Subnet,
    at: usize,
    row: Row,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        (self.subnet, self.at) == (other.subnet, other.at)
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.subnet, self.at).cmp(&(other.subnet, other.at))
    }
}

#[cfg(test)]
pub(super) mod tests;
