//! What only an agent reads.

use std::net::IpAddr;

use health::CheckSpec;
use latency::LearningSettings;
use model::{AgentId, Region, Service};

use crate::values::{HostPort, MeshKey, Secret};

/// `agent`.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentConfig {
    /// Who the agent is.
    pub identity: AgentIdentity,
    /// The servers it speaks for; at least one, no two the same.
    pub backends: Vec<AgentBackend>,
    /// The mesh keys: one, or two while they are changed. The first is the one to prefer.
    pub encryption_keys: Vec<MeshKey>,
    /// The overwatches it knows from the start; at least one.
    pub overwatch_nodes: Vec<HostPort>,
    /// Milliseconds between two heartbeats.
    pub heartbeat_interval_ms: u64,
    /// Heartbeats that may be missed before its backends are stale.
    pub missed_threshold: u32,
    /// How it learns; `None` where learning is off.
    pub learning: Option<LearningSettings>,
    /// Whether it hears of connections that end in other network namespaces.
    pub hears_all_namespaces: bool,
    /// How it takes load off servers that strain; `None` where it does not.
    pub predictive: Option<PredictiveSettings>,
}

/// `agent.predictive`.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictiveSettings {
    /// Milliseconds between two looks at the machine.
    pub check_interval_ms: u64,
    /// When each signal strains.
    pub limits: health::Limits,
    /// Milliseconds for which a check counts in the error rate.
    pub error_window_ms: u64,
}

/// `agent.identity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentIdentity {
    /// The name in its certificate.
    pub agent_id: AgentId,
    /// What proves that it may speak for its services.
    pub service_token: Secret,
    /// The site it stands in.
    pub region: Region,
    /// Where its certificate is, or will be made.
    pub cert_path: String,
    /// Where its private key is, or will be made.
    pub key_path: String,
}

/// One of `agent.backends`.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentBackend {
    /// What it serves.
    pub service: Service,
    /// The address that DNS answers with.
    pub address: IpAddr,
    /// The port that clients connect to, and that checks go to.
    pub port: u16,
    /// The local port on which the clients' connections end; differs from `port` on a proxy.
    pub listen_port: u16,
    /// Its share among the servers of its region; 0 takes it out of the answers.
    pub weight: u32,
    /// How the agent, and the overwatches, check it.
    pub check: CheckSpec,
}
