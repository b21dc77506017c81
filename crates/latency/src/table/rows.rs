//! The rows of one agent's port: the one place that knows how rows lie in memory.
//!
//! - [`tellings`]: which report told a row, in few bits,
//! - `block`: neighbours side by side,
//! - `column`: all networks of one width,
//! - `counts`: what a row's bits do not hold,
//! - `saved`: all of it as bytes.
//!
//! What is kept of a row is rounded; a second rounding changes nothing. See
//! `docs/decisions/0053-rows-in-nine-bytes.md`.

pub(super) mod tellings;

mod block;

mod column;

mod counts;

mod saved;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{Subnet, Time};

use self::column::Column;
use self::counts::Counts;
use self::tellings::Tellings;
use super::Position;
use super::row::{ERA_MS, Kept, Row, mix, units_of};

/// Rows by subnet. How many there may be is bounded by the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowStore {
    /// By width: as many as the agent has, 250 at most.
    columns: BTreeMap<Width, Column>,
    counts: Counts,
    tellings: Tellings,
    len: usize,
    /// The sum of what each row says.
    said: u64,
    /// The era that levels are kept in, counted from 1970.
    era: u64,
}

/// Which networks a column is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Width {
    is_ipv6: bool,
    length: u8,
}

/// A row as it lies: what its bits say, before anything is made of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offered {
    width: Width,
    network: u128,
    kept: Kept,
}

/// A block of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockId {
    width: Width,
    start: u128,
}

impl RowStore {
    /// No row.
    pub(crate) const NONE: Self = Self {
        columns: BTreeMap::new(),
        counts: Counts::NONE,
        tellings: Tellings::NONE,
        len: 0,
        said: 0,
        era: 0,
    };

    /// How many rows there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// What all rows say, in 64 bits: the same for the same rows, whichever way they came. Neither
    /// their times of observation are in it nor what this table makes of them.
    pub(crate) const fn said(&self) -> u64 {
        self.said
    }

    /// The bytes of the rows and of what is kept to find them.
    pub(crate) fn heap_bytes(&self) -> usize {
        let columns: usize = self.columns.values().map(Column::heap_bytes).sum();
        columns + self.counts.heap_bytes()
    }

    /// Whether there is a row of exactly this subnet.
    pub(crate) fn contains(&self, subnet: Subnet) -> bool {
        self.find(subnet).is_some()
    }

    /// The row of exactly this subnet.
    pub(crate) fn get(&self, subnet: Subnet) -> Option<Row> {
        self.row((Width::of(subnet), network_of(subnet)), self.find(subnet)?)
    }

    fn find(&self, subnet: Subnet) -> Option<Kept> {
        self.columns.get(&Width::of(subnet))?.get(network_of(subnet))
    }

    fn row(&self, network: (Width, u128), kept: Kept) -> Option<Row> {
        let row = kept.row(self.era, self.tellings.position(kept.telling())?)?;
        Some(Row { samples: self.counts.of(network, kept), ..row })
    }

    /// Sets a row; tells whether it is new.
    pub(crate) fn set(&mut self, subnet: Subnet, row: Row) -> bool {
        let (width, network) = (Width::of(subnet), network_of(subnet));
        let telling = self.telling_of(row.told);
        let lot = width.lot(network);
        let kept = Kept::of(&row, lot, self.era, telling);
        let before = self.columns.entry(width).or_default().set(network, kept, width.length);
        self.said = self.said.wrapping_add(kept.said(lot));
        if let Some(before) = before {
            self.said = self.said.wrapping_sub(before.said(lot));
            self.counts.forget((width, network), before);
        } else {
            self.len += 1;
        }
        self.counts.set((width, network), row.samples, kept);
        before.is_none()
    }

