//! What a domain learns over time: who moves, who stays, who tries what.

use std::collections::BTreeMap;
use std::net::IpAddr;

use latency::RegionEstimate;
use model::Rtt;
use proptest::prelude::*;

use super::*;
use crate::fixture::{LEARNED, NOW, constraint, domain, geo, pool, subnet};
use crate::{Reason, decide};

mod limits;
mod switches;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// A domain's learning, a clock, and the rows as they are.
struct Bench {
    learning: Learning,
    now: Time,
    samples: BTreeMap<(Subnet, Region), u64>,
}

impl Bench {
    /// Nothing is explored.
    fn new() -> Self {
        Self::of(domain(LEARNED))
    }

    /// Exploring, with agents everywhere.
    fn exploring() -> Self {
        Self::of(exploring())
    }

    fn of(settings: DomainSettings) -> Self {
        let (settings, geo) = (Arc::new(settings), Arc::new(geo(&[])));
        let mut bench =
            Self { learning: Learning::new(&settings, &geo), now: NOW, samples: BTreeMap::new() };
        bench.report(&["eu-west", "us-east", "ap-southeast"]);
        bench
    }

    fn report(&mut self, regions: &[&str]) {
        self.learning.report(regions.iter().map(|name| name.parse().unwrap()).collect());
    }

    /// So many more connections of a network were measured at a region.
    fn measure(&mut self, network: &str, region: &str, ms: u64, more: u64) {
        let key = (subnet(network), region.parse::<Region>().unwrap());
        let samples = self.samples.entry(key.clone()).or_default();
        *samples += more;
        let row = RegionEstimate {
            rtt: Rtt::from_us(ms * 1000).unwrap(),
            deviation_us: 1_000,
            samples: *samples,
            observed_at: self.now,
            agents: 1,
        };
        self.learning.take([(key.0, key.1, Some(row))]);
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
        self.learning.compile(self.now);
    }

    /// The first region of a client's ranking and its reason.
    fn first(&self, client: &str) -> String {
        let map = self.learning.map();
        let first = map.block(client.parse().unwrap()).0.regions()[0];
        format!("{} {}", map.region_name(first.region).unwrap(), first.reason)
    }

    /// What a client's block tries.
    fn tries(&self, client: &str) -> Vec<String> {
        let map = self.learning.map();
        let (ranking, _) = map.block(client.parse().unwrap());
        let name = |trial: Trial| map.region_name(trial.region).unwrap().to_string();
        map.trials(ranking).map(name).collect()
    }

    fn hand(&mut self, change: impl FnOnce(&mut HandWork)) {
        let mut hand = self.learning.hand.clone();
        change(&mut hand);
        self.learning.set_hand_work(hand);
        self.pass(1_000);
    }
}

fn exploring() -> DomainSettings {
    let mut settings = domain(LEARNED);
    settings.learning.exploration.is_enabled = true;
    settings
}

#[test]
fn a_network_stays_while_times_wobble_and_moves_when_another_is_surely_better() {
    let mut bench = Bench::new();
    for round in 0..50 {
        // 2 ms to and fro, below the margin of 3 ms.
        bench.measure("10.1.2.0/24", "eu-west", 30 + round % 2 * 2, 10);
        bench.measure("10.1.2.0/24", "us-east", 31 - round % 2 * 2, 10);
        bench.pass(10_000);
        assert_eq!(bench.first("10.1.2.9"), "eu-west learned_latency", "{round}");
    }
    assert_eq!(bench.learning.counters().moved, 0);
    bench.measure("10.1.2.0/24", "us-east", 20, 10);
    bench.pass(10_000);
    assert_eq!(bench.first("10.1.2.9"), "us-east learned_latency");
    assert_eq!(bench.learning.counters().moved, 1);
    // Having moved it stays for the dwell time, whatever it measures.
    bench.measure("10.1.2.0/24", "us-east", 90, 10);
    bench.pass(4 * MINUTE_MS);
    assert_eq!(bench.first("10.1.2.9"), "us-east learned_latency");
    bench.pass(MINUTE_MS);
    assert_eq!(bench.first("10.1.2.9"), "eu-west learned_latency");
}

