//! Whether the overwatch lives, is ready, and what it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `GET /api/v1/live`: the process answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Live {
    /// Always true: who is not alive does not answer.
    pub alive: bool,
}

/// `GET /api/v1/ready`: 200 where DNS is being answered from checked knowledge, else 503.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ready {
    /// All of the below.
    pub ready: bool,
    /// What is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The DNS sockets are bound and served.
    pub dns_ready: bool,
    /// Every domain has a server whose standing is known.
    pub health_ready: bool,
    /// Every zone that is to be signed is, by keys and a clock that are good; so too where none is.
    #[serde(default = "yes")]
    pub signing_ready: bool,
    /// How many other overwatches are known. Not to reach them is said in the message; this one answers
    /// all the same.
    #[serde(default)]
    pub peers_known: usize,
    /// How many of them are reached.
    #[serde(default)]
    pub peers_connected: usize,
    /// How it stands with etcd; absent where nothing is shared. Not to reach it is said in the message
    /// too; this one answers all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etcd: Option<SharedStore>,
}

/// How an overwatch stands with etcd, which holds what operators make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SharedStore {
    /// It is reached, and all that is there is known here. If not, answers go on by what was known, and
    /// changes are refused.
    pub in_step: bool,
    /// Since when it is not: RFC 3339, UTC, whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// This overwatch looks after what is shared, and makes zones' keys.
    pub holder: bool,
}

/// What an overwatch that does not speak of signing means.
const fn yes() -> bool {
    true
}

/// `GET /api/v1/version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// The release.
    pub version: String,
    /// Operating system and processor, as in `linux/x86_64`.
    pub platform: String,
    /// SHA-256, in hex, of all settings that decide answers: two overwatches of one release with the
    /// same digest go by the same zones, domains, servers and geography. Secrets are not in it.
    pub config_digest: String,
    /// The parts of the sandbox that are in force in this process: `no_new_privs`, `capabilities`,
    /// `memory`, `landlock`, `seccomp`.
    #[serde(default)]
    pub sandbox: Vec<String>,
    /// When this was said: RFC 3339, UTC, whole seconds.
    pub generated_at: String,
}

/// `GET /api/v1/cluster/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterStatus {
    /// Every enrolled agent is connected and every backend healthy.
    pub cluster_healthy: bool,
    /// The overwatch that answers.
    pub overwatch: OverwatchStatus,
    /// The agents, sorted by id.
    pub agents: Vec<AgentStatus>,
    /// What the asker expected (`?expected_agents=N`); then it counts for `cluster_healthy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_agents: Option<usize>,
    /// How many agents are connected.
    pub healthy_agents: usize,
    /// The backends by standing.
    pub backend_summary: BackendSummary,
    /// How the overwatch stands with etcd; absent where nothing is shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etcd: Option<SharedStore>,
    /// When this was true: RFC 3339, UTC, whole seconds.
    pub generated_at: String,
}

/// The overwatch that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverwatchStatus {
    /// Its name in the mesh.
    pub node_id: String,
    /// Its site, where it was told one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// `running`.
    pub status: String,
    /// Seconds since it started.
    pub uptime_seconds: u64,
}

/// One agent in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentStatus {
    /// Its name.
    pub agent_id: String,
    /// Its region; absent until it registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// As in [`crate::agents::Agent::status`].
    pub status: String,
    /// When it was last heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// How many backends it speaks for.
    pub backend_count: usize,
}

/// The backends by standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackendSummary {
    /// All.
    pub total: usize,
    /// Those in the answers.
    pub healthy: usize,
    /// Those that are not.
    pub unhealthy: usize,
    /// Those whose agent is silent and which nobody else checks.
    pub stale: usize,
}
