//! Where in a long list of leaves to look: so little that it stays in a processor's second cache,
//! whatever the list takes. Holds no values; a search without it finds the same.
//!
//! ```text
//! address -> cell (equally wide) -> its signposts (a mark each) -> one leaf of the list
//! ```
//!
//! Must never need a second read from memory: what a look-up reads of the list are neighbours, all
//! asked for at once.

use std::ops::Range;

use super::last_until;

/// Fewer leaves fit into a processor's nearest cache (24 KiB with a four-byte value), where a plain
/// search is as fast.
const INDEXED_MIN: u32 = 64;

/// How many signposts a look-up may have to choose from on average: three cache lines, which are fetched at
/// once. With fewer of them the cells are more, and a cell is what they wait for.
const COMPARED_MAX: u64 = 64;
/// The most cells for each leaf on average, where they crowd so much that no width of cells is
/// good enough. It makes half a byte of index a range.
const CELLS_PER_LEAF: u32 = 8;
/// A search halves a cell's signposts down to so many, which it seldom must.
const WINDOW: usize = 128;
/// Of these it looks at each sixteenth, then at sixteen at once: no loop but of one length, which a
/// processor foresees.
const GROUP: usize = 16;

/// Cells from the second leaf's start to the last one's, each with its signposts.
///
/// The cells begin where the leaves do, and are as narrow as the crowds in them need, so that they are
/// not spent on what nobody has learned about: all of IPv6 in use lies in a twentieth of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Index {
    /// The start of the second leaf. Before it is only the first.
    base: u128,
    /// The width of a cell is 2 to the power of this.
    shift: u32,
    /// The first signpost in each cell or behind it; last, the number of signposts.
    cells: Vec<u32>,
    /// Of each leaf but the first, where in its cell it starts: the highest 16 bits of that. Behind them
    /// a window that nobody compares.
    signposts: Vec<u16>,
}

impl Index {
    /// The index of so many leaves by their starts, which ascend; `None` where it would not pay.
    pub(super) fn of(count: usize, start: impl Fn(usize) -> u128) -> Option<Self> {
        // More leaves than numbers for them are searched without: that would be 1.5 TiB of them.
        let leaves = u32::try_from(count).ok().filter(|leaves| *leaves >= INDEXED_MIN)?;
        let base = start(1);
        let offsets: Vec<u128> = (1..count).map(|number| start(number) - base).collect();
        let span = u128::BITS - offsets.last()?.leading_zeros();
        let least = span.saturating_sub(leaves.saturating_mul(CELLS_PER_LEAF).ilog2());
        // With fewer cells there are more signposts than that in each, wherever they are.
        let cells_min = (offsets.len() as u64 / COMPARED_MAX).max(1);
        let most = span.saturating_sub(cells_min.ilog2());
        // The widest cells that will do: the fewer they are, the fewer lines of the cache they take.
        let shift = (least..=most).rev().find(|shift| compared(&offsets, *shift) <= COMPARED_MAX);
        let shift = shift.unwrap_or(least);
        let mut cells = Vec::with_capacity(spot(*offsets.last()?, shift).0 + 2);
        for (number, offset) in (0u32..).zip(&offsets) {
            let next_cell = spot(*offset, shift).0 + 1;
            // Those in between are empty: they begin where this one does.
            cells.resize(next_cell.max(cells.len()), number);
        }
        cells.push(leaves - 1);
        let marks = offsets.iter().map(|offset| spot(*offset, shift).1);
        let signposts = marks.chain([u16::MAX; WINDOW]).collect();
        Some(Self { base, shift, cells, signposts })
    }

