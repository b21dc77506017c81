//! Domains, rows and servers in few words, for the tests.

use std::sync::Arc;

use geo::{Country, CustomMapping, Geo};
use health::Standing;
use latency::RegionEstimate;
use model::{Region, Rtt, Subnet, Time};

use crate::{
    Algorithm, Constraint, DomainMap, DomainSettings, ExplorationTerms, HoldTerms, LearningTerms,
    Names, NonePolicy, RegionSettings, Server, ServerPool, compile,
};

pub(crate) const LEARNED: Algorithm =
    Algorithm::LearnedLatency { max_latency_ms: Some(300), min_samples: 5 };

/// Nothing is tried.
pub(crate) fn terms() -> LearningTerms {
    LearningTerms {
        is_frozen: false,
        exploration: ExplorationTerms { is_enabled: false, budget_ppm: 10_000, slot_ms: 60_000 },
        hold: HoldTerms {
            margin_us: 3_000,
            margin_permille: 30,
            dwell_ms: 300_000,
            moved_permille_per_minute: 50,
        },
    }
}

/// When every test takes place.
pub(crate) const NOW: Time = Time::from_unix_ms(1_766_138_700_000);

/// `eu-west` for Germany and Europe, `us-east` for the USA and its continent, `ap-southeast` for
/// Singapore; the default is `us-east`.
pub(crate) fn domain(algorithm: Algorithm) -> DomainSettings {
    let region = |name: &str, country: &str, continent: &[&str]| RegionSettings {
        name: name.parse().unwrap(),
        countries: vec![country.parse().unwrap()],
        continents: continent.iter().map(|code| code.parse().unwrap()).collect(),
        place: None,
        capacity: None,
    };
    DomainSettings {
        name: "app.demo.local".to_owned(),
        service: "app.demo.local".parse().unwrap(),
        names: Names::Servers,
        algorithm,
        regions: vec![
            region("eu-west", "DE", &["EU"]),
            region("us-east", "US", &["NA"]),
            region("ap-southeast", "SG", &[]),
        ],
        default_region: Some("us-east".parse().unwrap()),
        constraints: Vec::new(),
        ttl_s: 60,
        shadow: None,
        none_healthy: NonePolicy::LastHealthy,
        learning: terms(),
    }
}

/// A rule from words: networks and countries, and the regions they may use.
pub(crate) fn constraint(clients: &[&str], regions: &[&str]) -> Constraint {
    Constraint {
        networks: clients.iter().filter_map(|client| client.parse().ok()).collect(),
        countries: clients.iter().filter_map(|client| client.parse().ok()).collect(),
        regions: regions.iter().map(|name| name.parse().unwrap()).collect(),
    }
}

pub(crate) fn subnet(text: &str) -> Subnet {
    text.parse().unwrap()
}

pub(crate) fn rtt(ms: u64) -> Rtt {
    Rtt::from_us(ms * 1000).unwrap()
}

/// A row of the table: network, region, milliseconds, samples.
pub(crate) fn row(network: &str, region: &str, ms: u64, samples: u64) -> Row {
    row_of(subnet(network), region.parse().unwrap(), rtt(ms), samples)
}

pub(crate) type Row = (Subnet, Region, RegionEstimate);

pub(crate) fn row_of(subnet: Subnet, region: Region, rtt: Rtt, samples: u64) -> Row {
    (subnet, region, RegionEstimate { rtt, deviation_us: 0, samples, observed_at: NOW, agents: 1 })
}

/// Germany is 10.0.0.0/8, the USA 11.0.0.0/8, Singapore 12.0.0.0/8, France 13.0.0.0/8; the rest of
/// the world is nowhere. Beside them the custom networks given.
pub(crate) fn geo(custom: &[(&str, &str)]) -> Geo {
    let countries: Vec<(Subnet, Country)> =
        [("10.0.0.0/8", "DE"), ("11.0.0.0/8", "US"), ("12.0.0.0/8", "SG"), ("13.0.0.0/8", "FR")]
            .map(|(network, country)| (subnet(network), country.parse().unwrap()))
            .into();
    let mappings: Vec<CustomMapping> = custom
        .iter()
        .map(|(network, region)| CustomMapping {
            subnet: subnet(network),
            region: region.parse().unwrap(),
            comment: None,
        })
        .collect();
    Geo::from_countries(&countries, &mappings).unwrap()
}

pub(crate) fn map(settings: &DomainSettings, geo: Geo, rows: &[Row]) -> DomainMap {
    compile(&Arc::new(settings.clone()), &Arc::new(geo), rows, NOW)
}

/// A server that is up, of weight 100.
pub(crate) fn server(region: &str, address: &str) -> Server {
    Server {
        region: region.parse().unwrap(),
        address: address.parse().unwrap(),
        port: 443,
        weight: 100,
        standing: Standing::Up,
        last_up: Some(NOW),
        connect_rtt: None,
    }
}

/// Two servers of each family in every region of [`domain`]; the third part of an address tells
/// the region.
pub(crate) fn servers() -> Vec<Server> {
    let mut servers = Vec::new();
    for (number, region) in ["eu-west", "us-east", "ap-southeast"].into_iter().enumerate() {
        for host in 1..=2 {
            servers.push(server(region, &format!("192.0.{number}.{host}")));
            servers.push(server(region, &format!("2001:db8:{number}::{host}")));
        }
    }
    servers
}

/// The pool of these servers after `change` had each.
pub(crate) fn pool(settings: &DomainSettings, change: impl FnMut(&mut Server)) -> ServerPool {
    let mut servers = servers();
    servers.iter_mut().for_each(change);
    ServerPool::new(settings, servers)
}
