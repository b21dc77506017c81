//! Worlds as asked for, and what cannot be one.

use std::collections::BTreeSet;

use super::*;
use crate::cities;

fn world(sites: &[&str], scenario: &Scenario) -> Result<World, WorldError> {
    let sites: Vec<String> = sites.iter().map(ToString::to_string).collect();
    World::new(&cities::matrix(1), &sites, scenario, &mut Random::new(1, "world"))
}

fn with_networks(networks: usize) -> Scenario {
    Scenario { networks, ..Scenario::default() }
}

#[test]
fn sites_are_found_however_they_are_cased() {
    let world = world(&["sao paulo", "OSLO"], &with_networks(10)).unwrap();
    let names: Vec<&str> = world.sites.iter().map(|site| site.name.as_str()).collect();
    assert_eq!(names, ["Sao Paulo", "Oslo"]);
    assert_eq!(world.sites[0].region.as_str(), "sao-paulo");
    assert_eq!(world.site_at(Ipv4Addr::new(10, 2, 1, 10)), Some(1));
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    let fault =
        |sites: &[&str], networks| world(sites, &with_networks(networks)).unwrap_err().to_string();
    assert_eq!(fault(&["Atlantis"], 1), "the matrix has no site \"Atlantis\"");
    assert_eq!(fault(&["Oslo", "oslo"], 1), "the site \"Oslo\" is named twice");
    assert_eq!(fault(&[], 1), "0 sites, where 1 to 250 can be simulated");
    assert_eq!(fault(&["Oslo"], 0), "0 client networks, where 1 to 100000 can be simulated");
}

#[test]
fn the_first_network_is_twice_as_popular_as_the_second() {
    let world = world(&["Oslo"], &with_networks(100)).unwrap();
    let mut random = Random::new(1, "popularity");
    let mut drawn = [0u32; 100];
    (0..50_000).for_each(|_| drawn[world.draw_network(&mut random)] += 1);
    let ratio = f64::from(drawn[0]) / f64::from(drawn[1]);
    assert!((ratio - 2.0).abs() < 0.2, "{ratio}");
    assert!(drawn[99] > 0);
    assert!((world.share_of(0) * 50_000.0 - f64::from(drawn[0])).abs() < 500.0);
}

#[test]
fn three_in_ten_wide_prefixes_mix_cities() {
    let world = world(&["Oslo"], &with_networks(10_000)).unwrap();
    let mut cities: std::collections::BTreeMap<Subnet, BTreeSet<usize>> = Default::default();
    for network in &world.networks {
        let wide = Subnet::of(network.subnet.address(), 16);
        cities.entry(wide).or_default().insert(network.city);
    }
    let mixed = cities.values().filter(|cities| cities.len() > 1).count();
    let share = mixed as f64 / cities.len() as f64;
    assert!((0.2..0.35).contains(&share), "{share}");
    let subnets: BTreeSet<Subnet> = world.networks.iter().map(|network| network.subnet).collect();
    assert_eq!(subnets.len(), 10_000);
    let addresses: BTreeSet<_> = world.resolvers.iter().map(|resolver| resolver.address).collect();
    assert_eq!(addresses.len(), world.resolvers.len());
    for network in &world.networks {
        let resolver = world.resolvers[network.resolver];
        assert_eq!((resolver.provider, resolver.city), (network.provider, network.city));
        assert!(world.providers.list[network.provider].cities.contains(&network.city));
    }
}

#[test]
fn detours_and_central_resolvers_are_as_often_as_asked() {
    let scenario = Scenario {
        detours: crate::scenario::Detours { share: 0.2, ms: 30.0 },
        central_resolvers: 1.0,
        ..with_networks(5_000)
    };
    let world = world(&["Oslo", "Tokyo"], &scenario).unwrap();
    let matrix = cities::matrix(1);
    let mut ways = BTreeSet::new();
    let mut longer = BTreeSet::new();
    for network in &world.networks {
        let way = (network.provider, network.city);
        let plain = matrix.path(&world.cities[network.city].name, "Tokyo").unwrap();
        ways.insert(way);
        longer.extend((network.paths[1].average_ms > plain.average_ms).then_some(way));
    }
    let share = longer.len() as f64 / ways.len() as f64;
    // A hundred ways or so: a fifth of them, give or take.
    assert!((0.1..0.35).contains(&share), "{share}");
    let ases: BTreeSet<usize> = world.resolvers.iter().map(|resolver| resolver.provider).collect();
    assert_eq!(ases.len(), world.resolvers.len());
}
