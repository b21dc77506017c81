//! Where in a long list of ranges to look: so little that it stays in a processor's second cache,
//! whatever the list takes. Holds no values; a search without it finds the same.
//!
//! ```text
//! address -> cell (equally wide) -> its signposts (a mark each) -> one leaf of the list
//! ```
//!
//! Must never need a second read from memory: what a look-up reads of the list are neighbours, all
//! asked for at once.

use std::ops::Range;

/// Fewer ranges fit into a processor's nearest cache (32 KiB of IPv4 ranges with a four-byte
/// value), where a plain search is as fast.
const INDEXED_MIN: u32 = 4096;

/// The lines of a leaf that a look-up reads of memory, all at once: to read four costs little more
/// than to read one.
const LINES_MIN: usize = 4;
/// More would be read in vain. Where so many do not keep the signposts at [`SIGNPOSTS`], those outgrow
/// the cache, and look-ups get slower.
const LINES_MAX: usize = 10;
/// So many signposts are 256 KiB: a quarter of a second cache, for the kernel's work is in there too.
/// With more ranges the leaves get longer first.
const SIGNPOSTS: usize = 128 * 1024;

/// How many signposts a look-up may have to compare on average: 48 bytes, a cache line or two.
const COMPARED_MAX: u64 = 24;
/// The fewest ranges for each cell on average, where they crowd so much that no width of cells is
/// good enough. It makes at most half a byte of index a range.
const RANGES_PER_CELL: u32 = 8;
/// A search halves a cell's signposts down to so many, then compares them all: nothing is guessed.
const SCAN_MAX: usize = 32;

/// Cells from the second range's start to the last one's, each with its signposts.
///
/// The cells begin where the ranges do, and are as narrow as the crowds in them need, so that they are
/// not spent on what nobody has learned about: all of IPv6 in use lies in a twentieth of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Index {
    /// The start of the second range. Before it is only the first.
    base: u128,
    /// The width of a cell is 2 to the power of this.
    shift: u32,
    /// Ranges a leaf. The first leaf begins with the second range.
    leaf: usize,
    /// How many ranges there are.
    count: usize,
    /// The first signpost in each cell or behind it; last, the number of signposts.
    cells: Vec<u32>,
    /// Of each leaf, where in its cell it starts: the highest 16 bits of that.
    signposts: Vec<u16>,
}

impl Index {
    /// The index of so many ranges by their starts, which ascend, so many in a line of memory; `None`
    /// where it would not pay.
    pub(super) fn of(count: usize, per_line: usize, start: impl Fn(usize) -> u128) -> Option<Self> {
        // More ranges than numbers for them are searched without: that would be 24 GiB of them.
        let ranges = u32::try_from(count).ok().filter(|ranges| *ranges >= INDEXED_MIN)?;
        let base = start(1);
        let lines = (count / SIGNPOSTS).div_ceil(per_line).clamp(LINES_MIN, LINES_MAX);
        let leaf = lines * per_line;
        let offsets: Vec<u128> = (1..count).step_by(leaf).map(|at| start(at) - base).collect();
        let span = u128::BITS - (start(count - 1) - base).leading_zeros();
        let least = span.saturating_sub((ranges / RANGES_PER_CELL).ilog2());
        // With fewer cells there are more signposts than that in each, wherever they are.
        let cells_min = (offsets.len() as u64 / COMPARED_MAX).max(1);
        let most = span.saturating_sub(cells_min.ilog2());
        // The widest cells that will do: the fewer they are, the fewer lines of the cache they take.
        let shift = (least..=most).rev().find(|shift| compared(&offsets, *shift) <= COMPARED_MAX);
        let shift = shift.unwrap_or(least);
        let mut cells = Vec::new();
        for (number, offset) in (0u32..).zip(&offsets) {
            let next_cell = cell(*offset, shift) + 1;
            // Those in between are empty: they begin where this one does.
            cells.resize(next_cell.max(cells.len()), number);
        }
        cells.push(u32::try_from(offsets.len()).ok()?);
        let signposts = offsets.iter().map(|offset| mark(*offset, shift)).collect();
        Some(Self { base, shift, leaf, count, cells, signposts })
    }

