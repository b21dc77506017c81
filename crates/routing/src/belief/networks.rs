//! The networks that have rows, found by their prefix, with nothing between their rows that is not used:
//! of an IPv4 network with three rows 68 bytes, and some ten to find it by. Knows what a row is of, not
//! what it says.
//!
//! A column for each width. In it networks with as many rows lie together, a thousand to a chunk; one
//! that gets a row moves to those that have one more, and the last of its kind takes its place. So no
//! chunk but the last of a kind has room, and what goes gives its memory back.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use geo::ClassId;
use hashbrown::HashTable;
use model::Subnet;

use super::group::Mix;
use super::row::Row;

/// The bits of a place that say where in its chunk it is.
const OFFSET_BITS: u32 = 10;
/// How many networks a chunk has: few enough for a small table to be small, enough for the list of
/// chunks to be short.
const CHUNK: usize = 1 << OFFSET_BITS;

/// All networks with rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Networks {
    ipv4: Family<Ipv4Addr>,
    ipv6: Family<Ipv6Addr>,
    len: usize,
}

/// A network, as it is walked by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network<'a> {
    pub(super) subnet: Subnet,
    pub(super) class: ClassId,
    /// Ascending by region.
    pub(super) rows: &'a [Row],
}

/// What became of a network whose row was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Set {
    /// The row that was there.
    pub(super) old: Option<Row>,
    /// Whether the network came, or went.
    pub(super) turned: bool,
}

/// The columns of a family, by width.
type Family<K> = BTreeMap<u8, Column<K>>;

/// The networks of one width.
#[derive(Clone, Debug)]
struct Column<K> {
    /// Where each network is: the number of its chunk, and its offset there.
    index: HashTable<u32>,
    chunks: Vec<Chunk<K>>,
    /// Numbers of chunks that nobody is in.
    free: Vec<u32>,
    /// The chunks of the networks with one row, with two, and so on: all full but the last.
    kinds: Vec<Vec<u32>>,
    /// What a network's rows are put together in when it moves.
    moving: Vec<Row>,
}

/// Networks with as many rows each, and their rows in the same order.
#[derive(Clone, Debug)]
struct Chunk<K> {
    rows_each: usize,
    heads: Vec<Head<K>>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Head<K> {
    address: K,
    class: ClassId,
}

impl Networks {
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The class and the rows of a network; `None` where it has none.
    pub(super) fn get(&self, subnet: Subnet) -> Option<(ClassId, &[Row])> {
        match subnet.address() {
            IpAddr::V4(v4) => self.ipv4.get(&subnet.length())?.get(v4),
            IpAddr::V6(v6) => self.ipv6.get(&subnet.length())?.get(v6),
        }
    }

    /// The widths, narrowest first, in which there are networks, from this one's on.
    pub(super) fn lengths(&self, subnet: Subnet) -> impl Iterator<Item = u8> + '_ {
        let (v4, v6) = match subnet.is_ipv4() {
            true => (Some(self.ipv4.range(..=subnet.length())), None),
            false => (None, Some(self.ipv6.range(..=subnet.length()))),
        };
        let v4 = v4.into_iter().flatten().rev().map(|(length, _)| *length);
        v4.chain(v6.into_iter().flatten().rev().map(|(length, _)| *length))
    }

    /// Sets the row of a network and a region; `None` takes it away. A network that is new is of this
    /// class.
    pub(super) fn set(
        &mut self,
        (subnet, class): (Subnet, ClassId),
        region: u16,
        row: Option<Row>,
    ) -> Set {
        let length = subnet.length();
        let set = match subnet.address() {
            IpAddr::V4(address) => {
                set_in(&mut self.ipv4, length, Head { address, class }, region, row)
            }
            IpAddr::V6(address) => {
                set_in(&mut self.ipv6, length, Head { address, class }, region, row)
            }
        };
        match (set.turned, row.is_some()) {
            (true, true) => self.len += 1,
            (true, false) => self.len -= 1,
            (false, _) => {}
        }
        set
    }

