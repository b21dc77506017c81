//! For each thing that must hold a small world in which the product does not do its part: that is found, and
//! called by its name.

use mesh::Frame;
use overwatch::{Change, Command, Effect, Event, HandOrder};

use super::*;
use crate::chaos::faults::START;
use crate::chaos::nodes::End;
use crate::chaos::seam::{Passing, Spoil};
use crate::chaos::site::Room;
use crate::chaos::world::World;
use crate::random::Random;

const SMALL: ChaosSettings = ChaosSettings { agents: 4, overwatches: 3, minutes: 20 };

/// A world with enough room, without an overwatch of the release before.
fn world(seed: u64, room: Room) -> World {
    let luck = Random::new(seed, "luck");
    let mut world = World::of((seed, luck), SMALL, None, room).unwrap();
    // The first goes by what agents say alone.
    for (number, node) in world.nodes.iter_mut().enumerate() {
        node.settings.checks.enabled = number > 0;
    }
    world
}

fn enough() -> Room {
    Room::enough(40, SMALL.agents)
}

/// What the world's run ends with.
fn check(world: World, expect: &str) {
    match world.run() {
        Err(ChaosError::Broken(broken)) => assert_eq!(broken.what, expect, "{broken}"),
        other => panic!("{expect}: {other:?}"),
    }
}

