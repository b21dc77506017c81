//! What a map costs, per row that changed: to be run by hand, in release.
//!
//! Prints, for tables of three sizes, nanoseconds per changed row where times move and no ranking
//! does, where one ranking in a hundred rows changes too, and for a map of everything at once.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an example that prints")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use geo::{Country, Geo};
use latency::{RegionEstimate, RowChange};
use model::{Region, Rtt, Subnet, Time};
use routing::{
    Algorithm, DomainSettings, ExplorationTerms, HoldTerms, Learning, LearningTerms, Names,
    NonePolicy, RegionSettings,
};

const REGIONS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn settings() -> DomainSettings {
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
fn geography() -> Geo {
    let countries = (0..65_536u32).map(|i| {
        let letter = |n: u32| char::from(b'A' + u8::try_from(n % 26).unwrap());
        let code = format!("{}{}", letter(i / 7), letter(i / 91));
        (Subnet::of(IpAddr::V4((i << 16).into()), 16), code.parse().unwrap())
    });
    Geo::from_countries(&countries.collect::<Vec<(Subnet, Country)>>(), &[]).unwrap()
}

/// The row of a network; `shift_ms` moves its time.
fn row(network: u32, shift_ms: u64, now: Time) -> RowChange {
    let mixed = network.wrapping_mul(0x9e37_79b1);
    let region: Region = REGIONS[mixed as usize % REGIONS.len()].parse().unwrap();
    let rtt = Rtt::from_us(u64::from(mixed >> 12) % 200_000 + 5_000 + shift_ms * 1_000).unwrap();
    let estimate =
        RegionEstimate { rtt, deviation_us: 2_000, samples: 20, observed_at: now, agents: 1 };
    // Every third /24 of the address space, spread.
    (Subnet::of(IpAddr::V4((network.wrapping_mul(769) << 8).into()), 24), region, Some(estimate))
}

fn main() {
    let geo = Arc::new(geography());
    println!(
        "{:>9} {:>8} {:>9} {:>12} {:>12}",
        "networks", "changed", "ranges", "ns a row", "ms a map"
    );
    for networks in [10_000u32, 100_000, 1_000_000] {
        let mut now = Time::from_unix_ms(1_766_138_700_000);
        let mut learning = Learning::new(&Arc::new(settings()), &geo);
        learning.report(REGIONS.iter().map(|name| name.parse().unwrap()).collect());
        for (changed, shift_ms) in [(networks, 0), (100, 1), (10_000, 1), (100, 60), (10_000, 60)] {
            now = now.plus_ms(1_000);
            let rows: Vec<RowChange> = (0..changed).map(|i| row(i, shift_ms, now)).collect();
            let start = Instant::now();
            learning.take(rows);
            learning.compile(now);
            let map = learning.map();
            let took = start.elapsed();
            let per_row = took.as_nanos() / u128::from(changed);
            let (ranges, ms) = (map.ranges(), took.as_secs_f64() * 1e3);
            println!("{networks:>9} {changed:>8} {ranges:>9} {per_row:>12} {ms:>12.1}");
        }
    }
}
