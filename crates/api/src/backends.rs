//! `GET /api/v1/overwatch/backends`: every server, its standing, and who says so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `POST /api/v1/overwatch/backends/{service}/{address}/{port}/override`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// What the backend is from now on.
    pub healthy: bool,
    /// Why, in a sentence; at most 500 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// After how many seconds it ends by itself; it does not where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<u64>,
}

/// All backends, sorted by service, address and port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Backends {
    /// The backends.
    pub backends: Vec<Backend>,
    /// When this was true: RFC 3339, UTC, whole seconds.
    pub generated_at: String,
}

/// One server of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Whose word that is: `override`, `draining`, `validation`, `session`, `claim` or `static`.
    pub authority: String,
    /// Why an operator says so, who that is, since when and until when.
    #[serde(flatten)]
    pub word: Word,
    /// The share of its weight that it is drained of now, from 0 to 1; absent where of nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained_share: Option<f64>,
    /// The share of its weight that it gets while it strains, from 0 to 1; absent where it gets all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strained_share: Option<f64>,
    /// What strains it, as its agent measures; absent where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strain: Option<Strain>,
    /// Whole days until the certificate ends that it last showed to a check, negative once it has;
    /// absent where none was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_days_left: Option<i64>,
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

/// Something that was over its limit when an agent looked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Strain {
    /// `cpu`, `memory`, `load` or `error_rate`.
    pub signal: String,
    /// What it was: a percentage, or for `load` the load average for each processor.
    pub value: f64,
    /// Its limit, in the same.
    pub threshold: f64,
}

/// What an operator said: why, who, and for how long. All absent where none said anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Word {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The name of a token, or `control socket`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Since when: RFC 3339, UTC, whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}
