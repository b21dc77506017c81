//! The one handler of an overwatch.
//!
//! Everything that changes an overwatch comes through [`Overwatch::handle`], one event at a time,
//! with the time at which it happened. What follows from it (standings, checks to run, what to
//! keep, what to publish) is derived in one place, [`Overwatch::settle`], whatever the event was.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use geo::Geo;
use health::{CheckSpec, CheckState, HeartbeatTerms, SessionLiveness, Standing};
use latency::{Report, Table};
use mesh::{
    Frame, HandshakeFault, OverwatchHandshake, OverwatchIdentity, OverwatchStep, Peer, ProvenAgent,
    Refusal, RefusalReason, Registration, Welcome,
};
use model::{AgentId, BackendKey, Region, Service, Time};
use routing::Algorithm;

use crate::agents::{Admission, Agents};
use crate::publish::Publisher;
use crate::registry::{self, Registry, Remembered};
use crate::session::{self, Session, Stage};
use crate::{
    BackendRow, Change, Command, Effect, Event, HealthRow, LinkId, NoZone, Note, Settings,
    Snapshot, Source, StaleTerms, View, Zones,
};

/// How often rows are looked through for old ones: far below any sensible time to live, far above
/// what a walk over the table costs.
const EXPIRE_EVERY_MS: u64 = 60_000;

/// One overwatch.
#[derive(Debug)]
pub struct Overwatch {
    pub(crate) identity: OverwatchIdentity,
    /// Where it stands; only told.
    pub(crate) region: Option<Region>,
    stale: StaleTerms,
    pub(crate) registry: Registry,
    pub(crate) agents: Agents,
    pub(crate) table: Table,
    pub(crate) publisher: Publisher,
    sessions: BTreeMap<LinkId, Session>,
    /// The checks that the edge was asked to run.
    watching: BTreeMap<BackendKey, CheckSpec>,
    /// Where own checks come from.
    probe_sources: BTreeSet<IpAddr>,
    /// Backends that came, left or changed since the last [`Overwatch::settle`].
    touched: BTreeSet<BackendKey>,
    counters: Counters,
    pub(crate) started: Time,
    next_expiry: Time,
}

/// What happened so far. Only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Refusals by reason; bounded by the list of reasons.
    pub refusals: BTreeMap<RefusalReason, u64>,
    /// Handshakes that an agent ended, by the reason it gave.
    pub refused_by_agents: BTreeMap<RefusalReason, u64>,
    /// Agents that joined.
    pub joined: u64,
    /// Registrations taken.
    pub registrations: u64,
    /// Own checks that finished.
    pub checks: u64,
}

impl Overwatch {
    /// An overwatch that starts now, with what it remembers from before.
    ///
    /// # Errors
    ///
    /// A domain that lies in none of the zones.
    pub fn new(
        settings: Settings,
        geo: Arc<Geo>,
        snapshot: Snapshot,
        now: Time,
    ) -> Result<Self, NoZone> {
        let name =
            |service: &Service| service.as_str().parse().map_err(|_| NoZone(service.to_string()));
        let apexes = settings.zones.iter().map(name).collect::<Result<Vec<_>, _>>()?;
        let steered = settings.domains.iter().map(|domain| name(&domain.name));
        let zones =
            Zones::new(&apexes, &steered.collect::<Result<Vec<_>, _>>()?, settings.zone_ttl_s)?;
        let mut overwatch = Self {
            region: settings.region,
            identity: OverwatchIdentity {
                overwatch_id: settings.node_id,
                keys: settings.keys,
                tokens: settings.tokens,
            },
            stale: settings.stale,
            registry: Registry::new(settings.checks),
            agents: Agents::new(settings.enrolment),
            table: Table::new(settings.table),
            publisher: Publisher::new(zones, settings.ecs, geo, settings.domains),
            sessions: BTreeMap::new(),
            watching: BTreeMap::new(),
            probe_sources: BTreeSet::new(),
            touched: BTreeSet::new(),
            counters: Counters::default(),
            started: now,
            next_expiry: now.plus_ms(EXPIRE_EVERY_MS),
        };
        for configured in settings.backends {
            overwatch.touched.insert(configured.backend.key.clone());
            overwatch.registry.configure(configured.backend, configured.check);
        }
        overwatch.remember(snapshot, now);
        Ok(overwatch)
    }

