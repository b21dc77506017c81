//! The one table of keys: every setting there is, once. See decision 7.
//!
//! Checking, defaults, the reference page and the print-out all come from here. A key that stands
//! here and is not read by [`crate::load`] fails a test; a key that does not
//! stand here is a fault in the file. Order matters twice: the reference page follows it, and a
//! key can take its default only from one above it.

mod agent;

mod domains;

mod learning;

mod names;

mod overwatch;

mod process;

mod shared;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::kind::Kind;

/// All parts of the table, in the order of the reference page.
pub(crate) static TABLE: [&[Key]; 7] = [
    process::KEYS,
    agent::KEYS,
    overwatch::KEYS,
    names::KEYS,
    domains::KEYS,
    learning::KEYS,
    shared::KEYS,
];

/// The default of a key that has one of its own, in YAML.
#[must_use]
pub fn default_of(path: &str) -> Option<&'static str> {
    match TABLE.iter().flat_map(|keys| *keys).find(|key| key.path == path)?.unset {
        Unset::Default(text) => Some(text),
        Unset::Required | Unset::Same(_) | Unset::HostName | Unset::Nothing(_) => None,
    }
}

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// From the root, with `[]` behind what is a list: `agent.backends[].port`. A path that
    /// begins with `<` belongs to a shape that occurs in several places.
    pub path: &'static str,
    /// What stands there.
    pub kind: Kind,
    /// What holds where it is not given.
    pub unset: Unset,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
    /// The name it had before.
    pub old: Option<Old>,
}

/// What holds where a key is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// It is a fault, in the mode that reads the key.
    Required,
    /// This, in YAML.
    Default(&'static str),
    /// What another key says: one beside it, or one with its full path.
    Same(&'static str),
    /// The name of the machine, which the caller knows.
    HostName,
    /// Nothing is set; the words say what that means.
    Nothing(&'static str),
}

/// A former name, which is still read, with a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Old {
    /// Its full path; no part of it is a list.
    pub path: &'static str,
    /// Former values and what they are called now; empty where they are the same.
    pub values: &'static [(&'static str, &'static str)],
}

impl Key {
    /// The last part of the path: what is written in the file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The path of what holds it: empty at the root, with `[]` in a list.
    #[must_use]
    pub fn parent(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(parent, _)| parent)
    }

    /// An entry without a former name.
    const fn new(path: &'static str, kind: Kind, unset: Unset, doc: &'static str) -> Self {
        Self { path, kind, unset, doc, old: None }
    }

    /// A map of keys; it may be left out, and what is required in it is still required.
    const fn section(path: &'static str, doc: &'static str) -> Self {
        Self::new(path, Kind::Section, Unset::Nothing("its keys' defaults"), doc)
    }

    const fn was(
        mut self,
        path: &'static str,
        values: &'static [(&'static str, &'static str)],
    ) -> Self {
        self.old = Some(Old { path, values });
        self
    }
}

/// Every key, in the order of the table.
pub fn all() -> impl Iterator<Item = &'static Key> {
    TABLE.iter().copied().flatten()
}

/// The keys directly below `parent`, in the order of the table.
pub(crate) fn children(parent: &str) -> Vec<&'static Key> {
    /// The table by parent: a check asks for each of its sections.
    static BELOW: LazyLock<BTreeMap<&'static str, Vec<&'static Key>>> = LazyLock::new(|| {
        let mut below: BTreeMap<_, Vec<_>> = BTreeMap::new();
        all().for_each(|key| below.entry(key.parent()).or_default().push(key));
        below
    });
    BELOW.get(parent).cloned().unwrap_or_default()
}
