//! The map against a naive model, and its scopes against their promise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use testkit::Random;

use super::*;

fn subnet(text: &str) -> Subnet {
    text.parse().unwrap()
}

fn map(entries: &[(&str, u8)]) -> RangeMap<u8> {
    RangeMap::from_prefixes(0, entries.iter().map(|(text, value)| (subnet(text), *value)))
}

fn ends_of(areas: &[Subnet]) -> Vec<(IpAddr, IpAddr)> {
    areas.iter().map(|area| (area.address(), area.last())).collect()
}

fn check(map: &RangeMap<u8>, address: &str, value: u8, scope: &str) {
    assert_eq!(map.get(address.parse().unwrap()), (value, subnet(scope)), "{address}");
}

#[test]
fn the_longest_prefix_wins_and_the_scope_tells_how_far() {
    let map = map(&[("10.0.0.0/8", 1), ("10.1.2.0/24", 2), ("10.1.3.0/24", 2), ("::/1", 9)]);
    check(&map, "10.1.2.9", 2, "10.1.2.0/23");
    check(&map, "10.1.0.1", 1, "10.1.0.0/23");
    check(&map, "10.200.0.1", 1, "10.128.0.0/9");
    check(&map, "11.0.0.1", 0, "11.0.0.0/8");
    check(&map, "200.0.0.1", 0, "128.0.0.0/1");
    check(&map, "::1", 9, "::/1");
    check(&map, "ffff::1", 0, "8000::/1");
}

#[test]
fn an_empty_map_has_one_answer_for_all() {
    let map = map(&[]);
    check(&map, "192.0.2.1", 0, "0.0.0.0/0");
    check(&map, "2001:db8::1", 0, "::/0");
    assert_eq!(map.len(), 2);
}

#[test]
fn the_ends_of_the_address_space_are_ordinary() {
    let map = map(&[("0.0.0.0/32", 1), ("255.255.255.255/32", 2)]);
    check(&map, "0.0.0.0", 1, "0.0.0.0/32");
    check(&map, "0.0.0.1", 0, "0.0.0.1/32");
    check(&map, "255.255.255.255", 2, "255.255.255.255/32");
    check(&map, "255.255.255.254", 0, "255.255.255.254/32");
}

#[test]
fn every_covering_prefix_is_shown_the_widest_first() {
    let entries =
        [(subnet("10.0.0.0/8"), 'a'), (subnet("10.0.0.0/8"), 'b'), (subnet("10.1.0.0/16"), 'c')];
    let mut seen = Vec::new();
    let map = RangeMap::from_covering(&entries, |covering| {
        seen.push(covering.iter().map(|(_, name)| *name).collect::<String>());
        seen.len()
    });
    assert_eq!(seen, ["", "ab", "abc", "ab", "", ""]);
    assert_eq!(map.get("10.1.2.3".parse().unwrap()).1, subnet("10.1.0.0/16"));
}

/// An address of the family of `like`.
fn address(like: IpAddr, bits: u128) -> IpAddr {
    #[expect(clippy::cast_possible_truncation, reason = "an IPv4 address has 32 bits")]
    match like {
        IpAddr::V4(_) => Ipv4Addr::from_bits(bits as u32).into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(bits).into(),
    }
}

/// Some thousand networks, enough for an index, that differ from `base` in the last `spread` bits.
fn crowd(base: IpAddr, spread: u32, seed: u64) -> Vec<(Subnet, u8)> {
    let mut state = seed | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u128::from(state)
    };
    (0..6_000u32)
        .map(|number| {
            let offset = (random() << 64 | random()) >> (128 - spread);
            let length = bits_of(base) - (random() % 9) as u8;
            (Subnet::of(address(base, bits(base) ^ offset), length), (number % 250) as u8)
        })
        .collect()
}