    /// Takes in what was kept over a restart.
    fn remember(&mut self, snapshot: Snapshot, now: Time) {
        let default_ms = self.stale.threshold_ms;
        let default = HeartbeatTerms { interval_ms: default_ms, missed_threshold: 1 };
        let mut held: BTreeMap<AgentId, HeartbeatTerms> = BTreeMap::new();
        for (key, row) in snapshot.backends {
            self.touched.insert(key.clone());
            let agent = match row.source {
                Source::Config if self.registry.get(&key).is_none() => continue,
                Source::Config => None,
                Source::Agent { id, heartbeat } => {
                    // The time it takes to reconnect is not a heartbeat missed.
                    let terms = if heartbeat.grace_ms() < default_ms { default } else { heartbeat };
                    held.insert(id.clone(), terms);
                    Some(id)
                }
            };
            let health = snapshot.health.get(&key).copied();
            let BackendRow { backend, check, override_, is_draining, .. } = row;
            let last = Remembered { check, health, override_, is_draining };
            self.registry.remember(backend, agent, last);
        }
        for (id, pin) in snapshot.pins {
            let terms = held.get(&id).copied();
            self.agents.remember(id, pin, terms, now);
        }
    }

    /// What answers read, as it is now.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.publisher.view()
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the table counted.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// Whether the one a command is about is known here.
    #[must_use]
    pub fn knows(&self, command: &Command) -> bool {
        match command {
            Command::Approve(agent) | Command::Revoke(agent) => self.agents.get(agent).is_some(),
            Command::Override { backend, .. } | Command::Drain { backend, .. } => {
                self.registry.get(backend).is_some()
            }
        }
    }

    /// Takes one event and says what to do about it.
    pub fn handle(&mut self, event: Event, now: Time) -> Vec<Effect> {
        let mut out = Vec::new();
        match event {
            Event::LinkOpened { link, peer } => self.opened(link, peer),
            Event::FrameReceived { link, frame } => self.on_frame(link, frame, now, &mut out),
            Event::LinkClosed { link, refusal } => self.closed(link, refusal, now, &mut out),
            Event::Checked { backend, outcome } => {
                self.counters.checks += 1;
                self.registry.record(&backend, outcome, now);
                let agents = &self.agents;
                let change =
                    self.registry.refresh_one(&backend, now, |agent| agents.liveness(agent, now));
                if change.is_none() {
                    return out;
                }
                self.publish_changes(change.into_iter().collect(), now, &mut out);
                return out;
            }
            Event::ProbeSource(address) => {
                if self.probe_sources.insert(address) {
                    self.welcome_again(&mut out);
                }
                return out;
            }
            Event::Command(command) => self.command(command, &mut out),
            Event::Tick => self.tick(now, &mut out),
        }
        self.settle(now, &mut out);
        out
    }

    fn opened(&mut self, link: LinkId, peer: Peer) {
        let address = peer.address.ip().to_canonical();
        let handshake = Box::new(OverwatchHandshake::new(peer));
        self.sessions.insert(link, Session::new(address, handshake));
    }

    fn on_frame(&mut self, link: LinkId, frame: Frame, now: Time, out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        match &mut session.stage {
            Stage::Ended => {}
            Stage::Proving(handshake) => match handshake.on_frame(frame, &self.identity) {
                Ok(OverwatchStep::Send(frame)) => out.push(Effect::Send { link, frame }),
                Ok(OverwatchStep::Proven(proven)) => self.proven(link, proven, now, out),
                Err(HandshakeFault::Refused(refusal)) => {
                    session.stage = Stage::Ended;
                    let who = session.who();
                    *self.counters.refused_by_agents.entry(refusal.reason).or_default() += 1;
                    out.push(Effect::Log(Note::AgentRefused { who, refusal }));
                    out.push(Effect::Close { link });
                }
                Err(fault) => {
                    let refusal = fault.refusal().unwrap_or_else(|| Refusal::from(fault.reason()));
                    self.refuse(link, refusal, out);
                }
            },
            Stage::Speaking(speaker) => {
                let agent = speaker.agent.clone();
                self.agents.heard(&agent, now);
                match frame {
                    Frame::Heartbeat => {}
                    Frame::Registration(registration) => {
                        self.registered(link, &agent, &registration, now, out);
                    }
                    Frame::Report { epoch, report } => {
                        self.reported(link, &agent, (epoch, &report), now, out);
                    }
                    Frame::Goodbye => {
                        session.stage = Stage::Ended;
                        self.agents.left(&agent, link, true, now);
                        out.push(Effect::Log(Note::AgentLeft { agent, is_goodbye: true }));
                        out.push(Effect::Close { link });
                    }
                    frame => {
                        let reason = RefusalReason::UnexpectedFrame;
                        let refusal = Refusal::new(reason, frame.kind().as_str());
                        self.refuse(link, refusal, out);
                    }
                }
            }
        }
    }