#[test]
fn a_cell_that_nothing_comes_of_lets_rounds_pass_until_there_is_news() {
    let mut bench = Bench::new();
    bench.measure("10.1.2.0/24", "eu-west", 30, 100);
    bench.pass(1_000);
    let base = bench.learning.baseline.map.get("10.1.2.0".parse().unwrap()).0;
    let mut concerned = Vec::new();
    bench.learning.cells.concerned(subnet("10.1.2.0/24"), base, &mut concerned);
    let [own, narrow, ..] = concerned[..] else { panic!("{concerned:?}") };
    // How many rounds it lets pass before its turn, of which nothing comes.
    let passes = |bench: &mut Bench, id: CellId| {
        let passed = (0..99).take_while(|_| !bench.learning.cells.has_turn(id)).count();
        bench.learning.cells.list[id as usize].was_looked_at(true);
        passed
    };
    bench.learning.cells.wake_all();
    for expect in [0, 1, 3, 7, 7] {
        assert_eq!([passes(&mut bench, own), passes(&mut bench, narrow)], [expect; 2]);
    }
    // Seen again is no news.
    bench.measure("10.1.2.0/24", "eu-west", 30, 100);
    bench.learning.work_off(bench.now);
    assert!(bench.learning.todo.is_empty());
    assert_eq!(passes(&mut bench, narrow), 7);
    // Another time is: for the network at once, for those around it soon.
    bench.measure("10.1.2.0/24", "eu-west", 31, 100);
    bench.learning.work_off(bench.now);
    assert_eq!(bench.learning.todo.iter().collect::<Vec<_>>(), [&own]);
    assert_eq!(passes(&mut bench, narrow), 6);
    // What an operator switches waits for no round.
    bench.hand(|hand| hand.is_frozen = true);
    bench.learning.look_at_all();
    assert_eq!([passes(&mut bench, own), passes(&mut bench, narrow)], [0; 2]);
}

/// A hundred networks are better off at a region, then at the other one, in `then` milliseconds at each: there
/// they come a part in each minute.
fn moves_part_by_part(bench: &mut Bench, then: [u64; 2]) {
    let networks: Vec<String> = (0..100).map(|i| format!("10.{i}.2.0/24")).collect();
    let everybody = |bench: &mut Bench, [eu, us]: [u64; 2]| {
        for network in &networks {
            bench.measure(network, "eu-west", eu, 10);
            bench.measure(network, "us-east", us, 10);
        }
        bench.pass(1_000);
    };
    let at_us = |bench: &Bench| {
        let clients = (0..100).map(|i| bench.first(&format!("10.{i}.2.9")));
        clients.filter(|first| first.starts_with("us-east")).count()
    };
    everybody(bench, [90, 20]);
    assert_eq!(at_us(bench), 100, "after a start all may move at once");
    bench.pass(10 * MINUTE_MS);
    everybody(bench, then);
    let after_saving = 100 - at_us(bench);
    assert!((50..=52).contains(&after_saving), "ten minutes' moves: {after_saving}");
    for minute in 1..=5 {
        bench.pass(MINUTE_MS);
        let moved = 100 - at_us(bench) - after_saving;
        assert!(moved.abs_diff(5 * minute) <= 2, "minute {minute}: {moved}");
    }
}

#[test]
fn only_a_part_of_the_traffic_moves_in_a_minute() {
    let mut bench = Bench::new();
    moves_part_by_part(&mut bench, [20, 90]);
    assert!(bench.learning.counters().moves_put_off > 0);
}

#[test]
fn frozen_nothing_moves_and_nothing_is_tried() {
    let mut bench = Bench::exploring();
    bench.measure("10.1.2.0/24", "eu-west", 90, 10);
    bench.pass(1_000);
    assert!(!bench.tries("10.1.2.9").is_empty());
    bench.hand(|hand| hand.is_frozen = true);
    bench.measure("10.1.2.0/24", "us-east", 20, 10);
    bench.pass(HOUR_MS);
    assert_eq!(bench.first("10.1.2.9"), "eu-west learned_latency");
    assert!(bench.tries("10.1.2.9").is_empty());
    bench.hand(|hand| hand.is_frozen = false);
    assert_eq!(bench.first("10.1.2.9"), "us-east learned_latency");
}

