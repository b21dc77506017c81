//! Agents that another overwatch hears: whether that counts here, and that they are there as long as it
//! does.

use std::collections::BTreeSet;

use health::{HeartbeatTerms, Session, SessionLiveness};
use latency::Position;
use mesh::Vouched;
use model::{AgentId, Time};

use super::{AgentRecord, Agents, Enrolment, Pin, PinState};

/// What another overwatch's word about an agent is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vouching {
    /// Nothing: the agent may not speak here, or has another key here, or said goodbye.
    Ignored,
    /// The agent speaks here itself.
    InPerson,
    /// All that the agent said there.
    Counts {
        /// Whether its key was not known here.
        is_new_pin: bool,
    },
}

impl Agents {
    /// Another overwatch says that an agent is there. A key is pinned by it where the name is free and new
    /// agents come in by themselves; it never replaces one.
    pub(crate) fn vouched(&mut self, who: &Vouched, now: Time) -> Vouching {
        let id = &who.agent_id;
        if self.barred.has_key(&who.key) {
            return Vouching::Ignored;
        }
        let is_new_pin = !self.records.contains_key(id);
        if is_new_pin && !self.make_room() {
            return Vouching::Ignored;
        }
        let state = match self.enrolment {
            Enrolment::Auto => PinState::Enrolled,
            Enrolment::Approve => PinState::Pending,
        };
        let record = self.records.entry(id.clone()).or_insert_with(|| {
            let (key, service) = (who.key, who.service.clone());
            let (first_seen, blocked) = (now, BTreeSet::new());
            AgentRecord::new(Pin { key, state, service, first_seen, blocked, held: None })
        });
        let may_speak = record.pin.state == PinState::Enrolled && record.pin.key == who.key;
        if !may_speak || record.left == Some(who.epoch) {
            record.is_vouched = false;
            return Vouching::Ignored;
        }
        record.is_vouched = true;
        if record.speaks_in_person(now) {
            return Vouching::InPerson;
        }
        record.epoch = who.epoch;
        Vouching::Counts { is_new_pin }
    }

    /// An agent begins a session here, in this life of it.
    pub(crate) fn came(&mut self, id: &AgentId, epoch: u64, now: Time) {
        let Some(record) = self.records.get_mut(id) else { return };
        (record.epoch, record.left) = (epoch, None);
        record.heard_here_at = Some(now);
        record.was_told_elsewhere = false;
    }

    /// An agent is heard elsewhere, by these terms.
    pub(crate) fn heard_elsewhere(&mut self, id: &AgentId, terms: HeartbeatTerms, now: Time) {
        let Some(record) = self.records.get_mut(id) else { return };
        record.last_seen = Some(now);
        match &mut record.session {
            Some(session)
                if session.terms() == terms && session.liveness(now) == SessionLiveness::Alive =>
            {
                session.heard(now);
            }
            session => *session = Some(Session::open(terms, now)),
        }
    }

    /// Nobody hears an agent any more. Where it has a session here nothing changes.
    pub(crate) fn vouched_no_more(&mut self, id: &AgentId, now: Time) {
        let Some(record) = self.records.get_mut(id) else { return };
        let was_vouched = std::mem::replace(&mut record.is_vouched, false);
        if was_vouched
            && record.link.is_none()
            && let Some(session) = &mut record.session
        {
            session.lost(now);
        }
    }

    /// An agent said goodbye to another overwatch in this life of it.
    pub(crate) fn gone_elsewhere(&mut self, id: &AgentId, epoch: u64, now: Time) {
        let Some(record) = self.records.get_mut(id) else { return };
        record.is_vouched = false;
        // Another life than the one that has a connection here: which is the later one clocks do not say.
        let is_another = record.link.is_some() && epoch != record.epoch;
        if epoch < record.epoch || is_another || record.speaks_in_person(now) {
            return;
        }
        record.left = Some(epoch);
        if let Some(session) = &mut record.session {
            session.closed();
        }
    }

    /// Rows of an agent came by way of another overwatch: where it goes on from is another place than
    /// it thinks. Where `gap_from` says so there may be some among them that the other one had no room for.
    pub(crate) fn told_elsewhere(&mut self, id: &AgentId, gap_from: Option<Position>) {
        if let Some(record) = self.records.get_mut(id) {
            record.was_told_elsewhere = true;
            record.unsure_from = match (record.unsure_from, gap_from) {
                (Some(from), Some(gap)) if from.epoch == gap.epoch => Some(from.min(gap)),
                (from, gap) => gap.or(from),
            };
        }
    }

    /// It told rows itself that follow on `after`, up to `through`; the table stands at `position`.
    pub(crate) fn told_here(
        &mut self,
        id: &AgentId,
        (after, through): (Position, Position),
        position: Position,
    ) {
        if let Some(record) = self.records.get_mut(id)
            && record.unsure_from.is_some_and(|from| from.epoch != after.epoch || after <= from)
        {
            record.unsure_from = Some(through).filter(|through| *through < position);
        }
    }
}

impl AgentRecord {
    /// Whether it is heard here, on a connection of its own: at most half an interval late, as long as its
    /// word is not worth less for it.
    pub(crate) fn speaks_in_person(&self, now: Time) -> bool {
        let Some(heard_at) = self.heard_here_at.filter(|_| self.link.is_some()) else {
            return false;
        };
        // Before it registered nothing is due.
        let interval_ms = self.session.map_or(u64::MAX, |session| session.terms().interval_ms);
        now.ms_since(heard_at) < interval_ms.saturating_add(interval_ms / 2)
    }
}
