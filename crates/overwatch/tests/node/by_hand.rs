//! What operators do by hand about routing, from the word to the answer.

use dns::RecordType;
use model::Subnet;
use overwatch::{Command, Event, HandOrder, Objection, Reload, Said, Worker};

use crate::bench::{Bench, connections};
use crate::settings::{APP, EU, SG, ip, key_of, parsed};
use crate::wire::Question;

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
        assert_eq!(self.overwatch.objection(&command, &Said::default(), self.now), None);
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
    assert!(matches!(
        bench.overwatch.objection(&again, &Said::default(), bench.now),
        Some(Objection::Hand(_))
    ));
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
fn the_last_that_serves_is_named_though_it_is_drained_and_an_explanation_says_so() {
    let mut bench = demo();
    bench.command(crate::bench::drained(key_of(APP, EU), 1_000));
    bench.advance(1_000);
    assert_eq!(bench.steer(CLIENT).0, [ip(SG)]);
    assert!(bench.why(CLIENT).contains("has only servers that are being drained"));
    bench.stop("sg");
    assert_eq!(bench.steer(CLIENT), (vec![ip(EU)], "draining".to_owned()));
    let why = bench.why(CLIENT);
    assert!(why.contains("its servers are being drained, and no other one serves"), "{why}");
    // An operator's word that it is up does not take back that it is drained.
    let is_up = HandOrder::Override { backend: key_of(APP, EU), is_up: Some(true) };
    bench.by_hand(is_up);
    assert_eq!(bench.steer(CLIENT), (vec![ip(EU)], "draining".to_owned()));
}

