//! What operators made through the API: one more piece of configuration, in the shapes of the file.
//! See decision 45.
//!
//! - [`name`]: what can be made, and by which name it goes,
//! - `merge`: into the tree of the file, before that is checked,
//! - `body`: the settings of one thing as JSON, and back to a place in it.
//!
//! Must never check a setting itself: what was made is checked with the file, by the same table and
//! the same rules.

pub mod name;

pub(crate) mod body;

pub(crate) mod merge;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

pub use name::{EntityKind, EntityName};

/// Things that can be made. Twice what the largest file that was measured has; at the limit another one
/// is refused.
const ENTITIES_MAX: usize = 20_000;
/// The settings of one thing, as JSON: a domain with a thousand constraints. Longer ones are refused.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Everything that was made, and how often it was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Grows with each change.
    revision: u64,
    entities: BTreeMap<EntityName, String>,
}

/// Why something cannot be made, before anything is checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MadeFault {
    /// The settings are no map of keys.
    #[error("the settings of a {kind} are a JSON object")]
    NoObject {
        /// Of what.
        kind: EntityKind,
    },
    /// They are too long.
    #[error("the settings of one {kind} have at most {BODY_BYTES_MAX} bytes")]
    TooLong {
        /// Of what.
        kind: EntityKind,
    },
    /// There are too many things.
    #[error("at most {ENTITIES_MAX} things can be made through the API")]
    TooMany,
    /// The settings name another one.
    #[error("{key} is {found} here, and {expected} where the {kind} is named")]
    OtherName {
        /// Of what.
        kind: EntityKind,
        /// The key.
        key: &'static str,
        /// What it says.
        found: String,
        /// What it should say.
        expected: String,
    },
    /// Servers stand in the settings of a region.
    #[error("servers are made one by one, each with its region")]
    ServersInRegion,
}

impl MadeFault {
    /// The JSON pointer (RFC 6901) to what is wrong.
    #[must_use]
    pub fn pointer(&self) -> String {
        match self {
            Self::OtherName { key, .. } => format!("/{key}"),
            Self::ServersInRegion => "/servers".to_owned(),
            Self::NoObject { .. } | Self::TooLong { .. } | Self::TooMany => String::new(),
        }
    }
}

/// Why a kept document means nothing.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is no JSON, or not of this form.
    #[error("it is no document of made things")]
    Json(#[from] serde_json::Error),
    /// A name in it is none.
    #[error("{kind} {name:?}: {why}")]
    Name {
        /// Of what.
        kind: EntityKind,
        /// The name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// What stands there could not have been made.
    #[error("{name}")]
    Body {
        /// Which.
        name: EntityName,
        /// Why not.
        source: MadeFault,
    },
}

impl Made {
    /// Nothing was made.
    #[must_use]
    pub const fn none() -> Self {
        Self { revision: 0, entities: BTreeMap::new() }
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// How often it was changed.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Everything, sorted by kind and name, with its settings as JSON.
    pub fn entities(&self) -> impl Iterator<Item = (&EntityName, &str)> {
        self.entities.iter().map(|(name, body)| (name, body.as_str()))
    }

    /// The settings of one.
    #[must_use]
    pub fn get(&self, name: &EntityName) -> Option<&str> {
        self.entities.get(name).map(String::as_str)
    }

    /// The same with one thing made, or made anew.
    ///
    /// # Errors
    ///
    /// The settings are of no form that could be checked.
    pub fn with(&self, name: &EntityName, settings: Value) -> Result<Self, MadeFault> {
        let mut next = self.clone();
        next.put(name, settings)?;
        next.revision += 1;
        Ok(next)
    }

    /// The same with one thing less.
    #[must_use]
    pub fn without(&self, name: &EntityName) -> Self {
        let mut next = self.clone();
        if next.entities.remove(name).is_some() {
            next.revision += 1;
        }
        next
    }

    /// The same with none of these.
    #[must_use]
    pub fn without_all(&self, names: &BTreeSet<EntityName>) -> Self {
        let mut next = self.clone();
        next.entities.retain(|name, _| !names.contains(name));
        next
    }

    fn put(&mut self, name: &EntityName, settings: Value) -> Result<(), MadeFault> {
        let kind = name.kind();
        let Value::Object(mut map) = settings else { return Err(MadeFault::NoObject { kind }) };
        if kind == EntityKind::Region && map.contains_key("servers") {
            return Err(MadeFault::ServersInRegion);
        }
        for (key, expected) in name.keys() {
            let found = map.insert(key.to_owned(), body::scalar(kind, key, expected));
            let found = found.as_ref().and_then(body::text_of);
            let is_it = |found: &String| kind.normal(key, found).as_deref() == Ok(expected);
            if let Some(found) = found.filter(|found| !is_it(found)) {
                let expected = expected.to_owned();
                return Err(MadeFault::OtherName { kind, key, found, expected });
            }
        }
        let body = Value::Object(map).to_string();
        if body.len() > BODY_BYTES_MAX {
            return Err(MadeFault::TooLong { kind });
        }
        self.entities.insert(name.clone(), body);
        if self.entities.len() > ENTITIES_MAX {
            return Err(MadeFault::TooMany);
        }
        Ok(())
    }

    /// All of it as one JSON document, to be kept: a map of names to settings for each kind.
    #[must_use]
    pub fn to_document(&self) -> String {
        let mut kinds: Map<String, Value> = Map::new();
        kinds.insert("revision".to_owned(), self.revision.into());
        for (name, body) in &self.entities {
            let of_kind = kinds.entry(name.kind().plural()).or_insert_with(|| Map::new().into());
            // It was made of a JSON object.
            let body = serde_json::from_str(body).unwrap_or_default();
            if let Value::Object(of_kind) = of_kind {
                of_kind.insert(name.text().to_owned(), body);
            }
        }
        Value::Object(kinds).to_string()
    }

    /// What [`Self::to_document`] wrote.
    ///
    /// # Errors
    ///
    /// It did not write that.
    pub fn from_document(text: &str) -> Result<Self, DocumentError> {
        let mut kinds: BTreeMap<String, Value> = serde_json::from_str(text)?;
        let revision = kinds.remove("revision").map(serde_json::from_value).transpose()?;
        let mut made = Self { revision: revision.unwrap_or(0), entities: BTreeMap::new() };
        for kind in EntityKind::ALL {
            let Some(of_kind) = kinds.remove(kind.plural()) else { continue };
            let of_kind: BTreeMap<String, Value> = serde_json::from_value(of_kind)?;
            for (name, settings) in of_kind {
                let parsed = EntityName::from_text(kind, &name);
                let parsed = parsed.map_err(|why| DocumentError::Name { kind, name, why })?;
                made.put(&parsed, settings)
                    .map_err(|source| DocumentError::Body { name: parsed, source })?;
            }
        }
        Ok(made)
    }
}

/// A document of made things, or none, for the fuzzer: what is read is written as it was.
#[doc(hidden)]
pub fn fuzz_document(text: &str) {
    let Ok(made) = Made::from_document(text) else { return };
    let again = Made::from_document(&made.to_document());
    assert!(again.is_ok_and(|again| again == made));
}
