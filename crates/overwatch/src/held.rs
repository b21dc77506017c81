//! Agents whose reports do not count: named when they are held, kept so over a restart, and released
//! by an operator. What holds one is decided by the table ([`latency::Held`]).

use latency::Held;
use model::{AgentId, Time};

use crate::{Change, Effect, Note, Overwatch};

impl Overwatch {
    /// The table holds an agent from now on: says so, and sees that a restart changes nothing.
    pub(crate) fn held(&mut self, agent: &AgentId, held: Held, out: &mut Vec<Effect>) {
        let Held { since, why, networks } = held;
        out.push(Effect::Log(Note::AgentHeld { agent: agent.clone(), why, networks }));
        self.keep_held(agent, Some(since), out);
    }

    /// Holds an agent that was held in an earlier life, or under another key.
    pub(crate) fn hold_again(&mut self, agent: &AgentId) {
        let since = self.agents.get(agent).and_then(|record| record.pin.held);
        if let Some(since) = since {
            self.table.hold(agent, since);
        }
    }

    /// An operator's word that what a held agent says is so.
    pub(crate) fn accept(&mut self, agent: &AgentId, now: Time, out: &mut Vec<Effect>) -> String {
        let rows = self.table.rows_waiting(agent);
        self.table.accept(agent, now);
        self.keep_held(agent, None, out);
        format!("agent {agent} is believed again; {rows} rows that were kept apart count now")
    }

    /// Whether an agent is held, here or as soon as it speaks.
    pub(crate) fn is_held(&self, agent: &AgentId) -> bool {
        self.agents.get(agent).is_some_and(|record| record.pin.held.is_some())
    }

    /// How many agents are held.
    #[must_use]
    pub fn held_agents(&self) -> usize {
        self.agents.iter().filter(|(_, record)| record.pin.held.is_some()).count()
    }

    fn keep_held(&mut self, agent: &AgentId, since: Option<Time>, out: &mut Vec<Effect>) {
        if let Some(pin) = self.agents.set_held(agent, since) {
            out.push(Effect::Keep(vec![Change::PutPin(agent.clone(), pin)]));
        }
    }
}
