//! Two machines with one name and one key, as clones of an image are: wherever and however often they meet,
//! they come to rest, and the one that is left over takes the place of the other when that one dies.

use mesh::RefusalReason;

use super::*;
use crate::chaos::nodes::End;
use crate::chaos::site::Room;
use crate::chaos::world::{Event, World};
use crate::random::Random;

/// Two machines of the image of the first, and three overwatches that go by what agents say.
fn clones(seed: u64) -> World {
    let settings = ChaosSettings { agents: 2, overwatches: 3, minutes: 0 };
    let luck = Random::new(seed, "luck");
    let mut world = World::of((seed, luck), settings, None, Room::enough(40, 2)).unwrap();
    world.hosts[1].settings = world.hosts[0].settings.clone();
    world.nodes.iter_mut().for_each(|node| node.settings.checks.enabled = false);
    world.start().unwrap();
    world.queue.push(world.now, Event::Observe);
    world
}

fn live(world: &mut World, seconds: u64) {
    world.live_until(world.now.plus_ms(1_000 * seconds)).unwrap();
}

/// How often one of the two came in at each overwatch, and how often one was told that the other is there.
fn counts(world: &World) -> Vec<(u64, u64)> {
    let values = world.nodes.iter().filter_map(|node| node.value.as_ref());
    let counters = values.map(overwatch::Overwatch::counters);
    let refused = |refusals: &std::collections::BTreeMap<RefusalReason, u64>| {
        refusals.get(&RefusalReason::AlreadyConnected).copied().unwrap_or(0)
    };
    counters.map(|counters| (counters.joined, refused(&counters.refusals))).collect()
}

/// Who speaks at an overwatch.
fn speaker(world: &World, number: usize) -> Option<End> {
    let mut wires = world.wires.list.values();
    let wire = wires.find(|wire| {
        wire.to == number
            && matches!(wire.from, End::Agent(_))
            && wire.is_established
            && !wire.is_broken
    });
    wire.map(|wire| wire.from)
}

#[test]
fn two_machines_of_one_name_come_to_rest_at_all_overwatches() {
    for seed in 1..=4 {
        let mut world = clones(seed);
        let mut luck = Random::new(seed, "meetings");
        for _ in 0..10 {
            live(&mut world, 5 + luck.below(20));
            let machine = End::Agent(luck.index(2));
            if luck.chance(0.5) {
                world.wires.part(machine, End::Overwatch(luck.index(3)));
                world.part_wires();
            } else {
                world.kill(machine, luck.chance(0.5));
            }
            live(&mut world, luck.below(10));
            world.revive(machine).unwrap();
            world.see_again();
        }
        live(&mut world, 60);
        let before = counts(&world);
        live(&mut world, 120);
        for (number, (before, after)) in before.into_iter().zip(counts(&world)).enumerate() {
            assert_eq!(after.0, before.0, "seed {seed}: they fight at {number}");
            assert!(after.1 >= before.1 + 10, "seed {seed}: nobody is told at {number}");
        }
        let speaking = speaker(&world, 0).unwrap();
        world.kill(speaking, false);
        live(&mut world, 30);
        for number in 0..3 {
            let other = speaker(&world, number).unwrap();
            assert_ne!(other, speaking, "seed {seed}, at {number}");
            let backends = world.value(number).unwrap().backend_list(world.now).backends;
            assert_eq!(backends[0].authority, "claim", "seed {seed}: its word counts at {number}");
        }
    }
}
