//! Which limits of the table bind: a line when one begins to, a line when it no longer does. Must never count:
//! the table does.

use std::fmt;

use latency::{Limit, Turn};
use model::{AgentId, Time};

use crate::{Effect, Note, Overwatch};

/// Agents that a line names; the first ones are enough to look at.
const NAMED_MAX: usize = 3;

/// The limits as they were last said to be.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    of_all: Limit,
    of_one: Limit,
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
    /// Rows of an agent make room for other ones of it.
    AgentFull {
        /// Who has as many rows as one may have; a few of them.
        agents: Vec<AgentId>,
        /// The most rows that are kept of one.
        max: usize,
    },
    /// Lately no agent's did.
    AgentsHaveRoom,
}

impl LimitNote {
    /// Whether something is lost from now on.
    pub(crate) const fn is_loss(&self) -> bool {
        matches!(self, Self::TableFull { .. } | Self::AgentFull { .. })
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
        let max = limits.rows_per_agent_max;
        let of_one = self.limits.of_one.look(counters.evicted, now).map(|turn| match turn {
            Turn::Begins => {
                let full = self.table.agents().filter(|agent| self.table.rows_of(agent) >= max);
                LimitNote::AgentFull { agents: full.take(NAMED_MAX).cloned().collect(), max }
            }
            Turn::Ends => LimitNote::AgentsHaveRoom,
        });
        let notes = of_all.into_iter().chain(of_one);
        out.extend(notes.map(|note| Effect::Log(Note::Limit(note))));
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
                f.write_str("the table of learned rows had room for all new ones for an hour")
            }
            Self::AgentFull { agents, max } => {
                let names: Vec<&str> = agents.iter().map(AgentId::as_str).collect();
                write!(
                    f,
                    "an agent has more learned rows than are kept of one, {max}: {}; those observed longest ago make \
                     room: raise overwatch.latency_table.max_rows_per_agent, or lower that agent's \
                     agent.latency_learning.max_subnets",
                    names.join(", ")
                )
            }
            Self::AgentsHaveRoom => {
                f.write_str("no agent's learned rows had to make room for an hour")
            }
        }
    }
}
