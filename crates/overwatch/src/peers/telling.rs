//! A session that another overwatch dialled: it is told what agents said here, as far as it lacks it.
//!
//! Tells what agents said in person, and rows wherever they came from: those have one writer and a
//! number. Never tells what was heard of an agent elsewhere, so no rumour goes in circles.

use std::collections::BTreeMap;

use latency::{Cursor, Position};
use mesh::{Frame, Have, KeyHash, OverwatchId, Presence, Refusal, RefusalReason, Vouched, Welcome};
use model::{AgentId, Time};

use super::InPerson;
use super::rest::Rest;
use crate::agents::{AgentRecord, Agents, PinState};
use crate::node::EXPIRE_EVERY_MS;
use crate::session::Stage;
use crate::{Effect, LinkId, Overwatch};

/// Frames of one answer: half of what an edge queues for a connection, and with reports of
/// [`REPORT_ROWS_MAX`] rows about a MiB.
const FRAMES_MAX: usize = 32;

/// Frames of facts in one answer: however much agents say, there is room for rows.
const FACT_FRAMES_MAX: usize = 24;

/// Frames about one agent at most: who it is, registration, condition, load.
const FACTS_MAX: usize = 4;

/// Rows in one report that is told on, as in the agents' own.
const REPORT_ROWS_MAX: usize = 4_096;

/// How long two overwatches hold other rows wherever they stand at one position before all are told again: an
/// agent may be about to tell both. Less than from one question to the next.
const MEND_AFTER_MS: u64 = 800;

/// Around a full minute, when rows expire, what was the same and differs may do so for no longer than the clocks
/// of two overwatches differ. It is not mended so long before and after it: some seconds that clocks are apart,
/// and those until the next question.
const EXPIRING_MS: u64 = 10_000;

/// Where all rows were told again and the digests still differ, they are told once more when a digest is
/// another one than then, but no sooner than after this, then after twice as long, up to [`IN_VAIN_MS`]; where
/// they are the same ones, after that: what is left may be a matter of time, as rows that expire here and there,
/// or of room that one has and the other has not.
const MEND_AGAIN_MS: u64 = 4_000;

/// An hour: so often a row in use is told whole anyway.
const IN_VAIN_MS: u64 = 3_600_000;

/// Rows that were told again and refused are told once more after this.
const REFUSED_MS: u64 = 60_000;

/// New rows that were refused are told once more after this, then after twice as long, up to [`REFUSED_MS`]:
/// mostly it is their agent's word about a port that is lacking.
const REFUSED_FIRST_MS: u64 = 1_000;

/// Another overwatch that listens.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) overwatch: OverwatchId,
    /// What it was told. Bounded by who was heard here.
    told: BTreeMap<AgentId, Told>,
    /// With whom the next answer goes on.
    next: Option<AgentId>,
    /// What it has. Bounded by [`Agents::RECORDS_MAX`].
    has: BTreeMap<AgentId, Has>,
    /// Where it stands in the rows of one agent.
    cursor: Cursor,
}

/// What it was told of one agent: who it is, and the numbers of its words.
#[derive(Debug, Default)]
struct Told {
    who: Option<(u64, Presence)>,
    registration: u64,
    condition: u64,
    load: u64,
}

/// How far it heard one agent.
#[derive(Debug)]
struct Has {
    /// Of which key.
    key: Option<KeyHash>,
    /// With what it was told since it said so.
    position: Option<Position>,
    digest: u64,
    /// Where it stood when it last held the same: what differs there since may be rows that expire.
    alike_at: Option<Position>,
    /// Since all rows were last told again, if that did not help. None where both held the same since.
    in_vain: Option<Rest>,
    mending: Mending,
    news: News,
}

/// How it goes with the rows behind its position.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    /// When it was told some, and where it stood: it has not said since where it stands.
    told: Option<(Time, Option<Position>)>,
    /// Since those were told that it refused.
    refused: Option<Rest>,
    /// Something was refused: one report at a time, until it has all.
    is_careful: bool,
}

