//! What operators change while clients ask: the process of an overwatch, and the key of the mesh.
//!
//! Nobody may notice either, neither clients nor the other overwatches.

use std::net::{IpAddr, SocketAddr};

use crate::daemon::eventually;
use crate::learner::Learner;
use crate::site::{Agent, Asker, KEY, NEW_KEY, Overwatch};
use crate::{Clients, LEARNED, connect, seen};

fn at(last: u8) -> IpAddr {
    IpAddr::from([127, 0, 0, last])
}

/// Two that know each other.
fn pair() -> (Vec<Overwatch>, Vec<SocketAddr>) {
    let all: Vec<Overwatch> = ["one", "two"].map(Overwatch::start).into();
    let addresses: Vec<SocketAddr> = all.iter().map(|overwatch| overwatch.mesh).collect();
    all.iter().for_each(|overwatch| overwatch.know(&addresses));
    eventually("they reach one another", || all.iter().all(|one| one.reaches() == Some(1)));
    (all, addresses)
}

/// One hears the agents; what the other one knows it has from that one alone. Each is handed over.
#[test]
fn an_overwatch_with_peers_is_handed_over_and_nobody_notices() {
    let (mut all, addresses) = pair();
    let (eu, ap) = (Clients::default(), Clients::default());
    connect(&eu, 0..50, 180);
    connect(&ap, 0..50, 20);
    let _agents = [
        Learner::start(addresses[0], "eu-west", at(11), seen(&eu)),
        Learner::start(addresses[0], "ap-southeast", at(12), seen(&ap)),
    ];
    for overwatch in &all {
        eventually("it answers by what was learned", || overwatch.sends_to(LEARNED));
    }
    eventually("both hold the same", || all[0].digests() == all[1].digests());
    let digests = all[0].digests();
    for index in [0, 1] {
        let askers = all.iter().map(|overwatch| Asker::start(overwatch.dns, LEARNED));
        let askers: Vec<Asker> = askers.collect();
        all[index].hand_over();
        eventually("they reach one another again", || {
            all.iter().all(|one| one.reaches() == Some(1) && one.hears() == Some(2))
        });
        eventually("both hold the same again", || {
            all.iter().all(|overwatch| overwatch.digests() == digests)
        });
        for (asker, whose) in askers.into_iter().zip(["one", "two"]) {
            asker.assert_content(&format!("overwatch {index} handed over, {whose} asked"));
        }
    }
}

/// The key of all nodes is another one in the end. Two are good in between, and one node after another
/// learns of each step.
#[test]
fn the_mesh_key_changes_without_a_gap() {
    // Geography sends everybody here, as long as it is up.
    const FIRST: [u8; 4] = [127, 0, 0, 11];
    let (all, addresses) = pair();
    let agents = [("eu-west", at(11)), ("ap-southeast", at(12))]
        .map(|(region, server)| Agent::start(region, server, &addresses));
    let is_well = |one: &Overwatch| one.reaches() == Some(1) && one.hears() == Some(2);
    eventually("the agents are there", || all.iter().all(is_well));
    for overwatch in &all {
        eventually("it answers", || overwatch.sends_to(FIRST));
    }
    let askers: Vec<Asker> = all.iter().map(|one| Asker::start(one.dns, FIRST)).collect();
    for keys in [format!("{NEW_KEY}, {KEY}"), NEW_KEY.to_owned()] {
        for overwatch in &all {
            overwatch.take_keys(&addresses, &keys);
            eventually("an overwatch has other keys, and all is well", || all.iter().all(is_well));
        }
        for agent in &agents {
            agent.take_keys(&addresses, &keys);
            eventually("an agent has other keys, and all is well", || all.iter().all(is_well));
        }
    }
    for (asker, whose) in askers.into_iter().zip(["one", "two"]) {
        asker.assert_content(&format!("the key changed, {whose} asked"));
    }
    // The old one is good for nothing any more: who has it alone stays out.
    agents[0].take_keys(&addresses, KEY);
    agents[0].process.line("share no mesh key");
    eventually("it is out", || all.iter().all(|one| one.hears() == Some(1)));
}

/// An agent's list gets shorter: what overwatches tell it holds all the same, and nothing is left of a
/// session that it gave up.
#[test]
fn an_agent_whose_list_is_shortened_stays_with_those_it_was_told_of() {
    let (mut all, addresses) = pair();
    let mut agent = Agent::start("eu-west", at(11), &addresses);
    eventually("both hear it", || all.iter().all(|one| one.hears() == Some(1)));
    agent.take_keys(&addresses[..1], KEY);
    all[0].kill();
    eventually("the other one is alone", || all[1].reaches() == Some(0));
    assert_eq!(all[1].hears(), Some(1), "{}", agent.process.log());
    agent.process.signal("TERM");
    assert!(agent.process.end().success());
    let log = agent.process.log();
    assert!(!log.contains("not every overwatch took the goodbye"), "{log}");
}
