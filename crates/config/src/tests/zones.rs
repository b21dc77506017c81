//! `dns.zones`: files and records, and every fault in them where it stands.

use dns::{NameBuf, RecordType};
use zone::{Chain, End, Zones};

use super::*;

/// The zones of a file.
fn zones(dns: &str) -> Result<Zones, Vec<String>> {
    let text = LEAST_OVERWATCH.replace("mode: overwatch\n", "");
    let text = format!("mode: overwatch\n{text}\n{dns}");
    match load_as_is(&text) {
        Ok(Checked { config: Config { mode: Mode::Overwatch(overwatch), .. }, .. }) => {
            Ok(overwatch.dns.zones)
        }
        Ok(_) => panic!("an overwatch's file"),
        Err(faults) => Err(faults.iter().map(ToString::to_string).collect()),
    }
}

/// How a question ends, in a word.
fn ends(zones: &Zones, name: &str, qtype: RecordType) -> &'static str {
    let name: NameBuf = name.parse().unwrap();
    match zones.lookup(name.as_name(), qtype, &mut Chain::default()).end {
        End::Records { .. } => "records",
        End::Steered { .. } => "steered",
        End::OwnAddress { .. } => "own address",
        End::NoData { .. } => "no data",
        End::NoName { .. } => "no name",
        _ => "else",
    }
}

#[test]
fn records_come_from_the_file_and_from_the_configuration() {
    let zones = zones(
        "dns:\n  zones:\n    - name: demo.local\n      file: /etc/opengslb/demo.zone\n      \
         records: [mx1 A 192.0.2.9]\n    - other.test\n",
    )
    .unwrap();
    let apexes: Vec<String> = zones.iter().map(|zone| zone.apex().to_string()).collect();
    assert_eq!(apexes, ["demo.local", "other.test"]);
    for (name, qtype, expect) in [
        ("www.demo.local", RecordType::A, "records"),
        ("mail.demo.local", RecordType::MX, "records"),
        ("mx1.demo.local", RecordType::A, "records"),
        ("ns1.demo.local", RecordType::A, "own address"),
        ("other.test", RecordType::SOA, "records"),
        ("no.demo.local", RecordType::A, "no name"),
    ] {
        assert_eq!(ends(&zones, name, qtype), expect, "{name} {qtype}");
    }
}

#[test]
fn a_file_may_have_its_own_soa() {
    let zones =
        zones("dns: {zones: [{name: demo.local, file: own-soa.zone, soa: {serial: 5}}]}").unwrap();
    let name: NameBuf = "demo.local".parse().unwrap();
    let zone = zones.zone_of(name.as_name()).unwrap();
    assert_eq!((zone.soa().serial, zone.negative_ttl_s()), (7, 60));
}

#[test]
fn faults_are_told_where_they_stand() {
    let faults = zones(
        "dns:\n  zones:\n    - {name: demo.local, file: faulty.zone}\n    - {name: a.test, file: \
         nowhere.zone}\n    - {name: b.test, records: [one two three]}\n",
    )
    .unwrap_err();
    let has = |text: &str| faults.iter().any(|fault| fault.contains(text));
    for expect in ["faulty.zone:2:1: ", "faulty.zone:4:1: ", "nowhere.zone cannot be read: "] {
        assert!(has(expect), "{expect}: {faults:?}");
    }
    assert!(has("dns.zones[].records[]: "), "{faults:?}");
    assert_eq!(faults.len(), 4, "{faults:?}");
}

#[test]
fn a_zone_that_cannot_be_served_is_a_fault() {
    let faults = zones(
        "dns: {zones: [{name: demo.local, file: hidden.zone}]}\nregions: [{name: eu}]\ndomains: \
         [{name: app.demo.local, regions: [eu]}]\n",
    )
    .unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("zone demo.local: app.demo.local: is steered"), "{faults:?}");
}
