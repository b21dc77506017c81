//! `POST /api/v1/reload`: what came of reading the configuration again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// It was read and is in force. Otherwise a [`crate::Problem`] lists every fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reloaded {
    /// The keys whose values are others now, with the names of what came, left or changed in lists;
    /// never a value.
    pub changed: Vec<String>,
    /// The keys that were changed in the file but stay as they were until the process starts anew.
    pub needs_restart: Vec<String>,
    /// What somebody should know about the file.
    pub warnings: Vec<String>,
    /// The digest of what is in force now, as `GET /api/v1/version` tells it.
    pub config_digest: String,
}
