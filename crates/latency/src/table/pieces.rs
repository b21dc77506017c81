//! An ordered map in pieces, which a copy shares until one of the two changes. So a copy costs a look
//! at each piece, and the first change after it one piece more. Knows nothing of what it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Entries of one piece: copied in some tens of microseconds. A piece with more is divided.
const PIECE_MAX: usize = 512;

/// Entries by key.
#[derive(Clone, Debug)]
pub(super) struct Pieces<K, V> {
    /// By the first key that each may hold; the first one holds what is before it as well. None is empty.
    pieces: BTreeMap<K, Arc<BTreeMap<K, V>>>,
    len: usize,
}

impl<K: Ord + Copy, V: Clone> Pieces<K, V> {
    /// No entry.
    pub(super) const NONE: Self = Self { pieces: BTreeMap::new(), len: 0 };

    /// How many entries there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The piece that a key is in, or would be.
    fn piece_of(&self, key: &K) -> Option<(K, &BTreeMap<K, V>)> {
        let before = self.pieces.range(..=key).next_back();
        let (start, piece) = before.or_else(|| self.pieces.first_key_value())?;
        Some((*start, piece))
    }

    /// What stands under a key.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.piece_of(key)?.1.get(key)
    }

    /// Whether something does.
    pub(super) fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (start, piece) = self.piece_of(key)?;
        // What is not there copies nothing.
        piece.get(key)?;
        Arc::make_mut(self.pieces.get_mut(&start)?).get_mut(key)
    }

    /// Sets an entry; gives back what was there.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let start = self.piece_of(&key).map_or(key, |(start, _)| start);
        let piece = Arc::make_mut(self.pieces.entry(start).or_default());
        let before = piece.insert(key, value);
        self.len += usize::from(before.is_none());
        if piece.len() > PIECE_MAX
            && let Some(middle) = piece.keys().nth(PIECE_MAX / 2).copied()
        {
            let upper = piece.split_off(&middle);
            let lower = std::mem::take(piece);
            self.pieces.remove(&start);
            for part in [lower, upper] {
                let first = part.first_key_value().map(|(first, _)| *first);
                self.pieces.extend(first.map(|first| (first, Arc::new(part))));
            }
        }
        before
    }

    /// Drops an entry; gives it back.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let (start, piece) = self.piece_of(key)?;
        piece.get(key)?;
        let piece = Arc::make_mut(self.pieces.get_mut(&start)?);
        let removed = piece.remove(key);
        if piece.is_empty() {
            self.pieces.remove(&start);
        }
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// Leaves those alone that are to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&K, &V) -> bool) {
        for piece in self.pieces.values_mut() {
            if !piece.iter().all(|(key, value)| keep(key, value)) {
                Arc::make_mut(piece).retain(|key, value| keep(key, value));
            }
        }
        self.pieces.retain(|_, piece| !piece.is_empty());
        self.len = self.pieces.values().map(|piece| piece.len()).sum();
    }

    /// All entries, ascending by key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> + Clone {
        self.pieces.values().flat_map(|piece| piece.iter())
    }

    /// All values, to be changed. Copies whatever is shared.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.pieces.values_mut().flat_map(|piece| Arc::make_mut(piece).values_mut())
    }
}

impl<K: Ord + Copy, V: Clone> Default for Pieces<K, V> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<K: Ord + Copy, V: Clone> Extend<(K, V)> for Pieces<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One thing that is done to a map.
    #[derive(Clone, Debug)]
    enum Step {
        Insert(u16, u8),
        /// So many neighbours, from here on down or up.
        Run(u16, u16, bool),
        Change(u16),
        Remove(u16),
        Retain(u8),
        Copy,
    }

    fn step() -> impl Strategy<Value = Step> {
        let key = 0u16..3_000;
        prop_oneof![
            (key.clone(), any::<u8>()).prop_map(|(key, value)| Step::Insert(key, value)),
            (key.clone(), 1u16..1_500, any::<bool>())
                .prop_map(|(key, n, up)| Step::Run(key, n, up)),
            key.clone().prop_map(Step::Change),
            key.prop_map(Step::Remove),
            (1u8..5).prop_map(Step::Retain),
            Just(Step::Copy),
        ]
    }

    fn all(pieces: &Pieces<u16, u8>) -> Vec<(u16, u8)> {
        pieces.iter().map(|(key, value)| (*key, *value)).collect()
    }

    fn check(steps: Vec<Step>) -> Result<(), TestCaseError> {
        let (mut pieces, mut plain) = (Pieces::NONE, BTreeMap::new());
        let mut copies = Vec::new();
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    prop_assert_eq!(pieces.insert(key, value), plain.insert(key, value));
                }
                Step::Run(from, count, is_up) => (0..count).for_each(|n| {
                    let key = if is_up { from + n } else { from.saturating_sub(n) };
                    pieces.insert(key, 1);
                    plain.insert(key, 1);
                }),
                Step::Change(key) => {
                    let changed = pieces.get_mut(&key).map(|value| *value = value.wrapping_add(1));
                    plain.entry(key).and_modify(|value| *value = value.wrapping_add(1));
                    prop_assert_eq!(changed.is_some(), plain.contains_key(&key));
                }
                Step::Remove(key) => prop_assert_eq!(pieces.remove(&key), plain.remove(&key)),
                Step::Retain(part) => {
                    pieces.retain(|key, _| key % u16::from(part) == 0);
                    plain.retain(|key, _| key % u16::from(part) == 0);
                }
                Step::Copy => copies.push((pieces.clone(), all(&pieces))),
            }
            prop_assert_eq!((pieces.len(), pieces.is_empty()), (plain.len(), plain.is_empty()));
            prop_assert!(
                pieces.pieces.values().all(|piece| (1..=PIECE_MAX).contains(&piece.len()))
            );
        }
        prop_assert_eq!(all(&pieces), plain.clone().into_iter().collect::<Vec<_>>());
        for key in 0..4_500 {
            prop_assert_eq!(pieces.get(&key), plain.get(&key));
        }
        for (copy, then) in copies {
            prop_assert_eq!(all(&copy), then);
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn as_a_plain_map_whatever_is_done_and_copies_stay(steps in prop::collection::vec(step(), 1..40)) {
            check(steps)?;
        }
    }

    #[test]
    fn a_change_copies_one_piece() {
        let mut pieces = Pieces::NONE;
        pieces.extend((0..100 * PIECE_MAX).map(|key| (key, key)));
        let copy = pieces.clone();
        *pieces.get_mut(&7).unwrap() = 0;
        assert_eq!(pieces.get_mut(&usize::MAX), None);
        assert_eq!(pieces.remove(&usize::MAX), None);
        pieces.retain(|_, _| true);
        let shared = pieces.pieces.values().zip(copy.pieces.values());
        assert_eq!(shared.filter(|(one, other)| !Arc::ptr_eq(one, other)).count(), 1);
    }
}
