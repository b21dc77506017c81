//! The event loop of bad days: hands nodes their events, carries out what they want, and checks after each
//! step.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use geo::Geo;
use health::Outcome;
use model::{AgentId, Subnet, Time};

use super::clients::{NETWORKS, Ways};
use super::faults::START;
use super::invariants::{self, Broken, Fault};
use super::nodes::{End, Host, Node};
use super::seam::{Passing, Seam};
use super::site::{self, Room};
use super::wires::{self, LinkId, Side, Wires};
use super::{ChaosError, ChaosSettings, ChaosSummary};
use crate::queue::Queue;
use crate::random::Random;
use crate::settings::SetUpError;

/// How often everybody's deadlines are looked at, in milliseconds.
const LOOK_MS: u64 = 250;
/// A connection that is not established by then is closed, in milliseconds.
const HANDSHAKE_MS: u64 = 10_000;

/// What is yet to happen.
#[derive(Debug)]
pub(super) enum Event {
    OverwatchTick {
        number: usize,
        life: u64,
    },
    Look,
    Observe,
    /// An overwatch checks an agent's server.
    Check {
        number: usize,
        agent: usize,
        life: u64,
    },
    Dial {
        from: End,
        address: String,
    },
    Opened(LinkId),
    Arrived {
        link: LinkId,
        to: Side,
        bytes: Vec<u8>,
    },
    /// An end notices that a connection is over.
    Gone {
        link: LinkId,
        side: Side,
    },
    /// Two that lost sight of each other give their connection up.
    GivenUp(LinkId),
    Written {
        number: usize,
        life: u64,
    },
    Fault,
    Revive(End),
    GoOn(End),
    Ended {
        agent: usize,
    },
    Heal,
    Compare,
}

/// Everything.
pub(super) struct World {
    settings: ChaosSettings,
    seed: u64,
    pub(super) now: Time,
    pub(super) queue: Queue<Event>,
    pub(super) hosts: Vec<Host>,
    pub(super) nodes: Vec<Node>,
    pub(super) wires: Wires,
    pub(super) geo: Arc<Geo>,
    /// What goes wrong.
    pub(super) luck: Random,
    pub(super) network: Random,
    pub(super) clients: Random,
    pub(super) ways: Ways,
    /// How much nodes may hold.
    pub(super) room: Room,
    /// The agents' names.
    pub(super) ids: Vec<AgentId>,
    pub(super) seam: Seam,
    pub(super) stretch_ends: Option<Time>,
    /// Everything is healed and not compared yet.
    pub(super) is_calm: bool,
    /// Pairs that are about to be dialled.
    pub(super) dialling: BTreeSet<(End, String)>,
    pub(super) words_said: u64,
    /// The word that is being said now.
    pub(super) word: Option<u64>,
    pub(super) cookie: u64,
    pub(super) summary: ChaosSummary,
    /// Bytes that overwatches said to one another.
    pub(super) bytes_told: u64,
}

impl World {
    pub(super) fn new(seed: u64, settings: ChaosSettings) -> Result<Self, SetUpError> {
        let mut luck = Random::new(seed, "luck");
        let overwatches = settings.overwatches.clamp(1, 16);
        // One of them may be of the release before.
        let old = (overwatches > 2 && luck.chance(0.25)).then(|| luck.index(overwatches));
        let room = Room::by_luck(&mut luck, settings.agents.clamp(1, 100));
        Self::of((seed, luck), settings, old, room)
    }

    /// One with this overwatch of the release before, and so much room for rows.
    pub(super) fn of(
        (seed, mut luck): (u64, Random),
        settings: ChaosSettings,
        old: Option<usize>,
        room: Room,
    ) -> Result<Self, SetUpError> {
        let agents = settings.agents.clamp(1, 100);
        let overwatches = settings.overwatches.clamp(1, 16);
        let ids = (0..agents).map(site::agent_id).collect::<Result<_, _>>()?;
        let all: Vec<String> = (0..overwatches).map(address_of).collect();
        let hosts = (0..agents).map(|agent| {
            let settings = site::agent(agent, agents > 1 && agent == agents - 1, room)?;
            // Most know one overwatch and learn the others from it.
            let first = all.get(luck.index(overwatches)).cloned();
            let dials = match old {
                Some(_) => all.iter().cloned().collect(),
                None => first.into_iter().collect(),
            };
            Ok(Host::new(settings, dials))
        });
        let hosts = hosts.collect::<Result<_, SetUpError>>()?;
        let nodes = (0..overwatches).map(|number| {
            let is_old = old == Some(number);
            let others = if is_old { Vec::new() } else { all.clone() };
            let mut settings = site::overwatch(&name_of(number), agents, others, room)?;
            settings.checks.enabled = luck.chance(0.5);
            Ok(Node::new(settings, is_old))
        });
        let nodes = nodes.collect::<Result<_, SetUpError>>()?;
        let geo = Arc::new(Geo::from_placed(&[], &[])?);
        Ok(Self {
            settings,
            seed,
            now: START,
            queue: Queue::new(),
            hosts,
            nodes,
            wires: Wires::default(),
            geo,
            luck,
            network: Random::new(seed, "network"),
            clients: Random::new(seed, "clients"),
            ways: Ways::new(seed, agents),
            room,
            ids,
            seam: Seam::default(),
            stretch_ends: None,
            is_calm: false,
            dialling: BTreeSet::new(),
            words_said: 0,
            word: None,
            cookie: 0,
            summary: ChaosSummary::default(),
            bytes_told: 0,
        })
    }

