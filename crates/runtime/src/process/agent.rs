//! `--mode agent`.
//!
//! ```text
//! kernel --> collector threads --+
//! overwatches <--> mesh clients --+--> one loop: agent::Agent --> effects
//! own backends <-- prober --------+
//! the machine's own numbers ------+
//! clock, signals -----------------+
//! ```
//!
//! A fault of this program costs the step that it was in: the loop goes on.

mod running;

#[cfg(unix)]
mod vitals;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, Effect, Event, Level, Note};
use config::AgentConfig;
use model::BackendKey;
use tcpstat::Kernel;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info, warn};

use self::running::{Prepared, Running};
use super::reload::{Read, Reloads, tell};
use super::signals::{Asked, Signals};
use super::{Around, STATUS_FAILED, StartError, address_of, identity, numbers, settings};
use crate::clock::Clock;
use crate::collect::{Collected, Collector};
use crate::http::Told;
use crate::logs::{Logs, chain};
use crate::mesh::{self, Client, ClientLimits, Connection, ConnectionId, Identity, Origin, Pins};
use crate::notify::{self, Heart};
#[cfg(test)]
use crate::panics::faults;
use crate::panics::{rest, survived};
use crate::probe::{Checker, ProbeLimits, ProbeResult, ProbeTarget, Prober};
#[cfg(windows)]
use crate::windows::vitals;

/// Events that wait for the loop; past it overwatches and checks wait.
const QUEUE_EVENTS: usize = 1024;

/// How long the node waits to be called where it could not say when.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// How long a clean stop waits for the overwatches to hear the goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// How long the start waits for the overwatches' names.
const LOOK_UP: Duration = Duration::from_secs(2);

/// Messages of readings that wait for the loop, each of some thousands: the rest waits in the
/// kernel's own buffer, which counts what it drops.
const QUEUE_READINGS: usize = 64;

/// An agent checks its own backends: a few, on this machine or behind it.
const PROBE_LIMITS: ProbeLimits = ProbeLimits { targets_max: 1024, in_flight_max: 64 };

/// Runs an agent until it is asked to end.
///
/// # Errors
///
/// Something it needs cannot be had at start; later it only logs.
pub async fn run(config: AgentConfig, around: Around) -> Result<(), StartError> {
    // First: until they are taken, a signal to reload would end the process.
    let mut signals = Signals::take()?;
    #[cfg(unix)]
    let mut around = around;
    #[cfg(unix)]
    let early = std::mem::take(&mut around.ground.sockets);
    let (mut process, mut prepared) = Process::start(config, around).await?;
    let (ask_numbers, mut asked_numbers) = numbers::queue();
    let _metrics = match process.running.metrics.address.map(address_of) {
        None => None,
        Some(address) => {
            let failed = |source| StartError::Metrics { address, source };
            #[cfg(unix)]
            let listener = super::sockets::metrics_of_agent(early, address).map_err(failed)?;
            #[cfg(not(unix))]
            let listener = crate::bind::tcp(address).map_err(failed)?;
            let listener = TcpListener::from_std(listener).map_err(failed)?;
            Some(numbers::serve(listener, ask_numbers).map_err(failed)?)
        }
    };
    notify::ready();
    let mut heart = Heart::of_this_process();
    loop {
        let deadline =
            process.step(Process::deadline).unwrap_or_else(|| Instant::now() + AFTER_FAULT);
        tokio::select! {
            Some(event) = process.mesh_events.recv() => process.step(|it| it.on_mesh(event)),
            Some(collected) = process.collected.recv() => {
                process.step(|it| it.on_collected(collected));
            }
            Some(result) = process.checked.recv() => process.step(|it| it.on_checked(result)),
            () = sleep_until(deadline) => {
                if !process.step(|it| it.handle(Event::Tick)) {
                    // What was due is due still.
                    rest().await;
                }
            }
            () = heart.due() => {
                process.step(|it| it.handle(Event::Tick));
                let status = process.step(|it| Some(it.status()));
                heart.beat(&status.unwrap_or_else(|| STATUS_FAILED.to_owned()));
            }
            Some(reply) = asked_numbers.recv() => process.step(|it| it.on_numbers(reply)),
            Some(prepared) = prepared.recv() => process.step(|it| it.on_prepared(prepared)),
            asked = signals.next() => match asked {
                Asked::Reload => process.step(Process::reload),
                // Whoever keeps it running starts another one; the overwatches wait for it.
                Asked::HandOver => warn!("an agent has nothing to hand over: restart it"),
                Asked::End => break,
            }
        }
    }
    process.stop().await;
    Ok(())
}

