//! How nodes of the world die, start, hang and go on, and what their disks keep.

use std::collections::VecDeque;
use std::sync::Arc;

use agent::Agent;
use model::Time;
use overwatch::Overwatch;

use super::faults::START;
use super::invariants::Fault;
use super::nodes::{Clock, End, Node, Words};
use super::site;
use super::wires::Side;
use super::world::{Event, World};

impl World {
    /// A node dies. Its own connections are over for it at once.
    pub(super) fn kill(&mut self, end: End, is_polite: bool) {
        let was_up = match end {
            End::Agent(agent) => {
                let host = self.hosts.get_mut(agent);
                host.is_some_and(|host| {
                    host.backlog.clear();
                    host.learned.ends();
                    host.is_ending = false;
                    host.value.take().is_some()
                })
            }
            End::Overwatch(number) => {
                self.count(number);
                let node = self.nodes.get_mut(number);
                node.is_some_and(|node| {
                    node.backlog.clear();
                    node.disk.writing.clear();
                    node.watched.clear();
                    node.checking.clear();
                    node.view = None;
                    node.life += 1;
                    node.value.take().is_some()
                })
            }
        };
        if !was_up {
            return;
        }
        self.wires.stood.retain(|(from, _)| *from != end);
        for link in self.wires.of(end) {
            let Some(wire) = self.wires.list.get_mut(&link) else { continue };
            let side = if wire.from == end { Side::Dialler } else { Side::Dialled };
            wire.half(side).is_open = false;
            self.break_wire(link, is_polite);
        }
    }

    /// A node that is down starts, with what is on its disk.
    pub(super) fn revive(&mut self, end: End) -> Result<(), Fault> {
        let is_down = match end {
            End::Agent(agent) => self.hosts.get(agent).is_some_and(|host| host.value.is_none()),
            End::Overwatch(number) => self.value(number).is_none(),
        };
        if !is_down {
            return Ok(());
        }
        if self.now > START {
            self.set_clock(end);
        }
        let now = self.now;
        match end {
            End::Agent(agent) => {
                if let Some(host) = self.hosts.get_mut(agent) {
                    let at = host.clock.at(now);
                    host.is_dark = false;
                    host.value = Some(Agent::new(host.settings.clone(), [], at));
                }
                self.check_server(agent)
            }
            End::Overwatch(number) => {
                let geo = Arc::clone(&self.geo);
                let Some(node) = self.nodes.get_mut(number) else { return Ok(()) };
                let (kept, at) = (node.disk.kept.clone(), node.clock.at(now));
                let mut value = Overwatch::new(node.settings.clone(), geo, kept, at);
                let effects = value.handle(overwatch::Event::Tick, at);
                node.view = Some(value.view());
                node.value = Some(value);
                node.dials.clear();
                node.remember_words(at)?;
                let life = node.life;
                self.queue.push(now.plus_ms(1_000), Event::OverwatchTick { number, life });
                effects.into_iter().try_for_each(|effect| self.carry_out(number, effect))
            }
        }
    }

    /// A node that hung goes on with what waited.
    pub(super) fn go_on(&mut self, end: End) -> Result<(), Fault> {
        if let Some(clock) = self.clock_mut(end) {
            clock.hangs_until = None;
        }
        match end {
            End::Agent(agent) => {
                let waiting =
                    self.hosts.get_mut(agent).map(|host| std::mem::take(&mut host.backlog));
                waiting.into_iter().flatten().try_for_each(|event| self.tell_agent(agent, event))
            }
            End::Overwatch(number) => {
                let waiting = self.nodes.get_mut(number).map(|n| std::mem::take(&mut n.backlog));
                waiting.into_iter().flatten().try_for_each(|event| self.tell(number, event))
            }
        }
    }

    pub(super) fn clock_mut(&mut self, end: End) -> Option<&mut Clock> {
        match end {
            End::Agent(agent) => self.hosts.get_mut(agent).map(|host| &mut host.clock),
            End::Overwatch(number) => self.nodes.get_mut(number).map(|node| &mut node.clock),
        }
    }

    /// A write is done, and those before it; or is refused and tried again. Who waits for any of them is told
    /// then and there that it is not kept: it may be later, and nobody is told.
    pub(super) fn written(&mut self, number: usize, life: u64) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(number).filter(|node| node.life == life) else {
            return;
        };
        if node.disk.is_full {
            let waiting = node.disk.writing.iter_mut().filter_map(|(_, word)| word.take());
            self.summary.refused += waiting.count() as u64;
            self.queue.push(now.plus_ms(1_000), Event::Written { number, life });
            return;
        }
        let Some((changes, word)) = node.disk.writing.pop_front() else { return };
        changes.into_iter().for_each(|change| node.disk.kept.apply(change));
        if let Some(word) = word {
            node.words.values_mut().for_each(|words| words.acknowledge(word));
        }
    }
}

impl Node {
    /// After a start: what was acknowledged holds; what was said and not acknowledged may.
    pub(super) fn remember_words(&mut self, at: Time) -> Result<(), Fault> {
        let Some(value) = &self.value else { return Ok(()) };
        let backends = value.backend_list(at).backends;
        for (agent, words) in &mut self.words {
            let address = site::address(*agent).to_string();
            let known = backends.iter().find(|backend| backend.address == address);
            let Some(backend) = known else {
                words.pending.clear();
                continue;
            };
            let is_said = backend.authority == "override";
            let is_up = is_said.then_some(backend.effective_status == "healthy");
            if !words.may_be(is_up) {
                let detail = format!("{address}: {is_up:?} after a start, {words:?}");
                return Err(("acknowledged state survives", detail));
            }
            *words = Words { acknowledged: is_up, pending: VecDeque::new() };
        }
        Ok(())
    }
}
