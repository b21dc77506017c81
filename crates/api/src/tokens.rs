//! `/api/v1/tokens`: who may speak to the API, and as what.
//!
//! A secret is told once, to whoever made it; must never be in any other document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `GET /api/v1/tokens`: sorted by name, those of the configuration first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// The tokens.
    pub tokens: Vec<Token>,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// Its name, as in the list of changes.
    pub name: String,
    /// What it lets its holder do: `read`, `operate` or `admin`.
    pub role: String,
    /// Whether it is one of `api.tokens`; those are changed in the configuration.
    pub configured: bool,
    /// When it was made: RFC 3339, UTC, whole seconds; absent for one of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// That it was made through the API and lets nobody in, since `api.tokens` has one of its name:
    /// revoke it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waiting: bool,
}

/// `POST /api/v1/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Its name: letters, digits, `.`, `_` and `-`; no other token has it.
    pub name: String,
    /// What it lets its holder do.
    #[schemars(extend("enum" = ["read", "operate", "admin"]))]
    pub role: String,
}

/// What was made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MadeToken {
    /// Its name.
    pub name: String,
    /// What it lets its holder do.
    pub role: String,
    /// The secret, for `Authorization: Bearer`. It is not told again.
    pub token: String,
}

impl std::fmt::Debug for MadeToken {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeToken").field("name", &self.name).finish_non_exhaustive()
    }
}
