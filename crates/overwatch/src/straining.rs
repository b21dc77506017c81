//! Backends that strain: their share of the clients goes down before they fail, and what is said of
//! it.

use std::collections::BTreeSet;

use health::CheckStatus;
use mesh::Condition;
use model::{AgentId, BackendKey, Service, Time};

use crate::registry::strains::Less;
use crate::{Effect, Note, Overwatch};

impl Overwatch {
    /// Takes what an agent tells of its backends; whoever tells nothing has none that strain.
    pub(crate) fn strained(
        &mut self,
        agent: &AgentId,
        condition: &Condition,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let count = |node: &Self| {
            let own = |entry: &&crate::registry::Entry| entry.agent.as_ref() == Some(agent);
            node.registry.entries().filter(own).filter(|entry| entry.less.is_some()).count()
        };
        let before = count(self);
        let changed = self.registry.strain(agent, &condition.backends);
        if changed.is_empty() {
            return;
        }
        let after = count(self);
        match (before, after) {
            (0, 1..) => {
                let strain = condition.backends.iter().find_map(|backend| backend.strain);
                let (agent, backends) = (agent.clone(), after);
                out.push(Effect::Log(Note::Straining { agent, backends, strain }));
            }
            (1.., 0) => out.push(Effect::Log(Note::StrainOver { agent: agent.clone() })),
            _ => {}
        }
        let services = changed.into_iter().map(|key| key.service).collect();
        self.settle_strains(services, now);
        self.settle(now, out);
    }

    /// Servers that get less than their share.
    pub fn strained_servers(&self) -> impl Iterator<Item = Less> {
        self.registry.entries().filter_map(|entry| entry.less)
    }

    /// The checks that have said nothing yet.
    #[must_use]
    pub fn unchecked(&self) -> BTreeSet<BackendKey> {
        let is_unknown = |entry: &&crate::registry::Entry| {
            let validation = entry.validation.as_ref();
            validation.is_some_and(|state| state.status() == CheckStatus::Unknown)
        };
        let unchecked = self.registry.entries().filter(is_unknown);
        unchecked.map(|entry| entry.backend.key.clone()).collect()
    }

    /// Makes the pools of these services anew, and of those where strains came to an end by
    /// themselves or servers are to be drained. Who calls it publishes.
    pub(crate) fn settle_strains(&mut self, mut services: BTreeSet<Service>, now: Time) {
        let agents = &self.agents;
        services.extend(self.registry.settle_strains(|agent| agents.liveness(agent, now)));
        if !services.is_empty() {
            self.publisher.stand(&services, &self.registry, now);
        }
    }
}