/// The same where this is done to what passes.
fn check_spoiled(expect: &str, spoil: impl FnMut(Passing<'_>) -> bool + Send + 'static) {
    let mut world = world(3, enough());
    let spoil: Spoil = Box::new(spoil);
    world.seam.0 = Some(spoil);
    check(world, expect);
}

/// What an agent said, in person or told on.
fn said(frame: &mut Frame) -> &mut Frame {
    match frame {
        Frame::Relayed { said, .. } => said,
        frame => frame,
    }
}

#[test]
fn a_world_in_which_nothing_is_spoiled_holds() {
    world(3, enough()).run().unwrap();
}

#[test]
fn more_rows_of_an_agent_than_may_be() {
    let mut world = world(3, enough());
    world.room = Room::enough(20, SMALL.agents);
    world.room.in_all *= 10;
    check(world, "memory stays under its bound");
}

#[test]
fn more_rows_than_may_be() {
    let mut world = world(3, enough());
    world.room.in_all = 50;
    check(world, "memory stays under its bound");
}

#[test]
fn a_word_for_each_step_is_more_than_may_be_kept() {
    let mut number = 0;
    check_spoiled("memory stays under its bound", move |passing| {
        if let Passing::Effect(_, Effect::Keep(changes)) = passing {
            let line =
                overwatch::AuditLine { at: START, what: String::new(), by: None, reason: None };
            changes.extend((0..100).map(|_| {
                number += 1;
                Change::PutAudit(number, line.clone())
            }));
        }
        true
    });
}

#[test]
fn tokens_that_are_good_for_the_servers_of_others() {
    let mut world = world(3, enough());
    let all = model::Subnet::of(std::net::IpAddr::from([10, 0, 0, 0]), 8);
    let tokens = site::tokens(SMALL.agents, |_| vec![all]).unwrap();
    world.nodes.iter_mut().for_each(|node| node.settings.tokens = tokens.clone());
    // Whose the server is says nothing, or it would have it.
    world.seam.0 = Some(Box::new(|passing| {
        !matches!(passing, Passing::Frame { by: End::Agent(0), frame: Frame::Registration(_), .. })
    }));
    check(world, "no agent speaks for another");
}

#[test]
fn force_down_is_taken_as_force_up() {
    check_spoiled("acknowledged words hold", |passing| {
        if let Passing::Event(Event::Command { command, .. }) = passing
            && let Command::Hand(HandOrder::Override { is_up: Some(is_up), .. }) = command
        {
            *is_up = true;
        }
        true
    });
}

#[test]
fn a_word_that_was_acknowledged_is_not_on_the_disk() {
    check_spoiled("acknowledged state survives", |passing| {
        if let Passing::Effect(_, Effect::Keep(changes)) = passing {
            changes.retain(|change| !matches!(change, Change::PutHand(_)));
            for change in changes {
                if let Change::PutBackend(row) = change {
                    row.override_ = None;
                }
            }
        }
        true
    });
}

#[test]
fn what_a_check_said_is_not_heard() {
    check_spoiled("an overwatch goes by its own check", |passing| match passing {
        Passing::Event(Event::Checked { outcome, .. }) => {
            matches!(outcome, health::Outcome::Pass { .. })
        }
        _ => true,
    });
}

#[test]
fn answers_by_a_view_of_before() {
    let mut published = [0; SMALL.overwatches];
    check_spoiled("no answer names a server that is known to be down", move |passing| {
        let Passing::Effect(number, Effect::Publish(_)) = passing else { return true };
        published[number] += 1;
        published[number] < 20
    });
}

#[test]
fn scopes_that_overlap() {
    check_spoiled("scopes do not overlap", |passing| {
        if let Passing::Answer(client, said) = passing {
            said.scope = Some(if client == invariants::network(0) { 16 } else { 24 });
        }
        true
    });
}

#[test]
fn another_key_is_pinned() {
    let mut times = 0_u8;
    check_spoiled("a pinned key holds", move |passing| {
        if let Passing::Effect(_, Effect::PinPeer { key, .. }) = passing {
            times += 1;
            // Once each of them has met each other.
            if times > 6 {
                *key = mesh::KeyHash::of_spki(b"another");
            }
        }
        true
    });
}

#[test]
fn bytes_that_are_no_frame() {
    check_spoiled("what a node says is a frame", |passing| {
        if let Passing::Bytes(bytes) = passing {
            bytes.iter_mut().skip(4).for_each(|byte| *byte = 0xff);
        }
        true
    });
}

#[test]
fn a_frame_that_is_too_long() {
    check_spoiled("what a node says can be sent", |passing| {
        if let Passing::Frame { frame: Frame::Welcome(welcome), .. } = passing {
            welcome.peers = vec![String::new(); mesh::frame::PEERS_MAX + 1];
        }
        true
    });
}

#[test]
fn reports_of_a_later_life_are_lost() {
    let mut first = None;
    check_spoiled("what is learned is told", move |passing| {
        let Passing::Frame { frame, .. } = passing else { return true };
        let Frame::Report { epoch, .. } = said(frame) else { return true };
        // Lives begin at most 45 s off the clock, and later than that for the second time.
        *epoch <= *first.get_or_insert(*epoch) + 90_000
    });
}

#[test]
fn a_row_is_left_out_of_each_report() {
    check_spoiled("what is learned is told", |passing| {
        if let Passing::Frame { frame, .. } = passing
            && let Frame::Report { report, .. } = said(frame)
        {
            let lost = invariants::network(5);
            report.ports.iter_mut().for_each(|port| port.rows.retain(|row| row.subnet != lost));
        }
        true
    });
}

#[test]
fn a_row_of_another_agent() {
    check_spoiled("what is told was seen", |passing| {
        if let Passing::Frame { by: End::Agent(1), frame: Frame::Report { report, .. }, .. } =
            passing
        {
            for row in report.ports.iter_mut().flat_map(|port| &mut port.rows) {
                row.rtt_us = model::Rtt::from_us(u64::from(row.rtt_us.us()) + 300_000).unwrap();
            }
        }
        true
    });
}

#[test]
fn old_rows_are_not_told_on() {
    check_spoiled("rows converge", |passing| {
        let is_relayed = |frame: &Frame| matches!(frame, Frame::Relayed { said, .. } if matches!(**said, Frame::Report { .. }));
        !matches!(passing, Passing::Frame { frame, .. } if is_relayed(frame))
    });
}

#[test]
fn one_overwatch_does_not_hear_of_a_weight() {
    check_spoiled("registries converge", |passing| {
        if let Passing::Frame { to: End::Overwatch(1), frame, .. } = passing
            && let Frame::Registration(registration) = said(frame)
        {
            registration.backends.iter_mut().for_each(|backend| backend.weight = 7);
        }
        true
    });
}

#[test]
fn no_registration_is_heard() {
    check_spoiled("every server is known", |passing| match passing {
        Passing::Frame { frame, .. } => !matches!(said(frame), Frame::Registration(_)),
        _ => true,
    });
}

#[test]
fn whatever_agents_say_of_their_servers_is_heard_as_well() {
    check_spoiled("what is down is known to be", |passing| {
        if let Passing::Frame { to: End::Overwatch(0), frame, .. } = passing
            && let Frame::Registration(registration) = said(frame)
        {
            registration.backends.iter_mut().for_each(|backend| backend.healthy = true);
        }
        true
    });
}
