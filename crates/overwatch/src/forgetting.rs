//! Agents that are known no more: those an operator names, those that make room for a new one, and those
//! that have been away for a month.

use std::collections::BTreeSet;

use model::{AgentId, BackendKey, Time};

use crate::agents::room::AWAY_MS_MAX;
use crate::{Change, Effect, Note, Overwatch};

impl Overwatch {
    /// Makes room for an agent that is not known, where there is none: the one that has been away longest
    /// goes, if nothing but its key and rows goes with it.
    pub(crate) fn make_room_for(&mut self, agent: &AgentId, now: Time, out: &mut Vec<Effect>) {
        if self.agents.get(agent).is_some() || !self.agents.is_full() {
            return;
        }
        let holding = self.holding();
        let longest = self.agents.dispensable(&holding, self.started, now).min();
        if let Some((since, agent)) = longest.map(|(since, agent)| (since, agent.clone())) {
            self.forget_gone(agent, since, now, out);
        }
    }

    /// Forgets whoever has been away for too long.
    pub(crate) fn forget_long_gone(&mut self, now: Time, out: &mut Vec<Effect>) {
        let holding = self.holding();
        let gone = self.agents.dispensable(&holding, self.started, now);
        let gone = gone.filter(|(since, _)| now.ms_since(*since) >= AWAY_MS_MAX);
        let gone: Vec<(Time, AgentId)> =
            gone.map(|(since, agent)| (since, agent.clone())).collect();
        for (since, agent) in gone {
            self.forget_gone(agent, since, now, out);
        }
    }

    fn forget_gone(&mut self, agent: AgentId, since: Time, now: Time, out: &mut Vec<Effect>) {
        self.forget(&agent, now, out);
        out.push(Effect::Log(Note::AgentForgotten { agent, since }));
    }

    /// Agents that hold servers.
    fn holding(&self) -> BTreeSet<AgentId> {
        self.registry.entries().filter_map(|entry| entry.agent.clone()).collect()
    }

    /// Knows an agent no more: neither its key nor what it offered. Its name is free.
    pub(crate) fn forget(&mut self, agent: &AgentId, now: Time, out: &mut Vec<Effect>) {
        self.disconnect_agent(agent, now, out);
        let held = self.registry.entries().filter(|entry| entry.agent.as_ref() == Some(agent));
        let held: Vec<BackendKey> = held.map(|entry| entry.backend.key.clone()).collect();
        self.registry.release(agent, |_| true);
        self.table.forget(agent);
        self.peers.forget(agent);
        self.touched.extend(held);
        self.agents.forget(agent);
        out.push(Effect::Keep(vec![Change::RemovePin(agent.clone())]));
    }

    /// Ends an agent's session here, if it has one.
    pub(crate) fn disconnect_agent(&mut self, agent: &AgentId, now: Time, out: &mut Vec<Effect>) {
        if let Some(link) = self.agents.get(agent).and_then(|record| record.link) {
            self.disconnect(link, now, out);
        }
    }
}
