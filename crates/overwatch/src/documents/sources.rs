//! Sources from outside: who they are, and what came of what they said.

use api::sources::{Source, Sources};
use model::{AgentId, Time};

use super::held_of;
use crate::Overwatch;

impl Overwatch {
    /// `GET /api/v1/overwatch/sources`.
    #[must_use]
    pub fn source_list(&self, now: Time) -> Sources {
        let sources = self.outside.iter().map(|(name, outside)| {
            let id = AgentId::of_source(name);
            let refused = outside.last.as_ref().and_then(|(_, taken)| taken.as_ref().err());
            Source {
                name: name.to_string(),
                service: outside.service.to_string(),
                regions: outside.ports.keys().map(ToString::to_string).collect(),
                last_report: outside.last.as_ref().map(|(at, _)| at.to_rfc3339()),
                refused: refused.map(ToString::to_string),
                latency_rows: self.table.rows_of(&id),
                latency_rows_waiting: self.table.rows_waiting(&id),
                held: self.table.held(&id).map(held_of),
            }
        });
        Sources { sources: sources.collect(), generated_at: now.to_rfc3339() }
    }
}
