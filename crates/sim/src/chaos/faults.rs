//! What goes wrong, and when. All of it comes from one stream of luck.

use model::Time;
use overwatch::{Command, HandOrder, Said};

use super::invariants::Fault;
use super::nodes::End;
use super::site;
use super::world::{Event, World};

/// A bad stretch lasts so long, in milliseconds.
const STRETCH_MS: (u64, u64) = (8_000, 50_000);
/// From one fault to the next.
const FAULT_MS: (u64, u64) = (200, 4_000);
/// How far a clock may be off at a start, either way, and may jump ahead later: more than any grace.
const CLOCK_OFF_MS: u64 = 45_000;
/// How long a process hangs.
const HANG_MS: (u64, u64) = (500, 20_000);
/// How long a machine is down.
const DOWN_MS: (u64, u64) = (300, 25_000);

impl World {
    /// A bad stretch begins now.
    pub(super) fn begin_stretch(&mut self) {
        let ends = self.now.plus_ms(self.luck_between(STRETCH_MS));
        (self.stretch_ends, self.is_calm) = (Some(ends), false);
        self.queue.push(ends, Event::Heal);
        self.queue.push(self.now, Event::Fault);
    }

    pub(super) fn luck_between(&mut self, (least, most): (u64, u64)) -> u64 {
        least + self.luck.below(most - least)
    }

    /// One thing goes wrong.
    pub(super) fn fault(&mut self) -> Result<(), Fault> {
        let next = self.now.plus_ms(self.luck_between(FAULT_MS));
        if self.stretch_ends.is_some_and(|ends| next < ends) {
            self.queue.push(next, Event::Fault);
        }
        self.summary.faults += 1;
        let (agent, node) = (self.luck.index(self.hosts.len()), self.luck.index(self.nodes.len()));
        let other = self.luck.index(self.nodes.len());
        match self.luck.below(18) {
            0 | 1 => self.wires.part(End::Agent(agent), End::Overwatch(node)),
            2 | 3 => self.wires.part(End::Overwatch(other), End::Overwatch(node)),
            4 => self.isolate(node),
            5 => self.see_again(),
            6 => {
                let slow_ms = self.luck.below(3_000);
                self.wires.slow_down(End::Agent(agent), End::Overwatch(node), slow_ms);
            }
            7 => {
                let slow_ms = self.luck.below(3_000);
                self.wires.slow_down(End::Overwatch(other), End::Overwatch(node), slow_ms);
            }
            8 => self.crash(End::Overwatch(node)),
            9 => self.crash(End::Agent(agent)),
            10 => self.stop_agent(agent)?,
            11 => self.hang(End::Overwatch(node)),
            12 => self.hang(End::Agent(agent)),
            13 => {
                if let Some(host) = self.hosts.get_mut(agent) {
                    host.is_healthy = !host.is_healthy;
                }
            }
            14 => self.spoil_disk(node),
            15 => self.jump(End::Overwatch(node)),
            16 => self.jump(End::Agent(agent)),
            _ => self.say(node, agent)?,
        }
        self.part_wires();
        Ok(())
    }

    /// Nobody sees an overwatch.
    fn isolate(&mut self, node: usize) {
        for agent in 0..self.hosts.len() {
            self.wires.part(End::Agent(agent), End::Overwatch(node));
        }
        for other in 0..self.nodes.len() {
            self.wires.part(End::Overwatch(other), End::Overwatch(node));
        }
    }

    /// A process dies, or all of its machine; it comes back after a while with another time on its clock.
    fn crash(&mut self, end: End) {
        let is_process = self.luck.chance(0.5);
        self.kill(end, is_process);
        if let End::Agent(agent) = end
            && let Some(host) = self.hosts.get_mut(agent)
        {
            host.is_dark |= !is_process;
        }
        let back = self.now.plus_ms(self.luck_between(DOWN_MS));
        self.queue.push(back, Event::Revive(end));
    }

