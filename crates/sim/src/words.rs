//! What a scenario's operators say, as the overwatches hear it: rules of their configuration, and
//! words at certain hours.

use model::{Subnet, Time};
use overwatch::{Command, HandOrder};
use routing::Constraint;

use crate::providers::Providers;
use crate::resolver::NAME;
use crate::scenario::{Operator, RuleOf, Scenario};
use crate::world::{World, WorldError};

const HOUR_MS: f64 = 3_600_000.0;

/// The client networks told for one resolver: those with most connections. An overwatch takes no
/// more.
const CLIENTS_MAX: usize = 256;

/// What a weight of 1 stands for is a millionth of all connections.
const WEIGHT_PARTS: f64 = 1e6;

/// What operators say by hand and when, hours counted from `start`.
///
/// # Errors
///
/// A city or a site that is not in this run.
pub(crate) fn words(
    world: &World,
    scenario: &Scenario,
    start: Time,
) -> Result<Vec<(Time, Command)>, WorldError> {
    let operator = &scenario.operator;
    let at = |hour: f64| start.plus_ms((hour * HOUR_MS) as u64);
    let mut words = Vec::new();
    if operator.resolver_weights {
        words.push((start, HandOrder::Resolvers(resolvers(world))));
    }
    for pin in &operator.pins {
        let (city, site) = (world.city_named(&pin.client)?, world.site_named(&pin.site)?);
        for network in world.networks.iter().filter(|network| network.city == city) {
            let word = |region| HandOrder::Pin {
                domain: NAME.to_owned(),
                network: network.subnet,
                region,
            };
            let region = world.sites[site].region.clone();
            words.push((at(pin.from_hour), word(Some(region))));
            words.extend(pin.to_hour.map(|hour| (at(hour), word(None))));
        }
    }
    for drain in &operator.drains {
        let region = world.sites[world.site_named(&drain.site)?].region.clone();
        let permille = (drain.share * 1e3).round() as u16;
        let over_ms = (drain.over_hours * HOUR_MS) as u64;
        words.push((at(drain.at_hour), HandOrder::Drain { region, permille, over_ms }));
    }
    for freeze in &operator.freezes {
        let word = |is_frozen| HandOrder::Freeze { domain: NAME.to_owned(), is_frozen };
        words.push((at(freeze.from_hour), word(true)));
        words.extend(freeze.to_hour.map(|hour| (at(hour), word(false))));
    }
    Ok(words.into_iter().map(|(at, order)| (at, Command::Hand(order))).collect())
}

/// Whose questions each resolver asks: what only its operator knows.
fn resolvers(world: &World) -> Vec<(Subnet, Vec<(Subnet, u32)>)> {
    let mut clients: Vec<Vec<(Subnet, u32)>> = vec![Vec::new(); world.resolvers.len()];
    // The most popular networks come first.
    for (number, network) in world.networks.iter().enumerate() {
        let weight = (world.share_of(number) * WEIGHT_PARTS).round() as u32;
        if let Some(of) = clients.get_mut(network.resolver)
            && of.len() < CLIENTS_MAX
        {
            of.push((network.subnet, weight.max(1)));
        }
    }
    let told = world.resolvers.iter().zip(clients).filter(|(_, clients)| !clients.is_empty());
    told.map(|(resolver, clients)| (Subnet::host(resolver.address.into()), clients)).collect()
}

/// The rules of the domain: which clients may go where.
///
/// # Errors
///
/// A city or a site that is not in this run.
pub(crate) fn constraints(
    world: &World,
    operator: &Operator,
) -> Result<Vec<Constraint>, WorldError> {
    let rule = |rule: &crate::scenario::Rule| {
        let region = |name: &String| Ok(world.sites[world.site_named(name)?].region.clone());
        let regions = rule.sites.iter().map(region).collect::<Result<_, WorldError>>()?;
        let (mut networks, mut countries) = (Vec::new(), Vec::new());
        match &rule.of {
            RuleOf::Network(network) => networks.push(*network),
            RuleOf::CountryOf(city) => {
                let country = world.providers.countries.get(world.city_named(city)?);
                countries.extend(
                    country.and_then(|of| Providers::code(*of).parse::<geo::Country>().ok()),
                );
            }
        }
        Ok(Constraint { networks, countries, regions })
    };
    operator.constraints.iter().map(rule).collect()
}

