//! What a welcome agent says: what it offers, and what it learned.
//!
//! Nothing passes here that its tokens do not grant ([`session::grant`]) or the table does not take.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use health::HeartbeatTerms;
use latency::{Applied, Position, Report, TableRefusal};
use mesh::{Frame, Refusal, RefusalReason, Registration};
use model::{AgentId, BackendKey, Time};

use crate::session::{self, Claimant, Granted, Stage};
use crate::{BackendRow, Effect, LinkId, Note, Overwatch};

impl Overwatch {
    /// Takes what an agent offers; it replaces all that it offered before.
    pub(crate) fn registered(
        &mut self,
        link: LinkId,
        agent: &AgentId,
        registration: &Registration,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        let Stage::Speaking(speaker) = &mut session.stage else { return };
        let is_first = !std::mem::replace(&mut speaker.has_registered, true);
        let Some(session) = self.sessions.get(&link) else { return };
        let Stage::Speaking(speaker) = &session.stage else { return };
        let authorities = [&speaker.authority];
        let claimant = Claimant { agent, peer: session.address, authorities: &authorities };
        let mut granted = self.grant(&claimant, registration, now);
        let refusals = std::mem::take(&mut granted.refusals);
        let backends = granted.offers.len();
        self.counters.registrations += 1;
        self.peers.registered(agent, registration, &speaker.authority);
        self.take_registration(agent, registration, granted, now);
        if is_first {
            let (agent, region) = (agent.clone(), registration.region.clone());
            out.push(Effect::Log(Note::AgentRegistered { agent, region, backends }));
        }
        let offered = registration.backends.iter().map(|offer| &offer.key);
        let blocked = offered.filter(|key| self.agents.is_blocked(key)).cloned().collect();
        self.agents.wants(agent, blocked);
        self.refuse_claims(link, refusals, now, out);
    }

    /// Grants agents that speak here what was refused before, or what was forgotten while they were
    /// silent, as soon as nothing speaks against it any more. Says no to nobody: that was said.
    pub(crate) fn grant_again(&mut self, now: Time) {
        let lacking = self.sessions.iter().filter_map(|(link, session)| {
            let Stage::Speaking(speaker) = &session.stage else { return None };
            let registration = self.peers.offered_in_person(&speaker.agent)?;
            let speaks = self.agents.get(&speaker.agent)?.speaks_in_person(now);
            let lacks =
                speaks && speaker.has_registered && self.lacks(&speaker.agent, registration);
            lacks.then(|| (*link, speaker.agent.clone(), Arc::clone(registration)))
        });
        for (link, agent, registration) in lacking.collect::<Vec<_>>() {
            let Some(session) = self.sessions.get(&link) else { continue };
            let Stage::Speaking(speaker) = &session.stage else { continue };
            let authorities = [&speaker.authority];
            let claimant =
                Claimant { agent: &agent, peer: session.address, authorities: &authorities };
            let granted = self.grant(&claimant, &registration, now);
            if self.gains(&agent, &granted) {
                self.take_registration(&agent, &registration, granted, now);
            }
        }
    }

    /// Sorts a registration into what may pass now and what may not.
    pub(crate) fn grant(
        &self,
        claimant: &Claimant<'_>,
        registration: &Registration,
        now: Time,
    ) -> Granted {
        let is_there = |other: &AgentId| self.agents.is_there(other, now);
        session::grant(claimant, registration, (&self.registry, &self.agents), is_there)
    }

    /// Whether an agent offers what it does not hold.
    pub(crate) fn lacks(&self, agent: &AgentId, registration: &Registration) -> bool {
        let mut offers = registration.backends.iter();
        offers.any(|offer| self.registry.holder(&offer.key) != Some(agent))
    }

    /// Whether an agent is granted what it does not hold.
    pub(crate) fn gains(&self, agent: &AgentId, granted: &Granted) -> bool {
        let mut offers = granted.offers.iter();
        offers.any(|offer| self.registry.holder(&offer.key) != Some(agent))
    }

