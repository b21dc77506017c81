//! What one overwatch may say of another's agents, and how much: nothing that an agent can do keeps
//! overwatches from telling one another.

use ::mesh::{Exporter, KeyHash, Peer, Tokens};
use latency::LearningSettings;
use model::{AgentId, Time};
use overwatch::{Command, Effect, Enrolment, Event, Overwatch, Said, Snapshot};

use super::learn;
use super::mesh::{End, Mesh, address_of, host_address};
use crate::settings::{self, APP, START, TOKEN, ip, parsed, token};

fn said() -> Said {
    Said { by: "test".to_owned(), ..Said::default() }
}

/// The rows of `agent-0` at an overwatch.
fn rows(mesh: &Mesh, number: usize) -> usize {
    mesh.at(number).table().rows_of(&"agent-0".parse::<AgentId>().unwrap())
}

#[test]
fn a_token_may_be_good_for_any_number_of_things() {
    let mut mesh = Mesh::new(2);
    for number in 0..2 {
        mesh.reload(number, |settings| {
            let many = (0..1_100).map(|n| token(&format!("s{n}.demo.local"), TOKEN, &[], &[]));
            let own = token(APP, TOKEN, &["eu-west", "ap-southeast"], &["10.0.0.0/8"]);
            settings.tokens = Tokens::new(many.chain([own]).collect()).unwrap();
        });
    }
    let agent = mesh.start(&[0]);
    mesh.cut(End::Agent(agent), 1);
    mesh.advance(5);
    assert_eq!(mesh.standing(1, agent), "healthy");
}

#[test]
fn who_tells_rows_without_a_pause_is_told_on() {
    let mut mesh = Mesh::new(2);
    let agent = settings::agent("agent-0", "eu-west", &host_address(0));
    let learning = agent.learning.clone().map(|learning| LearningSettings {
        poll_interval_ms: 500,
        report_interval_ms: 500,
        ..learning
    });
    let agent = mesh.start_as(agent::Settings { learning, ..agent }, &[0]);
    mesh.cut(End::Agent(agent), 1);
    mesh.advance(5);
    for network in 0..20 {
        learn(&mut mesh, agent, network..network + 1, 85);
        mesh.advance(1);
    }
    let (here, there) = (rows(&mesh, 0), rows(&mesh, 1));
    assert!(here >= 18 && there >= here - 4, "{there} of {here}");
}

#[test]
fn who_has_no_room_is_told_in_proportion_and_takes_all_once_there_is_some() {
    let mut mesh = Mesh::new(2);
    mesh.nodes[1].settings.table.rows_max = 45;
    mesh.kill(End::Overwatch(1));
    mesh.revive(End::Overwatch(1));
    let (agent, other) = (mesh.start(&[0]), mesh.start(&[0, 1]));
    mesh.cut(End::Agent(agent), 1);
    mesh.advance(5);
    learn(&mut mesh, other, 0..30, 85);
    mesh.advance(41);
    learn(&mut mesh, agent, 0..40, 85);
    mesh.advance(41);
    // What has room is taken, and what has none is left out.
    assert_eq!((rows(&mesh, 0), rows(&mesh, 1)), (40, 15));
    let told = |mesh: &Mesh| mesh.at(0).peer_counters().rows_told;
    let before = told(&mesh);
    mesh.advance(600);
    let times = (told(&mesh) - before) / 40;
    assert!(times <= 2, "told {times} times in ten minutes");
    assert!(mesh.at(1).table().counters().left_out > 0);
    // Another one's rows go.
    let command = Command::Revoke("agent-1".parse().unwrap());
    mesh.tell(1, Event::Command { command, said: said() });
    mesh.advance(3_600);
    assert_eq!(rows(&mesh, 1), 40);
    // And what comes from now on comes at once.
    learn(&mut mesh, agent, 40..45, 85);
    mesh.advance(41);
    assert_eq!(rows(&mesh, 1), 45);
}

/// What is known of the first of the networks: its time, how often it was counted, and when it was last seen.
fn first(mesh: &Mesh, number: usize) -> (u32, u64, Time) {
    let rows = mesh.at(number).table().rows(&parsed(APP));
    let first = rows.into_iter().find(|(subnet, ..)| subnet.contains(ip("10.9.0.7")));
    first.map(|(.., known)| (known.rtt.us() / 1_000, known.samples, known.observed_at)).unwrap()
}

