//! Beliefs of small worlds: what weighs, what follows from samples, age, order and physics.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;

use geo::Placed;
use model::Rtt;
use proptest::prelude::*;

use super::*;
use crate::fixture::{NOW, rtt, subnet};

const EU: u16 = 0;
const US: u16 = 1;
const AP: u16 = 2;

const BERLIN: (f64, f64) = (52.5, 13.4);
const MUNICH: (f64, f64) = (48.1, 11.6);
const TOKYO: (f64, f64) = (35.7, 139.7);

/// `eu-west` in Amsterdam, `us-east` in Washington, `ap-southeast` in Singapore.
fn regions() -> impl Iterator<Item = Option<Place>> {
    let places = [(52.4, 4.9), (38.9, -77.0), (1.35, 103.8)];
    places.into_iter().map(|(north, east)| Place::new(north, east).ok())
}

fn placed(network: &str, country: &str, asn: u32, place: Option<(f64, f64)>) -> Placed {
    Placed {
        subnet: subnet(network),
        country: country.parse().ok(),
        asn: NonZeroU32::new(asn),
        place: place.and_then(|(north, east)| Place::new(north, east).ok()),
    }
}

/// 10.0/16 is AS 1 in Berlin, 10.1/16 AS 2 in Berlin, 10.2/16 AS 1 in Munich, 10.3/16 AS 3 in
/// Munich, all of them Germany; 11/8 is AS 4 in Tokyo, Japan; 12/8 is Germany and no more.
fn world() -> Beliefs {
    let placed = [
        placed("10.0.0.0/16", "DE", 1, Some(BERLIN)),
        placed("10.1.0.0/16", "DE", 2, Some(BERLIN)),
        placed("10.2.0.0/16", "DE", 1, Some(MUNICH)),
        placed("10.3.0.0/16", "DE", 3, Some(MUNICH)),
        placed("11.0.0.0/8", "JP", 4, Some(TOKYO)),
        placed("12.0.0.0/8", "DE", 0, None),
    ];
    Beliefs::of_places(regions(), &Arc::new(Geo::from_placed(&placed, &[]).unwrap()))
}

fn estimate(us: u32, deviation_us: u32, samples: u64, hours_ago: u64) -> RegionEstimate {
    RegionEstimate {
        rtt: Rtt::from_us(u64::from(us)).unwrap(),
        deviation_us,
        samples,
        observed_at: NOW.minus_ms(hours_ago * 3_600_000),
        agents: 1,
    }
}

/// `count` networks from `first` on have this time to a region, with many samples.
fn fill(beliefs: &mut Beliefs, first: &str, count: u32, region: u16, ms: u32) {
    let IpAddr::V4(first) = subnet(first).address() else { panic!("IPv4") };
    for number in 0..count {
        let address = (first.to_bits() + (number << 8)).into();
        let row = estimate(ms * 1_000, 500, 50, 0);
        beliefs.take(Subnet::of(IpAddr::V4(address), 24), region, Some(row));
    }
}

fn ask(beliefs: &Beliefs, network: &str, region: u16) -> Belief {
    let spot = spot(beliefs, subnet(network));
    beliefs.belief(&spot, region, NOW)
}

fn spot(beliefs: &Beliefs, subnet: Subnet) -> Spot {
    Spot { subnet, class: beliefs.geo().locate(subnet.address()).class, has_rows: true }
}

/// The source of a network's belief about `eu-west`, and its time to the millisecond.
fn check(beliefs: &Beliefs, network: &str, source: Source, ms: u32) {
    let belief = ask(beliefs, network, EU);
    assert_eq!(belief.source, source, "{network}: {belief:?}");
    assert!(belief.rtt_us.abs_diff(ms * 1_000) <= 1_500, "{network}: {belief:?}");
}

