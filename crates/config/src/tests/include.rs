//! Files that files name: what becomes one configuration, and whose fault is what.

use super::*;

/// The files, by their names.
const FILES: &[(&str, &str)] = &[
    ("conf.d/domains.yaml", "domains:\n  - {name: a.test, regions: [here]}\n"),
    ("conf.d/regions.yaml", "regions:\n  - name: here\n    servers: [{address: 192.0.2.1}]\n"),
    ("conf.d/tokens.yaml", "overwatch: {agent_tokens: {a.test: 0123456789abcdef}}\n"),
    ("conf.d/tokens2.yaml", "overwatch: {agent_tokens: {b.test: 0123456789abcdef}}\n"),
    ("deep/1.yaml", "include: [deep/2.yaml]\nlogging: {level: debug}\n"),
    ("deep/2.yaml", "include: [deep/3.yaml]\n"),
    ("deep/3.yaml", "metrics:\n  enabled: true\n"),
    ("circle/a.yaml", "include: circle/b.yaml\n"),
    ("circle/b.yaml", "\n\ninclude: circle/a.yaml\n"),
    ("back.yaml", "include: [opengslb.yaml]\n"),
    ("opengslb.yaml", ""),
    ("level.yaml", "logging:\n  level: warn\n"),
    ("faulty.yaml", "domains:\n  - name: c.test\n    regions: [nowhere]\n    ttl: soon\n"),
    ("twice.yaml", "domains: [{name: a.test, regions: [here]}]\n"),
    ("old.yaml", "dns: {return_last_healthy: true}\n"),
    ("none.yaml", ""),
    ("syntax.yaml", "a: [\n"),
];

/// What a pattern names: one file, or those in a directory.
pub(super) fn find(_file: &str, pattern: &str) -> Result<Vec<Included>, String> {
    let directory = pattern.strip_suffix('*');
    let fits = |name: &str| match directory {
        Some(directory) => name.starts_with(directory),
        None => name == pattern,
    };
    let found: Vec<Included> = FILES
        .iter()
        .filter(|(name, _)| fits(name))
        .map(|(name, text)| Included { name: (*name).to_owned(), text: (*text).to_owned().into() })
        .collect();
    match (found.is_empty(), directory) {
        (true, None) => Err("No such file".to_owned()),
        _ => Ok(found),
    }
}

/// A file that includes these.
fn including(names: &str, rest: &str) -> Result<Checked, Vec<Fault>> {
    load_as_is(&format!("include: {names}\n{rest}{LEAST_OVERWATCH}"))
}

#[test]
fn what_files_hold_becomes_one_configuration() {
    let gossip = "  gossip: {encryption_key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}";
    let whole = format!(
        "overwatch:\n{gossip}\n  agent_tokens:\n    a.test: 0123456789abcdef\n    b.test: \
         0123456789abcdef\ndomains: [{{name: a.test, regions: [here]}}]\nregions: [{{name: here, \
         servers: [{{address: 192.0.2.1}}]}}]\n"
    );
    let whole = load_as_is(&whole).unwrap();
    // Each once, though two patterns name some.
    let parts = including("[\"conf.d/*\", conf.d/domains.yaml, none.yaml]", "").unwrap();
    assert_eq!(parts.config, whole.config);
    assert_eq!(parts.effective, whole.effective);
    // Who defines what is named by its own file.
    let files: Vec<_> = parts.entities.iter().filter_map(|entity| entity.file.clone()).collect();
    let expect =
        [("conf.d/regions.yaml", 2), ("conf.d/regions.yaml", 3), ("conf.d/domains.yaml", 2)];
    assert_eq!(files, expect.map(|(file, line)| (file.to_owned(), line)));
}

#[test]
fn files_include_files() {
    let config = including("deep/1.yaml", "").unwrap().config;
    assert_eq!(config.logging.level, LogLevel::Debug);
    assert!(config.metrics.address.is_some());
}

#[test]
fn every_fault_names_the_file_that_it_is_in() {
    let check = |names: &str, rest: &str, expect: &[&str]| {
        let faults = including(names, rest).unwrap_err();
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), expect.len(), "{lines:#?}");
        for (line, expect) in lines.iter().zip(expect) {
            assert!(line.contains(expect), "{line}\nhas no {expect}");
        }
    };
    check("faulty.yaml", "", &["faulty.yaml:3:15: ", "faulty.yaml:4:10: "]);
    check("missing.yaml", "", &["opengslb.yaml:1:10: include: \"missing.yaml\": No such file"]);
    check("syntax.yaml", "", &["syntax.yaml:2:1: no YAML"]);
    check("{a: b}", "", &["opengslb.yaml:1:10: include: expected"]);
    check(
        "[level.yaml]",
        "logging: {level: info}\n",
        &["level.yaml:2:3: \"logging.level\": opengslb.yaml:2 sets it already"],
    );
    check(
        "[\"conf.d/*\", twice.yaml]",
        "",
        &["twice.yaml:1:18: domains[]: a.test is here twice, first at conf.d/domains.yaml:2"],
    );
    check(
        "circle/a.yaml",
        "",
        &["circle/b.yaml:3:10: include: a circle: opengslb.yaml -> circle/a.yaml -> \
           circle/b.yaml -> circle/a.yaml"],
    );
    check(
        "back.yaml",
        "",
        &["back.yaml:1:11: include: a circle: opengslb.yaml -> back.yaml -> opengslb.yaml"],
    );
}

#[test]
fn old_names_are_moved_in_every_file() {
    let text = format!("includes: [old.yaml]\n{LEAST_OVERWATCH}");
    let warnings: Vec<String> =
        load_as_is(&text).unwrap().warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0].starts_with("old.yaml:1:7: dns.return_last_healthy is now"),
        "{warnings:?}"
    );
    assert!(warnings[1].starts_with("opengslb.yaml:1:1: includes is now `include"), "{warnings:?}");
}

#[test]
fn what_files_take_together_has_a_limit() {
    let many = |_: &str, _: &str| {
        let file = |n: usize| {
            let bytes = if n < 2 { 1 << 10 } else { 16 << 20 };
            Included { name: format!("{n}.yaml"), text: "#".repeat(bytes).into() }
        };
        Ok((0..3).map(file).collect())
    };
    let text = format!("include: x\n{LEAST_OVERWATCH}");
    let given = Given { includes: &many, ..given("opengslb.yaml", None) };
    let faults = load(&text, &given).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].message.contains("2.yaml: more than 1000 files"), "{faults:?}");
    // A circle that the names hide ends too.
    let deeper = |file: &str, _: &str| {
        Ok(vec![Included { name: format!("{file}+"), text: "include: x".to_owned().into() }])
    };
    let given = Given { includes: &deeper, ..given };
    let faults = load(&text, &given).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].message.contains("deeper than 10"), "{faults:?}");
}
