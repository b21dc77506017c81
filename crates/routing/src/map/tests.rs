//! Rankings and blocks, by table and against a naive model.

use std::collections::BTreeSet;

use proptest::prelude::*;

use geo::{Country, CustomMapping};
use model::Rtt;

use super::*;
use crate::fixture::{LEARNED, Row, constraint, domain, geo, map, row, row_of, subnet};
use crate::{Algorithm, Constraint, RankedRegion, Reason};

/// The block of a client and its ranking: `block region=reason region=reason ...`.
fn ranking(map: &DomainMap, client: &str) -> String {
    let (ranking, block) = map.block(client.parse().unwrap());
    let mut text = block.to_string();
    for RankedRegion { region, reason } in ranking.regions() {
        let name = map.region_name(*region).unwrap();
        text += &format!(" {}={reason}", name.as_str().split('-').next().unwrap());
    }
    text
}

fn check(map: &DomainMap, client: &str, expect: &str) {
    assert_eq!(ranking(map, client), expect, "{client}");
}

#[test]
fn what_was_learned_comes_first_and_the_rest_by_geography() {
    let rows =
        [row("10.1.2.0/24", "ap-southeast", 85, 150), row("10.1.2.0/24", "eu-west", 220, 150)];
    let learned = map(&domain(LEARNED), geo(&[]), &rows);
    let expect = "10.1.2.0/24 ap=learned_latency eu=learned_latency us=geo_fallback";
    check(&learned, "10.1.2.9", expect);
    assert_eq!(learned.learned("10.1.2.9".parse().unwrap(), 0).unwrap().ms_rounded(), 220);
    assert_eq!(learned.learned("10.1.2.9".parse().unwrap(), 1), None);
    // One network tells too little of its neighbours.
    check(&learned, "10.1.3.9", "10.1.3.0/24 eu=geo_fallback ap=geo_fallback us=geo_fallback");
    check(&learned, "2001:db8::1", "::/0 us=geo_fallback eu=geo_fallback ap=geo_fallback");
}

#[test]
fn nobody_leaves_what_nothing_is_known_of() {
    let rows = [row("12.1.2.0/24", "us-east", 90, 9), row("12.1.2.0/24", "eu-west", 10, 9)];
    let learned = map(&domain(LEARNED), geo(&[]), &rows);
    let expect = "12.1.2.0/24 ap=geo_fallback eu=learned_latency us=learned_latency";
    check(&learned, "12.1.2.9", expect);
    // What a constraint forbids holds nobody: geography's choice is the first allowed one.
    let mut settings = domain(LEARNED);
    settings.constraints = vec![constraint(&["12.0.0.0/8"], &["us-east", "eu-west"])];
    let allowed = map(&settings, geo(&[]), &rows);
    check(&allowed, "12.1.2.9", "12.1.2.0/24 eu=learned_latency us=learned_latency");
}

#[test]
fn nobody_moves_to_where_too_little_was_measured() {
    let rows = [
        row("10.1.2.0/24", "eu-west", 90, 9),
        row("10.1.2.0/24", "us-east", 10, 4),
        row("10.99.2.0/24", "eu-west", 90, 9),
        row("10.99.2.0/24", "us-east", 10, 5),
    ];
    let map = map(&domain(LEARNED), geo(&[]), &rows);
    check(&map, "10.1.2.9", "10.1.2.0/24 eu=learned_latency us=geo_fallback ap=geo_fallback");
    check(&map, "10.99.2.9", "10.99.2.0/24 us=learned_latency eu=learned_latency ap=geo_fallback");
}

#[test]
fn the_most_specific_row_of_each_region_counts() {
    let rows = [
        row("11.1.0.0/16", "eu-west", 50, 9),
        row("11.1.0.0/16", "us-east", 60, 9),
        row("11.1.2.0/24", "eu-west", 70, 9),
    ];
    let map = map(&domain(LEARNED), geo(&[]), &rows);
    check(&map, "11.1.2.9", "11.1.2.0/24 us=learned_latency eu=learned_latency ap=geo_fallback");
    check(&map, "11.1.3.9", "11.1.3.0/24 eu=learned_latency us=learned_latency ap=geo_fallback");
    check(&map, "11.1.9.9", "11.1.8.0/21 eu=learned_latency us=learned_latency ap=geo_fallback");
}

