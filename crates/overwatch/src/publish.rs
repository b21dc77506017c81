//! Table, registry and settings to a new view: the one way by which what was learned gets to where
//! it is answered from.

mod reload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use geo::Geo;
use health::{Authority, CheckState, Standing, WHOLE_PERMILLE};
use latency::RowChange;
use model::{Region, Service, Time};
use routing::{
    Algorithm, Capacity, DomainMap, DomainSettings, Drain, Learning, RegionLoad, Server, ServerPool,
};
use zone::Zones;

use crate::hand::Hand;
use crate::registry::Registry;
use crate::returning::Returning;
use crate::{AnswerTerms, DomainView, Signers, View};

/// The domains as they were last compiled, and what has changed since.
#[derive(Debug)]
pub(crate) struct Publisher {
    zones: Arc<Zones>,
    terms: Arc<AnswerTerms>,
    signers: Arc<Signers>,
    /// In the order of the view's list.
    domains: Vec<Domain>,
    /// Where a service's domains stand in that list.
    by_service: BTreeMap<Service, Vec<usize>>,
    /// The regions that are drained by hand.
    drains: BTreeMap<Region, Drain>,
    /// Whether something was compiled that was not published.
    is_changed: bool,
}

#[derive(Debug)]
struct Domain {
    settings: Arc<DomainSettings>,
    learning: Learning,
    map: Arc<DomainMap>,
    pool: Arc<ServerPool>,
    /// What is sent on of full regions.
    capacity: Capacity,
    returning: Returning,
    /// Regions whose servers get less since they strain.
    strained: BTreeMap<Region, Drain>,
}

impl Domain {
    /// With nothing learned and no server known.
    fn new(settings: Arc<DomainSettings>, geo: &Arc<Geo>) -> Self {
        let learning = Learning::new(&settings, geo);
        let map = Arc::new(learning.map());
        let pool = Arc::new(ServerPool::new(&settings, Vec::new()));
        let capacity = Capacity::new(&settings);
        let (returning, strained) = (Returning::default(), BTreeMap::new());
        Self { settings, learning, map, pool, capacity, returning, strained }
    }

    /// The pool, with what is drained by hand, coming back or full closed to some clients.
    fn closed(&self, pool: ServerPool, drains: &BTreeMap<Region, Drain>) -> ServerPool {
        // The hand decides where there are several, and who comes back where a region strains.
        let mut all = self.strained.clone();
        all.extend(self.returning.with(drains));
        let drains = all;
        pool.drained(&self.settings, &drains).spilling(self.capacity.shares())
    }
}

impl Publisher {
    /// Everything as it is with nothing learned and no server known.
    pub(crate) fn new(
        zones: Zones,
        terms: AnswerTerms,
        geo: &Arc<Geo>,
        domains: Vec<DomainSettings>,
    ) -> Self {
        let (zones, terms, signers) = (Arc::new(zones), Arc::new(terms), Arc::default());
        let (list, by_service) = (Vec::new(), BTreeMap::new());
        let drains = BTreeMap::new();
        let mut publisher =
            Self { zones, terms, signers, domains: list, by_service, drains, is_changed: true };
        for settings in domains {
            publisher.add(Domain::new(Arc::new(settings), geo));
        }
        publisher
    }

    /// One more domain, at the end of the list.
    fn add(&mut self, domain: Domain) {
        let service = domain.settings.service.clone();
        self.by_service.entry(service).or_default().push(self.domains.len());
        self.domains.push(domain);
    }

    /// The domains' settings, in the order of the view.
    pub(crate) fn domains(&self) -> impl Iterator<Item = &DomainSettings> + Clone {
        self.domains.iter().map(|domain| &*domain.settings)
    }

    /// What each domain learned, in the order of the view.
    pub(crate) fn learning(&self) -> impl Iterator<Item = &Learning> {
        self.domains.iter().map(|domain| &domain.learning)
    }

    /// What a domain's decisions are made of, by the place of its settings in the list.
    pub(crate) fn domain(&self, at: usize) -> Option<(&Learning, &DomainMap, &ServerPool)> {
        let domain = self.domains.get(at)?;
        Some((&domain.learning, &domain.map, &domain.pool))
    }

    /// Takes the rows that changed, and the regions where agents measure, by service; makes the maps
    /// for which it is time.
    pub(crate) fn learn(
        &mut self,
        mut changes: BTreeMap<Service, Vec<RowChange>>,
        mut reporting: BTreeMap<Service, BTreeSet<Region>>,
        now: Time,
    ) {
        for (service, indices) in &self.by_service {
            let rows = changes.remove(service).unwrap_or_default();
            let regions = reporting.remove(service).unwrap_or_default();
            for index in indices {
                let Some(domain) = self.domains.get_mut(*index) else { continue };
                domain.learning.report(regions.clone());
                domain.learning.take(rows.iter().cloned());
                if domain.learning.is_due(now) && domain.learning.compile(now) {
                    domain.map = Arc::new(domain.learning.map());
                    self.is_changed = true;
                }
            }
        }
    }

