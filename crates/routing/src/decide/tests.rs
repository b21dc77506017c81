//! Whole decisions, as a client, a log line and a second family see them.

use proptest::prelude::*;

use super::*;
use crate::fixture::{LEARNED, NOW, constraint, domain, geo, map, pool, row, rtt};
use crate::{DomainSettings, NonePolicy, Server};
use health::Standing;

/// The decision as a log line would tell it.
fn told(settings: &DomainSettings, client: &str, change: impl FnMut(&mut Server)) -> String {
    let rows = [
        row("10.1.2.0/24", "eu-west", 85, 150),
        row("10.1.2.0/24", "ap-southeast", 220, 150),
        row("11.1.3.0/24", "us-east", 400, 150),
    ];
    let map = map(settings, geo(&[]), &rows);
    let pool = pool(settings, change);
    let decision = decide(&map, &pool, client.parse().unwrap(), 0, NOW);
    let time = |rtt: Option<Rtt>| rtt.map_or("-".into(), |rtt| rtt.to_string());
    let region = decision.region.map_or("-", |region| region.as_str());
    let mut text = format!("{} {region} {}", decision.reason, time(decision.rtt()));
    text += &format!(" in {} not", decision.scope);
    for other in decision.runners_up() {
        text += &format!(" {}:{}:{}", other.region, time(other.rtt), other.reason);
    }
    text
}

fn down(regions: &'static [&'static str]) -> impl FnMut(&mut Server) {
    move |server| {
        if regions.contains(&server.region.as_str()) {
            server.standing = Standing::Down;
        }
    }
}

#[test]
fn a_decision_tells_its_reason_time_block_and_runners_up() {
    let settings = domain(LEARNED);
    assert_eq!(
        told(&settings, "10.1.2.9", down(&[])),
        "learned_latency eu-west 85.0ms in 10.1.2.0/24 \
         not ap-southeast:220.0ms:learned_latency us-east:-:geo_fallback"
    );
    assert_eq!(
        told(&settings, "12.1.2.9", down(&[])),
        "geo_fallback ap-southeast - in 12.0.0.0/8 not us-east:-:geo_fallback eu-west:-:geo_fallback"
    );
}

#[test]
fn when_a_region_falls_the_next_one_takes_over_in_the_same_block() {
    let settings = domain(LEARNED);
    assert_eq!(
        told(&settings, "10.1.2.9", down(&["eu-west"])),
        "learned_latency ap-southeast 220.0ms in 10.1.2.0/24 \
         not eu-west:85.0ms:learned_latency us-east:-:geo_fallback"
    );
    assert_eq!(
        told(&settings, "10.1.2.9", down(&["eu-west", "ap-southeast"])),
        "geo_fallback us-east - in 10.1.2.0/24 \
         not eu-west:85.0ms:learned_latency ap-southeast:220.0ms:learned_latency"
    );
}

#[test]
fn a_region_over_the_limit_is_taken_where_nothing_else_is_up() {
    let settings = domain(LEARNED);
    assert_eq!(
        told(&settings, "11.1.3.9", down(&["eu-west", "ap-southeast"])),
        "learned_over_limit us-east 400.0ms in 11.1.3.0/24 \
         not eu-west:-:geo_fallback ap-southeast:-:geo_fallback"
    );
}

#[test]
fn not_even_the_policy_leaves_the_allowed_regions() {
    let mut settings = domain(LEARNED);
    settings.none_healthy = NonePolicy::All;
    settings.constraints =
        vec![constraint(&["SG"], &["ap-southeast"]), constraint(&["13.0.0.0/8"], &[])];
    assert_eq!(
        told(&settings, "12.1.2.9", down(&["ap-southeast"])),
        "all_servers ap-southeast - in 12.0.0.0/8 not"
    );
    assert_eq!(told(&settings, "13.1.2.9", down(&[])), "none_allowed - - in 13.0.0.0/8 not");
}

#[test]
fn active_latency_tells_the_time_it_went_by() {
    let settings = domain(Algorithm::Latency { max_latency_ms: None });
    let timed = |server: &mut Server| {
        server.connect_rtt = (server.region.as_str() == "us-east").then(|| rtt(7));
    };
    assert_eq!(
        told(&settings, "10.1.1.1", timed),
        "latency us-east 7.0ms in 0.0.0.0/0 \
         not eu-west:-:latency_unknown ap-southeast:-:latency_unknown"
    );
}

