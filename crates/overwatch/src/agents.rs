//! Who may speak: agents, the keys they are pinned to, and whether they are there.
//!
//! An agent is admitted only after its handshake, so whoever comes here knows the mesh key and a
//! service token. What is decided here is whether this key may go by this name.

mod barred;

mod rivals;

pub(crate) mod room;

pub(crate) mod vouched;

use std::collections::{BTreeMap, BTreeSet};

use health::{HeartbeatTerms, Session, SessionLiveness};
use latency::Position;
use mesh::{KeyHash, RefusalReason};
use model::{AgentId, BackendKey, Region, Service, Time};

use self::barred::Barred;
pub use self::rivals::Life;
use self::rivals::Rivals;
use crate::event::LinkId;
use crate::{HandFault, KeyFault, OutsideFault, TokenFault};

/// How a new agent comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// Whoever has proven both secrets is in.
    Auto,
    /// An operator says yes first.
    Approve,
}

/// Whether a pinned agent may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinState {
    /// It may.
    Enrolled,
    /// An operator has yet to approve it.
    Pending,
    /// It may not any more.
    Revoked,
}

/// What ties an agent's name to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its public key.
    pub key: KeyHash,
    /// Whether it may speak.
    pub state: PinState,
    /// The service whose token it had proven when it was pinned.
    pub service: Service,
    /// When the key was first seen.
    pub first_seen: Time,
    /// Backends that nobody may offer before an operator approves: those of a revoked agent.
    pub blocked: BTreeSet<BackendKey>,
    /// Since when its reports do not count, if they do not.
    pub held: Option<Time>,
}

/// One agent.
#[derive(Clone, Debug)]
pub struct AgentRecord {
    /// Its name and key.
    pub pin: Pin,
    /// Whether it is there; `None` if not since the overwatch started and nothing is remembered.
    pub session: Option<Session>,
    /// Its connection while it is there.
    pub link: Option<LinkId>,
    /// Its site, once it registered.
    pub region: Option<Region>,
    /// When it was last heard, in this life of the overwatch, here or elsewhere.
    pub last_seen: Option<Time>,
    /// When it was last heard here.
    pub(crate) heard_here_at: Option<Time>,
    /// Its present life, as it named it; 0 where it never did.
    pub(crate) epoch: u64,
    /// The life of it that said goodbye.
    pub(crate) left: Option<u64>,
    /// Whether another overwatch hears it.
    pub(crate) is_vouched: bool,
    /// Whether rows came by way of another overwatch since its session here began.
    pub(crate) was_told_elsewhere: bool,
    /// From where on its rows came by way of others alone.
    pub(crate) unsure_from: Option<Position>,
    /// Machines that go by its name with its key.
    rivals: Rivals,
    /// Another key that asks for this name and waits for an operator to say which one it is.
    pub newcomer: Option<(KeyHash, Service)>,
    /// Blocked backends that it offered; approving it frees them. Bounded by a registration.
    pub wanted: BTreeSet<BackendKey>,
    /// The ports it registered, also in an earlier session: the table has their rows.
    pub ports: BTreeSet<u16>,
}

/// An agent that has proven both secrets, at the door.
#[derive(Clone, Debug)]
pub struct Applicant<'a> {
    /// The name it goes by.
    pub id: &'a AgentId,
    /// The key it holds.
    pub key: KeyHash,
    /// The service whose token it proved.
    pub service: &'a Service,
    /// Its connection.
    pub link: LinkId,
    /// Whether its token grants the service and every backend that its name stands for here.
    pub grants_all_held: bool,
    /// Which machine of that name it is.
    pub life: Life,
}

/// All agents ever pinned.
#[derive(Debug)]
pub struct Agents {
    records: BTreeMap<AgentId, AgentRecord>,
    records_max: usize,
    barred: Barred,
    enrolment: Enrolment,
}

/// What became of an agent that proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may speak. An older connection of the same agent is to be closed.
    Welcome {
        /// Its earlier connection, if the break was not noticed yet.
        replaces: Option<LinkId>,
        /// Whether the pin is new or changed and has to be kept. Of a changed one nothing that was
        /// learned under the old key counts for the new.
        is_new_pin: bool,
    },
    /// It may not.
    Refused(RefusalReason),
}

