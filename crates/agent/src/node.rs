//! The one handler of an agent.
//!
//! Everything that changes an agent comes through [`Agent::handle`], one event at a time, with the
//! time at which it happened.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use health::Strain;
use latency::{Learner, LearnerCounters, Limit, Position, Turn};
use mesh::{AgentIdentity, BackendOffer, Frame, Registration};
use model::{BackendKey, Time};

use crate::checks::Checks;
use crate::link::{Asked, Link};
use crate::load::Load;
use crate::predictive::Shares;
use crate::{Effect, Event, LinkId, Note, Settings};

/// Addresses of overwatches that an agent takes from other overwatches: more than any site has.
/// Further ones are ignored.
const PEERS_MAX: usize = mesh::frame::PEERS_MAX;

/// Addresses not to learn from, of all overwatches together: as many as one of them may name, and as
/// many as the learner takes. Further ones are ignored.
const EXCLUDED_MAX: usize = mesh::frame::EXCLUDES_MAX;

/// An overwatch that goes on refusing this agent for the same reason is logged once in five minutes;
/// it is tried every few seconds.
const AGAIN_AFTER_MS: u64 = 300_000;

/// One agent.
#[derive(Debug)]
pub struct Agent {
    pub(crate) settings: Settings,
    /// The life of this agent; grows with each start.
    epoch: u64,
    pub(crate) learner: Option<Learner>,
    pub(crate) checks: Checks,
    load: Load,
    /// What of its share each backend should get.
    pub(crate) shares: Shares,
    pub(crate) links: BTreeMap<LinkId, Link>,
    /// Addresses that overwatches told not to learn from, also those that are away just now.
    excluded: BTreeSet<IpAddr>,
    /// Addresses of overwatches that overwatches told.
    peers: BTreeSet<String>,
    /// Why the sessions with an overwatch did not come about, as last logged; bounded by those that
    /// the edge dials.
    complaints: BTreeMap<String, (String, Time)>,
    /// Addresses by which an overwatch goes that has a session by another one, as logged; bounded as the
    /// complaints are.
    doubles: BTreeSet<String>,
    /// Whether a dump is under way.
    is_polling: bool,
    pub(crate) next_heartbeat: Time,
    /// Whether the last publication already warned about few addresses.
    has_warned: bool,
    /// Whether client networks make room for others.
    room: Limit,
}

impl Agent {
    /// An agent that starts now. `overwatches` are the addresses that overwatches are known to
    /// live at: connections from there are checks, not clients.
    #[must_use]
    pub fn new(
        settings: Settings,
        overwatches: impl IntoIterator<Item = IpAddr>,
        now: Time,
    ) -> Self {
        let ports = settings.offers.iter().map(|offer| offer.listen_port).collect();
        let learning = settings.learning.as_ref();
        let learner = learning.map(|learning| Learner::new(learning.clone(), ports));
        let mut agent = Self {
            epoch: now.unix_ms(),
            learner,
            checks: Checks::new(&settings.offers),
            load: Load::new(now),
            shares: Shares::new(&settings.offers, now),
            links: BTreeMap::new(),
            excluded: overwatches.into_iter().take(EXCLUDED_MAX).collect(),
            peers: BTreeSet::new(),
            complaints: BTreeMap::new(),
            doubles: BTreeSet::new(),
            is_polling: false,
            next_heartbeat: now.plus_ms(settings.heartbeat.interval_ms),
            has_warned: false,
            room: Limit::default(),
            settings,
        };
        agent.exclude([]);
        agent
    }

    /// When [`Event::Tick`] is due next.
    #[must_use]
    pub fn next_deadline(&self) -> Time {
        let shares = self.settings.predictive.is_some().then(|| self.shares.next_deadline());
        let next = shares.map_or(self.next_heartbeat, |shares| shares.min(self.next_heartbeat));
        let Some(learner) = &self.learner else { return next };
        // What never happened is due at once; a dump under way ends with an event of its own.
        let publish = learner.publish_due().unwrap_or(Time::EPOCH);
        let poll = learner.interval_due().unwrap_or(Time::EPOCH);
        let poll = if self.is_polling { publish } else { poll };
        next.min(publish).min(poll)
    }

    /// Backends that should not get their whole share: how much in thousandths, and why.
    pub fn less(&self) -> impl Iterator<Item = (&BackendKey, u16, Strain)> {
        self.shares.less()
    }

    /// Whether overwatches told this agent to talk to the one at this address.
    #[must_use]
    pub fn knows_peer(&self, address: &str) -> bool {
        self.peers.contains(address)
    }

    /// What was learned so far, in numbers; `None` where learning is switched off.
    #[must_use]
    pub fn learning(&self) -> Option<(&LearnerCounters, usize)> {
        self.learner.as_ref().map(|learner| (learner.counters(), learner.len()))
    }

