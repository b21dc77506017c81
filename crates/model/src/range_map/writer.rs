//! Ranges packed into leaves, from the first to the last. Searches nothing, and never goes back but for
//! the leaf before.

use super::leaf::{Leaf, RANGES_FEW, RANGES_MAX};
use super::ranges::Ranges;

/// So many ranges wait until some are packed: those that go on waiting are moved once for several leaves.
const LOOSE_MAX: usize = 512;

/// The ranges of one family that are there so far.
pub(super) struct Writer<V: Copy> {
    leaves: Vec<Leaf<V>>,
    /// Those behind the last leaf.
    loose: Vec<(u128, V)>,
}

impl<V: Copy + PartialEq> Writer<V> {
    /// None yet, and room for so many leaves. The first one pushed must start at 0.
    pub(super) fn with_room(leaves: usize) -> Self {
        Self { leaves: Vec::with_capacity(leaves), loose: Vec::new() }
    }

    /// Adds the next range; one with its neighbour's value becomes part of the neighbour.
    pub(super) fn push(&mut self, start: u128, value: V) {
        let last = self.loose.last().map(|(_, value)| *value);
        if last.or_else(|| self.leaves.last().map(Leaf::last)) == Some(value) {
            return;
        }
        self.loose.push((start, value));
        if self.loose.len() == LOOSE_MAX {
            // No leaf of these is short for want of more.
            self.pack(RANGES_MAX + RANGES_FEW);
        }
    }

    /// Adds what another family has from one address to another: leaves as they are, but for those at
    /// both ends.
    pub(super) fn copy(&mut self, other: &Ranges<V>, from: u128, to: u128) {
        let (first, last) = (other.leaf_of(from), other.leaf_of(to));
        let leaves = other.leaves();
        self.push_all(&leaves[first], from, to);
        if let Some(between) = leaves.get(first + 1..last).filter(|leaves| !leaves.is_empty()) {
            self.settle();
            self.leaves.extend_from_slice(between);
        }
        if first < last {
            self.push_all(&leaves[last], from, to);
        }
    }

    /// Adds what a leaf has from one address to another.
    fn push_all(&mut self, leaf: &Leaf<V>, from: u128, to: u128) {
        for (start, value) in leaf.ranges_from(from).take_while(|(start, _)| *start <= to) {
            self.push(start.max(from), value);
        }
    }

    /// All are there.
    pub(super) fn finish(mut self) -> Ranges<V> {
        self.settle();
        // A leaf is aligned, so to shrink is to copy: not for little.
        if self.leaves.capacity() - self.leaves.len() > self.leaves.len() / 8 {
            self.leaves.shrink_to_fit();
        }
        Ranges::of(self.leaves)
    }

    /// Packs all there are. Too few go together with the leaf before them.
    fn settle(&mut self) {
        if (1..RANGES_FEW).contains(&self.loose.len())
            && let Some(leaf) = self.leaves.pop()
        {
            self.loose.splice(0..0, leaf.ranges());
        }
        self.pack(1);
    }

    /// Packs while there are so many.
    fn pack(&mut self, least: usize) {
        let mut packed = 0;
        while let Some(rest) = self.loose.get(packed..).filter(|rest| rest.len() >= least)
            && let Some(leaf) = Leaf::of(rest)
        {
            packed += leaf.len();
            self.leaves.push(leaf);
        }
        self.loose.drain(..packed);
    }
}
