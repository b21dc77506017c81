//! A month of an overwatch whose strangers, clients and agents are never the same, and what of that is
//! on the page.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use ::agent::Agent;
use ::mesh::{Exporter, KeyHash, Peer, RefusalReason};
use ::overwatch::{Event, Overwatch, View};
use arc_swap::ArcSwap;
use config::{Config, Mode, OverwatchConfig};

use super::super::digest::Digest;
use super::super::fixture::config;
use super::super::geography::Geography;
use super::super::keeper::StoreKept;
use super::super::overwatch::SharingCounters;
use super::super::settings;
use super::super::table_file::Kept;
use super::*;
use crate::answer::Answering;
use crate::clock::Clock;
use crate::collect::CollectorCounters;
use crate::dns::{Arrival, Handler as _, TcpCounters, Transport, UdpCounters};
use crate::http::ApiCounters;
use crate::metrics::families::{self, PARTS};
use crate::metrics::{Configured, Format};
use crate::probe::ProbeCounters;
use crate::query_log::QueryLogCounters;

const KEY: &str = "uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=";
const TOKEN: &str = "correct-horse-battery-staple";

const OVERWATCH: &str = "\
mode: overwatch
overwatch:
  identity: {node_id: one}
  agent_tokens: [{service: app.test, token: TOKEN, networks: [10.0.0.0/8]}]
  gossip: {encryption_key: KEY}
  geolocation: {default_region: here}
dns:
  dnssec: {enabled: true}
  zones: [{name: test, records: [www 300 A 192.0.2.80]}]
regions: [{name: here, capacity: 1000}, {name: there}]
domains:
  - {name: app.test, routing_algorithm: learned_latency, regions: [here, there]}
  - {name: '*.wild.test', regions: [there]}
";

const AGENT: &str = "\
mode: agent
agent:
  identity: {agent_id: NAME, service_token: TOKEN, region: here}
  backends: [{service: app.test, address: ADDRESS, port: 80}]
  gossip: {encryption_key: KEY, overwatch_nodes: ['10.1.1.10:7946']}
  latency_learning: {enabled: true}
";

fn load(text: &str) -> Config {
    config(&text.replace("TOKEN", TOKEN).replace("KEY", KEY))
}

/// Numbers that repeat.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.0 >> 17
    }

    fn address(&mut self) -> IpAddr {
        let [_, a, b, c, ..] = self.next().to_le_bytes();
        Ipv4Addr::new(10, a, b, c).into()
    }

    fn key(&mut self) -> KeyHash {
        KeyHash::from_bytes([0; 32].map(|_: u8| self.next().to_le_bytes()[0]))
    }
}

/// An overwatch without sockets, and what counts for it.
struct World {
    config: OverwatchConfig,
    node: Overwatch,
    view: Arc<ArcSwap<View>>,
    answering: Answering,
    random: Random,
    now: Time,
    links: u64,
}

impl World {
    fn new() -> Self {
        let Mode::Overwatch(config) = load(OVERWATCH).mode else { panic!("an overwatch") };
        let mut digest = Digest::of(&config);
        let geography = Geography::read(&config.geography, &mut digest, None).unwrap();
        let now = Time::from_unix_ms(1_766_138_700_000);
        let settings = settings::overwatch(&config).unwrap();
        let node = Overwatch::new(settings, geography.built, Default::default(), now);
        let view = Arc::new(ArcSwap::new(node.view()));
        let answering = Answering::new(Arc::clone(&view), Clock::start(), None);
        let regions = |domain: &routing::DomainSettings| {
            domain.regions.iter().map(|region| region.name.to_string()).collect()
        };
        let listed = config.domains.iter().map(|domain| (domain.name.clone(), regions(domain)));
        answering.board().list(listed.collect());
        let (random, links) = (Random(1), 0);
        Self { config: *config, node, view, answering, random, now, links }
    }

    fn tell(&mut self, event: Event) -> Vec<(::overwatch::LinkId, ::mesh::Frame)> {
        let mut frames = Vec::new();
        for effect in self.node.handle(event, self.now) {
            match effect {
                ::overwatch::Effect::Publish(view) => self.view.store(view),
                ::overwatch::Effect::Send { link, frame } => frames.push((link, frame)),
                ::overwatch::Effect::Draw { zone } => {
                    let secrets = crate::random::secrets();
                    frames.extend(self.tell(Event::Drawn { zone: Box::new(zone), secrets }));
                }
                _ => {}
            }
        }
        frames
    }

