//! What policies are worth in worlds where the right answer is known.

use super::*;
use crate::cities;
use crate::matrix::Matrix;
use crate::random::Random;

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
    let scenario = scenario("");
    Arc::new(World::new(&matrix, &sites, &scenario, &mut Random::new(1, "world")).unwrap())
}

/// A small one with strays, so that there is something to learn without exploring, and more.
fn scenario(more: &str) -> Scenario {
    let small = "networks: 20\nconnections_per_day: 120000\nstrays: 0.1\necs: 1\n";
    Scenario::read(&merged(small, more)).unwrap()
}

/// A key that is in both is as the second says.
fn merged(small: &str, more: &str) -> String {
    let key = |line: &str| line.split(':').next().map(ToOwned::to_owned);
    let own = small.lines().filter(|line| more.lines().all(|other| key(other) != key(line)));
    own.chain(more.lines()).collect::<Vec<_>>().join("\n")
}

fn settings(policies: &[Policy], more: &str) -> RunSettings {
    RunSettings { seed: 1, hours: 3, scenario: scenario(more), policies: policies.to_vec() }
}

fn ran(world: &Arc<World>, settings: &RunSettings) -> Report {
    run(world, settings, |_, _| ()).unwrap()
}

/// The means of an hour, in the order of the policies.
fn means(report: &Report, hour: usize) -> [f64; 5] {
    Policy::ALL.map(|policy| report.policy(policy).unwrap().mean_ms[hour - 1].unwrap())
}

#[test]
fn learned_beats_geography_where_it_is_wrong() {
    let report = ran(&world(150.0, 40.0), &settings(&Policy::ASKING, ""));
    for hour in 1..=3 {
        let [round_robin, geolocation, unexploring, learned, oracle] = means(&report, hour);
        assert!(oracle <= learned && learned < geolocation, "{report:?}");
        assert!(oracle <= unexploring && unexploring < geolocation, "{report:?}");
        assert!(oracle < round_robin, "{report:?}");
    }
    let [_, geolocation, _, learned, oracle] = means(&report, 3);
    assert!(geolocation > 50.0 && (learned - oracle) < 1.0, "{report:?}");
    let learned = report.policy(Policy::Learned).unwrap();
    assert!(learned.captured[2].unwrap() > 0.97, "{learned:?}");
    assert!(learned.learned_share[2] > 0.97, "{learned:?}");
    assert!(report.policies.iter().all(|policy| policy.warnings.is_empty()), "{report:?}");
}

#[test]
fn learned_equals_geography_where_it_is_right() {
    let world = world(20.0, 100.0);
    let report = ran(&world, &settings(&Policy::ASKING, "exploration: {enabled: false}"));
    for hour in 1..=3 {
        let [round_robin, geolocation, _, learned, oracle] = means(&report, hour);
        assert!(learned == geolocation && learned == oracle, "{report:?}");
        assert!(round_robin > 1.5 * learned, "{report:?}");
    }
    assert!(report.policies.iter().all(|policy| policy.captured == [None; 3]), "{report:?}");
    let learned = report.policy(Policy::Learned).unwrap();
    assert_eq!(learned.right_cost_ms, [Some(0.0); 3]);
    assert_eq!(learned.switches, [0.0; 3]);
}

/// A run over the model matrix, of a world with everything in it.
fn everything() -> Report {
    let more = "networks: 300\nconnections_per_day: 480000\necs: 0.5\nstrays: 0.02\n\
                central_resolvers: 0.3\ndetours: {share: 0.2, ms: 40}\n";
    let scenario = Scenario::read(more).unwrap();
    let sites = cities::DEFAULT_SITES.map(ToOwned::to_owned);
    let mut random = Random::new(3, "world");
    let world = World::new(&cities::matrix(3), &sites, &scenario, &mut random).unwrap();
    let policies = Policy::ASKING.to_vec();
    ran(&Arc::new(world), &RunSettings { seed: 3, hours: 2, scenario, policies })
}

#[test]
fn nobody_beats_the_ceiling_and_nothing_the_oracle() {
    let report = everything();
    let whole = |means: &[Option<f64>]| means.iter().flatten().sum::<f64>();
    let oracle = whole(&report.policy(Policy::Oracle).unwrap().mean_ms);
    let ceiling = whole(&report.ceiling.mean_ms);
    assert!(oracle < ceiling, "central resolvers hide networks: {report:?}");
    for policy in Policy::ASKING {
        let mean = whole(&report.policy(policy).unwrap().mean_ms);
        assert!(ceiling <= mean, "{}: {mean} under {ceiling}", policy.as_str());
    }
}

#[test]
fn with_ecs_and_no_hold_the_ceiling_is_the_oracle() {
    let more = "hold: {margin_ms: 0, margin_percent: 0}";
    let report = ran(&world(150.0, 40.0), &settings(&[], more));
    assert_eq!(report.ceiling.mean_ms, report.policy(Policy::Oracle).unwrap().mean_ms);
}

#[test]
fn one_answer_for_all_is_asked_for_as_often_as_one_answer_for_all() {
    let report = everything();
    let ratio = |policy| report.policy(policy).unwrap().dns_queries_ratio;
    assert_eq!(ratio(Policy::RoundRobin), 1.0);
    assert!(ratio(Policy::Geolocation) > 1.0, "{report:?}");
    assert_eq!(ratio(Policy::Oracle), 0.0);
}

#[test]
fn a_dead_site_is_left_within_a_ttl_and_comes_back() {
    let more = "outages: [{site: Aton, from_hour: 1, to_hour: 2}]";
    let world = world(20.0, 100.0);
    let report = ran(&world, &settings(&[Policy::Geolocation, Policy::Learned], more));
    for policy in [Policy::Geolocation, Policy::Learned] {
        let policy = report.policy(policy).unwrap();
        let aton: Vec<f64> = policy.site_share.iter().map(|shares| shares[0]).collect();
        assert!(aton[0] > 0.3 && aton[1] < 0.05 && aton[2] > 0.2, "{policy:?}");
        // Answers kept for up to a minute: a sixtieth of an hour.
        let failed = policy.failed[1] as f64 / policy.connections[1] as f64;
        assert!(failed < 0.02 && policy.failed[0] == 0, "{policy:?}");
        assert_eq!(policy.unanswered, [0; 3], "{policy:?}");
    }
    let oracle = report.policy(Policy::Oracle).unwrap();
    assert!(oracle.mean_ms[1] > oracle.mean_ms[0], "{oracle:?}");
}

#[test]
fn the_same_seed_prints_the_same() {
    let printed = |seed| {
        let settings = RunSettings { seed, hours: 1, ..settings(&Policy::ASKING, "ecs: 0.5") };
        let report = ran(&world(150.0, 40.0), &settings);
        let json = serde_json::to_string(&report).unwrap();
        (json, crate::report::table(&report), crate::report::plot(&report))
    };
    let (json, table, plot) = printed(7);
    assert_eq!(printed(7), (json.clone(), table.clone(), plot.clone()));
    assert_ne!(printed(8).0, json);
    for name in Policy::ALL.map(Policy::as_str) {
        assert!(json.contains(&format!("\"name\":\"{name}\"")) && table.contains(name), "{table}");
        assert_eq!(plot.matches(&format!("class=\"line {name}\"")).count() / 3, 1, "{plot}");
    }
    let widths: Vec<usize> = table
        .lines()
        .skip_while(|line| !line.contains("mean ms"))
        .take_while(|line| !line.is_empty())
        .map(str::len)
        .collect();
    assert_eq!(widths.len(), 7);
    assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
}