    /// An agent knows both secrets; whether this key may go by this name is decided now.
    fn proven(&mut self, link: LinkId, proven: ProvenAgent, now: Time, out: &mut Vec<Effect>) {
        let (agent, key) = (proven.agent_id.clone(), proven.key);
        let admission = self.agents.admit(&agent, key, link, now);
        let (Admission::Welcome { is_new_pin, .. } | Admission::Refused { is_new_pin, .. }) =
            admission;
        if let Some(record) = self.agents.get(&agent).filter(|_| is_new_pin) {
            out.push(Effect::Keep(vec![Change::PutPin(agent.clone(), record.pin.clone())]));
        }
        match admission {
            Admission::Refused { reason, .. } => {
                self.refuse(link, Refusal::new(reason, agent.as_str()), out);
            }
            Admission::Welcome { replaces, .. } => {
                if let Some(replaced) = replaces.filter(|replaced| *replaced != link) {
                    if let Some(session) = self.sessions.get_mut(&replaced) {
                        session.stage = Stage::Ended;
                    }
                    out.push(Effect::Close { link: replaced });
                }
                self.counters.joined += 1;
                if let Some(session) = self.sessions.get_mut(&link) {
                    session.speak(proven);
                }
                out.push(Effect::Log(Note::AgentJoined {
                    agent: agent.clone(),
                    is_new: is_new_pin,
                    key,
                }));
                let frame = Frame::Welcome(self.welcome(&agent));
                out.push(Effect::Send { link, frame });
            }
        }
    }

    fn welcome(&self, agent: &AgentId) -> Welcome {
        Welcome {
            resume: self.table.position(agent),
            exclude: self.probe_sources.iter().copied().take(mesh::frame::EXCLUDES_MAX).collect(),
            peers: Vec::new(),
        }
    }

    /// Tells every agent the lists anew.
    fn welcome_again(&self, out: &mut Vec<Effect>) {
        for (link, session) in &self.sessions {
            if let Stage::Speaking(speaker) = &session.stage {
                let frame = Frame::Welcome(self.welcome(&speaker.agent));
                out.push(Effect::Send { link: *link, frame });
            }
        }
    }

    fn registered(
        &mut self,
        link: LinkId,
        agent: &AgentId,
        registration: &Registration,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        let peer = session.address;
        let Stage::Speaking(speaker) = &mut session.stage else { return };
        let agents = &self.agents;
        let is_there = |other: &AgentId| agents.get(other).is_some_and(|a| a.link.is_some());
        let granted =
            session::grant(speaker, peer, registration, (&self.registry, agents), is_there);
        let terms = HeartbeatTerms {
            interval_ms: registration.heartbeat_ms,
            missed_threshold: registration.missed_threshold,
        };
        self.counters.registrations += 1;
        let (before, ports) = (std::mem::take(&mut speaker.ports), granted.lanes.keys().copied());
        let is_first = before.is_empty();
        speaker.ports = ports.collect();
        for gone in before.difference(&speaker.ports) {
            self.table.remove_lane(agent, *gone);
        }
        for (port, lane) in granted.lanes {
            self.table.set_lane(agent, port, lane);
        }
        self.agents.registered(agent, registration.region.clone(), terms, now);
        let held = self.registry.entries().filter(|entry| entry.agent.as_ref() == Some(agent));
        self.touched.extend(held.map(|entry| entry.backend.key.clone()));
        self.touched.extend(granted.offers.iter().map(|offer| offer.key.clone()));
        self.registry.offer(agent, &registration.region, &granted.offers);
        if is_first {
            let (agent, backends) = (agent.clone(), granted.offers.len());
            let region = registration.region.clone();
            out.push(Effect::Log(Note::AgentRegistered { agent, region, backends }));
        }
        let offered = registration.backends.iter().map(|offer| &offer.key);
        let blocked = offered.filter(|key| self.agents.is_blocked(key)).cloned().collect();
        self.agents.wants(agent, blocked);
        for refusal in granted.refusals {
            self.refuse(link, refusal, out);
        }
    }

