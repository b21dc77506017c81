//! Overwatches that tell one another what agents said: all answer alike, whoever reaches whom.

mod limits;
pub(crate) mod mesh;
mod names;

use ::mesh::frame::PROTOCOL;
use ::mesh::{
    DialStep, Frame, Have, KeyHash, MeshKeys, PeerHandshake, Presence, RefusalReason, Tokens,
    Vouched,
};
use overwatch::Command;

use self::mesh::{End, Mesh, address_of, host_address};
use crate::bench::connections;
use crate::settings::{APP, MESH_KEY, TOKEN, ip, parsed, token};

/// Clients of so many networks, told by an agent within half a minute.
fn learn(mesh: &mut Mesh, agent: usize, networks: std::ops::Range<u8>, ms: u32) {
    for network in networks {
        mesh.observe(agent, connections(&format!("10.9.{network}.7"), ms, 10));
    }
}

/// Every overwatch knows the same.
fn assert_alike(mesh: &Mesh) {
    let first = mesh.digests(0);
    for number in 1..mesh.nodes.len() {
        assert_eq!(mesh.digests(number), first, "overwatch {number}");
    }
}

#[test]
fn an_agent_that_reaches_one_overwatch_is_known_to_all() {
    let mut mesh = Mesh::new(3);
    let agent = mesh.start(&[0]);
    for other in [1, 2] {
        mesh.cut(End::Agent(agent), other);
    }
    mesh.advance(5);
    learn(&mut mesh, agent, 0..40, 85);
    mesh.advance(41);
    assert_alike(&mesh);
    for number in 0..3 {
        assert_eq!(mesh.standing(number, agent), "healthy", "overwatch {number}");
        let answer = (vec![ip(&host_address(agent))], "learned_latency".to_owned());
        assert_eq!(mesh.steer(number, "10.9.3.7"), answer, "overwatch {number}");
        let peers = mesh.at(number).peer_list();
        assert_eq!(peers.len(), 2, "itself is not among them: {peers:?}");
        assert!(peers.iter().all(|peer| peer.since.is_some()), "{peers:?}");
    }
    // It leaves with a goodbye to the only one that it knows.
    mesh.stop(agent);
    mesh.advance(5);
    for number in 0..3 {
        assert_eq!(mesh.standing(number, agent), "unhealthy", "overwatch {number}");
        assert_eq!(mesh.at(number).cluster_status(None, mesh.now).healthy_agents, 0);
    }
}

#[test]
fn an_agent_is_there_as_long_as_anybody_hears_it() {
    let mut mesh = Mesh::new(2);
    let agent = mesh.start(&[0]);
    mesh.advance(5);
    // It learned of the other one.
    let connected =
        |mesh: &Mesh, at: usize| mesh.at(at).cluster_status(None, mesh.now).healthy_agents;
    assert_eq!((connected(&mesh, 0), connected(&mesh, 1)), (1, 1));
    mesh.nodes[1].notes.clear();
    mesh.cut(End::Agent(agent), 1);
    for _ in 0..60 {
        mesh.advance(1);
        assert_eq!(mesh.standing(1, agent), "healthy");
    }
    let moved = mesh.nodes[1].notes.iter().filter(|note| note.to_string().contains("was"));
    assert_eq!(moved.count(), 0, "nothing moved: {:?}", mesh.nodes[1].notes);
    // The last one that hears it is lost too: its usual grace, then it is gone.
    mesh.cut(End::Overwatch(0), 1);
    mesh.advance(15);
    assert_eq!(mesh.standing(1, agent), "doubtful");
    mesh.advance(30);
    assert_eq!(mesh.standing(1, agent), "unhealthy");
    assert_eq!(mesh.standing(0, agent), "healthy");
    mesh.heal();
    mesh.advance(10);
    assert_eq!(mesh.standing(1, agent), "healthy");
    assert_alike(&mesh);
}

#[test]
fn a_partition_heals_to_the_same_rows_and_moves_what_differs() {
    let mut mesh = Mesh::new(3);
    let agent = mesh.start(&[0]);
    mesh.advance(5);
    learn(&mut mesh, agent, 0..200, 85);
    mesh.advance(41);
    assert_alike(&mesh);
    let told = |mesh: &Mesh| -> u64 {
        (0..3).map(|number| mesh.at(number).peer_counters().rows_told).sum()
    };
    assert_eq!(told(&mesh), 0, "all heard the agent itself");
    for other in [0, 1] {
        mesh.cut(End::Overwatch(2), other);
    }
    mesh.cut(End::Agent(agent), 2);
    for _ in 0..10 {
        learn(&mut mesh, agent, 0..7, 130);
        mesh.advance(60);
    }
    assert_ne!(mesh.digests(2), mesh.digests(0));
    mesh.heal();
    mesh.cut(End::Agent(agent), 2);
    mesh.advance(10);
    assert_alike(&mesh);
    let told = told(&mesh);
    assert!((7..=14).contains(&told), "seven rows differ; {told} were told, by two");
}

