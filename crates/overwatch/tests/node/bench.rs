//! Agents and an overwatch joined by wires in memory, under a clock of the test's own.
//!
//! Every frame goes through the codec, both ways. What one side sends before it closes arrives; what
//! the other side had sent by then arrives too, as it does at a real edge.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use agent::Agent;
use geo::Geo;
use health::{CheckSpec, FailReason, Outcome};
use latency::Report;
use mesh::{
    AgentHandshake, AgentIdentity, DialStep, Exporter, Frame, FrameDecoder, KeyHash, Peer, Refusal,
};
use model::{BackendKey, Rtt, Sample, SocketState, Time};
use overwatch::{
    Asker, Command, Effect, Event, HandOrder, LatencyWanted, LinkId, Note, Outcome as Answered,
    Overwatch, Said, Secrets, Snapshot, Transport, View, Worker, resolve,
};

use zeroize::Zeroizing;

use crate::settings::{self, START, ip, parsed};
use crate::wire::{self, Answer, Question};

/// The overwatch's key.
pub(crate) const OVERWATCH_KEY: KeyHash = KeyHash::from_bytes([0xf0; 32]);
/// Where agents dial it.
pub(crate) const OVERWATCH: &str = "overwatch.demo.local:7946";

/// One overwatch, and whoever is wired to it.
pub(crate) struct Bench {
    pub(crate) now: Time,
    pub(crate) overwatch: Overwatch,
    pub(crate) settings: overwatch::Settings,
    geo: Arc<Geo>,
    /// What was published last.
    pub(crate) view: Arc<View>,
    /// What the overwatch logged since [`Bench::take_notes`].
    pub(crate) notes: Vec<Note>,
    /// What would be on the disk.
    pub(crate) kept: Snapshot,
    /// How many changes of it there were; a test sets it back.
    pub(crate) kept_changes: usize,
    /// The checks that the overwatch wants to have run.
    pub(crate) watched: BTreeMap<BackendKey, CheckSpec>,
    pub(crate) hosts: BTreeMap<String, Host>,
    /// What came back on wires that no agent holds.
    inboxes: BTreeMap<LinkId, Vec<Frame>>,
    /// Wires that are open, with the names of the agents that hold them.
    wires: BTreeMap<LinkId, Option<String>>,
    last_link: LinkId,
    queue: VecDeque<Delivery>,
    next_tick: Time,
}

/// A machine with an agent.
pub(crate) struct Host {
    pub(crate) agent: Agent,
    pub(crate) address: IpAddr,
    pub(crate) key: KeyHash,
    pub(crate) pinned: Option<KeyHash>,
    /// What the agent logged.
    pub(crate) notes: Vec<agent::Note>,
    /// What the next dumps will show.
    pub(crate) open: Vec<Sample>,
    /// When it asked for a dump.
    pub(crate) polls: Vec<Time>,
    /// When it reported, and what.
    pub(crate) reports: Vec<(Time, Report)>,
    /// When it said that it lives.
    pub(crate) heartbeats: Vec<Time>,
    /// Whom it wanted to be dialled.
    pub(crate) dials: Vec<String>,
    link: Option<LinkId>,
}

/// Bytes for keys, the same for the same seed.
pub(crate) fn secrets(seed: u8) -> Secrets {
    let bytes = (0..Secrets::BYTES).map(|at| u8::try_from(at % 251).unwrap() ^ seed);
    Secrets::new(Zeroizing::new(bytes.collect()))
}

/// Something on its way.
enum Delivery {
    ToOverwatch(LinkId, Frame),
    ToAgent(LinkId, Frame),
    Closed(LinkId),
}

/// A row of the learned table: subnet, region, milliseconds, samples.
pub(crate) type LearnedRow = (String, String, u32, u64);

/// A server is drained of this much of its weight, at once.
pub(crate) fn drained(backend: BackendKey, permille: u16) -> Command {
    Command::Hand(HandOrder::Empty { backend, permille, over_ms: 0 })
}

impl Bench {
    /// A bench with the overwatch of [`settings::overwatch`].
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// The same, changed.
    pub(crate) fn with(change: impl FnOnce(&mut overwatch::Settings)) -> Self {
        let mut settings = settings::overwatch();
        change(&mut settings);
        Self::of(settings, settings::geography())
    }