    fn reported(
        &mut self,
        link: LinkId,
        agent: &AgentId,
        (epoch, report): (u64, &Report),
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        match self.table.apply(agent, epoch, report, now) {
            Ok(applied) => {
                out.push(Effect::Send { link, frame: Frame::Ack(applied.position) });
            }
            Err(refusal) => self.refuse(link, session::refusal_of(&refusal), out),
        }
    }

    /// Says no: counted always, logged once a session and reason, and the end where it has to be.
    fn refuse(&mut self, link: LinkId, refusal: Refusal, out: &mut Vec<Effect>) {
        *self.counters.refusals.entry(refusal.reason).or_default() += 1;
        let Some(session) = self.sessions.get_mut(&link) else { return };
        if session.is_news(refusal.reason) {
            let who = session.who();
            out.push(Effect::Log(Note::Refused { who, refusal: refusal.clone() }));
        }
        let ends = refusal.reason.ends_session();
        out.push(Effect::Send { link, frame: Frame::Refused(refusal) });
        if ends {
            out.push(Effect::Close { link });
        }
    }

    fn closed(
        &mut self,
        link: LinkId,
        refusal: Option<RefusalReason>,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let Some(session) = self.sessions.remove(&link) else { return };
        if let Some(reason) = refusal {
            *self.counters.refusals.entry(reason).or_default() += 1;
            let (who, refusal) = (session.who(), Refusal::from(reason));
            out.push(Effect::Log(Note::Refused { who, refusal }));
        }
        if let Stage::Speaking(speaker) = session.stage {
            self.agents.left(&speaker.agent, link, false, now);
            out.push(Effect::Log(Note::AgentLeft { agent: speaker.agent, is_goodbye: false }));
        }
    }

    fn command(&mut self, command: Command, out: &mut Vec<Effect>) {
        let what = match command {
            Command::Approve(agent) => {
                let changed = self.agents.approve(&agent);
                let pins = changed.iter().filter_map(|id| {
                    Some(Change::PutPin(id.clone(), self.agents.get(id)?.pin.clone()))
                });
                out.push(Effect::Keep(pins.collect()));
                // What was refused before is offered anew on a new connection.
                let link = self.agents.get(&agent).and_then(|record| record.link);
                out.extend(link.map(|link| Effect::Close { link }));
                format!("agent {agent} was approved")
            }
            Command::Revoke(agent) => self.revoke(&agent, out),
            Command::Override { backend, is_up } => {
                self.registry.set_override(&backend, is_up);
                let what = match is_up {
                    Some(true) => "overridden to up",
                    Some(false) => "overridden to down",
                    None => "no longer overridden",
                };
                let line = format!("backend {backend} is {what}");
                self.touched.insert(backend);
                line
            }
            Command::Drain { backend, is_draining } => {
                self.registry.set_draining(&backend, is_draining);
                let what = if is_draining { "being drained" } else { "no longer drained" };
                let line = format!("backend {backend} is {what}");
                self.touched.insert(backend);
                line
            }
        };
        out.push(Effect::Log(Note::Commanded { what }));
    }

    /// Throws an agent out: its session, its backends and its rows.
    fn revoke(&mut self, agent: &AgentId, out: &mut Vec<Effect>) -> String {
        let held = self.registry.entries().filter(|entry| entry.agent.as_ref() == Some(agent));
        let held: BTreeSet<BackendKey> = held.map(|entry| entry.backend.key.clone()).collect();
        let link = self.agents.revoke(agent, held.clone()).flatten();
        if let Some(link) = link {
            self.refuse(link, Refusal::new(RefusalReason::AgentRevoked, agent.as_str()), out);
            if let Some(session) = self.sessions.get_mut(&link) {
                session.stage = Stage::Ended;
            }
        }
        self.registry.release(agent, |_| true);
        self.table.forget(agent);
        self.touched.extend(held);
        if let Some(record) = self.agents.get(agent) {
            out.push(Effect::Keep(vec![Change::PutPin(agent.clone(), record.pin.clone())]));
        }
        format!("agent {agent} was revoked; its backends are blocked and its rows withdrawn")
    }

