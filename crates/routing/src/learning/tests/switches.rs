//! What operators switch is off at once, and judging who comes to it stops nobody.

use super::*;

const JUDGED_MAX: usize = 100;

fn network(i: usize) -> String {
    format!("10.{}.{}.0/24", i / 250, i % 250)
}

/// A thousand networks that try something. No map judges more than a few of them.
fn crowd() -> Bench {
    let mut bench = Bench::exploring();
    (0..1_000).for_each(|i| bench.measure(&network(i), "eu-west", 90, 10));
    bench.pass(1_000);
    bench.learning.rounds.judged_max = JUDGED_MAX;
    assert_eq!(trying(&bench), 1_000);
    bench
}

/// How many of them try something, as a query is told.
fn trying(bench: &Bench) -> usize {
    (0..1_000).filter(|i| !bench.tries(&network(*i).replace("0/24", "9")).is_empty()).count()
}

/// How many cells would, as they were judged last.
fn would_try(bench: &Bench) -> usize {
    let cells = 0..bench.learning.cells.list.len() as CellId;
    cells.filter(|id| bench.learning.made.trying(*id) > 0.0).count()
}

#[test]
fn nothing_is_tried_once_that_is_switched_off_whoever_was_judged() {
    let off: [fn(&mut HandWork); 2] =
        [|hand| hand.is_frozen = true, |hand| hand.is_not_exploring = true];
    for off in off {
        let mut bench = crowd();
        let before = would_try(&bench);
        bench.hand(off);
        assert_eq!(trying(&bench), 0);
        assert!(before - would_try(&bench) <= JUDGED_MAX, "{}", would_try(&bench));
        assert_eq!(bench.learning.explored_share(), 0.0);
        let client = "10.1.7.9".parse().unwrap();
        let (map, pool) = (bench.learning.map(), pool(&bench.learning.settings, |_| {}));
        for slot in 0..500 {
            let now = bench.now.plus_ms(slot * MINUTE_MS);
            let decision = decide(&map, &pool, client, 0, now);
            assert_eq!((decision.reason, decision.ttl_s), (Reason::LearnedLatency, 60));
        }
        // What was switched on again goes on; who was judged meanwhile comes to it again.
        bench.hand(|hand| *hand = HandWork::default());
        assert!(trying(&bench) >= 1_000 - 2 * JUDGED_MAX, "{}", trying(&bench));
        (0..30).for_each(|_| bench.pass(10_000));
        assert_eq!(trying(&bench), 1_000);
    }
}

#[test]
fn nobody_tries_a_region_once_its_agent_is_gone() {
    let mut bench = crowd();
    let before = would_try(&bench);
    bench.report(&["eu-west"]);
    assert!(bench.learning.is_due(bench.now));
    bench.pass(1_000);
    assert_eq!(trying(&bench), 0);
    assert!(before - would_try(&bench) <= JUDGED_MAX);
    bench.report(&["eu-west", "us-east", "ap-southeast"]);
    bench.pass(1_000);
    assert!(trying(&bench) >= 1_000 - 2 * JUDGED_MAX);
}

#[test]
fn other_settings_are_come_to_part_by_part_and_without_a_pause() {
    let mut bench = crowd();
    let mut settings = exploring();
    settings.algorithm = Algorithm::LearnedLatency { max_latency_ms: Some(300), min_samples: 50 };
    let (settings, geo) = (Arc::new(settings), Arc::clone(&bench.learning.geo));
    bench.learning.succeed(&settings, &geo, Vec::new);
    let learned = |bench: &Bench| {
        let first = |i| bench.first(&network(i).replace("0/24", "9"));
        (0..1_000).filter(|i| first(*i) == "eu-west learned_latency").count()
    };
    let (mut before, mut maps) = (learned(&bench), 0);
    while bench.learning.is_due(bench.now) {
        bench.pass(1_000);
        let now = learned(&bench);
        assert!(before - now <= JUDGED_MAX, "{before} {now}");
        (before, maps) = (now, maps + 1);
        assert!(maps < 20);
    }
    assert_eq!(before, 0, "{maps}");
}

#[test]
fn a_pin_does_not_wait_for_its_turn() {
    let mut bench = crowd();
    for i in [7, 993] {
        let client = network(i).replace("0/24", "9");
        let pin = (subnet(&network(i)), "ap-southeast".parse().unwrap());
        bench.hand(|hand| hand.pins = vec![pin]);
        assert_eq!(bench.first(&client), "ap-southeast pinned");
        // What is measured meanwhile counts as soon as it goes.
        bench.measure(&network(i), "us-east", 20, 10);
        bench.pass(60_000);
        bench.hand(|hand| hand.pins.clear());
        assert_eq!(bench.first(&client), "us-east learned_latency");
    }
}
