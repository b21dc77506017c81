//! One connection of an agent, from hello to goodbye: what it has proven, and what of its words
//! may pass.
//!
//! Nothing is believed before the handshake is over, and after it only what the agent's tokens
//! grant. Every no has a reason of its own and is counted; `news` says whether it is logged.

use std::collections::BTreeMap;
use std::net::IpAddr;

use latency::{Lane, TableRefusal};
use mesh::{
    Authority, BackendOffer, OverwatchHandshake, ProvenAgent, Refusal, RefusalReason, Registration,
};
use model::{AgentId, Service};

use crate::agents::Agents;
use crate::peers::Listener;
use crate::registry::Registry;

/// One connection.
#[derive(Debug)]
pub(crate) struct Session {
    /// Where it comes from.
    pub(crate) address: IpAddr,
    pub(crate) stage: Stage,
}

/// How far it has come.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Nothing is proven.
    Proving(Box<OverwatchHandshake>),
    /// The agent has proven itself and is welcome.
    Speaking(Box<Speaker>),
    /// Another overwatch has proven itself and is told what agents said.
    Telling(Box<Listener>),
    /// It is to be closed; whatever still comes is ignored.
    Ended,
}

/// Whoever offers backends, and what it may.
pub(crate) struct Claimant<'a> {
    pub(crate) agent: &'a AgentId,
    /// Where its session comes from.
    pub(crate) peer: IpAddr,
    /// Each of these must allow a claim.
    pub(crate) authorities: &'a [&'a Authority],
}

/// An agent that may speak.
#[derive(Debug)]
pub(crate) struct Speaker {
    pub(crate) agent: AgentId,
    pub(crate) authority: Authority,
    /// Whether it said what it offers.
    pub(crate) has_registered: bool,
}

impl Session {
    pub(crate) const fn new(address: IpAddr, handshake: Box<OverwatchHandshake>) -> Self {
        Self { address, stage: Stage::Proving(handshake) }
    }

    /// The agent has proven itself and is welcome.
    pub(crate) fn speak(&mut self, proven: ProvenAgent) {
        let ProvenAgent { agent_id: agent, authority, .. } = proven;
        self.stage = Stage::Speaking(Box::new(Speaker { agent, authority, has_registered: false }));
    }

    /// It is to be closed; what it was.
    pub(crate) const fn end(&mut self) -> Stage {
        std::mem::replace(&mut self.stage, Stage::Ended)
    }

    /// Who is at the other end, for the log.
    pub(crate) fn who(&self) -> String {
        match &self.stage {
            Stage::Speaking(speaker) => format!("agent {} at {}", speaker.agent, self.address),
            Stage::Telling(listener) => {
                format!("overwatch {} at {}", listener.overwatch, self.address)
            }
            Stage::Proving(_) | Stage::Ended => self.address.to_string(),
        }
    }
}

/// What of a registration may pass.
#[derive(Debug, Default)]
pub(crate) struct Granted {
    /// The offers that stand.
    pub(crate) offers: Vec<BackendOffer>,
    /// What each port's rows will count for; a port of which no claim was granted counts for
    /// nothing, so that one bad claim does not hold up the others' reports.
    pub(crate) lanes: BTreeMap<u16, Lane>,
    /// The others: one refusal for each.
    pub(crate) refusals: Vec<Refusal>,
}

/// Sorts a registration into what may pass and what may not.
///
/// A claim passes if the agent's tokens grant service, region and address together, the check can
/// be run, the backend is not blocked, and no other agent that is still there holds it.
pub(crate) fn grant(
    claimant: &Claimant<'_>,
    registration: &Registration,
    (registry, agents): (&Registry, &Agents),
    is_there: impl Fn(&AgentId) -> bool,
) -> Granted {
    let mut granted = Granted::default();
    for offer in &registration.backends {
        let lane = granted
            .lanes
            .entry(offer.listen_port)
            .or_insert_with(|| Lane { services: Vec::new(), region: registration.region.clone() });
        let key = &offer.key;
        let region = &registration.region;
        let mut authorities = claimant.authorities.iter();
        let claim = authorities.try_for_each(|authority| {
            authority.check_claim(&key.service, region, key.address, claimant.peer)
        });
        let holder = registry.holder(key).filter(|holder| *holder != claimant.agent);
        let refusal = if let Err(refusal) = claim {
            Some(Refusal::new(refusal.reason(), &format!("{key} in {region}")))
        } else if let Some(Err(error)) = offer.check.as_ref().map(health::CheckSpec::validate) {
            let detail = format!("{key}: {error}");
            Some(Refusal::new(RefusalReason::InvalidRegistration, &detail))
        } else if agents.is_blocked(key) {
            Some(Refusal::new(RefusalReason::BackendBlocked, &key.to_string()))
        } else if holder.is_some_and(&is_there) {
            Some(Refusal::new(RefusalReason::BackendTaken, &key.to_string()))
        } else {
            None
        };
        match refusal {
            Some(refusal) => granted.refusals.push(refusal),
            None => {
                add(&mut lane.services, &key.service);
                granted.offers.push(offer.clone());
            }
        }
    }
    granted
}

fn add(services: &mut Vec<Service>, service: &Service) {
    if !services.contains(service) {
        services.push(service.clone());
        services.sort();
    }
}

/// A table's refusal as it goes over the wire.
pub(crate) fn refusal_of(refusal: &TableRefusal) -> Refusal {
    let reason = match refusal {
        TableRefusal::UnknownAgent | TableRefusal::UnknownPort { .. } => RefusalReason::UnknownPort,
        TableRefusal::StaleEpoch { .. } => RefusalReason::StaleEpoch,
        TableRefusal::OutOfSequence { .. } | TableRefusal::Backwards { .. } => {
            RefusalReason::SequenceGap
        }
        TableRefusal::Unordered { .. }
        | TableRefusal::TooWide { .. }
        | TableRefusal::NoSamples { .. }
        | TableRefusal::DeviationTooLong { .. } => RefusalReason::InvalidReport,
    };
    Refusal::new(reason, &refusal.to_string())
}
