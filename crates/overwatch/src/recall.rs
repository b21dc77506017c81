//! What was learned before a restart: whose rows still count, and that answers go by them from the
//! start.
//!
//! Who is known and who is held is what the store says, since operators' words wait for that and for
//! nothing else.

use std::collections::BTreeMap;

use latency::{Lane, Table};
use model::{AgentId, Region, Service, Time, TokenName};

use crate::outside::Outside;
use crate::{Overwatch, PinState};

/// A table that was kept.
#[derive(Debug)]
pub struct Recalled {
    /// The table, awake ([`Table::wake`]).
    pub table: Table,
    /// Up to when it says all; `None` where it says nothing.
    pub through: Option<Time>,
}

impl Overwatch {
    /// Goes by a table that was kept, and notes what changes from now on. To be called once, before
    /// anything else happens. Says whose rows were dropped: agents that are not enrolled, or under another
    /// key than when the rows came.
    pub fn recall(&mut self, recalled: Recalled, now: Time) -> Vec<AgentId> {
        let Recalled { table, through } = recalled;
        self.table.keep(table);
        let known: Vec<AgentId> = self.table.agents().cloned().collect();
        let mut dropped = Vec::new();
        for agent in known {
            if let Some(source) = agent.source() {
                self.recall_outside(source, &agent);
            } else if self.is_known_since(&agent, through) {
                self.recall_agent(&agent, now);
            } else {
                self.table.forget(&agent);
                dropped.push(agent);
            }
        }
        // As waking did: what is noted from here on follows that.
        self.table.expire(now);
        let table = &self.table;
        self.publisher.recall(|service| {
            let rows = table.rows(service).into_iter();
            rows.map(|(subnet, region, estimate)| (subnet, region, Some(estimate))).collect()
        });
        dropped
    }

    /// Whether an agent may speak, and had its key when what is kept was said: that it was given another,
    /// or was forgotten, may be what is missing at the end.
    fn is_known_since(&self, agent: &AgentId, through: Option<Time>) -> bool {
        let pin = self.agents.get(agent).map(|record| &record.pin);
        pin.is_some_and(|pin| {
            pin.state == PinState::Enrolled && through.is_some_and(|end| pin.first_seen <= end)
        })
    }

    fn recall_agent(&mut self, agent: &AgentId, now: Time) {
        let ports = self.table.ports_of(agent).map(|(port, _)| port).collect();
        // It says itself which of them it has no more.
        let _ = self.agents.ports(agent, ports);
        match (self.table.held(agent), self.is_held(agent)) {
            (None, true) => self.hold_again(agent),
            (Some(_), false) => self.table.accept(agent, now),
            (None, false) | (Some(_), true) => {}
        }
    }

    /// A source has its regions' places in the table again. Whether it is still trusted is told next.
    fn recall_outside(&mut self, source: TokenName, id: &AgentId) {
        let mut ports: BTreeMap<Region, u16> = BTreeMap::new();
        let mut service: Option<Service> = None;
        for (port, Lane { services, region }) in self.table.ports_of(id) {
            ports.insert(region.clone(), port);
            service = services.first().cloned().or(service);
        }
        let heard = self.table.position(id).map_or(0, |position| position.sequence);
        if let Some(service) = service {
            self.outside.insert(source, Outside { service, ports, heard, last: None });
        }
    }

    /// What changed in the table since this was last called, as bytes to be kept; empty where nothing did,
    /// or nothing is kept. `None` where some of it is lost: then the table has to be kept anew.
    pub fn take_steps(&mut self, now: Time) -> Option<Vec<u8>> {
        self.table.take_steps(now)
    }

    /// How many bytes wait to be taken.
    #[must_use]
    pub fn steps_len(&self) -> usize {
        self.table.steps_len()
    }
}
