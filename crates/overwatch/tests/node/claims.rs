//! Names and backends that more than one agent wants: who has them, and who has them next.

use mesh::{AgentIdentity, Frame, KeyHash, RefusalReason};
use overwatch::{Command, Effect, Enrolment, Event, LinkId, Note, Said};

use crate::bench::{Bench, refused};
use crate::refusals::{identity, offer, registration};
use crate::settings::{self, APP, EU, SG, parsed};

/// The agent that speaks for the backend of `eu-west`.
fn holder(bench: &Bench) -> Option<String> {
    let backends = bench.overwatch.backend_list(bench.now).backends.into_iter();
    backends.into_iter().find(|backend| backend.address == EU)?.agent_id
}

#[test]
fn what_another_agent_held_is_granted_once_that_one_has_left() {
    let mut bench = Bench::new();
    for (name, key) in [("first", 1), ("second", 2)] {
        bench.start(settings::agent(name, "eu-west", EU), EU, key);
        bench.connect(name);
    }
    let refusals = |bench: &Bench| {
        let all = &bench.overwatch.counters().refusals;
        (all.get(&RefusalReason::BackendTaken).copied(), bench.hosts["second"].complaints().len())
    };
    bench.advance(120_000);
    assert_eq!(holder(&bench).as_deref(), Some("first"));
    assert_eq!(refusals(&bench), (Some(1), 1), "it is told once");
    bench.stop("first");
    bench.advance(5_000);
    assert_eq!((bench.standing(EU), holder(&bench)), ("healthy".to_owned(), Some("second".into())));
    assert_eq!(refusals(&bench), (Some(1), 1));
    // The first one is back, and is the second now.
    bench.start(settings::agent("first", "eu-west", EU), EU, 1);
    bench.connect("first");
    bench.advance(5_000);
    assert_eq!(holder(&bench).as_deref(), Some("second"));
    bench.cut("second");
    bench.advance(5_000);
    assert_eq!((bench.standing(EU), holder(&bench)), ("healthy".to_owned(), Some("first".into())));
}

#[test]
fn servers_that_were_forgotten_while_their_agent_hung_are_back_with_it() {
    let mut bench = Bench::with(|settings| settings.stale.remove_after_ms = 300_000);
    bench.start_demo();
    let hung = bench.hosts.remove("eu").unwrap();
    bench.advance(400_000);
    assert_eq!(bench.standing(EU), "unknown");
    bench.hosts.insert("eu".to_owned(), hung);
    bench.advance(30_000);
    assert!(bench.is_wired("eu"), "its session was never closed");
    assert_eq!(bench.standing(EU), "healthy");
}

#[test]
fn two_machines_of_one_name_and_key_do_not_fight() {
    let mut bench = Bench::new();
    let mut links: [Option<LinkId>; 2] = [None, None];
    for _ in 0..60 {
        for (number, address) in [EU, "10.2.1.11"].into_iter().enumerate() {
            if links[number].is_some_and(|link| bench.is_open(link)) {
                bench.say(links[number].unwrap(), Frame::Heartbeat);
                continue;
            }
            let epoch = 1_000 + number as u64;
            let (link, said) = bench.join(AgentIdentity { epoch, ..identity("eu") }, address, 1);
            if refused(&said).is_none() {
                bench.say(link, registration("eu-west", vec![offer(APP, EU)]));
            }
            links[number] = Some(link);
        }
        bench.advance(1_000);
    }
    assert_eq!(bench.overwatch.counters().joined, 2);
    assert!(bench.overwatch.counters().refusals[&RefusalReason::AlreadyConnected] > 50);
    let is_told = |note: &Note| {
        matches!(note, Note::Refused { refusal, .. }
            if refusal.reason == RefusalReason::AlreadyConnected)
    };
    assert_eq!(bench.take_notes().iter().filter(|note| is_told(note)).count(), 1);
    assert_eq!(bench.standing(EU), "healthy");
}

#[test]
fn an_agent_that_crashes_again_and_again_keeps_its_server() {
    let mut bench = Bench::new();
    for start in 0..60 {
        // What it had before stands: nobody said that it is over.
        let (link, said) =
            bench.join(AgentIdentity { epoch: 1_000 + start, ..identity("eu") }, EU, 1);
        assert_eq!(refused(&said), None, "start {start}");
        bench.say(link, registration("eu-west", vec![offer(APP, EU)]));
        bench.advance(1_000);
        assert_eq!(bench.standing(EU), "healthy", "start {start}");
    }
}