    /// All networks, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Network<'_>> {
        let v4 = self.ipv4.iter().flat_map(|(length, column)| column.iter(*length));
        v4.chain(self.ipv6.iter().flat_map(|(length, column)| column.iter(*length)))
    }
}

fn set_in<K: Copy + Eq + Hash + Into<IpAddr>>(
    family: &mut Family<K>,
    length: u8,
    head: Head<K>,
    region: u16,
    row: Option<Row>,
) -> Set {
    if row.is_none() && !family.contains_key(&length) {
        return Set { old: None, turned: false };
    }
    let column = family.entry(length).or_default();
    let set = column.set(head, region, row);
    if column.index.is_empty() {
        family.remove(&length);
    }
    set
}

impl<K> Default for Column<K> {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            chunks: Vec::new(),
            free: Vec::new(),
            kinds: Vec::new(),
            moving: Vec::new(),
        }
    }
}

impl<K: Copy + Eq + Hash + Into<IpAddr>> Column<K> {
    fn get(&self, address: K) -> Option<(ClassId, &[Row])> {
        let (chunk, offset) = self.at(self.find(address)?)?;
        Some((chunk.heads.get(offset)?.class, chunk.rows_of(offset)?))
    }

    fn iter(&self, length: u8) -> impl Iterator<Item = Network<'_>> {
        self.chunks.iter().flat_map(move |chunk| {
            let rows = chunk.rows.chunks_exact(chunk.rows_each.max(1));
            chunk.heads.iter().zip(rows).map(move |(head, rows)| Network {
                subnet: Subnet::of(head.address.into(), length),
                class: head.class,
                rows,
            })
        })
    }

    fn set(&mut self, head: Head<K>, region: u16, row: Option<Row>) -> Set {
        let Some(place) = self.find(head.address) else {
            if let Some(row) = row {
                self.add(head, &[row]);
            }
            return Set { old: None, turned: row.is_some() };
        };
        let mut moving = std::mem::take(&mut self.moving);
        moving.clear();
        moving.extend_from_slice(self.rows_at(place));
        let nth = moving.binary_search_by_key(&region, |row| row.region);
        let old = nth.ok().and_then(|nth| moving.get(nth)).copied();
        let is_moved = match (nth, row) {
            (Ok(nth), Some(row)) => {
                if let Some(at) = self.row_mut(place, nth) {
                    *at = row;
                }
                false
            }
            (Err(nth), Some(row)) => {
                moving.insert(nth, row);
                true
            }
            (Ok(nth), None) => {
                moving.remove(nth);
                true
            }
            (Err(_), None) => false,
        };
        if !is_moved {
            self.moving = moving;
            return Set { old, turned: false };
        }
        // What it was of, it is of.
        let head = self.take_out(place).unwrap_or(head);
        if !moving.is_empty() {
            self.add(head, &moving);
        }
        let turned = moving.is_empty();
        self.moving = moving;
        Set { old, turned }
    }

    fn find(&self, address: K) -> Option<u32> {
        let is_it = |place: &u32| head(&self.chunks, *place).is_some_and(|h| h.address == address);
        self.index.find(hash(address), is_it).copied()
    }

    fn rows_at(&self, place: u32) -> &[Row] {
        self.at(place).and_then(|(chunk, offset)| chunk.rows_of(offset)).unwrap_or_default()
    }

    fn at(&self, place: u32) -> Option<(&Chunk<K>, usize)> {
        let (chunk, offset) = parts(place);
        Some((self.chunks.get(chunk)?, offset))
    }

    fn row_mut(&mut self, place: u32, nth: usize) -> Option<&mut Row> {
        let (chunk, offset) = parts(place);
        let chunk = self.chunks.get_mut(chunk)?;
        chunk.rows.get_mut(offset * chunk.rows_each + nth)
    }

    /// Puts a network behind the last one of its kind.
    fn add(&mut self, head: Head<K>, rows: &[Row]) {
        if self.kinds.len() < rows.len() {
            self.kinds.resize(rows.len(), Vec::new());
        }
        let Self { index, chunks, free, kinds, .. } = self;
        let Some(kind) = rows.len().checked_sub(1).and_then(|kind| kinds.get_mut(kind)) else {
            return;
        };
        let has_room = |number: &u32| {
            chunks.get(*number as usize).is_some_and(|chunk| chunk.heads.len() < CHUNK)
        };
        let number = kind.last().copied().filter(has_room).unwrap_or_else(|| {
            let number = free.pop().unwrap_or_else(|| {
                chunks.push(Chunk { rows_each: 0, heads: Vec::new(), rows: Vec::new() });
                // Four million chunks, each of a thousand networks, are more than memory holds.
                u32::try_from(chunks.len() - 1).unwrap_or(u32::MAX)
            });
            kind.push(number);
            number
        });
        let Some(chunk) = chunks.get_mut(number as usize) else { return };
        let offset = chunk.push(head, rows);
        let place = number << OFFSET_BITS | offset;
        let hash_of = |place: &u32| self::head(chunks, *place).map_or(0, |head| hash(head.address));
        index.insert_unique(hash(head.address), place, hash_of);
    }

    /// Takes a network out, and puts the last of its kind there.
    fn take_out(&mut self, place: u32) -> Option<Head<K>> {
        let gone = *head(&self.chunks, place)?;
        if let Ok(entry) = self.index.find_entry(hash(gone.address), |at| *at == place) {
            entry.remove();
        }
        let rows_each = self.at(place)?.0.rows_each;
        let kind = self.kinds.get_mut(rows_each.checked_sub(1)?)?;
        let last_chunk = *kind.last()?;
        let chunk = self.chunks.get_mut(last_chunk as usize)?;
        let last = last_chunk << OFFSET_BITS | u32::try_from(chunk.heads.len() - 1).ok()?;
        self.moving_in(last, place);
        let chunk = self.chunks.get_mut(last_chunk as usize)?;
        chunk.heads.pop();
        chunk.rows.truncate(chunk.heads.len() * rows_each);
        if chunk.heads.is_empty() {
            *chunk = Chunk { rows_each: 0, heads: Vec::new(), rows: Vec::new() };
            self.free.push(last_chunk);
            if let Some(kind) = self.kinds.get_mut(rows_each - 1) {
                kind.pop();
            }
        }
        Some(gone)
    }

    /// Copies a network to the place of another with as many rows, which is gone from the index.
    fn moving_in(&mut self, from: u32, to: u32) -> Option<()> {
        if from == to {
            return None;
        }
        let moved = *head(&self.chunks, from)?;
        let (chunk, offset) = self.at(from)?;
        let rows_each = chunk.rows_each;
        for nth in 0..rows_each {
            let row = *self.at(from)?.0.rows.get(offset * rows_each + nth)?;
            *self.row_mut(to, nth)? = row;
        }
        let (chunk, offset) = parts(to);
        *self.chunks.get_mut(chunk)?.heads.get_mut(offset)? = moved;
        *self.index.find_mut(hash(moved.address), |at| *at == from)? = to;
        Some(())
    }
}

