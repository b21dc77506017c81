//! A block: the rows of up to some hundred neighbouring networks of one width, side by side in one
//! piece of memory. Knows no networks, only how far each lies from the block's first.
//!
//! Where networks are dense, a bit for each says which are there; where they are not, each row has
//! its distance before it, in as few bytes as the block needs.

use super::super::row::{Kept, OBSERVED_BITS, ROW_BITS, ROW_BYTES};

/// A block of 2^10 networks has a bit for each: less than half a byte a row at 12 million of 16.7
/// million /24s, all that a block takes beside its rows included.
const DENSE_BITS: u8 = 10;
/// A block with so many rows is divided where it can be: to insert a row moves half of them, 5 KB.
pub(super) const ROWS_MAX: usize = 1 << DENSE_BITS;
/// How far back in time a block begins when it must begin anew, in units: an hour or so, since rows
/// come in nearly in the order of their observation.
const SLACK_UNITS: u32 = 450;
/// Units between the earliest and the latest observation that a block can tell: what lies
/// before counts as that early. Far above any time to live.
const SPAN_UNITS: u32 = (1 << OBSERVED_BITS) - 1;

/// Rows in the order of their networks.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// It is of 2 to the power of this networks.
    bits: u8,
    /// Whether a row may still have to settle.
    has_young: bool,
    /// Times of observation are counted from here.
    base: u32,
    /// The earliest observation; the maximum where there is no row.
    oldest: u32,
    /// Which networks are there, where they are dense.
    present: Option<Box<[u64; ROWS_MAX / 64]>>,
    /// Distance, where they are not, and row; one after the other.
    bytes: Vec<u8>,
}

impl Block {
    /// Of 2 to the power of `bits` networks, and no row.
    pub(super) fn new(bits: u8) -> Self {
        let present = (bits <= DENSE_BITS).then(Box::default);
        let bytes = Vec::new();
        Self { bits, has_young: false, base: 0, oldest: u32::MAX, present, bytes }
    }

    /// Of these rows, in the order of their distances: in memory that is taken once.
    fn of(bits: u8, rows: &[(u128, Kept)]) -> Self {
        let mut block = Self::new(bits);
        let Some(newest) = rows.iter().map(|(_, kept)| kept.observed).max() else { return block };
        let oldest = rows.iter().map(|(_, kept)| kept.observed).min().unwrap_or(newest);
        block.base = base_for(oldest, newest);
        let (stride, key_bytes) = (block.stride(), block.key_bytes());
        block.bytes = vec![0; rows.len() * stride];
        for (at, (offset, kept)) in rows.iter().enumerate() {
            block.mark(*offset, true);
            if let Some(place) = block.bytes.get_mut(at * stride..at * stride + key_bytes) {
                place.copy_from_slice(&offset.to_le_bytes()[..key_bytes]);
            }
            block.put(at, Kept { observed: kept.observed.max(block.base), ..*kept });
        }
        block
    }

    /// How many networks it is of, as a power of 2.
    pub(super) const fn bits(&self) -> u8 {
        self.bits
    }