/// Some thousand networks of one family, in stretches: of each the networks are of one width, and their
/// neighbours near or far in units of it. Each kind of leaf occurs, and every border between two.
fn stretches(like: IpAddr, seed: u64) -> Vec<(Subnet, u8)> {
    let mut random = Random::new(seed | 1);
    let bits_max = u32::from(bits_of(like));
    let end = u128::MAX >> (128 - bits_max);
    let (mut networks, mut at) = (Vec::new(), 1u128);
    while networks.len() < 2_500 {
        let width = random.below(bits_max as usize * 7 / 8) as u32;
        let apart = 1u128 << random.below((bits_max - width) as usize / 2 + 1);
        at = at >> width << width;
        for _ in 0..=random.below(150) {
            at += (1 + u128::from(random.next()) % apart) << width;
            if at > end {
                at = 1 + (u128::from(random.next()) & (end >> 8));
                break;
            }
            let length = u8::try_from(bits_max - width).unwrap();
            networks.push((Subnet::of(address(like, at), length), random.byte() % 250));
        }
    }
    networks
}

/// A map of such networks in both families.
fn stretched(seed: u64) -> RangeMap<u8> {
    let [v4, v6] = ["0.0.0.0", "::"].map(|like| stretches(like.parse().unwrap(), seed));
    RangeMap::from_prefixes(255, v4.into_iter().chain(v6))
}

/// Asks for addresses of every range, which then must have its value, and a scope that is the
/// widest in it.
fn agrees_with_its_ranges(map: &RangeMap<u8>) {
    for (first, last, value) in map.iter() {
        let outside = |at: IpAddr| at < first || at > last;
        let middle = bits(first) + (bits(last) - bits(first)) / 2;
        for at in [first, address(first, middle), last] {
            let (found, scope) = map.get(at);
            assert_eq!(found, value, "{at}");
            assert!(scope.contains(at) && !outside(scope.address()) && !outside(scope.last()));
            if let Some(length) = scope.length().checked_sub(1) {
                let wider = Subnet::of(at, length);
                assert!(outside(wider.address()) || outside(wider.last()), "{at} {scope}");
            }
        }
    }
}

#[test]
fn what_will_be_read_is_a_few_lines() {
    for (base, spread) in [("10.0.0.0", 30), ("2001:db8::", 100)] {
        let base: IpAddr = base.parse().unwrap();
        let map = RangeMap::from_prefixes(255, crowd(base, spread, 7));
        let places: Vec<usize> = map.places(base).map(<*const u8>::addr).collect();
        assert!((1..=16).contains(&places.len()), "{} lines", places.len());
        assert!(places.windows(2).all(|pair| (33..=64).contains(&(pair[1] - pair[0]))));
    }
    assert_eq!(RangeMap::filled(0u8).places("::1".parse().unwrap()).count(), 6);
}

/// What a range of this map takes, and the fewest ranges of a leaf that is not the first.
fn bytes_each(map: &RangeMap<u8>) -> (f64, usize) {
    let shortest = map.ipv4.shortest().into_iter().chain(map.ipv6.shortest()).min();
    (map.bytes() as f64 / map.len() as f64, shortest.unwrap())
}

#[test]
fn a_range_takes_a_start_in_full_at_worst() {
    let mut random = Random::new(7);
    let mut hosts = |_| {
        let bits = u128::from(random.next()) << 64 | u128::from(random.next());
        (Subnet::host(IpAddr::V6(bits.into())), random.byte())
    };
    let hosts: Vec<(Subnet, u8)> = (0..20_000).map(&mut hosts).collect();
    let (bytes, shortest) = bytes_each(&RangeMap::from_prefixes(0, hosts.clone()));
    assert!(bytes < 24.0 && shortest >= 9, "{bytes} bytes, {shortest} ranges");
    // As much as leaves and an index take, where all lies near.
    let near = (0..20_000u32).map(|n| (Subnet::of(Ipv4Addr::from_bits(n << 10).into(), 24), 1));
    let (bytes, _) = bytes_each(&RangeMap::from_prefixes(0, near));
    assert!(bytes < 7.0, "{bytes} bytes");

    // Ranges come and go, each time in a few places.
    let mut map = RangeMap::from_prefixes(0, hosts.iter().take(4_000).copied());
    let (without, with) = (RangeMap::filled(0), RangeMap::from_prefixes(0, hosts));
    for round in 0..100 {
        let source = if round % 3 == 0 { &with } else { &without };
        let mut areas: Vec<Subnet> = (0..4)
            .map(|_| Subnet::of(IpAddr::V6((u128::from(random.next()) << 64).into()), 11))
            .collect();
        areas.sort_unstable();
        areas.dedup();
        map = map.repainted(&ends_of(&areas), (source, &RangeMap::filled(())), |value, ()| value);
        let (bytes, shortest) = bytes_each(&map);
        assert!(bytes < 48.0 && shortest >= 9, "{round}: {bytes} bytes, {shortest} ranges");
    }
    agrees_with_its_ranges(&map);
}