impl<K> Chunk<K> {
    fn rows_of(&self, offset: usize) -> Option<&[Row]> {
        let first = offset * self.rows_each;
        self.rows.get(first..first + self.rows_each)
    }

    /// Adds a network; tells where it is.
    fn push(&mut self, head: Head<K>, rows: &[Row]) -> u32 {
        self.rows_each = rows.len();
        let offset = self.heads.len();
        if offset == self.heads.capacity() {
            // Twice as much each time, to just what a full chunk needs.
            self.heads.reserve_exact(offset.max(1));
            self.rows.reserve_exact(offset.max(1) * rows.len());
        }
        self.heads.push(head);
        self.rows.extend_from_slice(rows);
        // At most 1,023.
        u32::try_from(offset).unwrap_or(0)
    }
}

const fn parts(place: u32) -> (usize, usize) {
    ((place >> OFFSET_BITS) as usize, place as usize & (CHUNK - 1))
}

fn head<K>(chunks: &[Chunk<K>], place: u32) -> Option<&Head<K>> {
    let (chunk, offset) = parts(place);
    chunks.get(chunk)?.heads.get(offset)
}

fn hash(address: impl Hash) -> u64 {
    BuildHasherDefault::<Mix>::default().hash_one(address)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use latency::RegionEstimate;
    use model::Rtt;
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{NOW, geo};

    fn row(region: u16, ms: u64) -> Row {
        let rtt = Rtt::from_us(ms * 1_000).unwrap();
        let estimate =
            RegionEstimate { rtt, deviation_us: 1, samples: ms, observed_at: NOW, agents: 1 };
        Row::new(region, &estimate)
    }

    fn class() -> ClassId {
        geo(&[]).locate("10.0.0.1".parse().unwrap()).class
    }

    fn network(kind: u8, number: u32) -> Subnet {
        match kind {
            0 => Subnet::of(IpAddr::V4((0x0a00_0000 + (number << 8)).into()), 24),
            1 => Subnet::of(IpAddr::V4((0x0a00_0000 + (number << 12)).into()), 20),
            _ => Subnet::of(
                IpAddr::V6((0x2001_0db8_u128 << 96 | u128::from(number) << 80).into()),
                48,
            ),
        }
    }

    /// What there is, as a plain map has it.
    fn all(networks: &Networks) -> BTreeMap<Subnet, Vec<Row>> {
        networks.iter().map(|network| (network.subnet, network.rows.to_vec())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn networks_are_what_a_plain_map_of_them_is(
            steps in prop::collection::vec((0u8..3, 0u32..40, 0u16..5, prop::option::of(1u64..99)), 1..400),
        ) {
            let class = class();
            let (mut networks, mut plain) = (Networks::default(), BTreeMap::new());
            for (kind, number, region, ms) in steps {
                let subnet = network(kind, number);
                let new = ms.map(|ms| row(region, ms));
                let set = networks.set((subnet, class), region, new);
                let rows: &mut Vec<Row> = plain.entry(subnet).or_default();
                let had_rows = !rows.is_empty();
                let at = rows.iter().position(|row| row.region == region);
                prop_assert_eq!(set.old, at.map(|at| rows.remove(at)));
                rows.extend(new);
                rows.sort_by_key(|row| row.region);
                prop_assert_eq!(set.turned, had_rows == rows.is_empty());
                plain.retain(|_, rows| !rows.is_empty());
                let found = networks.get(subnet).map(|(_, rows)| rows.to_vec());
                prop_assert_eq!(found.as_ref(), plain.get(&subnet));
            }
            prop_assert_eq!(&all(&networks), &plain);
            prop_assert_eq!(networks.is_empty(), plain.is_empty());
            for subnet in plain.keys() {
                prop_assert!(networks.lengths(*subnet).any(|length| length == subnet.length()));
            }
        }
    }

    #[test]
    fn many_come_get_more_rows_and_go_without_a_trace() {
        let class = class();
        let mut networks = Networks::default();
        let count = 3 * u32::try_from(CHUNK).unwrap() + 7;
        let chunks = |networks: &Networks| -> usize {
            networks.ipv4.values().map(|column| column.chunks.len() - column.free.len()).sum()
        };
        for region in [2, 0, 1] {
            for number in 0..count {
                networks.set((network(0, number), class), region, Some(row(region, 20)));
            }
            assert_eq!(chunks(&networks), 4, "those with fewer rows are gone");
        }
        for number in 0..count {
            let (_, rows) = networks.get(network(0, number)).unwrap();
            assert_eq!(rows, [0, 1, 2].map(|region| row(region, 20)), "{number}");
        }
        for region in [1, 2, 0] {
            for number in (0..count).rev() {
                networks.set((network(0, number), class), region, None);
            }
        }
        assert!(networks.is_empty() && networks.ipv4.is_empty());
    }
}