/// Two overwatches are full, and one has rows of an agent. It measures such a network again, and its word comes to
/// that one by way of the other alone, then from the agent itself: what is known before, and after each.
fn heard_by_way_of_a_full_one(ms: u32) -> [(u32, u64, Time); 3] {
    let mut mesh = Mesh::new(2);
    for number in 0..2 {
        mesh.nodes[number].settings.table.rows_max = 10;
        mesh.kill(End::Overwatch(number));
        mesh.revive(End::Overwatch(number));
    }
    let (agent, other) = (mesh.start(&[1]), mesh.start(&[0, 1]));
    mesh.cut(End::Overwatch(0), 1);
    mesh.cut(End::Agent(agent), 0);
    mesh.advance(5);
    learn(&mut mesh, agent, 0..5, 85);
    mesh.advance(41);
    learn(&mut mesh, other, 20..30, 85);
    mesh.advance(41);
    // Both are full: one has rows of both agents, the other only of one.
    assert_eq!((rows(&mesh, 0), rows(&mesh, 1)), (0, 5));
    let before = first(&mesh, 1);
    mesh.heal();
    mesh.cut(End::Agent(agent), 1);
    mesh.advance(60);
    learn(&mut mesh, agent, 0..1, ms);
    mesh.advance(60);
    let position = |number: usize| mesh.at(number).table().position(&parsed::<AgentId>("agent-0"));
    assert_eq!((rows(&mesh, 0), position(1)), (0, position(0)));
    let relayed = first(&mesh, 1);
    mesh.heal();
    mesh.advance(60);
    [before, relayed, first(&mesh, 1)]
}

#[test]
fn what_a_full_one_left_out_is_heard_from_the_agent_itself() {
    let [before, relayed, after] = heard_by_way_of_a_full_one(185);
    assert_eq!(relayed, before, "nobody told it");
    assert!(after.0 > before.0, "{before:?} {after:?}");
    // What was only seen again is told as that.
    let [before, relayed, after] = heard_by_way_of_a_full_one(85);
    assert_eq!(relayed, before, "nobody told it");
    assert_eq!(after.0, before.0);
    assert!(after.1 > before.1 && after.2 > before.2, "{before:?} {after:?}");
}

/// Another one told its rows, then a port of it went: where it goes on from is where the table stands.
#[test]
fn who_gave_up_a_port_meanwhile_goes_on_where_the_table_stands() {
    let mut mesh = Mesh::new(2);
    let one_port = settings::agent("agent-0", "eu-west", &host_address(0));
    let mut second = settings::offer(APP, "eu-west", &host_address(0));
    (second.listen_port, second.backend.key.port) = (81, 81);
    let mut two_ports = one_port.clone();
    two_ports.offers.push(second);
    let agent = mesh.start_as(two_ports, &[0, 1]);
    mesh.advance(5);
    learn(&mut mesh, agent, 0..20, 85);
    mesh.advance(41);
    mesh.cut(End::Agent(agent), 0);
    learn(&mut mesh, agent, 20..30, 85);
    mesh.advance(60);
    let position =
        |mesh: &Mesh, number: usize| mesh.at(number).table().position(&parsed("agent-0"));
    assert_eq!(position(&mesh, 0), position(&mesh, 1));
    mesh.reload_agent(agent, one_port);
    for _ in 0..10 {
        if position(&mesh, 0).is_some_and(|at| at.sequence == 0) {
            break;
        }
        mesh.advance(1);
    }
    assert_eq!(position(&mesh, 0).map(|at| at.sequence), Some(0));
    mesh.heal();
    mesh.cut(End::Overwatch(0), 1);
    mesh.advance(60);
    assert_eq!(position(&mesh, 0), position(&mesh, 1));
    assert_eq!(rows(&mesh, 0), 30);
    let refusals = &mesh.at(0).counters().refusals;
    assert!(refusals.is_empty(), "{refusals:?}");
}

#[test]
fn who_is_thrown_out_where_it_spoke_is_there_for_nobody() {
    let mut mesh = Mesh::new(2);
    let agent = mesh.start(&[0]);
    mesh.cut(End::Agent(agent), 1);
    mesh.advance(5);
    assert_eq!(mesh.standing(1, agent), "healthy");
    mesh.tell(0, Event::Command { command: Command::Revoke(parsed("agent-0")), said: said() });
    mesh.advance(60);
    assert_eq!(mesh.standing(1, agent), "unhealthy");
}