    /// What it takes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.cells.capacity() * size_of::<u32>() + self.signposts.capacity() * size_of::<u16>()
    }

    /// The leaves among which that of `address` is: one, or several where the address lies so near to
    /// the start of one that its mark is the same. The first of them starts at the address or before it.
    pub(super) fn stretch(&self, address: u128) -> Range<usize> {
        let Some(offset) = address.checked_sub(self.base) else { return 0..1 };
        let (number, mark) = spot(offset, self.shift);
        let last = self.cells.len() - 2;
        // Behind the last start the last cell goes on.
        let (number, mark) = if number > last { (last, u16::MAX) } else { (number, mark) };
        let (first, mut to) = (self.cells[number] as usize, self.cells[number + 1] as usize);
        let mut from = first;
        while to - from > WINDOW {
            let middle = from + (to - from) / 2;
            if self.signposts[middle] <= mark {
                from = middle;
            } else {
                to = middle;
            }
        }
        let through = from + count_until(&self.signposts[from..], to - from, mark);
        // Of two starts with one mark nobody knows which is the lower one.
        let mut before = through;
        while before > first && self.signposts[before - 1] == mark {
            before -= 1;
        }
        before..through + 1
    }
}

/// How many of the first so many signposts, at most a window, are not behind a mark.
fn count_until(signposts: &[u16], count: usize, mark: u16) -> usize {
    let Some(window) = signposts.first_chunk::<WINDOW>() else { return 0 };
    if count < GROUP {
        return window[..count].iter().filter(|sign| **sign <= mark).count();
    }
    let group = last_until::<{ WINDOW / GROUP }>(|group| {
        (group * GROUP < count) & (window[group * GROUP] <= mark)
    });
    // The last group begins earlier, and with some of the one before, to be in one cell.
    let before = (group * GROUP).min(count - GROUP);
    let Some(group) = window[before..].first_chunk::<GROUP>() else { return 0 };
    before + usize::from(group.iter().map(|sign| u16::from(*sign <= mark)).sum::<u16>())
}

/// How many signposts there are on average in the cell of a signpost.
fn compared(offsets: &[u128], shift: u32) -> u64 {
    let of_cell = |one: &u128, other: &u128| spot(*one, shift).0 == spot(*other, shift).0;
    let squares: u64 = offsets.chunk_by(of_cell).map(|cell| (cell.len() as u64).pow(2)).sum();
    squares / offsets.len() as u64
}

/// Which cell is this far behind the base, and where in it: the highest 16 bits of that. Within a cell a
/// higher mark means a higher offset.
#[expect(clippy::cast_possible_truncation, reason = "what is cut off is alike in all of a cell")]
fn spot(offset: u128, shift: u32) -> (usize, u16) {
    let unit = shift.saturating_sub(u16::BITS);
    // Far behind the last cell it does not matter where.
    let units = u64::try_from(offset >> unit).unwrap_or(u64::MAX);
    (usize::try_from(units >> (shift - unit)).unwrap_or(usize::MAX), units as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn even(count: usize) -> Option<Index> {
        Index::of(count, |number| (number as u128) << 8)
    }

    #[test]
    fn few_leaves_have_none_and_many_take_little_memory() {
        assert_eq!(even(INDEXED_MIN as usize - 1), None);
        for count in [INDEXED_MIN as usize, 500, 5_000, 1_000_000] {
            let bytes = even(count).unwrap().bytes();
            assert!(bytes < 4 * count + 512, "{count}: {bytes}");
        }
    }

    #[test]
    fn a_stretch_is_short_where_leaves_are_even() {
        for count in [5_000, 500_000] {
            let index = even(count).unwrap();
            for at in (1..count).step_by(101) {
                let stretch = index.stretch((at as u128) << 8 | 0x80);
                assert!(stretch.contains(&at) && stretch.len() <= 2, "{at}: {stretch:?}");
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
        for (start, longest) in [(&crowds as &dyn Fn(usize) -> u128, 2), (&lost, 100_000)] {
            let index = Index::of(100_000, start).unwrap();
            for number in (1..100_000).step_by(17) {
                let stretch = index.stretch(start(number));
                assert!(stretch.contains(&number) && stretch.len() <= longest, "{stretch:?}");
            }
        }
    }
}
