//! `--mode overwatch`.
//!
//! ```text
//! agents <--> mesh server --+                                        +--> UDP workers (1 a core)
//! backends <-- prober ------+--> one loop: Overwatch --> View -------+--> TCP
//! operators --> HTTP -------+        |
//! clock, signals -----------+        +--> writer thread --> store
//! ```
//!
//! DNS is answered once each server that nothing is known of was checked, or after two seconds; by
//! what was kept over the restart where there is something: a query before any agent is back gets an
//! answer by geography. A process that takes over from another answers once it
//! knows what that one knew. A fault of this program costs the step that it was in: the loop goes on, and
//! what was asked in that step is told so.
//!
//! - `opening`: addresses and the store, of which there is one,
//! - `running`: the configuration that runs, and the next one,
//! - `first`: the first results of checks,
//! - `dns`: the servers that answer, and what they answer with,
//! - `retired`: what they answered with before,
//! - `edges`: everything else that has a socket,
//! - `dialling`: the other overwatches,
//! - `effects`: what the node wants done, done,
//! - `reloading`: another configuration, applied,
//! - `asking`: what it is asked, and what it tells,
//! - `making`: what is made through the API,
//! - `sharing`: what operators make, where several overwatches share it,
//! - `rows`: what was learned, kept on disk,
//! - `handing`: from one process to the next, both ends.

mod opening;

mod running;

mod first;

mod dns;

mod retired;

mod edges;

mod dialling;

mod effects;

mod reloading;

mod asking;

mod making;

mod sharing;

mod rows;

mod handing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::overwatch::{Custody, Effect, Event, Overwatch, View};
use arc_swap::ArcSwap;
use config::OverwatchConfig;
use model::BackendKey;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info};

use self::dialling::Dialling;
use self::dns::Dns;
use self::edges::{Edges, Ends, access_of};
use self::effects::source_towards;
use self::handing::Awaiting;
use self::making::{Making, Step};
use self::opening::Opened;
use self::retired::Retired;
use self::running::{Prepared, Running};
pub(in crate::process) use self::sharing::SharingCounters;
use self::sharing::{Sharing, Sources};
use super::handover::giving::Request;
use super::handover::taking::Outcome;
use super::keeper::Keeping;
use super::reload::{Read, Reloads};
use super::signals::{Asked, Signals};
use super::sockets::Wanted;
use super::successor::Successors;
use super::table_file::TableKeeper;
use super::{Around, STATUS_FAILED, StartError, identity, make_directory, numbers};
use crate::clock::{self, Clock};
use crate::http::Ask;
use crate::logs::{Logs, chain};
use crate::mesh::{self, Connection, ConnectionId, Origin};
use crate::notify::{self, Heart};
#[cfg(test)]
use crate::panics::faults;
use crate::panics::survived;
use crate::probe::{ProbeResult, ProbeTarget, Prober};
use crate::random;

/// Events that wait for the loop; past it agents wait, and their reports stay with them.
const QUEUE_EVENTS: usize = 4096;

/// How often the node looks around: what was learned is in the answers after this at the latest.
const TICK: Duration = Duration::from_secs(1);

/// The store's file, in the data directory.
pub(super) const STORE: &str = "overwatch.redb";

