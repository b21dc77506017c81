//! What can be made through the API: domains, servers, regions and mappings of geography, each with the
//! settings of the configuration file; and how they are shown, whoever defined them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The settings of one thing: the keys of the configuration file, as in its reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Settings(pub BTreeMap<String, Value>);

/// `GET /api/v1/servers`, `/regions`, `/geo/mappings`: sorted by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entities {
    /// The things.
    pub items: Vec<Entity>,
}

/// One thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entity {
    /// `region`, `server`, `domain` or `mapping`.
    pub kind: String,
    /// What tells it apart: the name; of a server service, address and port with a space between; of a
    /// mapping its network.
    pub name: String,
    /// Who defines it: `file` or `api`. What a file defines can only be changed there.
    pub source: String,
    /// The file that defines it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// And the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Whether it was made, and does not count: a file has it too, or it does not fit to what the files
    /// say. The log says which.
    #[serde(default)]
    pub waiting: bool,
    /// As they were given.
    pub settings: Settings,
}