    /// A question for a name that nobody chose, from a network that nobody chose.
    fn ask(&mut self) {
        let n = self.random.next();
        let name = match n % 6 {
            0 => format!("x{n:x}.app.test"),
            1 => format!("x{n:x}.test"),
            2 => format!("x{n:x}.example"),
            3 => format!("x{n:x}.wild.test"),
            4 => "www.test".to_owned(),
            _ => "aPP.tEsT".to_owned(),
        };
        let mut packet = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        for label in name.split('.') {
            packet.push(label.len() as u8);
            packet.extend(label.as_bytes());
        }
        let qtype = if n.is_multiple_of(3) { (n >> 8) as u8 } else { 1 };
        packet.extend([0, 0, qtype, 0, 1]);
        packet.extend(b"\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\x08\0\x07\0\x01\x18\0");
        packet.extend(&n.to_le_bytes()[2..5]);
        if n.is_multiple_of(11) {
            packet.truncate((n >> 9) as usize % packet.len());
        }
        let peer = SocketAddr::new(self.random.address(), 5353);
        let local = SocketAddr::new(Ipv4Addr::new(10, 1, 1, 10).into(), 53);
        let arrival = Arrival { transport: Transport::Udp, peer, local };
        let mut buffer = [0; 4_096];
        self.answering.batch()(&packet, arrival, &mut buffer);
    }

    /// An agent with a name that nobody had, and a server of its own; it joins, or is refused.
    fn agent_comes_and_goes(&mut self) -> Agent {
        let name = format!("agent-{:x}", self.random.next());
        let address = self.random.address();
        let text = AGENT.replace("NAME", &name).replace("ADDRESS", &address.to_string());
        let Mode::Agent(config) = load(&text).mode else { panic!("an agent") };
        let mut agent = Agent::new(settings::agent(&config).unwrap(), Vec::new(), self.now);
        self.links += 1;
        let link = self.links;
        let (agents, overwatchs) = (self.random.key(), self.random.key());
        let exporter = Exporter::from_bytes([7; 32]);
        let peer = |address, name: &str, key, own_key| Peer {
            address: SocketAddr::new(address, 7946),
            name: name.to_owned(),
            key,
            own_key,
            exporter: exporter.clone(),
        };
        let mut said =
            self.tell(Event::LinkOpened { link, peer: peer(address, &name, agents, overwatchs) });
        let at = "10.1.1.10".parse().unwrap();
        let opened = ::agent::Event::LinkOpened {
            link,
            dialled: "10.1.1.10:7946".to_owned(),
            peer: peer(at, "one", overwatchs, agents),
            pinned: None,
        };
        let mut effects = agent.handle(opened, self.now);
        loop {
            let frames = effects.drain(..).filter_map(|effect| match effect {
                ::agent::Effect::Send { frame, .. } => Some(frame),
                _ => None,
            });
            for frame in frames.collect::<Vec<_>>() {
                said.extend(self.tell(Event::FrameReceived { link, frame }));
            }
            if said.is_empty() {
                break;
            }
            for (_, frame) in said.drain(..) {
                let heard = ::agent::Event::FrameReceived { link, frame };
                effects.extend(agent.handle(heard, self.now));
            }
        }
        self.tell(Event::LinkClosed { link, refusal: None });
        agent
    }

    /// A stranger at the mesh's port, for every reason there is.
    fn strangers_knock(&mut self) {
        for reason in RefusalReason::all() {
            let address = self.random.address();
            self.tell(Event::LinkFailed { address, reason });
        }
    }

    fn page(&self) -> Page {
        let closed: Vec<(&str, u64)> =
            TcpCounters::ends().into_iter().map(|end| (end, 1)).collect();
        let tcp = TcpCounters {
            accepted: 0,
            open: 0,
            connections_max: 0,
            closed: closed.try_into().unwrap(),
            without_descriptor: 0,
            accept_errors: 0,
            answered: 0,
            panics: 0,
        };
        let dns = Dns {
            answers: self.answering.meter().counters(),
            answered: self.answering.board().read(),
            udp: UdpCounters::default(),
            tcp,
            kernel_drops: Some(0),
            query_log: Some(QueryLogCounters::default()),
        };
        overwatch(&self.node, Some(&dns), &self.config, (&reloads(), self.now))
    }
}