#[test]
fn rows_of_a_namesake_are_not_taken_whoever_tells_them() {
    let mut mesh = Mesh::new(3);
    for (from, to) in [(0, 1), (1, 0), (2, 1), (1, 2)] {
        mesh.cut(End::Overwatch(from), to);
    }
    // Two machines of one name, each known to an overwatch; the third has it from the first.
    let of = |number| settings::agent("agent-0", "eu-west", &host_address(number));
    let (one, other) = (mesh.start_as(of(0), &[0]), mesh.start_as(of(1), &[1]));
    let cuts = [(one, 1), (one, 2), (other, 0), (other, 2)];
    cuts.iter().for_each(|(agent, to)| mesh.cut(End::Agent(*agent), *to));
    mesh.advance(5);
    learn(&mut mesh, one, 0..50, 85);
    mesh.advance(41);
    assert_eq!([0, 1, 2].map(|number| rows(&mesh, number)), [50, 0, 50]);
    // The first one is gone, and its namesake's overwatch meets who has its rows.
    mesh.kill(End::Overwatch(0));
    mesh.heal();
    cuts.iter().for_each(|(agent, to)| mesh.cut(End::Agent(*agent), *to));
    mesh.advance(10);
    assert_eq!(rows(&mesh, 1), 0);
    learn(&mut mesh, other, 100..110, 85);
    mesh.advance(41);
    assert_eq!([1, 2].map(|number| rows(&mesh, number)), [10, 50]);
}

#[test]
fn another_key_that_an_operator_says_yes_to_begins_with_no_rows() {
    let mut mesh = Mesh::new(1);
    mesh.reload(0, |settings| settings.enrolment = Enrolment::Approve);
    let of = |number| settings::agent("agent-0", "eu-west", &host_address(number));
    let one = mesh.start_as(of(0), &[0]);
    mesh.advance(2);
    let yes = |mesh: &mut Mesh, key| {
        let command = Command::Approve { agent: parsed("agent-0"), key };
        mesh.tell(0, Event::Command { command, said: said() });
    };
    yes(&mut mesh, None);
    mesh.advance(5);
    learn(&mut mesh, one, 0..30, 85);
    mesh.advance(41);
    assert_eq!(rows(&mesh, 0), 30);
    mesh.kill(End::Agent(one));
    mesh.advance(60);
    mesh.start_as(of(1), &[0]);
    mesh.advance(5);
    yes(&mut mesh, Some(KeyHash::from_bytes([2; 32])));
    assert_eq!(rows(&mesh, 0), 0);
}

/// Whom an overwatch wants to be dialled, if that changed.
fn dials(effects: Vec<Effect>) -> Option<Vec<String>> {
    effects.into_iter().find_map(|effect| match effect {
        Effect::DialPeers(wanted) => Some(wanted.into_iter().collect()),
        _ => None,
    })
}

#[test]
fn an_address_that_was_its_own_is_tried_again() {
    let others = vec![address_of(0), address_of(1)];
    let settings = overwatch::Settings { overwatches: others, ..settings::overwatch() };
    let mut one = Overwatch::new(settings, settings::geography(), Snapshot::default(), START);
    assert_eq!(dials(one.handle(Event::Tick, START)), Some(vec![address_of(0), address_of(1)]));
    let reached = |link, key| Event::PeerReached {
        link,
        address: address_of(0),
        peer: Peer {
            address: address_of(0).parse().unwrap(),
            name: "ow".to_owned(),
            key: KeyHash::from_bytes([key; 32]),
            own_key: KeyHash::from_bytes([1; 32]),
            exporter: Exporter::from_bytes([7; 32]),
        },
        pinned: None,
    };
    assert_eq!(dials(one.handle(reached(1, 1), START)), Some(vec![address_of(1)]));
    let minutes = |minutes: u64| START.plus_ms(60_000 * minutes);
    assert_eq!(dials(one.handle(Event::Tick, minutes(9))), None);
    let both = Some(vec![address_of(0), address_of(1)]);
    assert_eq!(dials(one.handle(Event::Tick, minutes(10))), both);
    // It is itself still; and later somebody else.
    assert_eq!(dials(one.handle(reached(2, 1), minutes(10))), Some(vec![address_of(1)]));
    assert_eq!(dials(one.handle(Event::Tick, minutes(20))), both);
    one.handle(reached(3, 2), minutes(20));
    assert_eq!(dials(one.handle(Event::Tick, minutes(30))), None);
    assert_eq!(one.peer_list().len(), 2);
}
