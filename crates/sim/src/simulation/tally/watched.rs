//! Clients whose way is told by themselves.

use super::Visit;
use crate::scenario::Watch;
use crate::world::{World, WorldError};

/// Who is watched.
#[derive(Clone, Debug)]
pub(super) struct Watched(Vec<OneWatch>);

#[derive(Clone, Debug)]
struct OneWatch {
    /// By network: whether it is of that city.
    networks: Vec<bool>,
    /// By site: whether it is one of those.
    sites: Vec<bool>,
}

impl Watched {
    pub(super) fn new(world: &World, watches: &[Watch]) -> Result<Self, WorldError> {
        let watch = |watch: &Watch| {
            let city = world.city_named(&watch.client)?;
            let mut sites = vec![false; world.sites.len()];
            for name in &watch.sites {
                sites[world.site_named(name)?] = true;
            }
            let networks = world.networks.iter().map(|network| network.city == city).collect();
            Ok(OneWatch { networks, sites })
        };
        Ok(Self(watches.iter().map(watch).collect::<Result<_, WorldError>>()?))
    }

    /// Counts a connection where its network is watched.
    pub(super) fn count(&self, network: usize, visit: &Visit, counts: &mut [(u64, u64, u64)]) {
        for (watch, (all, there, sum_us)) in self.0.iter().zip(counts) {
            if watch.networks.get(network) == Some(&true) {
                *all += 1;
                *there += u64::from(watch.sites.get(visit.site) == Some(&true));
                *sum_us += u64::from(visit.rtt_us);
            }
        }
    }
}
