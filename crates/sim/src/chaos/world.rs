//! The event loop of bad days: hands nodes their events, carries out what they want, and checks after each
//! step.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use agent::Agent;
use geo::Geo;
use health::{FailReason, Outcome};
use mesh::{Frame, KeyHash, Peer};
use model::{Rtt, Sample, SocketState, Subnet, Time};
use overwatch::{Overwatch, Snapshot};

use super::faults::START;
use super::invariants::{self, Broken, Fault};
use super::nodes::{Clock, Disk, End, Host, Node, Words};
use super::site;
use super::wires::{self, LinkId, QUEUE_FRAMES, Side, Wires};
use super::{ChaosError, ChaosSettings, ChaosSummary};
use crate::queue::Queue;
use crate::random::Random;
use crate::settings::{PORT, SetUpError};

/// Client networks: as many as a table holds of one agent, at most.
const NETWORKS: usize = 32;
/// How often everybody's deadlines are looked at, in milliseconds.
const LOOK_MS: u64 = 250;
/// The pause of a real edge before it dials again, in milliseconds.
const DIAL_MS: (u64, u64) = (200, 5_000);
/// A connection that is not established by then is closed, in milliseconds.
const HANDSHAKE_MS: u64 = 10_000;
/// TCP gives up a silent peer after about so long, in milliseconds.
const SILENT_MS: (u64, u64) = (3_000, 6_500);

/// What is yet to happen.
#[derive(Debug)]
pub(super) enum Event {
    OverwatchTick {
        number: usize,
        life: u64,
    },
    Look,
    Observe,
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
    geo: Arc<Geo>,
    /// What goes wrong.
    pub(super) luck: Random,
    network: Random,
    clients: Random,
    pub(super) stretch_ends: Option<Time>,
    /// Everything is healed and not compared yet.
    pub(super) is_calm: bool,
    /// Pairs that are about to be dialled.
    dialling: BTreeSet<(End, String)>,
    pub(super) words_said: u64,
    /// The word that is being said now.
    pub(super) word: Option<u64>,
    cookie: u64,
    pub(super) summary: ChaosSummary,
}

impl World {
    pub(super) fn new(seed: u64, settings: ChaosSettings) -> Result<Self, SetUpError> {
        let mut luck = Random::new(seed, "luck");
        let agents = settings.agents.clamp(1, 100);
        let overwatches = settings.overwatches.clamp(1, 16);
        // One of them may be of the release before.
        let old = (overwatches > 2 && luck.chance(0.25)).then(|| luck.index(overwatches));
        let all: Vec<String> = (0..overwatches).map(address_of).collect();
        let hosts = (0..agents).map(|agent| {
            let settings = site::agent(agent, agents > 1 && agent == agents - 1)?;
            // Most know one overwatch and learn the others from it.
            let first = all.get(luck.index(overwatches)).cloned();
            let dials = match old {
                Some(_) => all.iter().cloned().collect(),
                None => first.into_iter().collect(),
            };
            Ok(host(settings, dials))
        });
        let hosts = hosts.collect::<Result<_, SetUpError>>()?;
        let nodes = (0..overwatches).map(|number| {
            let is_old = old == Some(number);
            let others = if is_old { Vec::new() } else { all.clone() };
            let settings = site::overwatch(&name_of(number), agents, others)?;
            Ok(node(settings, is_old))
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
            stretch_ends: None,
            is_calm: false,
            dialling: BTreeSet::new(),
            words_said: 0,
            word: None,
            cookie: 0,
            summary: ChaosSummary::default(),
        })
    }

    pub(super) fn run(mut self) -> Result<ChaosSummary, ChaosError> {
        let ends = START.plus_ms(self.settings.minutes.saturating_mul(60_000));
        let started = self.start();
        self.judge(started)?;
        while let Some((at, event)) = self.queue.pop(ends) {
            self.now = at;
            self.summary.steps += 1;
            let done = self.step(event);
            self.judge(done)?;
        }
        let told = self.nodes.iter().filter_map(|node| node.value.as_ref());
        self.summary.rows_told += told.map(|value| value.peer_counters().rows_told).sum::<u64>();
        Ok(self.summary)
    }

    fn judge(&self, done: Result<(), Fault>) -> Result<(), Broken> {
        done.map_err(|(what, detail)| Broken {
            seed: self.seed,
            after_ms: self.now.ms_since(START),
            step: self.summary.steps,
            what,
            detail,
        })
    }

