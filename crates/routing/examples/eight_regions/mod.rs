//! The domain of eight regions, and the countries, that the examples measure. It measures nothing itself.

use std::net::IpAddr;

use geo::{Country, Geo};
use model::Subnet;
use routing::{
    Algorithm, DomainSettings, ExplorationTerms, HoldTerms, LearningTerms, Names, NonePolicy,
    RegionSettings,
};

/// Their names.
pub(crate) const REGIONS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// A domain that learns, explores and moves at once.
pub(crate) fn settings() -> DomainSettings {
    let region = |name: &&str| RegionSettings {
        name: name.parse().unwrap(),
        countries: Vec::new(),
        continents: Vec::new(),
        place: None,
        capacity: None,
    };
    DomainSettings {
        name: "app.demo.local".to_owned(),
        service: "app.demo.local".parse().unwrap(),
        names: Names::Servers,
        algorithm: Algorithm::LearnedLatency { max_latency_ms: Some(300), min_samples: 3 },
        regions: REGIONS.iter().map(region).collect(),
        default_region: None,
        constraints: Vec::new(),
        ttl_s: 60,
        shadow: None,
        none_healthy: NonePolicy::LastHealthy,
        learning: LearningTerms {
            is_frozen: false,
            exploration: ExplorationTerms { is_enabled: true, budget_ppm: 10_000, slot_ms: 60_000 },
            hold: HoldTerms {
                margin_us: 3_000,
                margin_permille: 30,
                dwell_ms: 0,
                moved_permille_per_minute: 1_000,
            },
        },
    }
}

/// Two hundred countries, each some /16s.
pub(crate) fn geography() -> Geo {
    let countries = (0..65_536u32).map(|i| {
        let letter = |n: u32| char::from(b'A' + u8::try_from(n % 26).unwrap());
        let code = format!("{}{}", letter(i / 7), letter(i / 91));
        (Subnet::of(IpAddr::V4((i << 16).into()), 16), code.parse().unwrap())
    });
    Geo::from_countries(&countries.collect::<Vec<(Subnet, Country)>>(), &[]).unwrap()
}
