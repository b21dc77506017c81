//! `--mode overwatch`.
//!
//! ```text
//! agents <--> mesh server --+                                        +--> UDP workers (1 a core)
//! backends <-- prober ------+--> one loop: Overwatch --> View -------+--> TCP
//! operators --> HTTP -------+        |
//! clock, signals -----------+        +--> writer thread --> store
//! ```
//!
//! DNS is answered from the first moment, by what was kept over the restart: a query before any
//! agent is back gets an answer by geography.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::overwatch::{Effect, Event, Level, Note, Overwatch, View};
use arc_swap::ArcSwap;
use config::{MetricsSettings, OverwatchConfig};
use dns::RateLimits;
use geo::Geo;
use model::BackendKey;
use store::Store;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info, warn};

use super::digest::Digest;
use super::keeper::Keeper;
use super::{
    StartError, address_of, asked_to_end, dns_tcp_limits, dns_workers, identity, make_directory,
    numbers, settings,
};
use crate::answer::Answering;
use crate::clock::{self, Clock};
use crate::dns::{TcpServer, UdpServer};
use crate::http::{Access, Ask, HttpServers, KeyText, Question, Told};
use crate::logs::chain;
use crate::mesh::{self, Connection, ConnectionId, Server, ServerLimits, SessionLimits};
use crate::probe::{Checker, ProbeLimits, ProbeResult, ProbeTarget, Prober};
use crate::random;

/// Events that wait for the loop; past it agents wait, and their reports stay with them.
const QUEUE_EVENTS: usize = 4096;

/// How often the node looks around: what was learned is in the answers after this at the latest.
const TICK: Duration = Duration::from_secs(1);

/// Checks of this overwatch: ten thousand targets, five hundred under way at a time.
const PROBE_LIMITS: ProbeLimits = ProbeLimits { targets_max: 10_000, in_flight_max: 512 };

/// What sessions with agents may take.
const SERVER_LIMITS: ServerLimits = ServerLimits {
    session: SessionLimits {
        handshake_timeout: Duration::from_secs(10),
        dead_peer_timeout: Duration::from_secs(5),
        write_timeout: Duration::from_secs(10),
        queue_frames: 64,
    },
    connections_max: 10_000,
    unproven_max: 256,
    unproven_per_address_max: 16,
};

/// Runs an overwatch until it is asked to end.
///
/// # Errors
///
/// Something it needs cannot be had at start; later it only logs.
pub async fn run(config: &OverwatchConfig, metrics: &MetricsSettings) -> Result<(), StartError> {
    let mut process = Process::start(config).await?;
    let (_metrics, mut asked_numbers) = numbers::serve(metrics).await?;
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = asked_to_end();
    tokio::pin!(end);
    loop {
        tokio::select! {
            Some(event) = process.mesh_events.recv() => process.on_mesh(event),
            Some(result) = process.checked.recv() => process.on_checked(result),
            Some(ask) = process.asked.recv() => process.on_ask(ask),
            _ = tick.tick() => process.on_tick(),
            Some(reply) = asked_numbers.recv() => process.on_numbers(reply),
            ended = &mut end => {
                ended?;
                break;
            }
        }
    }
    process.stop().await;
    Ok(())
}

/// Everything an overwatch holds.
struct Process {
    node: Overwatch,
    clock: Clock,
    view: Arc<ArcSwap<View>>,
    udp: UdpServer,
    tcp: TcpServer,
    meter: crate::answer::AnswerMeter,
    _server: Server,
    mesh_events: mpsc::Receiver<mesh::Event>,
    connections: BTreeMap<ConnectionId, Connection>,
    prober: Prober<BackendKey>,
    targets: BTreeMap<BackendKey, ProbeTarget>,
    checked: mpsc::Receiver<ProbeResult<BackendKey>>,
    _http: HttpServers,
    asked: mpsc::Receiver<Ask>,
    keeper: Keeper,
    /// Of what decides answers.
    config_digest: String,
}

