//! What nodes find out for themselves: agents whether their server works, overwatches whether they reach
//! it.

use health::{FailReason, Outcome, Phase};
use model::{BackendKey, Rtt};

use super::invariants::Fault;
use super::nodes::{End, Watched};
use super::site;
use super::world::{Event, World};

impl World {
    /// An agent checks its server.
    pub(super) fn check_server(&mut self, agent: usize) -> Result<(), Fault> {
        let (Some(host), Ok(backend)) = (self.hosts.get(agent), site::server(agent)) else {
            return Ok(());
        };
        let outcome = outcome(host.is_healthy, FailReason::Refused);
        self.tell_agent(agent, agent::Event::Checked { backend, outcome })
    }

    /// An overwatch wants a server checked from now on.
    pub(super) fn watch(&mut self, number: usize, backend: &BackendKey, every_ms: u64) {
        let Some((node, agent)) = self.nodes.get_mut(number).zip(site::agent_of(backend)) else {
            return;
        };
        let watched = node.watched.entry(agent).or_insert(Watched { every_ms, verdict: None });
        watched.every_ms = every_ms;
        if node.checking.insert(agent) {
            let life = node.life;
            let at = self.now.plus_ms(self.network.below(every_ms.max(1)));
            self.queue.push(at, Event::Check { number, agent, life });
        }
    }

    pub(super) fn unwatch(&mut self, number: usize, backend: &BackendKey) {
        if let Some((node, agent)) = self.nodes.get_mut(number).zip(site::agent_of(backend)) {
            node.watched.remove(&agent);
        }
    }

    /// An overwatch checks a server: it works, its machine is up, and the way there is.
    pub(super) fn check(&mut self, number: usize, agent: usize, life: u64) -> Result<(), Fault> {
        let Some(node) = self.nodes.get_mut(number).filter(|node| node.life == life) else {
            return Ok(());
        };
        let Some(watched) = node.watched.get(&agent) else {
            node.checking.remove(&agent);
            return Ok(());
        };
        let next = self.now.plus_ms(watched.every_ms);
        self.queue.push(next, Event::Check { number, agent, life });
        let is_reached = self.wires.sees(End::Agent(agent), End::Overwatch(number));
        let (Some(host), Ok(backend)) = (self.hosts.get(agent), site::server(agent)) else {
            return Ok(());
        };
        let outcome = if is_reached && !host.is_dark {
            outcome(host.is_healthy, FailReason::Refused)
        } else {
            outcome(false, FailReason::TimedOut(Phase::Connect))
        };
        self.summary.checks += 1;
        self.tell(number, overwatch::Event::Checked { backend, outcome })
    }
}

fn outcome(is_passed: bool, why: FailReason) -> Outcome {
    match Rtt::from_us(1_000) {
        Ok(connect) if is_passed => Outcome::Pass { connect },
        _ => Outcome::Fail(why),
    }
}