    pub(super) fn run(mut self) -> Result<ChaosSummary, ChaosError> {
        let ends = START.plus_ms(self.settings.minutes.saturating_mul(60_000));
        let started = self.start();
        self.judge(started)?;
        self.queue.push(self.now.plus_ms(10_000), Event::Observe);
        self.queue.push(self.now.plus_ms(20_000), Event::Heal);
        self.live_until(ends)?;
        (0..self.nodes.len()).for_each(|number| self.count(number));
        Ok(self.summary)
    }

    /// Adds up what an overwatch counted, before it is gone.
    pub(super) fn count(&mut self, number: usize) {
        let Some(value) = self.nodes.get(number).and_then(|node| node.value.as_ref()) else {
            return;
        };
        let counters = value.table().counters();
        self.summary.rows_told += value.peer_counters().rows_told;
        self.summary.evicted += counters.evicted;
        self.summary.no_room += counters.left_out;
    }

    /// Rows that those who live told one another.
    pub(super) fn rows_told(&self) -> u64 {
        let values = self.nodes.iter().filter_map(|node| node.value.as_ref());
        values.map(|value| value.peer_counters().rows_told).sum()
    }

    pub(super) fn judge(&self, done: Result<(), Fault>) -> Result<(), Broken> {
        done.map_err(|(what, detail)| Broken {
            seed: self.seed,
            after_ms: self.now.ms_since(START),
            step: self.summary.steps,
            what,
            detail: format!("{detail}; {:?}, {} agents", self.room, self.hosts.len()),
        })
    }

    pub(super) fn start(&mut self) -> Result<(), Fault> {
        for number in 0..self.nodes.len() {
            self.set_clock(End::Overwatch(number));
            self.revive(End::Overwatch(number))?;
        }
        for agent in 0..self.hosts.len() {
            self.set_clock(End::Agent(agent));
            self.revive(End::Agent(agent))?;
        }
        self.queue.push(self.now, Event::Look);
        Ok(())
    }

    /// Lives until then.
    pub(super) fn live_until(&mut self, until: Time) -> Result<(), Broken> {
        while let Some((at, event)) = self.queue.pop(until) {
            self.now = at;
            self.summary.steps += 1;
            let done = self.step(event);
            self.judge(done)?;
        }
        self.now = until;
        Ok(())
    }

    fn step(&mut self, event: Event) -> Result<(), Fault> {
        match event {
            Event::OverwatchTick { number, life } => {
                if self.nodes.get(number).is_some_and(|node| node.life == life) {
                    self.queue.push(self.now.plus_ms(1_000), Event::OverwatchTick { number, life });
                    self.tell(number, overwatch::Event::Tick)?;
                }
            }
            Event::Look => self.look()?,
            Event::Observe => self.observe()?,
            Event::Check { number, agent, life } => self.check(number, agent, life)?,
            Event::Dial { from, address } => self.dial(from, address),
            Event::Opened(link) => self.opened(link)?,
            Event::Arrived { link, to, bytes } => self.arrived(link, to, bytes)?,
            Event::Gone { link, side } => self.gone(link, side)?,
            Event::GivenUp(link) => self.given_up(link),
            Event::Written { number, life } => self.written(number, life),
            Event::Fault => self.fault()?,
            Event::Revive(end) => self.revive(end)?,
            Event::GoOn(end) => self.go_on(end)?,
            Event::Ended { agent } => {
                if self.hosts.get(agent).is_some_and(|host| host.is_ending) {
                    self.kill(End::Agent(agent), true);
                }
            }
            Event::Heal => self.heal()?,
            Event::Compare => {
                self.compare()?;
                self.summary.heals += 1;
                self.ways.move_on();
                self.begin_stretch();
            }
        }
        Ok(())
    }

    /// Deadlines of agents, who is to be dialled, handshakes that take too long.
    fn look(&mut self) -> Result<(), Fault> {
        self.queue.push(self.now.plus_ms(LOOK_MS), Event::Look);
        for agent in 0..self.hosts.len() {
            let Some(host) = self.hosts.get(agent) else { continue };
            let at = host.clock.at(self.now);
            let is_due = host.value.as_ref().is_some_and(|value| value.next_deadline() <= at);
            if is_due {
                self.tell_agent(agent, agent::Event::Tick)?;
                self.check_server(agent)?;
            }
        }
        self.plan_dials();
        let is_late = |wire: &wires::Wire, now: Time| {
            !wire.is_established && !wire.is_broken && now.ms_since(wire.since) > HANDSHAKE_MS
        };
        let late = self.wires.list.iter().filter(|(_, wire)| is_late(wire, self.now));
        for link in late.map(|(link, _)| *link).collect::<Vec<_>>() {
            self.break_wire(link, true);
        }
        self.wires.sweep();
        Ok(())
    }

