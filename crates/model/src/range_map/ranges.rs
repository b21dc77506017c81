//! The ranges of one family: built in order, then read only. Knows no prefixes and no scopes, nor how
//! a leaf holds its ranges.

use std::ops::Range;

use super::index::Index;
use super::leaf::Leaf;
use super::writer::Writer;

/// A search halves its stretch down to this many leaves, which it seldom must: the index knows where
/// to look. Those it reads at once, so that it waits for memory one time.
const LEAVES_AT_ONCE: usize = 4;

/// Disjoint ranges that together are the whole of one family.
#[derive(Clone, Debug)]
pub(super) struct Ranges<V: Copy> {
    /// In order; the first range starts at 0, and neighbours differ in value. Never empty, and no leaf
    /// is.
    leaves: Vec<Leaf<V>>,
    /// Where there are enough to be worth one.
    index: Option<Index>,
    /// How many ranges there are.
    len: usize,
}

impl<V: Copy + PartialEq> Ranges<V> {
    /// One value for the whole family.
    pub(super) fn filled(value: V) -> Self {
        let mut one = Writer::with_room(1);
        one.push(0, value);
        one.finish()
    }

    /// These leaves, and what makes them fast to search.
    pub(super) fn of(leaves: Vec<Leaf<V>>) -> Self {
        let index = Index::of(leaves.len(), |number| leaves[number].base());
        let len = leaves.iter().map(Leaf::len).sum();
        Self { leaves, index, len }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// What it takes of memory.
    pub(super) fn bytes(&self) -> usize {
        let index = self.index.as_ref().map_or(0, Index::bytes);
        self.leaves.capacity() * size_of::<Leaf<V>>() + index
    }

    pub(super) fn leaves(&self) -> &[Leaf<V>] {
        &self.leaves
    }

    /// Goes through both once from one address to another, always to whichever range begins next.
    pub(super) fn lay<W: Copy + PartialEq>(
        &self,
        other: &Ranges<W>,
        (from, to): (u128, u128),
        mut emit: impl FnMut(u128, V, W),
    ) {
        let (mut ours, mut theirs) = (self.walk(from).peekable(), other.walk(from).peekable());
        let mut at = from;
        let (Some((_, mut our)), Some((_, mut their))) = (ours.next(), theirs.next()) else {
            return;
        };
        loop {
            emit(at, our, their);
            let our_next = ours.peek().map(|(start, _)| *start);
            let their_next = theirs.peek().map(|(start, _)| *start);
            let Some(next) = our_next.into_iter().chain(their_next).min().filter(|at| *at <= to)
            else {
                return;
            };
            at = next;
            our = ours.next_if(|(start, _)| *start == at).map_or(our, |(_, value)| value);
            their = theirs.next_if(|(start, _)| *start == at).map_or(their, |(_, value)| value);
        }
    }

    /// Both laid on one another, up to the family's last address.
    pub(super) fn overlay<W: Copy + PartialEq, X: Copy + PartialEq>(
        &self,
        other: &Ranges<W>,
        max: u128,
        value_of: &mut impl FnMut(V, W) -> X,
    ) -> Ranges<X> {
        let mut merged = Writer::with_room(self.leaves.len().max(other.leaves.len()));
        self.lay(other, (0, max), |start, our, their| merged.push(start, value_of(our, their)));
        merged.finish()
    }

    /// The same ranges, but for areas (each by its first and last address, ascending and apart), in
    /// which `first` and `second` laid on one another say what there is. Costs a copy of all and a walk
    /// over what lies in the areas.
    pub(super) fn repainted<W: Copy + PartialEq, X: Copy + PartialEq>(
        &self,
        areas: impl Iterator<Item = (u128, u128)>,
        max: u128,
        (first, second): (&Ranges<W>, &Ranges<X>),
        value_of: &mut impl FnMut(W, X) -> V,
    ) -> Self {
        // An area may part the leaf it is in. With more of them than that, all move once.
        let mut painted = Writer::with_room(self.leaves.len() + self.leaves.len() / 16 + 8);
        // The first address of which nothing is said yet.
        let mut behind = Some(0);
        for (from, to) in areas {
            if let (Some(start), Some(end)) = (behind, from.checked_sub(1))
                && start <= end
            {
                painted.copy(self, start, end);
            }
            first.lay(second, (from, to), |start, a, b| painted.push(start, value_of(a, b)));
            behind = to.checked_add(1);
        }
        if let Some(start) = behind.filter(|start| *start <= max) {
            painted.copy(self, start, max);
        }
        painted.finish()
    }

    /// The ranges from that of an address on, each by its start and its value.
    pub(super) fn walk(&self, from: u128) -> impl Iterator<Item = (u128, V)> {
        let first = self.leaf_of(from);
        let rest = self.leaves[first + 1..].iter().flat_map(Leaf::ranges);
        self.leaves[first].ranges_from(from).chain(rest)
    }

    /// All ranges in order, each by its first and last address and its value.
    pub(super) fn iter(&self, max: u128) -> impl Iterator<Item = (u128, u128, V)> {
        let mut ranges = self.walk(0).peekable();
        std::iter::from_fn(move || {
            let (start, value) = ranges.next()?;
            Some((start, ranges.peek().map_or(max, |(next, _)| next - 1), value))
        })
    }

    /// The range of an address: value, first, last.
    pub(super) fn find(&self, address: u128, max: u128) -> (V, u128, u128) {
        let (number, place) = self.position(address);
        let leaf = &self.leaves[number];
        let (start, value) = leaf.get(place);
        let next = if place + 1 < leaf.len() {
            Some(leaf.get(place + 1).0)
        } else {
            self.leaves.get(number + 1).map(Leaf::base)
        };
        (value, start, next.map_or(max, |next| next - 1))
    }

    /// What [`Ranges::find`] will read from memory, a place in each line.
    pub(super) fn places(&self, address: u128) -> impl Iterator<Item = *const u8> {
        let leaves = self.leaves.get(self.stretch(address)).unwrap_or_default();
        leaves.iter().take(LEAVES_AT_ONCE).flat_map(Leaf::lines)
    }

    /// The leaf that an address is in.
    pub(super) fn leaf_of(&self, address: u128) -> usize {
        self.position(address).0
    }

    /// The leaf that an address is in, and the place of its range there.
    fn position(&self, address: u128) -> (usize, usize) {
        let Range { start: mut from, end: mut to } = self.stretch(address);
        while to - from > LEAVES_AT_ONCE {
            let middle = from + (to - from) / 2;
            if self.leaves[middle].base() <= address {
                from = middle;
            } else {
                to = middle;
            }
        }
        let mut position = (from, self.leaves[from].place_of(address));
        for number in from + 1..to {
            // Searched before it is known whether it will be needed, or that would be a second wait.
            let place = self.leaves[number].place_of(address);
            if self.leaves[number].base() <= address {
                position = (number, place);
            }
        }
        position
    }

    /// The leaves among which an address lies.
    fn stretch(&self, address: u128) -> Range<usize> {
        let all = 0..self.leaves.len();
        self.index.as_ref().map_or(all, |index| index.stretch(address))
    }

    #[cfg(test)]
    pub(super) const fn is_indexed(&self) -> bool {
        self.index.is_some()
    }

    /// The fewest ranges of a leaf that is not the first.
    #[cfg(test)]
    pub(super) fn shortest(&self) -> Option<usize> {
        self.leaves.iter().skip(1).map(Leaf::len).min()
    }
}

/// The same ranges, however they lie in leaves.
impl<V: Copy + PartialEq> PartialEq for Ranges<V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.walk(0).eq(other.walk(0))
    }
}

impl<V: Copy + Eq> Eq for Ranges<V> {}
