//! The one handler of an overwatch.
//!
//! Everything that changes an overwatch comes through [`Overwatch::handle`], one event at a time,
//! with the time at which it happened. What follows from it (standings, checks to run, what to
//! keep, what to publish) is derived in one place, `settle`. Events that can change no standing
//! leave it out: they may come a thousand a second, and some from strangers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use geo::Geo;
use health::{CheckSpec, HeartbeatTerms, SessionLiveness, Standing};
use latency::Table;
use mesh::{
    Frame, HandshakeFault, OverwatchHandshake, OverwatchIdentity, OverwatchStep, Peer, Refusal,
    RefusalReason,
};
use model::{AgentId, BackendKey, Region, Time, TokenName};
use routing::Algorithm;

use crate::agents::Agents;
use crate::certificates::Certificates;
use crate::hand::Hand;
use crate::learned::Learned;
use crate::limits::Limits;
use crate::loads::Loads;
use crate::news::News;
use crate::outside::Outside;
use crate::peers::Peers;
use crate::publish::Publisher;
use crate::registry::{Registry, Remembered};
use crate::session::{Session, Stage};
use crate::signing::Signing;
use crate::tokens::Tokens;
use crate::{
    BackendRow, Custody, Effect, Event, HealthRow, LinkId, Note, Settings, Snapshot, Source,
    StaleTerms, View,
};

/// How often rows are looked through for old ones: far below any sensible time to live, far above
/// what a walk over the table costs. With each full minute, by the time of the minute, so that overwatches
/// drop the same rows at the same time.
pub(crate) const EXPIRE_EVERY_MS: u64 = 60_000;

/// Most sessions at once: every agent there can be with a connection that is about to replace its
/// last one. At the limit a new connection is refused; the edge has a limit of its own before that.
const SESSIONS_MAX: usize = 2 * Agents::RECORDS_MAX;