impl Process {
    async fn start(config: &OverwatchConfig) -> Result<Self, StartError> {
        let clock = Clock::start();
        let data = PathBuf::from(&config.data_dir);
        make_directory(&data)?;
        let (certificate, key) = (&config.identity.cert_path, &config.identity.key_path);
        let identity = identity(certificate, key, ("overwatch", &config.identity.node_id))?;
        let (store, snapshot) = Store::open(&data.join("overwatch.redb"))?;
        let keeper = Keeper::start(store)?;
        let mut digest = Digest::of(config);
        let geo = Arc::new(geography(config, &mut digest)?);

        let mut node = Overwatch::new(settings::overwatch(config)?, geo, snapshot, clock.now());
        let (to_checked, checked) = mpsc::channel(QUEUE_EVENTS);
        let checker = Checker::new().map_err(StartError::CheckTls)?;
        let prober = Prober::start(checker, PROBE_LIMITS, clock, to_checked);

        // The first tick yields the first view: what was kept, and geography.
        let mut first = node.handle(Event::Tick, clock.now());
        // Before anybody can ask: a zone without its first keys is not answered for.
        let wanting = first.extract_if(.., |effect| matches!(effect, Effect::Draw { .. }));
        for effect in wanting.collect::<Vec<_>>() {
            let Effect::Draw { zone } = effect else { continue };
            let drawn = Event::Drawn { zone, secrets: random::secrets() };
            first.extend(node.handle(drawn, clock.now()));
        }
        let published = first.iter().rev().find_map(|effect| match effect {
            Effect::Publish(view) => Some(Arc::clone(view)),
            _ => None,
        });
        let view = Arc::new(ArcSwap::new(published.unwrap_or_else(|| node.view())));

        let answering = Answering::new(Arc::clone(&view), clock, limits_of_worker(config));
        let meter = answering.meter();
        let (udp, tcp) = serve_dns(config, answering)?;

        let (to_mesh_events, mesh_events) = mpsc::channel(QUEUE_EVENTS);
        let gossip = address_of(config.gossip_address);
        let server = mesh::server::listen(gossip, &identity, SERVER_LIMITS, to_mesh_events).await?;
        info!("hearing agents on {}", server.local_address());

        let (to_asked, asked) = mpsc::channel(64);
        let tcp_api = config.api.as_ref().map(|api| {
            let access = Access {
                allowed: api.allowed_networks.clone(),
                trust_proxy_headers: api.trust_proxy_headers,
            };
            (address_of(api.address), access)
        });
        let http = HttpServers::start(tcp_api, &data.join("control.sock"), to_asked).await?;
        if let Some(address) = http.local_address() {
            info!("serving the API on {address}");
        }
        let mut process = Self {
            node,
            clock,
            view,
            udp,
            tcp,
            meter,
            _server: server,
            mesh_events,
            connections: BTreeMap::new(),
            prober,
            targets: BTreeMap::new(),
            checked,
            _http: http,
            asked,
            keeper,
            config_digest: digest.finish(),
        };
        process.carry_out(first);
        Ok(process)
    }

    fn on_mesh(&mut self, event: mesh::Event) {
        match event {
            mesh::Event::Opened { connection, peer, .. } => {
                let link = connection.id();
                self.connections.insert(link, connection);
                // Before the agent says a word: what it must not learn from.
                self.probe_source(peer.address);
                self.handle(Event::LinkOpened { link, peer });
            }
            mesh::Event::Frame { id, frame } => {
                self.handle(Event::FrameReceived { link: id, frame });
            }
            mesh::Event::Closed { id, reason } => {
                self.connections.remove(&id);
                let refusal = reason.refusal();
                debug!("session {id} closed: {}", chain(&reason));
                self.handle(Event::LinkClosed { link: id, refusal });
            }
            mesh::Event::Failed { address, reason, .. } => {
                let from = address.map_or_else(String::new, |address| format!(" with {address}"));
                debug!("no session{from}: {}", chain(&reason));
                if let (Some(address), Some(reason)) = (address, reason.refusal()) {
                    self.handle(Event::LinkFailed { address: address.ip(), reason });
                }
            }
        }
    }

