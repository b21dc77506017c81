//! Texts that are scenarios, and texts that are not.

use super::*;

#[test]
fn an_empty_text_is_the_default() {
    for text in ["", "# nothing\n", "---\n", "{}"] {
        assert_eq!(Scenario::read(text), Ok(Scenario::default()), "{text:?}");
    }
}

#[test]
fn every_key_is_read() {
    let text = "
networks: 100
connections_per_day: 5e4
ecs: 1
ttl: 30
mixed: 0.5
strays: 0.05
central_resolvers: 0.1
drift: 0.4
long: {share: 0.2, seconds: 300}
spikes: {share: 0.02, ms: 80}
detours: {share: 0.1, ms: 30}
agent_min_samples: 2
domain_min_samples: 3
report_interval: 10
robust_average: true
hold: {margin_ms: 5, margin_percent: 4, dwell: 60, moved_per_minute: 0.2}
exploration: {enabled: false, budget: 0.02, slot: 30}
path_changes:
  - {at_hour: 1.5, client: Oslo, site: Tokyo, add_ms: -20}
  - {at_hour: 2, add_ms: 1}
outages:
  - {site: Tokyo, from_hour: 8, to_hour: 9}
  - {site: Oslo, from_hour: 3}
lies:
  - {site: Tokyo, from_hour: 24, times: 0.5}
  - {site: Oslo, from_hour: 25, ms: 1}
";
    let name = |name: &str| name.to_owned();
    // What operators say has a test of its own.
    let expect = Scenario {
        networks: 100,
        connections_per_day: 5e4,
        ecs: 1.0,
        ttl_s: 30,
        mixed: 0.5,
        strays: 0.05,
        central_resolvers: 0.1,
        drift: 0.4,
        long: Long { share: 0.2, seconds: 300.0 },
        spikes: Spikes { share: 0.02, ms: 80.0 },
        detours: Detours { share: 0.1, ms: 30.0 },
        agent_min_samples: 2,
        domain_min_samples: 3,
        report_interval_s: 10,
        robust_average: true,
        hold: Hold { margin_ms: 5.0, margin_percent: 4.0, dwell_s: 60, moved_per_minute: 0.2 },
        exploration: Exploration { enabled: false, budget: 0.02, slot_s: 30 },
        path_changes: vec![
            PathChange {
                at_hour: 1.5,
                client: Some(name("Oslo")),
                site: Some(name("Tokyo")),
                add_ms: -20.0,
            },
            PathChange { at_hour: 2.0, client: None, site: None, add_ms: 1.0 },
        ],
        outages: vec![
            Outage { site: name("Tokyo"), from_hour: 8.0, to_hour: Some(9.0) },
            Outage { site: name("Oslo"), from_hour: 3.0, to_hour: None },
        ],
        lies: vec![
            Lie { site: name("Tokyo"), from_hour: 24.0, says: LieKind::Times(0.5) },
            Lie { site: name("Oslo"), from_hour: 25.0, says: LieKind::Ms(1.0) },
        ],
        operator: Operator::default(),
        watch: Vec::new(),
    };
    assert_eq!(Scenario::read(text), Ok(expect));
}

#[test]
fn every_word_of_an_operator_is_read() {
    let text = "
capacities: [{site: Tokyo, connections: 70}]
constraints:
  - {country_of: Oslo, sites: [Tokyo, Rome]}
  - {network: 20.1.0.0/16, sites: [Rome]}
pins: [{client: Oslo, site: Tokyo, from_hour: 1, to_hour: 2.5}, {client: Rome, site: Tokyo, from_hour: 1}]
drains: [{site: Tokyo, at_hour: 3, share: 0.25}, {site: Tokyo, at_hour: 4, share: 1, over_hours: 0.5}]
freezes: [{from_hour: 5, to_hour: 6}, {from_hour: 9}]
resolver_weights: true
databases: false
accept_held: true
shadow: true
watch: [{client: Oslo, sites: [Tokyo]}]
";
    let name = |name: &str| name.to_owned();
    let pin = |client, to_hour| PinnedCity {
        client: name(client),
        site: name("Tokyo"),
        from_hour: 1.0,
        to_hour,
    };
    let drain =
        |at_hour, share, over_hours| DrainStep { site: name("Tokyo"), at_hour, share, over_hours };
    let expect = Operator {
        capacities: vec![SiteCapacity { site: name("Tokyo"), connections: 70 }],
        constraints: vec![
            Rule { of: RuleOf::CountryOf(name("Oslo")), sites: vec![name("Tokyo"), name("Rome")] },
            Rule { of: RuleOf::Network("20.1.0.0/16".parse().unwrap()), sites: vec![name("Rome")] },
        ],
        pins: vec![pin("Oslo", Some(2.5)), pin("Rome", None)],
        drains: vec![drain(3.0, 0.25, 0.0), drain(4.0, 1.0, 0.5)],
        freezes: vec![
            Freeze { from_hour: 5.0, to_hour: Some(6.0) },
            Freeze { from_hour: 9.0, to_hour: None },
        ],
        resolver_weights: true,
        databases: false,
        accept_held: true,
        shadow: true,
    };
    let scenario = Scenario::read(text).unwrap();
    assert_eq!(scenario.operator, expect);
    assert_eq!(scenario.watch, [Watch { client: name("Oslo"), sites: vec![name("Tokyo")] }]);
}