/// One overwatch.
#[derive(Debug)]
pub struct Overwatch {
    pub(crate) identity: OverwatchIdentity,
    /// Where it stands; only told.
    pub(crate) region: Option<Region>,
    pub(crate) stale: StaleTerms,
    pub(crate) registry: Registry,
    pub(crate) agents: Agents,
    pub(crate) peers: Peers,
    pub(crate) table: Learned,
    pub(crate) limits: Limits,
    pub(crate) loads: Loads,
    pub(crate) certificates: Certificates,
    pub(crate) publisher: Publisher,
    pub(crate) signing: Signing,
    pub(crate) sessions: BTreeMap<LinkId, Session>,
    /// What was logged about refusals lately.
    pub(crate) news: News,
    /// The checks that the edge was asked to run.
    pub(crate) watching: BTreeMap<BackendKey, CheckSpec>,
    /// Where own checks come from.
    pub(crate) probe_sources: BTreeSet<IpAddr>,
    /// Backends that came, left or changed since the last [`Overwatch::settle`].
    pub(crate) touched: BTreeSet<BackendKey>,
    pub(crate) counters: Counters,
    pub(crate) started: Time,
    /// The last full minute with which rows were looked through.
    expired: u64,
    pub(crate) hand: Hand,
    /// Whose what operators make is.
    pub(crate) custody: Custody,
    pub(crate) tokens: Tokens,
    /// Who else is trusted to report times. Bounded by the configuration.
    pub(crate) outside: BTreeMap<TokenName, Outside>,
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
    #[must_use]
    pub fn new(settings: Settings, geo: Arc<Geo>, mut snapshot: Snapshot, now: Time) -> Self {
        let keys = std::mem::take(&mut snapshot.keys);
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
            peers: Peers::new(settings.overwatches),
            table: Learned::new(Table::new(settings.table)),
            limits: Limits::default(),
            loads: Loads::default(),
            certificates: Certificates::default(),
            publisher: Publisher::new(settings.zones, settings.answers, &geo, settings.domains),
            signing: Signing::new(settings.signed, keys),
            outside: BTreeMap::new(),
            sessions: BTreeMap::new(),
            news: News::new(),
            watching: BTreeMap::new(),
            probe_sources: BTreeSet::new(),
            touched: BTreeSet::new(),
            counters: Counters::default(),
            started: now,
            expired: now.unix_ms() / EXPIRE_EVERY_MS,
            hand: Hand::default(),
            custody: Custody::default(),
            tokens: Tokens::default(),
        };
        for configured in settings.backends {
            overwatch.touched.insert(configured.backend.key.clone());
            overwatch.registry.configure(configured.backend, configured.check);
        }
        overwatch.remember(snapshot, now);
        overwatch.publisher.sign(Arc::new(overwatch.signing.signers()));
        overwatch
    }

    /// Takes in what was kept over a restart.
    fn remember(&mut self, snapshot: Snapshot, now: Time) {
        self.hand = Hand::remember(snapshot.hand, snapshot.audit);
        self.tokens = Tokens::remember(snapshot.tokens);
        self.hand.adopt(snapshot.backends.values(), now);
        self.registry.speak(self.hand.spoken());
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
            // What was up when we ended was seen up just now, not when it last changed.
            let health = snapshot.health.get(&key).map(|row| match row.standing {
                Standing::Up => HealthRow { last_up: Some(now), ..*row },
                Standing::Doubtful | Standing::Draining | Standing::Down => *row,
            });
            let BackendRow { backend, check, .. } = row;
            let last = Remembered { check, health };
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
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Takes one event and says what to do about it.
    pub fn handle(&mut self, event: Event, now: Time) -> Vec<Effect> {
        let mut out = Vec::new();
        match event {
            Event::LinkOpened { link, peer } => {
                self.opened(link, peer, now, &mut out);
                return out;
            }
            Event::PeerReached { link, address, peer, pinned } => {
                self.peer_reached((link, address), peer, pinned, now, &mut out);
                return out;
            }
            Event::FrameReceived { link, frame } => {
                if !self.heard(link, frame, now, &mut out) {
                    return out;
                }
            }
            Event::LinkClosed { link, refusal } => self.closed(link, refusal, now, &mut out),
            Event::LinkFailed { address, reason } => {
                let who = Some(address.to_canonical().to_string());
                self.count_of(who, reason.into(), now, &mut out);
                return out;
            }
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
            Event::CertificateSeen { backend, ends } => {
                self.certificate_seen(backend, ends, now, &mut out);
                return out;
            }
            Event::ProbeSource(address) => {
                if self.probe_sources.insert(address) {
                    self.welcome_again(&mut out);
                }
                return out;
            }
            Event::Command { command, said } => self.command(command, &said, now, &mut out),
            Event::Custody(custody) => self.set_custody(custody),
            Event::Shared(changes) => self.take_shared(changes, now, &mut out),
            Event::Done { what, said } => self.note(what, &said, now, &mut out),
            Event::OutsideSources(sources) => {
                self.trust_outside(&sources);
                return out;
            }
            Event::OutsideReport { source, rows } => {
                self.outside_report(&source, rows, now, &mut out);
                return out;
            }
            Event::Reload(reload) => self.reload(*reload, now, &mut out),
            Event::Drawn { zone, secrets } => self.drawn(zone.as_name(), secrets, now, &mut out),
            Event::ClockRead(wall) => {
                if !self.clock_read(wall, now, &mut out) {
                    return out;
                }
            }
            Event::Tick => self.tick(now, &mut out),
        }
        self.settle(now, &mut out);
        out
    }

    fn opened(&mut self, link: LinkId, peer: Peer, now: Time, out: &mut Vec<Effect>) {
        let is_full = self.sessions.len() >= SESSIONS_MAX;
        let address = peer.address.ip().to_canonical();
        let handshake = Box::new(OverwatchHandshake::new(peer));
        self.sessions.insert(link, Session::new(address, handshake));
        if is_full {
            self.refuse(link, RefusalReason::TooManyConnections.into(), now, out);
        }
    }

    /// Takes a frame of whomever. Says whether a standing may have changed: most change none, and may
    /// come a thousand a second.
    fn heard(&mut self, link: LinkId, frame: Frame, now: Time, out: &mut Vec<Effect>) -> bool {
        if self.is_asking(link) {
            return self.on_peer_frame(link, frame, now, out);
        }
        let settles = matches!(frame, Frame::Registration(_) | Frame::Goodbye);
        self.on_frame(link, frame, now, out);
        settles
    }

    fn on_frame(&mut self, link: LinkId, frame: Frame, now: Time, out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        match &mut session.stage {
            Stage::Ended => {}
            Stage::Proving(handshake) => match handshake.on_frame(frame, &self.identity) {
                Ok(OverwatchStep::Send(frame)) => out.push(Effect::Send { link, frame }),
                Ok(OverwatchStep::Proven(proven)) => self.proven(link, proven, now, out),
                Ok(OverwatchStep::ProvenPeer(proven)) => self.peer_proven(link, proven, out),
                Err(HandshakeFault::Refused(refusal)) => {
                    session.end();
                    let (who, reason) = (session.who(), refusal.reason);
                    *self.counters.refused_by_agents.entry(reason).or_default() += 1;
                    if self.news.is_news(&who, reason, now) {
                        // Not its words: it has proven nothing.
                        let refusal = Refusal::from(reason);
                        out.push(Effect::Log(Note::AgentRefused { who, refusal }));
                    }
                    out.push(Effect::Close { link });
                }
                Err(fault) => {
                    let refusal = fault.refusal().unwrap_or_else(|| Refusal::from(fault.reason()));
                    self.refuse(link, refusal, now, out);
                }
            },
            Stage::Telling(_) => self.on_listener_frame(link, frame, now, out),
            Stage::Speaking(speaker) => {
                let agent = speaker.agent.clone();
                // Somebody else has the name: nothing that was proven on this session counts for it.
                if self.agents.get(&agent).is_none_or(|record| record.link != Some(link)) {
                    return self.disconnect(link, now, out);
                }
                self.agents.heard(&agent, now);
                match frame {
                    Frame::Heartbeat => {}
                    Frame::Load(load) => {
                        self.peers.loaded(&agent, &load);
                        self.loads.take(&agent, &load, &self.agents);
                    }
                    Frame::Condition(condition) => {
                        self.peers.strained(&agent, &condition);
                        self.strained(&agent, &condition, now, out);
                    }
                    Frame::Registration(registration) => {
                        self.registered(link, &agent, &registration, now, out);
                    }
                    Frame::Report { epoch, report } => {
                        self.reported(link, &agent, (epoch, &report), now, out);
                    }
                    Frame::Goodbye => {
                        session.end();
                        self.agents.left(&agent, link, true, now);
                        out.push(Effect::Log(Note::AgentLeft { agent, is_goodbye: true }));
                        out.push(Effect::Close { link });
                    }
                    frame => {
                        let reason = RefusalReason::UnexpectedFrame;
                        let refusal = Refusal::new(reason, frame.kind().as_str());
                        self.refuse(link, refusal, now, out);
                    }
                }
            }
        }
    }

    /// Says no: counted always, logged if it is news, and the end where it has to be.
    pub(crate) fn refuse(
        &mut self,
        link: LinkId,
        refusal: Refusal,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let ends = refusal.reason.ends_session();
        self.count(link, refusal.clone(), now, out);
        out.push(Effect::Send { link, frame: Frame::Refused(refusal) });
        if ends {
            self.disconnect(link, now, out);
        }
    }

    /// Ends a session from this side, whatever it was. What the peer had sent by now is not heard any more.
    pub(crate) fn disconnect(&mut self, link: LinkId, now: Time, out: &mut Vec<Effect>) {
        if let Some(Stage::Speaking(speaker)) = self.sessions.get_mut(&link).map(Session::end) {
            self.agents.left(&speaker.agent, link, false, now);
        }
        out.push(Effect::Close { link });
    }

    /// Counts a refusal, and logs it if it is news.
    fn count(&mut self, link: LinkId, refusal: Refusal, now: Time, out: &mut Vec<Effect>) {
        let who = self.sessions.get(&link).map(Session::who);
        self.count_of(who, refusal, now, out);
    }

    /// The same of somebody who may have no session.
    fn count_of(
        &mut self,
        who: Option<String>,
        refusal: Refusal,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        *self.counters.refusals.entry(refusal.reason).or_default() += 1;
        let Some(who) = who else { return };
        if self.news.is_news(&who, refusal.reason, now) {
            out.push(Effect::Log(Note::Refused { who, refusal }));
        }
    }

    fn closed(
        &mut self,
        link: LinkId,
        refusal: Option<RefusalReason>,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        if let Some(reason) = refusal {
            self.count(link, Refusal::from(reason), now, out);
        }
        self.peer_lost(link, now, out);
        self.peers.asking.remove(&link);
        let Some(session) = self.sessions.remove(&link) else { return };
        let Stage::Speaking(speaker) = session.stage else { return };
        self.agents.left(&speaker.agent, link, false, now);
        if refusal.is_none() {
            out.push(Effect::Log(Note::AgentLeft { agent: speaker.agent, is_goodbye: false }));
        }
    }

    fn tick(&mut self, now: Time, out: &mut Vec<Effect>) {
        let minute = now.unix_ms() / EXPIRE_EVERY_MS;
        if minute > self.expired {
            self.expired = minute;
            self.forget_certificates();
            self.forget_long_gone(now, out);
            self.table.expire(Time::from_unix_ms(minute * EXPIRE_EVERY_MS));
        }
        for backend in self.registry.remove_stale(now, self.stale.remove_after_ms) {
            self.touched.insert(backend.clone());
            out.push(Effect::Log(Note::BackendForgotten { backend }));
        }
        self.look_at_limits(now, out);
        self.look_after_peers(now, out);
        self.sweep(now, out);
        self.look_after_keys(now, out);
        self.settle_strains(BTreeSet::new(), now);
        self.learn(now);
        self.publisher.spill(&self.loads.by_region(&self.agents, now), now);
        // Connect times move all the time; once a second is soon enough for them.
        let by_time = |algorithm: Algorithm| matches!(algorithm, Algorithm::Latency { .. });
        let timed = self.publisher.domains().filter(|domain| by_time(domain.algorithm));
        let timed = timed.map(|domain| &domain.service);
        // So does what a server is drained of.
        let timed = timed.chain(self.registry.emptying(now)).cloned().collect();
        self.publisher.stand(&timed, &self.registry, now);
    }

    /// What an agent's word is worth now.
    pub(crate) fn liveness(&self, agent: &AgentId, now: Time) -> SessionLiveness {
        self.agents.liveness(agent, now)
    }
}
