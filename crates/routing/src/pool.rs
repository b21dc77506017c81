//! The servers of a domain and how they are: the health side of a decision.
//!
//! A pool is made anew at each health event, with every order of turns worked out, so that a query
//! only looks up. It knows no client.

use std::collections::BTreeMap;
use std::net::IpAddr;

use health::Standing;
use model::{Region, Rtt, Time};

use crate::algorithm::{Algorithm, Choice, latency};
use crate::allowed::AllowedSets;
use crate::drain::{Drain, Drained, Drains};
use crate::ranking::{RankedRegion, Ranking};
use crate::rotation::{Families, Pick, Rotation, wrap};
use crate::smooth::interleave;
use crate::{DomainSettings, Names, NonePolicy, Reason};

/// A server, as health sees it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The region it stands in; one that the domain does not have takes it out.
    pub region: Region,
    /// What DNS answers with.
    pub address: IpAddr,
    /// The port that its service listens on.
    pub port: u16,
    /// Its part of its region's turns; 0 takes it out.
    pub weight: u32,
    /// Whether it may stand in an answer. One that an operator took down belongs in no pool: the
    /// policy for "none healthy" may name whatever is in it. One that is being emptied, and serves:
    /// where nothing else does.
    pub standing: Standing,
    /// When it was last seen to serve; now, for one that does. `None` where it never was.
    pub last_up: Option<Time>,
    /// How long a connection from here takes, smoothed by whoever measures.
    pub connect_rtt: Option<Rtt>,
}

/// The servers of a domain, ready to be chosen from.
#[derive(Clone, Debug)]
pub struct ServerPool {
    servers: Vec<Server>,
    regions: Vec<RegionServers>,
    /// How each set of allowed regions is chosen from.
    orders: Vec<SetOrder>,
    /// Which servers may be named, the best first.
    tiers: &'static [Tier],
    drains: Drains,
}

/// How good the servers are that an answer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    Up,
    Doubtful,
    /// It serves, and is being emptied: better than one that may not serve at all.
    Draining,
    /// Not healthy, but up at the last moment at which anything was.
    LastUp,
    /// Whatever there is.
    Any,
}

/// The servers of one region, by tier.
#[derive(Clone, Debug, Default)]
struct RegionServers {
    up: Families,
    doubtful: Families,
    draining: Families,
    last_up: Families,
    any: Families,
    /// The lowest connect time of those that are up or doubtful.
    connect_rtt: Option<Rtt>,
}

/// How one set of allowed regions is chosen from.
#[derive(Clone, Debug)]
enum SetOrder {
    /// As the client's ranking says.
    ByRank,
    /// In this order.
    Ranked(Vec<RankedRegion>),
    /// A cycle of turns over the regions of each tier that has any, the best first.
    InTurn(Vec<(Tier, Vec<RegionTurn>)>),
}

/// A region's turn.
#[derive(Clone, Copy, Debug)]
struct RegionTurn {
    region: u16,
    /// Which of the region's turns in a cycle this is, counted from 0.
    nth: u64,
    /// How many it has in a cycle.
    of: u64,
}

/// What was found for a client: a region, its servers and the turn among them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) region: u16,
    pub(crate) reason: Reason,
    pub(crate) ipv4: Pick<'a>,
    pub(crate) ipv6: Pick<'a>,
}

/// How far apart servers may have been seen up to count as fallen together. Checks run every few
/// seconds to a minute, each by itself, and take a few failures to decide: one fault shows over
/// about two minutes. What fell earlier than that fell for reasons of its own.
const LAST_UP_WINDOW_MS: u64 = 120_000;

/// The part of the turns that a region without any server has: that of one server whose weight
/// nobody set.
const UNWATCHED_WEIGHT: u32 = 100;

impl ServerPool {
    /// The pool of a domain. The order of `servers` is the order they follow one another in.
    #[must_use]
    pub fn new(settings: &DomainSettings, servers: Vec<Server>) -> Self {
        let algorithm = settings.algorithm;
        let fell_at = servers
            .iter()
            .filter(|server| server.weight > 0)
            .filter_map(|server| server.last_up)
            .max()
            .map(|latest| latest.minus_ms(LAST_UP_WINDOW_MS));
        let regions: Vec<RegionServers> = (0..=u16::MAX)
            .zip(&settings.regions)
            .map(|(_, region)| {
                let of_region = RegionServers::new(&region.name, &servers, algorithm, fell_at);
                of_region.named(&region.name, &settings.names, algorithm)
            })
            .collect();
        let tiers = tiers(settings.none_healthy);
        let sets = AllowedSets::of(settings);
        let orders = sets.iter().map(|set| SetOrder::new(set, &regions, tiers, algorithm));
        let orders = orders.collect();
        Self { servers, regions, orders, tiers, drains: Drains::default() }
    }

    /// The same, with these regions drained by hand. Those that the domain does not have are passed
    /// over.
    #[must_use]
    pub fn drained(self, settings: &DomainSettings, drains: &BTreeMap<Region, Drain>) -> Self {
        Self { drains: Drains::of(settings, drains), ..self }
    }