#[test]
fn a_pin_beats_the_learning_and_no_constraint() {
    let mut settings = exploring();
    settings.constraints = vec![constraint(&["10.2.0.0/16"], &["eu-west", "us-east"])];
    let mut bench = Bench::of(settings);
    bench.measure("10.1.2.0/24", "eu-west", 20, 10);
    bench.measure("10.2.2.0/24", "eu-west", 90, 10);
    bench.pass(1_000);
    let pin = |network: &str| (subnet(network), "ap-southeast".parse().unwrap());
    bench.hand(|hand| hand.pins = vec![pin("10.1.0.0/16"), pin("10.2.0.0/16")]);
    for client in ["10.1.2.9", "10.1.99.9"] {
        assert_eq!(bench.first(client), "ap-southeast pinned");
        assert!(bench.tries(client).is_empty());
    }
    assert_eq!(bench.first("10.2.2.9"), "eu-west learned_latency");
    assert!(!bench.tries("10.2.2.9").is_empty());
    bench.hand(|hand| hand.pins.clear());
    assert_eq!(bench.first("10.1.2.9"), "eu-west learned_latency");
    assert_eq!(bench.first("10.1.99.9"), "eu-west geo_fallback");
}

#[test]
fn what_is_tried_is_allowed_and_has_an_agent_and_stops_at_the_switch() {
    let mut settings = exploring();
    settings.constraints = vec![constraint(&["10.2.0.0/16"], &["eu-west", "us-east"])];
    let mut bench = Bench::of(settings);
    for network in ["10.1.2.0/24", "10.2.2.0/24"] {
        bench.measure(network, "eu-west", 90, 10);
    }
    bench.pass(1_000);
    assert_eq!(bench.tries("10.1.2.9"), ["us-east", "ap-southeast"]);
    assert_eq!(bench.tries("10.2.2.9"), ["us-east"], "the constraint");
    bench.report(&["eu-west", "ap-southeast"]);
    bench.pass(1_000);
    assert_eq!(bench.tries("10.1.2.9"), ["ap-southeast"], "nobody measures at us-east");
    assert_eq!(bench.tries("10.2.2.9"), [""; 0]);
    bench.hand(|hand| hand.is_not_exploring = true);
    assert_eq!(bench.tries("10.1.2.9"), [""; 0], "the switch");
    assert!(Bench::new().tries("10.1.2.9").is_empty());
}

#[test]
fn what_is_down_or_drained_is_not_tried() {
    let mut bench = Bench::exploring();
    bench.measure("10.1.2.0/24", "eu-west", 90, 10);
    bench.pass(1_000);
    let (map, client) = (bench.learning.map(), "10.1.2.9".parse::<IpAddr>().unwrap());
    let explored = |standing: health::Standing| {
        let pool = pool(map.settings(), |server| {
            if server.region.as_str() != "eu-west" {
                server.standing = standing;
            }
        });
        let slots = (0..2_000).map(|slot| bench.now.plus_ms(slot * MINUTE_MS));
        let decisions = slots.map(|now| (now, decide(&map, &pool, client, 0, now)));
        let explored = decisions.filter(|(_, decision)| decision.reason == Reason::Exploration);
        explored
            .map(|(now, decision)| {
                let left_s = 60 - now.unix_ms() % MINUTE_MS / 1_000;
                assert!(u64::from(decision.ttl_s) <= left_s, "{} {left_s}", decision.ttl_s);
                assert_ne!(decision.region.unwrap().as_str(), "eu-west");
            })
            .count()
    };
    assert!(explored(health::Standing::Up) > 20);
    for standing in [health::Standing::Doubtful, health::Standing::Draining, health::Standing::Down]
    {
        assert_eq!(explored(standing), 0, "{standing:?}");
    }
}

#[test]
fn exploring_finds_the_better_region_and_stops_once_it_is_known() {
    let mut bench = Bench::exploring();
    bench.measure("10.1.2.0/24", "eu-west", 90, 10);
    bench.pass(1_000);
    bench.measure("10.1.2.0/24", "us-east", 20, 10);
    bench.measure("10.1.2.0/24", "ap-southeast", 300, 10);
    bench.pass(1_000);
    assert_eq!(bench.first("10.1.2.9"), "us-east learned_latency");
    assert_eq!(bench.learning.counters().found, 1);
    assert!(bench.tries("10.1.2.9").is_empty(), "{:?}", bench.tries("10.1.2.9"));
    // Every connection goes to us-east now; what was known of the others grows old.
    let mut hours = 0;
    while bench.tries("10.1.2.9").is_empty() {
        hours += 1;
        assert!(hours < 24 * 60, "never again");
        bench.measure("10.1.2.0/24", "us-east", 20, 10);
        bench.pass(HOUR_MS);
    }
    assert!(hours > 1, "{hours}");
}