/// Runs an overwatch until it is asked to end, or another process takes its place.
///
/// # Errors
///
/// Something it needs cannot be had at start; later it only logs.
pub async fn run(config: OverwatchConfig, around: Around) -> Result<(), StartError> {
    // First: until they are taken, a signal to reload would end the process.
    let mut signals = Signals::take()?;
    let (mut process, mut inbox) = Process::start(config, around).await?;
    if process.awaiting.is_none() {
        notify::ready();
    }
    let mut heart = Heart::of_this_process();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(event) = inbox.mesh.recv() => process.step(|it| it.on_mesh(event)),
            Some(result) = inbox.checked.recv() => process.step(|it| it.on_checked(result)),
            Some(ask) = inbox.asked.recv() => process.step(|it| it.on_ask(ask)),
            _ = tick.tick() => process.step(Process::on_tick),
            () = heart.due() => {
                process.step(Process::on_tick);
                heart.beat(&process.status());
            }
            Some(reply) = inbox.numbers.recv() => process.step(|it| it.on_numbers(reply)),
            Some(prepared) = inbox.prepared.recv() => process.step(|it| it.on_prepared(prepared)),
            Some(step) = inbox.steps.recv() => process.step(|it| it.on_step(step)),
            Some(news) = inbox.shared.news.recv() => process.step(|it| it.on_news(news)),
            Some(decision) = inbox.shared.decisions.recv() => {
                process.step(|it| it.on_decision(decision));
            }
            Some(request) = inbox.requests.recv() => {
                if let Some(left) = process.step(|it| it.on_request(request)) {
                    inbox.asked.close();
                    process.leave(left).await;
                    return Ok(());
                }
            }
            Some(outcome) = inbox.outcomes.recv() => process.try_step(|it| it.on_outcome(outcome))?,
            asked = signals.next() => match asked {
                Asked::Reload => process.step(|it| it.reload(None)),
                Asked::HandOver => process.step(|it| it.successors.start()),
                Asked::End => break,
            }
        }
        process.try_step(Process::look_whether_all_are_back)?;
    }
    // Whoever still waits is told that this process goes down.
    inbox.asked.close();
    process.stop().await;
    Ok(())
}

/// What an overwatch hears.
struct Inbox {
    mesh: mpsc::Receiver<mesh::Event>,
    checked: mpsc::Receiver<ProbeResult<BackendKey>>,
    asked: mpsc::Receiver<Ask>,
    numbers: mpsc::Receiver<numbers::Asked>,
    /// Configurations that were read again.
    prepared: mpsc::Receiver<Result<Prepared, Vec<String>>>,
    /// How far something has come that is being made.
    steps: mpsc::Receiver<Step>,
    /// What others made, and what is decided about changes of this one; silent where nothing is shared.
    shared: Sources,
    /// Of whoever wants to take over.
    requests: mpsc::Receiver<Request>,
    /// Of the process that was taken over from.
    outcomes: mpsc::Receiver<Outcome>,
}

/// Everything an overwatch holds.
struct Process {
    node: Overwatch,
    clock: Clock,
    view: Arc<ArcSwap<View>>,
    retired: Retired<View>,
    /// What it runs on.
    running: Arc<Running>,
    logs: Arc<Logs>,
    read: Read,
    reloads: Reloads<Prepared>,
    making: Making,
    /// What operators make, where several overwatches share it.
    sharing: Option<Sharing>,
    dns: Dns,
    edges: Edges,
    connections: BTreeMap<ConnectionId, Connection>,
    dialling: Dialling,
    prober: Prober<BackendKey>,
    targets: BTreeMap<BackendKey, ProbeTarget>,
    keeping: Keeping,
    /// Keeps what is learned; `None` where that is not wanted, and while another process does.
    rows: Option<TableKeeper>,
    successors: Successors,
    /// Whether a fault left the node between two configurations: it is sent the next one whole.
    is_between: bool,
    /// While another process answers, and this one waits for its agents.
    awaiting: Option<Awaiting>,
    /// Connections that a hand-over cut which came to nothing, and until when their agents may come
    /// back unnoticed.
    cut_off: Option<(Instant, Vec<ConnectionId>)>,
}

