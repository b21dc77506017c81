//! `GET /api/v1/overwatch/agents`: who reports, and with what standing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All agents ever enrolled, sorted by id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agents {
    /// The agents.
    pub agents: Vec<Agent>,
    /// When this was true: RFC 3339, UTC, whole seconds.
    pub generated_at: String,
}

/// That an agent's reports do not count until an operator accepts them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// Since when: RFC 3339, UTC, whole seconds.
    pub since: String,
    /// `fell` (too many networks at once), `alike` (too many new networks with one time) or `before`
    /// (held before a restart of the overwatch).
    pub reason: String,
    /// How many networks were against it; 0 where that is not known any more.
    pub networks: usize,
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agent {
    /// Its name, as in its certificate.
    pub agent_id: String,
    /// Where it stands; absent until it registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// `connected`, `disconnected`, `pending` (waits for approval) or `revoked`.
    pub status: String,
    /// SHA-256 of the public key that is pinned for it, in hex.
    pub key_sha256: String,
    /// The same of another key that asks for this name; an operator says which one it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newcomer_key_sha256: Option<String>,
    /// When it was last heard; absent if not since the overwatch started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// How many backends it speaks for.
    pub backend_count: usize,
    /// How many rows of the table are its own.
    pub latency_rows: usize,
    /// That its reports do not count; absent where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// How many rows of its reports are kept apart: all that came since it is held, or those that
    /// fell and wait.
    #[serde(default)]
    pub latency_rows_waiting: usize,
    /// How many connections are open at its ports; absent where it does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_connections: Option<u64>,
    /// How many of them close in a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_per_second: Option<f64>,
}