#[test]
fn the_closest_that_knows_weighs_most() {
    let mut beliefs = world();
    // 577 km at 15 us, and the last mile.
    check(&beliefs, "10.0.16.0/24", Source::Distance, 14);
    check(&beliefs, "12.0.0.0/24", Source::Nothing, 100);
    // Tokyo knows nothing of Germany but what the region has in common.
    fill(&mut beliefs, "11.0.0.0/24", 40, EU, 260);
    assert_eq!(ask(&beliefs, "10.0.16.0/24", EU).source, Source::Region);
    let mut beliefs = world();
    fill(&mut beliefs, "10.3.0.0/24", 40, EU, 30);
    // Munich's other AS, from the place.
    check(&beliefs, "10.2.0.0/24", Source::Place, 30);
    // Berlin's distance differs by 100 km, and the country is as much slower than its distance.
    check(&beliefs, "10.0.0.0/24", Source::Country, 29);
    fill(&mut beliefs, "10.2.0.0/24", 40, EU, 50);
    check(&beliefs, "10.0.0.0/24", Source::AsCountry, 48);
    fill(&mut beliefs, "10.1.0.0/24", 40, EU, 20);
    check(&beliefs, "10.0.0.0/24", Source::Place, 21);
    fill(&mut beliefs, "10.0.128.0/24", 40, EU, 70);
    check(&beliefs, "10.0.0.0/24", Source::AsPlace, 70);
    fill(&mut beliefs, "10.0.16.0/24", 15, EU, 90);
    check(&beliefs, "10.0.31.0/24", Source::Prefix, 90);
    check(&beliefs, "10.0.17.0/24", Source::OwnSubnet, 90);
    // The other regions know nothing of it.
    assert_eq!(ask(&beliefs, "10.0.17.0/24", US).source, Source::Distance);
    let mut all = Vec::new();
    beliefs.all(&spot(&beliefs, subnet("10.0.17.0/24")), NOW, &mut all);
    let each = [EU, US, AP].map(|region| ask(&beliefs, "10.0.17.0/24", region));
    assert_eq!(all, each);
}

#[test]
fn a_prefix_of_two_cities_gives_way_to_the_place() {
    let networks: Vec<Placed> = (0..=255)
        .map(|number| {
            let (place, asn) = if number % 2 == 0 { (BERLIN, 1) } else { (TOKYO, 2) };
            placed(&format!("10.0.{number}.0/24"), "DE", asn, Some(place))
        })
        .collect();
    let geo = Arc::new(Geo::from_placed(&networks, &[]).unwrap());
    let mut beliefs = Beliefs::of_places(regions(), &geo);
    // Slower than the distance by 20 and by 80 ms: residuals do not bring them together.
    for number in (0..200).filter(|number| number % 7 != 0) {
        let ms = if number % 2 == 0 { 34 } else { 225 };
        let row = estimate(ms * 1_000, 500, 50, 0);
        beliefs.take(subnet(&format!("10.0.{number}.0/24")), EU, Some(row));
    }
    beliefs.refit();
    for (network, ms) in [("10.0.14.0/24", 34u32), ("10.0.21.0/24", 225)] {
        let belief = ask(&beliefs, network, EU);
        assert!(matches!(belief.source, Source::Place | Source::AsPlace), "{belief:?}");
        assert!(belief.rtt_us.abs_diff(ms * 1_000) < 3_000, "{network} {belief:?}");
    }
}

#[test]
fn the_line_calibrates_on_what_was_learned() {
    let mut networks = Vec::new();
    for number in 0..200u8 {
        let place = (f64::from(number) / 2.0 - 40.0, f64::from(number) * 1.5 - 150.0);
        networks.push(placed(&format!("10.{number}.0.0/16"), "DE", 0, Some(place)));
    }
    let geo = Arc::new(Geo::from_placed(&networks, &[]).unwrap());
    let mut beliefs = Beliefs::of_places(regions(), &geo);
    let truth = |beliefs: &Beliefs, network: Subnet, region: u16| {
        let from = geo.locate(network.address()).class_of.place.unwrap().direction();
        let to = beliefs.directions[usize::from(region)].unwrap();
        // 1.8 times as long as light in fibre, and a last mile of 9 ms.
        9_000 + u32::from(from.distance_km(&to)) * 18
    };
    for number in (0..200).filter(|number| number % 5 != 0) {
        let network = subnet(&format!("10.{number}.0.0/24"));
        for region in [EU, US] {
            let row = estimate(truth(&beliefs, network, region), 500, 9, 0);
            beliefs.take(network, region, Some(row));
        }
    }
    let error = |beliefs: &Beliefs| {
        let networks = (0..200).step_by(5).map(|number| subnet(&format!("10.{number}.0.0/24")));
        let errors = networks.map(|network| {
            let belief = beliefs.belief(&spot(beliefs, network), AP, NOW);
            (belief.rtt_us.abs_diff(truth(beliefs, network, AP)), belief.deviation_us)
        });
        errors.max().unwrap()
    };
    let before = error(&beliefs);
    beliefs.refit();
    let after = error(&beliefs);
    // Nobody ever measured the third region.
    assert!(before.0 > 30_000, "{before:?}");
    assert!(after.0 <= 1_000 && after.1 < before.1 / 2, "{after:?}");
}

