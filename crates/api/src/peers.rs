//! `GET /api/v1/overwatch/peers`: the other overwatches, as this one reaches them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The overwatches that this one dials, sorted by address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Peers {
    /// The name of the overwatch that answers.
    pub node_id: String,
    /// The others; itself is not among them.
    pub peers: Vec<Peer>,
    /// Of all rows that agents told, in hex: two overwatches with the same have the same rows. Some seconds
    /// old.
    pub rows_digest: String,
    /// Of all servers that agents offered, in hex, likewise.
    pub registry_digest: String,
    /// When this was true: RFC 3339, UTC, whole seconds.
    pub generated_at: String,
}

/// One other overwatch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Peer {
    /// Where it is dialled.
    pub address: String,
    /// What it calls itself; absent while there is no session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<String>,
    /// `connected`, or `disconnected`: then it is tried again every few seconds.
    pub status: String,
    /// Why there is no session, where the other end said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// SHA-256 of its public key, in hex; absent while there is no session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_sha256: Option<String>,
    /// Since when it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// When it was last heard, while it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_heard: Option<String>,
    /// How many agents it heard itself, as it tells.
    pub agents: usize,
}
