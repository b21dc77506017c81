//! What was learned laid over the baseline: every address to its block.
//!
//! A map is made in batches, is never changed and knows no health.

use std::net::IpAddr;
use std::sync::Arc;

use geo::Geo;
use latency::RegionEstimate;
use model::{RangeMap, Region, Subnet};

use crate::algorithm::learned_latency;
use crate::baseline::Baseline;
use crate::estimates::{Estimates, RegionRtt};
use crate::ranking::{Ranking, RankingId, Rankings};
use crate::{Algorithm, DomainSettings};

/// Every client of a domain to its ranking, and how far around the client it holds.
#[derive(Debug)]
pub struct DomainMap {
    settings: Arc<DomainSettings>,
    geo: Arc<Geo>,
    baseline: Arc<Baseline>,
    blocks: Arc<RangeMap<RankingId>>,
    rankings: Rankings,
    estimates: Estimates,
}

/// Makes the map of a domain from `rows`, what the table knows about it.
///
/// `previous` is the domain's map until now: where `settings` and `geo` are still the very same
/// values, its baseline is kept, and the cost is that of the rows and one walk over the baseline.
///
/// Carries out the steps of [`decide`](crate::decide()) that do not need the health of servers.
#[must_use]
pub fn compile(
    settings: &Arc<DomainSettings>,
    geo: &Arc<Geo>,
    rows: &[(Subnet, Region, RegionEstimate)],
    previous: Option<&DomainMap>,
) -> DomainMap {
    let kept = previous
        .filter(|map| Arc::ptr_eq(&map.settings, settings) && Arc::ptr_eq(&map.geo, geo))
        .map(|map| Arc::clone(&map.baseline));
    let baseline = kept.unwrap_or_else(|| Arc::new(Baseline::new(settings, geo)));

    let mut rankings = baseline.rankings.clone();
    let (blocks, estimates) = match settings.algorithm {
        Algorithm::LearnedLatency { max_latency_ms, min_samples } => {
            let estimates = Estimates::new(settings, rows, min_samples);
            let mut regions = Vec::new();
            let blocks = estimates.map().overlay(&baseline.map, |cell, unlearned| {
                let learned = estimates.of(cell);
                if learned.is_empty() {
                    return unlearned;
                }
                let unlearned = baseline.rankings.get(unlearned);
                regions.clear();
                regions.extend_from_slice(unlearned.regions());
                learned_latency::rank(&mut regions, learned, max_latency_ms);
                rankings.id_of(&regions, unlearned.set())
            });
            (Arc::new(blocks), estimates)
        }
        Algorithm::Geolocation
        | Algorithm::Latency { .. }
        | Algorithm::RoundRobin
        | Algorithm::Weighted
        | Algorithm::Failover => (Arc::clone(&baseline.map), Estimates::none()),
    };
    DomainMap {
        settings: Arc::clone(settings),
        geo: Arc::clone(geo),
        baseline,
        blocks,
        rankings,
        estimates,
    }
}

impl DomainMap {
    /// The ranking of a client and its block: the widest prefix around it that ranks alike. Two
    /// blocks of one map never overlap unless they are equal.
    #[must_use]
    pub fn block(&self, client: IpAddr) -> (&Ranking, Subnet) {
        let (ranking, block) = self.blocks.get(client);
        (self.rankings.get(ranking), block)
    }

    /// What was learned about a client's network, in no particular order. A second search: for
    /// those who explain, not for each query.
    #[must_use]
    pub fn learned(&self, client: IpAddr) -> &[RegionRtt] {
        self.estimates.at(client)
    }

    /// The settings that the map was made of.
    #[must_use]
    pub fn settings(&self) -> &DomainSettings {
        &self.settings
    }

    /// The name of a region of a ranking.
    #[must_use]
    pub fn region_name(&self, region: u16) -> Option<&Region> {
        self.settings.regions.get(usize::from(region)).map(|region| &region.name)
    }

    /// How many ranges the map has: what a look-up searches.
    #[must_use]
    pub fn ranges(&self) -> usize {
        self.blocks.len()
    }
}

#[cfg(test)]
mod tests;
