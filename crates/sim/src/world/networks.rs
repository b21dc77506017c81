//! Client networks by the /16: which AS has it, and which city each /24 in it is in.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::{Block, Network, WorldError};
use crate::matrix::Path;
use crate::providers::Providers;
use crate::random::Random;
use crate::scenario::Scenario;
use model::Subnet;

/// The first client network.
const FIRST_CLIENT: u32 = Ipv4Addr::new(20, 0, 0, 0).to_bits();

/// The most /24s of a /16 that have clients. The mean is half of it: address space is handed out
/// sparsely, and clients come from a part of it.
const PER_16_MAX: u64 = 31;

/// Light in fibre, there and back.
const ROUND_TRIP_KM_PER_MS: f64 = 100.0;

/// Cities and those who serve them.
pub(super) struct Map<'a> {
    /// By city, the way to each site.
    pub(super) ways: &'a [Arc<[Path]>],
    pub(super) providers: &'a Providers,
}

/// As many networks as the scenario says, in no order that means anything, and the /16s they are
/// in.
pub(super) fn networks(
    map: &Map<'_>,
    scenario: &Scenario,
    random: &mut Random,
) -> Result<(Vec<Network>, Vec<Block>), WorldError> {
    if map.ways.is_empty() {
        return Err(WorldError::NoClients);
    }
    let mut ways: BTreeMap<(usize, usize), Arc<[Path]>> = BTreeMap::new();
    let mut detours = Random::new(random.next(), "detours");
    let mut list: Vec<Network> = Vec::new();
    let mut blocks = Vec::new();
    let mut block = FIRST_CLIENT;
    while list.len() < scenario.networks {
        let city = random.index(map.ways.len());
        let ases = &map.providers.by_city[city];
        let provider = ases[random.index(ases.len())];
        let is_mixed = random.chance(scenario.mixed);
        let count = (1 + random.below(PER_16_MAX)) as usize;
        let cities = &map.providers.list[provider].cities;
        let mut free: Vec<u32> = (0..=255).collect();
        for number in 0..count.min(scenario.networks - list.len()) {
            // Where cities mix, each network is in a city of its own choice; the first stays.
            let anywhere = cities[random.index(cities.len())];
            let city = if is_mixed && number > 0 { anywhere } else { city };
            let place = free.swap_remove(random.index(free.len()));
            let address = Ipv4Addr::from_bits(block + (place << 8));
            let paths = ways
                .entry((provider, city))
                .or_insert_with(|| detoured(&map.ways[city], scenario, &mut detours));
            list.push(Network {
                subnet: Subnet::of(address.into(), 24),
                city,
                provider,
                resolver: 0,
                nearest: nearest(map, city),
                best: super::least(paths, |path| path.average_ms),
                paths: Arc::clone(paths),
            });
        }
        let subnet = Subnet::of(Ipv4Addr::from_bits(block).into(), 16);
        blocks.push(Block { subnet, city, provider });
        block += 1 << 16;
    }
    random.shuffle(&mut list);
    Ok((list, blocks))
}

/// The paths of an AS in a city: the matrix's, and some longer.
fn detoured(paths: &Arc<[Path]>, scenario: &Scenario, random: &mut Random) -> Arc<[Path]> {
    let own = paths.iter().map(|path| {
        let (is_detour, ms) =
            (random.chance(scenario.detours.share), random.exponential(scenario.detours.ms));
        if is_detour { path.later(ms) } else { *path }
    });
    own.collect()
}

fn nearest(map: &Map<'_>, city: usize) -> usize {
    super::least(&map.ways[city], |path| path.distance_km)
}

impl Path {
    /// The same way, so many milliseconds longer; shorter down to light's own time.
    #[must_use]
    pub fn later(self, ms: f64) -> Self {
        let light_ms = self.distance_km / ROUND_TRIP_KM_PER_MS;
        // A matrix may already hold what light cannot do; it is not ours to mend.
        let min_ms = (self.min_ms + ms).max(light_ms.min(self.min_ms));
        Self { min_ms, average_ms: self.average_ms - self.min_ms + min_ms, ..self }
    }
}
