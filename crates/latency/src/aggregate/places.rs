//! A set of places of a slab: a bit each, so that all of a hundred thousand take 12 KiB. Knows no rows.

/// Some of the places; as long as the highest that it ever held needs.
#[derive(Debug, Default)]
pub(crate) struct Places {
    words: Vec<u64>,
}

impl Places {
    /// None.
    pub(crate) const fn new() -> Self {
        Self { words: Vec::new() }
    }

    /// The first so many.
    pub(crate) fn first(count: usize) -> Self {
        let mut places = Self::new();
        (0..count).for_each(|place| places.set(place));
        places
    }

    /// Adds a place, whether it was there or not.
    pub(crate) fn add(&mut self, place: u32) {
        self.set(place as usize);
    }

    fn set(&mut self, place: usize) {
        let word = place / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= 1 << (place % 64);
        }
    }

    /// All of them, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        (0..).step_by(64).zip(&self.words).flat_map(|(first, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(first + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_a_set_in_order(added in prop::collection::vec(0u32..300, 0..100)) {
            let mut places = Places::new();
            added.iter().for_each(|place| places.add(*place));
            let expected: Vec<u32> = added.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
            prop_assert_eq!(places.iter().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn the_first_are_all_below_a_number() {
        for count in [0, 1, 63, 64, 65, 200] {
            let places: Vec<u32> = Places::first(count).iter().collect();
            assert_eq!(places, (0..).take(count).collect::<Vec<u32>>());
        }
    }
}
