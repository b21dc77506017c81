//! What domains answer with: what becomes of the keys, and the faults between them.

use routing::Names;

use super::*;

const REGIONS: &str = "regions: [{name: eu}, {name: us}]\n";

/// The overwatch of these domains, in the zone `a.test`.
fn with(domains: &str) -> OverwatchConfig {
    let text = format!("mode: overwatch{LEAST_OVERWATCH}{REGIONS}{domains}");
    overwatch(&text)
}

/// The faults of these lines, without their places.
fn check(lines: &str, expect: &[&str]) {
    let text = format!("{LEAST_OVERWATCH}{REGIONS}{lines}");
    let faults = load_as_is(&text).unwrap_err();
    let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(messages, expect, "{lines}");
}

/// How a question for `name` ends.
fn end(config: &OverwatchConfig, name: &str, qtype: &str) -> String {
    let name: dns::NameBuf = name.parse().unwrap();
    let mut chain = zone::Chain::default();
    match config.dns.zones.lookup(name.as_name(), qtype.parse().unwrap(), &mut chain).end {
        zone::End::Steered { index, steering, .. } => match steering.alias(0) {
            Some(alias) => {
                let target = alias.rdata().next().unwrap();
                format!("{index} {target:?} {}", alias.ttl_s)
            }
            None => format!("{index} {steering:?}"),
        },
        end => format!("{end:?}").chars().take_while(|c| c.is_alphabetic()).collect(),
    }
}

#[test]
fn answers_and_https_reach_the_zone() {
    let config = with(
        "domains: [{name: a.test, regions: [eu], answers: 3, https: {alpn: [h2]}}, {name: b.test, \
         regions: [us]}]\n",
    );
    let https = zone::HttpsTerms::new(&["h2"], None);
    let expect = zone::Steering::Addresses { answers: 3, https };
    assert_eq!(end(&config, "a.test", "HTTPS"), format!("0 {expect:?}"));
    assert_eq!(end(&config, "b.test", "HTTPS"), "NoData");
    assert_eq!(end(&config, "b.test", "A"), format!("1 {:?}", zone::Steering::ONE_ADDRESS));
}

#[test]
fn a_wildcard_has_the_service_and_the_zone_of_the_name_above() {
    let config = with(
        "domains: [{name: \"*.a.test\", regions: [eu]}, {name: a.test, regions: [eu, us]}, {name: \
         \"*.b.test\", service: a.test, regions: [us]}]\n",
    );
    let apexes: Vec<String> = config.dns.zones.iter().map(|zone| zone.apex().to_string()).collect();
    assert_eq!(apexes, ["a.test", "b.test"]);
    let names: Vec<[&str; 2]> =
        config.domains.iter().map(|d| [d.name.as_str(), d.service.as_str()]).collect();
    assert_eq!(names, [["*.a.test", "a.test"], ["a.test", "a.test"], ["*.b.test", "a.test"]]);
    assert!(end(&config, "x.a.test", "A").starts_with("0 "));
    assert!(end(&config, "a.test", "A").starts_with("1 "));
    assert!(end(&config, "x.b.test", "A").starts_with("2 "));
    assert_eq!(end(&config, "b.test", "A"), "NoData");
}

#[test]
fn a_server_of_a_shared_service_is_one_server() {
    let text = format!(
        "mode: overwatch{LEAST_OVERWATCH}regions: [{{name: eu, servers: [{{address: 192.0.2.1}}]}}]\n\
         domains: [{{name: a.test, regions: [eu]}}, {{name: \"*.a.test\", regions: [eu]}}]\n"
    );
    assert_eq!(overwatch(&text).servers.len(), 1);
}

#[test]
fn targets_follow_the_order_of_the_regions() {
    let config = with(
        "dns: {zones: [test]}\ndomains: [{name: a.test, ttl: 7, regions: [eu, us], targets: \
         [{region: us, name: us.example.}, {region: eu, name: eu.example}]}]\n",
    );
    assert_eq!(end(&config, "a.test", "MX"), "0 Cname(eu.example) 7");
}