#[test]
fn regions_over_the_limit_come_last_under_a_reason_of_their_own() {
    let rows = [
        row("11.1.2.0/24", "eu-west", 301, 9),
        row("11.1.2.0/24", "us-east", 400, 9),
        row("11.1.2.0/24", "ap-southeast", 350, 9),
        row("11.1.6.0/24", "us-east", 301, 9),
        row("11.99.9.0/24", "us-east", 299, 9),
        row("10.1.2.0/24", "eu-west", 301, 9),
    ];
    let learned = map(&domain(LEARNED), geo(&[]), &rows);
    let over = "eu=learned_over_limit ap=learned_over_limit us=learned_over_limit";
    check(&learned, "11.1.2.9", &format!("11.1.2.0/24 {over}"));
    check(
        &learned,
        "11.1.6.9",
        "11.1.6.0/24 eu=geo_fallback ap=geo_fallback us=learned_over_limit",
    );
    check(&learned, "11.99.9.9", "11.99.9.0/24 us=learned_latency eu=geo_fallback ap=geo_fallback");
    let unlimited = Algorithm::LearnedLatency { max_latency_ms: None, min_samples: 5 };
    let free = map(&domain(unlimited), geo(&[]), &rows[5..]);
    check(&free, "10.1.2.9", "10.1.2.0/24 eu=learned_latency us=geo_fallback ap=geo_fallback");
}

#[test]
fn neighbours_that_rank_alike_are_one_block_whatever_their_times() {
    let rows = [
        row("10.1.0.0/24", "eu-west", 85, 9),
        row("10.1.1.0/24", "eu-west", 87, 9),
        row("10.1.2.0/23", "eu-west", 10, 9),
    ];
    let map = map(&domain(LEARNED), geo(&[]), &rows);
    check(&map, "10.1.1.9", "10.1.0.0/22 eu=learned_latency us=geo_fallback ap=geo_fallback");
}

#[test]
fn a_learned_network_across_a_border_is_cut_there() {
    // Geography's choice in Singapore and France is the region that the row tells about.
    let mut settings = domain(LEARNED);
    settings.regions[1].countries = vec!["SG".parse().unwrap(), "FR".parse().unwrap()];
    let rows = [row("12.0.0.0/7", "us-east", 60, 9), row("10.0.0.0/7", "eu-west", 60, 9)];
    let map = map(&settings, geo(&[]), &rows);
    check(&map, "12.9.9.9", "12.0.0.0/8 us=learned_latency ap=geo_fallback eu=geo_fallback");
    check(&map, "13.9.9.9", "13.0.0.0/8 us=learned_latency eu=geo_fallback ap=geo_fallback");
    // In Germany geography's choice was measured, in the USA it was not.
    check(&map, "10.9.9.9", "10.0.0.0/8 eu=learned_latency us=geo_fallback ap=geo_fallback");
    check(&map, "11.9.9.9", "11.0.0.0/8 us=geo_fallback eu=learned_latency ap=geo_fallback");
    // Where both were, geography decides nothing more.
    let rows = [row("10.0.0.0/7", "us-east", 70, 9), rows[1].clone()];
    let whole = "10.0.0.0/7 eu=learned_latency us=learned_latency ap=geo_fallback";
    check(&crate::fixture::map(&settings, geo(&[]), &rows), "11.9.9.9", whole);
}

