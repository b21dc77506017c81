//! A hash index into a slab: 4 bytes a bucket, since the keys lie in the slab already.
//!
//! Linear probing; a removal moves the followers up, so there are no tombstones. It grows by
//! doubling and never shrinks; the slab's limit is its limit.

/// An empty bucket.
const EMPTY: u32 = u32::MAX;

/// Where an index is as full as it gets, two and a half places are looked at in the middle.
const FIRST: usize = 3;

/// The buckets of the smallest index.
const BUCKETS_MIN: usize = 16;

/// Places of a slab by the hash of what lies there.
#[derive(Debug)]
pub(crate) struct Index {
    /// A power of two of them, at most three quarters full.
    buckets: Vec<u32>,
    len: usize,
}

impl Index {
    /// No places.
    pub(crate) fn new() -> Self {
        Self { buckets: vec![EMPTY; BUCKETS_MIN], len: 0 }
    }

    /// How many places it knows.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The places that are looked at first for this hash.
    pub(crate) fn first(&self, hash: u64) -> impl Iterator<Item = u32> {
        let places = (0..FIRST).map(move |at| self.buckets[(self.home(hash) + at) & self.mask()]);
        places.take_while(|place| *place != EMPTY)
    }

    /// The place with this hash that `matches`.
    pub(crate) fn find(&self, hash: u64, matches: impl Fn(u32) -> bool) -> Option<u32> {
        let bucket = self.bucket_of(hash, matches)?;
        Some(self.buckets[bucket])
    }

    /// Adds a place that is not in the index; `hash_of` tells the hash of any place that is.
    pub(crate) fn insert(&mut self, hash: u64, place: u32, hash_of: impl Fn(u32) -> u64) {
        if (self.len + 1) * 4 > self.buckets.len() * 3 {
            let doubled = vec![EMPTY; self.buckets.len() * 2];
            for known in std::mem::replace(&mut self.buckets, doubled) {
                if known != EMPTY {
                    self.put(hash_of(known), known);
                }
            }
        }
        self.put(hash, place);
        self.len += 1;
    }

    /// Removes a place; nothing happens where it is not in the index.
    pub(crate) fn remove(&mut self, hash: u64, place: u32, hash_of: impl Fn(u32) -> u64) {
        let Some(mut hole) = self.bucket_of(hash, |known| known == place) else { return };
        let mask = self.mask();
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let follower = self.buckets[at];
            if follower == EMPTY {
                break;
            }
            // A follower may move up into the hole only if it does not pass its own first bucket.
            let from_home = at.wrapping_sub(self.home(hash_of(follower))) & mask;
            if from_home >= (at.wrapping_sub(hole) & mask) {
                self.buckets[hole] = follower;
                hole = at;
            }
        }
        self.buckets[hole] = EMPTY;
        self.len -= 1;
    }

    fn bucket_of(&self, hash: u64, matches: impl Fn(u32) -> bool) -> Option<usize> {
        let mut at = self.home(hash);
        // A quarter is empty, so this ends.
        while self.buckets[at] != EMPTY {
            if matches(self.buckets[at]) {
                return Some(at);
            }
            at = (at + 1) & self.mask();
        }
        None
    }

    fn put(&mut self, hash: u64, place: u32) {
        let mut at = self.home(hash);
        while self.buckets[at] != EMPTY {
            at = (at + 1) & self.mask();
        }
        self.buckets[at] = place;
    }

    /// The first bucket of a hash.
    #[expect(clippy::cast_possible_truncation, reason = "the mask leaves the low bits only")]
    const fn home(&self, hash: u64) -> usize {
        hash as usize & self.mask()
    }

    const fn mask(&self) -> usize {
        self.buckets.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Few hashes, so that chains meet, wrap round and are torn apart.
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((0u32..80, any::<bool>()), 0..400)) {
            let hash_of = |place: u32| u64::from(place / 4) * 7;
            let (mut index, mut model) = (Index::new(), BTreeSet::new());
            for (place, add) in steps {
                if add && model.insert(place) {
                    index.insert(hash_of(place), place, hash_of);
                } else if !add {
                    model.remove(&place);
                    index.remove(hash_of(place), place, hash_of);
                }
                prop_assert_eq!(index.len(), model.len());
                for place in 0..80 {
                    let found = index.find(hash_of(place), |known| known == place);
                    prop_assert_eq!(found.is_some(), model.contains(&place));
                }
            }
        }
    }
}