    /// A bench with this overwatch.
    pub(crate) fn of(settings: overwatch::Settings, geo: Arc<Geo>) -> Self {
        let start = |kept| Overwatch::new(settings.clone(), Arc::clone(&geo), kept, START);
        let mut overwatch = start(Snapshot::default());
        let view = first_view(&mut start(Snapshot::default()), START);
        let effects = overwatch.handle(Event::Tick, START);
        let mut bench = Self {
            now: START,
            overwatch,
            settings,
            geo,
            view,
            notes: Vec::new(),
            kept: Snapshot::default(),
            kept_changes: 0,
            watched: BTreeMap::new(),
            hosts: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            wires: BTreeMap::new(),
            last_link: 0,
            queue: VecDeque::new(),
            next_tick: START.plus_ms(1_000),
        };
        bench.carry_out(effects);
        bench
    }

    /// Its geography.
    pub(crate) fn geo(&self) -> Arc<Geo> {
        Arc::clone(&self.geo)
    }

    /// The overwatch ends, without a word, and another begins with what was kept.
    pub(crate) fn restart_overwatch(&mut self) {
        for link in std::mem::take(&mut self.wires).into_keys() {
            self.close_at_agent(link);
        }
        let (settings, geo) = (self.settings.clone(), Arc::clone(&self.geo));
        self.overwatch = Overwatch::new(settings, geo, self.kept.clone(), self.now);
        self.watched.clear();
        self.tell(Event::Tick);
        self.next_tick = self.now.plus_ms(1_000);
    }

    /// Starts an agent. Its key is made of `key`.
    pub(crate) fn start(&mut self, settings: agent::Settings, address: &str, key: u8) {
        let name = settings.agent_id.to_string();
        let host = Host {
            agent: Agent::new(settings, [], self.now),
            address: parsed(address),
            key: KeyHash::from_bytes([key; 32]),
            pinned: None,
            notes: Vec::new(),
            open: Vec::new(),
            polls: Vec::new(),
            reports: Vec::new(),
            heartbeats: Vec::new(),
            dials: Vec::new(),
            link: None,
        };
        self.hosts.insert(name, host);
    }

    /// The two agents of the demo, here and connected.
    pub(crate) fn demo() -> Self {
        let mut bench = Self::new();
        bench.start_demo();
        bench
    }

    /// Starts and connects the two agents of the demo.
    pub(crate) fn start_demo(&mut self) {
        let agents = [("eu", "eu-west", settings::EU, 1), ("sg", "ap-southeast", settings::SG, 2)];
        for (name, region, address, key) in agents {
            self.start(settings::agent(name, region, address), address, key);
            self.connect(name);
        }
    }

    /// Wires an agent up.
    pub(crate) fn connect(&mut self, name: &str) {
        let link = self.next_link();
        let host = self.hosts.get_mut(name).unwrap();
        let (address, key, pinned) = (host.address, host.key, host.pinned);
        host.link = Some(link);
        self.wires.insert(link, Some(name.to_owned()));
        let (agents_end, overwatchs_end) = peers(link, name, address, key);
        self.tell(Event::LinkOpened { link, peer: overwatchs_end });
        let dialled = OVERWATCH.to_owned();
        self.tell_agent(name, agent::Event::LinkOpened { link, dialled, peer: agents_end, pinned });
        self.run();
    }

    /// The wire of an agent breaks.
    pub(crate) fn cut(&mut self, name: &str) {
        let link = self.hosts.get_mut(name).unwrap().link.unwrap();
        self.queue.push_back(Delivery::Closed(link));
        self.run();
    }

    /// The agent is asked to end.
    pub(crate) fn stop(&mut self, name: &str) {
        self.tell_agent(name, agent::Event::Stop);
        self.run();
    }

    /// Whether an agent's wire stands.
    pub(crate) fn is_wired(&self, name: &str) -> bool {
        self.hosts.get(name).is_some_and(|host| host.link.is_some())
    }

    /// Opens a wire that no agent holds: the test speaks on it.
    pub(crate) fn dial(&mut self, name: &str, address: &str, key: u8) -> LinkId {
        let link = self.next_link();
        self.wires.insert(link, None);
        self.inboxes.insert(link, Vec::new());
        let (_, peer) = peers(link, name, ip(address), KeyHash::from_bytes([key; 32]));
        self.tell(Event::LinkOpened { link, peer });
        link
    }

    /// Says something on such a wire; what came back.
    pub(crate) fn say(&mut self, link: LinkId, frame: Frame) -> Vec<Frame> {
        self.queue.push_back(Delivery::ToOverwatch(link, frame));
        self.run();
        std::mem::take(self.inboxes.get_mut(&link).unwrap())
    }

