//! The rows of a port as bytes, as they lie in memory, and back. Knows no agent and no file.
//!
//! A row is its distance from the last one and its nine bytes; its time of observation counts from
//! the chunk's own. See `docs/decisions/0060-the-table-on-disk.md`.

use model::Time;

use super::super::row::{ERA_MS, Kept, OBSERVED_BITS, ROW_BITS, ROW_BYTES, units_of};
use super::super::saved::{CHUNK_ROWS_MAX, SavedFault};
use super::column::Column;
use super::tellings::Tellings;
use super::{RowStore, Width};
use crate::bytes::{Reader, put_number, put_position};
use crate::report::{WIDEST_IPV4_PREFIX, WIDEST_IPV6_PREFIX};

/// Least bytes of a row: what announces more of them than there are bytes is refused.
const ROW_BYTES_MIN: usize = 1 + ROW_BYTES;

impl RowStore {
    /// Everything but the rows.
    pub(in super::super) fn save_head(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.era.to_le_bytes());
        let tellings = self.tellings.all();
        put_number(bytes, tellings.len() as u128);
        tellings.iter().for_each(|told| put_position(bytes, *told));
    }

    /// A store without a row, as it was saved.
    pub(in super::super) fn load_head(reader: &mut Reader<'_>) -> Result<Self, SavedFault> {
        let era = reader.u64()?;
        let count = usize::try_from(reader.number()?).unwrap_or(usize::MAX);
        let mut tellings = Tellings::NONE;
        for number in 0..count {
            let told = tellings.number_of(reader.position()?).map(usize::from);
            // None twice, and no more than can be told apart.
            if told != Some(number) {
                return Err(reader.fault().into());
            }
        }
        Ok(Self { era, tellings, ..Self::NONE })
    }

    /// All rows, some thousand at a time: each width by itself, ascending by network.
    pub(in super::super) fn saved_rows(&self) -> impl Iterator<Item = Vec<u8>> {
        self.columns.iter().flat_map(|(width, column)| {
            let mut rows = column.iter_from(0);
            std::iter::from_fn(move || {
                let chunk: Vec<(u128, Kept)> = rows.by_ref().take(CHUNK_ROWS_MAX).collect();
                (!chunk.is_empty()).then(|| rows_as_bytes(*width, &chunk))
            })
        })
    }

    /// Takes rows that were saved, all of them or none; says how many. They replace those of the same
    /// networks. At most `room` of them, else none is taken.
    pub(in super::super) fn load_rows(
        &mut self,
        reader: &mut Reader<'_>,
        room: usize,
    ) -> Result<usize, SavedFault> {
        let width = read_width(reader)?;
        let (base, count) = (reader.u32()?, usize::from(reader.u16()?));
        if count > reader.len() / ROW_BYTES_MIN {
            return Err(reader.fault().into());
        }
        if count > room {
            return Err(SavedFault::NoRoom { rows: count });
        }
        let mut rows: Vec<(u128, Kept)> = Vec::with_capacity(count);
        for _ in 0..count {
            let gap = reader.number()?;
            let network = match rows.last() {
                None => Some(gap),
                Some((last, _)) => last.checked_add(gap).and_then(|last| last.checked_add(1)),
            };
            let kept = read_kept(reader.take(ROW_BYTES)?, base);
            let network = network.filter(|network| width.has(*network) && self.is_sound(kept));
            rows.push((network.ok_or(reader.fault())?, kept));
        }
        let Self { columns, counts, len, said, .. } = self;
        let before = *len;
        columns.entry(width).or_default().set_all(&rows, width.length, |network, kept, before| {
            let lot = width.lot(network);
            *said = said.wrapping_add(kept.said(lot));
            match before {
                Some(before) => {
                    *said = said.wrapping_sub(before.said(lot));
                    counts.forget((width, network), before);
                }
                None => *len += 1,
            }
        });
        Ok(*len - before)
    }

    /// Whether bits are those of a row.
    fn is_sound(&self, kept: Kept) -> bool {
        let told = self.tellings.position(kept.telling());
        kept.samples() > 0 && told.is_some_and(|told| kept.row(self.era, told).is_some())
    }

    /// The counts that the rows' bits do not hold, some thousand at a time.
    pub(in super::super) fn saved_counts(&self) -> impl Iterator<Item = Vec<u8>> {
        let mut counts = self.counts.all();
        std::iter::from_fn(move || {
            let mut bytes = Vec::new();
            for ((width, network), count) in counts.by_ref().take(CHUNK_ROWS_MAX) {
                bytes.extend([width.is_ipv6.into(), width.length]);
                put_number(&mut bytes, network);
                bytes.extend(count.to_le_bytes());
            }
            (!bytes.is_empty()).then_some(bytes)
        })
    }

    /// Takes counts that were saved, of rows that are there.
    pub(in super::super) fn load_counts(
        &mut self,
        reader: &mut Reader<'_>,
    ) -> Result<(), SavedFault> {
        while !reader.is_empty() {
            let network = (read_width(reader)?, reader.number()?);
            let count = reader.u32()?;
            let column = self.columns.get(&network.0);
            if let Some(kept) = column.and_then(|column| column.get(network.1)) {
                self.counts.set(network, count, kept);
            }
        }
        Ok(())
    }

    /// Nothing in it is later than now: what was observed in what is now the future counts as observed
    /// now. Says whether there was any.
    pub(in super::super) fn wake(&mut self, now: Time) -> bool {
        let (era, units) = (now.unix_ms() / ERA_MS, units_of(now));
        let is_ahead = self.era > era;
        self.era = self.era.min(era);
        let mut is_later = false;
        for (width, column) in &mut self.columns {
            if column.iter_from(0).all(|(_, kept)| kept.observed <= units) {
                continue;
            }
            is_later = true;
            // Anew: a block cannot tell times that lie further apart than any time to live.
            let rows = column.iter_from(0);
            let rows = rows.map(|(network, Kept { bits, observed })| {
                (network, Kept { bits, observed: observed.min(units) })
            });
            let rows: Vec<(u128, Kept)> = rows.collect();
            *column = Column::default();
            column.set_all(&rows, width.length, |_, _, _| ());
        }
        is_ahead || is_later
    }
}