    fn tick(&mut self, now: Time, out: &mut Vec<Effect>) {
        if now >= self.next_expiry {
            self.next_expiry = now.plus_ms(EXPIRE_EVERY_MS);
            self.table.expire(now);
        }
        for backend in self.registry.remove_stale(now, self.stale.remove_after_ms) {
            self.touched.insert(backend.clone());
            out.push(Effect::Log(Note::BackendForgotten { backend }));
        }
        self.publisher.learn(&self.table.take_dirty(), &self.table);
        // Connect times move all the time; once a second is soon enough for them.
        let by_time = |algorithm: Algorithm| matches!(algorithm, Algorithm::Latency { .. });
        let timed = self.publisher.domains().filter(|domain| by_time(domain.algorithm));
        let timed = timed.map(|domain| domain.name.clone()).collect();
        self.publisher.stand(&timed, &self.registry, now);
    }

    /// Brings everything that is derived up to date after an event, and says what follows.
    fn settle(&mut self, now: Time, out: &mut Vec<Effect>) {
        let agents = &self.agents;
        let changes = self.registry.refresh(now, |agent| agents.liveness(agent, now));
        self.watch(out);
        self.publish_changes(changes, now, out);
    }

    /// Tells the edge which checks to run, where that changed.
    fn watch(&mut self, out: &mut Vec<Effect>) {
        let wanted = self.registry.watches();
        for backend in self.watching.keys().filter(|key| !wanted.contains_key(*key)) {
            out.push(Effect::Unwatch { backend: backend.clone() });
        }
        for (backend, spec) in &wanted {
            if self.watching.get(backend) != Some(spec) {
                out.push(Effect::Watch { backend: backend.clone(), spec: spec.clone() });
            }
        }
        self.watching = wanted;
    }

    /// Logs and keeps what changed about backends, and publishes the view if it did.
    fn publish_changes(
        &mut self,
        changes: Vec<registry::Change>,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let mut services: BTreeSet<Service> = BTreeSet::new();
        let mut keep = Vec::new();
        for key in std::mem::take(&mut self.touched) {
            keep.push(
                self.row_of(&key)
                    .map_or_else(|| Change::RemoveBackend(key.clone()), Change::PutBackend),
            );
            if self.registry.get(&key).is_none() {
                keep.push(Change::RemoveHealth(key.clone()));
            }
            services.insert(key.service);
        }
        for registry::Change { key, from, to, by } in changes {
            let Some(entry) = self.registry.get(&key) else { continue };
            let last_up = if to == Standing::Up { Some(now) } else { entry.last_up };
            keep.push(Change::PutHealth(
                key.clone(),
                HealthRow { standing: to, since: now, last_up },
            ));
            services.insert(key.service.clone());
            let error = entry.validation.as_ref().and_then(CheckState::last_error);
            let error = error.filter(|_| to == Standing::Down).map(ToString::to_string);
            out.push(Effect::Log(Note::Standing { backend: key, from, to, by, error }));
        }
        if !keep.is_empty() {
            out.push(Effect::Keep(keep));
        }
        self.publisher.stand(&services, &self.registry, now);
        out.extend(self.publisher.publish().map(Effect::Publish));
    }

    /// A backend as it is kept.
    fn row_of(&self, key: &BackendKey) -> Option<BackendRow> {
        let entry = self.registry.get(key)?;
        let source = match &entry.agent {
            Some(id) if !entry.is_configured => {
                let session = self.agents.get(id).and_then(|record| record.session);
                let default =
                    HeartbeatTerms { interval_ms: self.stale.threshold_ms, missed_threshold: 1 };
                let heartbeat = session.map_or(default, |session| session.terms());
                Source::Agent { id: id.clone(), heartbeat }
            }
            _ => Source::Config,
        };
        Some(BackendRow {
            backend: entry.backend.clone(),
            source,
            check: entry.check.clone(),
            override_: entry.override_,
            is_draining: entry.is_draining,
        })
    }

    /// What an agent's word is worth now.
    pub(crate) fn liveness(&self, agent: &AgentId, now: Time) -> SessionLiveness {
        self.agents.liveness(agent, now)
    }
}