    fn on_checked(&mut self, result: ProbeResult<BackendKey>) {
        let ProbeResult { key: backend, report } = result;
        if let Some(source) = report.source {
            self.handle(Event::ProbeSource(source));
        }
        self.handle(Event::Checked { backend, outcome: report.outcome });
    }

    /// Tells the node from which address this machine talks to another.
    fn probe_source(&mut self, target: SocketAddr) {
        if let Some(source) = source_towards(target) {
            self.handle(Event::ProbeSource(source));
        }
    }

    fn on_tick(&mut self) {
        // Signatures are dated: a clock that was set since the start, or went its own way, is seen.
        self.handle(Event::ClockRead(clock::wall()));
        self.handle(Event::Tick);
    }

    fn on_ask(&mut self, Ask { question, reply }: Ask) {
        let now = self.clock.now();
        let told = match question {
            Question::Latency => document(&self.node.latency_table()),
            Question::Version => document(&self.version()),
            Question::Domains => document(&self.node.domain_list()),
            Question::Backends => document(&self.node.backend_list(now)),
            Question::Agents => document(&self.node.agent_list(now)),
            Question::Cluster { expected_agents } => {
                document(&self.node.cluster_status(expected_agents, now))
            }
            Question::Explain { domain, client } => {
                match self.node.explanation(&domain, client, now) {
                    Ok(explanation) => document(&explanation),
                    Err(fault) => Told::Objected(fault.into()),
                }
            }
            Question::Pins => document(&self.node.pin_list()),
            Question::Regions => document(&self.node.region_list(now)),
            Question::Learning => document(&self.node.learning_list()),
            Question::Resolvers => document(&self.node.resolver_list()),
            Question::Audit => document(&self.node.audit()),
            Question::SignedZones => document(&self.node.signed_zones(now)),
            Question::DsRecords(zone) => match self.node.ds_records(zone.as_name()) {
                Ok(records) => document(&records),
                Err(fault) => Told::Objected(fault.into()),
            },
            Question::ExportKeys(zone) => match self.node.export_keys(zone.as_name()) {
                Ok(text) => Told::Keys(KeyText::new(text)),
                Err(fault) => Told::Objected(fault.into()),
            },
            Question::Ready => {
                let ready = self.ready();
                Told::Ready { is_ready: ready.ready, document: json(&ready) }
            }
            Question::Command(command) => match self.node.objection(&command, now) {
                Some(objection) => Told::Objected(objection),
                None => {
                    self.handle(Event::Command(command));
                    Told::Done
                }
            },
        };
        // Who asked may have gone.
        let _ = reply.send(told);
    }

    fn version(&self) -> api::status::Version {
        api::status::Version {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            platform: format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
            config_digest: self.config_digest.clone(),
            generated_at: self.clock.now().to_rfc3339(),
        }
    }

    fn ready(&self) -> api::status::Ready {
        let without = self.node.domains_without_server();
        let faults = self.node.signing_faults(self.clock.now());
        let (health_ready, signing_ready) = (without.is_empty(), faults.is_empty());
        let unknown = format!("no server is known to be up for {}", without.join(", "));
        let faults = faults.iter().map(ToString::to_string);
        let missing = (!health_ready).then_some(unknown).into_iter().chain(faults);
        let message = missing.collect::<Vec<_>>().join("; ");
        api::status::Ready {
            ready: health_ready && signing_ready,
            message: (!message.is_empty()).then_some(message),
            // The sockets are open before this can be asked.
            dns_ready: true,
            health_ready,
            signing_ready,
        }
    }

    fn on_numbers(&self, reply: numbers::Asked) {
        let dns = numbers::Dns {
            answers: self.meter.counters(),
            udp: self.udp.counters(),
            tcp: self.tcp.counters(),
        };
        // Who asked may have gone.
        let _ = reply.send(numbers::overwatch(&self.node, &dns, self.clock.now()));
    }