    fn start(&mut self) -> Result<(), Fault> {
        for number in 0..self.nodes.len() {
            self.set_clock(End::Overwatch(number));
            self.revive(End::Overwatch(number))?;
        }
        for agent in 0..self.hosts.len() {
            self.set_clock(End::Agent(agent));
            self.revive(End::Agent(agent))?;
        }
        self.queue.push(self.now, Event::Look);
        self.queue.push(self.now.plus_ms(10_000), Event::Observe);
        self.queue.push(self.now.plus_ms(20_000), Event::Heal);
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
            Event::Dial { from, address } => self.dial(from, address),
            Event::Opened(link) => self.opened(link)?,
            Event::Arrived { link, to, bytes } => self.arrived(link, to, &bytes)?,
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

    /// An agent checks its server.
    fn check_server(&mut self, agent: usize) -> Result<(), Fault> {
        let (Some(host), Ok(backend)) = (self.hosts.get(agent), site::server(agent)) else {
            return Ok(());
        };
        let connect = Rtt::from_us(1_000).map_err(|_| ("a time is one", String::new()))?;
        let outcome = match host.is_healthy {
            true => Outcome::Pass { connect },
            false => Outcome::Fail(FailReason::Refused),
        };
        self.tell_agent(agent, agent::Event::Checked { backend, outcome })
    }

    /// Clients of one network close connections at one agent's server.
    fn observe(&mut self) -> Result<(), Fault> {
        let next = self.now.plus_ms(100 + self.clients.below(900));
        self.queue.push(next, Event::Observe);
        // Between heal and comparison nothing new is learned.
        if self.is_calm {
            return Ok(());
        }
        let agent = self.clients.index(self.hosts.len());
        let network = self.clients.index(NETWORKS);
        let client = invariants::network(network);
        let Some(host) = self.hosts.get_mut(agent).filter(|host| host.value.is_some()) else {
            return Ok(());
        };
        if host.clock.hangs(self.now) {
            return Ok(());
        }
        host.seen.insert(client);
        let rtt_ms = 10 + (agent as u32 * 37 + network as u32 * 11) % 200;
        let samples = (0..3).map(|_| {
            self.cookie += 1;
            sample(agent, client, rtt_ms, self.cookie)
        });
        let samples = samples.collect();
        self.tell_agent(agent, agent::Event::Samples(samples))
    }

    /// Whoever wants a connection and has none tries again soon.
    fn plan_dials(&mut self) {
        let hosts = self.hosts.iter().enumerate().filter(|(_, host)| host.value.is_some());
        let agents = hosts.flat_map(|(n, host)| host.dials.iter().map(move |a| (End::Agent(n), a)));
        let nodes = self.nodes.iter().enumerate().filter(|(_, node)| node.value.is_some());
        let nodes =
            nodes.flat_map(|(n, node)| node.dials.iter().map(move |a| (End::Overwatch(n), a)));
        let wanted: Vec<(End, String)> =
            agents.chain(nodes).map(|(from, address)| (from, address.clone())).collect();
        for (from, address) in wanted {
            let Some(to) = overwatch_at(&address, self.nodes.len()) else { continue };
            if !self.wires.has(from, to) && self.dialling.insert((from, address.clone())) {
                let (least, most) = DIAL_MS;
                let at = self.now.plus_ms(least + self.network.below(most - least));
                self.queue.push(at, Event::Dial { from, address });
            }
        }
    }

    fn dial(&mut self, from: End, address: String) {
        self.dialling.remove(&(from, address.clone()));
        let Some(to) = overwatch_at(&address, self.nodes.len()) else { return };
        let is_up = |end: End| match end {
            End::Agent(n) => self.hosts.get(n).is_some_and(|host| host.value.is_some()),
            End::Overwatch(n) => self.nodes.get(n).is_some_and(|node| node.value.is_some()),
        };
        let there = End::Overwatch(to);
        if !is_up(from)
            || !is_up(there)
            || !self.wires.sees(from, there)
            || self.wires.has(from, to)
        {
            return;
        }
        let delay_ms = 2 * self.wires.delay_ms(from, there);
        let link = self.wires.open(from, to, address, self.now);
        self.queue.push(self.now.plus_ms(delay_ms), Event::Opened(link));
    }

    /// TLS stands: both ends learn who the other says it is.
    fn opened(&mut self, link: LinkId) -> Result<(), Fault> {
        let Some(wire) = self.wires.list.get(&link).filter(|wire| !wire.is_broken) else {
            return Ok(());
        };
        let (from, to, address) = (wire.from, wire.to, wire.address.clone());
        let there = peer(End::Overwatch(to), from, link);
        let here = peer(from, End::Overwatch(to), link);
        self.tell(to, overwatch::Event::LinkOpened { link, peer: here })?;
        match from {
            End::Agent(agent) => {
                let pins = self.hosts.get(agent).map(|host| &host.pins);
                let pinned = pins.and_then(|pins| pins.get(&address)).copied();
                let dialled = address;
                let event = agent::Event::LinkOpened { link, dialled, peer: there, pinned };
                self.tell_agent(agent, event)
            }
            End::Overwatch(number) => {
                let pins = self.nodes.get(number).map(|node| &node.pins);
                let pinned = pins.and_then(|pins| pins.get(&address)).copied();
                let event = overwatch::Event::PeerReached { link, address, peer: there, pinned };
                self.tell(number, event)
            }
        }
    }

    fn arrived(&mut self, link: LinkId, to: Side, bytes: &[u8]) -> Result<(), Fault> {
        let Some(wire) = self.wires.list.get_mut(&link) else { return Ok(()) };
        let end = wire.end(to);
        let half = wire.half(to);
        if !half.is_open {
            return Ok(());
        }
        half.decoder.push(bytes);
        let mut frames = Vec::new();
        loop {
            match half.decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return Err(("what a node says is a frame", error.to_string())),
            }
        }
        for frame in frames {
            match end {
                End::Agent(agent) => {
                    self.tell_agent(agent, agent::Event::FrameReceived { link, frame })?;
                }
                // Its codec skips kinds that it does not know.
                End::Overwatch(number) if self.is_old(number) && is_new(&frame) => {}
                End::Overwatch(number) => {
                    self.tell(number, overwatch::Event::FrameReceived { link, frame })?;
                }
            }
        }
        Ok(())
    }