    /// Sets many rows, ascending by subnet and none twice, at less than half the cost of setting
    /// each.
    pub(crate) fn set_all(&mut self, rows: &[(Subnet, Row)]) {
        let mut by_width: BTreeMap<Width, (Vec<_>, Vec<_>)> = BTreeMap::new();
        for (subnet, row) in rows {
            let (width, network) = (Width::of(*subnet), network_of(*subnet));
            let telling = self.telling_of(row.told);
            let kept = Kept::of(row, width.lot(network), self.era, telling);
            let (rows, samples) = by_width.entry(width).or_default();
            rows.push((network, kept));
            samples.push(row.samples);
        }
        let Self { columns, counts, len, said, .. } = self;
        for (width, (rows, samples)) in by_width {
            let column = columns.entry(width).or_default();
            column.set_all(&rows, width.length, |network, kept, before| {
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
            for ((network, kept), samples) in rows.into_iter().zip(samples) {
                counts.set((width, network), samples, kept);
            }
        }
    }

    /// Drops a row; tells whether it was there.
    pub(crate) fn remove(&mut self, subnet: Subnet) -> bool {
        let (width, network) = (Width::of(subnet), network_of(subnet));
        let Some(column) = self.columns.get_mut(&width) else { return false };
        let Some(removed) = column.remove(network) else { return false };
        if column.is_empty() {
            self.columns.remove(&width);
        }
        self.said = self.said.wrapping_sub(removed.said(width.lot(network)));
        self.counts.forget((width, network), removed);
        self.len -= 1;
        true
    }

    /// Drops the rows last observed then or before; tells which. Costs a look at each block and
    /// what goes.
    pub(crate) fn drop_observed_until(&mut self, then: Time) -> Vec<Subnet> {
        let units = units_of(then);
        let over: Vec<Subnet> = self
            .columns
            .iter()
            .flat_map(|(width, column)| {
                column.observed_until(units).filter_map(|network| width.subnet(network))
            })
            .collect();
        for subnet in &over {
            self.remove(*subnet);
        }
        over
    }

    /// Changes every row; neither its time of observation nor what told it.
    pub(crate) fn change_all(&mut self, mut change: impl FnMut(&mut Row)) {
        let Self { columns, counts, tellings, era, said, .. } = self;
        *said = 0;
        for (width, column) in columns {
            column.change(|network, kept| {
                let lot = width.lot(network);
                let told = tellings.position(kept.telling());
                let row = told.and_then(|told| kept.row(*era, told));
                let changed = row.map_or(kept, |mut row| {
                    row.samples = counts.of((*width, network), kept);
                    change(&mut row);
                    let changed = Kept::of(&row, lot, *era, kept.telling());
                    counts.forget((*width, network), kept);
                    counts.set((*width, network), row.samples, changed);
                    changed
                });
                *said = said.wrapping_add(changed.said(lot));
                changed
            });
        }
    }

    /// Whether [`Self::pass`] changes something, or rows were last observed `then` or before.
    pub(super) fn is_moved(&self, then: Option<Time>, now: Time) -> bool {
        let is_old = |then| self.blocks().any(|(_, oldest)| oldest <= units_of(then));
        now.unix_ms() / ERA_MS > self.era || then.is_some_and(is_old)
    }

    /// Time passes for what is usual. To be called before rows are set.
    pub(crate) fn pass(&mut self, now: Time) {
        let era = now.unix_ms() / ERA_MS;
        let eras = era.saturating_sub(self.era);
        if eras > 0 {
            self.era = era;
            self.columns.values_mut().for_each(|column| column.age(eras));
        }
    }

    /// All rows, each width by itself, ascending by subnet in each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Subnet, Row)> + Clone {
        self.columns.iter().flat_map(move |(width, column)| self.of_width(*width, column, 0))
    }

    /// What told each row, each width by itself. Costs less than the rows.
    pub(crate) fn iter_told(&self) -> impl Iterator<Item = (Subnet, Position)> {
        self.columns.iter().flat_map(move |(width, column)| {
            column.iter_from(0).filter_map(move |(network, kept)| {
                Some((width.subnet(network)?, self.tellings.position(kept.telling())?))
            })
        })
    }

    /// The rows from a subnet on, ascending by subnet whatever their width.
    pub(crate) fn iter_from(&self, subnet: Subnet) -> impl Iterator<Item = (Subnet, Row)> {
        let from = self.columns.iter().filter_map(move |(width, column)| {
            let rows = self.of_width(*width, column, width.first_from(subnet)?);
            Some(rows.peekable())
        });
        let mut widths: Vec<_> = from.collect();
        std::iter::from_fn(move || {
            let next = widths.iter_mut().enumerate();
            let next = next.filter_map(|(at, rows)| Some((rows.peek()?.0, at)));
            let (_, at) = next.min()?;
            widths.get_mut(at)?.next()
        })
    }

    fn of_width(
        &self,
        width: Width,
        column: &Column,
        from: u128,
    ) -> impl Iterator<Item = (Subnet, Row)> + Clone {
        let rows = column.iter_from(from);
        rows.filter_map(move |(network, kept)| {
            Some((width.subnet(network)?, self.row((width, network), kept)?))
        })
    }

    /// Shows rows as they lie to `look`, which says how much work that was: those of a network and inside
    /// it, from a block on, until a block is at its end after so much work. Says how much it was, and
    /// where to go on.
    pub(super) fn look_through(
        &self,
        within: Option<Subnet>,
        (from, work_max): (Option<BlockId>, usize),
        mut look: impl FnMut(Offered) -> usize,
    ) -> (usize, Option<BlockId>) {
        let mut work = 0;
        let first = from.map_or(Width { is_ipv6: false, length: 0 }, |from| from.width);
        for (width, column) in self.columns.range(first..) {
            let width = *width;
            let Some((low, high)) = width.networks_in(within) else { continue };
            let begin = from.filter(|from| from.width == width).map_or(low, |from| from.start);
            for (start, block) in column.blocks_from(begin.max(low)) {
                if start > high {
                    break;
                }
                if work > 0 && work >= work_max {
                    return (work, Some(BlockId { width, start }));
                }
                block.for_each(|offset, kept| {
                    let network = start + offset;
                    if low <= network && network <= high {
                        work += look(Offered { width, network, kept });
                    }
                });
            }
        }
        (work, None)
    }

    /// Every block with its earliest observation, in units.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (BlockId, u32)> {
        self.columns.iter().flat_map(|(width, column)| {
            let of = |(start, oldest)| (BlockId { width: *width, start }, oldest);
            column.oldest().map(of)
        })
    }

