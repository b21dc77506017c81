//! `GET /api/v1/overwatch/backends`: every server, its standing, and who says so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `POST /api/v1/overwatch/backends/{service}/{address}/{port}/override`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// What the backend is from now on.
    pub healthy: bool,
}

/// All backends, sorted by service, address and port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backends {
    /// The backends.
    pub backends: Vec<Backend>,
    /// When this was true: RFC 3339, UTC, whole seconds.
    pub generated_at: String,
}

/// One server of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backend {
    /// The service it offers.
    pub service: String,
    /// Its address.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Its share among the servers of its region.
    pub weight: u32,
    /// The agent that speaks for it; absent for one from the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Its region.
    pub region: String,
    /// What answers go by: `healthy`, `doubtful`, `unhealthy` or `draining`.
    pub effective_status: String,
    /// Whose word that is: `override`, `drain`, `validation`, `session`, `agent` or `static`.
    pub authority: String,
    /// What its agent last said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_healthy: Option<bool>,
    /// When its agent was last heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_last_seen: Option<String>,
    /// What the overwatch's own check says, once it has said anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_healthy: Option<bool>,
    /// When it last checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_last_check: Option<String>,
    /// Why the last check failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_error: Option<String>,
}
