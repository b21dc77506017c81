//! The ranges of one family: built in order, then read only. Knows no prefixes and no scopes.

use std::ops::Range;

use super::index::Index;

/// What a processor reads from memory at once.
const LINE_BYTES: usize = 64;
/// A search halves its stretch down to this many ranges, which it seldom must: the index knows where
/// to look. Of those it reads every line at once, so that it waits for memory one time.
const STRETCH_MAX: usize = 256;

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
    /// Every so manieth range stands in another line than the one before it.
    const PER_LINE: usize = LINE_BYTES / size_of::<Entry<A, V>>();

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
        let start = |number: usize| { self.entries[number].start }.into();
        self.index = Index::of(self.entries.len(), Self::PER_LINE, start);
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

    /// The same ranges, but for areas (each by its first and last address, ascending and apart), in
    /// which `first` and `second` laid on one another say what there is. Costs a copy of all and a walk
    /// over what lies in the areas.
    pub(super) fn repainted<W: Copy + PartialEq, X: Copy + PartialEq>(
        &self,
        areas: impl Iterator<Item = (A, A)>,
        after: impl Fn(A) -> Option<A>,
        (first, second): (&Ranges<A, W>, &Ranges<A, X>),
        value_of: &mut impl FnMut(W, X) -> V,
    ) -> Self {
        let mut painted = Self::new();
        painted.entries.reserve(self.entries.len());
        let mut copied = 0;
        for (from, to) in areas {
            painted.copy(self, copied, self.count_until(from, |start| start < from));
            painted.cut(from);
            let (mut ours, mut theirs) = (first.holding(from), second.holding(from));
            loop {
                let (our, their) = (first.entries[ours], second.entries[theirs]);
                let start = { our.start }.max(their.start).max(from);
                painted.push(start, value_of(our.value, their.value));
                let our_next = first.start(ours + 1).filter(|next| *next <= to);
                let their_next = second.start(theirs + 1).filter(|next| *next <= to);
                let Some(next) = our_next.into_iter().chain(their_next).min() else { break };
                ours += usize::from(our_next == Some(next));
                theirs += usize::from(their_next == Some(next));
            }
            match after(to) {
                None => copied = self.entries.len(),
                Some(behind) => {
                    let at = self.holding(behind);
                    painted.push(behind, self.entries[at].value);
                    copied = at + 1;
                }
            }
        }
        painted.copy(self, copied, self.entries.len());
        painted.finish()
    }

    /// The values of the ranges from one address to another.
    pub(super) fn values_in(&self, first: A, last: A) -> impl Iterator<Item = V> {
        let ranges = self.entries.get(self.holding(first)..).unwrap_or_default();
        ranges.iter().take_while(move |range| { range.start } <= last).map(|range| range.value)
    }

    /// Adds another's ranges from one number to another.
    fn copy(&mut self, other: &Self, from: usize, to: usize) {
        if let Some(entry) = other.entries.get(from).copied().filter(|_| from < to) {
            self.push(entry.start, entry.value);
            self.entries.extend_from_slice(&other.entries[from + 1..to]);
        }
    }

    /// Drops the ranges that start here or later.
    fn cut(&mut self, from: A) {
        while self.entries.pop_if(|last| { last.start } >= from).is_some() {}
    }

    /// The number of the range that holds an address.
    fn holding(&self, address: A) -> usize {
        self.count_until(address, |start| start <= address) - 1
    }

    /// How many ranges there are of which this is so, around an address; those come first.
    fn count_until(&self, address: A, is_before: impl Fn(A) -> bool) -> usize {
        let Range { start, end } = self.stretch(address);
        // The index knows where an address lies, and that is on one side of the border or the other.
        let stretch = &self.entries[start..end];
        start + stretch.partition_point(|entry| is_before(entry.start))
    }

    /// The range of an address: value, first, last.
    pub(super) fn find(&self, address: A, max: A, before: impl Fn(A) -> A) -> (V, A, A) {
        let Range { start: mut from, end: mut to } = self.stretch(address);
        while to - from > STRETCH_MAX {
            let middle = from + (to - from) / 2;
            if { self.entries[middle].start } <= address {
                from = middle;
            } else {
                to = middle;
            }
        }
        // One range of each line, none of which waits for another; then those of one line. The first
        // start is 0, so at least one start is at or before any address.
        let is_before = |entry: &Entry<A, V>| usize::from({ entry.start } <= address);
        let lines = self.entries[from..to].iter().step_by(Self::PER_LINE);
        from += (lines.map(is_before).sum::<usize>() - 1) * Self::PER_LINE;
        to = to.min(from + Self::PER_LINE);
        let next = from + self.entries[from..to].iter().map(is_before).sum::<usize>();
        let Entry { start, value } = self.entries[next - 1];
        (value, start, self.start(next).map_or(max, before))
    }

    /// What [`Ranges::find`] will read from memory, a place in each line.
    pub(super) fn places(&self, address: A) -> impl Iterator<Item = *const u8> {
        let stretch = self.entries.get(self.stretch(address)).unwrap_or_default();
        let read = stretch.get(..STRETCH_MAX).unwrap_or(stretch);
        read.iter().step_by(Self::PER_LINE).map(|entry| std::ptr::from_ref(entry).cast())
    }

    /// The ranges among which an address lies.
    fn stretch(&self, address: A) -> Range<usize> {
        let all = 0..self.entries.len();
        self.index.as_ref().map_or(all, |index| index.stretch(address.into()))
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