fn any_algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![
        Just(LEARNED),
        Just(Algorithm::Geolocation),
        Just(Algorithm::Latency { max_latency_ms: Some(100) }),
        Just(Algorithm::RoundRobin),
        Just(Algorithm::Weighted),
        Just(Algorithm::Failover),
    ]
}

fn any_policy() -> impl Strategy<Value = NonePolicy> {
    prop_oneof![Just(NonePolicy::LastHealthy), Just(NonePolicy::Servfail), Just(NonePolicy::All)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// What must hold of every decision, whatever the health of the twelve servers.
    #[test]
    fn a_decision_is_kept_whatever_happens(
        algorithm in any_algorithm(),
        none_healthy in any_policy(),
        standings in proptest::collection::vec(0usize..6, 12),
        turn in any::<u64>(),
        forbidden in any::<bool>(),
    ) {
        let mut settings = DomainSettings { none_healthy, ..domain(algorithm) };
        if forbidden {
            settings.constraints = vec![constraint(&["11.0.0.0/8"], &["eu-west", "us-east"])];
        }
        let mut standings = standings.into_iter();
        let pool = pool(&settings, |server| {
            let number = standings.next().unwrap();
            server.standing = [Standing::Up, Standing::Doubtful, Standing::Draining]
                .get(number)
                .copied()
                .unwrap_or(Standing::Down);
            server.weight = if number == 5 { 0 } else { 100 };
        });
        let map = map(&settings, geo(&[]), &[row("11.1.2.0/24", "ap-southeast", 20, 9)]);
        let has = |region: Option<&Region>, standing: Standing| {
            pool.servers().iter().any(|server| {
                region.is_none_or(|region| server.region == *region)
                    && (!forbidden || server.region.as_str() != "ap-southeast")
                    && server.standing == standing
                    && server.weight > 0
            })
        };
        for client in ["11.1.2.3", "11.200.0.1"] {
            let decision = decide(&map, &pool, client.parse().unwrap(), turn, NOW);
            prop_assert!(decision.scope.contains(client.parse().unwrap()));
            let named: Vec<&Server> =
                decision.ipv4.servers(2).chain(decision.ipv6.servers(2)).collect();
            // One region, never a forbidden one, each family in its own list.
            prop_assert!(named.iter().all(|server| Some(&server.region) == decision.region));
            prop_assert!(named.iter().all(|server| server.weight > 0));
            prop_assert!(decision.ipv4.servers(2).all(|server| server.address.is_ipv4()));
            prop_assert!(decision.ipv6.servers(2).all(|server| server.address.is_ipv6()));
            prop_assert_eq!(decision.region.is_none(), named.is_empty());
            let forbidden_region = decision.region.map(Region::as_str) == Some("ap-southeast");
            prop_assert!(!(forbidden && forbidden_region));
            // While anything allowed is up, a region that is up is named, and only healthy servers.
            let healthy = [Standing::Up, Standing::Doubtful];
            match healthy.into_iter().find(|standing| has(None, *standing)) {
                Some(best) => {
                    prop_assert!(has(decision.region, best));
                    prop_assert!(named.iter().all(|server| healthy.contains(&server.standing)));
                }
                None if has(None, Standing::Draining) => {
                    prop_assert_eq!(decision.reason, Reason::Draining);
                    prop_assert!(named.iter().all(|one| one.standing == Standing::Draining));
                }
                None => prop_assert!(matches!(
                    decision.reason,
                    Reason::LastHealthy | Reason::AllServers | Reason::NoneHealthy
                )),
            }
            // The whole block is decided alike at the same turn.
            for other in [decision.scope.address(), decision.scope.last()] {
                let theirs = decide(&map, &pool, other, turn, NOW);
                prop_assert_eq!(theirs.scope, decision.scope);
                prop_assert_eq!(theirs.reason, decision.reason);
                prop_assert_eq!(theirs.region, decision.region);
            }
        }
    }
}
