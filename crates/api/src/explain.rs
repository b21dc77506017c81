//! `GET /api/v1/routing/explain?domain=&client=`: where a client is sent, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A decision and what it was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The domain, as the configuration writes it.
    pub domain: String,
    /// The client network that was asked about; of one that holds several blocks, its first address
    /// is explained.
    pub client: String,
    /// The algorithm by its name in the configuration.
    pub routing_algorithm: String,
    /// Why, in one plain sentence.
    pub why: String,
    /// What is answered.
    pub decision: Decision,
    /// What geography knows of the client.
    pub geography: Geography,
    /// The pin around the client, where an operator made one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pinned>,
    /// Every region of the domain: first those the client may use, in the order in which they are
    /// taken, then those that a constraint forbids.
    pub candidates: Vec<Candidate>,
    /// Where the client stays; absent where the domain does not learn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What is tried; absent where the domain does not learn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploration: Option<Exploration>,
    /// When this was true: RFC 3339, UTC, whole seconds.
    pub generated_at: String,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// The region; absent where no server may be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The reason, as the log and the metrics write it.
    pub reason: String,
    /// The addresses, of both families; of those that take turns, as the first turn has them.
    pub addresses: Vec<String>,
    /// The network that is decided alike.
    pub block: String,
    /// For how many seconds an answer may be kept.
    pub ttl: u32,
}

/// What geography knows of the client.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Geography {
    /// The region that the operator assigned its network to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_region: Option<String>,
    /// Its country, two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The number of its autonomous system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// Where it is, in degrees north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Where it is, in degrees east.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
}

/// A pin around the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pinned {
    /// The network that is pinned.
    pub network: String,
    /// The region.
    pub region: String,
    /// Whether a constraint forbids it: then the pin does nothing.
    pub is_forbidden: bool,
}

/// One region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Its name.
    pub region: String,
    /// Whether the client is sent there.
    pub chosen: bool,
    /// The reason it has, or would have, were it the first that serves; absent where a constraint
    /// forbids it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What speaks against it: `constraint`, `no_server`, `no_server_up`, `servers_draining`,
    /// `drained`, `full`, `doubtful` or `over_max_latency`; absent where it merely stands behind the chosen
    /// one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded: Option<String>,
    /// The share of its clients that an operator drains, from 0 to 1, whether or not this client is
    /// one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drained_share: Option<f64>,
    /// The connect time from the overwatch, in microseconds, where the domain goes by that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_rtt_us: Option<u32>,
    /// What is believed, where the domain learns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// Why it is not tried: `held`, `exploration_off`, `nothing_to_beat`, `over_max_latency`,
    /// `not_promising`, `no_agent`, `given_up` or `others_first`; absent where it is, and where the
    /// domain does not learn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_tried: Option<String>,
    /// Until when it is not tried again after it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_up_until: Option<String>,
    /// The share of its slots in which the block tries it, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tried_share: Option<f64>,
    /// How many connections should have been measured there since it is tried, and were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmeasured_connections: Option<u32>,
}

/// A round-trip time and how firmly it is believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The time in microseconds; absent where nothing at all is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u32>,
    /// The lower end of the interval, which holds nine of ten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_us: Option<u32>,
    /// The upper end of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_us: Option<u32>,
    /// What weighs most in it: `own_subnet`, `prefix`, `as_place`, `place`, `as_country`, `country`,
    /// `clients` (of a resolver), `region`, `distance` or `nothing`.
    pub source: String,
    /// The effective samples of that source: connections of the network itself, networks of a wider
    /// group.
    pub samples: u32,
    /// Whether these are enough to go by.
    pub learned: bool,
    /// How long ago that source was observed, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
    /// The network's own row of the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_row: Option<OwnRow>,
}

/// A row of the learned table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnRow {
    /// The round-trip time in microseconds.
    pub rtt_us: u32,
    /// How many connections were measured.
    pub samples: u64,
    /// When the last one was: RFC 3339, UTC, whole seconds.
    pub last_updated: String,
}

/// Where the client stays, and what would move it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// Whom it is judged with: its own network, the one around others that were measured, `class`
    /// for its class of geography, or a resolver's network.
    pub judged_as: String,
    /// The region.
    pub region: String,
    /// When it moved there; absent where it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// It leaves for a region below this, in microseconds, once that is learned and sure; absent
    /// where nothing is known of the present one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaves_below_us: Option<u32>,
    /// The connections that must have been measured before a region counts as learned.
    pub min_samples: u32,
    /// Where it would rather be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wishes: Option<String>,
    /// What it waits for: `pinned`, `frozen`, `dwell` or `moves_per_minute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Until when it stays, where it waits for `dwell`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<String>,
}

/// What is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exploration {
    /// Why nothing is: `configuration`, `operator`, `frozen` or `pinned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off: Option<String>,
    /// When the slot ends and it is decided anew: RFC 3339, UTC, whole seconds.
    pub slot_ends: String,
    /// The region that this slot is for; absent where it is an ordinary one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub this_slot: Option<String>,
}
