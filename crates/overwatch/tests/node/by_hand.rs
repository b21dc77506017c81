//! What operators do by hand about routing, from the word to the answer.

use model::Subnet;
use overwatch::{Command, Event, HandOrder, Objection, Reload};

use crate::bench::{Bench, connections};
use crate::settings::{APP, EU, SG, ip, parsed};

const CLIENT: &str = "10.1.2.7";

fn network() -> Subnet {
    parsed("10.1.2.0/24")
}

/// The demo, with a client that is known to be near Europe.
fn demo() -> Bench {
    let mut bench = Bench::demo();
    bench.observe("eu", connections(CLIENT, 20, 20));
    bench.observe("sg", connections(CLIENT, 250, 20));
    bench.advance(61_000);
    assert_eq!(bench.steer(CLIENT), (vec![ip(EU)], "learned_latency".to_owned()));
    bench
}

impl Bench {
    fn by_hand(&mut self, order: HandOrder) {
        let command = Command::Hand(order);
        assert_eq!(self.overwatch.objection(&command, self.now), None);
        self.command(command);
    }

    fn why(&self, client: &str) -> String {
        let client: Subnet = parsed(client);
        self.overwatch.explanation(APP, client, self.now).unwrap().why
    }
}

fn pin(region: Option<&str>) -> HandOrder {
    let region = region.map(parsed);
    HandOrder::Pin { domain: APP.to_owned(), network: network(), region }
}

fn drain(permille: u16, over_ms: u64) -> HandOrder {
    HandOrder::Drain { region: parsed("eu-west"), permille, over_ms }
}

#[test]
fn a_pin_holds_from_its_word_on_over_a_reload_and_a_restart() {
    let pinned = || (vec![ip(SG)], "pinned".to_owned());
    let mut bench = demo();
    // No time passes between the word and the answer.
    bench.by_hand(pin(Some("ap-southeast")));
    assert_eq!(bench.steer(CLIENT), pinned());
    assert_eq!(bench.why(CLIENT), "Sent to ap-southeast: an operator pinned 10.1.2.0/24 to it.");
    let (mut settings, geo) = (bench.settings.clone(), bench.geo());
    settings.domains[0].regions.reverse();
    bench.tell(Event::Reload(Box::new(Reload { settings: settings.clone(), geo: geo.clone() })));
    bench.run();
    assert_eq!(bench.steer(CLIENT), pinned());
    // A domain that goes and comes back finds its pin.
    let mut without = settings.clone();
    without.domains[0].name = "other.demo.local".to_owned();
    bench.tell(Event::Reload(Box::new(Reload { settings: without, geo: geo.clone() })));
    assert!(!bench.overwatch.pin_list().pins[0].in_effect);
    bench.tell(Event::Reload(Box::new(Reload { settings, geo })));
    assert!(bench.overwatch.pin_list().pins[0].in_effect);
    bench.restart_overwatch();
    bench.advance(1_000);
    assert_eq!(bench.steer(CLIENT).1, "pinned");
    bench.by_hand(pin(None));
    assert_ne!(bench.steer(CLIENT).1, "pinned");
    let again = Command::Hand(pin(None));
    assert!(matches!(bench.overwatch.objection(&again, bench.now), Some(Objection::Hand(_))));
}

#[test]
fn a_drain_goes_by_the_clock_and_is_forgotten_once_it_is_undone() {
    let mut bench = demo();
    bench.by_hand(drain(1_000, 600_000));
    bench.advance(601_000);
    assert_eq!(bench.steer(CLIENT).0, [ip(SG)]);
    assert!(bench.why(CLIENT).contains("eu-west would come before but is drained"));
    bench.by_hand(drain(0, 600_000));
    assert_eq!(bench.steer(CLIENT).0, [ip(SG)]);
    assert_eq!(bench.kept.hand.len(), 1);
    bench.advance(602_000);
    assert_eq!(bench.steer(CLIENT).0, [ip(EU)]);
    assert!(bench.kept.hand.is_empty(), "{:?}", bench.kept.hand);
    assert_eq!(bench.kept.audit.len(), 2);
}

#[test]
fn the_list_of_words_has_an_end() {
    let mut bench = demo();
    for _ in 0..505 {
        bench.by_hand(pin(Some("eu-west")));
        bench.by_hand(pin(None));
    }
    let lines = bench.overwatch.audit().lines;
    assert_eq!((lines.len(), bench.kept.audit.len()), (1_000, 1_000));
    assert!(lines[0].what.ends_with("is no longer pinned"), "{:?}", lines[0]);
    // Numbers go on after a restart.
    bench.restart_overwatch();
    bench.by_hand(pin(Some("eu-west")));
    assert!(bench.overwatch.audit().lines[0].what.ends_with("is pinned to eu-west"));
}

#[test]
fn a_constraint_beats_a_pin_and_both_are_explained() {
    let mut bench = demo();
    let (mut settings, geo) = (bench.settings.clone(), bench.geo());
    settings.domains[0].constraints = vec![routing::Constraint {
        networks: vec![network()],
        countries: Vec::new(),
        regions: vec![parsed("eu-west")],
    }];
    bench.tell(Event::Reload(Box::new(Reload { settings, geo })));
    bench.by_hand(pin(Some("ap-southeast")));
    assert_eq!(bench.steer(CLIENT).0, [ip(EU)]);
    let story = bench.overwatch.explanation(APP, network(), bench.now).unwrap();
    assert!(story.pin.is_some_and(|pin| pin.is_forbidden), "{}", story.why);
    let forbidden = story.candidates.iter().find(|one| one.region == "ap-southeast").unwrap();
    assert_eq!(forbidden.excluded.as_deref(), Some("constraint"));
}
