//! Whose record goes: where a new agent needs the room, and after a long time away.
//!
//! Must never choose one that is there, that holds servers, or of which an operator said something.

use std::collections::BTreeSet;

use model::{AgentId, Time};

use super::{AgentRecord, Agents, PinState};

/// Who is away for less keeps its record, however full it is: ten minutes, far more than an agent waits
/// between two tries, so that nobody loses its name by a restart.
pub(super) const AWAY_MS_MIN: u64 = 600_000;

/// Who is away for so long is forgotten, full or not: a month, longer than any holiday that a machine is
/// switched off for. It may come back; under `approve` an operator says yes again.
pub(crate) const AWAY_MS_MAX: u64 = 31 * 86_400_000;

impl Agents {
    /// Whether there is no room for one more name, not even in place of one that waits for an operator.
    pub(crate) fn is_full(&self) -> bool {
        let is_waiting = |record: &AgentRecord| record.pin.state == PinState::Pending;
        self.records.len() >= self.records_max && !self.records.values().any(is_waiting)
    }

    /// Makes room for one more name: at the limit, the one that has waited longest for an operator
    /// goes. Says whether there is room.
    pub(super) fn make_room(&mut self) -> bool {
        if self.records.len() < self.records_max {
            return true;
        }
        let waiting = self.records.iter().filter(|(_, r)| r.pin.state == PinState::Pending);
        let oldest = waiting.min_by_key(|(_, record)| record.pin.first_seen);
        let oldest = oldest.map(|(id, _)| id.clone());
        oldest.is_some_and(|id| self.records.remove(&id).is_some())
    }

    /// Agents of which nothing is lost but their keys and rows if they are forgotten, and since when they
    /// are away: `started` where they were not heard since. `holding` are those with servers.
    pub(crate) fn dispensable(
        &self,
        holding: &BTreeSet<AgentId>,
        started: Time,
        now: Time,
    ) -> impl Iterator<Item = (Time, &AgentId)> {
        let is_dispensable = move |(id, record): &(&AgentId, &AgentRecord)| {
            let AgentRecord { pin, link, newcomer, .. } = *record;
            let is_of_note = pin.held.is_some() || !pin.blocked.is_empty() || newcomer.is_some();
            pin.state == PinState::Enrolled
                && !is_of_note
                && link.is_none()
                && !self.is_there(id, now)
                && !holding.contains(*id)
        };
        let gone = self.records.iter().filter(is_dispensable);
        let gone = gone.map(move |(id, record)| (record.last_seen.unwrap_or(started), id));
        gone.filter(move |(since, _)| now.ms_since(*since) >= AWAY_MS_MIN)
    }
}