    fn gone(&mut self, link: LinkId, side: Side) -> Result<(), Fault> {
        let Some(wire) = self.wires.list.get_mut(&link) else { return Ok(()) };
        let end = wire.end(side);
        if !std::mem::replace(&mut wire.half(side).is_open, false) {
            return Ok(());
        }
        wire.is_broken = true;
        match end {
            End::Agent(agent) => self.tell_agent(agent, agent::Event::LinkClosed { link }),
            End::Overwatch(number) => {
                self.tell(number, overwatch::Event::LinkClosed { link, refusal: None })
            }
        }
    }

    /// A connection is over; both ends notice, soon where one of them said so.
    fn break_wire(&mut self, link: LinkId, is_polite: bool) {
        let Some(wire) = self.wires.list.get_mut(&link) else { return };
        wire.is_broken = true;
        wire.dialler.held.clear();
        wire.dialled.held.clear();
        for side in [Side::Dialler, Side::Dialled] {
            let silent_ms = if is_polite { 10 } else { SILENT_MS.1 };
            let jitter_ms = self.network.below(silent_ms);
            let at = self.wires.arrival(link, side, jitter_ms, self.now);
            self.queue.push(at, Event::Gone { link, side });
        }
    }

    /// Gives up what crosses a cut; sooner or later.
    pub(super) fn part_wires(&mut self) {
        let wires = &self.wires;
        let crosses = |wire: &wires::Wire| !wires.sees(wire.from, End::Overwatch(wire.to));
        let crossing = wires.list.iter().filter(|(_, wire)| !wire.is_broken && crosses(wire));
        for link in crossing.map(|(link, _)| *link).collect::<Vec<_>>() {
            let (least, most) = SILENT_MS;
            let at = self.now.plus_ms(least + self.network.below(most - least));
            self.queue.push(at, Event::GivenUp(link));
        }
    }

    fn given_up(&mut self, link: LinkId) {
        let Some(wire) = self.wires.list.get(&link) else { return };
        if !wire.is_broken && !self.wires.sees(wire.from, End::Overwatch(wire.to)) {
            self.break_wire(link, false);
        }
    }

