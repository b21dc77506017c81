//! Zone files and records to the zones that are served, with the domains in them.
//!
//! Every fault is told: in a zone file with its line there, in a record of the configuration where
//! that stands, in the zone as a whole where the zone is named. Tried on a faulty file too, on what
//! is left of it. Reading files is the caller's.

use std::collections::BTreeSet;

use dns::{NameBuf, RecordType};
use zone::{
    Record, Rule, SoaValues, Source, SteeredName, Steering, Warning, Zone, ZoneWarning, Zones,
    ZonesFault, zone_file,
};

use crate::fault::{Faults, Position};
use crate::section::Section;
use crate::steering;

/// Reads a zone file.
type Read<'r> = &'r dyn Fn(&str) -> Result<String, String>;

/// One zone before it is built, and where it is named.
struct Draft {
    at: Position,
    source: Source,
}

/// All zones. Without any, each domain is a zone of its own; a wildcard lies in that of the name
/// above it. `None` where something is wrong with
/// them, which is said.
pub(crate) fn zones(root: &Section, read: Read<'_>, faults: &mut Faults) -> Option<Zones> {
    let sections: Vec<&Section> = root.section("dns").sections("zones").collect();
    let domains: Vec<&Section> = root.sections("domains").collect();
    let names =
        domains.iter().map(|domain| domain.get("name")).collect::<Option<Vec<NameBuf>>>()?;
    // Each is looked at, whatever is wrong with another.
    let drafts: Vec<Option<Draft>> = if sections.is_empty() {
        let ttl_s = root.section("dns").get("default_ttl").unwrap_or_default();
        let mut seen = BTreeSet::new();
        let apexes = names.iter().zip(&domains).map(|(name, domain)| (apex_of(name), *domain));
        let new = apexes.filter(|(apex, _)| seen.insert(apex.as_name().key()));
        new.map(|(apex, domain)| Some(own_zone(&apex, domain.at("name"), ttl_s))).collect()
    } else {
        sections.into_iter().map(|section| draft(section, read, faults)).collect()
    };
    let mut drafts = drafts.into_iter().collect::<Option<Vec<Draft>>>()?;
    for (index, (name, domain)) in names.into_iter().zip(domains).enumerate() {
        let holding = drafts.iter_mut().filter(|draft| holds(&draft.source.apex, &name));
        // One that lies in no zone is a fault between keys.
        if let Some(draft) =
            holding.max_by_key(|draft| draft.source.apex.as_name().as_bytes().len())
        {
            // What a domain answers with may be a fault, which is said elsewhere.
            let steering = steering::steering(domain).unwrap_or(Steering::ONE_ADDRESS);
            draft.source.steered.push(SteeredName { name, index, steering });
        }
    }
    let apexes: BTreeSet<String> =
        drafts.iter().map(|draft| shown(&draft.source.apex.to_string())).collect();
    let built: Vec<Option<Zone>> =
        drafts.into_iter().map(|draft| build(draft, &apexes, faults)).collect();
    let built = built.into_iter().collect::<Option<Vec<Zone>>>()?;
    let told = |wrong: Vec<ZonesFault>| {
        // That a zone is here twice is a fault between keys.
        for fault in wrong.into_iter().filter(|fault| !matches!(fault, ZonesFault::Twice(_))) {
            faults.fault(root.section("dns").at("zones"), format!("dns.zones: {fault}"));
        }
    };
    Zones::new(built).map_err(told).ok()
}

fn holds(apex: &NameBuf, name: &NameBuf) -> bool {
    name.as_name().ends_with(apex.as_name())
}

/// The apex of a domain's own zone.
fn apex_of(name: &NameBuf) -> NameBuf {
    let is_wildcard = name.as_name().labels().next() == Some(b"*");
    let above = name.as_name().parent().filter(|_| is_wildcard);
    above.unwrap_or(name.as_name()).to_buf()
}

