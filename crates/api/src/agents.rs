//! `GET /api/v1/overwatch/agents`: who reports, and with what standing.

use serde::{Deserialize, Serialize};

/// All agents ever enrolled, sorted by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agents {
    /// The agents.
    pub agents: Vec<Agent>,
    /// When this was true: RFC 3339, UTC, whole seconds.
    pub generated_at: String,
}

/// One agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}
