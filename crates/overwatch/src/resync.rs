//! From one process to the next: who was there, and whether all of them are again.

use health::{Authority, SessionLiveness, Standing};
use latency::Position;
use model::{AgentId, BackendKey, Time};

use crate::Overwatch;
use crate::agents::AgentRecord;

/// An agent with rows that was heard this long ago is waited for. A hand-over that came to nothing cuts all
/// off for a minute, and a host that is loaded dials late; who is away for longer has ended, and would make
/// each hand-over wait in vain.
const AWAITED_MS: u64 = 300_000;

impl Overwatch {
    /// The agents that are there, or that answers go by and that were there a moment ago; and as far as each
    /// has told what it learned; nothing where it tells nothing.
    #[must_use]
    pub fn positions(&self, now: Time) -> Vec<(AgentId, Option<Position>)> {
        let awaited = self.agents.iter().filter(|(agent, record)| {
            self.is_alive(agent, now) || self.is_missed_with_rows(agent, record, now)
        });
        awaited.map(|(agent, _)| (agent.clone(), self.table.position(agent))).collect()
    }

    /// Whether an agent whose rows are in the maps may come back any moment: a late heartbeat, a connection
    /// that was cut.
    fn is_missed_with_rows(&self, agent: &AgentId, record: &AgentRecord, now: Time) -> bool {
        let may_come = match self.agents.liveness(agent, now) {
            SessionLiveness::Gone => false,
            SessionLiveness::Stale => {
                record.last_seen.is_some_and(|at| now.ms_since(at) < AWAITED_MS)
            }
            _ => true,
        };
        may_come && self.table.rows_of(agent) > 0
    }

    /// Whether an agent is there and has told at least as much; or is another life of it.
    #[must_use]
    pub fn has_caught_up(&self, agent: &AgentId, with: Option<Position>, now: Time) -> bool {
        let has_told = with.is_none_or(|with| {
            self.table
                .position(agent)
                .is_some_and(|told| (told.epoch, told.sequence) >= (with.epoch, with.sequence))
        });
        has_told && self.is_alive(agent, now)
    }

    /// The servers, sorted: who speaks for each, how it stands and who says so.
    pub fn standings(
        &self,
    ) -> impl Iterator<Item = (&BackendKey, Option<&AgentId>, (Standing, Authority))> {
        let entries = self.registry.entries();
        entries.map(|entry| (&entry.backend.key, entry.agent.as_ref(), entry.standing))
    }

    /// Whether everything that was learned is in the maps.
    #[must_use]
    pub fn is_compiled(&self) -> bool {
        self.learning().all(|learning| !learning.is_behind())
    }

    fn is_alive(&self, agent: &AgentId, now: Time) -> bool {
        self.agents.liveness(agent, now) == SessionLiveness::Alive
    }
}