/// Everything an agent holds.
struct Process {
    node: Agent,
    clock: Clock,
    /// What it runs on.
    running: Running,
    logs: Arc<Logs>,
    read: Read,
    reloads: Reloads<Prepared>,
    /// Whether a fault left the node between two configurations: it is sent the next one whole.
    is_between: bool,
    identity: Identity,
    pins: Pins,
    clients: BTreeMap<String, Client>,
    connections: BTreeMap<ConnectionId, Connection>,
    to_mesh_events: mpsc::Sender<mesh::Event>,
    mesh_events: mpsc::Receiver<mesh::Event>,
    /// None where nothing is learned.
    collector: Option<Collector>,
    collected: mpsc::Receiver<Collected>,
    prober: Prober<BackendKey>,
    checked: mpsc::Receiver<ProbeResult<BackendKey>>,
    /// Overwatches that could not be reached the last time: said once, not at every try.
    unreachable: BTreeSet<String>,
}

/// Whom it asks about connections, and how far.
fn kernel_of(config: &AgentConfig) -> Kernel {
    if config.hears_all_namespaces { Kernel::new().hearing_all_namespaces() } else { Kernel::new() }
}

impl Process {
    async fn start(
        config: AgentConfig,
        around: Around,
    ) -> Result<(Self, mpsc::Receiver<Result<Prepared, Vec<String>>>), StartError> {
        let clock = Clock::start();
        let Around { logging, metrics, sandbox, logs, read, is_taking_over, .. } = around;
        if is_taking_over {
            return Err(StartError::NothingToTakeOver);
        }
        let (certificate, key) = (&config.identity.cert_path, &config.identity.key_path);
        let name = config.identity.agent_id.as_str();
        let identity = identity(certificate, key, ("agent", name))?;
        let pins = Pins::load(&Path::new(key).with_file_name("pinned-overwatches"))?;

        let settings = settings::agent(&config)?;
        let running = Running { config, logging, metrics, sandbox };
        let overwatches = running.overwatches();
        let addresses = addresses_of(&overwatches).await;
        let targets = targets_of(&settings);

        let (to_collected, collected) = mpsc::channel(QUEUE_READINGS);
        let collector = match &settings.learning {
            Some(_) => {
                let (kernel, ports) = (kernel_of(&running.config), ports_of(&settings));
                let collector = Collector::start(&kernel, ports, to_collected);
                Some(collector.map_err(StartError::System)?)
            }
            None => {
                info!("latency learning is switched off");
                None
            }
        };
        let (to_checked, checked) = mpsc::channel(QUEUE_EVENTS);
        let checker = Checker::new().map_err(StartError::CheckTls)?;
        let prober = Prober::start(checker, PROBE_LIMITS, clock, to_checked);
        let prober = prober.map_err(StartError::System)?;
        if let Err(error) = prober.set_targets(targets) {
            warn!("not all backends are checked: {error}");
        }
        let (to_mesh_events, mesh_events) = mpsc::channel(QUEUE_EVENTS);
        let node = Agent::new(settings, addresses, clock.now());
        let (reloads, prepared) = Reloads::new();
        let mut process = Self {
            node,
            clock,
            running,
            logs,
            read,
            reloads,
            is_between: false,
            identity,
            pins,
            clients: BTreeMap::new(),
            connections: BTreeMap::new(),
            to_mesh_events,
            mesh_events,
            collector,
            collected,
            prober,
            checked,
            unreachable: BTreeSet::new(),
        };
        for address in overwatches {
            process.dial(address)?;
        }
        Ok((process, prepared))
    }

    /// One step of the loop. A fault in it costs what it has not done yet, and never the process.
    fn step<T: Default>(&mut self, step: impl FnOnce(&mut Self) -> T) -> T {
        survived(|| step(self)).unwrap_or_default()
    }

    /// When the node wants to be called next.
    fn deadline(&mut self) -> Option<Instant> {
        Some(Instant::from_std(self.clock.instant_at(self.node.next_deadline())))
    }

    /// Reads the configuration again.
    fn reload(&mut self) {
        self.reloads.ask(None);
        self.begin_reload();
    }