    /// The earliest observation in it.
    pub(super) const fn oldest(&self) -> u32 {
        self.oldest
    }

    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() / self.stride()
    }

    /// The bytes it takes beside itself.
    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.present.as_ref().map_or(0, |present| size_of_val(&**present))
    }

    fn key_bytes(&self) -> usize {
        if self.present.is_some() { 0 } else { usize::from(self.bits.div_ceil(8)) }
    }

    fn stride(&self) -> usize {
        self.key_bytes() + ROW_BYTES
    }

    /// Where the row at a distance is, or where it belongs.
    fn find(&self, offset: u128) -> Result<usize, usize> {
        if let Some(present) = &self.present {
            let (word, bit) = place_of(offset);
            let words = present.iter().take(word).map(|word| word.count_ones() as usize);
            let own = present.get(word).copied().unwrap_or(0);
            let at = words.sum::<usize>() + (own & ((1 << bit) - 1)).count_ones() as usize;
            return if own >> bit & 1 == 1 { Ok(at) } else { Err(at) };
        }
        let (mut from, mut to) = (0, self.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            match self.key(middle).cmp(&offset) {
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(from)
    }

    /// The distance of a row, where each has its own.
    fn key(&self, at: usize) -> u128 {
        let start = at * self.stride();
        number(self.bytes.get(start..start + self.key_bytes()).unwrap_or_default())
    }

    fn row(&self, at: usize) -> Kept {
        let start = at * self.stride() + self.key_bytes();
        self.kept(number(self.bytes.get(start..start + ROW_BYTES).unwrap_or_default()))
    }

    #[expect(clippy::cast_possible_truncation, reason = "each has fewer bits than its type")]
    const fn kept(&self, number: u128) -> Kept {
        let bits = (number & ((1 << ROW_BITS) - 1)) as u64;
        Kept { bits, observed: self.base.saturating_add((number >> ROW_BITS) as u32) }
    }

    /// Writes a row whose time of observation the block can tell.
    fn put(&mut self, at: usize, kept: Kept) {
        let since = kept.observed.saturating_sub(self.base);
        let bytes = (u128::from(since) << ROW_BITS | u128::from(kept.bits)).to_le_bytes();
        let start = at * self.stride() + self.key_bytes();
        if let Some(place) = self.bytes.get_mut(start..start + ROW_BYTES) {
            place.copy_from_slice(&bytes[..ROW_BYTES]);
        }
        self.oldest = self.oldest.min(kept.observed);
        self.has_young |= kept.is_young();
    }

    /// The row at a distance.
    pub(super) fn get(&self, offset: u128) -> Option<Kept> {
        self.find(offset).ok().map(|at| self.row(at))
    }

    /// Sets a row; gives back what was there.
    pub(super) fn set(&mut self, offset: u128, kept: Kept) -> Option<Kept> {
        self.make_room_for(kept.observed);
        match self.find(offset) {
            Ok(at) => {
                let before = self.row(at);
                self.put(at, kept);
                if before.observed == self.oldest {
                    self.find_oldest();
                }
                Some(before)
            }
            Err(at) => {
                self.insert(at, offset);
                self.put(at, kept);
                None
            }
        }
    }

    /// Sets rows, in the order of their distances; hands each that was there before, or its absence,
    /// to `before`, with its place among those set.
    pub(super) fn set_all(
        &mut self,
        rows: &[(u128, Kept)],
        mut before: impl FnMut(usize, Option<Kept>),
    ) {
        if rows.iter().all(|(offset, _)| self.find(*offset).is_ok()) {
            for (nth, (offset, kept)) in rows.iter().enumerate() {
                before(nth, self.set(*offset, *kept));
            }
            return;
        }
        let mut all: Vec<(u128, Kept)> = Vec::with_capacity(self.len() + rows.len());
        let mut new = rows.iter().copied().enumerate().peekable();
        for (offset, kept) in self.iter() {
            while let Some((nth, row)) = new.next_if(|(_, (at, _))| *at < offset) {
                before(nth, None);
                all.push(row);
            }
            let same = new.next_if(|(_, (at, _))| *at == offset);
            all.push(same.map_or((offset, kept), |(nth, row)| {
                before(nth, Some(kept));
                row
            }));
        }
        for (nth, row) in new {
            before(nth, None);
            all.push(row);
        }
        *self = Self::of(self.bits, &all);
    }

    /// Makes place for a row, not more than that: most blocks stay as they are for long.
    fn insert(&mut self, at: usize, offset: u128) {
        let (stride, key_bytes, end) = (self.stride(), self.key_bytes(), self.bytes.len());
        self.bytes.reserve_exact(stride);
        self.bytes.resize(end + stride, 0);
        let start = at * stride;
        self.bytes.copy_within(start..end, start + stride);
        if let Some(place) = self.bytes.get_mut(start..start + key_bytes) {
            place.copy_from_slice(&offset.to_le_bytes()[..key_bytes]);
        }
        self.mark(offset, true);
    }

    /// Notes whether a network is there, where they are dense.
    fn mark(&mut self, offset: u128, is_there: bool) {
        let (word, bit) = place_of(offset);
        let present = self.present.as_mut();
        if let Some(word) = present.and_then(|present| present.get_mut(word)) {
            *word = *word & !(1 << bit) | u64::from(is_there) << bit;
        }
    }

    /// Drops a row; gives it back.
    pub(super) fn remove(&mut self, offset: u128) -> Option<Kept> {
        let at = self.find(offset).ok()?;
        let (removed, start, stride) = (self.row(at), at * self.stride(), self.stride());
        self.bytes.drain(start..start + stride);
        self.mark(offset, false);
        if self.bytes.capacity() > 2 * self.bytes.len() {
            self.bytes.shrink_to_fit();
        }
        if removed.observed == self.oldest {
            self.find_oldest();
        }
        Some(removed)
    }

    /// All rows with their distances.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u128, Kept)> + Clone {
        let present = self.present.iter().flat_map(|present| offsets(&**present));
        let keys = (0..self.len()).filter(|_| self.present.is_none()).map(|at| self.key(at));
        present.chain(keys).enumerate().map(|(at, offset)| (offset, self.row(at)))
    }

    /// All rows with their distances, at a third of what [`Self::iter`] costs: where a million are looked at.
    pub(super) fn for_each(&self, mut each: impl FnMut(u128, Kept)) {
        let Some(present) = &self.present else {
            return self.iter().for_each(|(offset, kept)| each(offset, kept));
        };
        let mut rows = self.bytes.as_chunks::<ROW_BYTES>().0.iter();
        for (start, word) in (0u128..).step_by(64).zip(present.iter()) {
            let mut rest = *word;
            while rest != 0 {
                let Some(row) = rows.next() else { return };
                each(start + u128::from(rest.trailing_zeros()), self.kept(number(row)));
                rest &= rest - 1;
            }
        }
    }

    /// The rows from a distance on.
    pub(super) fn iter_from(&self, offset: u128) -> impl Iterator<Item = (u128, Kept)> + Clone {
        self.iter().skip_while(move |(at, _)| *at < offset)
    }

    /// Changes every row; not its time of observation.
    pub(super) fn change(&mut self, mut change: impl FnMut(u128, Kept) -> Kept) {
        let rows: Vec<(u128, Kept)> = self.iter().collect();
        self.has_young = false;
        for (at, (offset, kept)) in rows.into_iter().enumerate() {
            self.put(at, Kept { observed: kept.observed, ..change(offset, kept) });
        }
    }

    /// Whether a row may still have to settle: else no era changes it.
    pub(super) const fn has_young(&self) -> bool {
        self.has_young
    }

    /// Its rows are so many eras older.
    pub(super) fn age(&mut self, eras: u64) {
        self.change(|_, kept| kept.aged(eras));
    }

    /// The earliest observation anew, after a row of it went. Ends where another one has the same.
    fn find_oldest(&mut self) {
        let mut oldest = u32::MAX;
        for at in 0..self.len() {
            oldest = oldest.min(self.row(at).observed);
            if oldest == self.oldest {
                return;
            }
        }
        self.oldest = oldest;
    }

    /// Counts from another time where this one cannot be told from the present one.
    fn make_room_for(&mut self, observed: u32) {
        let since = observed.checked_sub(self.base);
        if since.is_some_and(|since| since <= SPAN_UNITS) && !self.bytes.is_empty() {
            return;
        }
        let rows: Vec<Kept> = (0..self.len()).map(|at| self.row(at)).collect();
        let times = || rows.iter().map(|row| row.observed).chain([observed]);
        let newest = times().max().unwrap_or(observed);
        let oldest = times().min().unwrap_or(observed);
        self.base = base_for(oldest, newest);
        self.oldest = u32::MAX;
        for (at, row) in rows.into_iter().enumerate() {
            self.put(at, Kept { observed: row.observed.max(self.base), ..row });
        }
    }

    /// Two blocks, or one narrower one, where this one has too many rows; each with how far it
    /// begins from the beginning of this one. Together they have the same rows.
    pub(super) fn divided(&self) -> Option<Vec<(u128, Self)>> {
        if self.len() < ROWS_MAX || self.present.is_some() {
            return None;
        }
        let (first, last) = (self.key(0), self.key(self.len() - 1));
        // The highest bit in which two of the distances differ; in what is above all agree.
        let highest = u8::try_from(u128::BITS - 1 - (first ^ last).leading_zeros()).ok()?;
        let bits = if highest < DENSE_BITS { DENSE_BITS } else { highest };
        let rows: Vec<(u128, Kept)> = self.iter().collect();
        let parts = rows.chunk_by(|(one, _), (other, _)| one >> bits == other >> bits);
        let parts = parts.map(|part| {
            let start = part.first().map_or(0, |(offset, _)| offset >> bits << bits);
            let part: Vec<_> = part.iter().map(|(offset, kept)| (offset - start, *kept)).collect();
            (start, Self::of(bits, &part))
        });
        Some(parts.collect())
    }
}

/// From when a block counts that has these observations.
fn base_for(oldest: u32, newest: u32) -> u32 {
    oldest.saturating_sub(SLACK_UNITS).max(newest.saturating_sub(SPAN_UNITS))
}

/// The word and the bit of a distance.
fn place_of(offset: u128) -> (usize, u32) {
    let offset = u32::try_from(offset).unwrap_or(u32::MAX);
    (offset as usize / 64, offset % 64)
}

/// The distances of the bits that are set.
fn offsets(present: &[u64]) -> impl Iterator<Item = u128> + Clone {
    (0u128..).step_by(64).zip(present).flat_map(|(start, word)| {
        let next = |rest: &u64| Some(rest & rest.wrapping_sub(1));
        let rests = std::iter::successors(Some(*word), next).take_while(|rest| *rest != 0);
        rests.map(move |rest| start + u128::from(rest.trailing_zeros()))
    })
}

/// Up to 16 bytes as a number, the lowest first.
fn number(bytes: &[u8]) -> u128 {
    let mut all = [0; 16];
    if let Some(place) = all.get_mut(..bytes.len()) {
        place.copy_from_slice(bytes);
    }
    u128::from_le_bytes(all)
}
