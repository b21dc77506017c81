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

/// Test cases that run on a zone without DNSSEC in the oldest release that Debian has; a run with fewer
/// has left something out.
const TEST_CASES_MIN: usize = 50;

#[test]
fn zonemaster_finds_no_fault() {
    if internet::lacks(&["zonemaster-cli", "nsd", "dig"]) {
        return;
    }
    let Some(internet) = Internet::up("zonemaster") else { return };
    let found = Findings::of(&internet, "gslb.example");
    assert!(found.test_cases.len() >= TEST_CASES_MIN, "too few: {:?}", found.test_cases);
    let faults = found.faults();
    assert!(faults.is_empty(), "\n{faults}");
    let notices: BTreeSet<&str> = NOTICES.iter().map(|(tag, _)| *tag).collect();
    assert_eq!(found.notices(), notices, "each has its reason in this file");

    // What is wrong is seen, so the silence above means something.
    let faults = Findings::of(&internet, "wrong.example").faults();
    assert!(faults.contains("ERROR DELEGATION EXTRA_NAME_PARENT"), "{faults}");
}
