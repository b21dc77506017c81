//! What follows from what was heard of agents elsewhere.
//!
//! An agent's own session here beats any hearsay. Else the latest life counts, and of one life a
//! goodbye. What is heard counts for no more than the agent itself could say here: its key must be the
//! one that is known, the grants that it proved there and this overwatch's own tokens must both
//! allow each claim.

use std::collections::BTreeSet;
use std::sync::Arc;

use health::HeartbeatTerms;
use latency::{Position, Report};
use mesh::{Authority, Condition, Frame, KeyHash, Load, Presence, Registration, Vouched};
use model::{AgentId, Time};

use super::InForce;
use crate::agents::PinState;
use crate::agents::vouched::Vouching;
use crate::session::Claimant;
use crate::{Change, Effect, LinkId, Note, Overwatch};

/// What one overwatch says of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Hearsay {
    who: Vouched,
    registration: Option<Arc<Registration>>,
    condition: Option<Condition>,
    load: Option<Load>,
}

impl Overwatch {
    /// Another overwatch hears an agent, or does no more.
    pub(super) fn vouched(&mut self, link: LinkId, who: Vouched, now: Time, out: &mut Vec<Effect>) {
        let agent = who.agent_id.clone();
        let session = self.peers.asking.get_mut(&link);
        let Some(hearsay) = session.and_then(super::Asking::hearsay_mut) else { return };
        let is_full = hearsay.len() >= crate::agents::Agents::RECORDS_MAX;
        if is_full && !hearsay.contains_key(&agent) {
            self.peers.counters.refused += 1;
            return;
        }
        let before = hearsay.get(&agent).filter(|before| before.who.key == who.key);
        let (registration, condition, load) = before
            .map(|told| (told.registration.clone(), told.condition.clone(), told.load.clone()))
            .unwrap_or_default();
        let told = Hearsay { who, registration, condition, load };
        hearsay.insert(agent.clone(), Arc::new(told));
        self.weigh(&agent, now, out);
    }

    /// What an agent said elsewhere, and which key it is known by there.
    ///
    /// Words count only from who vouched for the agent on this session, and of the key that is known here.
    /// Rows have one writer and a number, so they may come by way of a third; but they say whose they
    /// are, and those of a namesake are not taken.
    pub(super) fn relayed(
        &mut self,
        (link, agent, key): (LinkId, &AgentId, Option<KeyHash>),
        said: Frame,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let record = self.agents.get(agent).map(|record| &record.pin);
        let enrolled = record.filter(|pin| pin.state == PinState::Enrolled).map(|pin| pin.key);
        let pin = record.map(|pin| pin.key);
        let session = self.peers.asking.get_mut(&link);
        let hearsay = session.and_then(super::Asking::hearsay_mut);
        let known = hearsay.and_then(|hearsay| hearsay.get_mut(agent));
        let known = known.filter(|known| pin.is_none_or(|pin| pin == known.who.key));
        if let Frame::Report { epoch, report } = said {
            let of = key.or_else(|| known.map(|known| known.who.key));
            if of.is_none() || of != enrolled {
                self.peers.counters.refused += 1;
            } else if !self.relayed_report(agent, (epoch, report), now, out)
                && let Some(session) = self.peers.asking.get_mut(&link)
            {
                session.refused(agent);
            }
            return;
        }
        let Some(known) = known.filter(|known| key.is_none_or(|key| key == known.who.key)) else {
            self.peers.counters.refused += 1;
            return;
        };
        let known = Arc::make_mut(known);
        match said {
            Frame::Registration(said) => known.registration = Some(Arc::new(said)),
            Frame::Condition(said) => known.condition = Some(said),
            Frame::Load(said) => known.load = Some(said),
            _ => {
                self.peers.counters.refused += 1;
                return;
            }
        }
        self.peers.counters.facts_heard += 1;
        self.weigh(agent, now, out);
    }

    /// The key that an agent is known by.
    fn pin_of(&self, agent: &AgentId) -> Option<KeyHash> {
        self.agents.get(agent).map(|record| record.pin.key)
    }

    /// Rows of an agent that came by way of another overwatch; tells whether they were taken.
    fn relayed_report(
        &mut self,
        agent: &AgentId,
        (epoch, report): (u64, Report),
        now: Time,
        out: &mut Vec<Effect>,
    ) -> bool {
        let at = |sequence| Position { epoch, sequence };
        let (after, is_repeated) =
            (at(report.after), Some(at(report.through)) <= self.table.position(agent));
        // Who is full left out what this one may have room for, or know an earlier word of.
        let gap_from = Some(after).filter(|_| !is_repeated);
        let taken = if is_repeated {
            self.table.mend(agent, epoch, report, now)
        } else {
            self.table.apply(agent, epoch, &report, now)
        };
        let Ok(applied) = taken else {
            self.peers.counters.refused += 1;
            return false;
        };
        self.peers.counters.rows_heard += (applied.rows + applied.waiting) as u64;
        self.agents.told_elsewhere(agent, gap_from);
        if let Some(held) = applied.newly_held {
            self.held(agent, held, out);
        }
        true
    }

    /// Weighs all that was heard of anybody elsewhere: whom somebody hears is there.
    pub(super) fn weigh_all(&mut self, now: Time, out: &mut Vec<Effect>) {
        let agents = self.peers.asking.values().flat_map(super::Asking::agents);
        let agents: BTreeSet<AgentId> = agents.cloned().collect();
        agents.iter().for_each(|agent| self.weigh(agent, now, out));
        let in_force: Vec<AgentId> = self.peers.in_force.keys().cloned().collect();
        in_force.iter().for_each(|agent| self.go_by_itself(agent, now, out));
    }

