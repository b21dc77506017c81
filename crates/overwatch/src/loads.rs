//! How busy each region is, from what its agents tell. Adds up; steers nobody.

use std::collections::BTreeMap;

use mesh::Load;
use model::{AgentId, Region, Time};
use routing::RegionLoad;

use crate::agents::Agents;

/// What the agents told last; bounded by who may register.
#[derive(Debug, Default)]
pub(crate) struct Loads(BTreeMap<AgentId, AgentLoad>);

/// What one agent told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AgentLoad {
    /// Connections that are open, on all ports that it registered.
    pub(crate) open: u64,
    /// Connections that close in a second.
    pub(crate) closed_per_s: f64,
    /// By how many connections the open ones become more in a second; what may be chance is none.
    growth_per_s: f64,
}

impl Loads {
    /// Takes what an agent tells. Ports that it did not register do not count.
    pub(crate) fn take(&mut self, agent: &AgentId, load: &Load, agents: &Agents) {
        let Some(record) = agents.get(agent) else { return };
        let own = || load.ports.iter().filter(|port| record.ports.contains(&port.port));
        let open: u64 = own().map(|port| u64::from(port.open)).sum();
        let closed: u64 = own().map(|port| u64::from(port.closed)).sum();
        let period_s = load.period_ms as f64 / 1_000.0;
        let before = self.0.get(agent).map_or(open, |last| last.open);
        // Comings and goings by themselves make the number sway by the root of both.
        let chance = 2.0 * (2.0 * open as f64).sqrt();
        let growth = (open.saturating_sub(before) as f64 - chance).max(0.0);
        let (closed_per_s, growth_per_s) = (closed as f64 / period_s, growth / period_s);
        self.0.insert(agent.clone(), AgentLoad { open, closed_per_s, growth_per_s });
    }

    /// What an agent told, while it is there.
    pub(crate) fn of(&self, agent: &AgentId, agents: &Agents, now: Time) -> Option<AgentLoad> {
        self.0.get(agent).copied().filter(|_| agents.is_there(agent, now))
    }

    /// What is known of each region. Agents that are away do not count: where all are, nothing is.
    pub(crate) fn by_region(&mut self, agents: &Agents, now: Time) -> BTreeMap<Region, RegionLoad> {
        self.0.retain(|agent, _| agents.get(agent).is_some());
        let mut regions: BTreeMap<Region, RegionLoad> = BTreeMap::new();
        for (agent, load) in &self.0 {
            let record = agents.get(agent).filter(|_| agents.is_there(agent, now));
            let Some(region) = record.and_then(|record| record.region.as_ref()) else { continue };
            let sum = regions.entry(region.clone()).or_default();
            sum.open += load.open;
            sum.closed_per_s += load.closed_per_s;
            sum.growth_per_s += load.growth_per_s;
        }
        regions
    }
}
