//! Explanations beside the decisions they explain.

use std::collections::BTreeMap;
use std::sync::Arc;

use health::Standing;
use proptest::prelude::*;

use super::*;
use crate::fixture::{LEARNED, NOW, Row, constraint, domain, geo, pool, row, rtt, subnet};
use crate::{DomainSettings, Drain, HandWork, Server, Source};

const REGIONS: [&str; 3] = ["eu-west", "us-east", "ap-southeast"];

/// A domain with all that an explanation reads.
struct World {
    learning: Learning,
    map: DomainMap,
    pool: ServerPool,
}

impl World {
    fn new(settings: DomainSettings, rows: &[Row], hand: HandWork, pool: ServerPool) -> Self {
        let settings = Arc::new(settings);
        let mut learning = Learning::new(&settings, &Arc::new(geo(&[])));
        learning.report(REGIONS.iter().map(|name| name.parse().unwrap()).collect());
        learning.set_hand_work(hand);
        learning
            .take(rows.iter().map(|(network, region, row)| (*network, region.clone(), Some(*row))));
        assert!(learning.is_due(NOW));
        learning.compile(NOW);
        let map = learning.map();
        Self { learning, map, pool }
    }

    fn explain(&self, client: &str) -> Explanation<'_> {
        explain(&self.learning, &self.map, &self.pool, client.parse().unwrap(), NOW)
    }

    /// Each candidate as `region[*] reason -excluded ?untried`, and what it is judged as.
    fn told(&self, client: &str) -> String {
        let story = self.explain(client);
        let mut text = format!("{} in {}:", story.decision.reason, story.decision.scope);
        for candidate in &story.candidates {
            text += &format!(" {}", candidate.region);
            text += if candidate.is_chosen { "*" } else { "" };
            if let Some(excluded) = candidate.excluded {
                text += &format!(" -{}", excluded.as_str());
            }
            if let Some(untried) = candidate.outlook.and_then(|outlook| outlook.untried) {
                text += &format!(" ?{}", untried.as_str());
            }
        }
        text
    }
}

fn exploring() -> DomainSettings {
    let mut settings = domain(LEARNED);
    settings.learning.exploration.is_enabled = true;
    settings
}

fn rows() -> Vec<Row> {
    vec![
        row("10.1.2.0/24", "eu-west", 85, 150),
        row("10.1.2.0/24", "ap-southeast", 220, 150),
        row("10.1.3.0/24", "eu-west", 400, 150),
    ]
}

#[test]
fn each_region_says_what_speaks_against_it() {
    let check = |settings: DomainSettings, change: fn(&mut Server), client: &str, expect: &str| {
        let pool = pool(&settings, change);
        let world = World::new(settings, &rows(), HandWork::default(), pool);
        assert_eq!(world.told(client), expect);
    };
    let down = |server: &mut Server| {
        if server.region.as_str() == "eu-west" {
            server.standing = Standing::Down;
        }
    };
    let doubtful = |server: &mut Server| match server.region.as_str() {
        "eu-west" => server.standing = Standing::Doubtful,
        "us-east" => server.standing = Standing::Draining,
        _ => {}
    };
    check(
        exploring(),
        |_| {},
        "10.1.2.9",
        "learned_latency in 10.1.2.0/24: eu-west* ?held ap-southeast ?not_promising us-east",
    );
    check(
        exploring(),
        down,
        "10.1.2.9",
        "learned_latency in 10.1.2.0/24: eu-west -no_server_up ?held ap-southeast* ?not_promising us-east",
    );
    check(
        domain(LEARNED),
        doubtful,
        "10.1.2.9",
        "learned_latency in 10.1.2.0/24: eu-west -doubtful ?held ap-southeast* ?exploration_off \
         us-east -servers_draining ?exploration_off",
    );
    check(
        exploring(),
        |_| {},
        "10.1.3.9",
        "geo_fallback in 10.1.3.0/24: us-east* ?held ap-southeast ?nothing_to_beat \
         eu-west -over_max_latency ?over_max_latency",
    );
    let mut forbidden = domain(Algorithm::Geolocation);
    forbidden.constraints = vec![constraint(&["DE"], &["us-east"])];
    check(
        forbidden,
        |_| {},
        "10.1.2.9",
        "geolocation in 10.0.0.0/8: us-east* eu-west -constraint ap-southeast -constraint",
    );
}

