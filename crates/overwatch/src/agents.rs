//! Who may speak: agents, the keys they are pinned to, and whether they are there.
//!
//! An agent is admitted only after its handshake, so whoever comes here knows the mesh key and a
//! service token. What is decided here is whether this key may go by this name.

use std::collections::{BTreeMap, BTreeSet};

use health::{HeartbeatTerms, Session, SessionLiveness};
use mesh::{KeyHash, RefusalReason};
use model::{AgentId, BackendKey, Region, Time};

use crate::event::LinkId;

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
    /// When the key was first seen.
    pub first_seen: Time,
    /// Backends that nobody may offer before an operator approves: those of a revoked agent.
    pub blocked: BTreeSet<BackendKey>,
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
    /// When it was last heard, in this life of the overwatch.
    pub last_seen: Option<Time>,
    /// Blocked backends that it offered; approving it frees them. Bounded by a registration.
    pub wanted: BTreeSet<BackendKey>,
    /// The ports it registered, also in an earlier session: the table has their rows.
    pub ports: BTreeSet<u16>,
}

/// All agents ever pinned.
#[derive(Debug)]
pub struct Agents {
    records: BTreeMap<AgentId, AgentRecord>,
    enrolment: Enrolment,
}

/// What became of an agent that proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may speak. An older connection of the same agent is to be closed.
    Welcome {
        /// Its earlier connection, if the break was not noticed yet.
        replaces: Option<LinkId>,
        /// Whether the pin is new or changed and has to be kept.
        is_new_pin: bool,
    },
    /// It may not. A pending pin has to be kept too, so that an operator can see and approve it.
    Refused {
        /// Why.
        reason: RefusalReason,
        /// Whether the pin is new or changed and has to be kept.
        is_new_pin: bool,
    },
}

impl Agents {
    /// 20,000 agents: twenty times the largest mesh that was measured; at the limit a new one is
    /// refused, those known stay.
    pub const RECORDS_MAX: usize = 20_000;

    /// Nobody yet.
    #[must_use]
    pub const fn new(enrolment: Enrolment) -> Self {
        Self { records: BTreeMap::new(), enrolment }
    }

    /// An agent that was pinned before a restart. Where it held backends, its session counts as
    /// lost now: it has its grace to come back.
    pub fn remember(&mut self, id: AgentId, pin: Pin, held: Option<HeartbeatTerms>, now: Time) {
        let session = held.map(|terms| Session::remembered(terms, now));
        self.records.insert(id, AgentRecord { session, ..AgentRecord::new(pin) });
    }

    /// Decides about an agent that has proven both secrets.
    ///
    /// In this order:
    ///
    /// ```text
    /// name      key              then
    /// revoked   any              refused: agent_revoked
    /// any       of a revoked one refused: agent_revoked
    /// known     the pinned one   welcome if enrolled, pending if pending
    /// known     another          refused while the agent is there: agent_key_changed;
    ///                            else a rebuilt machine: as if unknown
    /// unknown   unknown          welcome under `auto`, pending under `approve`
    /// ```
    pub fn admit(&mut self, id: &AgentId, key: KeyHash, link: LinkId, now: Time) -> Admission {
        let refused = |reason| Admission::Refused { reason, is_new_pin: false };
        let is_revoked = |record: &AgentRecord| record.pin.state == PinState::Revoked;
        let known = self.records.get(id);
        let has_revoked_key = self.records.values().any(|r| is_revoked(r) && r.pin.key == key);
        if has_revoked_key || known.is_some_and(is_revoked) {
            return refused(RefusalReason::AgentRevoked);
        }
        if known.is_none() && self.records.len() >= Self::RECORDS_MAX {
            return refused(RefusalReason::TooManyConnections);
        }
        let is_new_pin = known.is_none_or(|record| record.pin.key != key);
        if known.is_some() && is_new_pin && self.is_there(id, now) {
            return refused(RefusalReason::AgentKeyChanged);
        }
        let enrolment = match self.enrolment {
            Enrolment::Auto => PinState::Enrolled,
            Enrolment::Approve => PinState::Pending,
        };
        let pin = Pin { key, state: enrolment, first_seen: now, blocked: BTreeSet::new() };
        let record =
            self.records.entry(id.clone()).or_insert_with(|| AgentRecord::new(pin.clone()));
        if record.pin.key != key {
            record.pin = pin;
        }
        if record.pin.state == PinState::Pending {
            return Admission::Refused { reason: RefusalReason::ApprovalPending, is_new_pin };
        }
        record.last_seen = Some(now);
        // What was given up has a grace to register anew; else it would not count as there.
        let given_up = |session: &&mut Session| session.liveness(now) == SessionLiveness::Stale;
        if let Some(session) = record.session.as_mut().filter(given_up) {
            *session = Session::remembered(session.terms(), now);
        }
        Admission::Welcome { replaces: record.link.replace(link), is_new_pin }
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
        if let Some(session) = &mut record.session {
            if is_goodbye { session.closed() } else { session.lost(now) }
        }
    }

