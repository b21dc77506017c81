//! Several overwatches and agents, joined by wires that can be cut, under a clock of the test's own.
//!
//! Whoever wants a session gets one within a second, as long as the two can see each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use agent::Agent;
use mesh::{Exporter, Frame, KeyHash, Peer};
use model::{Sample, Time};
use overwatch::{
    Asker, Effect, Event, LinkId, Note, Overwatch, Reload, Snapshot, Transport, View, Worker,
    resolve,
};

use crate::bench::{over_the_wire, reason_of};
use crate::settings::{self, APP, START, ip};
use crate::wire::{self, Question};

/// One end of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Agent(usize),
    Overwatch(usize),
}

/// A machine with an overwatch.
pub(crate) struct Node {
    /// `None` while it is down.
    pub(crate) value: Option<Overwatch>,
    pub(crate) settings: overwatch::Settings,
    pub(crate) view: Arc<View>,
    pub(crate) kept: Snapshot,
    pub(crate) pins: BTreeMap<String, KeyHash>,
    pub(crate) dials: BTreeSet<String>,
    pub(crate) notes: Vec<Note>,
    /// By how much its clock is ahead of the others'.
    pub(crate) ahead_ms: u64,
}

/// A machine with an agent.
pub(crate) struct Host {
    /// `None` while it is down.
    pub(crate) value: Option<Agent>,
    settings: agent::Settings,
    pins: BTreeMap<String, KeyHash>,
    dials: BTreeSet<String>,
    open: Vec<Sample>,
    pub(crate) notes: Vec<agent::Note>,
}

struct Wire {
    from: End,
    to: usize,
}

pub(crate) struct Mesh {
    pub(crate) now: Time,
    pub(crate) nodes: Vec<Node>,
    pub(crate) hosts: Vec<Host>,
    wires: BTreeMap<LinkId, Wire>,
    cut: BTreeSet<(End, usize)>,
    queue: VecDeque<(LinkId, bool, Frame)>,
    last_link: LinkId,
}

pub(crate) fn address_of(overwatch: usize) -> String {
    format!("10.1.{overwatch}.10:7946")
}

/// Where an agent stands: one machine of eu-west each.
pub(crate) fn host_address(agent: usize) -> String {
    format!("10.2.{agent}.10")
}

fn key_of(end: End) -> KeyHash {
    match end {
        End::Agent(agent) => KeyHash::from_bytes([u8::try_from(agent).unwrap() + 1; 32]),
        End::Overwatch(node) => KeyHash::from_bytes([u8::try_from(node).unwrap() + 0xf0; 32]),
    }
}

impl Mesh {
    /// So many overwatches that all know each other, each of them itself among them.
    pub(crate) fn new(overwatches: usize) -> Self {
        let all: Vec<String> = (0..overwatches).map(address_of).collect();
        let settings = (0..overwatches).map(|number| overwatch::Settings {
            node_id: settings::parsed(&format!("ow-{number}")),
            overwatches: all.clone(),
            ..settings::overwatch()
        });
        let mut mesh = Self {
            now: START,
            nodes: Vec::new(),
            hosts: Vec::new(),
            wires: BTreeMap::new(),
            cut: BTreeSet::new(),
            queue: VecDeque::new(),
            last_link: 0,
        };
        for settings in settings {
            mesh.add(settings);
        }
        mesh
    }

    /// One more overwatch.
    pub(crate) fn add(&mut self, settings: overwatch::Settings) -> usize {
        let value =
            Overwatch::new(settings.clone(), settings::geography(), Snapshot::default(), self.now);
        let view = value.view();
        self.nodes.push(Node {
            value: Some(value),
            settings,
            view,
            kept: Snapshot::default(),
            pins: BTreeMap::new(),
            dials: BTreeSet::new(),
            notes: Vec::new(),
            ahead_ms: 0,
        });
        let number = self.nodes.len() - 1;
        self.tell(number, Event::Tick);
        number
    }

    /// One more agent, that knows these overwatches.
    pub(crate) fn start(&mut self, overwatches: &[usize]) -> usize {
        let number = self.hosts.len();
        let name = format!("agent-{number}");
        self.start_as(settings::agent(&name, "eu-west", &host_address(number)), overwatches)
    }

    /// The same, with settings of its own.
    pub(crate) fn start_as(&mut self, settings: agent::Settings, overwatches: &[usize]) -> usize {
        let number = self.hosts.len();
        self.hosts.push(Host {
            value: Some(Agent::new(settings.clone(), [], self.now)),
            settings,
            pins: BTreeMap::new(),
            dials: overwatches.iter().copied().map(address_of).collect(),
            open: Vec::new(),
            notes: Vec::new(),
        });
        number
    }