#[test]
fn an_overwatch_that_lost_its_memory_gets_it_from_the_others() {
    let mut mesh = Mesh::new(2);
    let agent = mesh.start(&[0]);
    mesh.cut(End::Agent(agent), 1);
    mesh.advance(5);
    learn(&mut mesh, agent, 0..100, 85);
    mesh.advance(41);
    mesh.kill(End::Overwatch(1));
    mesh.nodes[1].kept = overwatch::Snapshot::default();
    mesh.revive(End::Overwatch(1));
    mesh.advance(10);
    assert_alike(&mesh);
    assert_eq!(mesh.at(1).table().len(), 100);
    assert_eq!(mesh.nodes[1].kept.pins.len(), 1, "its key is pinned by hearsay");
    // It comes in person and goes on where the others' words ended.
    mesh.heal();
    mesh.advance(5);
    learn(&mut mesh, agent, 100..110, 85);
    mesh.advance(41);
    assert_alike(&mesh);
    let refusals = &mesh.at(1).counters().refusals;
    assert!(refusals.is_empty(), "{refusals:?}");
}

#[test]
fn lives_that_one_overwatch_missed_are_mended() {
    let mut mesh = Mesh::new(2);
    let agent = mesh.start(&[0]);
    mesh.advance(5);
    learn(&mut mesh, agent, 0..20, 85);
    mesh.advance(41);
    mesh.cut(End::Overwatch(0), 1);
    mesh.cut(End::Agent(agent), 1);
    learn(&mut mesh, agent, 20..60, 85);
    mesh.advance(41);
    // Another life, of which both hear everything from the agent itself.
    mesh.kill(End::Agent(agent));
    mesh.advance(1);
    mesh.revive(End::Agent(agent));
    mesh.heal();
    mesh.cut(End::Overwatch(0), 1);
    mesh.advance(3);
    learn(&mut mesh, agent, 0..5, 99);
    mesh.advance(41);
    assert_ne!(mesh.at(0).table().len(), mesh.at(1).table().len());
    mesh.heal();
    mesh.advance(10);
    assert_alike(&mesh);
    assert_eq!(mesh.at(1).table().len(), 60);
}

#[test]
fn hearsay_counts_for_no_more_than_the_agent_could_say_here() {
    // What is done to the second overwatch, and whether the agent's server is known there then.
    let check = |what: &str, expect: &str, change: &dyn Fn(&mut Mesh)| {
        let mut mesh = Mesh::new(2);
        let agent = mesh.start(&[0]);
        mesh.cut(End::Agent(agent), 1);
        change(&mut mesh);
        mesh.advance(10);
        assert_eq!(mesh.standing(0, agent), "healthy", "{what}");
        assert_eq!(mesh.standing(1, agent), expect, "{what}");
    };
    let tokens = |regions: &'static [&'static str], networks: &'static [&'static str]| {
        move |mesh: &mut Mesh| {
            mesh.reload(1, |settings| {
                settings.tokens = Tokens::new(vec![token(APP, TOKEN, regions, networks)]).unwrap();
            });
        }
    };
    check("the same tokens", "healthy", &|_| ());
    check("others", "healthy", &tokens(&["eu-west"], &["10.2.0.0/16"]));
    check("none for the region", "unknown", &tokens(&["ap-southeast"], &["10.2.0.0/16"]));
    check("none for the network", "unknown", &tokens(&["eu-west"], &["10.3.0.0/16"]));
    check("none any more", "unknown", &|mesh| {
        mesh.advance(10);
        assert_eq!(mesh.standing(1, 0), "healthy");
        tokens(&["ap-southeast"], &["10.2.0.0/16"])(mesh);
    });
    check("again", "healthy", &|mesh| {
        tokens(&["ap-southeast"], &["10.2.0.0/16"])(mesh);
        mesh.advance(10);
        tokens(&["eu-west"], &["10.2.0.0/16"])(mesh);
    });
    check("an operator says yes first", "unknown", &|mesh| {
        mesh.reload(1, |settings| settings.enrolment = overwatch::Enrolment::Approve);
    });
    check("an operator said yes", "healthy", &|mesh| {
        mesh.reload(1, |settings| settings.enrolment = overwatch::Enrolment::Approve);
        mesh.advance(10);
        let command = Command::Approve { agent: parsed("agent-0"), key: None };
        let said = overwatch::Said { by: "test".to_owned(), ..overwatch::Said::default() };
        mesh.tell(1, overwatch::Event::Command { command, said });
    });
    check("revoked", "unknown", &|mesh| {
        mesh.advance(10);
        let said = overwatch::Said { by: "test".to_owned(), ..overwatch::Said::default() };
        let command = Command::Revoke(parsed("agent-0"));
        mesh.tell(1, overwatch::Event::Command { command, said });
    });
}

#[test]
fn servers_that_were_forgotten_in_a_long_partition_come_back() {
    let mut mesh = Mesh::new(2);
    let agent = mesh.start(&[0]);
    mesh.cut(End::Agent(agent), 1);
    mesh.advance(10);
    assert_eq!(mesh.standing(1, agent), "healthy");
    for (from, to) in [(0, 1), (1, 0)] {
        mesh.cut(End::Overwatch(from), to);
    }
    // Longer than a server is kept that nobody vouches for.
    mesh.advance(4_000);
    assert_eq!(mesh.standing(1, agent), "unknown");
    mesh.heal();
    mesh.cut(End::Agent(agent), 1);
    mesh.advance(10);
    assert_eq!(mesh.standing(1, agent), "healthy");
    assert_alike(&mesh);
}