#[test]
fn estimates_have_their_interval_source_samples_and_own_row() {
    let world = World::new(exploring(), &rows(), HandWork::default(), pool(&exploring(), |_| {}));
    let story = world.explain("10.1.2.9");
    let learned = story.learned.unwrap();
    assert_eq!(learned.judged, Judged::Network(subnet("10.1.2.0/24")));
    let own = story.candidates[0].outlook.unwrap();
    assert_eq!((own.belief.source, own.is_learned), (Source::OwnSubnet, true));
    assert_eq!(own.belief.own.map(|row| row.rtt), Some(rtt(85)));
    let (low, high) = own.interval_us;
    assert!(low < own.belief.rtt_us && own.belief.rtt_us < high, "{own:?}");
    let hold = learned.hold.unwrap();
    let below = own.belief.rtt_us - 3_000;
    assert_eq!((hold.region, hold.leaves_below_us, hold.waits), (0, Some(below), None));
    assert_eq!(learned.exploration.off, None);
    assert!(learned.exploration.slot_ends > NOW);
    // A neighbour without rows, and somebody else.
    let judged = |client: &str| world.explain(client).learned.unwrap().judged;
    assert_eq!(judged("10.1.14.1"), Judged::Around(subnet("10.1.0.0/20")));
    assert_eq!(judged("10.1.16.1"), Judged::Around(subnet("10.1.0.0/16")));
    assert_eq!(judged("10.77.16.1"), Judged::Class);
}

#[test]
fn a_pin_beats_what_is_learned_and_whatever_else_a_domain_goes_by() {
    use crate::Algorithm::{Failover, Geolocation, Latency, RoundRobin, Weighted};
    let algorithms =
        [Failover, Geolocation, Latency { max_latency_ms: None }, RoundRobin, Weighted];
    for algorithm in algorithms.into_iter().chain([LEARNED]) {
        let settings = domain(algorithm);
        let network = subnet("10.1.2.0/25");
        let pins = vec![(network, "ap-southeast".parse().unwrap())];
        let hand = HandWork { pins, ..HandWork::default() };
        let servers = pool(&settings, |_| {});
        let mut world = World::new(settings.clone(), &rows(), hand, servers);
        let story = world.explain("10.1.2.9");
        assert_eq!(story.decision.reason, Reason::Pinned, "{algorithm:?}");
        assert_eq!(story.decision.region.unwrap().as_str(), "ap-southeast");
        assert_eq!(story.decision.scope, network);
        assert_eq!(story.pin.unwrap().0, network);
        assert_ne!(world.explain("10.1.2.200").decision.reason, Reason::Pinned);
        assert!(!world.learning.is_due(NOW), "{algorithm:?}: nothing is new");
        // It is down, or the pin is taken back.
        let pinned_down = pool(&settings, |server| {
            if server.region.as_str() == "ap-southeast" {
                server.standing = Standing::Down;
            }
        });
        let at_first = std::mem::replace(&mut world.pool, pinned_down);
        assert_ne!(world.explain("10.1.2.9").decision.region.unwrap().as_str(), "ap-southeast");
        world.pool = at_first;
        world.learning.set_hand_work(HandWork::default());
        assert!(world.learning.is_due(NOW) && world.learning.compile(NOW), "{algorithm:?}");
        world.map = world.learning.map();
        assert_ne!(world.explain("10.1.2.9").decision.reason, Reason::Pinned);
    }
}

#[test]
fn a_resolver_is_decided_by_its_clients() {
    let at = |weights: [u32; 2]| {
        let clients =
            vec![(subnet("11.1.2.0/24"), weights[0]), (subnet("11.9.2.0/24"), weights[1])];
        let resolvers = BTreeMap::from([(subnet("10.5.5.53/32"), clients)]);
        let hand = HandWork { resolvers, ..HandWork::default() };
        let near = |network: &str, near: &str, far: &str| {
            [row(network, near, 10, 500), row(network, far, 60, 500)]
        };
        let rows =
            [near("11.1.2.0/24", "eu-west", "us-east"), near("11.9.2.0/24", "us-east", "eu-west")];
        let settings = domain(LEARNED);
        let pool = pool(&settings, |_| {});
        World::new(settings, rows.as_flattened(), hand, pool)
    };
    for (weights, expect) in [([9, 1], "eu-west"), ([1, 9], "us-east")] {
        let world = at(weights);
        let story = world.explain("10.5.5.53");
        assert_eq!(
            story.decision.region.unwrap().as_str(),
            expect,
            "{:?}",
            world.told("10.5.5.53")
        );
        assert_eq!(story.decision.scope, subnet("10.5.5.53/32"));
        assert_eq!(story.decision.reason, Reason::LearnedLatency);
        let learned = story.learned.unwrap();
        assert_eq!(learned.judged, Judged::Clients(subnet("10.5.5.53/32")));
        assert!(learned.outlooks.iter().any(|outlook| outlook.belief.source == Source::Clients));
        // Its neighbour is nobody's resolver.
        assert_eq!(world.explain("10.5.5.54").decision.reason, Reason::GeoFallback);
    }
    assert_eq!(at([0, 0]).explain("10.5.5.53").decision.reason, Reason::GeoFallback);
}