#[test]
fn geography_goes_by_custom_network_country_continent_default_and_order() {
    let geo = geo(&[("10.7.0.0/16", "ap-southeast"), ("200.0.0.0/24", "eu-west")]);
    let map = map(&domain(Algorithm::Geolocation), geo, &[]);
    let order = |client: &str| {
        let text = ranking(&map, client).replace("=geolocation", "");
        text.split_once(' ').unwrap().1.to_string()
    };
    assert_eq!(order("10.7.1.1"), "ap eu us"); // custom network, then its country
    assert_eq!(order("10.8.1.1"), "eu us ap"); // country
    assert_eq!(order("13.0.0.1"), "eu us ap"); // continent
    assert_eq!(order("12.0.0.1"), "ap us eu"); // country, default
    assert_eq!(order("99.0.0.1"), "us eu ap"); // default
    assert_eq!(order("200.0.0.1"), "eu us ap"); // custom network in no country
    assert_eq!(order("2001:db8::1"), "us eu ap");
}

#[test]
fn countries_that_rank_alike_are_one_block() {
    let mut settings = domain(Algorithm::Geolocation);
    settings.regions[1].countries.push("DE".parse().unwrap());
    settings.regions[0].countries.push("US".parse().unwrap());
    let map = map(&settings, geo(&[]), &[]);
    check(&map, "11.0.0.1", "10.0.0.0/7 eu=geolocation us=geolocation ap=geolocation");
}

#[test]
fn a_constraint_leaves_only_its_regions_to_its_clients() {
    let mut settings = domain(LEARNED);
    settings.constraints = vec![
        constraint(&["10.1.0.0/16"], &["us-east", "ap-southeast"]),
        constraint(&["DE", "13.0.0.0/9"], &["eu-west"]),
        constraint(&["10.0.0.0/8", "12.5.0.0/16"], &["us-east"]),
        constraint(&["12.6.0.0/16"], &["elsewhere"]),
    ];
    let rows = [
        row("10.0.0.0/8", "us-east", 10, 9),
        row("12.0.0.0/8", "eu-west", 10, 9),
        row("12.0.0.0/8", "ap-southeast", 20, 9),
    ];
    let map = map(&settings, geo(&[]), &rows);
    check(&map, "10.1.2.3", "10.1.0.0/16 us=learned_latency ap=geo_fallback");
    check(&map, "10.2.2.3", "10.2.0.0/15 eu=geo_fallback");
    check(&map, "13.1.1.1", "13.0.0.0/9 eu=geo_fallback");
    check(&map, "13.200.1.1", "13.128.0.0/9 eu=geo_fallback us=geo_fallback ap=geo_fallback");
    check(&map, "12.5.1.1", "12.5.0.0/16 us=geo_fallback");
    check(&map, "12.6.1.1", "12.6.0.0/16");
    check(&map, "12.7.1.1", "12.7.0.0/16 eu=learned_latency ap=learned_latency us=geo_fallback");
}

#[test]
fn who_does_not_look_at_the_client_has_one_block_a_family() {
    for (algorithm, reason) in [
        (Algorithm::Latency { max_latency_ms: None }, "latency_unknown"),
        (Algorithm::RoundRobin, "round_robin"),
        (Algorithm::Weighted, "weighted"),
        (Algorithm::Failover, "failover"),
    ] {
        let rows = [row("10.1.0.0/16", "us-east", 10, 9)];
        let order = format!("eu={reason} us={reason} ap={reason}");
        let whole = map(&domain(algorithm), geo(&[("10.2.0.0/16", "eu-west")]), &rows);
        check(&whole, "10.1.2.3", &format!("0.0.0.0/0 {order}"));
        check(&whole, "2001:db8::1", &format!("::/0 {order}"));
        let mut settings = domain(algorithm);
        settings.constraints = vec![constraint(&["10.1.0.0/16"], &["ap-southeast"])];
        let cut = map(&settings, geo(&[]), &rows);
        check(&cut, "10.1.2.3", &format!("10.1.0.0/16 ap={reason}"));
        check(&cut, "10.2.2.3", &format!("10.2.0.0/15 {order}"));
    }
}

