//! The store against a plain map, whatever is done to both; and how little it takes.

use model::Rtt;
use proptest::prelude::*;

use super::super::level::Level;
use super::counts::COUNTS_MAX;
use super::*;

/// In an era's beginning.
const START_MS: u64 = 400_000 * ERA_MS;

fn at(s: u64) -> Time {
    Time::from_unix_ms(START_MS + s * 1_000)
}

fn row(us: u64, samples: u32, observed_s: u64, number: u64) -> Row {
    let rtt = Rtt::from_us(us).unwrap();
    let observed_at = at(observed_s / 8 * 8);
    Row {
        rtt,
        deviation_us: u32::try_from(us / 7).unwrap(),
        samples,
        observed_at,
        level: Level::new(rtt, at(observed_s)),
        told: Position { epoch: 1, sequence: number },
    }
}

fn subnet(text: &str) -> Subnet {
    text.parse().unwrap()
}

/// Networks of several widths and both families, in crowds and far apart, often the same ones.
fn any_subnet() -> impl Strategy<Value = Subnet> {
    let v4 = (prop_oneof![0u32..2_000, any::<u32>()], prop_oneof![Just(24u8), 8u8..=32]).prop_map(
        |(number, length)| {
            Subnet::of(Ipv4Addr::from_bits(0x0a00_0000 ^ number << 8).into(), length)
        },
    );
    let v6 = (prop_oneof![0u128..2_000, any::<u128>()], prop_oneof![Just(48u8), 16u8..=128])
        .prop_map(|(number, length)| {
            let bits = 0x2001_0db8 << 96 ^ number << 80;
            Subnet::of(Ipv6Addr::from_bits(bits).into(), length)
        });
    prop_oneof![3 => v4, 1 => v6]
}

/// One thing that is done to a store.
#[derive(Clone, Debug)]
enum Step {
    Set(Subnet, u64, u32, u64),
    /// A whole run of neighbours, each so far from the next.
    Fill(Subnet, u32, u128),
    /// Many at once.
    SetAll(Vec<Subnet>),
    Remove(Subnet),
    DropUntil(u64),
    Pass(u64),
    Change,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any_subnet(), 1u64..60_000_000, 1u32.., 0u64..600_000)
            .prop_map(|(subnet, us, samples, at)| Step::Set(subnet, us, samples, at)),
        2 => (any_subnet(), 1u32..1_500, prop_oneof![Just(1u128), 1u128..5_000])
            .prop_map(|(subnet, count, step)| Step::Fill(subnet, count, step)),
        2 => prop::collection::vec(any_subnet(), 1..40).prop_map(Step::SetAll),
        3 => any_subnet().prop_map(Step::Remove),
        1 => (0u64..600_000).prop_map(Step::DropUntil),
        1 => (0u64..90_000).prop_map(Step::Pass),
        1 => Just(Step::Change),
    ]
}

/// A row as the naive map has it: what is not rounded by lot is compared exactly.
fn told(row: Row) -> (Rtt, u32, Time, Position) {
    let kept = Kept::of(&row, 0, 0, 0).row(0, row.told).unwrap();
    (kept.rtt, kept.deviation_us, row.observed_at, row.told)
}

/// The same, of both.
type Naive = BTreeMap<Subnet, Row>;