    /// Sends bytes on such a wire, as the edge takes them from a peer that has proven itself or not:
    /// where they are no frame, it says so and closes.
    pub(crate) fn say_bytes(&mut self, link: LinkId, is_proven: bool, bytes: &[u8]) {
        let mut decoder = FrameDecoder::new();
        if is_proven {
            decoder.prove();
        }
        decoder.push(bytes);
        let refusal = loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => {
                    self.say(link, frame);
                }
                Ok(None) => return,
                Err(error) => break error.reason(),
            }
        };
        self.wires.remove(&link);
        self.tell(Event::LinkClosed { link, refusal: Some(refusal) });
    }

    /// Dials and goes through the handshake as `identity`; the last frame that came back.
    pub(crate) fn join(
        &mut self,
        identity: AgentIdentity,
        address: &str,
        key: u8,
    ) -> (LinkId, Vec<Frame>) {
        let name = identity.agent_id.to_string();
        let link = self.dial(&name, address, key);
        let (peer, _) = peers(link, &name, ip(address), KeyHash::from_bytes([key; 32]));
        let (mut handshake, hello) = AgentHandshake::start(identity, peer, None).unwrap();
        let mut frame = hello;
        loop {
            let back = self.say(link, frame);
            match back.first().map(|first| handshake.on_frame(first.clone())) {
                Some(Ok(DialStep::Prove { send, .. })) => frame = send,
                Some(Err(fault)) if fault.refusal().is_some() => {
                    frame = Frame::Refused(fault.refusal().unwrap());
                }
                _ => return (link, back),
            }
        }
    }

    /// Whether a wire is open.
    pub(crate) fn is_open(&self, link: LinkId) -> bool {
        self.wires.contains_key(&link)
    }

    /// Lets time pass, with everything that is due in it.
    pub(crate) fn advance(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        loop {
            let agents = self.hosts.values().map(|host| host.agent.next_deadline());
            let next = agents.chain([self.next_tick]).min().unwrap();
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            if self.next_tick <= self.now {
                self.next_tick = self.now.plus_ms(1_000);
                self.tell(Event::Tick);
            }
            let is_due = |host: &Host| host.agent.next_deadline() <= self.now;
            let due = self.hosts.iter().filter(|(_, host)| is_due(host));
            let due: Vec<String> = due.map(|(name, _)| name.clone()).collect();
            for name in due {
                self.tell_agent(&name, agent::Event::Tick);
            }
            self.run();
        }
        self.now = end;
    }

    /// An agent's kernel reports connections that closed.
    pub(crate) fn observe(&mut self, name: &str, samples: Vec<Sample>) {
        self.tell_agent(name, agent::Event::Samples(samples));
        self.run();
    }

    /// The overwatch's own check of a backend ends.
    pub(crate) fn checked(&mut self, backend: &BackendKey, passes: bool) {
        self.tell(Event::Checked { backend: backend.clone(), outcome: outcome(passes) });
    }

    /// An operator says something.
    pub(crate) fn command(&mut self, command: Command) {
        let said = Said { by: "test".to_owned(), ..Said::default() };
        self.command_as(command, said);
    }

    /// The same, with who says it, why, and for how long.
    pub(crate) fn command_as(&mut self, command: Command, said: Said) {
        self.tell(Event::Command { command, said });
        self.run();
    }

    /// Asks the overwatch from `address`; the answer and why.
    pub(crate) fn ask(&self, question: &Question, address: &str) -> (Answer, String) {
        self.ask_worker(&mut Worker::new(None), question, address)
    }

    /// The same of one worker, whose servers take turns.
    pub(crate) fn ask_worker(
        &self,
        worker: &mut Worker,
        question: &Question,
        address: &str,
    ) -> (Answer, String) {
        let (address, local) = (ip(address), ip("10.1.1.10"));
        let asker = Asker { address, local, transport: Transport::Udp, now: self.now };
        let mut buffer = vec![0; 65_535];
        let reply = resolve(&self.view, &asker, &question.to_bytes(), worker, &mut buffer);
        (wire::read(reply.bytes), reason_of(&reply.outcome).to_owned())
    }

    /// Where a client of the app goes, and why.
    pub(crate) fn steer(&self, client: &str) -> (Vec<IpAddr>, String) {
        let (answer, reason) = self.ask(&Question::new(settings::APP, dns::RecordType::A), client);
        (answer.addresses, reason)
    }

    /// What was learned for the app.
    pub(crate) fn learned(&self) -> Vec<LearnedRow> {
        self.learned_of(settings::APP)
    }

    /// What was learned for a service.
    pub(crate) fn learned_of(&self, service: &str) -> Vec<LearnedRow> {
        let page = self.overwatch.latency_page(&LatencyWanted::default(), usize::MAX);
        let rows = page.unwrap().entries.into_iter();
        let rows = rows.filter(|row| row.domain == service);
        rows.map(|row| (row.subnet, row.region, row.rtt_ms, row.samples)).collect()
    }

    /// How the backends of the app stand: address, status, and who says so.
    pub(crate) fn standings(&self) -> Vec<(String, String, String)> {
        let backends = self.overwatch.backend_list(self.now).backends.into_iter();
        backends.map(|b| (b.address, b.effective_status, b.authority)).collect()
    }

    /// How one backend stands.
    pub(crate) fn standing(&self, address: &str) -> String {
        let found = self.standings().into_iter().find(|(of, ..)| of == address);
        found.map_or_else(|| "unknown".to_owned(), |(_, status, _)| status)
    }

    /// What the overwatch logged since the last time.
    pub(crate) fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Puts notes back that a test took from the overwatch itself.
    pub(crate) fn put_notes(&mut self, notes: Vec<Note>) {
        self.notes.extend(notes);
    }

    /// Carries out what a test had the overwatch say.
    pub(crate) fn follow(&mut self, effects: Vec<Effect>) {
        self.carry_out(effects);
        self.run();
    }

    /// An event for the overwatch, and what follows.
    pub(crate) fn tell(&mut self, event: Event) {
        let effects = self.overwatch.handle(event, self.now);
        self.carry_out(effects);
    }

    /// An event for an agent, and what follows.
    pub(crate) fn tell_agent(&mut self, name: &str, event: agent::Event) {
        let host = self.hosts.get_mut(name).unwrap();
        let effects = host.agent.handle(event, self.now);
        for effect in effects {
            self.carry_out_agents(name, effect);
        }
    }

    /// Delivers all that is on its way.
    pub(crate) fn run(&mut self) {
        while let Some(delivery) = self.queue.pop_front() {
            match delivery {
                Delivery::ToOverwatch(link, frame) if self.wires.contains_key(&link) => {
                    self.tell(Event::FrameReceived { link, frame: over_the_wire(&frame) });
                }
                Delivery::ToAgent(link, frame) => match self.wires.get(&link) {
                    Some(Some(name)) => {
                        let name = name.clone();
                        let frame = over_the_wire(&frame);
                        self.tell_agent(&name, agent::Event::FrameReceived { link, frame });
                    }
                    Some(None) => self.inboxes.entry(link).or_default().push(frame),
                    None => {}
                },
                Delivery::Closed(link) if self.wires.contains_key(&link) => {
                    self.close_at_agent(link);
                    self.wires.remove(&link);
                    self.tell(Event::LinkClosed { link, refusal: None });
                }
                Delivery::ToOverwatch(..) | Delivery::Closed(_) => {}
            }
        }
    }

    fn close_at_agent(&mut self, link: LinkId) {
        let holder = self.hosts.iter_mut().find(|(_, host)| host.link == Some(link));
        if let Some((name, host)) = holder {
            host.link = None;
            let name = name.clone();
            self.tell_agent(&name, agent::Event::LinkClosed { link });
        }
    }

    fn next_link(&mut self) -> LinkId {
        self.last_link += 1;
        self.last_link
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut drawn = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send { link, frame } => {
                    self.queue.push_back(Delivery::ToAgent(link, frame));
                }
                Effect::Close { link } => self.queue.push_back(Delivery::Closed(link)),
                Effect::Watch { backend, spec } => {
                    self.watched.insert(backend, spec);
                }
                Effect::Unwatch { backend } => {
                    assert!(self.watched.remove(&backend).is_some(), "{backend} is not watched");
                }
                Effect::Publish(view) => self.view = view,
                Effect::Keep(changes) => {
                    assert!(!changes.is_empty(), "nothing to keep");
                    self.kept_changes += changes.len();
                    changes.into_iter().for_each(|change| self.kept.apply(change));
                }
                Effect::Log(note) => self.notes.push(note),
                Effect::DialPeers(_) | Effect::PinPeer { .. } => {}
                Effect::Draw { zone } => drawn.push(zone),
            }
        }
        // After all the rest: what was published before knows nothing of them.
        for zone in drawn {
            self.tell(Event::Drawn { zone: Box::new(zone), secrets: secrets(1) });
        }
    }

    fn carry_out_agents(&mut self, name: &str, effect: agent::Effect) {
        let now = self.now;
        let host = self.hosts.get_mut(name).unwrap();
        match effect {
            agent::Effect::Poll => {
                host.polls.push(now);
                let open = host.open.clone();
                self.tell_agent(name, agent::Event::Samples(open));
                self.tell_agent(name, agent::Event::PollEnded);
            }
            agent::Effect::Send { link, frame } => {
                match &frame {
                    Frame::Report { report, .. } => host.reports.push((now, report.clone())),
                    Frame::Heartbeat => host.heartbeats.push(now),
                    _ => {}
                }
                self.queue.push_back(Delivery::ToOverwatch(link, frame));
            }
            agent::Effect::Close { link } => self.queue.push_back(Delivery::Closed(link)),
            agent::Effect::Pin { dialled, key, .. } => {
                assert_eq!(dialled, OVERWATCH);
                host.pinned = Some(key);
            }
            agent::Effect::Dial { address } => host.dials.push(address),
            agent::Effect::Log(note) => host.notes.push(note),
            // Nobody here strains.
            agent::Effect::Look => {}
        }
    }
}

