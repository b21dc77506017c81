//! What was made through the API, together with a file.

use serde_json::json;

use super::*;

const FILE: &str = "
overwatch:
  gossip: {encryption_key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}
regions:
  - name: eu-west
    servers: [{address: 192.0.2.1, service: app.test}, {address: 192.0.2.2, port: 81}]
domains:
  - {name: app.test, regions: [eu-west], ttl: 30}
";

fn name(kind: EntityKind, text: &str) -> EntityName {
    EntityName::from_text(kind, text).unwrap()
}

fn made(things: &[(EntityKind, &str, serde_json::Value)]) -> Made {
    let add = |made: Made, (kind, text, settings): &(EntityKind, &str, serde_json::Value)| {
        made.with(&name(*kind, text), settings.clone()).unwrap()
    };
    things.iter().fold(Made::none(), add)
}

fn load_made(made: &Made) -> Result<Checked, Vec<Fault>> {
    load_with(FILE, made, &given("opengslb.yaml", None))
}

/// Something that is refused: the pointer, and the words.
#[track_caller]
fn check(kind: EntityKind, text: &str, settings: serde_json::Value, expect: [&str; 2]) {
    let made = made(&[(kind, text, settings)]);
    let faults = load_made(&made).unwrap_err();
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    let name = format!("{kind} {text}, made through the API: ");
    let shown = fault.to_string();
    assert_eq!([pointer_to(fault, &made).as_str(), shown.strip_prefix(&name).unwrap()], expect);
}

#[test]
fn what_was_made_is_configured_like_what_stands_in_the_file() {
    let made = made(&[
        (EntityKind::Region, "us-east", json!({"continents": ["NA"]})),
        (EntityKind::Server, "www.test 192.0.2.9 443", json!({"region": "us-east", "weight": 7})),
        (EntityKind::Server, "app.test 192.0.2.3 80", json!({"region": "eu-west"})),
        (EntityKind::Domain, "www.test", json!({"regions": ["us-east", "eu-west"], "ttl": 5})),
        (EntityKind::Mapping, "10.1.0.0/16", json!({"region": "us-east", "comment": "é, \"x\""})),
    ]);
    assert_eq!(made.revision(), 5);
    let checked = load_made(&made).unwrap();
    assert_eq!(checked.warnings, []);
    let Mode::Overwatch(config) = checked.config.mode else { panic!("an overwatch's file") };
    let domains: Vec<(&str, u32)> =
        config.domains.iter().map(|d| (d.name.as_str(), d.ttl_s)).collect();
    assert_eq!(domains, [("app.test", 30), ("www.test", 5)]);
    let servers: Vec<String> = config.servers.iter().map(|s| s.backend.key.to_string()).collect();
    for expect in ["www.test at 192.0.2.9:443", "app.test at 192.0.2.3:80"] {
        assert!(servers.iter().any(|server| server == expect), "{expect}: {servers:?}");
    }
    assert_eq!(config.geography.custom_mappings.len(), 1);
    // Who defined what, in one list.
    let shown = checked.entities.iter().map(|e| {
        let file = e.file.as_ref().map_or_else(String::new, |(f, line)| format!(" {f}:{line}"));
        format!("{}{file} {}", e.name, e.settings)
    });
    let expect = [
        r#"region eu-west opengslb.yaml:5 {"name":"eu-west"}"#,
        r#"region us-east {"continents":["NA"],"name":"us-east"}"#,
        r#"server * 192.0.2.2 81 opengslb.yaml:6 {"address":"192.0.2.2","port":81,"region":"eu-west"}"#,
        r#"server app.test 192.0.2.1 80 opengslb.yaml:6 {"address":"192.0.2.1","region":"eu-west","service":"app.test"}"#,
        r#"server app.test 192.0.2.3 80 {"address":"192.0.2.3","port":80,"region":"eu-west","service":"app.test"}"#,
        r#"server www.test 192.0.2.9 443 {"address":"192.0.2.9","port":443,"region":"us-east","service":"www.test","weight":7}"#,
        r#"domain app.test opengslb.yaml:8 {"name":"app.test","regions":["eu-west"],"ttl":30}"#,
        r#"domain www.test {"name":"www.test","regions":["us-east","eu-west"],"ttl":5}"#,
        r#"mapping 10.1.0.0/16 {"cidr":"10.1.0.0/16","comment":"é, \"x\"","region":"us-east"}"#,
    ];
    assert_eq!(shown.collect::<Vec<_>>(), expect);
    // What is kept is what was made.
    let (again, faults) = Made::from_document(&made.to_document());
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(again, made);
    assert_eq!(made.without(&name(EntityKind::Region, "nowhere")), made);
    assert_eq!(made.without(&name(EntityKind::Region, "us-east")).revision(), 6);
}

