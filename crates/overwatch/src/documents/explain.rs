//! `GET /api/v1/routing/explain`: where a client is sent, and why. The words are `routing`'s own,
//! and so is the choice; here they are only written down.

use api::explain::{
    Candidate, Decision, Estimate, Explanation, Exploration, Geography, Hold, OwnRow, Pinned,
};
use geo::GeoClass;
use model::{Region, Subnet, Time};
use routing::explain::{Judged, Untried, Waits};
use routing::{ANSWERS_MAX, Algorithm, DomainSettings, Source};

use super::sentence;
use crate::Overwatch;
use crate::hand::order::{HandFault, find};

impl Overwatch {
    /// `GET /api/v1/routing/explain?domain=&client=`: of a network, its first address.
    ///
    /// # Errors
    ///
    /// There is no such domain.
    pub fn explanation(
        &self,
        domain: &str,
        client: Subnet,
        now: Time,
    ) -> Result<Explanation, HandFault> {
        let settings = find(self.publisher.domains(), domain)?;
        let at = self.publisher.domains().position(|other| std::ptr::eq(other, settings));
        let Some((learning, map, pool)) = at.and_then(|at| self.publisher.domain(at)) else {
            return Err(HandFault::NoDomain { name: domain.to_owned() });
        };
        let story = routing::explain(learning, map, pool, client.address(), now);
        let candidates = story.candidates.iter().map(|one| candidate(one, now)).collect();
        let named = |region: u16| Some(settings.regions.get(usize::from(region))?.name.to_string());
        let learned = story.learned.as_ref();
        Ok(Explanation {
            domain: settings.name.clone(),
            client: client.to_string(),
            routing_algorithm: settings.algorithm.as_str().to_owned(),
            why: sentence::why(&story, settings, now),
            decision: decision(&story.decision),
            geography: geography(story.class),
            pin: story.pin.map(|(network, region)| Pinned {
                network: network.to_string(),
                region: region.to_string(),
                is_forbidden: is_forbidden(&story, region),
            }),
            candidates,
            hold: learned.and_then(|learned| hold(learned, settings, named)),
            exploration: learned.map(|learned| Exploration {
                off: learned.exploration.off.map(|off| off.as_str().to_owned()),
                slot_ends: learned.exploration.slot_ends.to_rfc3339(),
                this_slot: learned.exploration.this_slot.and_then(named),
            }),
            generated_at: now.to_rfc3339(),
        })
    }
}

/// Whether the client may not be sent to a region, whatever a pin says.
pub(super) fn is_forbidden(story: &routing::explain::Explanation<'_>, region: &Region) -> bool {
    let mut allowed = story.candidates.iter().filter(|candidate| candidate.reason.is_some());
    !allowed.any(|candidate| candidate.region == region)
}

fn decision(decision: &routing::Decision<'_>) -> Decision {
    let picks = [decision.ipv4, decision.ipv6];
    let servers = picks.iter().flat_map(|pick| pick.servers(ANSWERS_MAX));
    Decision {
        region: decision.region.map(ToString::to_string),
        reason: decision.reason.as_str().to_owned(),
        addresses: servers.map(|server| server.address.to_string()).collect(),
        block: decision.scope.to_string(),
        ttl: decision.ttl_s,
    }
}

fn geography(class: &GeoClass) -> Geography {
    Geography {
        custom_region: class.custom_region.as_ref().map(ToString::to_string),
        country: class.country.map(|country| country.code().to_owned()),
        asn: class.asn.map(Into::into),
        latitude: class.place.map(geo::Place::latitude),
        longitude: class.place.map(geo::Place::longitude),
    }
}

fn candidate(candidate: &routing::explain::Candidate<'_>, now: Time) -> Candidate {
    let outlook = candidate.outlook.as_ref();
    let untried = outlook.and_then(|outlook| outlook.untried);
    let is_tried = candidate.trial_share > 0;
    Candidate {
        region: candidate.region.to_string(),
        chosen: candidate.is_chosen,
        reason: candidate.reason.map(|reason| reason.as_str().to_owned()),
        excluded: candidate.excluded.map(|excluded| excluded.as_str().to_owned()),
        drained_share: candidate.drained_permille.map(share),
        connect_rtt_us: candidate.connect_rtt.map(model::Rtt::us),
        estimate: outlook.map(|outlook| estimate(outlook, now)),
        not_tried: untried.map(|untried| untried.as_str().to_owned()),
        given_up_until: match untried {
            Some(Untried::GivenUp { until }) => Some(until.to_rfc3339()),
            _ => None,
        },
        tried_share: is_tried.then(|| f64::from(candidate.trial_share) / 65_536.0),
        unmeasured_connections: outlook.filter(|_| is_tried).map(|outlook| whole(outlook.expected)),
    }
}

fn estimate(outlook: &routing::explain::Outlook, now: Time) -> Estimate {
    let belief = &outlook.belief;
    let is_known = belief.source != Source::Nothing;
    let (low_us, high_us) = outlook.interval_us;
    Estimate {
        rtt_us: is_known.then_some(belief.rtt_us),
        low_us: is_known.then_some(low_us),
        high_us: is_known.then_some(high_us),
        source: belief.source.as_str().to_owned(),
        samples: belief.samples,
        learned: outlook.is_learned,
        age_seconds: belief.observed_at.map(|at| now.ms_since(at) / 1_000),
        own_row: belief.own.as_ref().map(|row| OwnRow {
            rtt_us: row.rtt.us(),
            samples: row.samples,
            last_updated: row.observed_at.to_rfc3339(),
        }),
    }
}

fn hold(
    story: &routing::explain::Story,
    settings: &DomainSettings,
    named: impl Fn(u16) -> Option<String>,
) -> Option<Hold> {
    let hold = story.hold.as_ref()?;
    let Algorithm::LearnedLatency { min_samples, .. } = settings.algorithm else { return None };
    Some(Hold {
        judged_as: judged(story.judged),
        region: named(hold.region)?,
        since: hold.since.map(Time::to_rfc3339),
        leaves_below_us: hold.leaves_below_us,
        min_samples,
        wishes: hold.wish.and_then(named),
        waits_for: hold.waits.map(|waits| waits.as_str().to_owned()),
        waits_until: match hold.waits {
            Some(Waits::Dwell { until }) => Some(until.to_rfc3339()),
            _ => None,
        },
    })
}

fn judged(judged: Judged) -> String {
    match judged {
        Judged::Network(network) | Judged::Around(network) | Judged::Clients(network) => {
            network.to_string()
        }
        Judged::Class => "class".to_owned(),
    }
}

/// Thousandths as a share.
pub(super) fn share(permille: u16) -> f64 {
    f64::from(permille) / 1_000.0
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
fn whole(number: f64) -> u32 {
    number.round() as u32
}
