//! `GET /api/v1/decisions`: decisions as they are made, as server-sent events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One decision: the `data` of an event named `decision`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionMade {
    /// When: RFC 3339, UTC, whole seconds.
    pub at: String,
    /// The client network that the question was decided for.
    pub client: String,
    /// Who asked: a resolver, or the client itself.
    pub asker: String,
    /// The domain.
    pub domain: String,
    /// The region; absent where no server may be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The first address of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The reason, as the log and the metrics write it.
    pub reason: String,
    /// The round-trip time that is believed, in microseconds; absent where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u32>,
    /// The network that the answer holds for.
    pub scope: String,
    /// How many decisions of the same worker were left out since the last one that was shown.
    pub left_out: u64,
}
