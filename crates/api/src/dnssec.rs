//! Signed zones: their keys, what happens next, and what the zone above has to say of them.
//!
//! Must never hold a secret.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `GET /api/v1/overwatch/dnssec`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedZones {
    /// The zones that are to be signed, sorted by name.
    pub zones: Vec<SignedZone>,
    /// What is wrong with the clock that all of them are signed by.
    pub faults: Vec<Fault>,
    /// When this was true: RFC 3339, UTC, whole seconds; as all times here.
    pub generated_at: String,
}

/// One zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedZone {
    /// Its name.
    pub zone: String,
    /// Whether this overwatch makes its keys.
    pub makes_keys: bool,
    /// Its keys, in the order they were made; empty where it has none, and is not answered for.
    pub keys: Vec<Key>,
    /// What comes next, in words; absent where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
    /// When it comes; absent where it waits for somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_step_at: Option<String>,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    /// The number by which signatures name it (RFC 4034, B).
    pub tag: u16,
    /// `csk`, `ksk` or `zsk`.
    pub role: String,
    /// As configured: `ecdsap256sha256` or `ed25519`.
    pub algorithm: String,
    /// `published`, `ready`, `active` or `retired`.
    pub state: String,
    /// Since when.
    pub since: String,
    /// When it was made.
    pub created: String,
    /// When somebody said that its DS record stands in the zone above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ds_seen: Option<String>,
}

/// Something that keeps a zone from being signed well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// `key_missing`, `clock_behind`, `clock_wrong` or `signatures_invalid`.
    pub name: String,
    /// What it is, and what to do.
    pub text: String,
}

/// `GET /api/v1/overwatch/dnssec/{zone}/ds`: what the zone above has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DsRecords {
    /// The zone.
    pub zone: String,
    /// The records that should stand there now, and no others but those of keys that are going.
    pub ds: Vec<Ds>,
}

/// A DS record (RFC 4034, 5.1), and the key it is made of: some registries ask for that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ds {
    /// The key's tag.
    pub tag: u16,
    /// The number of its algorithm.
    pub algorithm: u8,
    /// The number of the digest's.
    pub digest_type: u8,
    /// The digest in capital hexadecimal digits.
    pub digest: String,
    /// The DS record as in a zone file.
    pub record: String,
    /// The DNSKEY record as in a zone file.
    pub dnskey: String,
}
