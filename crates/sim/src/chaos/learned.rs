//! What must hold of rows: that every overwatch holds what the agents saw, all of it where there is room,
//! and nothing else; and how two of them differ, for who looks for the fault.

use std::collections::{BTreeMap, BTreeSet};

use latency::Table;
use model::{AgentId, Region, Rtt, Subnet};
use overwatch::Overwatch;

use super::invariants::Fault;
use super::nodes::Host;
use super::site;
use super::truth::{Row, rows_of};
use super::world::World;

/// The rows of one agent.
pub(super) type Rows = BTreeMap<(u16, Subnet), Row>;

impl World {
    /// The rows of all agents at one overwatch, checked against what they saw.
    pub(super) fn check_rows(&self, number: usize) -> Result<Vec<Rows>, Fault> {
        let Some(table) = self.value(number).map(Overwatch::table) else { return Ok(Vec::new()) };
        let of_all = self.ids.iter().map(|id| rows_of(table, id)).collect::<Vec<_>>();
        for ((id, host), rows) in self.ids.iter().zip(&self.hosts).zip(&of_all) {
            let fault = |what, why: String| Err((what, format!("overwatch {number}, {id}: {why}")));
            if let Some(why) = self.lacks(table, id, host, rows) {
                return fault("what is learned is told", why);
            }
            for ((_, subnet), row) in rows {
                if let Some(why) = host.learned.contradicts(*subnet, row) {
                    return fault("what is told was seen", why);
                }
            }
        }
        self.check_estimates(number, table, &of_all)?;
        Ok(of_all)
    }

    /// What a table lacks of an agent that it should have.
    fn lacks(&self, table: &Table, id: &AgentId, host: &Host, rows: &Rows) -> Option<String> {
        let told = host.learned.told?;
        let at = table.position(id);
        if at != Some(told) {
            return Some(format!("it stands at {at:?}, and the agent told up to {told:?}"));
        }
        let is_at_bound = rows.len() >= self.room.of_agent && !self.room.fits_agent();
        if is_at_bound || !self.room.fits_all(self.hosts.len()) {
            // What made room, or found none, and is seen again is told whole within the hour.
            return None;
        }
        let has = |network: &Subnet| {
            rows.iter().any(|((_, of), row)| of == network && row.epoch == told.epoch)
        };
        let lacking = host.learned.networks().find(|network| !has(network))?;
        Some(format!("it has {} rows, and none of {lacking} of life {}", rows.len(), told.epoch))
    }

    /// Whether two overwatches that hold all that they may of an agent agree in what both hold. Which rows made
    /// room may differ: each goes by its own clock.
    pub(super) fn are_alike_at_the_bound(&self, one: &Rows, other: &Rows) -> bool {
        let is_full = |rows: &Rows| rows.len() == self.room.of_agent;
        let agree = one.iter().all(|(key, row)| other.get(key).is_none_or(|of| of == row));
        one == other || agree && is_full(one) && is_full(other)
    }

    /// What is known of each region follows from the rows of its agents.
    fn check_estimates(&self, number: usize, table: &Table, of_all: &[Rows]) -> Result<(), Fault> {
        let mut of_regions: BTreeMap<(Subnet, Region), Vec<&Row>> = BTreeMap::new();
        for (agent, rows) in of_all.iter().enumerate() {
            let Ok(region) = site::region(agent) else { continue };
            for ((_, subnet), row) in rows {
                of_regions.entry((*subnet, region.clone())).or_default().push(row);
            }
        }
        let Ok(service) = crate::settings::service() else { return Ok(()) };
        let fault = |why: String| Err(("rows are what agents told", format!("at {number}: {why}")));
        let estimates = table.rows(&service);
        if estimates.len() != of_regions.len() {
            return fault(format!("{} networks, not {}", estimates.len(), of_regions.len()));
        }
        for (subnet, region, estimate) in estimates {
            let rows = of_regions.get(&(subnet, region.clone()));
            let times = || rows.into_iter().flatten().map(|row| row.rtt_us);
            let least = times().min().and_then(|us| Rtt::from_us(us.into()).ok());
            let most = times().max().and_then(|us| Rtt::from_us(us.into()).ok());
            let is_between = least <= Some(estimate.rtt) && Some(estimate.rtt) <= most;
            if !is_between || times().count() != estimate.agents as usize {
                return fault(format!("{subnet} in {region}: {estimate:?} of {rows:?}"));
            }
        }
        Ok(())
    }

    /// How two overwatches differ, for who looks for the fault.
    pub(super) fn differing_rows(&self, one: usize, other: usize) -> String {
        let mut lines = Vec::new();
        for id in &self.ids {
            let of = |number: usize| {
                let table = self.value(number).map(Overwatch::table);
                let rows = table.map(|table| (table.rows_of(id), table.digest(id)));
                let position = table.and_then(|table| table.position(id));
                (rows, position, table.map(|table| rows_of(table, id)).unwrap_or_default())
            };
            let (here, there) = (of(one), of(other));
            if here == there {
                continue;
            }
            let differ: BTreeSet<Subnet> = here
                .2
                .keys()
                .chain(there.2.keys())
                .filter(|key| here.2.get(*key) != there.2.get(*key))
                .map(|(_, subnet)| *subnet)
                .collect();
            let say = |rows: &Rows| {
                let rows = rows.iter().filter(|((_, subnet), _)| differ.contains(subnet));
                rows.map(|((_, subnet), row)| format!("{subnet} {row:?}")).collect::<Vec<_>>()
            };
            lines.push(format!(
                "{id}: {:?} {:?} at {one} ({}), {:?} {:?} at {other} ({}): {:?} and {:?}",
                here.0,
                here.1,
                self.status_at(one, id),
                there.0,
                there.1,
                self.status_at(other, id),
                say(&here.2),
                say(&there.2)
            ));
        }
        lines.join("; ") + &self.sessions_of(one) + &self.sessions_of(other)
    }

    /// How an agent stands with an overwatch.
    pub(super) fn status_at(&self, number: usize, id: &AgentId) -> String {
        let at = self.nodes.get(number).map_or(self.now, |node| node.clock.at(self.now));
        let list = self.value(number).map(|value| value.agent_list(at).agents);
        let known = list.into_iter().flatten().find(|agent| agent.agent_id == id.as_str());
        known.map_or_else(|| "unknown".to_owned(), |agent| agent.status)
    }
}
