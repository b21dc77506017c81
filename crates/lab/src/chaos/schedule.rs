//! Which faults come, in which order, for how long: all of it from a seed. Knows no clock.
//!
//! Scenes are dealt like cards: none comes again before all have come once, and etcd, where there is one,
//! comes first. Some come in pairs. At no time are two overwatches out of order at once, so that a client
//! always has a second one; and at most one server is.

use super::etcd;
use super::fault::{Fault, Kind, Process, Scene};
use crate::random::Random;
use crate::topology::{Host, Role, Topology};

/// How long a server is out of order, in milliseconds: longer than it takes to notice. The others are
/// out for less.
const SERVER_MS: (u32, u32) = (7_000, 10_000);
const OTHERS_MS: (u32, u32) = (3_000, 9_000);
/// When the second of a pair begins, after the first.
const SECOND_AFTER_MS: (u32, u32) = (500, 2_500);
/// One step in so many is a pair, where a second scene goes with the first.
const PAIR_ONE_IN: u32 = 3;
/// What slow ways take longer, in milliseconds for a round trip: between overwatches, where nothing waits
/// but they; and to a server's host, which is checked within a second.
const SLOW_MESH_MS: u32 = 2_000;
const SLOW_AGENT_MS: u32 = 300;

/// A fault with its time, counted from the step's beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) scene: Scene,
    pub(super) fault: Fault,
    pub(super) from_ms: u32,
    pub(super) until_ms: u32,
}

/// One fault, or two that meet. What follows is recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step(pub(super) Vec<Planned>);

impl Step {
    pub(super) fn length_ms(&self) -> u32 {
        self.0.iter().map(|planned| planned.until_ms).max().unwrap_or(0)
    }
}

/// Steps without end; the same ones for the same seed, kinds and topology.
pub(super) struct Schedule<'a> {
    topology: &'a Topology,
    random: Random,
    scenes: Vec<Scene>,
    /// What is still to be dealt.
    deck: Vec<Scene>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(seed: u64, kinds: &[Kind], topology: &'a Topology) -> Self {
        let has_etcd = topology.host(etcd::HOST).is_some();
        let scenes = Scene::ALL.into_iter().filter(|scene| kinds.contains(&scene.kind()));
        let scenes = scenes.filter(|scene| has_etcd || *scene != Scene::EtcdKilled);
        Self { topology, random: Random::new(seed), scenes: scenes.collect(), deck: Vec::new() }
    }

    fn planned(&mut self, scene: Scene, from_ms: u32) -> Option<Planned> {
        let (least, most) = match scene {
            Scene::ServerKilled | Scene::ServerPaused => SERVER_MS,
            _ => OTHERS_MS,
        };
        let fault = self.fault(scene)?;
        let until_ms = from_ms + self.between(least, most);
        Some(Planned { scene, fault, from_ms, until_ms })
    }

    fn fault(&mut self, scene: Scene) -> Option<Fault> {
        let (overwatch, others) = self.pick(Role::Overwatch)?;
        let (server, _) = self.pick(Role::Backend)?;
        let other = others.get(self.random.index(others.len())).cloned();
        let process = |host: &String, unit| Process { host: host.clone(), unit };
        let daemon = |host: &String| process(host, "opengslb");
        let web = |host: &String| process(host, "web");
        let names = |role| self.topology.with_role(role).map(|host| host.name.clone());
        let servers: Vec<String> = names(Role::Backend).collect();
        Some(match scene {
            Scene::OverwatchKilled => Fault::Kill(daemon(&overwatch)),
            Scene::OverwatchPaused => Fault::Pause(daemon(&overwatch)),
            Scene::AgentKilled => Fault::Kill(daemon(&server)),
            Scene::AgentPaused => Fault::Pause(daemon(&server)),
            Scene::ServerKilled => Fault::Kill(web(&server)),
            Scene::ServerPaused => Fault::Pause(web(&server)),
            Scene::OverwatchesApart => Fault::Cut(overwatch, vec![other?]),
            Scene::OverwatchAlone => {
                let etcd = self.topology.host(etcd::HOST).map(|(_, host)| host.name.clone());
                let etcd = etcd.into_iter().collect();
                Fault::Cut(overwatch, [others, servers, etcd].concat())
            }
            Scene::AgentApart => Fault::Cut(server, vec![overwatch]),
            Scene::AgentAlone => Fault::Cut(server, names(Role::Overwatch).collect()),
            Scene::OverwatchesSlow => Fault::Slow(overwatch, vec![other?], SLOW_MESH_MS),
            Scene::AgentSlow => Fault::Slow(server, vec![overwatch], SLOW_AGENT_MS),
            Scene::EtcdKilled => Fault::KillEtcd,
        })
    }

    /// One host of a role, and the others of it.
    fn pick(&mut self, role: Role) -> Option<(String, Vec<String>)> {
        let hosts: Vec<&Host> = self.topology.with_role(role).collect();
        let picked = hosts.get(self.random.index(hosts.len()))?.name.clone();
        let others = hosts.iter().map(|host| host.name.clone()).filter(|name| *name != picked);
        Some((picked.clone(), others.collect()))
    }

    fn between(&mut self, least: u32, most: u32) -> u32 {
        least + self.random.below(most.saturating_sub(least) + 1)
    }
}