    /// Goes by what operators said from now on.
    pub(crate) fn set_hand(&mut self, hand: &Hand) {
        self.drains = hand.drains();
        for domain in &mut self.domains {
            domain.learning.set_hand_work(hand.of_domain(&domain.settings));
            let pool = ServerPool::clone(&domain.pool);
            domain.pool = Arc::new(domain.closed(pool, &self.drains));
        }
        self.is_changed = true;
    }

    /// Makes the pools of these services anew.
    pub(crate) fn stand(&mut self, services: &BTreeSet<Service>, registry: &Registry, now: Time) {
        for service in services {
            for index in self.by_service.get(service).into_iter().flatten() {
                let Some(domain) = self.domains.get_mut(*index) else { continue };
                let servers = servers_of(service, registry, now);
                let pool = ServerPool::new(&domain.settings, servers);
                domain.returning.see(&domain.settings, &pool, now);
                domain.strained = strained(&domain.settings, registry, now);
                domain.pool = Arc::new(domain.closed(pool, &self.drains));
                self.is_changed = true;
            }
        }
    }

    /// Signs by these from now on.
    pub(crate) fn sign(&mut self, signers: Arc<Signers>) {
        self.signers = signers;
        self.is_changed = true;
    }

    /// Reckons what is sent on of full regions, from how busy each is.
    pub(crate) fn spill(&mut self, loads: &BTreeMap<Region, RegionLoad>, now: Time) {
        for domain in &mut self.domains {
            let pool = Arc::clone(&domain.pool);
            let is_up = |region| pool.is_up(region);
            let is_back = domain.returning.end(now);
            if domain.capacity.reckon(&domain.settings, loads, is_up, now) || is_back {
                let pool = ServerPool::clone(&pool);
                domain.pool = Arc::new(domain.closed(pool, &self.drains));
                self.is_changed = true;
            }
        }
    }

    /// What is sent on of full regions, for each domain in the order of the view.
    pub(crate) fn capacity(&self) -> impl Iterator<Item = (&DomainSettings, &Capacity)> {
        self.domains.iter().map(|domain| (&*domain.settings, &domain.capacity))
    }

    /// The new view, if anything changed.
    pub(crate) fn publish(&mut self) -> Option<Arc<View>> {
        std::mem::take(&mut self.is_changed).then(|| self.view())
    }

    /// Everything as it is now.
    pub(crate) fn view(&self) -> Arc<View> {
        let domains = self.domains.iter().map(|domain| DomainView {
            map: Arc::clone(&domain.map),
            pool: Arc::clone(&domain.pool),
        });
        Arc::new(View {
            zones: Arc::clone(&self.zones),
            domains: domains.collect(),
            terms: Arc::clone(&self.terms),
            signers: Arc::clone(&self.signers),
        })
    }
}

/// The servers of a service. One that an operator took down, or whose agent said goodbye, is not
/// among them: no policy may name it.
fn servers_of(service: &Service, registry: &Registry, now: Time) -> Vec<Server> {
    let named = registry.entries().filter(|entry| {
        let (standing, by) = entry.standing;
        let is_out = standing == Standing::Down && by == Authority::Override;
        entry.backend.key.service == *service && !is_out && !entry.has_left
    });
    let servers = named.map(|entry| {
        let (standing, last_up) = entry.standing_in_answers(now);
        Server {
            region: entry.backend.region.clone(),
            address: entry.backend.key.address,
            port: entry.backend.key.port,
            weight: entry.weight(now),
            standing,
            last_up,
            connect_rtt: entry.validation.as_ref().and_then(CheckState::connect_rtt),
        }
    });
    servers.collect()
}

/// What is sent on of regions whose servers get less. Where servers take turns by weight over all
/// regions, their weights do it by themselves.
fn strained(settings: &DomainSettings, registry: &Registry, now: Time) -> BTreeMap<Region, Drain> {
    if settings.algorithm == Algorithm::Weighted {
        return BTreeMap::new();
    }
    let regions = registry.strained_regions(&settings.service).into_iter();
    let drain = |(region, left_permille): (Region, u16)| {
        let permille = WHOLE_PERMILLE.saturating_sub(left_permille);
        let drain =
            Drain { from_permille: permille, to_permille: permille, began: now, over_ms: 0 };
        (region, drain)
    };
    regions.map(drain).collect()
}