#[test]
fn what_is_faster_than_light_is_not_used() {
    let mut beliefs = world();
    let tokyo = subnet("11.0.0.0/24");
    // 9,300 km: 88 ms, with 500 km of doubt.
    beliefs.take(tokyo, EU, Some(estimate(80_000, 0, 9, 0)));
    assert_eq!((beliefs.impossible(), ask(&beliefs, "11.0.0.0/24", EU).own), (1, None));
    assert_eq!(ask(&beliefs, "11.0.0.0/24", EU).source, Source::Distance);
    beliefs.take(tokyo, EU, Some(estimate(95_000, 0, 9, 0)));
    assert_eq!(beliefs.impossible(), 0);
    assert_eq!(ask(&beliefs, "11.0.0.0/24", EU).source, Source::OwnSubnet);
    // Where no place is known, nothing is impossible.
    beliefs.take(subnet("12.0.0.0/24"), EU, Some(estimate(1, 0, 9, 0)));
    assert_eq!(beliefs.impossible(), 0);
}

#[test]
fn a_row_is_not_heard_twice() {
    let mut beliefs = world();
    let before = ask(&beliefs, "10.0.0.0/24", EU);
    beliefs.take(subnet("10.0.0.0/24"), EU, Some(estimate(30_000, 0, 1, 0)));
    let own = ask(&beliefs, "10.0.0.0/24", EU);
    // Between the distance and a single connection, although its groups have no other row.
    assert!(own.rtt_us > before.rtt_us + 3_000 && own.rtt_us < 29_000, "{before:?} {own:?}");
    assert!(own.deviation_us > 2_000, "{own:?}");
}

#[test]
fn rows_of_other_widths_are_found_and_gone_ones_are_not() {
    let mut beliefs = world();
    beliefs.take(subnet("10.0.0.0/22"), EU, Some(estimate(33_000, 500, 50, 0)));
    beliefs.take(subnet("10.0.1.0/24"), US, Some(estimate(99_000, 500, 50, 0)));
    assert_eq!(ask(&beliefs, "10.0.1.0/24", EU).own.unwrap().rtt, rtt(33));
    assert_eq!(ask(&beliefs, "10.0.1.128/25", US).own.unwrap().rtt, rtt(99));
    assert_eq!(ask(&beliefs, "10.0.2.0/24", US).own, None);
    let there = Spot { has_rows: false, ..spot(&beliefs, subnet("10.0.1.0/24")) };
    assert_eq!(beliefs.belief(&there, EU, NOW).own, None);
    assert_eq!(networks(&beliefs), ["10.0.0.0/22", "10.0.1.0/24"].map(subnet));
    beliefs.take(subnet("10.0.1.0/24"), US, None);
    beliefs.take(subnet("10.0.1.0/24"), US, None);
    // A region that the domain does not have.
    beliefs.take(subnet("10.0.3.0/24"), 3, Some(estimate(1_000, 0, 9, 0)));
    assert_eq!(networks(&beliefs), [subnet("10.0.0.0/22")]);
}

/// The networks with rows, ascending.
fn networks(beliefs: &Beliefs) -> Vec<Subnet> {
    let mut networks: Vec<Subnet> = beliefs.subnets().collect();
    networks.sort_unstable();
    networks
}

type Row = (u8, u8, u16, u32, u64, u64);

/// Networks of every kind of the world, regions, times, deviations, samples, hours ago.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let one = (0u8..6, 0u8..8, 0u16..3, 1u32..400_000, 1u64..300, 0u64..400);
    prop::collection::vec(one, 1..60)
}

fn network((block, low, ..): Row) -> Subnet {
    let [first, second] =
        [[10, 0], [10, 1], [10, 2], [10, 3], [11, 0], [12, 0]][usize::from(block)];
    // Two /20s.
    Subnet::of([first, second, low * 4, 0].into(), 24)
}

fn give(beliefs: &mut Beliefs, rows: impl IntoIterator<Item = Row>) {
    for row @ (.., region, us, samples, hours) in rows {
        beliefs.take(network(row), region, Some(estimate(us, us / 20, samples, hours)));
    }
}

/// One row of each network and region: the last.
fn distinct(rows: &[Row]) -> Vec<Row> {
    let last: BTreeMap<_, Row> = rows.iter().map(|row| ((network(*row), row.2), *row)).collect();
    last.into_values().collect()
}

