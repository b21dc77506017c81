//! Where in a long list of ranges to begin: equally wide cells over the addresses in use, each with
//! the first range that starts in it. Holds no values; a search without it finds the same.

use std::ops::Range;

/// Fewer ranges fit into a processor's nearest cache (32 KiB of IPv4 ranges with a four-byte
/// value), where a plain search is as fast.
const INDEXED_MIN: u32 = 4096;

/// The fewest ranges for each cell on average. Widths are powers of two, so there may be up to four
/// times as many: one to four cache lines of IPv4 ranges. It makes at most half a byte of index a
/// range.
const RANGES_PER_CELL: u32 = 8;

/// Cells from the second range's start to the last one's.
///
/// The cells begin where the ranges do, so that they are not spent on what nobody has learned
/// about: all of IPv6 in use lies in a twentieth of it. Networks that crowd in few cells leave the
/// search some halving to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Index {
    /// The start of the second range. Before it is only the first.
    base: u128,
    /// The width of a cell is 2 to the power of this.
    shift: u32,
    /// The first range that starts in each cell or behind it; last, the number of ranges.
    cells: Vec<u32>,
}

impl Index {
    /// The index of ranges by their starts, in order; `None` where it would not pay.
    pub(super) fn of(starts: impl DoubleEndedIterator<Item = u128> + Clone) -> Option<Self> {
        // More ranges than numbers for them are searched without: that would be 24 GiB of them.
        let count = u32::try_from(starts.clone().count()).ok()?;
        if count < INDEXED_MIN {
            return None;
        }
        let (base, last) = (starts.clone().nth(1)?, starts.clone().next_back()?);
        let span = last.checked_sub(base)?;
        let shift =
            (u128::BITS - span.leading_zeros()).saturating_sub((count / RANGES_PER_CELL).ilog2());
        let mut cells = Vec::with_capacity(cell(span, shift).saturating_add(2));
        for (number, start) in (0..count).zip(starts).skip(1) {
            let next_cell = cell(start - base, shift) + 1;
            // Those in between are empty: they begin where this one does.
            cells.resize(next_cell.max(cells.len()), number);
        }
        cells.push(count);
        Some(Self { base, shift, cells })
    }

    /// The ranges that start in the cell of `address`. Its own is one of them, or the one right
    /// before them.
    pub(super) fn stretch(&self, address: u128) -> Range<usize> {
        let Some(offset) = address.checked_sub(self.base) else { return 0..1 };
        // Behind the last start the last cell goes on.
        let cell = cell(offset, self.shift).min(self.cells.len() - 2);
        self.cells[cell] as usize..self.cells[cell + 1] as usize
    }
}

/// The number of the cell this far behind the base.
fn cell(offset: u128, shift: u32) -> usize {
    usize::try_from(offset >> shift).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_ranges_have_none_and_many_take_little_memory() {
        let index = |count: u32| Index::of((0..u128::from(count)).map(|number| number << 8));
        assert_eq!(index(INDEXED_MIN - 1), None);
        for count in [INDEXED_MIN, 5_000, 100_000] {
            let cells = index(count).unwrap().cells.len();
            assert!(cells <= (count / RANGES_PER_CELL) as usize + 1, "{count}: {cells}");
            assert!(cells > (count / RANGES_PER_CELL) as usize / 4, "{count}: {cells}");
        }
    }

    #[test]
    fn a_stretch_is_short_where_ranges_are_even() {
        let index = Index::of((0..100_000).map(|number| number << 8)).unwrap();
        let longest = (0..100_000).map(|number| index.stretch(number << 8).len()).max();
        assert_eq!(longest, Some(16));
        assert_eq!(index.stretch(0), 0..1);
        assert_eq!(index.stretch(u128::MAX).end, 100_000);
    }
}