    fn hang(&mut self, end: End) {
        let until = self.now.plus_ms(self.luck_between(HANG_MS));
        if let Some(clock) = self.clock_mut(end) {
            clock.hangs_until = Some(until);
        }
        self.queue.push(until, Event::GoOn(end));
    }

    /// A clock goes ahead while its process runs. Never back: the product's own does not.
    fn jump(&mut self, end: End) {
        let ahead_ms = self.luck.below(CLOCK_OFF_MS);
        if let Some(clock) = self.clock_mut(end) {
            clock.ahead_ms += ahead_ms;
        }
    }

    fn spoil_disk(&mut self, node: usize) {
        let (is_full, delay_ms) = (self.luck.chance(0.5), self.luck.below(4_000));
        if let Some(node) = self.nodes.get_mut(node) {
            (node.disk.is_full, node.disk.delay_ms) = (is_full, delay_ms);
        }
    }

    /// An agent is asked to end, and started again.
    fn stop_agent(&mut self, agent: usize) -> Result<(), Fault> {
        self.tell_agent(agent, agent::Event::Stop)?;
        let Some(host) = self.hosts.get_mut(agent).filter(|host| host.value.is_some()) else {
            return Ok(());
        };
        host.is_ending = true;
        let gone = self.now.plus_ms(100);
        self.queue.push(gone, Event::Ended { agent });
        let back = gone.plus_ms(self.luck_between(DOWN_MS));
        self.queue.push(back, Event::Revive(End::Agent(agent)));
        Ok(())
    }

    /// An operator says something of a server, or takes it back.
    fn say(&mut self, number: usize, agent: usize) -> Result<(), Fault> {
        let is_up = [Some(true), Some(false), None].get(self.luck.index(3)).copied().flatten();
        let Ok(backend) = site::server(agent) else { return Ok(()) };
        let command = Command::Hand(HandOrder::Override { backend, is_up });
        let said = Said { by: "chaos".to_owned(), ..Said::default() };
        let at = self.now;
        let Some(node) = self.nodes.get_mut(number) else { return Ok(()) };
        let is_objected = node
            .value
            .as_ref()
            .is_none_or(|value| value.objection(&command, &said, node.clock.at(at)).is_some());
        if is_objected || node.clock.hangs(at) {
            return Ok(());
        }
        self.words_said += 1;
        node.words.entry(agent).or_default().pending.push_back((self.words_said, is_up));
        self.word = Some(self.words_said);
        let told = self.tell(number, overwatch::Event::Command { command, said });
        self.word = None;
        told
    }

    /// A clock as it is set at a start.
    pub(super) fn set_clock(&mut self, end: End) {
        let (is_ahead, off_ms) = (self.luck.chance(0.5), self.luck.below(CLOCK_OFF_MS));
        if let Some(clock) = self.clock_mut(end) {
            clock.hangs_until = None;
            (clock.ahead_ms, clock.behind_ms) = if is_ahead { (off_ms, 0) } else { (0, off_ms) };
        }
    }

    /// Everything is well again: everybody is there and sees everybody.
    pub(super) fn heal(&mut self) -> Result<(), Fault> {
        (self.stretch_ends, self.is_calm) = (None, true);
        for node in &mut self.nodes {
            (node.disk.is_full, node.disk.delay_ms) = (false, 0);
        }
        self.wires.slow.clear();
        for agent in 0..self.hosts.len() {
            if self.hosts.get(agent).is_some_and(|host| host.is_ending) {
                self.kill(End::Agent(agent), true);
            }
        }
        let all = (0..self.hosts.len()).map(End::Agent);
        for end in all.chain((0..self.nodes.len()).map(End::Overwatch)) {
            self.revive(end)?;
            self.go_on(end)?;
        }
        self.see_again();
        self.queue.push(self.now.plus_ms(ALIKE_MS), Event::Compare);
        Ok(())
    }
}

/// All overwatches hold the same so long after a heal, in milliseconds.
const ALIKE_MS: u64 = 10_000;

/// Where virtual time begins.
pub(super) const START: Time = Time::from_unix_ms(1_766_138_700_000);