#[test]
fn who_dials_in_is_told_and_believed_in_nothing() {
    let mut mesh = Mesh::new(1);
    let agent = mesh.start(&[0]);
    mesh.advance(5);
    let before = mesh.digests(0);
    // Somebody who knows the mesh key, as any agent does, and says that it is an overwatch.
    let key = KeyHash::from_bytes([0x66; 32]);
    let (link, there) = mesh.knock(0, "liar", key);
    let identity = ::mesh::OverwatchIdentity {
        overwatch_id: parsed("liar"),
        keys: MeshKeys::new([MESH_KEY]).unwrap(),
        tokens: Tokens::new(Vec::new()).unwrap(),
    };
    let (mut handshake, hello) =
        PeerHandshake::start(identity.overwatch_id.clone(), there, None).unwrap();
    assert!(matches!(&hello, Frame::PeerHello(hello) if hello.protocol == PROTOCOL));
    let (back, _) = mesh.say(0, link, hello);
    let step = handshake.on_frame(back[0].clone(), &identity).unwrap();
    let DialStep::Prove { send, .. } = step else { panic!("{step:?}") };
    let (back, _) = mesh.say(0, link, send);
    assert!(matches!(back[..], [Frame::Welcome(_)]), "{back:?}");
    // It is told what agents said.
    let (back, _) = mesh.say(0, link, Frame::Have(Have { agents: Vec::new(), asks: true }));
    assert!(matches!(back.last(), Some(Frame::Told { has_more: false })), "{back:?}");
    let vouched = back.iter().find_map(|frame| match frame {
        Frame::Vouched(vouched) => Some(vouched.clone()),
        _ => None,
    });
    let vouched = vouched.expect("the agent is vouched for");
    assert_eq!(vouched.presence, Presence::There);
    // What it says of agents ends the session, and nothing is left of it.
    let lie = Vouched { presence: Presence::Gone, ..vouched };
    let (back, is_closed) = mesh.say(0, link, Frame::Vouched(lie));
    assert!(
        matches!(&back[..], [Frame::Refused(r)] if r.reason == RefusalReason::UnexpectedFrame),
        "{back:?}"
    );
    assert!(is_closed);
    mesh.advance(3);
    assert_eq!(mesh.digests(0), before);
    assert_eq!(mesh.standing(0, agent), "healthy");
}

#[test]
fn the_mesh_key_changes_while_all_hear_each_other() {
    const NEW: [u8; 32] = [9; 32];
    let mut mesh = Mesh::new(3);
    let agent = mesh.start(&[0]);
    for other in [1, 2] {
        mesh.cut(End::Agent(agent), other);
    }
    mesh.advance(5);
    // One after the other: the new key second, then first, then alone. The agent is told last, so the
    // old key still has to be good.
    let steps: [&[[u8; 32]]; 3] = [&[MESH_KEY, NEW], &[NEW, MESH_KEY], &[NEW]];
    for keys in steps {
        for number in 0..3 {
            mesh.reload(number, |settings| {
                settings.keys = MeshKeys::new(keys.iter().copied()).unwrap();
            });
            // Where an old key goes the sessions that may rest on it begin anew.
            mesh.advance(3);
            let is_last = keys.len() == 1;
            for at in 0..3 {
                let peers = mesh.at(at).peer_list();
                assert!(peers.iter().all(|p| p.since.is_some()), "{keys:?} {at}: {peers:?}");
                if !is_last {
                    assert_eq!(mesh.standing(at, agent), "healthy", "{keys:?} at {number}");
                }
            }
        }
    }
}

#[test]
fn overwatches_learn_of_others_from_any_and_forget_whom_nobody_names() {
    let mut mesh = Mesh::new(2);
    let new = mesh.add(overwatch::Settings {
        node_id: parsed("ow-new"),
        overwatches: vec![address_of(1)],
        ..crate::settings::overwatch()
    });
    let agent = mesh.start(&[new]);
    mesh.advance(5);
    let dials = |mesh: &Mesh, at: usize| mesh.nodes[at].dials.iter().cloned().collect::<Vec<_>>();
    assert_eq!(dials(&mesh, new), [address_of(0), address_of(1)], "the others are learned");
    assert_eq!(dials(&mesh, 0), [address_of(1)]);
    // One of those that run names it: then all hear it.
    mesh.reload(1, |settings| settings.overwatches.push(address_of(new)));
    mesh.advance(6);
    assert_eq!(dials(&mesh, 0), [address_of(1), address_of(new)]);
    for number in 0..3 {
        assert_eq!(mesh.standing(number, agent), "healthy", "{number}");
    }
    mesh.reload(1, |settings| drop(settings.overwatches.pop()));
    mesh.advance(3);
    assert_eq!(dials(&mesh, 0), [address_of(1)]);
}