/// Few distinct bits, so that prefixes nest, touch and repeat often.
fn prefixes() -> impl Strategy<Value = Vec<(Subnet, u8)>> {
    let one = (0u32..64, 24u8..=32, 0u8..4).prop_map(|(low, length, value)| {
        (Subnet::of(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 | low << 2)), length), value)
    });
    proptest::collection::vec(one, 0..12)
}

proptest! {
    #[test]
    fn the_map_agrees_with_the_naive_model(prefixes in prefixes(), low in 0u32..300) {
        let map = RangeMap::from_prefixes(9, prefixes.clone());
        let naive = |address: IpAddr| {
            let covering = prefixes.iter().filter(|(subnet, _)| subnet.contains(address));
            // `max_by_key` keeps the last of equals, as the map promises.
            covering.max_by_key(|(subnet, _)| subnet.length()).map_or(9, |(_, value)| *value)
        };
        let address = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + low));
        let (value, scope) = map.get(address);
        prop_assert_eq!(value, naive(address));
        prop_assert!(scope.contains(address));
        // The scope holds for all of its addresses near us, and its parent does not.
        for other in (0..300).map(|low| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + low))) {
            if scope.contains(other) {
                prop_assert_eq!(map.get(other), (value, scope));
            } else {
                prop_assert!(!map.get(other).1.covers(scope));
            }
        }
    }

    #[test]
    fn a_repainted_map_is_the_old_one_around_its_areas(
        old in prefixes(),
        first in prefixes(),
        second in prefixes(),
        areas in prefixes(),
        more in any::<u8>(),
    ) {
        let (old, first) = (RangeMap::from_prefixes(9, old), RangeMap::from_prefixes(8, first));
        let second = RangeMap::from_prefixes(7, second);
        let ends = ["0.0.0.0/8", "255.0.0.0/8", "::/3", "ff00::/8", "0.0.0.0/0", "::/0"];
        let ends = ends.iter().enumerate().filter(|(nth, _)| more >> nth & 1 == 1);
        let mut areas: Vec<Subnet> =
            areas.into_iter().map(|(area, _)| area).chain(ends.map(|(_, area)| subnet(area))).collect();
        areas.sort_unstable();
        areas.dedup_by(|area, last| last.covers(*area));
        for area in &areas {
            let of_area = old.iter().filter(|(first, last, _)| {
                first.is_ipv4() == area.is_ipv4() && *first <= area.last() && *last >= area.address()
            });
            let values: Vec<u8> = old.values_in(area.address(), area.last()).collect();
            prop_assert_eq!(values, of_area.map(|(.., value)| value).collect::<Vec<_>>());
        }
        let value_of = |a: u8, b: u8| (a + b) / 2;
        let painted = old.repainted(&ends_of(&areas), (&first, &second), value_of);
        let is_area = RangeMap::from_prefixes(false, areas.into_iter().map(|area| (area, true)));
        let expect = old.overlay(&first.overlay(&second, value_of), |old, new| (old, new));
        let expect = expect.overlay(&is_area, |(old, new), is| if is { new } else { old });
        prop_assert_eq!(painted, expect);
    }

    #[test]
    fn an_overlay_has_what_both_have(ours in prefixes(), theirs in prefixes()) {
        let ours = RangeMap::from_prefixes(9, ours);
        let theirs = RangeMap::from_prefixes(8, theirs);
        // Values that often agree, so that neighbours merge.
        let both = ours.overlay(&theirs, |a, b| (a + b) / 2);
        for address in (0..300).map(|low| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + low))) {
            let ((a, our_scope), (b, their_scope)) = (ours.get(address), theirs.get(address));
            let (value, scope) = both.get(address);
            prop_assert_eq!(value, (a + b) / 2);
            prop_assert!(scope.covers(our_scope) || scope.covers(their_scope));
        }
        // Neighbours differ, or they would be one range.
        let ranges: Vec<_> = both.iter().collect();
        let differ = ranges.windows(2).all(|pair| {
            pair[0].2 != pair[1].2 || pair[0].0.is_ipv4() != pair[1].0.is_ipv4()
        });
        prop_assert!(differ);
    }
}

