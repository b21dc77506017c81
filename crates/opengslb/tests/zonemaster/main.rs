//! Zonemaster, which registries test delegations with, looks at a zone of ours and finds no fault.
//!
//! It runs in the lab against a root of its own ([`internet`]), so none of its tests needs the world
//! outside and none is switched off: the lab has a reverse tree, and a zone that tells the autonomous
//! system of an address.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../lab/harness.rs"]
#[expect(dead_code, reason = "the tests of the lab itself use the rest")]
mod harness;

mod internet;

mod findings;

use std::collections::BTreeSet;

use findings::Findings;
use harness::text;
use internet::Internet;

/// What Zonemaster notes of our zone without calling it a fault, and why that is as it should be.
const NOTICES: &[(&str, &str)] = &[
    ("NEITHER_DNSKEY_NOR_DS", "the zone is not signed, and its parent does not say it is"),
    ("NOT_SIGNED", "the same once more"),
    (
        "SOA_DEFAULT_TTL_MAXIMUM_VALUE_LOWER",
        "a name that is not there is remembered as long as a steered answer, so that a new name is \
         seen as soon as a new server; `soa.minimum` changes it",
    ),
];

/// The same of the signed zone.
const NOTICES_SIGNED: &[(&str, &str)] = &[NOTICES[2]];

/// Test cases that run on a zone without DNSSEC in the oldest release that Debian has; a run with fewer
/// has left something out.
const TEST_CASES_MIN: usize = 50;
/// The same with those that look at keys and signatures.
const TEST_CASES_SIGNED_MIN: usize = 55;

#[test]
fn zonemaster_finds_no_fault() {
    if internet::lacks(&["zonemaster-cli", "nsd", "dig"]) {
        return;
    }
    let Some(internet) = Internet::up("zonemaster") else { return };
    check(&internet, "gslb.example", TEST_CASES_MIN, NOTICES);
    internet.vouch();
    check(&internet, internet::SIGNED, TEST_CASES_SIGNED_MIN, NOTICES_SIGNED);
    let question = format!("{} preflight {} --root 11.1.0.53", internet::CLI, internet::SIGNED);
    let output = internet.exec("outside", &question);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert!(said.contains("✓ dnssec") && said.contains("✓ signatures"), "{said}");

    // What is wrong is seen, so the silence above means something.
    let faults = Findings::of(&internet, "wrong.example").faults();
    assert!(faults.contains("ERROR DELEGATION EXTRA_NAME_PARENT"), "{faults}");
    assert!(faults.contains("ERROR DNSSEC"), "{faults}");
}

/// All of it ran, nothing is wrong, and what is noted is known.
#[track_caller]
fn check(internet: &Internet, zone: &str, test_cases_min: usize, notices: &[(&str, &str)]) {
    let found = Findings::of(internet, zone);
    let faults = found.faults();
    assert!(faults.is_empty(), "{zone}\n{faults}");
    let notices: BTreeSet<&str> = notices.iter().map(|(tag, _)| *tag).collect();
    assert_eq!(found.notices(), notices, "{zone}: each has its reason in this file");
    assert!(found.test_cases.len() >= test_cases_min, "too few: {:?}", found.test_cases);
}