    /// The rows of a block with their times of observation, in units.
    pub(super) fn of_block(&self, block: BlockId) -> impl Iterator<Item = (Subnet, u32)> {
        let column = self.columns.get(&block.width);
        let rows = column.into_iter().flat_map(move |column| column.of_block(block.start));
        rows.filter_map(move |(network, kept)| Some((block.width.subnet(network)?, kept.observed)))
    }

    /// Which number a telling has here.
    fn telling_of(&mut self, told: Position) -> u16 {
        if let Some(telling) = self.tellings.number_of(told) {
            return telling;
        }
        let halved = self.tellings.halved();
        self.round_up(&halved);
        self.tellings.number_of(told).unwrap_or_default()
    }

    /// Whether there are nearly as many tellings as can be told apart.
    pub(super) fn is_crowded(&self) -> bool {
        self.tellings.is_crowded()
    }

    /// Adds how many rows each telling has. Walks all rows.
    pub(super) fn count_told(&self, counts: &mut BTreeMap<Position, usize>) {
        let rows = self.columns.values().flat_map(|column| column.iter_from(0));
        for told in rows.filter_map(|(_, kept)| self.tellings.position(kept.telling())) {
            *counts.entry(told).or_default() += 1;
        }
    }

    /// From now on every row is of the first of these tellings, ascending, that is not before its
    /// own. Walks all rows.
    pub(super) fn round_up(&mut self, tellings: &[Position]) {
        let numbers = self.tellings.round_up(tellings);
        for column in self.columns.values_mut() {
            column.change(|_, kept| {
                let telling = numbers.get(usize::from(kept.telling())).copied();
                kept.of_telling(telling.unwrap_or_default())
            });
        }
    }
}

/// What a row of a network says, in 64 bits: as much as it adds to [`RowStore::said`].
pub(crate) fn said(subnet: Subnet, row: &Row) -> u64 {
    let lot = Width::of(subnet).lot(network_of(subnet));
    Kept::of(row, lot, 0, 0).said(lot)
}

impl Offered {
    /// Of which network.
    pub(super) fn subnet(self) -> Option<Subnet> {
        self.width.subnet(self.network)
    }

    /// The average round-trip time.
    pub(super) fn rtt_us(self) -> u64 {
        self.kept.rtt_us()
    }

    /// When it was last observed.
    pub(super) const fn observed_ms(self) -> u64 {
        self.kept.observed_at().unix_ms()
    }

    /// Connections, no more than there were.
    pub(super) fn samples_at_least(self) -> u64 {
        self.kept.samples_around().0
    }

    /// Connections, no fewer than there were.
    pub(super) fn samples_at_most(self) -> u64 {
        self.kept.samples_around().1
    }
}

impl Width {
    const fn of(subnet: Subnet) -> Self {
        Self { is_ipv6: !subnet.is_ipv4(), length: subnet.length() }
    }

    /// Bits that a network keeps for itself: what is left to chance is.
    const fn lot(self, network: u128) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "first the low half, then the other")]
        let (low, high) = (network as u64, (network >> 64) as u64);
        mix(mix(mix((self.is_ipv6 as u64) << 8, self.length as u64), low), high)
    }

    /// The network of a number.
    fn subnet(self, network: u128) -> Option<Subnet> {
        let bits: u8 = if self.is_ipv6 { 128 } else { 32 };
        let shift = u32::from(bits.checked_sub(self.length)?);
        let address = network.checked_shl(shift).unwrap_or(0);
        let address = if self.is_ipv6 {
            Ipv6Addr::from_bits(address).into()
        } else {
            Ipv4Addr::from_bits(u32::try_from(address).ok()?).into()
        };
        Some(Subnet::of(address, self.length))
    }

    /// The numbers of the first and the last network of this width inside one; of all where there is
    /// none. `None` where none of this width is inside.
    fn networks_in(self, within: Option<Subnet>) -> Option<(u128, u128)> {
        let Some(within) = within else { return Some((0, u128::MAX)) };
        let deeper = self.length.checked_sub(within.length())?;
        if self.is_ipv6 == within.is_ipv4() {
            return None;
        }
        let room = 1u128.checked_shl(deeper.into()).map_or(u128::MAX, |networks| networks - 1);
        let first = network_of(within).checked_shl(deeper.into()).unwrap_or(0);
        Some((first, first | room))
    }

    /// The number of the first network of this width that is not before a subnet; `None` where there
    /// is none.
    fn first_from(self, subnet: Subnet) -> Option<u128> {
        if self.is_ipv6 == subnet.is_ipv4() {
            return self.is_ipv6.then_some(0);
        }
        let around = network_of(Subnet::of(subnet.address(), self.length));
        let starts_before = self.subnet(around)? < subnet;
        Some(around + u128::from(starts_before))
    }
}

/// The number of a subnet among those of its width.
fn network_of(subnet: Subnet) -> u128 {
    let (bits, width) = match subnet.address() {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    bits.checked_shr(width - u32::from(subnet.length())).unwrap_or(0)
}

#[cfg(test)]
mod tests;