    /// Goes by what an agent offers, as far as it was granted.
    pub(crate) fn take_registration(
        &mut self,
        agent: &AgentId,
        registration: &Registration,
        granted: Granted,
        now: Time,
    ) {
        let terms = HeartbeatTerms {
            interval_ms: registration.heartbeat_ms,
            missed_threshold: registration.missed_threshold,
        };
        let ports = granted.lanes.keys().copied().collect();
        for gone in self.agents.ports(agent, ports) {
            self.table.remove_lane(agent, gone);
        }
        self.table.set_ttl(agent, registration.subnet_ttl_ms);
        self.hold_again(agent);
        for (port, lane) in granted.lanes {
            self.table.set_lane(agent, port, lane);
        }
        // A registration comes with each change of health: only what is kept of it is written.
        let held = self.registry.entries().filter(|entry| entry.agent.as_ref() == Some(agent));
        let held = held.map(|entry| entry.backend.key.clone());
        let concerned: BTreeSet<BackendKey> =
            held.chain(granted.offers.iter().map(|offer| offer.key.clone())).collect();
        let before: Vec<Option<BackendRow>> =
            concerned.iter().map(|key| self.row_of(key)).collect();
        self.agents.registered(agent, registration.region.clone(), terms, now);
        self.registry.offer(agent, &registration.region, &granted.offers);
        let changed = concerned.into_iter().zip(before);
        let changed = changed.filter(|(key, before)| self.row_of(key) != *before);
        self.touched.extend(changed.map(|(key, _)| key).collect::<Vec<_>>());
    }

    /// Says no to claims: each is counted, and told once a reason, however many they are. A frame
    /// for each would be more than a connection queues.
    fn refuse_claims(
        &mut self,
        link: LinkId,
        refusals: Vec<Refusal>,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let mut by_reason: BTreeMap<RefusalReason, (Refusal, u64)> = BTreeMap::new();
        for refusal in refusals {
            by_reason.entry(refusal.reason).or_insert((refusal, 0)).1 += 1;
        }
        for (reason, (refusal, count)) in by_reason {
            let more = count.saturating_sub(1);
            *self.counters.refusals.entry(reason).or_default() += more;
            let refusal = match more {
                0 => refusal,
                more => Refusal::new(reason, &format!("{} and {more} more", refusal.detail())),
            };
            self.refuse(link, refusal, now, out);
        }
    }

    /// Takes what an agent learned.
    pub(crate) fn reported(
        &mut self,
        link: LinkId,
        agent: &AgentId,
        (epoch, report): (u64, &Report),
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        match self.take_rows(agent, (epoch, report), now) {
            Ok(applied) => {
                self.peers.reported(agent, applied.position, now);
                let through = self.told_here(agent, (epoch, report), applied.position);
                out.push(Effect::Send { link, frame: Frame::Ack(through) });
                if let Some(held) = applied.newly_held {
                    self.held(agent, held, out);
                }
            }
            Err(refusal) => self.refuse(link, session::refusal_of(&refusal), now, out),
        }
    }

    /// Rows as an agent tells them itself; some of them may have come faster by way of another overwatch.
    fn take_rows(
        &mut self,
        agent: &AgentId,
        (epoch, report): (u64, &Report),
        now: Time,
    ) -> Result<Applied, TableRefusal> {
        let was_told = self.agents.get(agent).is_some_and(|record| record.was_told_elsewhere);
        let is_repeated = |at: &Position| at.epoch == epoch && report.after < at.sequence;
        let is_unsure = self.agents.get(agent).is_some_and(|record| record.unsure_from.is_some());
        match self.table.position(agent).filter(|at| (was_told || is_unsure) && is_repeated(at)) {
            None => self.table.apply(agent, epoch, report, now),
            Some(at) if report.through <= at.sequence => {
                self.table.repeat(agent, epoch, report, now)
            }
            Some(Position { sequence: after, .. }) => {
                self.table.apply(agent, epoch, &Report { after, ..report.clone() }, now)
            }
        }
    }

    /// Up to where an agent need not tell itself what it told: where the table stands, or its own word where it
    /// tells again what others may have left out.
    fn told_here(
        &mut self,
        agent: &AgentId,
        (epoch, report): (u64, &Report),
        position: Position,
    ) -> Position {
        let is_unsure = self.agents.get(agent).is_some_and(|record| record.unsure_from.is_some());
        let [after, through] =
            [report.after, report.through].map(|sequence| Position { epoch, sequence });
        self.agents.told_here(agent, (after, through), position);
        if is_unsure { through } else { position }
    }
}
