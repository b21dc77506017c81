//! `decide` is on the path of every query: it must not allocate. Counts with an allocator of its
//! own, which is why this is a test by itself.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use geo::{CustomMapping, Geo};
use health::Standing;
use latency::RegionEstimate;
use model::{Rtt, Time};
use routing::{
    Algorithm, DomainSettings, ExplorationTerms, HoldTerms, LearningTerms, Names, NonePolicy,
    RegionSettings, Server, ServerPool, compile, decide,
};
use testkit::{CountingHeap, allocations};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

fn settings(algorithm: Algorithm) -> DomainSettings {
    let region = |name: &str| RegionSettings {
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
        algorithm,
        regions: vec![region("eu-west"), region("ap-southeast")],
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
                dwell_ms: 300_000,
                moved_permille_per_minute: 50,
            },
        },
    }
}

fn server(region: &str, address: &str) -> Server {
    Server {
        region: region.parse().unwrap(),
        address: address.parse().unwrap(),
        port: 443,
        weight: 100,
        standing: Standing::Up,
        last_up: None,
        connect_rtt: None,
    }
}

#[test]
fn decide_allocates_nothing() {
    let custom = CustomMapping {
        subnet: "10.1.0.0/16".parse().unwrap(),
        region: "eu-west".parse().unwrap(),
        comment: None,
    };
    let geo = Arc::new(Geo::build(None, None, &[custom]).unwrap());
    let estimate = RegionEstimate {
        rtt: Rtt::from_us(85_000).unwrap(),
        deviation_us: 0,
        samples: 9,
        observed_at: Time::EPOCH,
        agents: 1,
    };
    let rows = [("10.1.2.0/24".parse().unwrap(), "ap-southeast".parse().unwrap(), estimate)];
    for algorithm in [
        Algorithm::LearnedLatency { max_latency_ms: Some(300), min_samples: 5 },
        Algorithm::Geolocation,
        Algorithm::Latency { max_latency_ms: None },
        Algorithm::RoundRobin,
        Algorithm::Weighted,
        Algorithm::Failover,
    ] {
        let settings = Arc::new(settings(algorithm));
        let map = compile(&settings, &geo, &rows, Time::EPOCH);
        let servers = ["192.0.2.1", "192.0.2.2", "2001:db8::1"].map(|a| server("eu-west", a));
        let pool = ServerPool::new(&settings, servers.to_vec());
        let count = allocations(|| {
            for turn in 0..100 {
                let client = [10, 1, (turn % 4) as u8, 9].into();
                let decision = decide(&map, &pool, client, turn, Time::EPOCH);
                assert_eq!(decision.ipv4.servers(4).count(), 2);
                assert!(decision.rtt().is_none() && decision.runners_up().count() == 1);
            }
        });
        assert_eq!(count, 0, "{}", algorithm.as_str());
    }
}
