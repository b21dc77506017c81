//! `dnssec`: which zones are signed, with what terms, and every fault where it stands.

use dnssec::{Algorithm, Layout};

use super::*;

/// The signed zones of a file, or its faults.
fn signed(dns: &str) -> Result<Vec<SignedZone>, Vec<String>> {
    let text =
        format!("mode: overwatch\n{}\n{dns}", LEAST_OVERWATCH.replace("mode: overwatch\n", ""));
    match load_as_is(&text) {
        Ok(Checked { config: Config { mode: Mode::Overwatch(overwatch), .. }, .. }) => {
            Ok(overwatch.dns.signed)
        }
        Ok(_) => panic!("an overwatch's file"),
        Err(faults) => Err(faults.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn zones_are_signed_where_it_is_said() {
    let apexes = |dns: &str| -> Vec<String> {
        signed(dns).unwrap().iter().map(|zone| zone.apex.to_string()).collect()
    };
    let zones = "zones: [a.test, {name: B.test, dnssec: {enabled: ENABLED}}]";
    let with = |all: &str, one: &str| {
        let zones = zones.replace("ENABLED", one);
        apexes(&format!("dns:\n  dnssec: {{enabled: {all}}}\n  {zones}\n"))
    };
    assert_eq!(with("false", "true"), ["b.test"]);
    assert_eq!(with("true", "false"), ["a.test"]);
    assert_eq!(with("true", "true"), ["a.test", "b.test"]);
    assert_eq!(apexes("dns: {zones: [a.test]}\n"), [""; 0]);
    // A domain that is a zone of its own.
    let own = "dns: {dnssec: {enabled: true}}\nregions: [{name: eu}]\ndomains: [{name: app.demo.local, \
               regions: [eu]}]\n";
    assert_eq!(apexes(own), ["app.demo.local"]);
}

#[test]
fn terms_come_from_the_zone_or_from_what_is_said_of_all() {
    let zones = signed(
        "dns:\n  dnssec: {enabled: true, algorithm: 15, zsk_lifetime: 90d, propagation: 1500ms}\n  \
         zones:\n    - {name: a.test, ttl: 300, records: [\"www 7200 A 192.0.2.1\"], dnssec: \
         {key_layout: ksk_zsk, zsk_lifetime: never, ksk_lifetime: 365d, make_keys: false}}\n    - \
         b.test\n",
    )
    .unwrap();
    let [a, b] = zones.as_slice() else { panic!("{zones:?}") };
    assert_eq!((a.terms.layout, b.terms.layout), (Layout::KskZsk, Layout::Csk));
    assert_eq!((a.terms.algorithm, b.terms.algorithm), (Algorithm::Ed25519, Algorithm::Ed25519));
    assert_eq!((a.terms.zsk_age_s, b.terms.zsk_age_s), (None, Some(90 * 86_400)));
    assert_eq!((a.terms.entry_point_age_s, b.terms.entry_point_age_s), (Some(365 * 86_400), None));
    assert_eq!((a.terms.zone_ttl_max_s, b.terms.zone_ttl_max_s), (7_200, 60));
    assert_eq!((a.terms.propagation_s, a.terms.dnskey_ttl_s, a.terms.ds_ttl_s), (2, 3_600, 86_400));
    assert_eq!((a.makes_keys, b.makes_keys), (false, true));
}

#[test]
fn what_cannot_be_signed_is_a_fault_where_it_stands() {
    let fault = |dns: &str, expect: &str| {
        let faults = signed(dns).unwrap_err();
        assert!(faults.len() == 1 && faults[0].contains(expect), "{expect}: {faults:?}");
    };
    let zone = |dnssec: &str| format!("dns: {{zones: [{{name: a.test, dnssec: {{{dnssec}}}}}]}}\n");
    fault(
        &zone("enabled: true, algorithm: rsasha256"),
        "expected one of `ecdsap256sha256`, `ed25519`",
    );
    fault(&zone("enabled: true, key_layout: two"), "expected one of `csk`, `ksk_zsk`");
    fault(&zone("enabled: true, zsk_lifetime: 30"), "expected `never`, or a duration");
    let soon = "dns.zones[].dnssec.ksk_lifetime: expected more than 2h, which a new key takes until it \
                can sign (`dnskey_ttl` and `propagation`), found 1h";
    fault(&zone("enabled: true, ksk_lifetime: 1h"), soon);
    fault(
        "dns:\n  dnssec: {enabled: true, zsk_lifetime: 2h}\n  zones: [a.test, b.test]\n",
        "dns.dnssec.zsk_lifetime: expected more than 2h",
    );
    fault(
        "dns: {zones: [{name: a.test, records: [\"@ CDS 0 0 0 00\"], dnssec: {enabled: true}}]}\n",
        "zone a.test: it has CDS records of its own",
    );
    assert_eq!(signed(&zone("enabled: false, ksk_lifetime: 1h")).unwrap(), []);
}

/// Zones of ours inside others of ours: `outer` says how `a.test` is signed, `records` what it has, and `inner`
/// how `in.a.test` is signed; then what is said, the faults or the warnings.
#[track_caller]
fn check_nested((outer, records, inner): (bool, &str, bool), expect: &[&str]) {
    let dns = format!(
        "dns:\n  zones:\n    - {{name: a.test, records: [{records}], dnssec: {{enabled: {outer}}}}}\n    - \
         {{name: in.a.test, dnssec: {{enabled: {inner}}}}}\n"
    );
    let text =
        format!("mode: overwatch\n{}\n{dns}", LEAST_OVERWATCH.replace("mode: overwatch\n", ""));
    let said = load_as_is(&text).map_or_else(|faults| faults, |checked| checked.warnings);
    let said: Vec<String> = said.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), expect.len(), "{said:?}");
    assert!(said.iter().zip(expect).all(|(line, words)| line.contains(words)), "{said:?}");
}

#[test]
fn a_zone_inside_a_signed_one_is_vouched_for_or_the_file_says_so() {
    let ds = "in NS ns1.in, in DS 1 13 2 \
              0000000000000000000000000000000000000000000000000000000000000001";
    let wants_ds = "has no DS record for it: resolvers take its answers as unsigned. To have them validated, \
                    put `in.a.test. NS ns1.in.a.test.` and what `opengslb-cli dnssec ds in.a.test` says among \
                    the records of a.test";
    check_nested((true, "", true), &[wants_ds]);
    check_nested((true, "in NS ns1.in", true), &[wants_ds]);
    check_nested((true, ds, true), &[]);
    check_nested((true, ds, false), &["not signed, but the zone a.test around it has DS records"]);
    for (outer, records, inner) in [
        (true, "", false),
        (false, "", true),
        (false, "", false),
        (false, ds, true),
        (false, ds, false),
    ] {
        check_nested((outer, records, inner), &[]);
    }
}