impl Host {
    /// The refusals that the agent heard and the sessions that did not come about.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let lines = self.notes.iter().filter(|note| note.level() == agent::Level::Warn);
        lines.map(ToString::to_string).collect()
    }
}

/// The view that an overwatch publishes first.
fn first_view(overwatch: &mut Overwatch, now: Time) -> Arc<View> {
    let effects = overwatch.handle(Event::Tick, now);
    let view = effects.into_iter().find_map(|effect| match effect {
        Effect::Publish(view) => Some(view),
        _ => None,
    });
    view.expect("the first event publishes a view")
}

/// A frame as the other side reads it.
pub(crate) fn over_the_wire(frame: &Frame) -> Frame {
    let mut bytes = Vec::new();
    mesh::encode(frame, &mut bytes).unwrap();
    let mut decoder = FrameDecoder::new();
    decoder.prove();
    decoder.push(&bytes);
    decoder.next_frame().unwrap().expect("a whole frame")
}

/// What TLS tells each side: the agent's end, then the overwatch's.
fn peers(link: LinkId, name: &str, address: IpAddr, key: KeyHash) -> (Peer, Peer) {
    let exporter = |link: LinkId| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&link.to_be_bytes());
        Exporter::from_bytes(bytes)
    };
    let agents_end = Peer {
        address: SocketAddr::new(ip("10.1.1.10"), 7946),
        name: "overwatch-us-east".to_owned(),
        key: OVERWATCH_KEY,
        own_key: key,
        exporter: exporter(link),
    };
    let overwatchs_end = Peer {
        address: SocketAddr::new(address, 40_000),
        name: name.to_owned(),
        key,
        own_key: OVERWATCH_KEY,
        exporter: exporter(link),
    };
    (agents_end, overwatchs_end)
}