#[test]
fn a_region_is_watched_where_something_could_vouch_for_it() {
    let unwatched = |lines: &str| {
        let text = format!(
            "mode: overwatch{LEAST_OVERWATCH}{lines}dns: {{zones: [test]}}\ndomains: [{{name: \
             a.test, regions: [eu, us], targets: [{{region: us, name: us.example}}, {{region: eu, \
             name: eu.example}}]}}, {{name: b.test, regions: [eu]}}]\n"
        );
        match &overwatch(&text).domains[0].names {
            Names::Regions { unwatched } => {
                unwatched.iter().map(ToString::to_string).collect::<Vec<String>>()
            }
            Names::Servers => panic!("it has targets"),
        }
    };
    let regions = |server: &str| {
        format!(
            "regions: [{{name: eu, servers: [{{address: 192.0.2.1{server}}}]}}, {{name: us}}]\n"
        )
    };
    assert_eq!(unwatched(REGIONS), ["eu", "us"]);
    assert_eq!(unwatched(&regions("")), ["us"]);
    assert_eq!(unwatched(&regions(", service: a.test")), ["us"]);
    assert_eq!(unwatched(&regions(", service: b.test")), ["eu", "us"]);
    let token = |service: &str, regions: &str| {
        let token = format!("{{service: {service}, token: 0123456789abcdef{regions}}}");
        format!("  agent_tokens: [{token}]\n{REGIONS}")
    };
    assert_eq!(unwatched(&token("a.test", ", regions: [us]")), ["eu"]);
    assert_eq!(unwatched(&token("a.test", "")), Vec::<String>::new());
    assert_eq!(unwatched(&token("b.test", "")), ["eu", "us"]);
}

#[test]
fn faults_between_the_keys() {
    let alias = |name: &str, more: &str, targets: &str| {
        format!(
            "dns: {{zones: [test]}}\ndomains: [{{name: {name}, regions: [eu, us], targets: \
             [{targets}]{more}}}]\n"
        )
    };
    let both = "{region: eu, name: eu.example}, {region: us, name: us.example}";
    let beside = |key: &str| {
        format!(
            "domains[].{key}: means nothing beside `targets`: an alias is all that a name has (RFC \
             1034, 3.6.2)"
        )
    };
    check(&alias("a.test", ", answers: 2", both), &[&beside("answers")]);
    check(&alias("a.test", ", https: {alpn: [h2]}", both), &[&beside("https")]);
    let apex = "is the apex of a zone, where no alias may stand (RFC 1034, 3.6.2):";
    check(
        &alias("test", "", both),
        &[&format!(
            "domains[].targets: test {apex} steer a name below it, or answer with addresses"
        )],
    );
    check(
        &alias("a.test", "", both).replace("dns: {zones: [test]}\n", ""),
        &[&format!("domains[].targets: a.test {apex} name the zone around it in `dns.zones`")],
    );
    check(
        &alias("a.test", "", "{region: eu, name: eu.example}"),
        &["domains[].targets: no target for us"],
    );
    check(
        &alias("a.test", "", &format!("{both}, {{region: ue, name: x.example}}")),
        &["domains[].targets[].region: \"ue\" is no region of the domain: expected one of eu, us"],
    );
    check(
        &alias("a.test", "", &format!("{both}, {{region: eu, name: x.example}}")),
        &["domains[].targets[]: eu is here twice, first on line 6"],
    );
    check(
        &alias("us.example", "", both).replace("[test]", "[example]"),
        &["domains[].targets[].name: a name cannot be an alias of itself"],
    );
    check(
        "domains: [{name: a.test, regions: [eu], https: {port: 8443}}]\n",
        &["domains[].https.port: means nothing without `alpn`: expected `alpn: [h2]` or the like \
           beside it"],
    );
    check(
        "domains: [{name: \"*.a.*.test\", regions: [eu], answers: 17}]\n",
        &[
            "domains[].name: expected a domain name, or `*.` and one, found \"a.*.test\": '*' \
             cannot stand in a name (a-z, 0-9, '.', '_' and '-' can)",
            "domains[].answers: expected a whole number from 1 to 16, found \"17\"",
        ],
    );
}