    fn handle(&mut self, event: Event) {
        let effects = self.node.handle(event, self.clock.now());
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let (mut sources, mut drawn) = (Vec::new(), Vec::new());
        let mut is_watching_changed = false;
        for effect in effects {
            match effect {
                Effect::Send { link, frame } => {
                    if let Some(connection) = self.connections.get(&link) {
                        connection.send(frame);
                    }
                }
                Effect::Close { link } => {
                    if let Some(connection) = self.connections.get(&link) {
                        connection.close();
                    }
                }
                Effect::Watch { backend, spec } => {
                    let address = backend.socket();
                    sources.extend(source_towards(address));
                    self.targets.insert(backend, ProbeTarget { address, spec });
                    is_watching_changed = true;
                }
                Effect::Unwatch { backend } => {
                    self.targets.remove(&backend);
                    is_watching_changed = true;
                }
                Effect::Publish(view) => self.view.store(view),
                Effect::Draw { zone } => drawn.push(zone),
                Effect::Keep(changes) => self.keeper.keep(changes),
                Effect::Log(note) => log(&note),
            }
        }
        for zone in drawn {
            self.handle(Event::Drawn { zone, secrets: random::secrets() });
        }
        // Agents learn where checks come from before the first one leaves.
        sources.sort_unstable();
        sources.dedup();
        for source in sources {
            self.handle(Event::ProbeSource(source));
        }
        if is_watching_changed && let Err(error) = self.prober.set_targets(self.targets.clone()) {
            warn!("not all backends are checked: {error}");
        }
    }

    async fn stop(self) {
        info!("overwatch stops");
        // DNS goes first, so that no query is taken and not answered.
        self.udp.stop();
        self.tcp.stop().await;
        self.keeper.stop();
    }
}

/// The address this machine would talk to another from. Nothing is sent.
fn source_towards(target: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr =
        if target.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(target).ok()?;
    Some(socket.local_addr().ok()?.ip().to_canonical())
}

/// Opens the DNS sockets, on one port for both; from then on there are answers.
fn serve_dns(
    config: &OverwatchConfig,
    answering: Answering,
) -> Result<(UdpServer, TcpServer), StartError> {
    let address = address_of(config.dns.listen_address);
    let failed = |source| StartError::Dns { address, source };
    let udp = UdpServer::start(address, dns_workers(), &answering);
    let udp = udp.map_err(failed)?;
    let limits = dns_tcp_limits(config.dns.tcp);
    let tcp = TcpServer::start(udp.local_addr(), limits, answering).map_err(failed)?;
    info!("answering DNS on {}", udp.local_addr());
    Ok((udp, tcp))
}

/// One worker's share of the limits.
fn limits_of_worker(config: &OverwatchConfig) -> Option<RateLimits> {
    let workers = NonZeroU32::try_from(dns_workers()).unwrap_or(NonZeroU32::MAX);
    config.dns.rate_limits.as_ref().map(|limits| limits.share_of(workers))
}

fn document(document: &impl serde::Serialize) -> Told {
    Told::Document(json(document))
}

/// Plain data as JSON: there is nothing in it that JSON cannot say.
fn json(document: &impl serde::Serialize) -> String {
    serde_json::to_string(document).unwrap_or_default()
}

fn geography(config: &OverwatchConfig, digest: &mut Digest) -> Result<Geo, StartError> {
    let mut read = |path: &Option<String>| -> Result<Option<Vec<u8>>, StartError> {
        let Some(path) = path else { return Ok(None) };
        let bytes = std::fs::read(path);
        let failed = |source| StartError::DatabaseFile { path: Path::new(path).to_owned(), source };
        let bytes = bytes.map_err(failed)?;
        digest.bytes(&bytes);
        Ok(Some(bytes))
    };
    let countries = read(&config.geography.database_path)?;
    let systems = read(&config.geography.asn_database_path)?;
    let mappings = &config.geography.custom_mappings;
    Ok(Geo::build(countries.as_deref(), systems.as_deref(), mappings)?)
}

fn log(note: &Note) {
    match note.level() {
        Level::Info => info!("{note}"),
        Level::Warn => warn!("{note}"),
    }
}
