//! `GET /api/v1/domains`: what is steered and how.

use serde::{Deserialize, Serialize};

/// All steered domains, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domains {
    /// The domains.
    pub domains: Vec<Domain>,
}

/// One steered domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Its name, without the final dot.
    pub name: String,
    /// The algorithm by its name in the configuration, as in `learned_latency`.
    pub routing_algorithm: String,
    /// The regions it may be answered from, in the configured order.
    pub regions: Vec<String>,
    /// The TTL of its answers in seconds.
    pub ttl: u32,
    /// The limits on latency; only where the algorithm has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_config: Option<LatencyConfig>,
}

/// A domain's limits on latency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyConfig {
    /// Regions slower than this are left out where a faster one exists; absent where there is no
    /// limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_latency_ms: Option<u32>,
    /// How many measured connections make a row count as learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_samples: Option<u64>,
}