/// Why an operator's yes is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// The one it is about is not known.
    #[error("there is none of that name here")]
    Unknown,
    /// The agent is not held: what it says counts already.
    #[error("the agent is not held: what it says counts")]
    NotHeld,
    /// The agent is there, and would be known again at once.
    #[error("the agent is there: stop it, or revoke it, then forget it")]
    IsThere,
    /// More than one key goes by the name, or the one named is none of them.
    #[error("say which key you mean, by its SHA-256 as the list of agents shows it")]
    WhichKey,
    /// About routing.
    #[error(transparent)]
    Hand(#[from] HandFault),
    /// About keys.
    #[error(transparent)]
    Keys(#[from] KeyFault),
    /// About tokens.
    #[error(transparent)]
    Tokens(#[from] TokenFault),
    /// About what a source from outside reports.
    #[error(transparent)]
    Outside(#[from] OutsideFault),
}

impl Agents {
    /// 20,000 agents: twenty times the largest mesh that was measured; at the limit a new one takes the
    /// place of one that is away (`room`), or is refused.
    pub const RECORDS_MAX: usize = 20_000;

    /// Nobody yet.
    #[must_use]
    pub const fn new(enrolment: Enrolment) -> Self {
        Self {
            records: BTreeMap::new(),
            records_max: Self::RECORDS_MAX,
            barred: Barred::NONE,
            enrolment,
        }
    }

    /// New agents come in this way from now on; those that are in stay so.
    pub const fn set_enrolment(&mut self, enrolment: Enrolment) {
        self.enrolment = enrolment;
    }

    /// An agent that was pinned before a restart. Where it held backends, its session counts as
    /// lost now: it has its grace to come back.
    pub fn remember(&mut self, id: AgentId, pin: Pin, held: Option<HeartbeatTerms>, now: Time) {
        let session = held.map(|terms| Session::remembered(terms, now));
        self.barred.add(&pin);
        self.records.insert(id, AgentRecord { session, ..AgentRecord::new(pin) });
    }

    /// Knows an agent no more; backends that were blocked for it are free.
    pub(crate) fn forget(&mut self, id: &AgentId) {
        self.records.remove(id);
        self.bar();
    }

    /// An operator changed some pins: what they shut out may be less.
    fn bar(&mut self) {
        self.barred = Barred::of(self.records.values().map(|record| &record.pin));
    }

    /// Decides about an agent that has proven both secrets.
    ///
    /// In this order:
    ///
    /// ```text
    /// name      key              then
    /// revoked   any              refused: agent_revoked
    /// any       of a revoked one refused: agent_revoked
    /// known     the pinned one   welcome if enrolled, refused if pending: approval_pending
    /// known     another          refused while the agent is there: agent_key_changed; else
    ///                            under `auto` a rebuilt machine is welcome if its token grants all
    ///                            that the name stands for, or refused: agent_key_changed;
    ///                            under `approve` refused: approval_pending, and the pinned key
    ///                            stays until an operator names the other
    /// unknown   unknown          welcome under `auto`, pending under `approve`;
    ///                            refused where there is no room: too_many_agents
    /// ```
    ///
    /// And one that comes back after another machine took its place and speaks: already_connected.
    ///
    /// So a token of one service never gets at the name of another's agent, and nobody loses a name
    /// by being away.
    pub fn admit(&mut self, applicant: &Applicant<'_>, now: Time) -> Admission {
        let Applicant { id, key, service, link, grants_all_held, life } = *applicant;
        let is_revoked = |record: &AgentRecord| record.pin.state == PinState::Revoked;
        let known = self.records.get(id);
        if self.barred.has_key(&key) || known.is_some_and(is_revoked) {
            return Admission::Refused(RefusalReason::AgentRevoked);
        }
        let is_new_pin = known.is_none_or(|record| record.pin.key != key);
        let is_change = known.is_some() && is_new_pin;
        if is_change && (self.is_there(id, now) || !grants_all_held) {
            return Admission::Refused(RefusalReason::AgentKeyChanged);
        }
        if known.is_none() && !self.make_room() {
            return Admission::Refused(RefusalReason::TooManyAgents);
        }
        let state = match self.enrolment {
            Enrolment::Auto => PinState::Enrolled,
            Enrolment::Approve => PinState::Pending,
        };
        let (service, blocked) = (service.clone(), BTreeSet::new());
        let pin =
            Pin { key, state, service: service.clone(), first_seen: now, blocked, held: None };
        let record =
            self.records.entry(id.clone()).or_insert_with(|| AgentRecord::new(pin.clone()));
        if is_change && state == PinState::Pending {
            record.newcomer = Some((key, service));
            return Admission::Refused(RefusalReason::ApprovalPending);
        }
        // Also where another key takes over: what the old one proved is worth nothing any more.
        let before = record.link;
        if is_change {
            record.succeed(pin, now);
        }
        if record.pin.state == PinState::Pending {
            return Admission::Refused(RefusalReason::ApprovalPending);
        }
        if record.speaks_in_person(now) && !record.rivals.give_way(life, now) {
            return Admission::Refused(RefusalReason::AlreadyConnected);
        }
        record.rivals.hold(life);
        record.last_seen = Some(now);
        // What was given up has a grace to register anew, and who said goodbye begins anew; else it
        // would not count as there.
        record.session = record.session.and_then(|session| match session.liveness(now) {
            SessionLiveness::Stale => Some(Session::remembered(session.terms(), now)),
            SessionLiveness::Gone => None,
            _ => Some(session),
        });
        record.link = Some(link);
        Admission::Welcome { replaces: before, is_new_pin }
    }

    /// An admitted agent registered: from now on its heartbeats count.
    pub fn registered(&mut self, id: &AgentId, region: Region, terms: HeartbeatTerms, now: Time) {
        if let Some(record) = self.records.get_mut(id) {
            record.region = Some(region);
            record.session = Some(Session::open(terms, now));
            record.last_seen = Some(now);
        }
    }

    /// Any frame of an agent came in.
    pub fn heard(&mut self, id: &AgentId, now: Time) {
        if let Some(record) = self.records.get_mut(id) {
            record.last_seen = Some(now);
            record.heard_here_at = Some(now);
            if let Some(session) = &mut record.session {
                session.heard(now);
            }
        }
    }

    /// A connection ended: by a goodbye or by breaking. One that was replaced changes nothing.
    pub fn left(&mut self, id: &AgentId, link: LinkId, is_goodbye: bool, now: Time) {
        let Some(record) = self.records.get_mut(id).filter(|r| r.link == Some(link)) else {
            return;
        };
        record.link = None;
        if is_goodbye {
            record.left = Some(record.epoch);
        }
        if let Some(session) = &mut record.session {
            match (is_goodbye, record.is_vouched) {
                (true, _) => session.closed(),
                (false, true) => {}
                (false, false) => session.lost(now),
            }
        }
    }

    /// What speaks against an operator's yes to this name and, where one is named, this key.
    #[must_use]
    pub fn objection(&self, id: &AgentId, key: Option<KeyHash>) -> Option<Objection> {
        let Some(record) = self.records.get(id) else { return Some(Objection::Unknown) };
        let newcomer = record.newcomer.as_ref().map(|(key, _)| *key);
        let is_clear = match key {
            Some(key) => key == record.pin.key || Some(key) == newcomer,
            None => newcomer.is_none(),
        };
        (!is_clear).then_some(Objection::WhichKey)
    }

    /// An operator's yes: a pending agent may come in, a revoked one too, and the blocked backends
    /// that were its own or that it offered are free again. Where another key asks for the name,
    /// `key` says which one it is. Says whose pins changed; nobody's where there is an
    /// [`Agents::objection`].
    pub fn approve(&mut self, id: &AgentId, key: Option<KeyHash>, now: Time) -> Vec<AgentId> {
        if self.objection(id, key).is_some() {
            return Vec::new();
        }
        let Some(record) = self.records.get_mut(id) else { return Vec::new() };
        let newcomer = record.newcomer.take().filter(|(newcomer, _)| Some(*newcomer) == key);
        if let Some((key, service)) = newcomer {
            let (state, blocked) = (PinState::Enrolled, BTreeSet::new());
            record.succeed(Pin { key, state, service, first_seen: now, blocked, held: None }, now);
        }
        record.pin.state = PinState::Enrolled;
        record.pin.blocked.clear();
        let wanted = std::mem::take(&mut record.wanted);
        let mut changed = vec![id.clone()];
        for (other, record) in &mut self.records {
            let before = record.pin.blocked.len();
            record.pin.blocked.retain(|backend| !wanted.contains(backend));
            if record.pin.blocked.len() < before {
                changed.push(other.clone());
            }
        }
        self.bar();
        changed
    }

    /// An agent offered backends that are blocked: remembered for its approval.
    pub fn wants(&mut self, id: &AgentId, backends: BTreeSet<BackendKey>) {
        if let Some(record) = self.records.get_mut(id) {
            record.wanted = backends;
        }
    }

    /// An operator's no: the agent's session ends, its name and key are worth nothing, and the
    /// backends it held are blocked until somebody is approved for them. Says which connection to
    /// close.
    pub fn revoke(&mut self, id: &AgentId, held: BTreeSet<BackendKey>) -> Option<Option<LinkId>> {
        let record = self.records.get_mut(id)?;
        record.pin.state = PinState::Revoked;
        record.pin.blocked.extend(held);
        self.barred.add(&record.pin);
        record.session = None;
        record.ports.clear();
        Some(record.link.take())
    }

    /// Whether a backend belonged to a revoked agent.
    #[must_use]
    pub fn is_blocked(&self, key: &BackendKey) -> bool {
        self.barred.has_backend(key)
    }

    /// Sets since when an agent's reports do not count; its pin as it is then.
    pub fn set_held(&mut self, id: &AgentId, since: Option<Time>) -> Option<Pin> {
        let record = self.records.get_mut(id)?;
        record.pin.held = since;
        Some(record.pin.clone())
    }

    /// Whether an agent has a connection that is not known to be dead, here or to another overwatch:
    /// nobody else may speak in its name or for its backends. Who said goodbye is not there, also while
    /// another overwatch does not know it yet.
    #[must_use]
    pub fn is_there(&self, id: &AgentId, now: Time) -> bool {
        let Some(record) = self.records.get(id) else { return false };
        let liveness = record.session.map(|session| session.liveness(now));
        let is_heard = record.link.is_some() || record.is_vouched;
        is_heard && !matches!(liveness, Some(SessionLiveness::Stale | SessionLiveness::Gone))
    }

    /// Sets the ports that an agent registers; says which ones it no longer does.
    pub fn ports(&mut self, id: &AgentId, ports: BTreeSet<u16>) -> Vec<u16> {
        let Some(record) = self.records.get_mut(id) else { return Vec::new() };
        let before = std::mem::replace(&mut record.ports, ports);
        before.difference(&record.ports).copied().collect()
    }

    /// What an agent's word is worth; nothing for one never heard of.
    #[must_use]
    pub fn liveness(&self, id: &AgentId, now: Time) -> SessionLiveness {
        let session = self.records.get(id).and_then(|record| record.session.as_ref());
        session.map_or(SessionLiveness::Gone, |session| session.liveness(now))
    }

    /// One agent.
    #[must_use]
    pub fn get(&self, id: &AgentId) -> Option<&AgentRecord> {
        self.records.get(id)
    }

    /// All agents, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = (&AgentId, &AgentRecord)> {
        self.records.iter()
    }
}

impl AgentRecord {
    /// Another key takes over the name: nothing of the old key's sessions counts for it, but what
    /// the name stands for has its grace until the new one registers. Who is held stays so: a new key
    /// is no excuse.
    fn succeed(&mut self, pin: Pin, now: Time) {
        let pin = Pin { held: self.pin.held, ..pin };
        let session = self.session.map(|session| Session::remembered(session.terms(), now));
        *self = Self { session, ..Self::new(pin) };
    }

    fn new(pin: Pin) -> Self {
        Self {
            pin,
            session: None,
            link: None,
            region: None,
            last_seen: None,
            heard_here_at: None,
            epoch: 0,
            left: None,
            is_vouched: false,
            was_told_elsewhere: false,
            unsure_from: None,
            rivals: Rivals::default(),
            newcomer: None,
            wanted: BTreeSet::new(),
            ports: BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests;
