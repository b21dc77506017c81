//! Every address of the Internet mapped to a value, and how far around it the value holds.
//!
//! Prefixes may nest when a map is built; the built map knows only disjoint ranges, so a look-up
//! is one search and its answer is the widest prefix around the address within which every
//! address has the same value. Two such prefixes of one map never overlap unless equal: that is
//! what makes them fit to be ECS scopes (RFC 7871, 7.3.1).
//!
//! Both families are the same code: IPv4 is the low 32 bits of an address.
//!
//! - `writer`: ranges as they come, packed,
//! - `leaf`: some neighbouring ranges in a few lines of memory,
//! - `ranges`: the ranges of one family, and the search,
//! - `index`: where in many leaves a search begins.

mod writer;

mod leaf;

mod ranges;

mod index;

use std::net::IpAddr;

use crate::subnet::{Subnet, bits_of};
use ranges::Ranges;
use writer::Writer;

/// The last address of a family.
const IPV4_LAST: u128 = u32::MAX as u128;
const IPV6_LAST: u128 = u128::MAX;

/// A value for every address of both families.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeMap<V: Copy> {
    ipv4: Ranges<V>,
    ipv6: Ranges<V>,
}

impl<V: Copy + PartialEq> RangeMap<V> {
    /// One value for everything.
    #[must_use]
    pub fn filled(value: V) -> Self {
        Self { ipv4: Ranges::filled(value), ipv6: Ranges::filled(value) }
    }

    /// The longest prefix wins; `base` stands where none is. Of equal prefixes the last one wins.
    #[must_use]
    pub fn from_prefixes(base: V, prefixes: impl IntoIterator<Item = (Subnet, V)>) -> Self {
        let mut sorted: Vec<(Subnet, V)> = prefixes.into_iter().collect();
        sorted.sort_by_key(|(subnet, _)| *subnet);
        Self::from_covering(&sorted, |covering| covering.last().map_or(base, |(_, value)| *value))
    }

    /// Asks `value_of` once for every range in which the same prefixes cover. It is handed those
    /// prefixes, the widest first; none where nothing covers.
    ///
    /// `sorted` must be in the order of [`Subnet`]; equal prefixes may repeat. Linear in `sorted`.
    pub fn from_covering<T>(
        sorted: &[(Subnet, T)],
        mut value_of: impl FnMut(&[&(Subnet, T)]) -> V,
    ) -> Self {
        debug_assert!(sorted.is_sorted_by_key(|(subnet, _)| *subnet), "sorted by subnet");
        let split = sorted.partition_point(|(subnet, _)| subnet.is_ipv4());
        let (ipv4, ipv6) = sorted.split_at(split);
        let mut family = |sorted, last| {
            let mut ranges = Writer::with_room(0);
            sweep(sorted, last, &mut value_of, |start, value| ranges.push(start, value));
            ranges.finish()
        };
        Self { ipv4: family(ipv4, IPV4_LAST), ipv6: family(ipv6, IPV6_LAST) }
    }

    /// This map and `other` laid on one another: `value_of` is asked once for every range in
    /// which neither changes. Linear in both.
    pub fn overlay<W: Copy + PartialEq, X: Copy + PartialEq>(
        &self,
        other: &RangeMap<W>,
        mut value_of: impl FnMut(V, W) -> X,
    ) -> RangeMap<X> {
        RangeMap {
            ipv4: self.ipv4.overlay(&other.ipv4, IPV4_LAST, &mut value_of),
            ipv6: self.ipv6.overlay(&other.ipv6, IPV6_LAST, &mut value_of),
        }
    }

    /// This map, but for the areas, in which `first` and `second` laid on one another say what there
    /// is. Each area is its first and last address; they ascend, IPv4 first, and none overlaps another.
    /// Costs a copy of this map, and what lies in the areas.
    #[must_use]
    pub fn repainted<W: Copy + PartialEq, X: Copy + PartialEq>(
        &self,
        areas: &[(IpAddr, IpAddr)],
        (first, second): (&RangeMap<W>, &RangeMap<X>),
        mut value_of: impl FnMut(W, X) -> V,
    ) -> Self {
        debug_assert!(areas.is_sorted_by(|a, b| a.1 < b.0), "apart and ascending");
        let split = areas.partition_point(|(first, _)| first.is_ipv4());
        let (v4, v6) = areas.split_at(split);
        let [v4, v6] =
            [v4, v6].map(|areas| areas.iter().map(|(first, last)| (bits(*first), bits(*last))));
        let sources = (&first.ipv4, &second.ipv4);
        let ipv4 = self.ipv4.repainted(v4, IPV4_LAST, sources, &mut value_of);
        let sources = (&first.ipv6, &second.ipv6);
        let ipv6 = self.ipv6.repainted(v6, IPV6_LAST, sources, &mut value_of);
        Self { ipv4, ipv6 }
    }

