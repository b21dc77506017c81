//! Numbers that repeat from run to run. Not for anything that must not be guessed.

/// Marsaglia's xorshift64 (Journal of Statistical Software 8, 14): enough to vary an input.
pub struct Random(u64);

impl Random {
    /// The numbers of a seed. The generator stands still at 0, so the seed must be another.
    pub const fn new(seed: u64) -> Self {
        assert!(seed != 0, "a seed other than 0");
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`; 0 where there is none.
    pub const fn below(&mut self, end: usize) -> usize {
        let end = if end == 0 { 1 } else { end as u64 };
        // Below `end`, which came as a usize.
        (self.next() % end) as usize
    }

    /// Any byte.
    pub const fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[7]
    }

    /// One of several things.
    ///
    /// # Panics
    ///
    /// Where there is none.
    #[expect(clippy::indexing_slicing, reason = "a test gives it something to choose from")]
    pub fn one_of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
