//! A client to a region and its servers.
//!
//! Two look-ups and no more: no lock, no allocation, no statistics. What a log line or an
//! explanation wants beyond the answer is found when it asks.

use std::net::IpAddr;

use model::{Region, Rtt, Subnet};

use crate::pool::{Found, ServerPool};
use crate::ranking::{RankedRegion, Ranking};
use crate::{Algorithm, DomainMap, Pick, Reason};

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
/// must be of the same settings. A v4-mapped IPv6 address is the caller's to fold.
///
/// The filters, in their order, and where each is:
///
/// 1. Candidates: the domain's regions, less those a constraint forbids this client (`allowed`,
///    in the baseline), less those without a server that is up (here). Region first, address
///    family second: a region with any server that is up stands before every region that has only
///    doubtful ones, and A and AAAA are both answered from the region chosen.
/// 2. None left: the domain's policy, among the allowed regions only (here).
/// 3. Estimate per region: the most specific row that covers the client (`estimates`). While the
///    region that geography puts first has none, it stays first (`algorithm::learned_latency`).
/// 4. Limits: `min_samples` gates the rows (`estimates`); `max_latency_ms` puts a region behind
///    all others, so that it is taken where nothing else is left, under a reason of its own
///    (`algorithm::learned_latency`).
/// 5. to 7. Hold, explore, capacity: their place is in `map`, between the making of a block's
///    ranking and its number.
/// 8. Reason: that of the region chosen, in the ranking; the policy's where it decided.
/// 9. Scope: the block (`map`).
#[must_use]
pub fn decide<'a>(
    map: &'a DomainMap,
    pool: &'a ServerPool,
    client: IpAddr,
    turn: u64,
) -> Decision<'a> {
    let (ranking, scope) = map.block(client);
    let found = pool.find(ranking, turn);
    let (reason, chosen, ipv4, ipv6) = match found {
        Some(Found { region, reason, ipv4, ipv6 }) => (reason, Some(region), ipv4, ipv6),
        None if ranking.regions().is_empty() => {
            (Reason::NoneAllowed, None, Pick::NOBODY, Pick::NOBODY)
        }
        None => (Reason::NoneHealthy, None, Pick::NOBODY, Pick::NOBODY),
    };
    let region = chosen.and_then(|region| map.region_name(region));
    let ttl_s = map.settings().ttl_s;
    Decision { reason, region, scope, ttl_s, ipv4, ipv6, client, chosen, ranking, map, pool }
}

impl<'a> Decision<'a> {
    /// The domain that was asked for.
    #[must_use]
    pub fn domain(&self) -> &'a str {
        &self.map.settings().name
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
            Algorithm::LearnedLatency { .. } => {
                let learned = self.map.learned(self.client);
                learned.iter().find(|time| time.region == region).map(|time| time.rtt)
            }
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