/// How far all rows were told again.
#[derive(Debug)]
enum Mending {
    No,
    /// It was heard of for the first time on this session: what differs has differed for long.
    New,
    /// Since when the digests differ.
    Due(Time),
    From(Option<Position>),
    /// They were, and the digests then.
    DoneAt((u64, u64)),
    /// When they were, and were not taken.
    Refused(Time),
}

impl Listener {
    pub(crate) fn new(overwatch: OverwatchId) -> Self {
        let (told, has, cursor) = (BTreeMap::new(), BTreeMap::new(), Cursor::new());
        Self { overwatch, told, next: None, has, cursor }
    }

    fn hears(&mut self, have: Have) {
        for agent in have.agents {
            let (key, position, digest) = (agent.key, agent.position, agent.digest);
            if let Some(has) = self.has.get_mut(&agent.agent_id) {
                has.hears((key, position, digest));
            } else if self.has.len() < Agents::RECORDS_MAX {
                let (mending, news) = (Mending::New, News::default());
                let has =
                    Has { key, position, digest, alike_at: None, in_vain: None, mending, news };
                self.has.insert(agent.agent_id, has);
            }
        }
    }
}

impl Has {
    /// The listener says anew what it has: something changed, or what it was told was refused.
    fn hears(&mut self, (key, position, digest): (Option<KeyHash>, Option<Position>, u64)) {
        match self.news.told.take() {
            Some((at, before)) if (self.key, before) == (key, position) => {
                let rest = Rest::after(self.news.refused, at, (REFUSED_FIRST_MS, REFUSED_MS));
                (self.news.refused, self.news.is_careful) = (Some(rest), true);
            }
            None if (self.key, self.position) == (key, position) => {}
            _ => self.news.refused = None,
        }
        let is_same = (self.key, self.position, self.digest) == (key, position, digest);
        match self.mending {
            Mending::DoneAt(_) if is_same => {
                self.mending =
                    self.in_vain.map_or(Mending::No, |rest| Mending::Refused(rest.since));
            }
            _ if self.key != key => (self.mending, self.in_vain) = (Mending::New, None),
            _ => {}
        }
        (self.key, self.position, self.digest) = (key, position, digest);
    }
}

impl News {
    /// Whether it may be told rows now.
    fn may_be_told(&self, now: Time) -> bool {
        let is_resting = self.refused.is_some_and(|rest| !rest.is_over(now));
        let is_asked = self.is_careful && self.told.is_some();
        !(is_resting || is_asked)
    }
}

impl Told {
    /// What of an agent's words is new, in the order in which it says them.
    fn news(
        &mut self,
        agent: &AgentId,
        known: &InPerson,
        presence: Presence,
        out: &mut Vec<Frame>,
    ) {
        if self.who.replace((known.said, presence)) != Some((known.said, presence)) {
            out.push(Frame::Vouched(vouched(agent, known, presence)));
        }
        let mut tell = |told: &mut u64, said: Option<(u64, Frame)>| {
            if let Some((number, said)) = said.filter(|(number, _)| number > told) {
                *told = number;
                let (agent_id, key) = (agent.clone(), Some(known.key));
                out.push(Frame::Relayed { agent_id, key, said: Box::new(said) });
            }
        };
        let registration = known.registration.as_ref();
        let registration = registration.filter(|(number, _)| *number > self.registration);
        let said = registration.map(|(n, said)| (*n, Frame::Registration((**said).clone())));
        tell(&mut self.registration, said);
        let said = known.condition.as_ref().map(|(n, said)| (*n, Frame::Condition(said.clone())));
        tell(&mut self.condition, said);
        let said = known.load.as_ref().map(|(n, said)| (*n, Frame::Load(said.clone())));
        tell(&mut self.load, said);
    }
}

