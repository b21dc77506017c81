//! Faulty files, and the faults they have: all of them, each at its place.

use super::*;

fn messages(text: &str) -> Vec<String> {
    load_as_is(text).unwrap_err().iter().map(ToString::to_string).collect()
}

/// One fault that the text adds to the least overwatch, at this line and column of the addition.
fn check(addition: &str, line: usize, column: usize, message: &str) {
    let text = format!("{LEAST_OVERWATCH}{addition}");
    // The least file has three lines, and an empty one before.
    let expect = format!("opengslb.yaml:{}:{column}: {message}", line + 3);
    assert_eq!(messages(&text), [expect], "{addition}");
}

#[test]
fn ten_faults_are_ten_lines() {
    let text = include_str!("../../testdata/ten-faults.yaml");
    let given = given("ten-faults.yaml", None);
    let faults = load(text, &given).unwrap_err();
    let shown: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
    assert_eq!(faults.len(), 10, "{shown}");
    assert_eq!(shown, include_str!("../../testdata/ten-faults.txt"));
}

#[test]
fn what_is_required_is_missed_in_its_own_mode_only() {
    let missing = messages("mode: agent");
    let paths: Vec<&str> =
        missing.iter().map(|m| m.split(": ").nth(1).unwrap().split(' ').next().unwrap()).collect();
    let expect = [
        "agent.backends",
        "agent.gossip.encryption_key",
        "agent.gossip.overwatch_nodes",
        "agent.identity.region",
        "agent.identity.service_token",
    ];
    assert_eq!(paths, expect);
    assert_eq!(messages("").len(), 1, "an overwatch needs its key");
    let other = format!("{LEAST_OVERWATCH}agent: {{heartbeat: {{interval: 1}}}}\n");
    assert_eq!(messages(&other).len(), 1, "a wrong value is wrong in any mode");
}

#[test]
fn an_unknown_mode_is_one_fault() {
    assert_eq!(
        messages("mode: overlook\nagent: {}\n"),
        ["opengslb.yaml:1:7: mode: expected one of `agent`, `overwatch`, found \"overlook\""]
    );
}

#[test]
fn a_region_has_both_coordinates_or_none() {
    check(
        "regions: [{name: eu-west, latitude: 52.4}]\n",
        1,
        37,
        "regions[].latitude: expected `longitude` beside it",
    );
    check(
        "regions: [{name: eu-west, longitude: 181, latitude: 0}]\n",
        1,
        38,
        "regions[].longitude: expected degrees from -180 to 180, as in `52.37`, found \"181\"",
    );
}

#[test]
fn names_that_nothing_bears() {
    let base = "regions: [{name: eu-west}]\ndomains: [{name: a.test, regions: [eu-west]";
    check(
        "regions: [{name: eu-west}]\ndomains: [{name: a.test, regions: [eu_west]}]\n",
        2,
        36,
        "domains[].regions[]: no region \"eu_west\" in `regions`: did you mean \"eu-west\"?",
    );
    check(
        &format!("{base}, constraints: [{{countries: [DE], regions: [us]}}]}}]\n"),
        2,
        88,
        "domains[].constraints[].regions[]: \"us\" is no region of the domain: expected one of eu-west",
    );
    check(
        &format!("{base}, constraints: [{{regions: [eu-west]}}]}}]\n"),
        2,
        60,
        "domains[].constraints[]: expected `networks` or `countries`: whom does it hold for?",
    );
    check(
        &format!("{base}}}]\ndns: {{zones: [b.test, test.a]}}\n"),
        2,
        18,
        "domains[].name: a.test lies in none of `dns.zones` (b.test, test.a): add its zone there, \
         as in test",
    );
    check(
        "regions: [{name: a, servers: [{address: 10.0.0.1, service: x.test}]}]\n",
        1,
        60,
        "regions[].servers[].service: no domain \"x.test\" in `domains`, which is empty",
    );
}

#[test]
fn what_stands_twice() {
    check("dns: {}\ndns: {}\n", 2, 1, "\"dns\" is here twice, first on line 4");
    check("regions:\n- name: a\n- name: A\n", 3, 9, "regions[]: a is here twice, first on line 5");
    let two = "[{address: 10.0.0.1}, {address: 10.0.0.1, service: a.test}]";
    check(
        &format!(
            "domains: [{{name: a.test, regions: [a]}}]\nregions: [{{name: a, servers: {two}}}]\n"
        ),
        2,
        62,
        "regions[].servers[]: 10.0.0.1 80 is here twice, first on line 5",
    );
    check(
        "dns: {zones: [a.test, A.test]}\n",
        1,
        23,
        "dns.zones[]: a.test is here twice, first on line 4",
    );
}