impl Process {
    async fn start(config: OverwatchConfig, around: Around) -> Result<(Self, Inbox), StartError> {
        let clock = Clock::start();
        let Around { logging, metrics, sandbox, logs, files, read, is_taking_over, ground } =
            around;
        let data = PathBuf::from(&config.data_dir);
        make_directory(&data)?;
        let (certificate, key) = (&config.identity.cert_path, &config.identity.key_path);
        let identity = identity(certificate, key, ("overwatch", &config.identity.node_id))?;
        let first = Running::first(config, (logging, metrics, sandbox), files)?;
        let running = &first.0;
        let wanted = Wanted::new(&running.config, &running.metrics);

        let successors = Successors::by(ground.starter).map_err(StartError::System)?;
        // Before another process gives up anything.
        let (prober, mut checked) = first::checks(clock)?;
        let opened = Opened::have(is_taking_over, wanted, ground.sockets, &running.config).await?;
        let Opened { sockets, mut keeping, mut snapshot, taken } = opened;
        let (running, settings) = making::with_kept(first, &snapshot.made);
        let (running, sockets) = (Arc::new(running), Arc::new(sockets));
        let kept = (&mut snapshot, &mut keeping);
        let (sharing, shared) = sharing::of(&running.config, kept, clock.now())?;
        let (mut node, rows) = rows::begin(&running, settings, snapshot, clock);
        let mut first = Vec::new();
        if sharing.is_some() {
            // Nobody makes keys before it is known who does. What follows counts too: whom to check.
            first = node.handle(Event::Custody(Custody::Waits), clock.now());
        }

        // The first tick yields the first view: what was kept, and geography.
        first.extend(first_effects(&mut node, clock));
        let view = Arc::new(ArcSwap::new(first_view(&first, &node)));
        let dns = Dns::new(Arc::clone(&view), clock, &running.config, Arc::clone(&sockets))?;
        let (outcomes, awaiting) = Awaiting::of(taken);
        let access = access_of(&running.config, node.tokens());
        let (edges, ends) = Edges::new(identity, sockets, access, running.tls.clone(), dns.tail())?;
        let (reloads, prepared) = Reloads::new();
        let (making, steps) = Making::new();
        let dialling = Dialling::new(&running.config.identity.key_path)?;
        let mut process = Self {
            node,
            clock,
            view,
            retired: Retired::new(),
            running,
            logs,
            read,
            reloads,
            making,
            sharing,
            dns,
            edges,
            connections: BTreeMap::new(),
            dialling,
            prober,
            targets: BTreeMap::new(),
            keeping,
            rows,
            successors,
            is_between: false,
            awaiting,
            cut_off: None,
        };
        process.begin(first, &mut checked).await?;
        let Ends { mesh, asked, numbers, requests } = ends;
        let inbox =
            Inbox { mesh, checked, asked, numbers, prepared, steps, shared, requests, outcomes };
        Ok((process, inbox))
    }

    /// Does what the node wants at first, and answers, unless another process still does.
    async fn begin(
        &mut self,
        first: Vec<Effect>,
        checked: &mut mpsc::Receiver<ProbeResult<BackendKey>>,
    ) -> Result<(), StartError> {
        self.carry_out(first);
        self.settle_trust();
        if let Some(sharing) = &mut self.sharing {
            sharing.start();
        }
        if self.awaiting.is_none() {
            self.hear_first_results(checked).await;
            self.dns.serve()?;
        }
        Ok(())
    }

    /// One step of the loop. A fault in it costs what it has not done yet, and never the process: DNS is
    /// answered as before. Whoever asked in it is answered by nobody, which the API says.
    fn step<T: Default>(&mut self, step: impl FnOnce(&mut Self) -> T) -> T {
        survived(|| step(self)).unwrap_or_else(|| {
            survived(|| self.look_after_rows(false));
            T::default()
        })
    }

    /// The same for a step that may find that this process must not go on.
    fn try_step(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<(), StartError>,
    ) -> Result<(), StartError> {
        self.step(|it| Some(step(it))).unwrap_or(Ok(()))
    }