    /// Everybody sees everybody: what was held arrives, and who talks to nobody is told so.
    pub(super) fn see_again(&mut self) {
        self.wires.cut.clear();
        let links: Vec<LinkId> = self.wires.list.keys().copied().collect();
        for link in links {
            for side in [Side::Dialler, Side::Dialled] {
                let Some(wire) = self.wires.list.get_mut(&link) else { continue };
                let (held, is_broken) = (std::mem::take(&mut wire.half(side).held), wire.is_broken);
                if is_broken {
                    let at = self.now.plus_ms(self.network.below(1_500));
                    self.queue.push(at, Event::Gone { link, side });
                }
                for bytes in held {
                    let at = self.wires.arrival(link, side, 0, self.now);
                    self.queue.push(at, Event::Arrived { link, to: side, bytes });
                }
            }
        }
    }

    /// A node dies. Its own connections are over for it at once.
    pub(super) fn kill(&mut self, end: End, is_polite: bool) {
        let was_up = match end {
            End::Agent(agent) => {
                let host = self.hosts.get_mut(agent);
                host.is_some_and(|host| {
                    host.backlog.clear();
                    host.seen.clear();
                    host.is_ending = false;
                    host.value.take().is_some()
                })
            }
            End::Overwatch(number) => {
                let node = self.nodes.get_mut(number);
                node.is_some_and(|node| {
                    node.backlog.clear();
                    node.disk.writing.clear();
                    node.view = None;
                    node.life += 1;
                    let told = node.value.as_ref().map_or(0, |v| v.peer_counters().rows_told);
                    self.summary.rows_told += told;
                    node.value.take().is_some()
                })
            }
        };
        if !was_up {
            return;
        }
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

    /// How many client networks there are.
    pub(super) const fn networks(&self) -> usize {
        NETWORKS
    }

    /// Hands an overwatch an event, carries out what it wants, and checks.
    pub(super) fn tell(&mut self, number: usize, event: overwatch::Event) -> Result<(), Fault> {
        let now = self.now;
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
        for effect in value.handle(event, at) {
            self.carry_out(number, effect)?;
        }
        let clients = [self.clients.index(NETWORKS), self.clients.index(NETWORKS)];
        let clients: Vec<Subnet> = clients.into_iter().map(invariants::network).collect();
        self.summary.answers += clients.len() as u64;
        let Some(node) = self.nodes.get(number) else { return Ok(()) };
        invariants::check_step(node, &clients, now)
    }

    fn carry_out(&mut self, number: usize, effect: overwatch::Effect) -> Result<(), Fault> {
        use overwatch::Effect;
        match effect {
            Effect::Send { link, frame } => self.send(link, End::Overwatch(number), &frame)?,
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
            // Nothing is checked, signed or read here.
            Effect::Watch { .. }
            | Effect::Unwatch { .. }
            | Effect::Draw { .. }
            | Effect::Log(_) => {}
        }
        Ok(())
    }

    /// A write is done, and those before it; or waits for room.
    fn written(&mut self, number: usize, life: u64) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(number).filter(|node| node.life == life) else {
            return;
        };
        if node.disk.is_full {
            self.queue.push(now.plus_ms(1_000), Event::Written { number, life });
            return;
        }
        let Some((changes, word)) = node.disk.writing.pop_front() else { return };
        changes.into_iter().for_each(|change| node.disk.kept.apply(change));
        if let Some(word) = word {
            node.words.values_mut().for_each(|words| words.acknowledge(word));
        }
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
            for effect in value.handle(event, at) {
                let Some(host) = self.hosts.get_mut(agent) else { return Ok(()) };
                match effect {
                    Effect::Poll => events.push_back(agent::Event::PollEnded),
                    Effect::Send { link, frame } => self.send(link, End::Agent(agent), &frame)?,
                    Effect::Close { link } => self.close(link, End::Agent(agent)),
                    Effect::Pin { dialled, key, .. } => drop(host.pins.insert(dialled, key)),
                    Effect::Dial { address } => drop(host.dials.insert(address)),
                    Effect::Look | Effect::Log(_) => {}
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, link: LinkId, by: End, frame: &Frame) -> Result<(), Fault> {
        let Some(bytes) = wires::bytes_of(frame) else {
            return Err(("what a node says can be sent", frame.kind().as_str().to_owned()));
        };
        let Some(wire) = self.wires.list.get_mut(&link).filter(|wire| !wire.is_broken) else {
            return Ok(());
        };
        let from = if wire.from == by { Side::Dialler } else { Side::Dialled };
        if matches!(frame, Frame::Proof(_) | Frame::Welcome(_)) {
            wire.half(from).decoder.prove();
        }
        if matches!(frame, Frame::Welcome(_)) {
            wire.is_established = true;
        }
        let (there, to) = (wire.end(from.other()), from.other());
        if self.wires.sees(by, there) {
            let jitter_ms = self.network.below(30);
            let at = self.wires.arrival(link, to, jitter_ms, self.now);
            self.queue.push(at, Event::Arrived { link, to, bytes });
            return Ok(());
        }
        let held = self.wires.list.get_mut(&link).map(|wire| &mut wire.half(to).held);
        let is_full = held.is_some_and(|held| {
            held.push_back(bytes);
            held.len() > QUEUE_FRAMES
        });
        if is_full {
            self.break_wire(link, false);
        }
        Ok(())
    }

    /// An end closes; what it said before arrives.
    fn close(&mut self, link: LinkId, by: End) {
        let Some(wire) = self.wires.list.get_mut(&link).filter(|wire| !wire.is_broken) else {
            return;
        };
        wire.is_broken = true;
        let side = if wire.from == by { Side::Dialler } else { Side::Dialled };
        let there = wire.end(side.other());
        self.queue.push(self.now.plus_ms(1), Event::Gone { link, side });
        let silent_ms = if self.wires.sees(by, there) { 0 } else { SILENT_MS.1 };
        let at = self.wires.arrival(link, side.other(), silent_ms, self.now);
        self.queue.push(at, Event::Gone { link, side: side.other() });
    }
}

impl Node {
    /// After a start: what was acknowledged holds; what was said and not acknowledged may.
    fn remember_words(&mut self, at: Time) -> Result<(), Fault> {
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

/// Whether a frame is of a kind that the release before does not know.
const fn is_new(frame: &Frame) -> bool {
    matches!(frame, Frame::PeerHello(_) | Frame::Have(_))
}

fn host(settings: agent::Settings, dials: BTreeSet<String>) -> Host {
    Host {
        value: None,
        settings,
        clock: Clock::default(),
        pins: BTreeMap::new(),
        dials,
        is_ending: false,
        is_healthy: true,
        seen: BTreeSet::new(),
        backlog: VecDeque::new(),
    }
}

fn node(settings: overwatch::Settings, is_old: bool) -> Node {
    Node {
        value: None,
        settings,
        is_old,
        clock: Clock::default(),
        view: None,
        disk: Disk { kept: Snapshot::default(), ..Disk::default() },
        pins: BTreeMap::new(),
        dials: BTreeSet::new(),
        backlog: VecDeque::new(),
        words: BTreeMap::new(),
        life: 0,
    }
}

fn name_of(number: usize) -> String {
    format!("overwatch-{number}")
}

/// Where an overwatch is dialled.
fn address_of(number: usize) -> String {
    format!("10.1.{number}.10:7946")
}

fn overwatch_at(address: &str, count: usize) -> Option<usize> {
    (0..count).find(|number| address_of(*number) == address)
}

/// One end as the other's TLS sees it.
fn peer(of: End, seen_by: End, link: LinkId) -> Peer {
    let name = |end: End| match end {
        End::Agent(agent) => format!("agent-{agent}"),
        End::Overwatch(number) => name_of(number),
    };
    let address = match of {
        End::Agent(agent) => SocketAddr::new(site::address(agent).into(), 40_000),
        End::Overwatch(number) => {
            let third = u8::try_from(number).unwrap_or(u8::MAX);
            SocketAddr::from(([10, 1, third, 10], 7946))
        }
    };
    Peer {
        address,
        name: name(of),
        key: KeyHash::of_spki(name(of).as_bytes()),
        own_key: KeyHash::of_spki(name(seen_by).as_bytes()),
        exporter: wires::exporter(link),
    }
}

/// A connection that closed.
fn sample(agent: usize, client: Subnet, rtt_ms: u32, cookie: u64) -> Sample {
    Sample {
        client: client.address(),
        local: SocketAddr::new(site::address(agent).into(), PORT),
        smoothed_rtt_us: rtt_ms * 1_000,
        rtt_deviation_us: 500,
        min_rtt_us: Some(rtt_ms * 1_000),
        bytes_acked: 10_000,
        data_segments_out: Some(5),
        cookie,
        state: SocketState::Closed,
    }
}