#[test]
fn what_is_longer_than_it_may_be() {
    check(
        "  validation: {check_timeout: 40s}\n",
        1,
        31,
        "overwatch.validation.check_timeout: expected at most \
         overwatch.validation.check_interval, which is 30s, found 40s",
    );
    check(
        "regions: [{name: a, servers: [{address: 10.0.0.1, health_check: {interval: 2s}}]}]\n",
        1,
        51,
        "regions[].servers[].health_check.timeout: expected at most \
         regions[].servers[].health_check.interval, which is 2s, found 5s",
    );
    // By default one agent may have a million rows.
    check(
        "  latency_table: {max_rows: 999999}\n",
        1,
        3,
        "overwatch.latency_table.max_rows_per_agent: expected at most \
         overwatch.latency_table.max_rows, which is 999999, found 1000000",
    );
}

#[test]
fn a_third_token_is_one_too_many() {
    let token = |n: u8| format!("    - {{service: a.test, token: 0123456789abcdef{n}}}\n");
    let text = format!("  agent_tokens:\n{}{}{}", token(1), token(2), token(3));
    check(
        &text,
        4,
        17,
        "overwatch.agent_tokens[]: expected at most 2 different tokens for a.test in any region, \
         found one more",
    );
}

#[test]
fn each_region_may_have_two_tokens() {
    /// Entries of `token region...`; and which entry, counted from one, is too much for which region.
    fn check(entries: &[&str], expect: Option<(usize, &str)>) {
        let entry = |entry: &&str| {
            let (token, regions) = entry.split_once(' ').unwrap_or((entry, ""));
            let regions = regions.replace(' ', ", ");
            format!("    - {{service: a, token: 0123456789abcdef-{token}, regions: [{regions}]}}\n")
        };
        let list: String = entries.iter().map(entry).collect();
        let regions = "regions: [{name: eu}, {name: ap}, {name: us}]\n";
        let text = format!("{LEAST_OVERWATCH}  agent_tokens:\n{list}{regions}");
        let said = load_as_is(&text).map_or_else(|faults| faults, |_| Vec::new());
        let said: Vec<String> = said.iter().map(ToString::to_string).collect();
        let expect = expect.map(|(number, region)| {
            format!(
                "opengslb.yaml:{}:17: overwatch.agent_tokens[]: expected at most 2 different \
                 tokens for a in {region}, found one more",
                number + 4
            )
        });
        assert_eq!(said, Vec::from_iter(expect), "{entries:?}");
    }
    check(&["one eu", "two ap", "three us", "four eu", "one eu us"], None);
    check(&["one eu", "two ap eu", "three us", "four eu"], Some((4, "eu")));
    // One for any region counts in each.
    check(&["one eu", "two ap", "three us", "any"], None);
    check(&["any", "one eu", "two ap us", "three us"], Some((4, "us")));
    check(&["one eu", "any", "more"], Some((3, "eu")));
    check(&["one eu", "two eu", "any", "three ap"], Some((3, "eu")));
}

#[test]
fn an_old_name_beside_the_new_one() {
    check(
        "  geolocation: {ecs_enabled: true}\ndns: {ecs: {enabled: true}}\n",
        1,
        17,
        "overwatch.geolocation.ecs_enabled is the old name of dns.ecs.enabled, which line 5 sets",
    );
    check(
        "dns: {return_last_healthy: maybe}\n",
        1,
        28,
        "dns.return_last_healthy: expected `true` or `false`, found \"maybe\"",
    );
}

#[test]
fn unknown_keys_are_told_where_they_belong() {
    check(
        "dns: {data_dir: /srv}\n",
        1,
        7,
        "unknown key \"data_dir\" in dns: did you mean `overwatch.data_dir`?",
    );
    check(
        "regions: [{nmae: a}]\n",
        1,
        12,
        "unknown key \"nmae\" in regions[]: did you mean `name`?",
    );
    check("dnss: {}\n", 1, 1, "unknown key \"dnss\" in the file: did you mean `dns`?");
}
