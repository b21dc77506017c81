//! Every address of the Internet mapped to a value, and how far around it the value holds.
//!
//! Prefixes may nest when a map is built; the built map knows only disjoint ranges, so a look-up
//! is one search and its answer is the widest prefix around the address within which every
//! address has the same value. Two such prefixes of one map never overlap unless equal: that is
//! what makes them fit to be ECS scopes (RFC 7871, 7.3.1).
//!
//! - `ranges`: the ranges of one family, and the search,
//! - `index`: where in many ranges a search begins.

mod ranges;

mod index;

use std::net::IpAddr;

use crate::subnet::{Subnet, bits_of};
use ranges::Ranges;

/// A value for every address of both families.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeMap<V: Copy> {
    ipv4: Ranges<u32, V>,
    ipv6: Ranges<u128, V>,
}

impl<V: Copy + PartialEq> RangeMap<V> {
    /// One value for everything.
    #[must_use]
    pub fn filled(value: V) -> Self {
        Self { ipv4: Ranges::filled(0, value), ipv6: Ranges::filled(0, value) }
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
        let (mut v4, mut v6) = (Ranges::new(), Ranges::new());
        #[expect(clippy::cast_possible_truncation, reason = "IPv4 addresses came from 32 bits")]
        sweep(ipv4, u128::from(u32::MAX), &mut value_of, |start, value| {
            v4.push(start as u32, value);
        });
        sweep(ipv6, u128::MAX, &mut value_of, |start, value| v6.push(start, value));
        Self { ipv4: v4.finish(), ipv6: v6.finish() }
    }

    /// This map and `other` laid on one another: `value_of` is asked once for every range in
    /// which neither changes. Linear in both.
    pub fn overlay<W: Copy + PartialEq, X: Copy + PartialEq>(
        &self,
        other: &RangeMap<W>,
        mut value_of: impl FnMut(V, W) -> X,
    ) -> RangeMap<X> {
        RangeMap {
            ipv4: self.ipv4.overlay(&other.ipv4, &mut value_of),
            ipv6: self.ipv6.overlay(&other.ipv6, &mut value_of),
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
        #[expect(clippy::cast_possible_truncation, reason = "IPv4 addresses came from 32 bits")]
        let v4 = v4.iter().map(|(first, last)| (bits(*first) as u32, bits(*last) as u32));
        let v6 = v6.iter().map(|(first, last)| (bits(*first), bits(*last)));
        let sources = (&first.ipv4, &second.ipv4);
        let ipv4 = self.ipv4.repainted(v4, |a| a.checked_add(1), sources, &mut value_of);
        let sources = (&first.ipv6, &second.ipv6);
        let ipv6 = self.ipv6.repainted(v6, |a| a.checked_add(1), sources, &mut value_of);
        Self { ipv4, ipv6 }
    }

    /// The value of an address, and the widest prefix around it that lies in its range.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> (V, Subnet) {
        match address {
            IpAddr::V4(v4) => {
                let (value, first, last) = self.ipv4.find(v4.to_bits(), u32::MAX, |a| a - 1);
                let bits = u128::from(v4.to_bits());
                let scope = widest_prefix(address, bits, u128::from(first), u128::from(last));
                (value, scope)
            }
            IpAddr::V6(v6) => {
                let (value, first, last) = self.ipv6.find(v6.to_bits(), u128::MAX, |a| a - 1);
                (value, widest_prefix(address, v6.to_bits(), first, last))
            }
        }
    }

    /// Where in memory [`RangeMap::get`] will read for an address, a place in each line: for a caller
    /// who has other things to do until they are there.
    pub fn places(&self, address: IpAddr) -> impl Iterator<Item = *const u8> {
        let (v4, v6) = match address {
            IpAddr::V4(v4) => (Some(self.ipv4.places(v4.to_bits())), None),
            IpAddr::V6(v6) => (None, Some(self.ipv6.places(v6.to_bits()))),
        };
        v4.into_iter().flatten().chain(v6.into_iter().flatten())
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

    /// The values of the ranges that have an address from one to another of one family, in order.
    pub fn values_in(&self, first: IpAddr, last: IpAddr) -> impl Iterator<Item = V> + '_ {
        let (v4, v6) = match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                (Some((first.to_bits(), last.to_bits())), None)
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                (None, Some((first.to_bits(), last.to_bits())))
            }
            _ => (None, None),
        };
        let v4 = v4.into_iter().flat_map(|(first, last)| self.ipv4.values_in(first, last));
        v4.chain(v6.into_iter().flat_map(|(first, last)| self.ipv6.values_in(first, last)))
    }

    /// The ranges in order, each as its first and last address with its value.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, IpAddr, V)> + '_ {
        let v4 = self.ipv4.iter(u32::MAX, |a| a - 1);
        let v6 = self.ipv6.iter(u128::MAX, |a| a - 1);
        v4.map(|(first, last, value)| (IpAddr::V4(first.into()), IpAddr::V4(last.into()), value))
            .chain(v6.map(|(first, last, value)| {
                (IpAddr::V6(first.into()), IpAddr::V6(last.into()), value)
            }))
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

const fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits() as u128,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The widest prefix that holds `address` and lies within `first..=last`.
fn widest_prefix(address: IpAddr, at: u128, first: u128, last: u128) -> Subnet {
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