    fn begin_reload(&mut self) {
        let (running, read) = (&self.running, &self.read);
        self.reloads.begin(|| running.clone().next(Arc::clone(read)));
    }

    /// The configuration was read again: applies it, or says why not.
    fn on_prepared(&mut self, prepared: Result<Prepared, Vec<String>>) {
        let told = match prepared {
            Err(faults) => Some(tell(Err(&faults), "")),
            Ok(prepared) => self.step(|it| it.apply(prepared)),
        };
        self.reloads.end(told.as_ref());
        self.begin_reload();
    }

    /// Goes by another configuration from now on. Nothing comes of it where this program failed: the next one
    /// is sent to the node whole.
    fn apply(&mut self, prepared: Prepared) -> Option<Told> {
        let Prepared { running, settings, addresses, comparison, warnings } = prepared;
        let is_another = !comparison.changed.is_empty() || self.is_between;
        self.is_between = true;
        self.logs.set_level(running.logging.level);
        let before = std::mem::replace(&mut self.running, running).overwatches();
        if is_another {
            self.go_by(settings, addresses, &before).then_some(())?;
        }
        self.is_between = false;
        Some(tell(Ok((&comparison, &warnings)), ""))
    }

    /// Goes by other settings from now on; `before` are the overwatches that it dialled until now. Says
    /// whether the node does.
    fn go_by(
        &mut self,
        settings: ::agent::Settings,
        addresses: Vec<IpAddr>,
        before: &[String],
    ) -> bool {
        if let Err(error) = self.prober.set_targets(targets_of(&settings)) {
            warn!("not all backends are checked: {error}");
        }
        if let Some(collector) = &self.collector {
            collector.set_ports(ports_of(&settings));
        }
        let reload = ::agent::Reload { settings, overwatches: addresses };
        let is_taken = self.handle(Event::Reload(Box::new(reload)));
        let now = self.running.overwatches();
        // Their sessions end with them. Those that overwatches name stay.
        let node = &self.node;
        self.clients.retain(|address, _| {
            now.contains(address) || !before.contains(address) || node.knows_peer(address)
        });
        for address in now {
            if let Err(error) = self.dial(address) {
                warn!("{}", chain(&error));
            }
        }
        is_taken
    }

    fn dial(&mut self, address: String) -> Result<(), StartError> {
        if self.clients.contains_key(&address) {
            return Ok(());
        }
        let events = self.to_mesh_events.clone();
        let client =
            mesh::client::dial(address.clone(), &self.identity, ClientLimits::STANDARD, events)?;
        self.clients.insert(address, client);
        Ok(())
    }

    fn on_mesh(&mut self, event: mesh::Event) {
        match event {
            mesh::Event::Opened { connection, peer, origin } => {
                let Origin::Dialled { address: dialled } = origin else { return };
                self.unreachable.remove(&dialled);
                let link = connection.id();
                self.connections.insert(link, connection);
                let pinned = self.pins.get(&dialled);
                self.handle(Event::LinkOpened { link, dialled, peer, pinned });
            }
            mesh::Event::Frame { id, frame, held: _ } => {
                self.handle(Event::FrameReceived { link: id, frame });
            }
            mesh::Event::Closed { id, reason } => {
                self.connections.remove(&id);
                debug!("session {id} closed: {}", chain(&reason));
                self.handle(Event::LinkClosed { link: id });
            }
            mesh::Event::Failed { origin, reason, .. } => {
                let Origin::Dialled { address } = origin else { return };
                if self.unreachable.insert(address.clone()) {
                    warn!("overwatch {address} cannot be reached, trying on: {}", chain(&reason));
                }
            }
        }
    }

    fn on_collected(&mut self, collected: Collected) {
        self.handle(match collected {
            Collected::Samples(samples) => Event::Samples(samples),
            Collected::DumpEnded => Event::PollEnded,
            Collected::DumpFailed => Event::PollFailed,
        });
    }

    fn on_checked(&mut self, result: ProbeResult<BackendKey>) {
        let ProbeResult { key: backend, report } = result;
        self.handle(Event::Checked { backend, outcome: report.outcome });
    }