#[test]
fn what_is_never_measured_is_given_up() {
    let mut bench = Bench::exploring();
    bench.measure("10.1.2.0/24", "eu-west", 90, 10);
    bench.pass(1_000);
    let mut minutes = 0;
    while bench.learning.counters().given_up < 2 {
        minutes += 1;
        assert!(minutes < 4_000, "{:?}", bench.learning.counters());
        bench.measure("10.1.2.0/24", "eu-west", 90, 100);
        bench.pass(MINUTE_MS);
    }
    assert!(bench.tries("10.1.2.9").is_empty());
    let explored = bench.learning.counters().explored_connections;
    assert!((60..2_000).contains(&explored), "{explored}");
    bench.measure("10.1.2.0/24", "eu-west", 90, 100);
    bench.pass(24 * HOUR_MS);
    assert!(!bench.tries("10.1.2.9").is_empty(), "a day later");
}

#[test]
fn the_first_day_spends_no_more_than_the_budget() {
    let mut bench = Bench::exploring();
    let mut shares = Vec::new();
    for minute in 0..24 * 60 {
        for network in ["10.1.2.0/24", "11.1.2.0/24"] {
            bench.measure(network, "eu-west", 90, 10);
            bench.measure(network, "us-east", 90, 10);
        }
        // Always something left to learn: nobody measures ap-southeast.
        bench.learning.cells.list.iter_mut().for_each(|cell| cell.attempts = None);
        bench.pass(MINUTE_MS);
        if minute > 0 {
            shares.push(bench.learning.explored_share());
        }
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!((0.006..=0.0101).contains(&mean), "{mean}");
    assert!(shares[10] > 0.015, "a cold start spends faster: {}", shares[10]);
}

#[test]
fn what_some_have_no_use_for_is_spent_by_others() {
    let mut bench = Bench::exploring();
    // Each is near another region: they say little of somebody else.
    for i in 0..20 {
        let network = format!("10.{i}.2.0/24");
        let near = ["eu-west", "us-east", "ap-southeast"][i % 3];
        for region in ["eu-west", "us-east", "ap-southeast"] {
            bench.measure(&network, region, if region == near { 20 } else { 250 }, 100);
        }
    }
    bench.measure("11.1.2.0/24", "us-east", 90, 100);
    bench.pass(1_000);
    bench.pass(1_000);
    let map = bench.learning.map();
    let share: f64 = map
        .block("11.1.2.9".parse().unwrap())
        .0
        .trials()
        .iter()
        .map(|trial| f64::from(trial.share) / 65_536.0)
        .sum();
    assert!((0.04..=0.0625).contains(&share), "up to a part of its slots: {share}");
}

#[test]
fn after_a_restart_geography_answers_until_two_regions_are_back() {
    let mut bench = Bench::new();
    bench.pass(0);
    assert_eq!(bench.first("12.1.2.9"), "ap-southeast geo_fallback");
    bench.measure("12.1.2.0/24", "eu-west", 165, 40);
    bench.pass(1_000);
    assert_eq!(bench.first("12.1.2.9"), "ap-southeast geo_fallback");
    bench.measure("12.1.2.0/24", "ap-southeast", 180, 40);
    bench.pass(1_000);
    assert_eq!(bench.first("12.1.2.9"), "eu-west learned_latency", "at once, nobody waits");
}

#[test]
fn a_network_that_is_new_stays_where_its_neighbours_are() {
    let mut bench = Bench::new();
    for i in 0..8 {
        bench.measure(&format!("10.1.{i}.0/24"), "eu-west", 90, 40);
        bench.measure(&format!("10.1.{i}.0/24"), "us-east", 20, 40);
    }
    bench.pass(1_000);
    assert_eq!(bench.first("10.1.9.9"), "us-east learned_latency");
    bench.measure("10.1.9.0/24", "us-east", 21, 1);
    bench.pass(1_000);
    assert!(bench.first("10.1.9.9").starts_with("us-east"));
}

#[test]
fn what_few_neighbours_say_is_no_reason_to_leave() {
    let mut bench = Bench::new();
    // Two neighbours say that the near region is far; this network was never measured there.
    for i in 0..2 {
        bench.measure(&format!("10.1.{i}.0/24"), "eu-west", 300, 40);
        bench.measure(&format!("10.1.{i}.0/24"), "us-east", 20, 40);
    }
    bench.measure("10.1.9.0/24", "us-east", 21, 40);
    for _ in 0..10 {
        bench.pass(MINUTE_MS);
    }
    assert!(bench.first("10.1.9.9").starts_with("eu-west"), "{}", bench.first("10.1.9.9"));
    // Its own connections say so.
    bench.measure("10.1.9.0/24", "eu-west", 290, 1);
    bench.pass(MINUTE_MS);
    assert_eq!(bench.first("10.1.9.9"), "us-east learned_latency");
}

#[test]
fn no_answer_is_kept_into_a_trial() {
    let mut bench = Bench::exploring();
    bench.measure("10.1.2.0/24", "eu-west", 90, 40);
    bench.pass(1_000);
    let (map, pool) = (bench.learning.map(), pool(&bench.learning.settings, |_| {}));
    let client = "10.1.2.9".parse().unwrap();
    let at = |ms: u64| decide(&map, &pool, client, 0, NOW.plus_ms(ms));
    let slot_ms = map.settings().learning.exploration.slot_ms;
    let offset_ms = NOW.unix_ms() % slot_ms;
    let tries = |slot: u64| at(slot * slot_ms - offset_ms).reason == Reason::Exploration;
    let before = |slot: u64| at(slot * slot_ms - offset_ms - 10_000).ttl_s;
    let whole_s = map.settings().ttl_s;
    assert!(whole_s > 10, "or there is nothing to shorten");
    let (mut cut, mut left) = (0, 0);
    for slot in (2..2_000).filter(|slot| !tries(slot - 1)) {
        let expect = if tries(slot) { 10 } else { whole_s };
        assert_eq!(before(slot), expect, "{slot}");
        *if tries(slot) { &mut cut } else { &mut left } += 1;
    }
    assert!(cut > 5 && left > 1_000, "{cut} {left}");
}

#[test]
fn a_map_is_made_when_something_changed_and_is_new_only_then() {
    let mut bench = Bench::new();
    assert!(bench.learning.is_due(bench.now));
    assert!(bench.learning.compile(bench.now));
    assert!(!bench.learning.is_due(bench.now.plus_ms(1_000)));
    bench.measure("10.1.2.0/24", "eu-west", 90, 10);
    assert!(bench.learning.is_due(bench.now.plus_ms(1_000)));
    assert!(bench.learning.compile(bench.now.plus_ms(1_000)));
    // The same once more says nothing new.
    bench.measure("10.1.2.0/24", "eu-west", 90, 0);
    assert!(!bench.learning.compile(bench.now.plus_ms(1_000)));
    assert!(bench.learning.is_due(bench.now.plus_ms(1_000 + LOOK_EVERY_MS)), "rows grow old");
}

/// A thousand networks, each with a range.
fn many() -> Bench {
    let mut bench = Bench::new();
    for network in 0..1_000 {
        // Neighbours are as far as can be from where the other is near.
        let (eu, us) = if network % 2 == 0 { (20, 300) } else { (300, 20) };
        let network = format!("10.1{}.{}.0/24", network >> 8, network & 255);
        bench.measure(&network, "eu-west", eu, 99);
        bench.measure(&network, "us-east", us, 99);
    }
    bench.pass(1_000);
    bench
}

/// Also where an agent came meanwhile, and the map that says so had to be told at once.
#[test]
fn what_is_judged_and_not_yet_in_the_map_is_behind_and_comes_to_it_after_the_pause() {
    let mut bench = many();
    let (pause_ms, _) = rounds::pauses_ms(bench.learning.made.blocks.len());
    assert!(pause_ms > 0, "{pause_ms}");
    assert!(!bench.learning.is_behind());
    bench.report(&["eu-west", "us-east"]);
    bench.measure("10.10.0.0/24", "eu-west", 300, 9_999);
    bench.measure("10.10.0.0/24", "us-east", 20, 9_999);
    assert!(bench.learning.is_behind() && bench.learning.is_due(bench.now));
    bench.pass(0);
    assert_eq!(bench.first("10.10.0.9"), "eu-west learned_latency");
    assert!(bench.learning.is_behind());
    assert!(!bench.learning.is_due(bench.now.plus_ms(pause_ms - 1)));
    assert!(bench.learning.is_due(bench.now.plus_ms(pause_ms)));
    bench.pass(pause_ms);
    assert_eq!(bench.first("10.10.0.9"), "us-east learned_latency");
    assert!(!bench.learning.is_behind());
}

#[test]
fn rows_wait_for_each_other_and_what_an_operator_did_for_nothing() {
    let mut bench = many();
    let (pause_ms, rows_pause_ms) = rounds::pauses_ms(bench.learning.made.blocks.len());
    assert!(rows_pause_ms > pause_ms + 100, "{rows_pause_ms}");
    let is_due_after = |bench: &Bench, ms: u64| bench.learning.is_due(bench.now.plus_ms(ms));
    assert!(!is_due_after(&bench, rows_pause_ms), "nothing is new");
    bench.measure("10.10.0.0/24", "us-east", 200, 99);
    assert!(!is_due_after(&bench, rows_pause_ms - 1));
    assert!(is_due_after(&bench, rows_pause_ms));
    bench.learning.set_hand_work(HandWork { is_frozen: true, ..HandWork::default() });
    assert!(is_due_after(&bench, 0));
}

/// Rows of few networks, that nest and touch, of both families.
fn rows() -> impl Strategy<Value = Vec<(Subnet, usize, u64, u64)>> {
    let network = (0u32..32, 20u8..=28, any::<bool>()).prop_map(|(low, length, is_v4)| {
        let address = if is_v4 {
            IpAddr::V4((0x0a00_0000 + (low << 10)).into())
        } else {
            IpAddr::V6(((0x2001_0db8 << 96) + (u128::from(low) << 80)).into())
        };
        Subnet::of(address, if is_v4 { length } else { length * 2 })
    });
    proptest::collection::vec((network, 0usize..3, 1u64..300, 1u64..50), 0..20)
}

fn learned(rows: &[(Subnet, usize, u64, u64)]) -> Bench {
    let mut bench = Bench::exploring();
    for (network, region, ms, samples) in rows {
        let region = ["eu-west", "us-east", "ap-southeast"][*region];
        bench.measure(&network.to_string(), region, *ms, *samples);
        bench.pass(1_000);
    }
    bench
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What a resolver caches by scope is true for everybody in it, also while some explore.
    #[test]
    fn scopes_never_overlap_and_hold_for_all_in_them(rows in rows(), minute in 0u64..10_000) {
        let bench = learned(&rows);
        let map = bench.learning.map();
        let pool = pool(map.settings(), |_| {});
        let now = bench.now.plus_ms(minute * MINUTE_MS);
        let v4 = (0..160u32).map(|i| IpAddr::V4((0x0a00_0000 + i * 211).into()));
        let v6 = (0..80u32).map(|i| {
            IpAddr::V6(((0x2001_0db8 << 96) + (u128::from(i) << 78)).into())
        });
        let clients: Vec<IpAddr> = v4.chain(v6).collect();
        let decisions: Vec<_> =
            clients.iter().map(|client| decide(&map, &pool, *client, 0, now)).collect();
        for (client, ours) in clients.iter().zip(&decisions) {
            prop_assert!(ours.scope.contains(*client));
            prop_assert_eq!(ours.scope, map.block(*client).1);
            if ours.reason == Reason::Exploration {
                let widest = if client.is_ipv4() { 16 } else { 32 };
                prop_assert!(ours.scope.length() >= widest);
            }
            for (other, theirs) in clients.iter().zip(&decisions) {
                prop_assert_eq!(ours.scope.contains(*other), ours.scope == theirs.scope);
                if ours.scope == theirs.scope {
                    prop_assert_eq!((ours.region, ours.reason), (theirs.region, theirs.reason));
                    prop_assert_eq!(ours.ttl_s, theirs.ttl_s);
                }
            }
        }
    }

    /// Two overwatches that heard the same decide the same, in every slot.
    #[test]
    fn maps_made_apart_explore_alike(rows in rows()) {
        let (here, there) = (learned(&rows), learned(&rows));
        let (here_map, there_map) = (here.learning.map(), there.learning.map());
        let pool = pool(here_map.settings(), |_| {});
        for slot in 0..300 {
            let now = here.now.plus_ms(slot * MINUTE_MS);
            for client in ["10.0.8.9", "10.0.20.1", "2001:db8:5::1"] {
                let client = client.parse().unwrap();
                let ours = decide(&here_map, &pool, client, 0, now);
                let theirs = decide(&there_map, &pool, client, 7, now);
                prop_assert_eq!((ours.region, ours.reason), (theirs.region, theirs.reason));
                prop_assert_eq!((ours.scope, ours.ttl_s), (theirs.scope, theirs.ttl_s));
            }
        }
    }
}
