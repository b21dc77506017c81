//! Every address to its block, as queries read it.
//!
//! A map is made by [`Learning`], is never changed and knows no health.

use std::net::IpAddr;
use std::sync::Arc;

use geo::Geo;
use latency::RegionEstimate;
use model::{RangeMap, Region, Rtt, Subnet, Time};

use crate::learning::cells::CellId;
use crate::learning::times::Times;
use crate::ranking::{Ranking, RankingId, Rankings, Trial};
use crate::{DomainSettings, Learning, slot};

/// Every client of a domain to its ranking, and how far around the client it holds.
#[derive(Clone, Debug)]
pub struct DomainMap {
    pub(crate) settings: Arc<DomainSettings>,
    pub(crate) blocks: Arc<RangeMap<RankingId>>,
    pub(crate) rankings: Arc<Rankings>,
    pub(crate) cells: Arc<RangeMap<CellId>>,
    pub(crate) times: Times,
    /// By region: whether it may be tried. What is switched off is off here, at once; who tried it
    /// is judged later.
    pub(crate) tried: Vec<bool>,
    /// What another algorithm makes of the same, where somebody wants to know.
    pub(crate) shadow: Option<Arc<Self>>,
}

/// The map of a domain of which these rows are known at once, with an agent in every region: for
/// those who follow no changes.
#[must_use]
pub fn compile(
    settings: &Arc<DomainSettings>,
    geo: &Arc<Geo>,
    rows: &[(Subnet, Region, RegionEstimate)],
    now: Time,
) -> DomainMap {
    let mut learning = Learning::new(settings, geo);
    learning.report(settings.regions.iter().map(|region| region.name.clone()).collect());
    learning.take(rows.iter().map(|(subnet, region, row)| (*subnet, region.clone(), Some(*row))));
    learning.compile(now);
    learning.map()
}

impl DomainMap {
    /// The ranking of a client and its block: the widest prefix around it that ranks alike, or, of
    /// one that tries something, what tries it together. Two blocks of one map never overlap unless
    /// they are equal.
    #[must_use]
    pub fn block(&self, client: IpAddr) -> (&Ranking, Subnet) {
        let (ranking, block) = self.blocks.get(client);
        let ranking = self.rankings.get(ranking);
        if self.trials(ranking).next().is_none() {
            (ranking, block)
        } else {
            (ranking, slot::trial_block(block, client))
        }
    }

    /// What blocks of this ranking try, in some of their slots.
    pub fn trials<'a>(&'a self, ranking: &'a Ranking) -> impl Iterator<Item = Trial> + 'a {
        let trials = ranking.trials().iter().copied();
        trials.filter(|trial| self.tried.get(usize::from(trial.region)) == Some(&true))
    }

    /// Where in memory [`DomainMap::block`] will read for a client, a place in each line.
    pub fn places(&self, client: IpAddr) -> impl Iterator<Item = *const u8> {
        self.blocks.places(client)
    }

    /// What a block of this ranking tries now, and for how many milliseconds more.
    #[must_use]
    pub fn trial(&self, ranking: &Ranking, block: Subnet, now: Time) -> Option<(u16, u64)> {
        let slot_ms = self.settings.learning.exploration.slot_ms;
        slot::trial_now(self.trials(ranking), block, slot_ms, now)
    }

    /// How long until a block of this ranking tries something, in milliseconds, if it does in the
    /// next slot.
    #[must_use]
    pub fn until_trial(&self, ranking: &Ranking, block: Subnet, now: Time) -> Option<u64> {
        let slot_ms = self.settings.learning.exploration.slot_ms;
        slot::until_trial(self.trials(ranking), block, slot_ms, now)
    }

    /// The time that a region was ranked by for a client, where one was learned. A second search:
    /// for those who explain, not for each query.
    #[must_use]
    pub fn learned(&self, client: IpAddr, region: u16) -> Option<Rtt> {
        self.times.get(self.cells.get(client).0, region)
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
