//! Whom clients ask: each AS runs resolvers in each of its cities, in networks of their own.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::Network;
use crate::providers::Providers;
use crate::random::Random;
use crate::scenario::Scenario;

/// The first network of resolvers; each AS has a /16 from here on, each of its cities a /24.
const FIRST_RESOLVER: u32 = Ipv4Addr::new(60, 0, 0, 0).to_bits();

/// The resolvers of an AS in a city. One sends ECS and one does not; they share no cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolverAt {
    /// The address that the overwatch sees.
    pub address: Ipv4Addr,
    /// The AS: a place in the list of providers.
    pub provider: usize,
    /// The city: a place in the list of cities.
    pub city: usize,
}

/// The resolvers that the networks' clients ask; tells each network its own.
pub(super) fn resolvers(
    networks: &mut [Network],
    providers: &Providers,
    scenario: &Scenario,
    random: &mut Random,
) -> Vec<ResolverAt> {
    // Of an AS with a central resolver, its city.
    let centres: Vec<Option<usize>> = providers
        .list
        .iter()
        .map(|provider| {
            let (is_central, place) =
                (random.chance(scenario.central_resolvers), random.index(provider.cities.len()));
            provider.cities.get(place).copied().filter(|_| is_central)
        })
        .collect();
    let mut numbers: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut list: Vec<ResolverAt> = Vec::new();
    for network in networks {
        let provider = network.provider;
        let city = centres.get(provider).copied().flatten().unwrap_or(network.city);
        network.resolver = *numbers.entry((provider, city)).or_insert_with(|| {
            let within = list.iter().filter(|known| known.provider == provider).count();
            let offset = (provider << 16) + ((within & 0xff) << 8) + 53;
            let offset = u32::try_from(offset).unwrap_or_default();
            let address = Ipv4Addr::from_bits(FIRST_RESOLVER.wrapping_add(offset));
            list.push(ResolverAt { address, provider, city });
            list.len() - 1
        });
    }
    list
}