#[test]
fn faults_are_the_configurations_own_and_point_to_the_field() {
    check(
        EntityKind::Domain,
        "www.test",
        json!({"regions": ["eu-west", "eu_west"]}),
        [
            "/regions/1",
            "domains[].regions[]: no region \"eu_west\" in `regions`: did you mean \"eu-west\"?",
        ],
    );
    check(
        EntityKind::Domain,
        "www.test",
        json!({"regions": ["eu-west"], "ttl": "soon"}),
        ["/ttl", "domains[].ttl: expected a whole number from 0 to 86400, found \"soon\""],
    );
    check(
        EntityKind::Domain,
        "www.test",
        json!({"regions": ["eu-west"], "tll": 5}),
        ["/tll", "unknown key \"tll\" in domains[]: did you mean `ttl`?"],
    );
    check(
        EntityKind::Domain,
        "www.test",
        json!({}),
        [
            "",
            "domains[].regions is missing: expected a list of 1 to 1000, each a name of letters, digits, `.`, `_` and `-`",
        ],
    );
    check(
        EntityKind::Server,
        "www.test 192.0.2.9 80",
        json!({"region": "eu-west"}),
        [
            "/service",
            "regions[].servers[].service: no domain \"www.test\" in `domains`: expected one of app.test",
        ],
    );
    check(
        EntityKind::Server,
        "app.test 192.0.2.9 80",
        json!({"region": "eu-est"}),
        ["/region", "region: no region \"eu-est\" in `regions`: did you mean \"eu-west\"?"],
    );
    check(
        EntityKind::Server,
        "app.test 192.0.2.9 80",
        json!({"region": "eu-west", "health_check": {"timeout": "9s", "interval": "5s"}}),
        [
            "/health_check/timeout",
            "regions[].servers[].health_check.timeout: expected at most regions[].servers[].health_check.interval, which is 5s, found 9s",
        ],
    );
    check(
        EntityKind::Server,
        "app.test 192.0.2.9 80",
        json!({}),
        ["", "region is missing: expected the name of one of `regions`"],
    );
}

#[test]
fn names_and_forms_are_looked_at_first() {
    let refused = |kind, text: &str, settings| {
        let fault = Made::none().with(&name(kind, text), settings).unwrap_err();
        (fault.pointer(), fault.to_string())
    };
    let (pointer, said) = refused(EntityKind::Domain, "www.test", json!({"name": "w3.test"}));
    assert_eq!(pointer, "/name");
    assert_eq!(said, "name is w3.test here, and www.test where the domain is named");
    assert!(
        Made::none()
            .with(&name(EntityKind::Domain, "www.test"), json!({"name": "WWW.test"}))
            .is_ok()
    );
    assert_eq!(refused(EntityKind::Domain, "www.test", json!([])).0, "");
    assert_eq!(refused(EntityKind::Region, "x", json!({"servers": []})).0, "/servers");
    let long = "x".repeat(crate::made::BODY_BYTES_MAX);
    assert_eq!(refused(EntityKind::Mapping, "10.0.0.0/8", json!({ "comment": long })).0, "");
    for (kind, text, expect) in [
        (EntityKind::Domain, "a b", "a domain goes by name"),
        (
            EntityKind::Server,
            "app.test 192.0.2.1 0",
            "port: expected a whole number from 1 to 65535, found \"0\"",
        ),
        (EntityKind::Mapping, "10.0.0.1/8", "cidr: expected a network"),
    ] {
        let why = EntityName::from_text(kind, text).unwrap_err();
        assert!(why.starts_with(expect), "{why}");
    }
    assert_eq!(name(EntityKind::Domain, "WWW.Test").to_string(), "domain www.test");
}

