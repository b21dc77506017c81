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
    // All the traffic there is has just moved: more than ten minutes' share.
    bench.pass(10 * MINUTE_MS);
    assert_eq!(bench.first("10.1.2.9"), "eu-west learned_latency");
}

#[test]
fn of_those_over_the_limit_a_part_moves_in_a_minute() {
    moves_part_by_part(&mut Bench::of(limited()), [45, 60]);
}