    /// The value of an address, and the widest prefix around it that lies in its range.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> (V, Subnet) {
        let (ranges, end) = self.family(address);
        let (value, first, last) = ranges.find(bits(address), end);
        (value, widest_prefix(address, first, last))
    }

    /// Where in memory [`RangeMap::get`] will read for an address, a place in each line: for a caller
    /// who has other things to do until they are there.
    pub fn places(&self, address: IpAddr) -> impl Iterator<Item = *const u8> {
        self.family(address).0.places(bits(address))
    }

    /// The ranges of an address's family, and the last address.
    const fn family(&self, address: IpAddr) -> (&Ranges<V>, u128) {
        match address {
            IpAddr::V4(_) => (&self.ipv4, IPV4_LAST),
            IpAddr::V6(_) => (&self.ipv6, IPV6_LAST),
        }
    }

    /// How many ranges both families have together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ipv4.len() + self.ipv6.len()
    }

    /// Never: every address has a value.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// What it takes of memory, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ipv4.bytes() + self.ipv6.bytes()
    }

    /// The values of the ranges that have an address from one to another of one family, in order.
    pub fn values_in(&self, first: IpAddr, last: IpAddr) -> impl Iterator<Item = V> + '_ {
        let ranges = (first.is_ipv4() == last.is_ipv4()).then(|| self.family(first).0);
        let (first, last) = (bits(first), bits(last));
        let ranges = ranges.into_iter().flat_map(move |ranges| ranges.walk(first));
        ranges.take_while(move |(start, _)| *start <= last).map(|(_, value)| value)
    }

    /// The ranges in order, each as its first and last address with its value.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, IpAddr, V)> + '_ {
        #[expect(clippy::cast_possible_truncation, reason = "IPv4 addresses came from 32 bits")]
        let v4 = |bits: u128| IpAddr::V4((bits as u32).into());
        let v6 = |bits: u128| IpAddr::V6(bits.into());
        let ipv4 = self.ipv4.iter(IPV4_LAST);
        let ipv6 = self.ipv6.iter(IPV6_LAST);
        ipv4.map(move |(first, last, value)| (v4(first), v4(last), value))
            .chain(ipv6.map(move |(first, last, value)| (v6(first), v6(last), value)))
    }
}

/// Walks sorted prefixes of one family once, a stack of those that cover the current address in
/// hand, and emits each range with its value.
fn sweep<'a, T, V>(
    sorted: &'a [(Subnet, T)],
    max: u128,
    value_of: &mut impl FnMut(&[&'a (Subnet, T)]) -> V,
    mut emit: impl FnMut(u128, V),
) {
    let mut covering: Vec<&(Subnet, T)> = Vec::new();
    // The first address not yet emitted; `None` once the family's last address was.
    let mut at = Some(0u128);
    let mut rest = sorted.iter().peekable();
    while let Some(start) = at {
        while let Some(entry) = rest.next_if(|(subnet, _)| bits(subnet.address()) <= start) {
            covering.push(entry);
        }
        let end = covering.last().map_or(max, |(subnet, _)| bits(subnet.last()));
        let next = rest.peek().map(|(subnet, _)| bits(subnet.address()));
        // Up to where the next prefix begins or the innermost one ends.
        let end = next.map_or(end, |next| end.min(next - 1));
        emit(start, value_of(&covering));
        while covering.pop_if(|(subnet, _)| bits(subnet.last()) <= end).is_some() {}
        at = (end < max).then(|| end + 1);
    }
}

/// The last of so many things of which this is so: of the first it is, then of some more, then of none.
/// Asked of all, so that nothing waits for an answer.
fn last_until<const COUNT: usize>(is_so: impl Fn(usize) -> bool) -> usize {
    (1..COUNT).fold(0, |last, number| if is_so(number) { number } else { last })
}

const fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits() as u128,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The widest prefix that holds `address` and lies within `first..=last`.
fn widest_prefix(address: IpAddr, first: u128, last: u128) -> Subnet {
    let at = bits(address);
    let width = u32::from(bits_of(address));
    // A prefix leaves the range at the first bit in which the address differs from the last
    // address before the range, or from the first one behind it.
    let common = |outside: u128| width.saturating_sub(128 - (at ^ outside).leading_zeros());
    let max = u128::MAX >> (128 - width);
    let below = first.checked_sub(1).map_or(0, |outside| common(outside) + 1);
    let above = if last == max { 0 } else { common(last + 1) + 1 };
    #[expect(clippy::cast_possible_truncation, reason = "at most 128")]
    Subnet::of(address, below.max(above) as u8)
}

#[cfg(test)]
mod tests;