#[test]
fn who_is_over_the_limit_and_may_not_leave_is_told_why() {
    let mut bench = demo();
    bench.by_hand(HandOrder::Freeze { domain: APP.to_owned(), is_frozen: true });
    for _ in 0..15 {
        bench.observe("eu", connections(CLIENT, 400, 20));
        bench.advance(61_000);
    }
    assert_eq!(bench.steer(CLIENT), (vec![ip(EU)], "learned_over_limit".to_owned()));
    let why = bench.why(CLIENT);
    assert!(
        why.contains("over max_latency_ms, and the client is to leave it but waits (frozen)"),
        "{why}"
    );
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

fn said(reason: &str, for_ms: Option<u64>) -> Said {
    Said { by: "deploy".to_owned(), reason: Some(reason.to_owned()), for_ms }
}

/// What was said last, as the list of changes and the log have it.
fn last(bench: &mut Bench) -> [String; 2] {
    let audit = bench.overwatch.audit();
    let line = audit.lines.first().unwrap();
    let reason = line.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let in_list = format!("{}, by {}{reason}", line.what, line.by.clone().unwrap());
    let notes = bench.take_notes();
    let is_word = |note: &&overwatch::Note| matches!(note, overwatch::Note::Commanded { .. });
    [in_list, notes.iter().rfind(is_word).unwrap().to_string()]
}

#[test]
fn an_override_says_who_and_why_and_ends_by_itself() {
    let mut bench = demo();
    let down = HandOrder::Override { backend: key_of(APP, EU), is_up: Some(false) };
    bench.command_as(Command::Hand(down), said("disk is full", Some(5_000)));
    let line = format!(
        "backend {} is overridden to down, for 5 s, by deploy: disk is full",
        key_of(APP, EU)
    );
    assert_eq!(last(&mut bench), [line.clone(), line]);
    assert_eq!(bench.standing(EU), "unhealthy");
    assert_eq!(bench.steer(CLIENT).0, [ip(SG)]);
    // It is kept with all that was said of it.
    bench.advance(2_000);
    bench.restart_overwatch();
    assert_eq!(bench.standing(EU), "unhealthy");
    let row = bench.kept.hand.values().next().unwrap();
    assert_eq!((row.by.as_deref(), row.reason.as_deref()), (Some("deploy"), Some("disk is full")));
    bench.connect("eu");
    bench.connect("sg");
    bench.advance(2_000);
    assert_eq!(bench.standing(EU), "unhealthy");
    bench.advance(1_000);
    assert_eq!(bench.standing(EU), "healthy");
    let line = format!(
        "backend {} is no longer overridden: its time is over, by its own end",
        key_of(APP, EU)
    );
    assert_eq!(last(&mut bench), [line.clone(), line]);
    assert!(bench.kept.hand.is_empty());
    // What takes something back does not end, and a reason is a line.
    let clear = Command::Hand(HandOrder::Override { backend: key_of(APP, EU), is_up: None });
    let refused = |command: &Command, said: &Said| {
        bench.overwatch.objection(command, said, bench.now).is_some()
    };
    assert!(refused(&clear, &said("", Some(1))));
    assert!(refused(&Command::Revoke(parsed("eu")), &said("", Some(1))));
    assert!(refused(&clear, &said("a\nb", None)));
    assert!(refused(&clear, &said(&"x".repeat(501), None)));
    assert!(!refused(&clear, &said("done", None)), "what is not so can be said not to be so");
}

#[test]
fn a_server_is_drained_by_steps() {
    let mut bench = Bench::with(|settings| {
        settings.domains[0].algorithm = routing::Algorithm::Weighted;
        for address in ["10.2.1.50", "10.2.1.51"] {
            let (key, region) = (key_of(APP, address), parsed("eu-west"));
            let backend = model::Backend { key, region, weight: 100 };
            settings.backends.push(overwatch::ConfiguredBackend { backend, check: None });
        }
    });
    let share = |bench: &mut Bench| {
        let (mut worker, question) = (Worker::new(None), Question::new(APP, RecordType::A));
        let mut ask = |_| bench.ask_worker(&mut worker, &question, CLIENT).0.addresses;
        (0..300).map(&mut ask).filter(|addresses| *addresses == [ip("10.2.1.50")]).count()
    };
    bench.advance(1_000);
    assert_eq!(share(&mut bench), 150);
    let backend = key_of(APP, "10.2.1.50");
    let empty = |permille, over_ms| {
        Command::Hand(HandOrder::Empty { backend: backend.clone(), permille, over_ms })
    };
    bench.command_as(empty(1_000, 10_000), said("upgrade", None));
    bench.advance(5_000);
    // Half of its weight: 50 of 150.
    assert_eq!(share(&mut bench), 100);
    assert_eq!(bench.standing("10.2.1.50"), "healthy");
    bench.advance(4_000);
    assert!((20..40).contains(&share(&mut bench)));
    bench.advance(1_000);
    assert_eq!((share(&mut bench), bench.standing("10.2.1.50").as_str()), (0, "draining"));
    // Back by steps, too; and then nothing is said of it any more.
    bench.command_as(empty(0, 10_000), said("upgraded", None));
    bench.advance(5_000);
    assert_eq!(share(&mut bench), 100);
    bench.advance(6_000);
    assert_eq!(share(&mut bench), 150);
    assert!(bench.kept.hand.is_empty(), "{:?}", bench.kept.hand);
}

#[test]
fn what_an_earlier_release_kept_of_servers_counts() {
    let mut bench = demo();
    for row in bench.kept.backends.values_mut() {
        row.override_ = (row.backend.key == key_of(APP, EU)).then_some(false);
        row.is_draining = row.backend.key == key_of(APP, SG);
    }
    bench.restart_overwatch();
    assert_eq!(bench.standing(EU), "unhealthy");
    assert_eq!(bench.standing(SG), "draining");
    let clear = Command::Hand(HandOrder::Override { backend: key_of(APP, EU), is_up: None });
    bench.command(clear);
    bench.restart_overwatch();
    assert_ne!(bench.standing(EU), "unhealthy", "what was taken back does not come back");
}

#[test]
fn an_agent_that_is_gone_can_be_forgotten() {
    let mut bench = demo();
    let forget = Command::Forget(parsed("eu"));
    let objection = bench.overwatch.objection(&forget, &Said::default(), bench.now);
    assert_eq!(objection, Some(Objection::IsThere));
    bench.command(Command::Revoke(parsed("eu")));
    bench.command(forget);
    assert_eq!(bench.kept.pins.len(), 1);
    assert_eq!(bench.overwatch.agent_list(bench.now).agents.len(), 1);
    // Its name is free: whoever proves the secrets comes in as at the first time.
    bench.connect("eu");
    assert_eq!(bench.standing(EU), "healthy");
}