/// Why a query was answered as it was.
pub(crate) fn reason_of(outcome: &Answered<'_>) -> &'static str {
    match outcome {
        Answered::Dropped => "dropped",
        Answered::Faulty(_) => "faulty",
        Answered::Cookie(_) => "cookie",
        Answered::Refused => "refused",
        Answered::NoName(_) => "no name",
        Answered::NoData => "no data",
        Answered::Static => "static",
        Answered::Referral => "referral",
        Answered::Steered { decision, .. } => decision.reason.as_str(),
    }
}

pub(crate) fn outcome(passes: bool) -> Outcome {
    if passes {
        Outcome::Pass { connect: Rtt::from_us(1_000).unwrap() }
    } else {
        Outcome::Fail(FailReason::Refused)
    }
}

/// A connection that closed: from `client` to port 80, with this many milliseconds.
pub(crate) fn closed(client: &str, ms: u32) -> Sample {
    Sample {
        client: ip(client),
        local: SocketAddr::new(ip(settings::EU), 80),
        smoothed_rtt_us: ms * 1_000 + 20_000,
        rtt_deviation_us: 1_000,
        min_rtt_us: Some(ms * 1_000),
        bytes_acked: 1_000,
        data_segments_out: Some(3),
        // The kernel's own is unique; closed ones are not remembered by it.
        cookie: 0,
        state: SocketState::Closed,
    }
}

/// Several such connections.
pub(crate) fn connections(client: &str, ms: u32, count: usize) -> Vec<Sample> {
    let numbered =
        (0..count).map(|number| Sample { cookie: 1_000_000 + number as u64, ..closed(client, ms) });
    numbered.collect()
}

/// The reason of a refusal among these frames.
pub(crate) fn refused(frames: &[Frame]) -> Option<&Refusal> {
    frames.iter().find_map(|frame| match frame {
        Frame::Refused(refusal) => Some(refusal),
        _ => None,
    })
}