    /// These two cannot see each other.
    pub(crate) fn cut(&mut self, from: End, to: usize) {
        self.cut.insert((from, to));
        if let End::Overwatch(from) = from {
            self.cut.insert((End::Overwatch(to), from));
        }
        let cut = &self.cut;
        let gone = self.wires.iter().filter(|(_, wire)| cut.contains(&(wire.from, wire.to)));
        let gone: Vec<LinkId> = gone.map(|(link, _)| *link).collect();
        gone.into_iter().for_each(|link| self.break_wire(link));
    }

    /// Everybody sees everybody.
    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    /// A machine dies without a word.
    pub(crate) fn kill(&mut self, end: End) {
        match end {
            End::Agent(agent) => self.hosts[agent].value = None,
            End::Overwatch(node) => self.nodes[node].value = None,
        }
        let gone = self.wires.iter().filter(|(_, w)| w.from == end || End::Overwatch(w.to) == end);
        let gone: Vec<LinkId> = gone.map(|(link, _)| *link).collect();
        gone.into_iter().for_each(|link| self.break_wire(link));
    }

    /// It is back, with what was on its disk.
    pub(crate) fn revive(&mut self, end: End) {
        match end {
            End::Agent(agent) => {
                let host = &mut self.hosts[agent];
                host.value = Some(Agent::new(host.settings.clone(), [], self.now));
            }
            End::Overwatch(number) => {
                let node = &mut self.nodes[number];
                let (settings, kept) = (node.settings.clone(), node.kept.clone());
                node.value = Some(Overwatch::new(settings, settings::geography(), kept, self.now));
                self.tell(number, Event::Tick);
            }
        }
    }

    /// An agent's machine is back with a clock that was set back.
    pub(crate) fn revive_with_clock_back(&mut self, agent: usize, ms: u64) {
        let host = &mut self.hosts[agent];
        let then = Time::from_unix_ms(self.now.unix_ms() - ms);
        host.value = Some(Agent::new(host.settings.clone(), [], then));
    }

    /// One that was dialled refuses the one that dialled it; what that does.
    pub(crate) fn refuse(&mut self, from: End, to: usize, refusal: mesh::Refusal) -> Vec<Effect> {
        let (link, _) = self.wires.iter().find(|(_, w)| (w.from, w.to) == (from, to)).unwrap();
        let End::Overwatch(number) = from else { panic!("{from:?}") };
        let event = Event::FrameReceived { link: *link, frame: Frame::Refused(refusal) };
        self.nodes[number].value.as_mut().unwrap().handle(event, self.now)
    }

    /// An agent is asked to end.
    pub(crate) fn stop(&mut self, agent: usize) {
        self.tell_agent(agent, agent::Event::Stop);
        self.run();
        self.hosts[agent].value = None;
    }

    /// Clients of an agent's servers close connections.
    pub(crate) fn observe(&mut self, agent: usize, samples: Vec<Sample>) {
        self.tell_agent(agent, agent::Event::Samples(samples));
        self.run();
    }

    /// Other settings for an overwatch.
    pub(crate) fn reload(&mut self, number: usize, change: impl FnOnce(&mut overwatch::Settings)) {
        change(&mut self.nodes[number].settings);
        let settings = self.nodes[number].settings.clone();
        let geo = settings::geography();
        self.tell(number, Event::Reload(Box::new(Reload { settings, geo })));
        self.run();
    }

    /// Other settings for an agent.
    pub(crate) fn reload_agent(&mut self, number: usize, settings: agent::Settings) {
        self.hosts[number].settings = settings.clone();
        let reload = agent::Reload { settings, overwatches: Vec::new() };
        self.tell_agent(number, agent::Event::Reload(Box::new(reload)));
        self.run();
    }

    /// Something else than what an agent says goes over its connection.
    pub(crate) fn say_as(&mut self, agent: usize, to: usize, frame: Frame) {
        let of = |wire: &Wire| (wire.from, wire.to) == (End::Agent(agent), to);
        let (link, _) = self.wires.iter().find(|(_, wire)| of(wire)).expect("it is connected");
        self.tell(to, Event::FrameReceived { link: *link, frame });
        self.run();
    }

