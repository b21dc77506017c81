//! `GET /api/v1/overwatch/sources`: who reports times that is no agent, and what came of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::agents::Held;

/// All sources of `api.latency_sources`, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sources {
    /// The sources.
    pub sources: Vec<Source>,
    /// When this was true: RFC 3339, UTC, whole seconds.
    pub generated_at: String,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Its name, as in the configuration.
    pub name: String,
    /// The service that its times are of.
    pub service: String,
    /// The regions that it may report.
    pub regions: Vec<String>,
    /// When it last reported; absent if not since the overwatch started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_report: Option<String>,
    /// Why its last report was refused; absent where it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// How many rows of the table are its own.
    pub latency_rows: usize,
    /// How many rows of its reports are kept apart: all that came since it is held, or those that fell
    /// and wait.
    pub latency_rows_waiting: usize,
    /// That its reports do not count; absent where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}