fn reloads() -> ReloadCounters {
    let now = clock::wall();
    ReloadCounters { started: now, loaded: now, applied: 1, refused: 2 }
}

fn names<'a>(families: impl Iterator<Item = &'a crate::metrics::Family>) -> BTreeSet<&'a str> {
    families.map(|family| family.name).collect()
}

#[test]
fn a_month_of_strangers_clients_and_agents_leaves_the_page_as_long_as_it_may_be() {
    let mut world = World::new();
    world.tell(Event::Tick);
    let configured: Configured = overwatch::configured(&world.config);
    let most = Page::bytes_max(&configured);
    let mut first_day = 0;
    for day in 0..30 {
        for _ in 0..200 {
            world.ask();
        }
        world.strangers_knock();
        for _ in 0..3 {
            world.agent_comes_and_goes();
        }
        world.now = world.now.plus_ms(86_400_000);
        world.tell(Event::Tick);
        let page = world.page().write(Format::Text);
        assert!(page.len() <= most, "{} bytes on day {day}, {most} at most", page.len());
        first_day = if day == 0 { page.len() } else { first_day };
    }
    let page = world.page().write(Format::Text);
    // Words that had not occurred, and more digits.
    assert!(page.len() < first_day + first_day / 5, "{first_day} bytes, then {}", page.len());
    for stranger in ["agent-", ".app.test", "x1", "10.", "example"] {
        assert!(!page.contains(stranger), "{stranger} in\n{page}");
    }
    // They were all there.
    let number = |series: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} in\n{page}")).parse::<u64>().unwrap()
    };
    assert_eq!(number("opengslb_overwatch_agents_registered"), 90);
    assert_eq!(number("opengslb_mesh_joined_total"), 90);
    assert!(number(r#"opengslb_mesh_refused_total{reason="malformed_frame"}"#) >= 30);
    assert!(number(r#"opengslb_dns_queries_total{status="no_name"}"#) > 500);
    assert!(number(r#"opengslb_dns_queries_total{status="steered"}"#) > 500);
    // Strangers ask for types that have no word.
    let types = "opengslb_dns_query_types_total";
    assert!(number(&format!("{types}{{type=\"other\"}}")) > 0);
    let others = page.lines().filter(|line| line.contains(r#"="other"} 1"#));
    let missing: Vec<&str> = others.filter(|line| !line.starts_with(types)).collect();
    assert!(missing.is_empty(), "words are missing in the table: {missing:?}");
}

/// Families that there is nothing to fill with in this small a world.
const ONLY_SOMETIMES: [&str; 1] = ["certificate_days_left_least"];

/// Nobody can add a family and forget to fill it.
#[test]
fn every_family_is_filled_by_one_process_or_both() {
    let mut world = World::new();
    world.tell(Event::Tick);
    let agent = world.agent_comes_and_goes();
    let mut overwatchs = world.page();
    of_checks(&mut overwatchs, &ProbeCounters::default());
    of_servers(&mut overwatchs, &world.node, world.now);
    of_requests(&mut overwatchs, ApiCounters::default());
    let kept = Kept { is_kept: true, unsaved_ms: 0, bytes: 0, snapshots: 0, failures: 0 };
    of_kept(&mut overwatchs, Some(kept));
    of_store(&mut overwatchs, Some(StoreKept { is_kept: true, unsaved_s: 0, failures: 0 }));
    let counters = SharingCounters::default();
    let shared = Shared { is_in_step: true, is_holder: true, revision: 1, counters };
    of_shared(&mut overwatchs, Some(shared));
    let kernel = Some(CollectorCounters::default());
    let mut agents = super::agent(&agent, kernel, 1, (&reloads(), world.now));
    of_checks(&mut agents, &ProbeCounters::default());
    of_agent_strains(&mut agents, &agent);
    let (of_overwatch, of_agent) = (names(overwatchs.families()), names(agents.families()));
    for family in names(PARTS[0].families.iter().copied()) {
        assert!(of_overwatch.contains(family) && of_agent.contains(family), "{family}");
    }
    let every = families::all().filter(|family| !ONLY_SOMETIMES.contains(&family.name));
    let missing = &names(every) - &(&of_overwatch | &of_agent);
    assert!(missing.is_empty(), "nothing fills {missing:?}");
}