    fn on_mesh(&mut self, event: mesh::Event) {
        match event {
            mesh::Event::Opened { connection, peer, origin: Origin::Dialled { address } } => {
                self.on_reached(connection, address, peer);
            }
            mesh::Event::Opened { connection, peer, origin: Origin::Accepted } => {
                let link = connection.id();
                self.connections.insert(link, connection);
                // Before the agent says a word: what it must not learn from.
                self.probe_source(peer.address);
                self.handle(Event::LinkOpened { link, peer });
            }
            mesh::Event::Frame { id, frame, held: _ } => {
                self.handle(Event::FrameReceived { link: id, frame });
            }
            mesh::Event::Closed { id, reason } => {
                self.connections.remove(&id);
                let refusal = reason.refusal();
                debug!("session {id} closed: {}", chain(&reason));
                self.handle(Event::LinkClosed { link: id, refusal });
            }
            mesh::Event::Failed { origin: Origin::Dialled { address }, reason, .. } => {
                self.on_unreachable(address, &reason);
            }
            mesh::Event::Failed { origin: Origin::Accepted, address, reason } => {
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
        if let Some(ends) = report.certificate_ends {
            self.handle(Event::CertificateSeen { backend: backend.clone(), ends });
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
        self.retired.let_go();
        // Signatures are dated: a clock that was set since the start, or went its own way, is seen.
        self.handle(Event::ClockRead(clock::wall()));
        self.handle(Event::Tick);
        // What found no room does not wait for the next change.
        self.keeping.keep(Vec::new());
        self.keep_rows();
        self.look_after_shared();
        if self.awaiting.is_none() {
            self.edges.look_after_store(&self.running.config, &mut self.keeping);
        }
        self.look_after_cut_off();
    }

    /// How things stand, for a service manager.
    fn status(&mut self) -> String {
        let is_answering = self.awaiting.is_none();
        let said = self.step(|it| Some(numbers::status(&it.node, is_answering, it.clock.now())));
        said.unwrap_or_else(|| STATUS_FAILED.to_owned())
    }

    fn on_numbers(&self, reply: numbers::Asked) {
        #[cfg(test)]
        faults::meet("numbers");
        let (dns, around) = (self.dns.numbers(), (self.reloads.counters(), self.clock.now()));
        let config = &self.running.config;
        // Who asked may have gone.
        let mut page = numbers::overwatch(&self.node, dns.as_ref(), config, around);
        numbers::of_kept(&mut page, self.rows.as_ref().map(|rows| rows.kept(self.clock.now())));
        numbers::of_store(&mut page, self.keeping.kept());
        numbers::of_checks(&mut page, &self.prober.counters());
        numbers::of_servers(&mut page, &self.node, self.clock.now());
        numbers::of_requests(&mut page, self.edges.behind.counts.counters());
        numbers::of_shared(&mut page, self.sharing.as_ref().map(Sharing::numbers));
        let _ = reply.send(page);
    }

    /// Tells the node something, and does what it wants then. Says whether all of that was done: where it
    /// found a fault the rest of it was not, and what the node has changed by then stays changed.
    fn handle(&mut self, event: Event) -> bool {
        let (node, now) = (&mut self.node, self.clock.now());
        let effects = survived(|| {
            #[cfg(test)]
            faults::meet(match &event {
                Event::Command { .. } => "command",
                Event::Reload(_) => "reload",
                _ => "event",
            });
            node.handle(event, now)
        });
        let is_sound = effects.is_some();
        self.look_after_rows(is_sound);
        self.carry_out(effects.unwrap_or_default()) && is_sound
    }

    async fn stop(mut self) {
        info!("overwatch stops");
        notify::stopping();
        // DNS goes first, so that no query is taken and not answered.
        self.dns.stop().await;
        self.keeping.stop();
        self.step(Self::give_rows);
        // They are another process's where that answers, or was given what they lead to.
        if self.awaiting.is_none() && self.edges.is_served() {
            self.edges.sockets.remove_files();
        }
    }
}

/// What answers read at first.
fn first_view(first: &[Effect], node: &Overwatch) -> Arc<View> {
    let published = first.iter().rev().find_map(|effect| match effect {
        Effect::Publish(view) => Some(Arc::clone(view)),
        _ => None,
    });
    published.unwrap_or_else(|| node.view())
}

/// What a node wants at its start.
fn first_effects(node: &mut Overwatch, clock: Clock) -> Vec<Effect> {
    let mut first = node.handle(Event::Tick, clock.now());
    rows::into_maps(node, clock, &mut first);
    // Before anybody can ask: a zone without its first keys is not answered for.
    let wanting = first.extract_if(.., |effect| matches!(effect, Effect::Draw { .. }));
    for effect in wanting.collect::<Vec<_>>() {
        let Effect::Draw { zone } = effect else { continue };
        let drawn = Event::Drawn { zone: Box::new(zone), secrets: random::secrets() };
        first.extend(node.handle(drawn, clock.now()));
    }
    first
}
