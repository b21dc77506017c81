//! A client to a region and its servers.
//!
//! Two look-ups and no more: no lock, no allocation, no statistics. What a log line or an
//! explanation wants beyond the answer is found when it asks.

use std::net::IpAddr;

use model::{Region, Rtt, Subnet, Time};

use crate::pool::{Found, ServerPool};
use crate::ranking::{RankedRegion, Ranking};
use crate::{Algorithm, DomainMap, Pick, Reason, Shadow, shadow};

/// Where a client is sent, and why.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// Why.
    pub reason: Reason,
    /// The region; `None` where no server may be named: SERVFAIL.
    pub region: Option<&'a Region>,
    /// The block: everybody in it is decided alike.
    pub scope: Subnet,
    /// How long the answer may be kept, in seconds.
    pub ttl_s: u32,
    /// What answers a question for A.
    pub ipv4: Pick<'a>,
    /// What answers a question for AAAA, of the same region.
    pub ipv6: Pick<'a>,
    /// What the domain's shadow would have done, where it has one.
    pub shadow: Option<Shadow>,
    client: IpAddr,
    chosen: Option<u16>,
    ranking: &'a Ranking,
    map: &'a DomainMap,
    pool: &'a ServerPool,
}

/// A region that might have been chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Its name.
    pub region: &'a Region,
    /// The reason it would be chosen for, were it the first with a healthy server.
    pub reason: Reason,
    /// The time it was ranked by.
    pub rtt: Option<Rtt>,
}

/// Decides where `client` goes.
///
/// `turn` counts the queries of whoever asks; servers follow one another with it. Map and pool
/// must be of the same settings. `now` tells what is tried. A v4-mapped IPv6 address is the caller's to fold.
///
/// The filters, in their order, and where each is:
///
/// 1. Candidates: the domain's regions, less those a constraint forbids this client (`allowed`,
///    in the baseline), less those without a server that is up (here). Region first, address
///    family second: a region with any server that is up stands before every region that has only
///    doubtful ones, and A and AAAA are both answered from the region chosen. A region that an
///    operator drains for this client stands behind all others that serve (`drain`).
/// 2. None left: servers that are being emptied and serve; then the domain's policy. Among the
///    allowed regions only (here).
/// 3. Estimate per region: what is believed of it (`belief`).
/// 4. Limits: `min_samples` tells what is learned from what is guessed, and `max_latency_ms` puts a
///    region behind all others but the present one, so that it is taken where nothing else is left,
///    under a reason of its own (`learning::prospect`). The present one is left (`learning::hold`).
/// 5. Hold: the present region, until another is surely better (`learning::hold`).
/// 6. Explore: in some slots of time a block goes to a region that may turn out better, if that is
///    up (here; which and how often: `learning::explore`; when: `slot`).
/// 7. Capacity: a part of a full region's clients stands before closed doors, as if it was drained
///    (`drain`; how large a part: `capacity`). Where all doors are closed, none is.
/// 8. Reason: that of the region chosen, in the ranking; the policy's where it decided.
/// 9. Scope: the block (`map`).
#[must_use]
pub fn decide<'a>(
    map: &'a DomainMap,
    pool: &'a ServerPool,
    client: IpAddr,
    turn: u64,
    now: Time,
) -> Decision<'a> {
    let (ranking, block) = map.block(client);
    let drained = pool.drained_for(client, now);
    let trial = map
        .trial(ranking, block, now)
        .filter(|(region, _)| drained.has_room(*region) && !drained.from(*region));
    let tried = trial.and_then(|(region, left_ms)| Some((pool.find_up(region, turn)?, left_ms)));
    let scope = drained.scope(ranking, block);
    let left_ms = match tried {
        Some((_, left_ms)) => Some(left_ms),
        None => map.until_trial(ranking, block, now),
    };
    let ttl_s = left_ms.map_or(map.settings().ttl_s, |left_ms| left(left_ms, map));
    let found = tried.map(|(found, _)| found).or_else(|| pool.find(ranking, &drained, turn));
    let (reason, chosen, ipv4, ipv6) = match found {
        Some(Found { region, reason, ipv4, ipv6 }) => (reason, Some(region), ipv4, ipv6),
        None if ranking.regions().is_empty() => {
            (Reason::NoneAllowed, None, Pick::NOBODY, Pick::NOBODY)
        }
        None => (Reason::NoneHealthy, None, Pick::NOBODY, Pick::NOBODY),
    };
    let region = chosen.and_then(|region| map.region_name(region));
    let shadow = None;
    let mut decision = Decision {
        reason,
        region,
        scope,
        ttl_s,
        ipv4,
        ipv6,
        shadow,
        client,
        chosen,
        ranking,
        map,
        pool,
    };
    if let Some(shadow) = &map.shadow {
        decision.shadow = shadow::compare(&decision, (map, shadow), pool, client, now);
    }
    decision
}

/// For how long the answer of a trial is good that ends so soon: no longer than the trial, in whole
/// seconds, and one at least, since some take 0 for "as long as you like".
fn left(left_ms: u64, map: &DomainMap) -> u32 {
    let left_s = u32::try_from(left_ms / 1_000).unwrap_or(u32::MAX);
    left_s.max(1).min(map.settings().ttl_s)
}

impl<'a> Decision<'a> {
    /// The domain that was asked for.
    #[must_use]
    pub fn domain(&self) -> &'a str {
        &self.map.settings().name
    }

    /// The region's number.
    pub(crate) const fn chosen(&self) -> Option<u16> {
        self.chosen
    }

    /// Where the region stands among those of the domain's settings.
    #[must_use]
    pub fn region_place(&self) -> Option<usize> {
        self.chosen.map(usize::from)
    }

    /// The time that the region was ranked by; `None` where it was not chosen by time.
    #[must_use]
    pub fn rtt(&self) -> Option<Rtt> {
        self.chosen.and_then(|region| self.rtt_of(region))
    }

    /// Every region that the client may use, the best first, the chosen one among them.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate<'a>> + use<'a> {
        let decision = *self;
        self.pool.order(self.ranking).iter().filter_map(move |ranked| decision.candidate(*ranked))
    }

    /// The regions that the client may use but was not sent to, the best first.
    pub fn runners_up(&self) -> impl Iterator<Item = Candidate<'a>> + use<'a> {
        let chosen = self.region;
        self.candidates().filter(move |candidate| Some(candidate.region) != chosen)
    }

    fn candidate(&self, ranked: RankedRegion) -> Option<Candidate<'a>> {
        let region = self.map.region_name(ranked.region)?;
        Some(Candidate { region, reason: ranked.reason, rtt: self.rtt_of(ranked.region) })
    }

    fn rtt_of(&self, region: u16) -> Option<Rtt> {
        match self.map.settings().algorithm {
            Algorithm::LearnedLatency { .. } => self.map.learned(self.client, region),
            Algorithm::Latency { .. } => self.pool.connect_rtt(region),
            Algorithm::Geolocation
            | Algorithm::RoundRobin
            | Algorithm::Weighted
            | Algorithm::Failover => None,
        }
    }
}

#[cfg(test)]
mod tests;
