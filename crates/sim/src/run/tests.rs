//! What policies are worth in worlds where the right answer is known.

use super::*;
use crate::matrix::Matrix;
use crate::random::Random;
use crate::{Report, cities};

/// Two cities and two sites of the same names; everybody's nearest site is the own city's.
fn world(in_the_own_city: f64, in_the_other: f64) -> Arc<World> {
    let mut file = "client,site,distance_km,rtt_avg_ms,rtt_min_ms,rtt_mdev_ms\n".to_owned();
    for (client, site, kilometres, ms) in [
        ("Aton", "Aton", 10, in_the_own_city),
        ("Aton", "Beeham", 1000, in_the_other),
        ("Beeham", "Aton", 1000, 100.0),
        ("Beeham", "Beeham", 10, 20.0),
    ] {
        file += &format!("{client},{site},{kilometres},{},{ms},1\n", ms + 2.0);
    }
    let matrix = Matrix::read(file.as_bytes()).unwrap();
    let sites = ["Aton".to_owned(), "Beeham".to_owned()];
    Arc::new(World::new(&matrix, &sites, 20, &mut Random::new(1, "world")).unwrap())
}

const SETTINGS: RunSettings =
    RunSettings { seed: 1, hours: 3, connections_per_hour: 5_000.0, stray_share: 0.1 };

/// The means of an hour, in the order of the policies.
fn means(report: &Report, hour: usize) -> [f64; 4] {
    let mean = |name| {
        let policy = report.policies.iter().find(|policy| policy.name == name).unwrap();
        policy.mean_ms[hour - 1].unwrap()
    };
    Policy::ALL.map(|policy| mean(policy.as_str()))
}

#[test]
fn learned_beats_geography_where_it_is_wrong() {
    let report = run(&world(150.0, 40.0), &SETTINGS, |_, _| ()).unwrap();
    for hour in 1..=3 {
        let [round_robin, geolocation, learned, oracle] = means(&report, hour);
        assert!(oracle <= learned && learned < geolocation, "{report:?}");
        assert!(oracle < round_robin, "{report:?}");
    }
    let [_, geolocation, learned, oracle] = means(&report, 3);
    assert!(geolocation > 50.0 && (learned - oracle) < 1.0, "{report:?}");
    let learned = report.policies.iter().find(|policy| policy.name == "learned").unwrap();
    assert!(learned.captured[2].unwrap() > 0.97, "{learned:?}");
    assert!(learned.learned_share[2].unwrap() > 0.97, "{learned:?}");
    assert_eq!(report.warnings, BTreeMap::new());
}

#[test]
fn learned_equals_geography_where_it_is_right() {
    let report = run(&world(20.0, 100.0), &SETTINGS, |_, _| ()).unwrap();
    for hour in 1..=3 {
        let [round_robin, geolocation, learned, oracle] = means(&report, hour);
        assert!(learned == geolocation && learned == oracle, "{report:?}");
        assert!(round_robin > 1.5 * learned, "{report:?}");
    }
    assert!(report.policies.iter().all(|policy| policy.captured == [None; 3]), "{report:?}");
}

/// A small run as JSON and as a table.
fn printed(seed: u64) -> (String, String) {
    let sites: Vec<String> = cities::DEFAULT_SITES.iter().map(ToString::to_string).collect();
    let mut random = Random::new(seed, "world");
    let world = World::new(&cities::matrix(seed), &sites, 50, &mut random).unwrap();
    let settings = RunSettings { seed, hours: 1, ..SETTINGS };
    let report = run(&Arc::new(world), &settings, |_, _| ()).unwrap();
    (serde_json::to_string(&report).unwrap(), crate::report::table(&report))
}

#[test]
fn the_same_seed_prints_the_same() {
    let (json, table) = printed(7);
    assert_eq!(printed(7), (json.clone(), table.clone()));
    assert_ne!(printed(8).0, json);
    for name in Policy::ALL.map(Policy::as_str) {
        assert!(json.contains(&format!("\"name\":\"{name}\"")) && table.contains(name), "{table}");
    }
    let widths: Vec<usize> = table
        .lines()
        .skip_while(|line| !line.contains("mean ms"))
        .take_while(|line| !line.is_empty())
        .map(str::len)
        .collect();
    assert_eq!(widths.len(), 5);
    assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
}