    /// Takes one event and says what to do about it.
    pub fn handle(&mut self, event: Event, now: Time) -> Vec<Effect> {
        let mut out = Vec::new();
        match event {
            Event::Samples(samples) => {
                samples.iter().for_each(|sample| self.load.count(sample));
                if let Some(learner) = &mut self.learner {
                    learner.observe_all(&samples, now);
                }
            }
            Event::PollEnded | Event::PollFailed => {
                self.is_polling = false;
                self.load.end_dump(matches!(event, Event::PollEnded));
                if let Some(learner) = &mut self.learner {
                    learner.end_interval(now);
                }
            }
            Event::Looked(vitals) => {
                let predictive = self.settings.predictive.as_ref();
                if predictive.is_some_and(|by| self.shares.look(&vitals, by, now)) {
                    self.tell_condition(&mut out);
                }
            }
            Event::Checked { backend, outcome } => {
                self.shares.checked(&backend, &outcome, now);
                let note = self.checks.record(&backend, outcome, now);
                if let Some(note) = note {
                    out.push(Effect::Log(note));
                    self.register_everywhere(&mut out);
                }
            }
            Event::LinkOpened { link, dialled, peer, pinned } => {
                if let Some(identity) = self.identity() {
                    let opened = Link::open(link, dialled, identity, peer, pinned, &mut out);
                    self.links.extend(opened.map(|opened| (link, opened)));
                }
            }
            Event::FrameReceived { link, frame } => self.on_frame(link, frame, &mut out),
            Event::LinkClosed { link } => {
                let note = self.links.remove(&link).and_then(Link::broken);
                out.extend(note.map(Effect::Log));
            }
            Event::Reload(reload) => self.reload(*reload, now, &mut out),
            Event::Tick => self.tick(now, &mut out),
            Event::Stop => self.links.values_mut().for_each(|link| link.leave(&mut out)),
        }
        self.complain_once(&mut out, now);
        out
    }

    /// Who this agent is; `None` without a backend, which the configuration does not allow.
    fn identity(&self) -> Option<AgentIdentity> {
        Some(AgentIdentity {
            agent_id: self.settings.agent_id.clone(),
            epoch: self.epoch,
            service: self.settings.offers.first()?.backend.key.service.clone(),
            region: self.settings.region.clone(),
            keys: self.settings.keys.clone(),
            tokens: vec![self.settings.token.clone()],
        })
    }