/// The zone of a domain where no zones are named.
fn own_zone(name: &NameBuf, at: Position, ttl_s: u32) -> Draft {
    let authority = Some(SoaValues {
        nameservers: Vec::new(),
        mailbox: None,
        serial: 1,
        refresh_s: 86_400,
        retry_s: 7_200,
        expire_s: 3_600_000,
        minimum_s: ttl_s,
        ttl_s,
    });
    let source = Source { apex: name.clone(), authority, records: Vec::new(), steered: Vec::new() };
    Draft { at, source }
}

/// A zone of the configuration.
fn draft(section: &Section, read: Read<'_>, faults: &mut Faults) -> Option<Draft> {
    let apex: NameBuf = section.get("name")?;
    let ttl_s = section.get("ttl")?;
    let mut records = match section.text("file") {
        Some(path) => from_file(path, section.at("file"), (&apex, ttl_s), (read, faults))?,
        None => Vec::new(),
    };
    for (text, at) in section.texts("records") {
        match zone_file::parse_record(text, apex.as_name(), ttl_s) {
            Ok(record) => records.push(record),
            Err(what) => faults.fault(at, format!("dns.zones[].records[]: {what}")),
        }
    }
    let has_soa = records.iter().any(|record| record.record_type == RecordType::SOA);
    let authority = if has_soa { None } else { Some(values(section, ttl_s)?) };
    let source = Source { apex, authority, records, steered: Vec::new() };
    Some(Draft { at: section.at("name"), source })
}

/// What SOA and NS records are made of.
fn values(section: &Section, ttl_s: u32) -> Option<SoaValues> {
    let soa = section.section("soa");
    let seconds = |key| u32::try_from(soa.ms(key)? / 1_000).ok();
    Some(SoaValues {
        nameservers: section.list("nameservers")?,
        mailbox: soa.get("mailbox"),
        serial: soa.get("serial")?,
        refresh_s: seconds("refresh")?,
        retry_s: seconds("retry")?,
        expire_s: seconds("expire")?,
        minimum_s: soa.get("minimum")?,
        ttl_s,
    })
}

/// The records of a zone file, which is named at `at`.
fn from_file(
    path: &str,
    at: Position,
    (apex, ttl_s): (&NameBuf, u32),
    (read, faults): (Read<'_>, &mut Faults),
) -> Option<Vec<Record>> {
    let text = match read(path) {
        Ok(text) => text,
        Err(why) => {
            faults.fault(at, format!("dns.zones[].file: {path} cannot be read: {why}"));
            return None;
        }
    };
    let told = |wrong: Vec<zone_file::TextFault>| {
        for zone_file::TextFault { line, what } in wrong {
            faults.fault_in(path, Position { source: 0, line, column: 1 }, what.to_string());
        }
    };
    zone_file::parse(&text, apex.as_name(), ttl_s).map_err(told).ok()
}

/// A name as warnings have it, in lower case.
fn shown(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Builds one of the zones with these apexes.
fn build(
    Draft { at, source }: Draft,
    apexes: &BTreeSet<String>,
    faults: &mut Faults,
) -> Option<Zone> {
    let name = source.apex.to_string();
    let name = name.trim_end_matches('.');
    match Zone::build(source) {
        Ok((zone, warnings)) => {
            // Nobody is sent on to a zone inside this one that is ours: its addresses are answered from there.
            let is_inner = |owner: &str| owner != shown(name) && apexes.contains(owner);
            let counts = |warning: &ZoneWarning| {
                !matches!(warning.what, Warning::NoGlue(_)) || !is_inner(&shown(&warning.owner))
            };
            for warning in warnings.into_iter().filter(counts) {
                faults.warn(at, format!("zone {name}: {warning}"));
            }
            Some(zone)
        }
        Err(wrong) => {
            // That a domain is here twice, or an alias at an apex, is a fault between keys.
            let said = [Rule::SteeredTwice, Rule::AliasAtApex];
            for fault in wrong.into_iter().filter(|fault| !said.contains(&fault.rule)) {
                faults.fault(at, format!("zone {name}: {fault}"));
            }
            None
        }
    }
}
