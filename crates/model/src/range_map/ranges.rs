//! The ranges of one family: built in order, then read only. Knows no prefixes and no scopes.

use std::ops::Range;

use super::index::Index;

/// A search halves its stretch down to this many ranges and counts those: they lie side by side,
/// so that memory is asked for all of them at once, and nothing has to be guessed. More would be
/// read in vain; fewer would be one more guess.
const SCAN_MAX: usize = 16;

/// Disjoint ranges that together are the whole of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ranges<A: Copy, V: Copy> {
    /// In order; the first starts at 0, and neighbours differ in value.
    entries: Vec<Entry<A, V>>,
    /// Where there are enough to be worth one.
    index: Option<Index>,
}

/// A range: it ends where the next one starts.
///
/// Start and value are side by side because a look-up that ends at the one goes on to the other.
/// Packed, so that an IPv4 range takes 6 bytes with a two-byte value and an IPv6 one 18.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(Rust, packed)]
struct Entry<A: Copy, V: Copy> {
    start: A,
    value: V,
}

impl<A: Copy + Ord + Into<u128>, V: Copy + PartialEq> Ranges<A, V> {
    /// One value for the whole family, whose first address is 0.
    pub(super) fn filled(start: A, value: V) -> Self {
        Self { entries: vec![Entry { start, value }], index: None }
    }

    /// None yet; the first one pushed must start at 0.
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), index: None }
    }

    /// Adds the next range; one with its neighbour's value becomes part of the neighbour.
    pub(super) fn push(&mut self, start: A, value: V) {
        if self.entries.last().is_some_and(|last| { last.value } == value) {
            return;
        }
        self.entries.push(Entry { start, value });
    }

    /// All are there: makes them fast to search.
    pub(super) fn finish(mut self) -> Self {
        self.entries.shrink_to_fit();
        self.index = Index::of(self.entries.iter().map(|entry| entry.start.into()));
        self
    }

    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Walks both once, always to whichever range begins next.
    pub(super) fn overlay<W: Copy + PartialEq, X: Copy + PartialEq>(
        &self,
        other: &Ranges<A, W>,
        value_of: &mut impl FnMut(V, W) -> X,
    ) -> Ranges<A, X> {
        let mut merged = Ranges::new();
        let (mut ours, mut theirs) = (0, 0);
        loop {
            let (our, their) = (self.entries[ours], other.entries[theirs]);
            let start = { our.start }.max(their.start);
            merged.push(start, value_of(our.value, their.value));
            match (self.start(ours + 1), other.start(theirs + 1)) {
                (None, None) => return merged.finish(),
                (Some(_), None) => ours += 1,
                (None, Some(_)) => theirs += 1,
                (Some(our_next), Some(their_next)) => {
                    ours += usize::from(our_next <= their_next);
                    theirs += usize::from(their_next <= our_next);
                }
            }
        }
    }

    /// The range of an address: value, first, last.
    pub(super) fn find(&self, address: A, max: A, before: impl Fn(A) -> A) -> (V, A, A) {
        let all = 0..self.entries.len();
        let Range { start: mut from, end: mut to } =
            self.index.as_ref().map_or(all, |index| index.stretch(address.into()));
        while to - from > SCAN_MAX {
            let middle = from + (to - from) / 2;
            if { self.entries[middle].start } <= address {
                from = middle;
            } else {
                to = middle;
            }
        }
        let stretch = self.entries[from..to].iter();
        // The first start is 0, so at least one start is at or before any address.
        let next =
            from + stretch.map(|entry| usize::from({ entry.start } <= address)).sum::<usize>();
        let Entry { start, value } = self.entries[next - 1];
        (value, start, self.start(next).map_or(max, before))
    }

    pub(super) fn iter(&self, max: A, before: impl Fn(A) -> A) -> impl Iterator<Item = (A, A, V)> {
        self.entries.iter().enumerate().map(move |(i, entry)| {
            (entry.start, self.start(i + 1).map_or(max, &before), entry.value)
        })
    }

    fn start(&self, number: usize) -> Option<A> {
        self.entries.get(number).map(|entry| entry.start)
    }

    #[cfg(test)]
    pub(super) const fn is_indexed(&self) -> bool {
        self.index.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_takes_no_more_than_its_parts() {
        assert_eq!(size_of::<Entry<u32, u16>>(), 6);
        assert_eq!(size_of::<Entry<u32, u32>>(), 8);
        assert_eq!(size_of::<Entry<u128, u32>>(), 20);
    }
}