    fn on_frame(&mut self, id: LinkId, frame: Frame, out: &mut Vec<Effect>) {
        let epoch = self.epoch;
        if self.is_double(id, &frame, out) {
            return;
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        let asked = link.on_frame(frame, epoch, out);
        let told = link.exclude.clone();
        match asked {
            Asked::Nothing => return,
            Asked::More => {}
            Asked::Lists { peers } => {
                self.exclude(told);
                self.dial(peers, out);
            }
            Asked::Registration { resume, peers } => {
                self.exclude(told);
                self.dial(peers, out);
                if self.outlives(resume) {
                    // What it said of itself in the handshake is of an earlier life: it says so anew.
                    return self.links.values_mut().for_each(|link| link.hang_up(out));
                }
                let registration = self.registration();
                if let Some(link) = self.links.get_mut(&id) {
                    link.say(Frame::Registration(registration), out);
                    let condition = self.shares.condition();
                    if !condition.backends.is_empty() {
                        link.say(Frame::Condition(condition), out);
                    }
                }
            }
        }
        if let (Some(learner), Some(link)) = (&self.learner, self.links.get_mut(&id)) {
            link.report(learner, self.epoch, out);
        }
    }

    /// Closes a link to an overwatch that has a session already by another address: it would end that one for
    /// this one, and the other way round, for ever. Tells whether it did.
    fn is_double(&mut self, id: LinkId, frame: &Frame, out: &mut Vec<Effect>) -> bool {
        let Frame::Challenge(challenge) = frame else { return false };
        let Some(new) = self.links.get(&id) else { return false };
        let same = |link: &&Link| link.is_with(new, &challenge.overwatch_id);
        let Some(first) = self.links.values().find(same) else { return false };
        if self.doubles.insert(new.dialled.clone()) {
            let [dialled, first] = [&new.dialled, &first.dialled].map(Clone::clone);
            let overwatch = challenge.overwatch_id.to_string();
            out.push(Effect::Log(Note::Double { overwatch, dialled, first }));
        }
        if let Some(new) = self.links.get_mut(&id) {
            new.hang_up(out);
        }
        true
    }

    /// A clock that went back over a restart must not make this life look older than the last. Tells whether
    /// this life has another number for it.
    fn outlives(&mut self, resume: Option<Position>) -> bool {
        let last = resume.map_or(0, |position| position.epoch);
        let is_older = last > self.epoch;
        if is_older {
            self.epoch = last.saturating_add(1);
        }
        is_older
    }

    /// Adds addresses that are not to be learned from. They stay: an overwatch that is away may
    /// still be checking.
    pub(crate) fn exclude(&mut self, told: impl IntoIterator<Item = IpAddr>) {
        let room = EXCLUDED_MAX.saturating_sub(self.excluded.len());
        let new = told.into_iter().filter(|address| !self.excluded.contains(address));
        let new: Vec<IpAddr> = new.take(room).collect();
        self.excluded.extend(new);
        if let Some(learner) = &mut self.learner {
            learner.exclude(self.excluded.iter().copied().collect());
        }
    }

    fn dial(&mut self, peers: Vec<String>, out: &mut Vec<Effect>) {
        for address in peers {
            if self.peers.len() < PEERS_MAX && self.peers.insert(address.clone()) {
                out.push(Effect::Dial { address });
            }
        }
    }

    /// Drops the lines about sessions that did not come about which say what was said lately.
    fn complain_once(&mut self, out: &mut Vec<Effect>, now: Time) {
        out.retain(|effect| match effect {
            Effect::Log(Note::NotJoined { overwatch, reason }) => {
                let last = self.complaints.get(overwatch);
                let is_known = last
                    .is_some_and(|(said, at)| said == reason && now.ms_since(*at) < AGAIN_AFTER_MS);
                if !is_known {
                    self.complaints.insert(overwatch.clone(), (reason.clone(), now));
                }
                !is_known
            }
            _ => true,
        });
    }

    /// All that this agent offers, as it is now.
    fn registration(&self) -> Registration {
        let backends = self.settings.offers.iter().map(|offer| BackendOffer {
            key: offer.backend.key.clone(),
            listen_port: offer.listen_port,
            weight: offer.backend.weight,
            check: offer.check.clone(),
            healthy: self.checks.is_healthy(&offer.backend.key),
        });
        let learning = self.settings.learning.as_ref();
        Registration {
            region: self.settings.region.clone(),
            backends: backends.collect(),
            heartbeat_ms: self.settings.heartbeat.interval_ms,
            missed_threshold: self.settings.heartbeat.missed_threshold,
            // Where nothing is learned no row needs a time; the shortest that the protocol knows.
            subnet_ttl_ms: learning.map_or(1, |learning| learning.subnet_ttl_ms),
        }
    }

    pub(crate) fn register_everywhere(&self, out: &mut Vec<Effect>) {
        let registration = self.registration();
        for link in self.links.values() {
            link.say(Frame::Registration(registration.clone()), out);
        }
    }

    /// Tells which backends should get less, and logs what is new about it.
    pub(crate) fn tell_condition(&mut self, out: &mut Vec<Effect>) {
        out.extend(self.shares.news().into_iter().map(Effect::Log));
        let condition = self.shares.condition();
        for link in self.links.values() {
            link.say(Frame::Condition(condition.clone()), out);
        }
    }

    fn heartbeat(&mut self, now: Time, out: &mut Vec<Effect>) {
        self.next_heartbeat = now.plus_ms(self.settings.heartbeat.interval_ms);
        let load = self.load.take(now).map(Frame::Load);
        let condition = self.shares.condition();
        let condition = (!condition.backends.is_empty()).then_some(Frame::Condition(condition));
        for link in self.links.values() {
            link.say(Frame::Heartbeat, out);
            load.iter().chain(&condition).for_each(|frame| link.say(frame.clone(), out));
        }
    }

    fn tick(&mut self, now: Time, out: &mut Vec<Effect>) {
        if now >= self.next_heartbeat {
            self.heartbeat(now, out);
        }
        if let Some(predictive) = &self.settings.predictive {
            if now >= self.shares.next_look {
                self.shares.next_look = now.plus_ms(predictive.check_interval_ms);
                out.push(Effect::Look);
            }
            if self.shares.advance(now) {
                self.tell_condition(out);
            }
        }
        let Some(learner) = &mut self.learner else { return };
        let is_due = |due: Option<Time>| due.is_none_or(|due| now >= due);
        if is_due(learner.interval_due()) && !self.is_polling {
            self.is_polling = true;
            out.push(Effect::Poll);
        }
        if is_due(learner.publish_due()) {
            learner.publish(now);
            let counters = learner.counters();
            out.push(Effect::Log(Note::Published {
                rows: learner.len(),
                samples: counters.admitted,
                refused: counters.refused.iter().map(|(_, count)| count).sum(),
            }));
            let turn = self.room.look(counters.evicted, now);
            out.extend(turn.map(|turn| match turn {
                Turn::Begins => Effect::Log(Note::Full { max: learner.max_subnets() }),
                Turn::Ends => Effect::Log(Note::HasRoom),
            }));
            let concentration = learner.concentration();
            let is_news = concentration.is_some() && !self.has_warned;
            self.has_warned = concentration.is_some();
            out.extend(
                concentration.filter(|_| is_news).map(|c| Effect::Log(Note::Concentrated(c))),
            );
            for link in self.links.values_mut() {
                link.report(learner, self.epoch, out);
            }
        }
    }
}

#[cfg(test)]
mod tests;