fn everywhere(beliefs: &Beliefs) -> Vec<Belief> {
    let networks = (0..6).flat_map(|block| (0..9).map(move |low| (block, low, 0, 0, 0, 0)));
    let mut all = Vec::new();
    let mut found = Vec::new();
    for row in networks {
        beliefs.all(&spot(beliefs, network(row)), NOW, &mut found);
        all.append(&mut found);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_row_that_goes_leaves_no_trace(stay in rows(), go in rows()) {
        let stay = distinct(&stay);
        let (mut with, mut without) = (world(), world());
        give(&mut without, stay.iter().copied());
        give(&mut with, stay.iter().copied());
        give(&mut with, go.iter().copied());
        prop_assert!(with.networks.len() >= without.networks.len());
        for row in &go {
            with.take(network(*row), row.2, None);
        }
        give(&mut with, stay.iter().copied());
        prop_assert_eq!(&with.groups, &without.groups);
        prop_assert_eq!(networks(&with), networks(&without));
        prop_assert_eq!(with.impossible, without.impossible);
        prop_assert_eq!(everywhere(&with), everywhere(&without));
    }

    #[test]
    fn overwatches_agree_to_the_last_bit(rows in rows(), turn in 0usize..60) {
        let (mut one, mut other) = (world(), world());
        let mut turned = distinct(&rows);
        give(&mut one, turned.iter().copied());
        turned.reverse();
        let count = turned.len();
        turned.rotate_left(turn % count);
        let (first, second) = turned.split_at(count / 2);
        give(&mut other, first.iter().copied());
        other.refit();
        give(&mut other, second.iter().copied());
        one.refit();
        other.refit();
        prop_assert_eq!(&one.groups, &other.groups);
        prop_assert_eq!(&one.spreads, &other.spreads);
        prop_assert_eq!(everywhere(&one), everywhere(&other));
    }

    #[test]
    fn nothing_is_believed_below_physics(rows in rows()) {
        let mut beliefs = world();
        give(&mut beliefs, rows);
        for fitted in [false, true] {
            if fitted {
                beliefs.refit();
            }
            for belief in everywhere(&beliefs) {
                prop_assert!(belief.rtt_us >= 1 && belief.rtt_us <= Rtt::MAX_US);
                prop_assert!(belief.deviation_us > 0 && belief.low_us() <= belief.rtt_us);
            }
            let floor = |network, region| ask(&beliefs, network, region).rtt_us;
            prop_assert!(floor("11.0.0.0/24", EU) >= 84_000);
            prop_assert!(floor("10.0.0.0/24", US) >= 62_000);
        }
    }

    #[test]
    fn many_samples_are_believed_and_none_mean_the_group(
        group_ms in 15u32..200, own_ms in 15u32..200, others in 10u32..60,
    ) {
        let mut beliefs = world();
        fill(&mut beliefs, "10.0.1.0/24", others, EU, group_ms);
        beliefs.refit();
        let prior = ask(&beliefs, "10.0.0.0/24", EU);
        prop_assert!(prior.rtt_us.abs_diff(group_ms * 1_000) < 3_000, "{prior:?}");
        beliefs.take(subnet("10.0.0.0/24"), EU, Some(estimate(own_ms * 1_000, 500, 10_000, 0)));
        // Its own row does not change what others say of it.
        let there = Spot { has_rows: false, ..spot(&beliefs, subnet("10.0.0.0/24")) };
        let own = beliefs.belief(&spot(&beliefs, subnet("10.0.0.0/24")), EU, NOW);
        let apart = group_ms.abs_diff(own_ms) * 1_000;
        let off = own.rtt_us.abs_diff(own_ms * 1_000);
        prop_assert!(off <= (apart / 15).max(2_500), "{own:?} {prior:?}");
        prop_assert_eq!(beliefs.belief(&there, EU, NOW).own, None);
    }

    #[test]
    fn samples_make_sure_and_age_makes_unsure(
        samples in 1u64..8, more in 1u64..8, hours in 0u64..100, later in 1u64..100,
    ) {
        let deviation = |samples, hours| {
            let mut beliefs = world();
            // What others say is no surprise: that would make it unsure too.
            fill(&mut beliefs, "10.0.16.0/24", 5, EU, 30);
            let row = estimate(30_000, 2_000, samples, hours);
            beliefs.take(subnet("10.0.0.0/24"), EU, Some(row));
            ask(&beliefs, "10.0.0.0/24", EU).deviation_us
        };
        let of_group = |others, hours: u64| {
            let mut beliefs = world();
            fill(&mut beliefs, "10.0.16.0/24", others, EU, 30);
            let spot = spot(&beliefs, subnet("10.0.0.0/24"));
            beliefs.belief(&spot, EU, NOW.plus_ms(hours * 3_600_000)).deviation_us
        };
        prop_assert!(deviation(samples + more, hours) < deviation(samples, hours));
        prop_assert!(deviation(samples, hours + later) > deviation(samples, hours));
        let few = u32::try_from(samples).unwrap();
        prop_assert!(of_group(few + 5, hours) < of_group(few, hours));
        prop_assert!(of_group(few, hours + later) > of_group(few, hours));
    }
}