/// What an operator's word does about a connection that stands and says nothing.
fn check_hung(bench: &mut Bench, link: LinkId, command: Command) {
    let said = Said { by: "test".to_owned(), ..Said::default() };
    let effects = bench.overwatch.handle(Event::Command { command, said }, bench.now);
    let closes = |effect: &Effect| matches!(effect, Effect::Close { link: of } if *of == link);
    assert!(effects.iter().any(closes), "{effects:?}");
    // What was on its way.
    let before = bench.overwatch.counters().clone();
    for frame in [Frame::Heartbeat, registration("eu-west", vec![offer(APP, EU)]), Frame::Goodbye] {
        let after = bench.overwatch.handle(Event::FrameReceived { link, frame }, bench.now);
        let is_said = |effect: &Effect| matches!(effect, Effect::Send { .. } | Effect::Log { .. });
        assert!(!after.iter().any(is_said), "{after:?}");
    }
    assert_eq!(*bench.overwatch.counters(), before, "it is not heard any more");
    bench.follow(effects);
    assert!(!bench.is_open(link));
}

/// An agent that registered and hangs.
fn hung(bench: &mut Bench) -> LinkId {
    let (link, said) = bench.join(identity("eu"), EU, 1);
    assert!(matches!(said.as_slice(), [Frame::Welcome(_)]), "{said:?}");
    assert_eq!(bench.say(link, registration("eu-west", vec![offer(APP, EU)])), []);
    bench.advance(60_000);
    link
}

#[test]
fn a_name_given_to_another_key_is_worth_nothing_on_the_old_one_s_connection() {
    let mut bench = Bench::with(|settings| settings.enrolment = Enrolment::Approve);
    bench.join(identity("eu"), EU, 1);
    bench.command(Command::Approve { agent: parsed("eu"), key: None });
    let link = hung(&mut bench);
    let (_, said) = bench.join(identity("eu"), EU, 66);
    assert_eq!(refused(&said).map(|r| r.reason), Some(RefusalReason::ApprovalPending));
    let key = Some(KeyHash::from_bytes([66; 32]));
    check_hung(&mut bench, link, Command::Approve { agent: parsed("eu"), key });
    let (_, said) = bench.join(identity("eu"), EU, 66);
    assert!(matches!(said.as_slice(), [Frame::Welcome(_)]), "{said:?}");
}

#[test]
fn a_machine_rebuilt_while_the_old_one_hangs_closes_its_connection() {
    let mut bench = Bench::new();
    let link = hung(&mut bench);
    let (_, said) = bench.join(identity("eu"), EU, 66);
    assert!(matches!(said.as_slice(), [Frame::Welcome(_)]), "{said:?}");
    assert!(!bench.is_open(link));
}

#[test]
fn a_forgotten_agent_that_hung_is_cut_off() {
    let mut bench = Bench::new();
    let link = hung(&mut bench);
    check_hung(&mut bench, link, Command::Forget(parsed("eu")));
    assert_eq!(bench.overwatch.agent_list(bench.now).agents.len(), 0);
}

#[test]
fn who_said_goodbye_is_not_missed_and_is_forgotten_after_a_month() {
    let mut bench = Bench::demo();
    bench.advance(5_000);
    let counts = |bench: &Bench| {
        let status = bench.overwatch.cluster_status(None, bench.now);
        (status.healthy_agents, status.agents.len(), bench.kept.pins.len())
    };
    assert_eq!(counts(&bench), (2, 2, 2));
    bench.stop("eu");
    bench.advance(5_000);
    assert_eq!(counts(&bench), (1, 1, 2));
    // One that breaks off is missed.
    bench.cut("sg");
    bench.advance(60_000);
    assert_eq!(counts(&bench), (0, 1, 2));
    bench.connect("sg");
    for (days, known) in [(30, 2), (2, 1)] {
        bench.now = bench.now.plus_ms(days * 86_400_000);
        bench.advance(61_000);
        assert_eq!(counts(&bench).2, known, "{days} days later");
    }
    assert_eq!(bench.standing(SG), "healthy", "it is there");
    assert!(bench.kept.pins.contains_key("sg"));
}