    /// The ranges among which that of `address` is: a leaf, or two where the address lies at the start
    /// of one. The first of them starts at the address or before it.
    pub(super) fn stretch(&self, address: u128) -> Range<usize> {
        let Some(offset) = address.checked_sub(self.base) else { return 0..1 };
        let (number, last) = (cell(offset, self.shift), self.cells.len() - 2);
        // Behind the last start the last cell goes on.
        let (number, mark) =
            if number > last { (last, u16::MAX) } else { (number, mark(offset, self.shift)) };
        let Range { start: mut from, end: mut to } =
            self.cells[number] as usize..self.cells[number + 1] as usize;
        while to - from > SCAN_MAX {
            let middle = from + (to - from) / 2;
            match self.signposts[middle].cmp(&mark) {
                std::cmp::Ordering::Less => from = middle,
                std::cmp::Ordering::Greater => to = middle,
                std::cmp::Ordering::Equal => break,
            }
        }
        let signposts = &self.signposts[from..to];
        let before = from + signposts.iter().map(|sign| usize::from(*sign < mark)).sum::<usize>();
        // Of two starts with one mark nobody knows which is the lower one.
        let through = from + signposts.iter().map(|sign| usize::from(*sign <= mark)).sum::<usize>();
        let first = before.checked_sub(1).map_or(0, |sign| 1 + sign * self.leaf);
        first..(1 + through * self.leaf).min(self.count)
    }
}

/// How many signposts there are on average in the cell of a signpost.
fn compared(offsets: &[u128], shift: u32) -> u64 {
    let of_cell = |one: &u128, other: &u128| cell(*one, shift) == cell(*other, shift);
    let squares: u64 = offsets.chunk_by(of_cell).map(|cell| (cell.len() as u64).pow(2)).sum();
    squares / offsets.len() as u64
}

/// The number of the cell this far behind the base.
fn cell(offset: u128, shift: u32) -> usize {
    usize::try_from(offset >> shift).unwrap_or(usize::MAX)
}

/// Where in its cell an offset is. Within a cell a higher mark means a higher offset.
#[expect(clippy::cast_possible_truncation, reason = "what is cut off is alike in all of a cell")]
fn mark(offset: u128, shift: u32) -> u16 {
    (offset >> shift.saturating_sub(u16::BITS)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn even(count: usize) -> Option<Index> {
        Index::of(count, 8, |number| (number as u128) << 8)
    }

    #[test]
    fn few_ranges_have_none_and_many_take_little_memory() {
        assert_eq!(even(INDEXED_MIN as usize - 1), None);
        for count in [INDEXED_MIN as usize, 5_000, 100_000, 10_000_000] {
            let index = even(count).unwrap();
            let bytes = 4 * index.cells.len() + 2 * index.signposts.len();
            assert!(bytes * 8 < count, "{count}: {bytes}");
        }
    }

    #[test]
    fn a_stretch_is_short_where_ranges_are_even() {
        for (count, leaf) in [(100_000, 8 * LINES_MIN), (10_000_000, 8 * 10)] {
            let index = even(count).unwrap();
            let stretches = (1..count as u128).step_by(101).map(|at| (at, index.stretch(at << 8)));
            for (at, stretch) in stretches {
                assert!(stretch.contains(&(at as usize)) && stretch.len() <= 2 * leaf, "{at}");
            }
            assert_eq!(index.stretch(0), 0..1);
            assert_eq!(index.stretch(u128::MAX).end, count);
        }
    }

    #[test]
    fn a_stretch_is_short_in_crowds_and_right_where_marks_cannot_tell() {
        // A thousand crowds of a hundred, far apart.
        let crowds =
            |number: usize| ((number / 100) as u128) << 90 | ((number % 100) as u128) << 80;
        // One crowd, and somebody very far away: all marks are the same.
        let lost = |number: usize| if number == 99_999 { 1 << 127 } else { number as u128 };
        for (start, longest) in
            [(&crowds as &dyn Fn(usize) -> u128, 16 * LINES_MIN), (&lost, 100_000)]
        {
            let index = Index::of(100_000, 8, start).unwrap();
            for number in (1..100_000).step_by(17) {
                let stretch = index.stretch(start(number));
                assert!(stretch.contains(&number) && stretch.len() <= longest, "{stretch:?}");
            }
        }
    }
}
