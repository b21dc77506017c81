//! Names in canonical order, and the search among them.
//!
//! Each entry knows the nearest entry above it. What stands at a name is the caller's business;
//! whether the names above a name are entries too, also.

use std::collections::BTreeMap;

/// Names in canonical order with what stands at them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names<T> {
    entries: Vec<Entry<T>>,
}

/// One name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry<T> {
    /// Its key: see the `key` module.
    key: Box<[u8]>,
    /// The nearest entry above it.
    parent: Option<usize>,
    value: T,
}

/// Where a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The name itself, or the nearest entry above it: its closest encloser (RFC 4592, 3.3.1).
    pub(crate) index: usize,
    /// Whether it is the name itself.
    pub(crate) is_exact: bool,
}

impl<T> Names<T> {
    /// The names of a map, by their keys.
    pub(crate) fn new(map: BTreeMap<Box<[u8]>, T>) -> Self {
        let mut entries: Vec<Entry<T>> = Vec::with_capacity(map.len());
        for (key, value) in map {
            let parent = above(&entries, entries.len().checked_sub(1), &key);
            entries.push(Entry { key, parent, value });
        }
        Self { entries }
    }

    /// The names as a map again, by their keys.
    pub(crate) fn into_map(self) -> BTreeMap<Box<[u8]>, T> {
        self.entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
    }

    /// The entry for a key, or the nearest one above it.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Place> {
        let after = self.entries.partition_point(|entry| &*entry.key <= key);
        let index = above(&self.entries, after.checked_sub(1), key)?;
        let is_exact = self.entries.get(index).is_some_and(|entry| *entry.key == *key);
        Some(Place { index, is_exact })
    }

    /// What stands at an entry.
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.entries.get(index).map(|entry| &entry.value)
    }

    /// What stands at an entry, to be changed.
    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.entries.get_mut(index).map(|entry| &mut entry.value)
    }

    /// An entry's key.
    pub(crate) fn key(&self, index: usize) -> Option<&[u8]> {
        self.entries.get(index).map(|entry| &*entry.key)
    }

    /// The nearest entry above an entry.
    pub(crate) fn parent(&self, index: usize) -> Option<usize> {
        self.entries.get(index)?.parent
    }

    /// All entries in canonical order, with their keys.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &T)> {
        self.entries.iter().map(|entry| (&*entry.key, &entry.value))
    }
}

/// The nearest entry at or above a key, where `last` is the last entry that does not sort after it.
fn above<T>(entries: &[Entry<T>], last: Option<usize>, key: &[u8]) -> Option<usize> {
    let mut index = last;
    while let Some(entry) = entries.get(index?) {
        if key.starts_with(&entry.key) {
            return index;
        }
        index = entry.parent;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;
    use dns::NameBuf;
    use proptest::prelude::*;

    fn key(name: &str) -> Box<[u8]> {
        Key::of(name.parse::<NameBuf>().unwrap().as_name()).as_bytes().into()
    }

    fn text(labels: &[u8]) -> String {
        let labels: Vec<String> = labels.iter().map(|l| char::from(b'a' + l).to_string()).collect();
        format!("{}.", labels.join("."))
    }

    proptest! {
        #[test]
        fn the_search_finds_what_walking_up_finds(
            stored in proptest::collection::btree_set(proptest::collection::vec(0_u8..3, 0..5), 0..12),
            asked in proptest::collection::vec(0_u8..3, 0..6),
        ) {
            let names = Names::new(stored.iter().map(|l| (key(&text(l)), l.clone())).collect());
            let naive = (0..=asked.len()).find(|at| stored.contains(&asked[*at..]));
            let found = names.find(&key(&text(&asked)));
            let found = found.map(|p| (names.get(p.index).cloned().unwrap(), p.is_exact));
            prop_assert_eq!(found, naive.map(|at| (asked[at..].to_vec(), at == 0)));
        }
    }
}
