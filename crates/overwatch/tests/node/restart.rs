//! What a restart of the overwatch keeps, and what comes back by itself: the agents need no touch.

use dns::RecordType;

use crate::bench::{Bench, connections, drained, outcome};
use crate::settings::{self, APP, EU, SG, ip, key_of, tcp_check};
use crate::wire::Question;

/// The demo, learned: from 10.1.2.0/24 West Europe is nearer.
fn learned() -> Bench {
    let mut bench = Bench::demo();
    bench.observe("eu", connections("10.1.2.7", 85, 10));
    bench.observe("sg", connections("10.1.2.7", 220, 10));
    bench.advance(31_000);
    assert_eq!(bench.steer("10.1.2.7"), (vec![ip(EU)], "learned_latency".to_owned()));
    bench
}

#[test]
fn the_first_query_is_answered_by_geography_and_learning_comes_back_with_the_agents() {
    // Down for no time at all, for 1 s and for 60 s.
    for down_ms in [0, 1_000, 60_000] {
        let mut bench = learned();
        bench.now = bench.now.plus_ms(down_ms);
        bench.restart_overwatch();
        assert_eq!(bench.learned(), [], "the table is cleared");
        // Nobody is back: geography says ap-southeast.
        let (answer, reason) = bench.ask(&Question::new(APP, RecordType::A), "10.1.2.7");
        assert_eq!((answer.head.as_str(), reason.as_str()), ("NOERROR aa", "geo_fallback"));
        assert_eq!(answer.addresses, [ip(SG)], "after {down_ms} ms");
        // The agents come back by themselves within seconds and tell all they know at once.
        bench.advance(3_000);
        bench.connect("eu");
        bench.connect("sg");
        bench.advance(1_000);
        assert_eq!(bench.steer("10.1.2.7"), (vec![ip(EU)], "learned_latency".to_owned()));
        assert_eq!(bench.standing(EU), "healthy");
        let joined =
            bench.hosts["eu"].notes.iter().filter(|note| note.to_string().contains("whole"));
        assert_eq!(joined.count(), 2, "it starts from nothing each time");
    }
}

#[test]
fn agents_that_never_come_back_leave_the_answers_to_the_policy_but_no_servfail() {
    let mut bench = learned();
    bench.restart_overwatch();
    for _ in 0..120 {
        let (answer, _) = bench.ask(&Question::new(APP, RecordType::A), "10.1.2.7");
        assert_eq!((answer.head.as_str(), answer.addresses.len()), ("NOERROR aa", 1));
        bench.advance(1_000);
    }
    assert_eq!(bench.steer("10.1.2.7").1, "last_healthy");
    // And in the end they are forgotten.
    bench.advance(3_700_000);
    assert_eq!(bench.standings(), []);
    assert!(bench.kept.backends.is_empty() && bench.kept.health.is_empty(), "{:?}", bench.kept);
}

#[test]
fn pins_last_verdicts_and_operators_words_are_kept() {
    let mut bench = Bench::with(|settings| settings.checks.enabled = true);
    for (name, region, address, key) in [("eu", "eu-west", EU, 1), ("sg", "ap-southeast", SG, 2)] {
        let mut settings = settings::agent(name, region, address);
        settings.offers[0].check = Some(tcp_check());
        bench.start(settings, address, key);
        bench.connect(name);
    }
    let (eu, sg) = (key_of(APP, EU), key_of(APP, SG));
    bench.checked(&eu, true);
    bench.checked(&sg, false);
    let pins = bench.kept.pins.clone();
    assert_eq!(pins.len(), 2);
    bench.restart_overwatch();
    assert_eq!(bench.watched.len(), 2, "both are checked again");
    // The last verdicts stand until there are new ones.
    assert_eq!(bench.standing(EU), "healthy");
    assert_eq!(bench.standing(SG), "unhealthy");
    let lines = bench.take_notes().into_iter().map(|note| note.to_string());
    let lines: Vec<String> = lines.filter(|line| line.contains("was unhealthy")).collect();
    assert_eq!(
        lines.len(),
        1,
        "what did not change over the restart is not told as news: {lines:?}"
    );
    // An operator's words stand, too; what a drained backend was before is not known any more.
    bench.command(drained(eu.clone(), 1_000));
    bench.restart_overwatch();
    assert_eq!(bench.standing(EU), "draining");
    bench.command(drained(eu.clone(), 0));
    assert_eq!(bench.standing(EU), "doubtful");
    bench.checked(&eu, true);
    assert_eq!(bench.standing(EU), "healthy");
    // A name belongs to its key, also after a restart.
    bench.connect("eu");
    assert_eq!(bench.kept.pins, pins);
}

/// One agent that has not checked its backend yet.
fn unchecked() -> Bench {
    let mut bench = Bench::new();
    let mut settings = settings::agent("eu", "eu-west", EU);
    settings.offers[0].check = Some(tcp_check());
    bench.start(settings, EU, 1);
    bench.connect("eu");
    bench
}

#[test]
fn what_was_down_by_its_agents_word_does_not_come_back_because_nobody_sees_it() {
    let mut bench = unchecked();
    assert_eq!(bench.standing(EU), "unhealthy", "not yet checked by its agent");
    bench.restart_overwatch();
    assert_eq!(bench.standing(EU), "unhealthy");
    let event = agent::Event::Checked { backend: key_of(APP, EU), outcome: outcome(true) };
    bench.tell_agent("eu", event);
    bench.connect("eu");
    assert_eq!(bench.standing(EU), "healthy");
}

#[test]
fn a_backend_that_left_the_configuration_is_forgotten() {
    let mut bench = Bench::with(|settings| {
        let backend = model::Backend {
            key: key_of(APP, "10.2.1.50"),
            region: settings::parsed("eu-west"),
            weight: 100,
        };
        settings.backends.push(overwatch::ConfiguredBackend { backend, check: None });
    });
    assert_eq!(bench.standing("10.2.1.50"), "healthy");
    bench.settings.backends.clear();
    bench.restart_overwatch();
    assert_eq!(bench.standing("10.2.1.50"), "unknown");
    assert!(bench.kept.backends.is_empty(), "{:?}", bench.kept.backends);
}

#[test]
fn nothing_is_written_for_what_did_not_change() {
    let mut bench = unchecked();
    bench.advance(5_000);
    bench.kept_changes = 0;
    bench.observe("eu", connections("10.1.2.7", 85, 10));
    bench.advance(120_000);
    assert_eq!(bench.kept_changes, 0, "heartbeats, reports and time cost no write");
    let event = agent::Event::Checked { backend: key_of(APP, EU), outcome: outcome(true) };
    bench.tell_agent("eu", event);
    bench.run();
    assert_eq!(bench.kept_changes, 1, "its health, and nothing else");
}
