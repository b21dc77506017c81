//! Which limits of the table bind: a line when one begins to, a line when it no longer does. Must never count:
//! the table does.

use std::collections::BTreeMap;
use std::fmt;

use latency::{Limit, Table, Turn};
use model::{AgentId, Time};

use crate::{Effect, Note, Overwatch};

/// Agents that a line names; the first ones are enough to look at.
const NAMED_MAX: usize = 3;

/// The limits as they were last said to be.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    of_all: Limit,
    /// Of agents of which rows ever made room; dropped with the agent.
    of_one: BTreeMap<AgentId, Limit>,
    /// How many rows had made room, of all agents, when they were last looked at.
    evicted: u64,
}

/// What is new about one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitNote {
    /// The table has no room for new rows.
    TableFull {
        /// The most rows that it holds.
        max: usize,
    },
    /// It has had room for all lately.
    TableHasRoom,
    /// Rows of agents make room for other ones of the same agent.
    AgentsFull {
        /// Who has as many rows as one may have.
        agents: Vec<AgentId>,
        /// The most rows that are kept of one.
        max: usize,
    },
    /// Of these agents none did lately.
    AgentsHaveRoom {
        /// Who they are.
        agents: Vec<AgentId>,
    },
}

impl LimitNote {
    /// Whether something is lost from now on.
    pub(crate) const fn is_loss(&self) -> bool {
        matches!(self, Self::TableFull { .. } | Self::AgentsFull { .. })
    }
}

impl Limits {
    /// Whose limits begin to bind, and whose bind no more.
    fn look_at_each(&mut self, table: &Table, now: Time) -> [Vec<AgentId>; 2] {
        let mut turned = [Vec::new(), Vec::new()];
        let evicted = std::mem::replace(&mut self.evicted, table.counters().evicted);
        if self.of_one.is_empty() && evicted == self.evicted {
            return turned;
        }
        let mut before = std::mem::take(&mut self.of_one);
        for (agent, evicted) in table.evicted() {
            let mut limit = before.remove(agent).unwrap_or_default();
            let [begins, ends] = &mut turned;
            match limit.look(evicted, now) {
                Some(Turn::Begins) => begins.push(agent.clone()),
                Some(Turn::Ends) => ends.push(agent.clone()),
                None => {}
            }
            self.of_one.insert(agent.clone(), limit);
        }
        turned
    }
}

impl Overwatch {
    /// Says which limits bind since this was last called, and which do no more.
    pub(crate) fn look_at_limits(&mut self, now: Time, out: &mut Vec<Effect>) {
        let (counters, limits) = (self.table.counters(), self.table.limits());
        let of_all = self.limits.of_all.look(counters.left_out, now).map(|turn| match turn {
            Turn::Begins => LimitNote::TableFull { max: limits.rows_max },
            Turn::Ends => LimitNote::TableHasRoom,
        });
        let [full, has_room] = self.limits.look_at_each(&self.table, now);
        let max = limits.rows_per_agent_max;
        let full = Some(full).filter(|agents| !agents.is_empty());
        let full = full.map(|agents| LimitNote::AgentsFull { agents, max });
        let has_room = Some(has_room).filter(|agents| !agents.is_empty());
        let has_room = has_room.map(|agents| LimitNote::AgentsHaveRoom { agents });
        let notes = of_all.into_iter().chain(full).chain(has_room);
        out.extend(notes.map(|note| Effect::Log(Note::Limit(note))));
    }
}

/// The first of them, and how many more there are.
fn named(agents: &[AgentId]) -> String {
    let names: Vec<&str> = agents.iter().take(NAMED_MAX).map(AgentId::as_str).collect();
    let names = names.join(", ");
    match agents.len().saturating_sub(NAMED_MAX) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

impl fmt::Display for LimitNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableFull { max } => write!(
                f,
                "the table of learned rows is full: {max}; new rows are left out, known ones stay fresh: raise \
                 overwatch.latency_table.max_rows"
            ),
            Self::TableHasRoom => {
                f.write_str("the table of learned rows had room for all new ones for two hours")
            }
            Self::AgentsFull { agents, max } => write!(
                f,
                "an agent has more learned rows than are kept of one, {max}: {}; those observed longest ago make \
                 room: raise overwatch.latency_table.max_rows_per_agent, or lower that agent's \
                 agent.latency_learning.max_subnets",
                named(agents)
            ),
            Self::AgentsHaveRoom { agents } => {
                write!(f, "no learned rows had to make room for two hours of {}", named(agents))
            }
        }
    }
}