    /// An operator's yes: a pending agent may come in, a revoked one too, and the blocked backends
    /// that were its own or that it offered are free again. Says whose pins changed; nobody's
    /// where the agent is unknown.
    pub fn approve(&mut self, id: &AgentId) -> Vec<AgentId> {
        let Some(record) = self.records.get_mut(id) else { return Vec::new() };
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
        record.session = None;
        record.ports.clear();
        Some(record.link.take())
    }

    /// Whether a backend belonged to a revoked agent.
    #[must_use]
    pub fn is_blocked(&self, key: &BackendKey) -> bool {
        self.records.values().any(|record| record.pin.blocked.contains(key))
    }

    /// Whether an agent has a connection that is not known to be dead: nobody else may speak in its
    /// name or for its backends.
    #[must_use]
    pub fn is_there(&self, id: &AgentId, now: Time) -> bool {
        let Some(record) = self.records.get(id) else { return false };
        let liveness = record.session.map(|session| session.liveness(now));
        record.link.is_some() && liveness != Some(SessionLiveness::Stale)
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
    const fn new(pin: Pin) -> Self {
        Self {
            pin,
            session: None,
            link: None,
            region: None,
            last_seen: None,
            wanted: BTreeSet::new(),
            ports: BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AgentId {
        text.parse().unwrap()
    }

    fn key(seed: u8) -> KeyHash {
        KeyHash::from_bytes([seed; 32])
    }

    const TERMS: HeartbeatTerms = HeartbeatTerms { interval_ms: 1_000, missed_threshold: 3 };
    const NOW: Time = Time::from_unix_ms(1_000_000);

    fn welcome(replaces: Option<LinkId>, is_new_pin: bool) -> Admission {
        Admission::Welcome { replaces, is_new_pin }
    }

    fn refused(reason: RefusalReason, is_new_pin: bool) -> Admission {
        Admission::Refused { reason, is_new_pin }
    }

    #[test]
    fn a_name_belongs_to_the_first_key_while_its_holder_is_there() {
        let mut agents = Agents::new(Enrolment::Auto);
        assert_eq!(agents.admit(&id("a"), key(1), 1, NOW), welcome(None, true));
        agents.registered(&id("a"), "eu".parse().unwrap(), TERMS, NOW);
        let thief = agents.admit(&id("a"), key(2), 2, NOW);
        assert_eq!(thief, refused(RefusalReason::AgentKeyChanged, false));
        // The same machine again before its old connection was seen to break.
        assert_eq!(agents.admit(&id("a"), key(1), 3, NOW), welcome(Some(1), false));
        agents.left(&id("a"), 1, false, NOW);
        assert!(agents.get(&id("a")).unwrap().link == Some(3), "the old connection means nothing");
        // A rebuilt machine, once the old one is gone.
        agents.left(&id("a"), 3, false, NOW);
        assert_eq!(agents.admit(&id("a"), key(2), 4, NOW), welcome(None, true));
    }

    #[test]
    fn a_revoked_agent_stays_out_under_any_name_and_any_key() {
        let mut agents = Agents::new(Enrolment::Auto);
        agents.admit(&id("a"), key(1), 1, NOW);
        let backend = BackendKey {
            service: "app".parse().unwrap(),
            address: "10.2.1.10".parse().unwrap(),
            port: 80,
        };
        assert_eq!(agents.revoke(&id("a"), [backend.clone()].into()), Some(Some(1)));
        let out = refused(RefusalReason::AgentRevoked, false);
        assert_eq!(agents.admit(&id("a"), key(1), 2, NOW), out);
        assert_eq!(agents.admit(&id("a"), key(2), 2, NOW), out);
        assert_eq!(agents.admit(&id("b"), key(1), 2, NOW), out);
        assert!(agents.is_blocked(&backend));
        assert_eq!(agents.admit(&id("b"), key(2), 2, NOW), welcome(None, true));
        // Approving the machine that took its place frees the backend; the old one stays out.
        agents.wants(&id("b"), [backend.clone()].into());
        assert_eq!(agents.approve(&id("b")), [id("b"), id("a")]);
        assert!(!agents.is_blocked(&backend));
        assert_eq!(agents.admit(&id("a"), key(1), 2, NOW), out);
        assert_eq!(agents.approve(&id("a")), [id("a")]);
        assert_eq!(agents.admit(&id("a"), key(1), 3, NOW), welcome(None, false));
    }

    #[test]
    fn an_operator_says_yes_first_where_that_is_asked_for() {
        let mut agents = Agents::new(Enrolment::Approve);
        let pending = |new| refused(RefusalReason::ApprovalPending, new);
        assert_eq!(agents.admit(&id("a"), key(1), 1, NOW), pending(true));
        assert_eq!(agents.admit(&id("a"), key(1), 2, NOW), pending(false));
        assert_eq!(agents.approve(&id("a")), [id("a")]);
        assert_eq!(agents.admit(&id("a"), key(1), 3, NOW), welcome(None, false));
        // Another key under an approved name waits again, once the first is gone.
        agents.left(&id("a"), 3, false, NOW);
        assert_eq!(agents.admit(&id("a"), key(2), 4, NOW), pending(true));
        assert_eq!(agents.approve(&id("nobody")), []);
    }
}