    /// Hands an overwatch an event, carries out what it wants, and checks.
    pub(super) fn tell(&mut self, number: usize, event: overwatch::Event) -> Result<(), Fault> {
        let (now, mut event) = (self.now, event);
        let Some(node) = self.nodes.get_mut(number) else { return Ok(()) };
        if node.clock.hangs(now) {
            // Ticks are not made up for.
            if !matches!(event, overwatch::Event::Tick) {
                node.backlog.push_back(event);
            }
            return Ok(());
        }
        let at = node.clock.at(now);
        let Some(value) = &mut node.value else { return Ok(()) };
        node.steps += 1;
        if let overwatch::Event::Checked { backend, outcome } = &event {
            let watched = site::agent_of(backend).and_then(|agent| node.watched.get_mut(&agent));
            if let Some(watched) = watched {
                watched.verdict = Some(matches!(outcome, Outcome::Pass { .. }));
            }
        }
        if !self.seam.passes(Passing::Event(&mut event)) {
            return Ok(());
        }
        for effect in value.handle(event, at) {
            self.carry_out(number, effect)?;
        }
        let clients = [self.clients.index(NETWORKS), self.clients.index(NETWORKS)];
        let clients: Vec<Subnet> = clients.into_iter().map(invariants::network).collect();
        self.summary.answers += clients.len() as u64;
        self.check_step(number, &clients)
    }

    pub(super) fn carry_out(
        &mut self,
        number: usize,
        mut effect: overwatch::Effect,
    ) -> Result<(), Fault> {
        use overwatch::Effect;
        if !self.seam.passes(Passing::Effect(number, &mut effect)) {
            return Ok(());
        }
        match effect {
            Effect::Send { link, frame } => self.send(link, End::Overwatch(number), frame)?,
            Effect::Close { link } => self.close(link, End::Overwatch(number)),
            Effect::Publish(view) => {
                if let Some(node) = self.nodes.get_mut(number) {
                    node.view = Some(view);
                }
            }
            Effect::Keep(changes) => {
                let Some(node) = self.nodes.get_mut(number) else { return Ok(()) };
                node.disk.writing.push_back((changes, self.word));
                let (at, life) = (self.now.plus_ms(5 + node.disk.delay_ms), node.life);
                self.queue.push(at, Event::Written { number, life });
            }
            Effect::DialPeers(wanted) => {
                if let Some(node) = self.nodes.get_mut(number) {
                    node.dials = wanted;
                }
            }
            Effect::PinPeer { address, key } => {
                let Some(node) = self.nodes.get_mut(number) else { return Ok(()) };
                if *node.pins.entry(address).or_insert(key) != key {
                    return Err(("a pinned key holds", name_of(number)));
                }
            }
            Effect::Watch { backend, spec } => self.watch(number, &backend, spec.interval_ms),
            Effect::Unwatch { backend } => self.unwatch(number, &backend),
            // Nothing is signed or read here.
            Effect::Draw { .. } | Effect::Log(_) => {}
        }
        Ok(())
    }

    /// Hands an agent an event and carries out what it wants.
    pub(super) fn tell_agent(&mut self, agent: usize, event: agent::Event) -> Result<(), Fault> {
        use agent::Effect;
        let now = self.now;
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let Some(host) = self.hosts.get_mut(agent) else { return Ok(()) };
            if host.clock.hangs(now) {
                host.backlog.push_back(event);
                continue;
            }
            let at = host.clock.at(now);
            let Some(value) = &mut host.value else { return Ok(()) };
            if matches!(event, agent::Event::PollEnded) {
                host.learned.end_interval();
            }
            let effects = value.handle(event, at);
            invariants::check_agent(host, self.room)?;
            for effect in effects {
                let Some(host) = self.hosts.get_mut(agent) else { return Ok(()) };
                match effect {
                    Effect::Poll => events.push_back(agent::Event::PollEnded),
                    Effect::Send { link, frame } => self.send(link, End::Agent(agent), frame)?,
                    Effect::Close { link } => self.close(link, End::Agent(agent)),
                    Effect::Pin { dialled, key, .. } => drop(host.pins.insert(dialled, key)),
                    Effect::Dial { address } => drop(host.dials.insert(address)),
                    Effect::Look | Effect::Log(_) => {}
                }
            }
        }
        Ok(())
    }
}

pub(super) fn name_of(number: usize) -> String {
    format!("overwatch-{number}")
}

/// Where an overwatch is dialled.
fn address_of(number: usize) -> String {
    format!("10.1.{number}.10:7946")
}

pub(super) fn overwatch_at(address: &str, count: usize) -> Option<usize> {
    (0..count).find(|number| address_of(*number) == address)
}
