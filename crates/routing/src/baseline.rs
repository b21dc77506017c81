//! Every address before anything was learned: its class in geography, the regions that a constraint
//! leaves it, the region an operator pinned it to, the resolver it is, and the order that follows.
//!
//! Depends on settings, geography and hand work alone, so it outlives many maps. Knows no latency and no
//! health.

use std::collections::BTreeMap;
use std::sync::Arc;

use geo::{ClassId, Geo};
use model::{RangeMap, Region, Subnet};

use crate::allowed::AllowedSets;
use crate::ranking::{RankedRegion, Ranking, RankingId, Rankings};
use crate::{DomainSettings, HandWork, Reason};

/// Every address to its base.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    pub(crate) map: Arc<RangeMap<BaseId>>,
    pub(crate) rankings: Rankings,
    bases: Vec<Base>,
    ids: BTreeMap<Key, BaseId>,
}

/// What tells one base from another: the class, the set of allowed regions, the pin, the resolver.
type Key = (ClassId, usize, Option<u16>, Option<Subnet>);

/// All that is known of an address without learning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base {
    pub(crate) class: ClassId,
    /// Its region by hand, if that is allowed at all.
    pub(crate) pin: Option<u16>,
    /// The resolver's network, where an operator said who its clients are.
    pub(crate) resolver: Option<Subnet>,
    /// The allowed regions: the pin's, then in the order of the algorithm.
    pub(crate) unlearned: RankingId,
}

/// The number of a base. It stays what it is when pins change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BaseId(u32);

impl BaseId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Baseline {
    /// The baseline of a domain: the networks of its constraints and of hand work laid over the
    /// classes of geography.
    pub(crate) fn new(settings: &DomainSettings, geo: &Geo, hand: &HandWork) -> Self {
        let mut baseline = Self {
            map: Arc::new(RangeMap::filled(BaseId(0))),
            rankings: Rankings::default(),
            bases: Vec::new(),
            ids: BTreeMap::new(),
        };
        baseline.lay(settings, geo, hand);
        baseline
    }

    /// Lays everything anew, with these pins and resolvers.
    pub(crate) fn lay(&mut self, settings: &DomainSettings, geo: &Geo, hand: &HandWork) {
        let sets = AllowedSets::of(settings);
        let classes = geo.classes().iter();
        let first_by_country: Vec<Option<usize>> = classes
            .map(|class| {
                let country = class.country?;
                settings.constraints.iter().position(|c| c.countries.contains(&country))
            })
            .collect();
        let number = |name: &Region| {
            (0..=u16::MAX).zip(&settings.regions).find(|(_, region)| region.name == *name)
        };
        let pins = hand.pins.iter();
        let pins = pins.filter_map(|(subnet, name)| Some((*subnet, Some(number(name)?.0))));
        let by_hand = RangeMap::from_prefixes(None, pins);
        let resolvers = hand.resolvers.keys().map(|resolver| (*resolver, Some(*resolver)));
        let by_hand = by_hand
            .overlay(&RangeMap::from_prefixes(None, resolvers), |pin, resolver| (pin, resolver));
        let by_hand = first_by_network(settings)
            .overlay(&by_hand, |by_network, by_hand| (by_network, by_hand));

        let map = geo.class_map().overlay(&by_hand, |class, (by_network, (pin, resolver))| {
            let by_country = first_by_country.get(class.index()).copied().flatten();
            // The first in the list, whichever way it matched.
            let set = sets.set_of(by_network.into_iter().chain(by_country).min());
            let pin = pin.filter(|region| sets.regions(set).contains(region));
            let key = (class, set, pin, resolver);
            self.ids.get(&key).copied().unwrap_or_else(|| {
                let mut regions = Vec::new();
                let (class_of, allowed) = (geo.class(class), sets.regions(set));
                settings.algorithm.rank_unlearned(settings, class_of, allowed, &mut regions);
                put_first(&mut regions, pin);
                let unlearned = self.rankings.id_of(&Ranking::new(regions, Vec::new(), set));
                // More bases than numbers for them would be 64 GiB of them.
                let id = BaseId(u32::try_from(self.bases.len()).unwrap_or(u32::MAX));
                self.bases.push(Base { class, pin, resolver, unlearned });
                self.ids.insert(key, id);
                id
            })
        });
        self.map = Arc::new(map);
    }

    /// The base of a number.
    pub(crate) fn get(&self, id: BaseId) -> Option<&Base> {
        self.bases.get(id.index())
    }

    /// How many numbers were given.
    pub(crate) const fn len(&self) -> usize {
        self.bases.len()
    }
}

/// Puts a pinned region before all others.
fn put_first(regions: &mut [RankedRegion], pin: Option<u16>) {
    let at = regions.iter().position(|ranked| Some(ranked.region) == pin);
    if let Some(before) = at.and_then(|at| regions.get_mut(..=at)) {
        before.rotate_right(1);
        if let Some(first) = before.first_mut() {
            first.reason = Reason::Pinned;
        }
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
