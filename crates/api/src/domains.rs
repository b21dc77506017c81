//! `GET /api/v1/domains`: what is steered and how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All steered domains, sorted by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Domains {
    /// The domains.
    pub domains: Vec<Domain>,
}

/// One steered domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Domain {
    /// Its name, without the final dot.
    pub name: String,
    /// The algorithm by its name in the configuration, as in `learned_latency`.
    pub routing_algorithm: String,
    /// The regions it may be answered from, in the configured order.
    pub regions: Vec<String>,
    /// The TTL of its answers in seconds.
    pub ttl: u32,
    /// How full its regions are; only those that have a capacity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capacity: Vec<RegionCapacity>,
    /// The limits on latency; only where the algorithm has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_config: Option<LatencyConfig>,
    /// Who defines it: `file` or `api`; what a file defines is changed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What was noted of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The file; absent where it was made through the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// How full a region is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RegionCapacity {
    /// Its name.
    pub region: String,
    /// The most open connections it is to have, with all services.
    pub capacity: u64,
    /// Those it has; absent where no agent tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_connections: Option<u64>,
    /// The share of this domain's clients that is sent on to their next region, from 0 to 1.
    pub spilled_share: f64,
}

/// A domain's limits on latency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LatencyConfig {
    /// Regions slower than this are left out where a faster one exists; absent where there is no
    /// limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_latency_ms: Option<u32>,
    /// How many measured connections make a row count as learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_samples: Option<u64>,
}