impl Iterator for Schedule<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.deck.is_empty() {
            self.deck.clone_from(&self.scenes);
            self.random.shuffle(&mut self.deck);
            // The last is dealt first: however short a run is, etcd dies in it.
            self.deck.sort_by_key(|scene| *scene == Scene::EtcdKilled);
        }
        let first = self.deck.pop()?;
        let mut step = Step(vec![self.planned(first, 0)?]);
        if self.random.below(PAIR_ONE_IN) == 0
            && let Some(place) = self.deck.iter().position(|scene| may_meet(first, *scene))
        {
            let second = self.deck.remove(place);
            let from_ms = self.between(SECOND_AFTER_MS.0, SECOND_AFTER_MS.1);
            step.0.extend(self.planned(second, from_ms));
        }
        Some(step)
    }
}

/// What a scene takes away.
#[derive(PartialEq)]
enum Takes {
    /// A nameserver.
    Overwatch,
    /// A server.
    Server,
    Agent,
    /// A way that has another way around it.
    Way,
    /// What operators said.
    Etcd,
    /// So much that nothing else may be missing.
    All,
}

/// May one happen while the other does?
fn may_meet(one: Scene, other: Scene) -> bool {
    let takes = |scene| match scene {
        Scene::OverwatchKilled | Scene::OverwatchPaused => Takes::Overwatch,
        Scene::AgentKilled | Scene::AgentPaused => Takes::Agent,
        Scene::ServerKilled | Scene::ServerPaused => Takes::Server,
        Scene::OverwatchesApart | Scene::OverwatchesSlow => Takes::Way,
        Scene::EtcdKilled => Takes::Etcd,
        // An overwatch that reaches nobody else goes by what it knew, which is its policy; and a server
        // that is not reached is out of the answers, as if it were down.
        Scene::OverwatchAlone | Scene::AgentAlone | Scene::AgentApart | Scene::AgentSlow => {
            Takes::All
        }
    };
    let (one, other) = (takes(one), takes(other));
    one != other && one != Takes::All && other != Takes::All
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn steps(seed: u64, kinds: &[Kind], count: usize) -> Vec<Step> {
        let topology: Topology = etcd::topology(true).parse().unwrap();
        Schedule::new(seed, kinds, &topology).take(count).collect()
    }

    #[test]
    fn a_seed_is_a_schedule() {
        assert_eq!(steps(7, &Kind::ALL, 50), steps(7, &Kind::ALL, 50));
        assert_ne!(steps(7, &Kind::ALL, 50), steps(8, &Kind::ALL, 50));
    }

    #[test]
    fn every_scene_comes_before_one_comes_again() {
        for seed in 0..20 {
            let steps = steps(seed, &Kind::ALL, Scene::ALL.len());
            let dealt = steps.iter().flat_map(|step| &step.0).map(|planned| planned.scene);
            let first: BTreeSet<Scene> = dealt.take(Scene::ALL.len()).collect();
            assert_eq!(first.len(), Scene::ALL.len(), "seed {seed}");
        }
    }

    #[test]
    fn etcd_dies_first_where_there_is_one() {
        for seed in 0..20 {
            let scene = steps(seed, &Kind::ALL, 1).first().map(|step| step.0[0].scene);
            assert_eq!(scene, Some(Scene::EtcdKilled), "seed {seed}");
        }
        let topology: Topology = etcd::topology(false).parse().unwrap();
        let steps = Schedule::new(1, &Kind::ALL, &topology).take(100);
        assert!(steps.flat_map(|step| step.0).all(|planned| planned.scene != Scene::EtcdKilled));
    }

    #[test]
    fn only_the_kinds_that_were_asked_for_come() {
        for kind in Kind::ALL {
            let steps = steps(1, &[kind], 30);
            assert!(steps.iter().flat_map(|step| &step.0).all(|p| p.scene.kind() == kind));
        }
        assert_eq!(steps(1, &[], 1), []);
    }

    /// Else a question may be lost, or an answer be wrong, and nobody is to blame.
    #[test]
    fn a_second_nameserver_is_left_and_so_are_servers() {
        let mut pairs = BTreeSet::new();
        for step in (0..100).flat_map(|seed| steps(seed, &Kind::ALL, 30)) {
            let scenes: Vec<Scene> = step.0.iter().map(|planned| planned.scene).collect();
            let stops = |unit: &str, role: &str| {
                let stopped = step.0.iter().filter_map(|planned| planned.fault.stops());
                stopped.filter(|p| p.unit == unit && p.host.starts_with(role)).count()
            };
            assert!(stops("opengslb", "overwatch") <= 1 && stops("web", "server") <= 1);
            if let [one, other] = scenes[..] {
                assert!(one != Scene::OverwatchAlone && other != Scene::OverwatchAlone);
                pairs.insert((one, other));
            }
            assert!(step.length_ms() <= 12_500, "{step:?}");
        }
        assert!(pairs.len() > 15, "pairs meet: {pairs:?}");
    }
}
