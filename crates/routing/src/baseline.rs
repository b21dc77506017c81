//! The ranking of every address before anything was learned: constraints and, where the algorithm
//! asks for it, geography.
//!
//! Depends on settings and geography alone, so it is made once and outlives many maps. Knows no
//! latency and no health.

use std::collections::BTreeMap;
use std::sync::Arc;

use geo::{ClassId, Geo};
use model::{RangeMap, Subnet};

use crate::DomainSettings;
use crate::allowed::AllowedSets;
use crate::ranking::{RankingId, Rankings};

/// Every address to its first ranking.
#[derive(Debug)]
pub(crate) struct Baseline {
    pub(crate) map: Arc<RangeMap<RankingId>>,
    pub(crate) rankings: Rankings,
}

impl Baseline {
    /// The baseline of a domain: the networks of its constraints laid over the classes of
    /// geography. Ranges that rank alike are one range, whatever their countries.
    pub(crate) fn new(settings: &DomainSettings, geo: &Geo) -> Self {
        let sets = AllowedSets::of(settings);
        let first_by_country: Vec<Option<usize>> = geo
            .classes()
            .iter()
            .map(|class| {
                let country = class.country?;
                settings.constraints.iter().position(|c| c.countries.contains(&country))
            })
            .collect();

        let mut rankings = Rankings::default();
        let mut known: BTreeMap<(ClassId, Option<usize>), RankingId> = BTreeMap::new();
        let first_by_network = first_by_network(settings);
        let map = geo.class_map().overlay(&first_by_network, |class, by_network| {
            *known.entry((class, by_network)).or_insert_with(|| {
                let by_country = first_by_country.get(class.index()).copied().flatten();
                // The first in the list, whichever way it matched.
                let set = sets.set_of(by_network.into_iter().chain(by_country).min());
                let mut regions = Vec::new();
                settings.algorithm.rank_unlearned(
                    settings,
                    geo.class(class),
                    sets.regions(set),
                    &mut regions,
                );
                rankings.id_of(&regions, set)
            })
        });
        Self { map: Arc::new(map), rankings }
    }
}

/// For every address the first constraint that lists a network around it. First in the list, not
/// the longest prefix.
fn first_by_network(settings: &DomainSettings) -> RangeMap<Option<usize>> {
    let constraints = settings.constraints.iter().enumerate();
    let mut networks: Vec<(Subnet, usize)> =
        constraints.flat_map(|(i, c)| c.networks.iter().map(move |subnet| (*subnet, i))).collect();
    networks.sort_unstable();
    RangeMap::from_covering(&networks, |covering| covering.iter().map(|(_, i)| *i).min())
}