#[test]
fn ipv6_is_learned_like_ipv4() {
    let network = "2001:db8:1:200::/56";
    let rows = [row(network, "ap-southeast", 20, 9), row(network, "us-east", 90, 9)];
    let map = map(&domain(LEARNED), geo(&[]), &rows);
    let expect = "2001:db8:1:200::/56 ap=learned_latency us=learned_latency eu=geo_fallback";
    check(&map, "2001:db8:1:2ff::7", expect);
    assert_eq!(map.block("2001:db8:1:300::7".parse().unwrap()).1, subnet("2001:db8:1:300::/56"));
}

/// A network of few distinct bits, so that networks nest, touch and repeat often.
fn network() -> impl Strategy<Value = Subnet> {
    (0u32..64, 24u8..=32)
        .prop_map(|(low, length)| Subnet::of(IpAddr::V4((0x0a00_0000 | low << 2).into()), length))
}

const NAMES: [&str; 4] = ["eu-west", "us-east", "ap-southeast", "elsewhere"];
const CODES: [&str; 4] = ["DE", "US", "SG", "FR"];

fn region() -> impl Strategy<Value = Region> {
    (0..NAMES.len()).prop_map(|i| NAMES[i].parse().unwrap())
}

fn country() -> impl Strategy<Value = Country> {
    (0..CODES.len()).prop_map(|i| CODES[i].parse().unwrap())
}

fn few<T: std::fmt::Debug>(one: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    proptest::collection::vec(one, 0..5)
}

fn any_row() -> impl Strategy<Value = Row> {
    // Times around the limit, with ties; samples around what counts.
    (network(), region(), 1u64..6, 3u64..8).prop_map(|(subnet, region, time, samples)| {
        row_of(subnet, region, Rtt::from_us(time * 75_000 + 1).unwrap(), samples)
    })
}

fn any_constraint() -> impl Strategy<Value = Constraint> {
    let regions = proptest::collection::vec(region(), 0..3);
    (proptest::collection::vec(network(), 0..2), few(country()), regions).prop_map(
        |(networks, mut countries, regions)| {
            countries.truncate(1);
            Constraint { networks, countries, regions }
        },
    )
}

fn any_algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![
        4 => Just(LEARNED),
        2 => Just(Algorithm::Geolocation),
        1 => Just(Algorithm::RoundRobin),
        1 => Just(Algorithm::Latency { max_latency_ms: None }),
    ]
}

/// All that a random map is made of.
#[derive(Debug)]
struct World {
    settings: DomainSettings,
    countries: Vec<(Subnet, Country)>,
    custom: Vec<(Subnet, Region)>,
    rows: Vec<Row>,
}

fn world() -> impl Strategy<Value = World> {
    let countries = few((network(), country()));
    let custom = few((network(), region()));
    let rows = proptest::collection::vec(any_row(), 0..12);
    (any_algorithm(), few(any_constraint()), countries, custom, rows).prop_map(
        |(algorithm, constraints, countries, custom, mut rows)| {
            // The table has one row for a network and region.
            rows.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
            rows.dedup_by(|a, b| (a.0, &a.1) == (b.0, &b.1));
            let mut settings = DomainSettings { constraints, ..domain(algorithm) };
            settings.learning.exploration.is_enabled = true;
            World { settings, countries, custom, rows }
        },
    )
}

impl World {
    fn map(&self) -> DomainMap {
        let mapping = |(subnet, region): &(Subnet, Region)| CustomMapping {
            subnet: *subnet,
            region: region.clone(),
            comment: None,
        };
        let custom: Vec<CustomMapping> = self.custom.iter().map(mapping).collect();
        map(&self.settings, Geo::from_countries(&self.countries, &custom).unwrap(), &self.rows)
    }

