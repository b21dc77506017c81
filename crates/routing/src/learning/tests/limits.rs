//! Who leaves a region that is over `max_latency_ms`, and when.

use super::*;

fn limited() -> DomainSettings {
    domain(Algorithm::LearnedLatency { max_latency_ms: Some(50), min_samples: 5 })
}

#[test]
fn frozen_nobody_leaves_a_region_over_the_limit() {
    let mut bench = Bench::of(limited());
    bench.measure("10.1.2.0/24", "eu-west", 40, 100);
    bench.pass(1_000);
    assert_eq!(bench.first("10.1.2.9"), "eu-west learned_latency");
    bench.hand(|hand| hand.is_frozen = true);
    bench.measure("10.1.2.0/24", "eu-west", 60, 100);
    bench.pass(HOUR_MS);
    assert_eq!(bench.first("10.1.2.9"), "eu-west learned_over_limit");
    bench.hand(|hand| hand.is_frozen = false);
    assert_eq!(bench.first("10.1.2.9"), "us-east geo_fallback");
    // Where it is it stays for the dwell time, whatever is measured there.
    bench.measure("10.1.2.0/24", "us-east", 70, 100);
    bench.measure("10.1.2.0/24", "eu-west", 30, 100);
    bench.pass(4 * MINUTE_MS);
    assert_eq!(bench.first("10.1.2.9"), "us-east learned_over_limit");
    bench.pass(MINUTE_MS);
    assert_eq!(bench.first("10.1.2.9"), "eu-west learned_latency");
}

#[test]
fn of_those_over_the_limit_a_part_moves_in_a_minute() {
    let networks: Vec<String> = (0..100).map(|i| format!("10.{i}.2.0/24")).collect();
    let mut bench = Bench::of(limited());
    let everybody = |bench: &mut Bench, eu: u64, us: u64| {
        for network in &networks {
            bench.measure(network, "eu-west", eu, 10);
            bench.measure(network, "us-east", us, 10);
        }
    };
    let at_us = |bench: &Bench| {
        let clients = (0..100).map(|i| bench.first(&format!("10.{i}.2.9")));
        clients.filter(|first| first.starts_with("us-east")).count()
    };
    everybody(&mut bench, 90, 20);
    bench.pass(1_000);
    assert_eq!(at_us(&bench), 100, "after a start all may move at once");
    bench.pass(10 * MINUTE_MS);
    everybody(&mut bench, 45, 60);
    bench.pass(1_000);
    let after_saving = 100 - at_us(&bench);
    assert!((50..=52).contains(&after_saving), "ten minutes' moves: {after_saving}");
    for minute in 1..=5 {
        bench.pass(MINUTE_MS);
        let moved = 100 - at_us(&bench) - after_saving;
        assert!(moved.abs_diff(5 * minute) <= 2, "minute {minute}: {moved}");
    }
}
