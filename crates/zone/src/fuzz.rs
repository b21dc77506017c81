//! What must hold for any text whatever: nothing panics, what is read has its form, and a zone made
//! of it answers every question about its names.
//!
//! The entry for fuzzers; a seeded loop in the tests calls the same one.

use dns::{NameBuf, RecordType};

use crate::build::Source;
use crate::content::{SoaValues, Zone};
use crate::lookup::{Chain, End};
use crate::record::is_well_formed;
use crate::zone_file::parse;
use crate::zones::Zones;

/// Takes `data` for a zone file of `example`.
///
/// # Panics
///
/// Where a promise of the crate is broken.
pub fn fuzz(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(apex) = "example".parse::<NameBuf>() else { return };
    let records = match parse(text, apex.as_name(), 3600) {
        Ok(records) => records,
        Err(faults) => return assert!(!faults.is_empty()),
    };
    for record in &records {
        let dot = if record.owner().is_root() { "" } else { "." };
        let again = format!("{}{dot} {}", record.owner(), record.ttl_s);
        let again = format!("{again} TYPE{}", record.record_type.0);
        let hex: String = record.rdata.iter().map(|byte| format!("{byte:02x}")).collect();
        let again = format!("{again} \\# {} {hex}", record.rdata.len());
        let read = parse(&again, apex.as_name(), 3600);
        assert!(read.is_ok_and(|read| read == [record.clone()]), "{again}");
        assert!(is_well_formed(record.record_type, &record.rdata), "{again}");
    }
    let owners: Vec<NameBuf> = records.iter().map(|record| record.owner().to_buf()).collect();
    let has_soa = records.iter().any(|record| record.record_type == RecordType::SOA);
    let authority = (!has_soa).then(values);
    let source = Source { apex, authority, records, steered: Vec::new() };
    let zone = match Zone::build(source) {
        Ok((zone, _)) => zone,
        Err(faults) => return assert!(!faults.is_empty()),
    };
    let Ok(zones) = Zones::new(vec![zone]) else {
        unreachable!("one zone hides nothing");
    };
    for owner in &owners {
        check_lookups(&zones, owner);
    }
}

/// A name that has records exists for every type; so do all names above it in the zone.
fn check_lookups(zones: &Zones, owner: &NameBuf) {
    for name in owner.as_name().suffixes() {
        for qtype in [RecordType::A, RecordType::ANY, RecordType::DS, RecordType::CNAME] {
            let lookup = zones.lookup(name, qtype, &mut Chain::default());
            let is_inside = zones.zone_of(name).is_some();
            assert_eq!(is_inside, !matches!(lookup.end, End::Outside), "{name} {qtype}");
            let is_gone = !lookup.is_aliased && matches!(lookup.end, End::NoName { .. });
            assert!(!is_gone, "{name} {qtype}");
            let mut extras = 0;
            lookup.additional(zones, |_| extras += 1);
            assert!(extras < 1_000, "{name} {qtype}");
        }
    }
}

/// A zone's authority, in which each number is another.
pub(crate) fn values() -> SoaValues {
    SoaValues {
        nameservers: Vec::new(),
        mailbox: None,
        serial: 1,
        refresh_s: 2,
        retry_s: 3,
        expire_s: 4,
        minimum_s: 5,
        ttl_s: 6,
    }
}