    /// Lets seconds pass.
    pub(crate) fn advance(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now.plus_ms(1_000);
            self.dial_all();
            for agent in 0..self.hosts.len() {
                let due = self.hosts[agent].value.as_ref().map(Agent::next_deadline);
                if due.is_some_and(|due| due <= self.now) {
                    self.tell_agent(agent, agent::Event::Tick);
                }
            }
            (0..self.nodes.len()).for_each(|number| self.tell(number, Event::Tick));
            self.run();
        }
    }

    /// What an overwatch knows: servers and rows, as digests.
    pub(crate) fn digests(&self, number: usize) -> (String, String) {
        let document = self.at(number).peer_document(self.now);
        (document.registry_digest, document.rows_digest)
    }

    pub(crate) fn at(&self, number: usize) -> &Overwatch {
        self.nodes[number].value.as_ref().expect("it is up")
    }

    /// How a server stands at an overwatch.
    pub(crate) fn standing(&self, number: usize, agent: usize) -> String {
        let address = host_address(agent);
        let backends = self.at(number).backend_list(self.now).backends.into_iter();
        let found = backends.into_iter().find(|backend| backend.address == address);
        found.map_or_else(|| "unknown".to_owned(), |backend| backend.effective_status)
    }

    /// Where a client of the app goes, and why.
    pub(crate) fn steer(&self, number: usize, client: &str) -> (Vec<IpAddr>, String) {
        let (address, local) = (ip(client), ip("10.1.1.10"));
        let asker = Asker { address, local, transport: Transport::Udp, now: self.now };
        let question = Question::new(APP, dns::RecordType::A);
        let (mut worker, mut buffer) = (Worker::new(None), vec![0; 65_535]);
        let view = &self.nodes[number].view;
        let reply = resolve(view, &asker, &question.to_bytes(), &mut worker, &mut buffer);
        (wire::read(reply.bytes).addresses, reason_of(&reply.outcome).to_owned())
    }

    /// Somebody dials an overwatch on a wire of the test's own.
    pub(crate) fn knock(&mut self, to: usize, name: &str, key: KeyHash) -> (LinkId, Peer) {
        self.last_link += 1;
        let link = self.last_link;
        let (there, here) = peers(link, (name, key), (&self.name(to), key_of(End::Overwatch(to))));
        self.tell(to, Event::LinkOpened { link, peer: here });
        (link, there)
    }

    /// Says something on such a wire; what came back, and whether it was closed.
    pub(crate) fn say(&mut self, to: usize, link: LinkId, frame: Frame) -> (Vec<Frame>, bool) {
        let event = Event::FrameReceived { link, frame };
        let now = self.now;
        let effects = self.nodes[to].value.as_mut().unwrap().handle(event, now);
        let mut frames = Vec::new();
        let mut is_closed = false;
        let mut others = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send { link: on, frame } if on == link => frames.push(frame),
                Effect::Close { link: on } if on == link => is_closed = true,
                other => others.push(other),
            }
        }
        self.carry_out(to, others);
        (frames, is_closed)
    }

    fn name(&self, number: usize) -> String {
        self.nodes[number].settings.node_id.to_string()
    }

    fn dial_all(&mut self) {
        let mut wanted = Vec::new();
        for (agent, host) in self.hosts.iter().enumerate().filter(|(_, host)| host.value.is_some())
        {
            wanted.extend(host.dials.iter().map(|address| (End::Agent(agent), address.clone())));
        }
        for (from, node) in self.nodes.iter().enumerate().filter(|(_, node)| node.value.is_some()) {
            wanted.extend(node.dials.iter().map(|address| (End::Overwatch(from), address.clone())));
        }
        for (from, address) in wanted {
            let to = (0..self.nodes.len()).find(|number| address_of(*number) == address);
            let to = to.filter(|to| self.nodes[*to].value.is_some());
            let Some(to) = to.filter(|to| !self.cut.contains(&(from, *to))) else { continue };
            if !self.wires.values().any(|wire| wire.from == from && wire.to == to) {
                self.open(from, to, &address);
            }
        }
    }

    fn open(&mut self, from: End, to: usize, address: &str) {
        self.last_link += 1;
        let link = self.last_link;
        self.wires.insert(link, Wire { from, to });
        let name = match from {
            End::Agent(agent) => self.hosts[agent].settings.agent_id.to_string(),
            End::Overwatch(from) => self.name(from),
        };
        let ends = peers(link, (&name, key_of(from)), (&self.name(to), key_of(End::Overwatch(to))));
        let (there, mut here) = ends;
        if let End::Agent(agent) = from {
            here.address.set_ip(ip(&host_address(agent)));
        }
        self.tell(to, Event::LinkOpened { link, peer: here });
        let address = address.to_owned();
        match from {
            End::Agent(agent) => {
                let pinned = self.hosts[agent].pins.get(&address).copied();
                let dialled = address;
                let event = agent::Event::LinkOpened { link, dialled, peer: there, pinned };
                self.tell_agent(agent, event);
            }
            End::Overwatch(from) => {
                let pinned = self.nodes[from].pins.get(&address).copied();
                self.tell(from, Event::PeerReached { link, address, peer: there, pinned });
            }
        }
        self.run();
    }

    fn break_wire(&mut self, link: LinkId) {
        let Some(Wire { from, to }) = self.wires.remove(&link) else { return };
        match from {
            End::Agent(agent) => self.tell_agent(agent, agent::Event::LinkClosed { link }),
            End::Overwatch(from) => self.tell(from, Event::LinkClosed { link, refusal: None }),
        }
        self.tell(to, Event::LinkClosed { link, refusal: None });
    }

    fn run(&mut self) {
        while let Some((link, is_to_dialler, frame)) = self.queue.pop_front() {
            let Some(Wire { from, to }) = self.wires.get(&link) else { continue };
            match (*from, *to, is_to_dialler) {
                (_, to, false) => self.tell(to, Event::FrameReceived { link, frame }),
                (End::Overwatch(from), _, true) => {
                    self.tell(from, Event::FrameReceived { link, frame });
                }
                (End::Agent(agent), _, true) => {
                    self.tell_agent(agent, agent::Event::FrameReceived { link, frame });
                }
            }
        }
    }

    pub(crate) fn tell(&mut self, number: usize, event: Event) {
        let node = &mut self.nodes[number];
        let now = self.now.plus_ms(node.ahead_ms);
        let Some(value) = &mut node.value else { return };
        let effects = value.handle(event, now);
        self.carry_out(number, effects);
    }

    fn carry_out(&mut self, number: usize, effects: Vec<Effect>) {
        for effect in effects {
            let node = &mut self.nodes[number];
            match effect {
                Effect::Send { link, frame } => {
                    let is_to_dialler = self
                        .wires
                        .get(&link)
                        .is_some_and(|wire| wire.from != End::Overwatch(number));
                    self.queue.push_back((link, is_to_dialler, over_the_wire(&frame)));
                }
                Effect::Close { link } => self.break_wire(link),
                Effect::Publish(view) => node.view = view,
                Effect::Keep(changes) => {
                    changes.into_iter().for_each(|change| node.kept.apply(change));
                }
                Effect::DialPeers(wanted) => node.dials = wanted,
                Effect::PinPeer { address, key } => {
                    assert_eq!(*node.pins.entry(address).or_insert(key), key);
                }
                Effect::Log(note) => node.notes.push(note),
                Effect::Watch { .. } | Effect::Unwatch { .. } | Effect::Draw { .. } => {}
            }
        }
    }

    fn tell_agent(&mut self, agent: usize, event: agent::Event) {
        let now = self.now;
        let Some(value) = &mut self.hosts[agent].value else { return };
        for effect in value.handle(event, now) {
            let host = &mut self.hosts[agent];
            match effect {
                agent::Effect::Send { link, frame } => {
                    self.queue.push_back((link, false, over_the_wire(&frame)));
                }
                agent::Effect::Close { link } => {
                    // What it said before arrives.
                    self.run();
                    self.break_wire(link);
                }
                agent::Effect::Pin { dialled, key, .. } => {
                    host.pins.insert(dialled, key);
                }
                agent::Effect::Dial { address } => {
                    host.dials.insert(address);
                }
                agent::Effect::Poll => {
                    let samples = agent::Event::Samples(host.open.clone());
                    self.tell_agent(agent, samples);
                    self.tell_agent(agent, agent::Event::PollEnded);
                }
                agent::Effect::Look => {}
                agent::Effect::Log(note) => host.notes.push(note),
            }
        }
    }
}

/// What TLS tells each side: the dialler, then the dialled.
fn peers(link: LinkId, from: (&str, KeyHash), to: (&str, KeyHash)) -> (Peer, Peer) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&link.to_be_bytes());
    let end = |address: &str, (name, key): (&str, KeyHash), own_key| Peer {
        address: address.parse::<SocketAddr>().unwrap(),
        name: name.to_owned(),
        key,
        own_key,
        exporter: Exporter::from_bytes(bytes),
    };
    (end("10.1.1.10:7946", to, from.1), end("10.1.1.10:40000", from, to.1))
}