fn run(store: &mut RowStore, naive: &mut Naive, number: usize, step: &Step) {
    let mut set = |store: &mut RowStore, subnet, row| {
        assert_eq!(store.set(subnet, row), naive.insert(subnet, row).is_none(), "{subnet}");
    };
    match step {
        Step::Set(subnet, us, samples, observed_s) => {
            set(store, *subnet, row(*us, *samples, *observed_s, number as u64));
        }
        Step::Fill(first, count, step) => {
            let width = Width::of(*first);
            let networks = (0..u128::from(*count)).filter_map(|at| {
                let network = network_of(*first).checked_add(at * step)?;
                width.subnet(network).filter(|subnet| network_of(*subnet) == network)
            });
            let rows: Naive = networks
                .zip(5_000u64..)
                .map(|(subnet, us)| (subnet, row(us, 100, 300_000, number as u64)))
                .collect();
            store.set_all(&rows.iter().map(|(s, row)| (*s, *row)).collect::<Vec<_>>());
            naive.extend(rows);
        }
        Step::SetAll(subnets) => {
            let of = |subnet: &Subnet| (*subnet, row(7_777, 5, 8, number as u64));
            let rows: Naive = subnets.iter().map(of).collect();
            store.set_all(&rows.iter().map(|(s, row)| (*s, *row)).collect::<Vec<_>>());
            naive.extend(rows);
        }
        Step::Remove(subnet) => {
            assert_eq!(store.remove(*subnet), naive.remove(subnet).is_some(), "{subnet}");
        }
        Step::DropUntil(s) => {
            let mut dropped = store.drop_observed_until(at(*s));
            dropped.sort_unstable();
            let over: Vec<Subnet> = naive
                .iter()
                .filter(|(_, row)| row.observed_at <= at(*s))
                .map(|(s, _)| *s)
                .collect();
            assert_eq!(dropped, over);
            naive.retain(|_, row| row.observed_at > at(*s));
        }
        Step::Pass(s) => store.pass(at(*s)),
        Step::Change => {
            let halve =
                |row: &mut Row| row.rtt = Rtt::from_us(u64::from(row.rtt.us() / 2).max(1)).unwrap();
            store.change_all(halve);
            for row in naive.values_mut() {
                row.rtt = told(*row).0;
                halve(row);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_store_is_a_map(
        steps in prop::collection::vec(any_step(), 1..60),
        asked in prop::collection::vec(any_subnet(), 8),
    ) {
        let (mut store, mut naive) = (RowStore::NONE, Naive::new());
        for (number, step) in steps.iter().enumerate() {
            run(&mut store, &mut naive, number, step);
            prop_assert_eq!(store.len(), naive.len());
        }
        let expect: Vec<_> = naive.iter().map(|(subnet, row)| (*subnet, told(*row))).collect();
        let all: Vec<_> =
            store.iter_from(Subnet::ALL_IPV4).map(|(subnet, row)| (subnet, told(row))).collect();
        prop_assert_eq!(&all, &expect);
        for from in asked {
            let left: Vec<Subnet> = store.iter_from(from).map(|(subnet, _)| subnet).collect();
            let expect: Vec<Subnet> = naive.range(from..).map(|(subnet, _)| *subnet).collect();
            prop_assert_eq!(left, expect, "from {}", from);
            prop_assert_eq!(store.get(from).map(told), naive.get(&from).copied().map(told));
            prop_assert_eq!(store.contains(from), naive.contains_key(&from));
        }
        // The same rows in another order, and by another way, say the same.
        let mut again = RowStore::NONE;
        for (subnet, _) in naive.iter().rev() {
            again.set(*subnet, row(1, 1, 0, 0));
            again.set(*subnet, store.get(*subnet).unwrap());
        }
        prop_assert_eq!(again.said(), store.said());
        let sum = store.iter().fold(0u64, |sum, (s, row)| sum.wrapping_add(said(s, &row)));
        prop_assert_eq!(sum, store.said());
        let blocks: usize = store.blocks().map(|(block, _)| store.of_block(block).count()).sum();
        prop_assert_eq!(blocks, naive.len());
        for (block, oldest) in store.blocks() {
            prop_assert_eq!(store.of_block(block).map(|(_, units)| units).min(), Some(oldest));
        }
    }
}

#[test]
fn rounding_is_small_and_settles_at_once() {
    let mut store = RowStore::NONE;
    let (one, other) = (subnet("10.1.2.0/24"), subnet("10.1.3.0/24"));
    for (us, samples) in
        [(1, 1), (85_000, 32), (219_700, 33), (59_999_999, 1_000_000), (7, u32::MAX)]
    {
        store.set(one, row(us, samples, 8, 1));
        let kept = store.get(one).unwrap();
        let off = |kept: u32, told: u64| u64::from(kept).abs_diff(told) as f64 / told as f64;
        assert!(off(kept.rtt.us(), us) < 0.002, "{us}: {kept:?}");
        assert!(off(kept.samples, samples.into()) < 0.063, "{samples}: {kept:?}");
        assert!(samples > 32 || kept.samples == samples);
        assert!(off(kept.level.usual_us, us) < 0.032, "{us}: {kept:?}");
        assert_eq!((kept.observed_at, kept.told.sequence), (at(8), 1));
        store.set(other, kept);
        store.set(one, kept);
        assert_eq!(store.get(one).unwrap(), kept);
    }
}

#[test]
fn a_count_grows_as_the_agents_does_on_the_whole() {
    let mut store = RowStore::NONE;
    let networks: Vec<Subnet> =
        (0..400u32).map(|number| Subnet::of(Ipv4Addr::from_bits(number << 8).into(), 24)).collect();
    let mut before = 0;
    for samples in (1_000..1_100).step_by(7) {
        for network in &networks {
            store.set(*network, row(1, samples, 0, 1));
        }
        let sum: u64 = store.iter().map(|(_, row)| u64::from(row.samples)).sum();
        assert!(
            sum >= before && sum.abs_diff(u64::from(samples) * 400) < 2_000,
            "{samples}: {sum}"
        );
        before = sum;
    }
}

#[test]
fn what_is_usual_moves_by_less_than_can_be_told_apart() {
    // A day at 110 ms, told every half minute, after 80 ms.
    let mut store = RowStore::NONE;
    let networks: Vec<Subnet> =
        (0..64u32).map(|number| Subnet::of(Ipv4Addr::from_bits(number << 8).into(), 24)).collect();
    for network in &networks {
        store.set(*network, row(80_000, 1, 0, 1));
    }
    let mut exact = Level::new(Rtt::from_us(80_000).unwrap(), at(0));
    for step in 1..=2_880u64 {
        let now = at(step * 32);
        store.pass(now);
        exact.follow(Rtt::from_us(110_000).unwrap(), 32_000);
        for network in &networks {
            let mut next = row(110_000, 1, step * 32, 1);
            next.level = store.get(*network).unwrap().level;
            next.level.follow(next.rtt, 32_000);
            store.set(*network, next);
        }
    }
    let usual: u64 = store.iter().map(|(_, row)| u64::from(row.level.usual_us)).sum();
    assert!((usual / 64).abs_diff(u64::from(exact.usual_us)) < 1_000, "{} {exact:?}", usual / 64);
    let far = store.iter().filter(|(_, row)| row.level.usual_us.abs_diff(exact.usual_us) > 16_000);
    assert_eq!(far.count(), 0);
}

#[test]
fn a_level_settles_after_six_hours_and_an_era_more_at_most() {
    let hour = |hours: u64| at(hours * 3_600);
    for minute in (0..72).step_by(7) {
        let mut store = RowStore::NONE;
        store.pass(at(minute * 60));
        store.set(subnet("10.1.2.0/24"), row(1_000, 1, minute * 60, 1));
        let is_settled = |store: &mut RowStore, now: Time| {
            store.pass(now);
            store.get(subnet("10.1.2.0/24")).unwrap().level.is_settled(now)
        };
        assert!(!is_settled(&mut store, at(minute * 60 + 6 * 3_600 - 1)), "{minute}");
        assert!(is_settled(&mut store, at(minute * 60 + 7 * 3_600 + 720)), "{minute}");
        // And what came lately is known to have.
        store.set(subnet("10.1.3.0/24"), row(1_000, 1, 8 * 3_600, 1));
        let young = store.get(subnet("10.1.3.0/24")).unwrap();
        assert!(young.level.since >= hour(8));
    }
}

#[test]
fn tellings_become_one_by_adjacent_ones_and_none_is_missed() {
    let mut store = RowStore::NONE;
    let network = |number: u32| Subnet::of(Ipv4Addr::from_bits(number << 8).into(), 24);
    for number in 0..9_000u32 {
        store.set(network(number % 5_000), row(1_000, 1, 0, u64::from(number) + 1));
    }
    for (subnet, row) in store.iter() {
        let number = network_of(subnet) as u64;
        let told = if number < 4_000 { number + 5_001 } else { number + 1 };
        assert!((told..told + 64).contains(&row.told.sequence), "{subnet}: {row:?}");
    }
    let mut counts = BTreeMap::new();
    store.count_told(&mut counts);
    let left = tellings::left_of(&counts);
    assert_eq!(left, [Position { epoch: 1, sequence: 9_000 }]);
    store.round_up(&left);
    assert!(!store.is_crowded());
    assert_eq!(store.get(network(4_000)).unwrap().told.sequence, 9_000);
    // Not across lives, and not more than a report takes.
    let of = |epoch, sequence| Position { epoch, sequence };
    let counts = [(of(1, 1), 9), (of(2, 1), 16_000), (of(2, 5), 384), (of(2, 9), 1)];
    assert_eq!(tellings::left_of(&counts.into()), [of(1, 1), of(2, 5), of(2, 9)]);
}

#[test]
fn a_dense_table_takes_less_than_ten_bytes_a_row() {
    // 72 % of a /8 in a scattered order, as 12 million of the 16.7 million /24s are.
    let mut store = RowStore::NONE;
    for number in (0..65_536u32).map(|number| number.wrapping_mul(40_503) % 65_536) {
        if number.wrapping_mul(0x9e37_79b1) >> 24 < 184 {
            store.set(
                Subnet::of(Ipv4Addr::from_bits(0x0b00_0000 | number << 8).into(), 24),
                row(20_000 + u64::from(number), 9, 8, 1),
            );
        }
    }
    let bytes = store.heap_bytes() as f64 / store.len() as f64;
    assert!((46_000..48_000).contains(&store.len()) && bytes < 10.0, "{bytes}");
}

#[test]
fn counts_are_exact_while_there_is_room_for_them() {
    let mut store = RowStore::default();
    let networks: Vec<Subnet> = (0..COUNTS_MAX as u32 + 2)
        .map(|number| Subnet::of(Ipv4Addr::from_bits(number << 8).into(), 24))
        .collect();
    let many: Vec<(Subnet, Row)> =
        networks.iter().map(|subnet| (*subnet, row(20_000, 1_003, 0, 1))).collect();
    store.set_all(&many);
    let rounded = |store: &RowStore| -> Vec<Subnet> {
        store.iter().filter(|(_, row)| row.samples != 1_003).map(|(subnet, _)| subnet).collect()
    };
    assert_eq!(networks[COUNTS_MAX..].to_vec(), rounded(&store));
    // Whatever changes but the count leaves it, and one that goes makes room.
    store.change_all(|row| row.deviation_us = 1);
    store.pass(at(90_000));
    store.remove(networks[0]);
    store.set(networks[1], row(20_000, 32, 0, 1));
    for subnet in &networks[COUNTS_MAX..] {
        store.set(*subnet, row(20_000, 1_003, 0, 2));
    }
    assert_eq!(vec![networks[1]], rounded(&store));
    // The next life of a network begins anew.
    store.set(networks[0], row(20_000, 5, 0, 3));
    assert_eq!(store.get(networks[0]).unwrap().samples, 5);
    assert_eq!(store.get(networks[1]).unwrap().samples, 32);
}