    /// The same, with these shares of regions' clients sent on, in 65,536ths by number.
    #[must_use]
    pub fn spilling(self, shares: Vec<u16>) -> Self {
        Self { drains: self.drains.spilling(shares), ..self }
    }

    /// Whether a region has a server that is up.
    #[must_use]
    pub fn is_up(&self, region: u16) -> bool {
        !self.families(region, Tier::Up).is_empty()
    }

    /// The drains of a client.
    pub(crate) fn drained_for(&self, client: IpAddr, now: Time) -> Drained<'_> {
        self.drains.of_client(client, now)
    }

    /// Every server of the domain, in the order given.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The connect time of a region: the lowest of its servers that are up or doubtful.
    #[must_use]
    pub fn connect_rtt(&self, region: u16) -> Option<Rtt> {
        self.regions.get(usize::from(region))?.connect_rtt
    }

    /// The regions of a ranking in the order in which this pool would take them.
    pub(crate) fn order<'a>(&'a self, ranking: &'a Ranking) -> &'a [RankedRegion] {
        match self.orders.get(ranking.set()) {
            Some(SetOrder::Ranked(regions)) => regions,
            Some(SetOrder::ByRank | SetOrder::InTurn(_)) | None => ranking.regions(),
        }
    }

    /// The region for a client of this ranking, and its servers at this turn: one that is drained
    /// for the client only where no other serves.
    pub(crate) fn find<'a>(
        &'a self,
        ranking: &'a Ranking,
        drained: &Drained<'_>,
        turn: u64,
    ) -> Option<Found<'a>> {
        let is_open = |region: u16| !drained.from(region);
        if let Some(pinned) = ranking.pinned()
            && is_open(pinned.region)
            && let Some(tier) = self.serving_tier(pinned.region)
        {
            return Some(self.found(pinned, tier, turn));
        }
        if let Some(SetOrder::InTurn(cycles)) = self.orders.get(ranking.set()) {
            let serving = cycles.iter().filter(|(tier, _)| tier.serves());
            let find = |(tier, cycle): &'a (Tier, Vec<RegionTurn>),
                        is_open: &dyn Fn(u16) -> bool| {
                self.find_in_turn(ranking, (*tier, cycle), turn, is_open)
            };
            let open = serving.into_iter().find_map(|of_tier| find(of_tier, &is_open));
            return open.or_else(|| find(cycles.first()?, &|_| true));
        }
        let order = self.order(ranking);
        let serving = self.tiers.iter().filter(|tier| tier.serves());
        let find = |tier: &Tier, is_open: &dyn Fn(u16) -> bool| {
            let has = |ranked: &&RankedRegion| {
                !self.families(ranked.region, *tier).is_empty() && is_open(ranked.region)
            };
            order.iter().find(has).map(|ranked| self.found(*ranked, *tier, turn))
        };
        let open = serving.into_iter().find_map(|tier| find(tier, &is_open));
        let open = open.map(|found| {
            // Those before it that are up are closed to this client: by hand, or since they are full.
            let mut before = order.iter().take_while(|ranked| ranked.region != found.region);
            let is_full = |r: &RankedRegion| drained.spilled_from(r.region) && self.is_up(r.region);
            let reason = if before.any(is_full) { Reason::Capacity } else { found.reason };
            Found { reason, ..found }
        });
        open.or_else(|| self.tiers.iter().find_map(|tier| find(tier, &|_| true)))
    }

    fn find_in_turn<'a>(
        &'a self,
        ranking: &'a Ranking,
        (tier, cycle): (Tier, &[RegionTurn]),
        turn: u64,
        is_open: &dyn Fn(u16) -> bool,
    ) -> Option<Found<'a>> {
        let open = || cycle.iter().filter(|at| is_open(at.region));
        let count = open().count();
        let at = open().nth(wrap(turn, count)?)?;
        let inner = (turn / count as u64).wrapping_mul(at.of).wrapping_add(at.nth);
        let ranked = ranking.regions().iter().find(|ranked| ranked.region == at.region)?;
        Some(self.found(*ranked, tier, inner))
    }

    /// The best of the region's servers, if any serve.
    pub(crate) fn serving_tier(&self, region: u16) -> Option<Tier> {
        let has = |tier: &&Tier| !self.families(region, **tier).is_empty();
        self.tiers.iter().filter(|tier| tier.serves()).find(has).copied()
    }

    /// The servers of a region that is tried: `None` unless some are up.
    pub(crate) fn find_up(&self, region: u16, turn: u64) -> Option<Found<'_>> {
        let ranked = RankedRegion { region, reason: Reason::Exploration };
        let has_any = !self.families(region, Tier::Up).is_empty();
        has_any.then(|| self.found(ranked, Tier::Up, turn))
    }

    fn found(&self, ranked: RankedRegion, tier: Tier, turn: u64) -> Found<'_> {
        let reason = match tier {
            Tier::Up | Tier::Doubtful => ranked.reason,
            Tier::Draining => Reason::Draining,
            Tier::LastUp => Reason::LastHealthy,
            Tier::Any => Reason::AllServers,
        };
        let families = self.families(ranked.region, tier);
        let ipv4 = families.ipv4.pick(&self.servers, turn);
        let ipv6 = families.ipv6.pick(&self.servers, turn);
        Found { region: ranked.region, reason, ipv4, ipv6 }
    }

    fn families(&self, region: u16, tier: Tier) -> &Families {
        families(&self.regions, region, tier)
    }
}

