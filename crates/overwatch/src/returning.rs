//! Regions that were down and are up again: their clients come back bit by bit, not all within one
//! time to live (decision 41). A server that has just started is the last that should meet a crowd.
//!
//! Nobody is held back at a start: a region that was never seen up and then down is not returning. Nor
//! after an outage of all: while no region is up the policy sends everybody home, so nobody was away.
//! Must never keep clients from the only region that is up.

use std::collections::BTreeMap;

use model::{Region, Time};
use routing::{Algorithm, DomainSettings, Drain, ServerPool};

/// The longest return: five minutes, a few times what resolvers keep answers for. A region that was
/// down for less comes back in as long as it was down.
const RETURN_MS_MAX: u64 = 300_000;

/// The regions of one domain that are away or coming back. Bounded by the domain's regions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Returning {
    /// Regions that were up and are not, and since when their clients have been elsewhere.
    away: BTreeMap<Region, Time>,
    /// Regions that are coming back.
    returns: BTreeMap<Region, Drain>,
}

impl Returning {
    /// The domain's pool changes from one to another.
    pub(crate) fn see(
        &mut self,
        settings: &DomainSettings,
        (old, new): (&ServerPool, &ServerPool),
        now: Time,
    ) {
        // The others send nobody back: they choose by order, turn or place, and say so at once.
        if !matches!(settings.algorithm, Algorithm::LearnedLatency { .. }) {
            return;
        }
        let numbered = || (0..=u16::MAX).zip(&settings.regions);
        let ups = |pool: &ServerPool| numbered().filter(|(number, _)| pool.is_up(*number)).count();
        if ups(old) == 0 {
            self.away.values_mut().for_each(|since| *since = now);
        }
        for (number, region) in numbered() {
            match (old.is_up(number), new.is_up(number)) {
                (true, false) => {
                    self.away.insert(region.name.clone(), now);
                    self.returns.remove(&region.name);
                }
                (false, true) => {
                    let Some(since) = self.away.remove(&region.name) else { continue };
                    let over_ms = now.ms_since(since).min(RETURN_MS_MAX);
                    if over_ms == 0 {
                        continue;
                    }
                    let back = Drain { from_permille: 1_000, to_permille: 0, began: now, over_ms };
                    self.returns.insert(region.name.clone(), back);
                }
                (true, true) | (false, false) => {}
            }
        }
        // The only one that is up has everybody already.
        if ups(new) <= 1 {
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