/// The open connections that a site is to have at most, where it has a limit.
///
/// # Errors
///
/// A site that is not in this run.
pub(crate) fn capacities(
    world: &World,
    operator: &Operator,
) -> Result<Vec<Option<u64>>, WorldError> {
    let mut capacities = vec![None; world.sites.len()];
    for capacity in &operator.capacities {
        capacities[world.site_named(&capacity.site)?] = Some(capacity.connections);
    }
    Ok(capacities)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cities;
    use crate::random::Random;

    fn world(text: &str) -> (World, Scenario) {
        let mut scenario = Scenario::read(text).unwrap();
        scenario.networks = 2_000;
        let sites = ["Oslo".to_owned(), "Tokyo".to_owned()];
        let mut random = Random::new(1, "world");
        (World::new(&cities::matrix(1), &sites, &scenario, &mut random).unwrap(), scenario)
    }

    #[test]
    fn words_are_said_at_their_hours() {
        let text = "
pins: [{client: Milan, site: tokyo, from_hour: 1, to_hour: 2}]
drains: [{site: Oslo, at_hour: 3, share: 0.25, over_hours: 0.5}]
freezes: [{from_hour: 4}]
";
        let (world, scenario) = world(text);
        let city = world.city_named("Milan").unwrap();
        let pinned = world.networks.iter().filter(|network| network.city == city).count();
        let said = words(&world, &scenario, Time::EPOCH).unwrap();
        let count = |hour: u64| {
            said.iter().filter(|(at, _)| *at == Time::from_unix_ms(hour * 3_600_000)).count()
        };
        assert!(pinned > 0);
        assert_eq!([1, 2, 3, 4].map(count), [pinned, pinned, 1, 1]);
        let drain = HandOrder::Drain {
            region: world.sites[0].region.clone(),
            permille: 250,
            over_ms: 1_800_000,
        };
        assert!(said.iter().any(|(_, word)| *word == Command::Hand(drain.clone())), "{said:?}");
    }

    #[test]
    fn every_networks_resolver_is_told_of_it() {
        let (world, scenario) = world("resolver_weights: true");
        let said = words(&world, &scenario, Time::EPOCH).unwrap();
        let [(_, Command::Hand(HandOrder::Resolvers(told)))] = &said[..] else {
            panic!("{said:?}")
        };
        let all: usize = told.iter().map(|(_, clients)| clients.len()).sum();
        assert_eq!(all, world.networks.len());
        let heaviest =
            told.iter().flat_map(|(_, clients)| clients).max_by_key(|(_, weight)| weight);
        assert_eq!(heaviest.map(|(network, _)| *network), Some(world.networks[0].subnet));
    }

    #[test]
    fn rules_are_those_of_a_country() {
        let (world, scenario) = world(
            "constraints: [{country_of: Milan, sites: [Oslo]}, {network: 20.0.0.0/9, sites: [Tokyo]}]",
        );
        let rules = constraints(&world, &scenario.operator).unwrap();
        let rome = world.providers.countries[world.city_named("Milan").unwrap()];
        assert_eq!(rules[0].countries, [Providers::code(rome).parse().unwrap()]);
        assert_eq!((rules[0].regions[0].as_str(), rules[1].networks.len()), ("oslo", 1));
        let fault =
            |text| constraints(&world, &Scenario::read(text).unwrap().operator).unwrap_err();
        let unknown = fault("constraints: [{country_of: Atlantis, sites: [Oslo]}]");
        assert!(unknown.to_string().contains("Atlantis"));
        let unknown = fault("constraints: [{country_of: Milan, sites: [Mars]}]");
        assert!(unknown.to_string().contains("Mars"));
    }

    #[test]
    fn a_capacity_is_its_sites() {
        let (world, scenario) = world("capacities: [{site: Tokyo, connections: 70}]");
        assert_eq!(capacities(&world, &scenario.operator).unwrap(), [None, Some(70)]);
    }
}
