//! Agents that change their names or their lives, as overwatches hear of it from one another; and rows that
//! end at all of them together.

use overwatch::Effect;

use super::learn;
use super::mesh::{End, Mesh, host_address};
use crate::settings;

/// The agent that speaks for the server of a host at an overwatch.
fn holder(mesh: &Mesh, number: usize, host: usize) -> Option<String> {
    let backends = mesh.at(number).backend_list(mesh.now).backends.into_iter();
    backends.into_iter().find(|backend| backend.address == host_address(host))?.agent_id
}

#[test]
fn an_agent_that_was_renamed_gets_its_server_wherever_it_speaks() {
    let mut mesh = Mesh::new(2);
    let agent = mesh.start(&[0]);
    mesh.cut(End::Agent(agent), 1);
    mesh.advance(5);
    assert_eq!(mesh.standing(1, agent), "healthy");
    mesh.stop(agent);
    // At once, where nobody knows of the goodbye yet.
    let renamed = settings::agent("renamed", "eu-west", &host_address(agent));
    let renamed = mesh.start_as(renamed, &[1]);
    mesh.cut(End::Agent(renamed), 0);
    mesh.advance(10);
    for number in 0..2 {
        assert_eq!(mesh.standing(number, agent), "healthy", "{number}");
        assert_eq!(holder(&mesh, number, agent).as_deref(), Some("renamed"), "{number}");
    }
}

#[test]
fn a_life_that_a_clock_set_back_made_older_counts_everywhere() {
    let mut mesh = Mesh::new(3);
    let agent = mesh.start(&[0]);
    mesh.advance(5);
    learn(&mut mesh, agent, 0..5, 85);
    mesh.advance(41);
    mesh.stop(agent);
    mesh.advance(3);
    mesh.revive_with_clock_back(agent, 3_600_000);
    for number in [1, 2] {
        mesh.cut(End::Agent(agent), number);
    }
    mesh.advance(10);
    for number in 0..3 {
        assert_eq!(mesh.standing(number, agent), "healthy", "{number}");
    }
}

/// Rows come and end, a few each minute, at two overwatches whose clocks differ: these tell each other few.
fn check_rows_end(ahead_ms: u64) {
    let mut mesh = Mesh::new(2);
    mesh.nodes[1].ahead_ms = ahead_ms;
    let number = mesh.hosts.len();
    let agent = settings::agent("agent-0", "eu-west", &host_address(number));
    let learning = agent.learning.clone();
    let learning = learning.map(|l| latency::LearningSettings { subnet_ttl_ms: 600_000, ..l });
    let agent = mesh.start_as(agent::Settings { learning, ..agent }, &[0, 1]);
    // They began at different seconds of a minute.
    mesh.kill(End::Overwatch(1));
    mesh.advance(31);
    mesh.revive(End::Overwatch(1));
    mesh.advance(5);
    for network in 0..40 {
        learn(&mut mesh, agent, network..network + 1, 85);
        mesh.advance(60);
    }
    mesh.advance(20);
    let (here, there) = (mesh.at(0).table().len(), mesh.at(1).table().len());
    assert!(here == there && (9..=13).contains(&here), "{here}, {there}");
    let told: u64 = [0, 1].map(|number| mesh.at(number).peer_counters().rows_told).iter().sum();
    assert!(told <= 10, "{told} rows were told where a clock is {ahead_ms} ms ahead");
}

#[test]
fn rows_that_end_do_not_make_overwatches_tell_all_the_others() {
    [0, 500, 3_000].into_iter().for_each(check_rows_end);
}

#[test]
fn an_overwatch_that_is_refused_on_a_session_that_stands_says_so() {
    let mut mesh = Mesh::new(2);
    mesh.advance(5);
    assert!(mesh.at(0).peer_list().iter().all(|peer| peer.since.is_some()));
    mesh.nodes[0].notes.clear();
    let refusal = ::mesh::Refusal::from(::mesh::RefusalReason::UnexpectedFrame);
    let effects = mesh.refuse(End::Overwatch(0), 1, refusal);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Close { .. })), "{effects:?}");
    let peers = mesh.at(0).peer_list();
    let fault = peers[0].fault.clone().unwrap_or_default();
    assert!(fault.contains("where it has no place"), "{fault}");
    let said = |effect: &Effect| matches!(effect, Effect::Log(note) if note.to_string().contains("where it has no place"));
    assert!(effects.iter().any(said), "{effects:?}");
}