    /// How things stand, for a service manager.
    fn status(&self) -> String {
        let (sessions, overwatches) = (self.connections.len(), self.clients.len());
        let mut status = format!("{sessions} of {overwatches} overwatches there");
        if let Some((_, networks)) = self.node.learning() {
            status += &format!(", {networks} networks known");
        }
        let counters = self.collector.as_ref().map(Collector::counters);
        if counters.is_some_and(|counters| !counters.has_destroy_events) {
            status += ", destroy events not active";
        }
        if counters.is_some_and(|counters| !counters.has_dump) {
            status += ", dump not active";
        }
        status
    }

    fn on_numbers(&self, reply: numbers::Asked) {
        #[cfg(test)]
        faults::meet("numbers");
        let collector = self.collector.as_ref().map(Collector::counters);
        let around = (self.reloads.counters(), self.clock.now());
        let mut page = numbers::agent(&self.node, collector, self.connections.len(), around);
        numbers::of_checks(&mut page, &self.prober.counters());
        numbers::of_agent_strains(&mut page, &self.node);
        // Who asked may have gone.
        let _ = reply.send(page);
    }

    /// Tells the node something, and does what it wants then. Says whether all of that was done: where it
    /// found a fault the rest of it was not, and what the node has changed by then stays changed.
    fn handle(&mut self, event: Event) -> bool {
        let (node, now) = (&mut self.node, self.clock.now());
        let effects = survived(|| {
            #[cfg(test)]
            faults::meet(if matches!(event, Event::Reload(_)) { "reload" } else { "event" });
            node.handle(event, now)
        });
        let mut is_whole = effects.is_some();
        for effect in effects.unwrap_or_default() {
            is_whole &= survived(|| self.carry_out(effect)).is_some();
        }
        is_whole
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Poll => {
                if let Some(collector) = &self.collector {
                    collector.poll();
                }
            }
            Effect::Look => drop(self.handle(Event::Looked(vitals::look()))),
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
            Effect::Pin { dialled, key, .. } => match self.pins.set(&dialled, key) {
                Ok(true) => info!("pinned overwatch {dialled} to key {key}"),
                Ok(false) => {}
                Err(error) => warn!("{}", chain(&error)),
            },
            Effect::Dial { address } => {
                if let Err(error) = self.dial(address) {
                    warn!("{}", chain(&error));
                }
            }
            Effect::Log(note) => log(&note),
        }
    }

    /// Says goodbye everywhere and waits until it was heard, or not for long.
    async fn stop(mut self) {
        info!("agent stops; its backends leave the answers");
        notify::stopping();
        self.handle(Event::Stop);
        let all_closed = async {
            while !self.connections.is_empty() {
                match self.mesh_events.recv().await {
                    Some(mesh::Event::Closed { id, .. }) => drop(self.connections.remove(&id)),
                    Some(_) => {}
                    None => return,
                }
            }
        };
        if timeout(GOODBYE, all_closed).await.is_err() {
            warn!("not every overwatch took the goodbye in time");
        }
    }
}

fn log(note: &Note) {
    match note.level() {
        Level::Debug => debug!("{note}"),
        Level::Info => info!("{note}"),
        Level::Warn => warn!("{note}"),
    }
}

/// The ports on which clients' connections end.
fn ports_of(settings: &::agent::Settings) -> BTreeSet<u16> {
    settings.offers.iter().map(|offer| offer.listen_port).collect()
}

/// What is checked.
fn targets_of(settings: &::agent::Settings) -> BTreeMap<BackendKey, ProbeTarget> {
    let targets = settings.offers.iter().filter_map(|offer| {
        let spec = offer.check.clone()?;
        let address = offer.backend.key.socket();
        Some((offer.backend.key.clone(), ProbeTarget { address, spec }))
    });
    targets.collect()
}

/// The addresses that these names have now: connections from there are an overwatch's checks.
///
/// All are looked up at once, and not for long: learning must not wait for a slow resolver.
async fn addresses_of(overwatches: &[String]) -> Vec<IpAddr> {
    let mut look_ups = tokio::task::JoinSet::new();
    for overwatch in overwatches {
        let overwatch = overwatch.clone();
        look_ups.spawn(async move {
            let found = timeout(LOOK_UP, tokio::net::lookup_host(overwatch)).await;
            found.into_iter().flatten().flatten().map(|a: SocketAddr| a.ip()).collect::<Vec<_>>()
        });
    }
    // One that cannot be looked up yet tells its addresses when it is reached.
    look_ups.join_all().await.into_iter().flatten().collect()
}
