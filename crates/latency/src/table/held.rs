//! Agents whose word does not count until an operator accepts it: what they said before stays in
//! force, what they say is kept apart. Decides it from the rows alone; tells nobody.
//!
//! See `docs/decisions/0038-an-agent-is-held.md`.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{AgentId, Subnet, Time};

use super::Table;
use super::agent::{AgentRows, Waiting};
use super::changes::Changes;
use super::level::{DOWNWARDS_MS, Fall, Level};

/// So many networks that fell together hold an agent: more than one provider's new cable changes,
/// and few enough that a liar is stopped before it gains much.
const NETWORKS_MIN: usize = 50;

/// They must also be this part of a hundred of the networks measured in the same time: of an agent
/// with ten thousand, fifty fall by chance now and then.
const NETWORKS_PERCENT: usize = 5;

/// How long a row that fell waits before it counts, and so how long falls are counted together:
/// twenty of the usual report intervals, in which a busy agent's networks all show. A better path is
/// used so much later.
pub(super) const WAIT_MS: u64 = 600_000;

/// That an agent is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Since when.
    pub since: Time,
    /// Why.
    pub why: Suspicion,
    /// How many networks were against it when it was held; none where that is not known any more.
    pub networks: usize,
}

/// Why an agent is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// Too many networks fell too deep at once.
    Fell,
    /// Too many new networks have one and the same time.
    Alike,
    /// It was held before a restart.
    Before,
}

impl Suspicion {
    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fell => "fell",
            Self::Alike => "alike",
            Self::Before => "before",
        }
    }
}

impl Table {
    /// Whether an agent is held, and why.
    #[must_use]
    pub fn held(&self, agent: &AgentId) -> Option<Held> {
        self.agents.get(agent)?.held
    }

    /// Rows of an agent that do not count: those kept apart while it is held, and else those that
    /// fell and wait.
    #[must_use]
    pub fn rows_waiting(&self, agent: &AgentId) -> usize {
        self.agents.get(agent).map_or(0, |known| known.waiting())
    }

    /// Holds an agent that was held before a restart. One that is held stays so.
    pub fn hold(&mut self, agent: &AgentId, since: Time) {
        let known = Arc::make_mut(self.agents.entry(agent.clone()).or_default());
        known.held.get_or_insert(Held { since, why: Suspicion::Before, networks: 0 });
    }

    /// An operator's word that what a held agent says is so: its rows count, and what is usual
    /// begins anew. Says whether it was held.
    pub fn accept(&mut self, agent: &AgentId, now: Time) -> bool {
        let Some(known) = self.agents.get_mut(agent) else { return false };
        let known = Arc::make_mut(known);
        if known.held.take().is_none() {
            return false;
        }
        let before = known.len();
        // The limit of the whole table holds here too; what finds no room comes again in an hour.
        let room = self.limits.rows_max.saturating_sub(self.len);
        self.counters.left_out += known.believe(room, &mut self.changes, |_| true);
        for port in known.ports.values_mut() {
            port.rows.pass(now);
            port.rows.change_all(|row| row.level = Level::new(row.rtt, now));
        }
        let evicted = known.evict_beyond(self.limits.rows_per_agent_max, &mut self.changes);
        self.counters.evicted += evicted as u64;
        self.len = self.len.saturating_sub(before) + known.len();
        true
    }
}

impl AgentRows {
    /// Holds the agent where what it has said lately cannot be; `alike` are the new networks of its
    /// last report that have one time.
    pub(super) fn judge(&mut self, alike: usize, changes: &mut Changes, now: Time) -> Option<Held> {
        if self.held.is_some() {
            return None;
        }
        let suspicion = self.fallen(now).map(|networks| (Suspicion::Fell, networks));
        let (why, networks) = suspicion.or_else(|| self.alike(alike, now))?;
        self.held = Some(Held { since: now, why, networks });
        self.withdraw_since(now.minus_ms(WAIT_MS), changes, now);
        self.held
    }

    /// How many networks fell deep, if they are too many. Walks all rows only where they may be.
    fn fallen(&mut self, now: Time) -> Option<usize> {
        let mut few = 0;
        for port in self.ports.values_mut() {
            let rows = &port.rows;
            port.fallen.retain(|s| rows.get(*s).is_some_and(|row| row.level.is_fallen()));
            few += port.fallen.len() + port.waiting.len();
        }
        if few < NETWORKS_MIN {
            return None;
        }
        let deep = |(subnet, waiting): (&Subnet, &Waiting)| {
            (waiting.fall == Fall::Deep).then_some(*subnet)
        };
        let waiting = || self.ports.values().flat_map(|port| port.waiting.iter());
        let rows = self.ports.values().flat_map(|port| port.rows.iter());
        let lately =
            || rows.clone().filter(|(_, row)| now.ms_since(row.observed_at) < DOWNWARDS_MS);
        // An average follows a lie by steps, and each network in its own time: those that were
        // believed count on until what they fell to is usual.
        let believed = lately().filter(|(_, row)| row.level.is_fallen()).map(|(subnet, _)| subnet);
        let fallen: BTreeSet<Subnet> = waiting().filter_map(deep).chain(believed).collect();
        if fallen.len() < NETWORKS_MIN {
            return None;
        }
        let measured: BTreeSet<Subnet> = lately()
            .map(|(subnet, _)| subnet)
            .chain(waiting().map(|(subnet, _)| *subnet))
            .collect();
        (fallen.len() * 100 >= measured.len() * NETWORKS_PERCENT).then_some(fallen.len())
    }

    /// One time for many new networks, from an agent whose others are known for long.
    fn alike(&self, alike: usize, now: Time) -> Option<(Suspicion, usize)> {
        if alike < NETWORKS_MIN {
            return None;
        }
        let rows = self.ports.values().flat_map(|port| port.rows.iter());
        let settled = rows.filter(|(_, row)| row.level.is_settled(now)).count();
        (settled >= NETWORKS_MIN).then_some((Suspicion::Alike, alike))
    }

    /// Takes the networks that came since then out of force: they came with what is not believed.
    fn withdraw_since(&mut self, then: Time, changes: &mut Changes, now: Time) {
        for port in self.ports.values_mut() {
            let rows = port.rows.iter().filter(|(_, row)| row.level.since > then);
            let new: Vec<_> = rows.collect();
            changes.mark(&port.lane, new.iter().map(|(subnet, _)| *subnet));
            for (subnet, row) in new {
                port.rows.remove(subnet);
                port.waiting.insert(subnet, Waiting { row, since: now, fall: Fall::None });
            }
        }
    }

    /// Lets the waiting rows that `is_due` names count. At most `room` of them may be new; tells how many
    /// others were left out.
    pub(super) fn believe(
        &mut self,
        mut room: usize,
        changes: &mut Changes,
        is_due: impl Fn(&Waiting) -> bool,
    ) -> u64 {
        let mut left_out = 0;
        for port in self.ports.values_mut() {
            let due = port.waiting.iter().filter(|(_, waiting)| is_due(waiting));
            let due: Vec<(Subnet, Waiting)> = due.map(|(subnet, w)| (*subnet, *w)).collect();
            changes.mark(&port.lane, due.iter().map(|(subnet, _)| *subnet));
            for (subnet, waiting) in due {
                port.waiting.remove(&subnet);
                let is_new = !port.rows.contains(subnet);
                if is_new && room == 0 {
                    left_out += 1;
                    continue;
                }
                room -= usize::from(is_new);
                port.believe(subnet, waiting.row);
            }
        }
        left_out
    }
}

#[cfg(test)]
mod tests;