#[test]
fn a_pin_to_doubtful_servers_is_not_said_to_be_left() {
    let hand = HandWork {
        pins: vec![(subnet("10.1.1.0/24"), "us-east".parse().unwrap())],
        ..HandWork::default()
    };
    let settings = domain(LEARNED);
    let pool = pool(&settings, |server| {
        if server.region.as_str() == "us-east" {
            server.standing = Standing::Doubtful;
        }
    });
    let world = World::new(settings, &[], hand, pool);
    let story = world.explain("10.1.1.5");
    assert_eq!(story.decision.region.unwrap().as_str(), "us-east");
    let chosen = story.candidates.iter().find(|candidate| candidate.is_chosen).unwrap();
    assert_eq!(chosen.excluded, None);
}

fn hand() -> impl Strategy<Value = HandWork> {
    let pin = proptest::option::of(("10\\.1\\.[0-3]\\.0/24", 0..3usize));
    (pin, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(pin, frozen, off, resolver)| {
        let pins =
            pin.map(|(network, region)| (subnet(&network), REGIONS[region].parse().unwrap()));
        let clients = vec![(subnet("10.1.2.0/24"), 3), (subnet("11.1.2.0/24"), 1)];
        HandWork {
            pins: pins.into_iter().collect(),
            resolvers: resolver.then_some((subnet("10.1.1.0/28"), clients)).into_iter().collect(),
            is_frozen: frozen,
            is_not_exploring: off,
        }
    })
}

fn some_rows() -> impl Strategy<Value = Vec<Row>> {
    let row_of =
        (0..4u8, 0..3usize, 1..450u64, 1..60u64).prop_map(|(third, region, ms, samples)| {
            row(&format!("10.1.{third}.0/24"), REGIONS[region], ms, samples)
        });
    proptest::collection::vec(row_of, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// What an explanation says leads to the decision, and the decision is the query's own.
    #[test]
    fn an_explanation_is_of_the_decision(
        rows in some_rows(),
        hand in hand(),
        standings in proptest::collection::vec(0..4usize, 12),
        drained in proptest::collection::vec(0..1_001u16, 3),
        is_constrained in any::<bool>(),
        third in 0..6u8,
        after_ms in 0..120_000u64,
    ) {
        let mut settings = exploring();
        if is_constrained {
            settings.constraints = vec![constraint(&["10.1.0.0/20"], &["eu-west", "us-east"])];
        }
        let mut standings = standings.into_iter();
        let all = [Standing::Up, Standing::Up, Standing::Doubtful, Standing::Down];
        let drains = REGIONS.iter().zip(drained).map(|(name, to_permille)| {
            let drain = Drain { from_permille: 0, to_permille, began: NOW, over_ms: 60_000 };
            (name.parse().unwrap(), drain)
        });
        let pool = pool(&settings, |server| server.standing = all[standings.next().unwrap()])
            .drained(&settings, &drains.collect());
        let world = World::new(settings, &rows, hand, pool);
        let (client, now) = (format!("10.1.{third}.5").parse().unwrap(), NOW.plus_ms(after_ms));
        let story = explain(&world.learning, &world.map, &world.pool, client, now);
        let decision = decide(&world.map, &world.pool, client, 0, now);
        prop_assert_eq!(story.decision.region, decision.region);
        prop_assert_eq!(story.decision.scope, decision.scope);
        prop_assert_eq!((story.decision.reason, story.decision.ttl_s), (decision.reason, decision.ttl_s));
        prop_assert_eq!(story.candidates.len(), 3);
        let chosen = story.candidates.iter().find(|candidate| candidate.is_chosen);
        prop_assert_eq!(chosen.map(|candidate| candidate.region), decision.region);
        let learned = story.learned.as_ref().unwrap();
        if decision.reason == Reason::Exploration {
            let tried = learned.exploration.this_slot.map(usize::from);
            prop_assert_eq!(tried, decision.region_place());
        } else {
            let hard = |candidate: &&Candidate<'_>| {
                candidate.excluded.is_none_or(|excluded| excluded == Excluded::OverLimit)
            };
            let first = story.candidates.iter().find(hard);
            if let Some(first) = first {
                prop_assert_eq!(Some(first.region), decision.region);
            } else {
                // Whatever is left, then: never what is forbidden.
                let excluded = chosen.and_then(|candidate| candidate.excluded);
                prop_assert!(excluded != Some(Excluded::Constraint));
            }
        }
        // Tried is what the block tries, and nothing else.
        let of = learned.outlooks.iter().map(|outlook| (outlook.region, outlook.untried.is_none()));
        let tried: Vec<u16> = of.filter(|(_, is_tried)| *is_tried).map(|(region, _)| region).collect();
        let (ranking, _) = world.map.block(client);
        let mut trials: Vec<u16> = ranking.trials().iter().map(|trial| trial.region).collect();
        let by_geography = |region: &u16| learned.outlooks.iter().position(|o| o.region == *region);
        trials.sort_by_key(by_geography);
        prop_assert_eq!(tried, trials);
    }
}