    /// What a client's ranking should be, the slow way: region, reason.
    fn ranking(&self, client: IpAddr) -> Vec<(Region, Reason)> {
        let country = longest(&self.countries, client);
        let custom = longest(&self.custom, client);
        let constraint = self.settings.constraints.iter().find(|constraint| {
            constraint.networks.iter().any(|subnet| subnet.contains(client))
                || country.is_some_and(|country| constraint.countries.contains(country))
        });
        let mut regions: Vec<_> = self.settings.regions.iter().collect();
        if let Some(constraint) = constraint {
            regions.retain(|region| constraint.regions.contains(&region.name));
        }
        let near = |region: &&crate::RegionSettings| {
            let continent = country.and_then(|country| country.continent());
            let claims = [
                custom == Some(&region.name),
                country.is_some_and(|country| region.countries.contains(country)),
                continent.is_some_and(|continent| region.continents.contains(&continent)),
                self.settings.default_region.as_ref() == Some(&region.name),
            ];
            claims.iter().position(|claim| *claim).unwrap_or(claims.len())
        };
        match self.settings.algorithm {
            Algorithm::RoundRobin => named(&regions, Reason::RoundRobin),
            Algorithm::Latency { .. } => named(&regions, Reason::LatencyUnknown),
            Algorithm::Geolocation => {
                regions.sort_by_key(near);
                named(&regions, Reason::Geolocation)
            }
            // What was learned is judged elsewhere; who may be chosen is not.
            _ => named(&regions, Reason::GeoFallback),
        }
    }
}

fn named(regions: &[&crate::RegionSettings], reason: Reason) -> Vec<(Region, Reason)> {
    regions.iter().map(|region| (region.name.clone(), reason)).collect()
}

fn longest<T>(entries: &[(Subnet, T)], client: IpAddr) -> Option<&T> {
    let covering = entries.iter().filter(|(subnet, _)| subnet.contains(client));
    covering.max_by_key(|(subnet, _)| subnet.length()).map(|(_, value)| value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn blocks_are_truthful_widest_and_never_overlap(world in world()) {
        let map = world.map();
        let clients: Vec<IpAddr> =
            (0..300u32).map(|low| IpAddr::V4((0x0a00_0000 + low).into())).collect();
        let blocks: Vec<Subnet> = clients.iter().map(|client| map.block(*client).1).collect();
        for (client, block) in clients.iter().zip(&blocks) {
            let (ranking, _) = map.block(*client);
            let found: Vec<(Region, Reason)> = ranking
                .regions()
                .iter()
                .map(|ranked| (map.region_name(ranked.region).unwrap().clone(), ranked.reason))
                .collect();
            let expect = world.ranking(*client);
            if world.settings.algorithm == LEARNED {
                let regions = |list: &[(Region, Reason)]| {
                    list.iter().map(|(region, _)| region.clone()).collect::<BTreeSet<_>>()
                };
                prop_assert_eq!(regions(&found), regions(&expect), "{}", client);
                let tried = ranking.trials().iter().map(|trial| map.region_name(trial.region));
                let tried: Vec<Option<&Region>> = tried.collect();
                let is_other = |tried: &Option<&Region>| {
                    found.iter().skip(1).any(|(region, _)| Some(region) == *tried)
                };
                prop_assert!(tried.iter().all(is_other), "{:?}", tried);
            } else {
                prop_assert_eq!(found, expect, "{}", client);
            }
            let ours = |other: &IpAddr| block.contains(*other);
            for (other, their_block) in clients.iter().zip(&blocks) {
                // Inside: the same block and the same ranking. Outside: a block apart.
                prop_assert_eq!(ours(other), block == their_block);
                prop_assert!(!ours(other) || map.block(*other).0 == ranking);
            }
            // The next wider network would hold somebody who ranks otherwise.
            // Unless it tries something, and is as wide as may be.
            let is_cut = !ranking.trials().is_empty() && block.length() == 16;
            if let Some(length) = block.length().checked_sub(1).filter(|_| !is_cut) {
                let wider = Subnet::of(*client, length);
                let beyond = [wider.address(), wider.last()];
                let probes = clients.iter().chain(&beyond).filter(|at| wider.contains(**at));
                prop_assert!(probes.into_iter().any(|at| map.block(*at).0 != ranking));
            }
        }
    }
}