    /// An agent that was silent here is heard again: what it said here counts, not what others told
    /// meanwhile.
    fn go_by_itself(&mut self, agent: &AgentId, now: Time, out: &mut Vec<Effect>) {
        let record = self.agents.get(agent).filter(|record| record.speaks_in_person(now));
        let Some(link) = record.and_then(|record| record.link) else { return };
        self.peers.in_force.remove(agent);
        let said = self.peers.in_person.get(agent);
        let registration = said.and_then(|said| said.registration.as_ref());
        if let Some((_, registration)) = registration {
            let registration = Arc::clone(registration);
            self.registered(link, agent, &registration, now, out);
        }
    }

    /// Goes by what was heard of an agent elsewhere, if it is not heard here.
    pub(super) fn weigh(&mut self, agent: &AgentId, now: Time, out: &mut Vec<Effect>) {
        let pin = self.pin_of(agent);
        let told = self.peers.asking.values().filter_map(|session| session.hearsay(agent));
        // Whatever a namesake says with another key, the one that is known here is heard.
        let told = told.filter(|told| pin.is_none_or(|pin| pin == told.who.key));
        let best = told.max_by_key(|told| (told.who.epoch, told.who.presence)).cloned();
        if best.as_ref().is_none_or(|best| best.who.presence != Presence::There) {
            self.peers.weigh_again(agent);
        }
        let Some(best) = best else { return self.agents.vouched_no_more(agent, now) };
        if best.who.presence == Presence::There {
            self.make_room_for(agent, now, out);
        }
        match best.who.presence {
            Presence::Away => self.agents.vouched_no_more(agent, now),
            Presence::Gone => self.agents.gone_elsewhere(agent, best.who.epoch, now),
            Presence::There => match self.agents.vouched(&best.who, now) {
                Vouching::Ignored => {}
                Vouching::InPerson => {}
                Vouching::Counts { is_new_pin } => {
                    let record = self.agents.get(agent).filter(|_| is_new_pin);
                    if let Some(pin) = record.map(|record| record.pin.clone()) {
                        let key = pin.key;
                        out.push(Effect::Keep(vec![Change::PutPin(agent.clone(), pin)]));
                        let agent = agent.clone();
                        out.push(Effect::Log(Note::AgentJoined { agent, is_new: true, key }));
                    }
                    self.go_by(agent, &best, now, out);
                }
            },
        }
    }

    /// Goes by what an agent said elsewhere.
    fn go_by(&mut self, agent: &AgentId, told: &Hearsay, now: Time, out: &mut Vec<Effect>) {
        let Some(registration) = &told.registration else { return };
        let in_force = self.peers.in_force.get(agent);
        let in_force = in_force.filter(|known| known.is_of(registration, told.who.address));
        let is_new = in_force.is_none();
        let is_settled = in_force.is_some_and(|known| known.is_settled);
        let terms = HeartbeatTerms {
            interval_ms: registration.heartbeat_ms,
            missed_threshold: registration.missed_threshold,
        };
        if !is_settled || self.lacks(agent, registration) {
            let taken = self.registered_elsewhere(agent, (told, is_settled), now, out);
            if let Some(refused) = taken {
                if is_new {
                    self.peers.counters.refused += refused as u64;
                }
                let before = self.peers.in_force.remove(agent).filter(|_| !is_new);
                let load = before.and_then(|before| before.load);
                let (registration, address) = (Arc::clone(registration), told.who.address);
                // Servers that are granted anew have no strain yet.
                let known =
                    InForce { registration, address, condition: None, load, is_settled: true };
                self.peers.in_force.insert(agent.clone(), known);
            }
        }
        self.agents.heard_elsewhere(agent, terms, now);
        let Some(in_force) = self.peers.in_force.get_mut(agent) else { return };
        // Taken again it would seem not to grow.
        if in_force.load != told.load {
            in_force.load.clone_from(&told.load);
            if let Some(load) = &told.load {
                self.loads.take(agent, load, &self.agents);
            }
        }
        if in_force.condition != told.condition {
            in_force.condition.clone_from(&told.condition);
            let condition = told.condition.clone().unwrap_or_default();
            self.strained(agent, &condition, now, out);
        }
    }

    /// Takes a registration; tells how many of its claims were refused. One that is settled is taken again
    /// only where the agent gains by it.
    fn registered_elsewhere(
        &mut self,
        agent: &AgentId,
        (told, is_settled): (&Hearsay, bool),
        now: Time,
        out: &mut Vec<Effect>,
    ) -> Option<usize> {
        let registration = told.registration.as_ref()?;
        let (proven, own) =
            (Authority::new(told.who.grants.clone()), self.identity.tokens.authority());
        let claimant = Claimant { agent, peer: told.who.address, authorities: &[&proven, &own] };
        let granted = self.grant(&claimant, registration, now);
        if is_settled && !self.gains(agent, &granted) {
            return None;
        }
        let (backends, refused) = (granted.offers.len(), granted.refusals.len());
        let is_new = self.agents.get(agent).is_some_and(|record| record.region.is_none());
        self.take_registration(agent, registration, granted, now);
        if is_new {
            let (agent, region) = (agent.clone(), registration.region.clone());
            out.push(Effect::Log(Note::AgentRegistered { agent, region, backends }));
        }
        Some(refused)
    }
}