impl Overwatch {
    /// Another overwatch has proven that it is one.
    pub(crate) fn peer_proven(
        &mut self,
        link: LinkId,
        proven: mesh::ProvenPeer,
        out: &mut Vec<Effect>,
    ) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        session.stage = Stage::Telling(Box::new(Listener::new(proven.overwatch_id)));
        out.push(Effect::Send { link, frame: Frame::Welcome(self.peer_welcome()) });
    }

    /// What another overwatch is told at the beginning.
    pub(crate) fn peer_welcome(&self) -> Welcome {
        let exclude = self.probe_sources.iter().copied().take(mesh::frame::EXCLUDES_MAX).collect();
        Welcome { resume: None, exclude, peers: self.peers.told_addresses() }
    }

    /// Takes a frame of an overwatch that dialled.
    pub(crate) fn on_listener_frame(
        &mut self,
        link: LinkId,
        frame: Frame,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        match frame {
            Frame::Have(have) => {
                let Some(Stage::Telling(listener)) =
                    self.sessions.get_mut(&link).map(|session| &mut session.stage)
                else {
                    return;
                };
                let asks = have.asks;
                listener.hears(have);
                if asks {
                    self.answer(link, now, out);
                }
            }
            Frame::Goodbye | Frame::Refused(_) => {
                self.sessions.get_mut(&link).map(crate::session::Session::end);
                out.push(Effect::Close { link });
            }
            frame => {
                let reason = RefusalReason::UnexpectedFrame;
                self.refuse(link, Refusal::new(reason, frame.kind().as_str()), now, out);
            }
        }
    }

    /// Tells what is lacking, as far as an answer goes.
    fn answer(&mut self, link: LinkId, now: Time, out: &mut Vec<Effect>) {
        // Taken out, so that all else can be asked meanwhile.
        let Some(session) = self.sessions.get_mut(&link) else { return };
        let Stage::Telling(mut listener) = session.end() else { return };
        let mut frames = Vec::new();
        let has_more_facts = self.tell_facts(&mut listener, now, &mut frames);
        let facts = frames.len();
        let has_more_rows = self.tell_rows(&mut listener, now, &mut frames);
        let has_more = has_more_facts || has_more_rows;
        let relayed = frames.iter().take(facts).filter(|f| matches!(f, Frame::Relayed { .. }));
        self.peers.counters.facts_told += relayed.count() as u64;
        if let Some(session) = self.sessions.get_mut(&link) {
            session.stage = Stage::Telling(listener);
        }
        out.extend(frames.into_iter().map(|frame| Effect::Send { link, frame }));
        out.push(Effect::Send { link, frame: Frame::Told { has_more } });
    }

    /// What agents said in person. Says whether there may be more.
    fn tell_facts(&self, listener: &mut Listener, now: Time, frames: &mut Vec<Frame>) -> bool {
        let in_person = &self.peers.in_person;
        if listener.told.len() > in_person.len() {
            listener.told.retain(|agent, _| in_person.contains_key(agent));
        }
        // From where the last answer ended, so that nobody who says much keeps others from being told.
        let from = listener.next.take();
        let later = in_person.iter().skip_while(|(agent, _)| Some(*agent) < from.as_ref());
        let earlier = in_person.iter().take_while(|(agent, _)| Some(*agent) < from.as_ref());
        for (agent, known) in later.chain(earlier) {
            if frames.len() + FACTS_MAX > FACT_FRAMES_MAX {
                listener.next = Some(agent.clone());
                return true;
            }
            let presence = self.presence(agent, known, now);
            let told = listener.told.entry(agent.clone()).or_default();
            told.news(agent, known, presence, frames);
        }
        false
    }

    /// Whether an agent that was heard here is there.
    fn presence(&self, agent: &AgentId, known: &InPerson, now: Time) -> Presence {
        let may_speak = |record: &&AgentRecord| {
            (record.pin.state, record.pin.key) == (PinState::Enrolled, known.key)
        };
        match self.agents.get(agent).filter(may_speak) {
            Some(record) if record.left == Some(known.epoch) => Presence::Gone,
            Some(record) if record.speaks_in_person(now) => Presence::There,
            _ => Presence::Away,
        }
    }

    /// Rows that are lacking, one agent after the other. Says whether there are more.
    fn tell_rows(&mut self, listener: &mut Listener, now: Time, frames: &mut Vec<Frame>) -> bool {
        let mut has_more = false;
        for (agent, has) in &mut listener.has {
            // Rows of a namesake are none of it.
            let key = self.agents.get(agent).map(|record| record.pin.key);
            if has.key.is_some_and(|of| Some(of) != key) {
                continue;
            }
            loop {
                if frames.len() >= FRAMES_MAX {
                    return true;
                }
                let lacking = self.lacking(agent, has, &mut listener.cursor, now);
                let Some((epoch, report)) = lacking else { break };
                self.peers.counters.rows_told += report.len() as u64;
                let said = Box::new(Frame::Report { epoch, report });
                frames.push(Frame::Relayed { agent_id: agent.clone(), key, said });
                has_more = true;
            }
        }
        has_more
    }

    /// The next rows of an agent that a listener lacks.
    fn lacking(
        &mut self,
        agent: &AgentId,
        has: &mut Has,
        cursor: &mut Cursor,
        now: Time,
    ) -> Option<(u64, latency::Report)> {
        let position = self.table.position(agent);
        if position > has.position {
            let in_person = self.peers.in_person.get(agent);
            let is_held_back = in_person.is_some_and(|k| k.rows.holds_back(has.position, now));
            if is_held_back || !has.news.may_be_told(now) {
                return None;
            }
            let (epoch, report) =
                self.table.next_report(agent, has.position, REPORT_ROWS_MAX, cursor)?;
            has.news.told.get_or_insert((now, has.position));
            has.position = Some(Position { epoch, sequence: report.through });
            // What it says that it has is of before.
            has.mending = Mending::No;
            return Some((epoch, report));
        }
        if position < has.position {
            // What differed for long still does once this one is as far.
            if !matches!(has.mending, Mending::New) {
                has.mending = Mending::No;
            }
            return None;
        }
        has.news.is_careful &= has.news.told.is_some();
        self.mend(agent, has, cursor, now)
    }

    /// The next rows for one that is as far and may not hold the same.
    fn mend(
        &mut self,
        agent: &AgentId,
        has: &mut Has,
        cursor: &mut Cursor,
        now: Time,
    ) -> Option<(u64, latency::Report)> {
        let digests = (self.digest_of(agent), has.digest);
        if digests.0 == digests.1 {
            (has.mending, has.alike_at, has.in_vain) = (Mending::No, has.position, None);
            return None;
        }
        let was_vain_within = |ms| has.in_vain.is_some_and(|rest| now.ms_since(rest.since) < ms);
        let may_expire = has.alike_at == has.position && is_expiring(now);
        let from = match has.mending {
            Mending::No => {
                has.mending = Mending::Due(now);
                return None;
            }
            Mending::Due(at) if now.ms_since(at) < MEND_AFTER_MS || may_expire => return None,
            Mending::Refused(at) if now.ms_since(at) < REFUSED_MS => return None,
            Mending::From(from) => from,
            Mending::DoneAt(then) if then == digests && was_vain_within(IN_VAIN_MS) => {
                return None;
            }
            _ if has.in_vain.is_some_and(|rest| !rest.is_over(now)) => return None,
            Mending::New | Mending::Due(_) | Mending::Refused(_) | Mending::DoneAt(_) => None,
        };
        let again = self.table.next_report(agent, from, REPORT_ROWS_MAX, cursor);
        let Some((epoch, report)) = again else {
            has.mending = Mending::DoneAt(digests);
            has.in_vain = Some(Rest::after(has.in_vain, now, (MEND_AGAIN_MS, IN_VAIN_MS)));
            return None;
        };
        has.mending = Mending::From(Some(Position { epoch, sequence: report.through }));
        Some((epoch, report))
    }
}

/// Whether rows expire about now, here or at another overwatch.
const fn is_expiring(now: Time) -> bool {
    let of_minute_ms = now.unix_ms() % EXPIRE_EVERY_MS;
    of_minute_ms < EXPIRING_MS || of_minute_ms >= EXPIRE_EVERY_MS - EXPIRING_MS
}

/// Who an agent is that was heard here.
fn vouched(agent: &AgentId, known: &InPerson, presence: Presence) -> Vouched {
    Vouched {
        agent_id: agent.clone(),
        key: known.key,
        service: known.service.clone(),
        epoch: known.epoch,
        address: known.address,
        grants: known.grants.clone(),
        presence,
    }
}