proptest! {
    // Each case searches some ten thousand ranges.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn many_ranges_are_found_like_few(
        spread in 16u32..=32,
        wide_spread in 16u32..=128,
        ipv4: Ipv4Addr,
        ipv6: Ipv6Addr,
        seed: u64,
    ) {
        let mut networks = crowd(ipv4.into(), spread, seed);
        networks.extend(crowd(ipv6.into(), wide_spread, seed));
        let map = RangeMap::from_prefixes(255, networks.clone());
        prop_assert!(map.ipv4.is_indexed() && map.ipv6.is_indexed());
        agrees_with_its_ranges(&map);
        // The same ranges, however they came about, are the same map.
        let again = RangeMap::from_prefixes(255, networks).overlay(&RangeMap::filled(()), |a, ()| a);
        prop_assert!(map == again);
        let shifted = map.overlay(&again, |a, b| a.max(b) / 2);
        agrees_with_its_ranges(&shifted);
        let areas = [Subnet::of(ipv4.into(), 24), Subnet::of(ipv6.into(), 40)];
        let painted = map.repainted(&ends_of(&areas), (&shifted, &RangeMap::filled(())), |a, ()| a);
        let is_area = RangeMap::from_prefixes(false, areas.map(|area| (area, true)));
        let expect = map.overlay(&shifted, |old, new| (old, new));
        let expect = expect.overlay(&is_area, |(old, new), is| if is { new } else { old });
        prop_assert!(painted == expect);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn leaves_of_all_kinds_are_copied_parted_and_found(seed: u64) {
        let (mut map, other) = (stretched(seed), stretched(seed.rotate_left(32)));
        agrees_with_its_ranges(&map);
        let mut random = Random::new(seed | 1);
        for _ in 0..3 {
            // From somewhere in a range to somewhere in a later one, and a range by itself.
            let ranges: Vec<_> = map.iter().collect();
            let (first, second) = (random.below(ranges.len()), random.below(ranges.len()));
            let (first, second) = (ranges[first.min(second)], ranges[first.max(second)]);
            let is_long = first.0.is_ipv4() == second.0.is_ipv4() && random.below(4) == 0;
            let areas = if is_long {
                vec![(first.0, second.1)]
            } else if first == second {
                vec![(first.0, first.1)]
            } else {
                vec![(first.1, first.1), (second.0, second.1)]
            };
            let painted = map.repainted(&areas, (&other, &RangeMap::filled(())), |a, ()| a);
            let is_in = |at: IpAddr| areas.iter().any(|(first, last)| *first <= at && at <= *last);
            for at in map.iter().chain(other.iter()).flat_map(|(first, last, _)| [first, last]) {
                let expect = if is_in(at) { &other } else { &map };
                prop_assert_eq!(painted.get(at).0, expect.get(at).0, "{}", at);
            }
            let again = painted.overlay(&RangeMap::filled(()), |value, ()| value);
            prop_assert!(painted == again && painted.len() == again.len());
            map = painted;
        }
        agrees_with_its_ranges(&map);
    }
}