#[test]
fn where_both_have_it_the_file_counts_and_the_other_one_waits() {
    let made = made(&[
        (EntityKind::Domain, "app.test", json!({"regions": ["eu-west"], "ttl": 7})),
        (EntityKind::Server, "app.test 192.0.2.2 81", json!({"region": "eu-west"})),
    ]);
    let checked = load_made(&made).unwrap();
    let warnings: Vec<String> = checked.warnings.iter().map(ToString::to_string).collect();
    let waits = "has it too, and counts: this one waits until the file leaves it out";
    assert_eq!(
        warnings,
        [
            format!("server app.test 192.0.2.2 81, made through the API: opengslb.yaml:6 {waits}"),
            format!("domain app.test, made through the API: opengslb.yaml:8 {waits}"),
        ]
    );
    let waiting = checked.entities.iter().filter(|entity| entity.is_waiting);
    assert_eq!(waiting.count(), 2);
    let Mode::Overwatch(config) = checked.config.mode else { panic!("an overwatch's file") };
    assert_eq!(config.domains[0].ttl_s, 30);
}

#[test]
fn several_are_left_out_at_once() {
    let region = |text| (EntityKind::Region, text, json!({}));
    let three = made(&[region("a"), region("b"), region("c")]);
    let two = ["a", "c", "unknown"].map(|text| name(EntityKind::Region, text)).into();
    let left: Vec<_> = three.without_all(&two).entities().map(|(name, _)| name.text()).collect();
    assert_eq!(left, ["b"]);
}

/// What a kept document says and this program does not understand: each is named, nothing is lost,
/// and the rest counts.
#[test]
fn what_cannot_be_read_is_set_aside_and_written_again_as_it_stood() {
    let check = |document: &str, names: &[&str]| {
        let (made, faults) = Made::from_document(document);
        let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), names.len(), "{said:?}");
        for (said, name) in said.iter().zip(names) {
            assert!(said.contains(name), "{said} does not name {name}");
        }
        let (again, faults) = Made::from_document(&made.to_document());
        assert_eq!(again, made);
        assert!(!faults.is_empty());
        made
    };
    let good = r#""good.test": {"name": "good.test"}"#;
    let name: EntityName = EntityName::new(EntityKind::Domain, &["good.test"]).unwrap();
    for (document, names) in [
        (format!(r#"{{"domains": {{{good}, "a b": {{"ttl": 1}}}}}}"#), &["\"a b\""][..]),
        (format!(r#"{{"domains": {{{good}, "a.test": {{"name": "b.test"}}}}}}"#), &["a.test"]),
        (format!(r#"{{"domains": {{{good}, "a.test": [1]}}}}"#), &["a.test"]),
        (format!(r#"{{"domains": {{{good}}}, "zones": {{"x": {{}}}}}}"#), &["\"zones\""]),
        (format!(r#"{{"domains": {{{good}}}, "servers": 3, "revision": "x"}}"#), &["rev", "ser"]),
    ] {
        let made = check(&document, names);
        assert!(made.get(&name).is_some(), "{document}");
        let kept: serde_json::Value = serde_json::from_str(&made.to_document()).unwrap();
        let given: serde_json::Value = serde_json::from_str(&document).unwrap();
        for part in ["domains", "zones"] {
            assert_eq!(kept.get(part), given.get(part), "{document}");
        }
    }
    check("no JSON", &["JSON object"]);
    check("[1]", &["JSON object"]);
    let (made, _) = Made::from_document("no JSON");
    assert!(made.to_document().contains("no JSON") && made.is_empty());
}

#[test]
fn what_is_set_aside_can_be_made_anew_or_taken_back() {
    let (made, _) = Made::from_document(r#"{"domains": {"a.test": {"name": "b.test"}}}"#);
    let name = EntityName::new(EntityKind::Domain, &["a.test"]).unwrap();
    assert!(made.has(&name) && made.get(&name).is_none());
    let without = made.without(&name);
    assert!(!without.has(&name) && without.revision() == 1, "{without:?}");
    let anew = made.with(&name, serde_json::json!({"ttl": 5})).unwrap();
    assert!(Made::from_document(&anew.to_document()).1.is_empty());
}

#[test]
fn all_settings_together_have_a_limit() {
    let mut made = Made::none();
    let long = "x".repeat(60_000);
    let name = |n: usize| EntityName::new(EntityKind::Domain, &[&format!("d{n}.test")]).unwrap();
    let fits = (0..300).find(|n| match made.with(&name(*n), serde_json::json!({"x": long})) {
        Ok(next) => {
            made = next;
            false
        }
        Err(fault) => {
            assert_eq!(fault, MadeFault::TooMuch);
            true
        }
    });
    // 16 MiB of some 60,000 bytes each.
    assert_eq!(fits, Some(279));
    // What is taken back makes room.
    let less = made.without(&name(0));
    assert!(less.with(&name(999), serde_json::json!({"x": long})).is_ok());
}
