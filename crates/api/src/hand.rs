//! What operators did by hand: pins, drains of regions, what learning may do, resolvers' clients;
//! and the list of what they said. To read them is a `GET`; the bodies of changes are here too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::agents::Held;

/// `GET /api/v1/routing/pins`: sorted by domain and network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pins {
    /// The pins.
    pub pins: Vec<Pin>,
}

/// A network that is sent to a region while that is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pin {
    /// The domain.
    pub domain: String,
    /// The network.
    pub network: String,
    /// The region.
    pub region: String,
    /// Since when: RFC 3339, UTC, whole seconds.
    pub since: String,
    /// Who said so: the name of a token, or `control socket`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Whether the configuration has this domain and this region; without, the pin waits.
    pub in_effect: bool,
}

/// `PUT /api/v1/routing/pins/{domain}/{network}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PinTo {
    /// The region.
    pub region: String,
    /// Why, in a sentence; at most 500 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// After how many seconds it ends by itself; it does not where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<u64>,
}

/// `GET /api/v1/routing/regions`: every region of any domain, and those that are drained though no
/// domain has them; sorted by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Regions {
    /// The regions.
    pub regions: Vec<Region>,
}

/// A region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Region {
    /// Its name.
    pub region: String,
    /// The domains that have it.
    pub domains: Vec<String>,
    /// The share of its clients that is sent elsewhere now, from 0 to 1.
    pub drained_share: f64,
    /// The share that it is on the way to; absent where no operator said anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_share: Option<f64>,
    /// Since when it is drained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Who said so: the name of a token, or `control socket`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the drain ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// When the target will be reached, where it is not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached_at: Option<String>,
}

/// `PUT /api/v1/routing/regions/{region}/drain`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainTo {
    /// The share of the region's clients to send elsewhere, from 0 to 1; 0 takes the drain back.
    pub share: f64,
    /// How long it takes to get there; at once where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_seconds: Option<u64>,
    /// Why, in a sentence; at most 500 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// After how many seconds it ends by itself; it does not where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<u64>,
}

/// `GET /api/v1/routing/learning`: every domain that learns, in the order of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Learning {
    /// The domains.
    pub domains: Vec<DomainLearning>,
    /// The agents whose reports do not count, sorted by name.
    #[serde(default)]
    pub held_agents: Vec<HeldAgent>,
}

/// An agent that is not believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldAgent {
    /// Its name.
    pub agent_id: String,
    /// Since when, and why.
    #[serde(flatten)]
    pub held: Held,
}

/// What the learning of a domain may do, and did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DomainLearning {
    /// The domain.
    pub domain: String,
    /// Who froze it, so that nobody moves but what health moves: `configuration` or `operator`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen_by: Option<String>,
    /// Whether regions are tried.
    pub exploring: bool,
    /// Who switched that off: `configuration`, `operator` or `frozen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploration_off_by: Option<String>,
    /// The share of connections that are explored now, from 0 to 1.
    pub explored_share: f64,
    /// The share of a day's connections that may be.
    #[serde(default)]
    pub budget_share: f64,
    /// Connections sent elsewhere to find out, so far.
    pub explored_connections: u64,
    /// Milliseconds that they lost by it together.
    pub explored_cost_ms: u64,
    /// Networks that moved to a region which they had tried.
    pub found: u64,
    /// Networks that moved.
    pub moved: u64,
    /// Moves that had to wait since enough traffic had moved.
    #[serde(default)]
    pub moves_put_off: u64,
    /// Regions that were tried and never measured.
    pub given_up: u64,
    /// Rows that are not used, since light in fibre is not that fast: forged times, or networks whose
    /// place the database has wrong.
    #[serde(default)]
    pub impossible_rows: usize,
}

/// `PUT /api/v1/routing/learning/{domain}/exploration`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explore {
    /// Whether regions are tried.
    pub enabled: bool,
    /// Why, in a sentence; at most 500 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// After how many seconds it ends by itself; it does not where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<u64>,
}

/// `GET` and `PUT /api/v1/resolvers/weights`: whose questions resolvers ask, as far as the operator
/// knows. A question that names no client network is decided by these together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolverWeights {
    /// The resolvers: at most 1,000, each once.
    pub resolvers: Vec<Resolver>,
}

/// A resolver and its clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolver {
    /// Its network: the address it asks from, as in `192.0.2.53/32`.
    pub resolver: String,
    /// Its clients: at most 256.
    pub clients: Vec<ResolverClient>,
}

/// A network of clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolverClient {
    /// The network.
    pub cidr: String,
    /// Its part of the resolver's questions, in any unit.
    pub weight: u32,
}

/// `GET /api/v1/overwatch/audit`: what operators said, the newest first; the last 1,000.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Audit {
    /// The words.
    pub lines: Vec<AuditLine>,
}

/// One word of an operator that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditLine {
    /// When: RFC 3339, UTC, whole seconds.
    pub at: String,
    /// What was done.
    pub what: String,
    /// By whom: the name of a token, or `control socket`; absent where an earlier release kept the
    /// line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, if they said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