fn check(text: &str, expect: &str) {
    let fault = Scenario::read(text).unwrap_err().to_string();
    assert!(fault.starts_with(expect), "{text:?}: {fault}");
}

#[test]
fn a_fault_is_told_with_its_line() {
    check("ecs: 0\nnetwork: 5\n", "line 2: there is no key \"network\" here; there are networks,");
    check("\nspikes:\n  share: 0\n  size: 1\n", "line 4: there is no key \"size\" here");
    check("ecs: 2", "line 1: ecs is a number from 0 to 1");
    check("ecs: NaN", "line 1: ecs is a number");
    check("networks: 0", "line 1: networks is a whole number from 1 to 100000");
    check("networks: 1.5", "line 1: networks is a whole number");
    check("ecs: 1\necs: 1", "line 2: \"ecs\" is here twice, first on line 1");
    check("outages: 3", "line 1: outages is a list");
    check("outages:\n  - from_hour: 3", "line 2: site is missing");
    check("outages:\n  - {site: A, from_hour: 3, to_hour: 3}", "line 2: to_hour must be after");
    check("lies:\n  - {site: A, from_hour: 3}", "line 2: a lie has either times or ms");
    check("exploration: {enabled: no}", "line 1: enabled is true or false");
    check(
        "constraints:\n  - {sites: [A]}",
        "line 2: a constraint has either country_of or network",
    );
    check(
        "constraints: [{network: ten, sites: [A]}]",
        "line 1: network is an address and a length",
    );
    check("constraints: [{country_of: A, sites: []}]", "line 1: sites is a list of names");
    check("constraints: [{country_of: A, sites: A}]", "line 1: sites is a list of names");
    check("capacities: [{site: A}]", "line 1: connections is missing");
    check(
        "pins: [{client: A, site: B, from_hour: 3, to_hour: 2}]",
        "line 1: to_hour must be after",
    );
    check("drains: [{site: B, at_hour: 3, share: 2}]", "line 1: share is a number from 0 to 1");
    check("freezes: [{to_hour: 3}]", "line 1: from_hour is missing");
    check("watch: [{client: A}]", "line 1: sites is a list of names");
    check("[1]", "line 1: expected keys and values");
    check("a: &x 1", "line 1: anchors, aliases and tags are not read here");
    check("a: [", "line ");
    check("---\n{}\n---\n{}\n", "line 3: a second document starts here");
    check(&"[".repeat(20), "line 1: nested deeper than 8");
}

#[test]
fn any_bytes_are_a_scenario_or_a_fault() {
    let mut random = crate::random::Random::new(1, "fuzz");
    let seed = b"ecs: 1\nlong: {share: 0.2}\nlies:\n  - {site: A, from_hour: 1, ms: 1}\n";
    for _ in 0..5_000 {
        let mut bytes = seed[..random.index(seed.len() + 1)].to_vec();
        for _ in 0..random.below(4) {
            let place = random.index(bytes.len());
            if let Some(byte) = bytes.get_mut(place) {
                *byte = random.next() as u8;
            }
        }
        crate::fuzz::scenario(&bytes);
    }
}

#[test]
fn the_guide_tells_the_defaults() {
    const GUIDE: &str = include_str!("../../../../docs/guide/simulator.md");
    let (_, block) = GUIDE.split_once("```yaml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    assert_eq!(Scenario::read(block), Ok(Scenario::default()));
    // All keys are there: a wrong one is answered with their names.
    let fault = Scenario::read("nonsense: 1").unwrap_err().to_string();
    let (_, keys) = fault.split_once("there are ").unwrap();
    for key in keys.split(", ") {
        assert!(block.lines().any(|line| line.starts_with(&format!("{key}:"))), "{key}");
    }
}
