//! Regions that were down and are up again: their clients come back bit by bit, not all within one
//! time to live (decision 41). A server that has just started is the last that should meet a crowd.
//!
//! Nobody is held back at a start: a region that was never seen up and then down is not returning. Nor
//! after an outage of all: while no region is up the policy sends everybody home, so nobody was away.
//! Must never keep clients from the only region that is up.

use std::collections::{BTreeMap, BTreeSet};

use model::{Region, Time};
use routing::{Algorithm, DomainSettings, Drain, ServerPool};

/// The longest return: five minutes, a few times what resolvers keep answers for. A region that was
/// down for less comes back in as long as it was down.
const RETURN_MS_MAX: u64 = 300_000;

/// The regions of one domain that are away or coming back. Bounded by the domain's regions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Returning {
    /// Regions that were up when this was last looked at. By name: a reload may number them anew.
    up: BTreeSet<Region>,
    /// Regions that were up and are not, and since when their clients have been elsewhere.
    away: BTreeMap<Region, Time>,
    /// Regions that are coming back.
    returns: BTreeMap<Region, Drain>,
}

impl Returning {
    /// The domain has this pool from now on.
    pub(crate) fn see(&mut self, settings: &DomainSettings, pool: &ServerPool, now: Time) {
        // The others send nobody back: they choose by order, turn or place, and say so at once.
        if !matches!(settings.algorithm, Algorithm::LearnedLatency { .. }) {
            *self = Self::default();
            return;
        }
        let regions = (0..=u16::MAX).zip(&settings.regions);
        let ups = regions.filter(|(number, _)| pool.is_up(*number));
        let ups: BTreeSet<Region> = ups.map(|(_, region)| region.name.clone()).collect();
        if self.up.is_empty() {
            self.away.values_mut().for_each(|since| *since = now);
        }
        let was_up = std::mem::replace(&mut self.up, ups);
        for region in was_up.difference(&self.up) {
            self.away.insert(region.clone(), now);
            self.returns.remove(region);
        }
        for region in self.up.difference(&was_up) {
            let Some(since) = self.away.remove(region) else { continue };
            let over_ms = now.ms_since(since).min(RETURN_MS_MAX);
            if over_ms > 0 {
                let back = Drain { from_permille: 1_000, to_permille: 0, began: now, over_ms };
                self.returns.insert(region.clone(), back);
            }
        }
        // One that the domain has no more is new if it is back.
        let is_ours = |name: &Region| settings.regions.iter().any(|region| region.name == *name);
        self.away.retain(|name, _| is_ours(name));
        // The only one that is up has everybody already.
        if self.up.len() <= 1 {
            self.returns.clear();
        }
    }

    /// Forgets returns that have come to their end; tells whether there were any.
    pub(crate) fn end(&mut self, now: Time) -> bool {
        let before = self.returns.len();
        self.returns.retain(|_, back| !back.is_there(now));
        self.returns.len() != before
    }

    /// What is closed to some clients, by hand or because it is coming back. The hand decides where
    /// both are.
    pub(crate) fn with(&self, by_hand: &BTreeMap<Region, Drain>) -> BTreeMap<Region, Drain> {
        let mut all = self.returns.clone();
        all.extend(by_hand.iter().map(|(region, drain)| (region.clone(), *drain)));
        all
    }
}

#[cfg(test)]
mod tests {
    use health::Standing;
    use routing::Server;

    use super::*;

    const NOW: Time = Time::from_unix_ms(1_700_000_000_000);
    const MINUTE_MS: u64 = 60_000;

    fn settings(regions: &[&str]) -> DomainSettings {
        let view = crate::fuzz::view().unwrap();
        let learns =
            |of: &&DomainSettings| matches!(of.algorithm, Algorithm::LearnedLatency { .. });
        let mut all = view.domains.iter().map(|domain| domain.map.settings());
        let mut settings = all.find(learns).unwrap().clone();
        settings.names = routing::Names::Servers;
        let region = settings.regions.remove(0);
        let named = |name: &&str| {
            let name = name.parse().unwrap();
            routing::RegionSettings { name, ..region.clone() }
        };
        settings.regions = regions.iter().map(named).collect();
        settings
    }

    /// Goes through what is so minute by minute: the domain's regions, and those with a server that is up.
    /// Then these come back, each within so many minutes.
    fn check(minutes: &[(&[&str], &[&str])], expect: &[(&str, u64)]) {
        let mut returning = Returning::default();
        for (minute, (regions, ups)) in (0..).zip(minutes) {
            let settings = settings(regions);
            let server = |region: &&str| Server {
                region: region.parse().unwrap(),
                address: [127, 0, 0, 1].into(),
                port: 80,
                weight: 100,
                standing: Standing::Up,
                last_up: Some(NOW),
                connect_rtt: None,
            };
            let pool = ServerPool::new(&settings, ups.iter().map(server).collect());
            returning.see(&settings, &pool, NOW.plus_ms(minute * MINUTE_MS));
        }
        let back = returning.with(&BTreeMap::new());
        let back: Vec<(&str, u64)> = back
            .iter()
            .map(|(region, drain)| (region.as_str(), drain.over_ms / MINUTE_MS))
            .collect();
        assert_eq!(back, expect);
    }

    #[test]
    fn a_region_comes_back_in_as_long_as_it_was_away() {
        const BOTH: &[&str] = &["eu", "sg"];
        check(&[(BOTH, BOTH)], &[]);
        check(&[(BOTH, BOTH), (BOTH, &["eu"]), (BOTH, &["eu"]), (BOTH, BOTH)], &[("sg", 2)]);
        // Nobody was away from it, or there is nowhere else to be.
        check(&[(BOTH, &["eu"]), (BOTH, BOTH)], &[]);
        check(&[(BOTH, BOTH), (BOTH, &[]), (BOTH, &[]), (BOTH, BOTH)], &[]);
        check(&[(BOTH, BOTH), (BOTH, &["eu"]), (BOTH, BOTH), (BOTH, &["sg"])], &[]);
    }

    #[test]
    fn a_reload_that_numbers_the_regions_anew_sends_nobody_away_or_back() {
        // `sg` has the number of `eu`, which is down before and after.
        let (before, after): (&[&str], &[&str]) = (&["eu", "sg", "us"], &["sg", "eu", "us"]);
        let ups: &[&str] = &["sg", "us"];
        let both: &[&str] = &["eu", "sg", "us"];
        check(&[(before, ups), (after, ups)], &[]);
        check(&[(before, ups), (after, ups), (after, both)], &[]);
        // Who was away before comes back behind it, and one that the domain has no more does not.
        check(&[(before, both), (before, ups), (after, ups), (after, both)], &[("eu", 2)]);
        check(&[(before, both), (before, ups), (ups, ups), (after, both)], &[]);
        // One that is new is there at once, and what leaves was nobody's loss.
        check(&[(ups, ups), (after, both)], &[]);
        check(&[(before, both), (ups, ups), (after, both)], &[]);
    }
}
