//! The limits of a zone, and what is folded. The rules are in the dialogue `testdata/faults.txt`.

use super::*;
use crate::fuzz::values;
use crate::record::Record;

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

fn build(apex: &str, records: Vec<Record>) -> Result<Zone, Vec<Rule>> {
    let authority = Some(values());
    let source = Source { apex: name(apex), authority, records, steered: Vec::new() };
    let rules = |faults: Vec<ZoneFault>| faults.into_iter().map(|fault| fault.rule).collect();
    Zone::build(source).map(|(zone, _)| zone).map_err(rules)
}

fn record(owner: &str, record_type: u16, rdata: &[u8]) -> Record {
    Record::new(name(owner).as_name(), 60, RecordType(record_type), rdata.into())
}

#[test]
fn a_set_has_as_many_records_as_an_answer() {
    let addresses = |count: u16| {
        let address = |n: u16| record("a.z", 1, &[10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]]);
        (0..count).map(address).collect::<Vec<_>>()
    };
    let zone = build("z", addresses(4_000)).unwrap();
    assert_eq!(
        zone.record_sets()
            .find(|(_, set)| set.record_type == RecordType::A)
            .unwrap()
            .1
            .bytes()
            .len(),
        4_000
    );
    assert_eq!(build("z", addresses(4_005)).unwrap_err(), [Rule::TooManyRecords(RecordType::A)]);
    let long = |n: u8| record("a.z", 65_280, &[n; 32_000]);
    assert!(build("z", vec![long(1)]).is_ok());
    assert_eq!(
        build("z", vec![long(1), long(2)]).unwrap_err(),
        [Rule::SetTooLong(RecordType(65_280))]
    );
}

#[test]
fn records_that_say_the_same_are_one() {
    let zone =
        build("z", vec![record("a.z", 15, b"\0\x01\x01m\0"), record("A.Z", 15, b"\0\x01\x01M\0")]);
    let zone = zone.unwrap();
    let (owner, set) =
        zone.record_sets().find(|(_, set)| set.record_type == RecordType::MX).unwrap();
    assert_eq!((owner.to_string().as_str(), set.bytes().len()), ("a.z", 1));
}

#[test]
fn data_of_another_form_is_refused() {
    assert_eq!(
        build("z", vec![record("a.z", 1, b"\x01")]).unwrap_err(),
        [Rule::Data(RecordType::A)]
    );
    assert_eq!(
        build("z", vec![record("a.z", 16, b"")]).unwrap_err(),
        [Rule::Data(RecordType::TXT)]
    );
}

#[test]
fn more_than_a_hundred_faults_are_counted() {
    let records = (0..150).map(|n| record(&format!("n{n}.y"), 1, &[1; 4])).collect();
    let faults = build("z", records).unwrap_err();
    assert_eq!((faults.len(), faults.last()), (101, Some(&Rule::More(50))));
}

#[test]
fn names_between_are_names() {
    let zone = build("z", vec![record("a.b.c.z", 1, &[1; 4])]).unwrap();
    // The apex, ns1, c, b.c and a.b.c.
    assert_eq!(zone.names.iter().len(), 5);
}

#[test]
fn an_apex_may_be_so_long_that_nothing_fits_below() {
    let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".");
    assert_eq!(build(&long, Vec::new()).unwrap_err(), [Rule::NoNs]);
}

#[test]
fn names_are_stored_in_canonical_order() {
    let owners = ["z", "a.z", "yljkjljk.a.z", "Z.a.z", "zABC.a.z", "\\001.z", "*.z", "\\200.z"];
    let zone = build("z", owners.map(|owner| record(owner, 1, &[1; 4])).to_vec()).unwrap();
    let stored: Vec<String> =
        zone.names.iter().map(|(_, node)| node.owner.as_name().to_string()).collect();
    let expect =
        ["z", "\\001.z", "*.z", "a.z", "yljkjljk.a.z", "Z.a.z", "zABC.a.z", "ns1.z", "\\200.z"];
    assert_eq!(stored, expect);
}