fn families(regions: &[RegionServers], region: u16, tier: Tier) -> &Families {
    const NOBODY: &Families =
        &Families { ipv4: Rotation::NOBODY, ipv6: Rotation::NOBODY, own_turns: 0 };
    regions.get(usize::from(region)).map_or(NOBODY, |servers| match tier {
        Tier::Up => &servers.up,
        Tier::Doubtful => &servers.doubtful,
        Tier::Draining => &servers.draining,
        Tier::LastUp => &servers.last_up,
        Tier::Any => &servers.any,
    })
}

impl Tier {
    /// Whether its servers take new clients, as far as is known.
    const fn serves(self) -> bool {
        matches!(self, Self::Up | Self::Doubtful)
    }
}

/// Which servers a domain may name, the best first.
const fn tiers(policy: NonePolicy) -> &'static [Tier] {
    use Tier::{Any, Doubtful, Draining, LastUp, Up};
    match policy {
        NonePolicy::LastHealthy => &[Up, Doubtful, Draining, LastUp, Any],
        NonePolicy::Servfail => &[Up, Doubtful, Draining],
        NonePolicy::All => &[Up, Doubtful, Draining, Any],
    }
}

impl RegionServers {
    fn new(
        region: &Region,
        servers: &[Server],
        algorithm: Algorithm,
        fell_at: Option<Time>,
    ) -> Self {
        let here = |server: &Server| server.region == *region;
        let of = |fits: &dyn Fn(&Server) -> bool| {
            Families::new(servers, algorithm, |server| here(server) && fits(server))
        };
        let doubtful = of(&|server| server.standing == Standing::Doubtful);
        let up = of(&|server| server.standing == Standing::Up);
        let serving = servers.iter().filter(|server| {
            let stands = matches!(server.standing, Standing::Up | Standing::Doubtful);
            here(server) && stands && server.weight > 0
        });
        Self {
            up: up.completed_by(&doubtful),
            doubtful,
            draining: of(&|server| server.standing == Standing::Draining),
            last_up: of(&|server| server.last_up.is_some_and(|at| Some(at) >= fell_at)),
            any: of(&|_| true),
            connect_rtt: serving.filter_map(|server| server.connect_rtt).min(),
        }
    }

    /// A name that stands for a region needs no server that is known: not where nobody watches the
    /// region's servers, and not where the policy takes whatever there is.
    fn named(self, region: &Region, names: &Names, algorithm: Algorithm) -> Self {
        let Names::Regions { unwatched } = names else {
            return self;
        };
        let turns = algorithm.turns_of(UNWATCHED_WEIGHT);
        let up = if unwatched.contains(region) { turns } else { 0 };
        let (up, any) = (self.up.or_without_server(up), self.any.or_without_server(turns));
        Self { up, any, ..self }
    }
}

impl SetOrder {
    fn new(set: &[u16], regions: &[RegionServers], tiers: &[Tier], algorithm: Algorithm) -> Self {
        match algorithm.choice() {
            Choice::ByRank => Self::ByRank,
            Choice::ByConnectTime { max_latency_ms } => {
                let connect_rtt = |region: u16| regions.get(usize::from(region))?.connect_rtt;
                Self::Ranked(latency::rank(set, connect_rtt, max_latency_ms))
            }
            Choice::InTurn => {
                let cycles = tiers.iter().map(|tier| (*tier, cycle(set, regions, *tier)));
                Self::InTurn(cycles.filter(|(_, cycle)| !cycle.is_empty()).collect())
            }
        }
    }
}

/// One cycle of the turns of these regions.
fn cycle(set: &[u16], regions: &[RegionServers], tier: Tier) -> Vec<RegionTurn> {
    let parts: Vec<u64> =
        set.iter().map(|region| families(regions, *region, tier).turns()).collect();
    let order = interleave(&parts);
    let mut had = vec![0; set.len()];
    let mut turns: Vec<(usize, RegionTurn)> = Vec::with_capacity(order.len());
    for index in order {
        let index = index as usize;
        if let (Some(region), Some(nth)) = (set.get(index), had.get_mut(index)) {
            turns.push((index, RegionTurn { region: *region, nth: *nth, of: 0 }));
            *nth += 1;
        }
    }
    let of = |index: usize| had.get(index).copied().unwrap_or(0);
    turns.into_iter().map(|(index, turn)| RegionTurn { of: of(index), ..turn }).collect()
}

#[cfg(test)]
mod tests;
