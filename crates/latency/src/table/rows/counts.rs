//! Counts of connections as they came, of rows whose few bits do not hold them. A row beyond the limit
//! has what its bits say.

use super::super::pieces::Pieces;
use super::super::row::Kept;
use super::Width;

/// A port has so many exact counts above 32: whoever looks at the busiest networks sees each connection
/// counted once, and in a table of millions they take a megabyte. First come, first served; the
/// rest is right to 3 %, and in its sum exact.
pub(super) const COUNTS_MAX: usize = 16_384;

/// Exact counts by network.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(Pieces<(Width, u128), u32>);

impl Counts {
    /// None yet.
    pub(super) const NONE: Self = Self(Pieces::NONE);

    /// How many connections a row counts.
    pub(super) fn of(&self, network: (Width, u128), kept: Kept) -> u32 {
        let rounded = kept.samples();
        if kept.is_count_exact() {
            return rounded;
        }
        self.0.get(&network).copied().unwrap_or(rounded)
    }

    /// A row counts so many; what was there before is forgotten.
    pub(super) fn set(&mut self, network: (Width, u128), samples: u32, kept: Kept) {
        if kept.samples() != samples && self.0.len() < COUNTS_MAX {
            self.0.insert(network, samples);
        }
    }

    /// A row is no more, or another.
    pub(super) fn forget(&mut self, network: (Width, u128), before: Kept) {
        if !before.is_count_exact() {
            self.0.remove(&network);
        }
    }

    /// All of them, ascending by network.
    pub(super) fn all(&self) -> impl Iterator<Item = ((Width, u128), u32)> {
        self.0.iter().map(|(network, count)| (*network, *count))
    }

    /// The bytes that they take: in a tree whose nodes are half full.
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.len() * size_of::<((Width, u128), u32)>() * 2
    }
}
