//! What operators made through the API: one more piece of configuration, in the shapes of the file.
//! See decision 45.
//!
//! - [`name`]: what can be made, and by which name it goes,
//! - [`kept`]: all of it as one document, and back; what cannot be read is set aside, never lost,
//! - `merge`: into the tree of the file, before that is checked,
//! - `body`: the settings of one thing as JSON, and back to a place in it.
//!
//! Must never check a setting itself: what was made is checked with the file, by the same table and
//! the same rules.

pub mod name;

pub mod kept;

pub(crate) mod body;

pub(crate) mod merge;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use kept::SetAside;
pub use name::{EntityKind, EntityName};

/// Things that can be made. Twice what the largest file that was measured has; at the limit another one
/// is refused.
const ENTITIES_MAX: usize = 20_000;
/// The settings of one thing, as JSON: a domain with a thousand constraints. Longer ones are refused.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// The settings of all things together: as much as one file may hold, since they are checked with it
/// each time. At the limit another one is refused.
const BYTES_MAX: usize = crate::tree::TEXT_BYTES_MAX;

/// Everything that was made, and how often it was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Grows with each change.
    revision: u64,
    entities: BTreeMap<EntityName, String>,
    /// Of all settings together.
    bytes: usize,
    /// What was kept and means nothing to this program.
    aside: SetAside,
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
    /// They are too long together.
    #[error("all that is made through the API has at most {BYTES_MAX} bytes together")]
    TooMuch,
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
            Self::NoObject { .. } | Self::TooLong { .. } | Self::TooMany | Self::TooMuch => {
                String::new()
            }
        }
    }
}

impl Made {
    /// Nothing was made.
    #[must_use]
    pub fn none() -> Self {
        Self { revision: 0, entities: BTreeMap::new(), bytes: 0, aside: SetAside::none() }
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

    /// Whether there is something of that name to take back, if only something that cannot be read.
    #[must_use]
    pub fn has(&self, name: &EntityName) -> bool {
        self.entities.contains_key(name) || self.aside.has(name)
    }

    /// The same with one thing made, or made anew.
    ///
    /// # Errors
    ///
    /// The settings are of no form that could be checked.
    pub fn with(&self, name: &EntityName, settings: Value) -> Result<Self, MadeFault> {
        let mut next = self.clone();
        next.put(name, settings)?;
        next.aside.forget(name);
        next.revision = next.revision.saturating_add(1);
        Ok(next)
    }

    /// The same with one thing less.
    #[must_use]
    pub fn without(&self, name: &EntityName) -> Self {
        let mut next = self.clone();
        let removed = next.entities.remove(name);
        next.bytes -= removed.as_ref().map_or(0, String::len);
        if next.aside.forget(name) || removed.is_some() {
            next.revision = next.revision.saturating_add(1);
        }
        next
    }

    /// The same with none of these.
    #[must_use]
    pub fn without_all(&self, names: &BTreeSet<EntityName>) -> Self {
        let mut next = self.clone();
        next.entities.retain(|name, _| !names.contains(name));
        next.bytes = next.entities.values().map(String::len).sum();
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
        let before = self.entities.get(name);
        if before.is_none() && self.entities.len() >= ENTITIES_MAX {
            return Err(MadeFault::TooMany);
        }
        let bytes = self.bytes - before.map_or(0, String::len) + body.len();
        if bytes > BYTES_MAX {
            return Err(MadeFault::TooMuch);
        }
        self.bytes = bytes;
        self.entities.insert(name.clone(), body);
        Ok(())
    }
}