impl Width {
    /// Whether there is a network of this number.
    fn has(self, network: u128) -> bool {
        network.checked_shr(self.length.into()).unwrap_or(0) == 0
    }
}

fn rows_as_bytes(width: Width, rows: &[(u128, Kept)]) -> Vec<u8> {
    let newest = rows.iter().map(|(_, kept)| kept.observed).max().unwrap_or(0);
    let oldest = rows.iter().map(|(_, kept)| kept.observed).min().unwrap_or(0);
    // What lies further back than can be told is far beyond any time to live.
    let base = oldest.max(newest.saturating_sub((1 << OBSERVED_BITS) - 1));
    let mut bytes = Vec::with_capacity(8 + rows.len() * (ROW_BYTES_MIN + 1));
    bytes.extend([width.is_ipv6.into(), width.length]);
    bytes.extend(base.to_le_bytes());
    bytes.extend(u16::try_from(rows.len()).unwrap_or(u16::MAX).to_le_bytes());
    let mut least = 0;
    for (network, kept) in rows {
        put_number(&mut bytes, network - least);
        let since = kept.observed.saturating_sub(base);
        let nine = u128::from(since) << ROW_BITS | u128::from(kept.bits);
        bytes.extend(nine.to_le_bytes().iter().take(ROW_BYTES));
        least = network.saturating_add(1);
    }
    bytes
}

#[expect(clippy::cast_possible_truncation, reason = "each has fewer bits than its type")]
fn read_kept(nine: &[u8], base: u32) -> Kept {
    let mut all = [0; 16];
    all.iter_mut().zip(nine).for_each(|(to, from)| *to = *from);
    let number = u128::from_le_bytes(all);
    let bits = (number & ((1 << ROW_BITS) - 1)) as u64;
    Kept { bits, observed: base.saturating_add((number >> ROW_BITS) as u32) }
}

/// A width that rows may have.
fn read_width(reader: &mut Reader<'_>) -> Result<Width, SavedFault> {
    let (is_ipv6, length) = (reader.u8()?, reader.u8()?);
    let (widest, narrowest) = match is_ipv6 {
        0 => (WIDEST_IPV4_PREFIX, 32),
        1 => (WIDEST_IPV6_PREFIX, 128),
        _ => return Err(reader.fault().into()),
    };
    if !(widest..=narrowest).contains(&length) {
        return Err(reader.fault().into());
    }
    Ok(Width { is_ipv6: is_ipv6 == 1, length })
}
