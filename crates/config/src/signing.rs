//! Which zones are signed and when their keys change; and the rules for that.
//!
//! The rules are tried on a faulty file too, on what is left of it. Must never draw or read a key:
//! keys are no part of the configuration.

use dns::{NameBuf, Rdata, RecordType};
use dnssec::{Layout, RolloverTerms, Signer};
use zone::{Chain, End, Zone, Zones};

use crate::fault::Faults;
use crate::kind::NEVER;
use crate::section::Section;
use crate::settings::SignedZone;
use crate::values::Milliseconds;

/// A key must be followed only once the one before it has settled.
pub(crate) fn check(root: &Section, faults: &mut Faults) {
    let dns = root.section("dns");
    let default = dns.section("dnssec");
    too_short(default, "dns.dnssec", faults);
    // What is said of all is at fault once, not in each zone.
    let words = |section: &Section| {
        ["enabled", "ksk_lifetime", "zsk_lifetime", "dnskey_ttl", "propagation"]
            .map(|key| section.text(key).map(str::to_owned))
    };
    let zones = dns.sections("zones").map(|zone| zone.section("dnssec"));
    for section in zones.filter(|section| words(section) != words(default)) {
        too_short(section, "dns.zones[].dnssec", faults);
    }
}

fn too_short(section: &Section, shown: &str, faults: &mut Faults) {
    let Some(settles_ms) = settles_ms(section).filter(|_| section.get("enabled") == Some(true))
    else {
        return;
    };
    for key in ["ksk_lifetime", "zsk_lifetime"] {
        let Some(lifetime_ms) = section.ms(key).filter(|ms| *ms <= settles_ms) else { continue };
        let message = format!(
            "{shown}.{key}: expected more than {}, which a new key takes until it can sign \
             (`dnskey_ttl` and `propagation`), found {}",
            Milliseconds(settles_ms),
            Milliseconds(lifetime_ms)
        );
        faults.fault(section.at(key), message);
    }
}

/// How long a new key takes until every cache has it, in milliseconds.
fn settles_ms(section: &Section) -> Option<u64> {
    Some(section.get::<u64>("dnskey_ttl")? * 1_000 + section.ms("propagation")?)
}

/// A signed zone has no records that are made of its keys: they would stand beside ours.
pub(crate) fn check_records(root: &Section, zones: &Zones, faults: &mut Faults) {
    for zone in zones.iter().filter(|zone| is_signed(root, zone)) {
        let is_own = |record_type: &RecordType| Signer::own_types().contains(record_type);
        let mut types = zone.record_sets().map(|(_, set)| set.record_type);
        if let Some(record_type) = types.find(is_own) {
            let message = format!(
                "zone {}: it has {record_type} records of its own, which are made of its keys where \
                 `dnssec` is enabled: leave them out",
                zone.apex()
            );
            faults.fault(terms_of(root, zone).at("enabled"), message);
        }
    }
}

/// A zone inside another one of ours, if that is signed: the two must fit each other (RFC 4035, 5.2).
pub(crate) fn check_nested(root: &Section, zones: &Zones, faults: &mut Faults) {
    for inner in zones.iter() {
        // The zone around it answers for its DS records.
        let end = zones.lookup(inner.apex(), RecordType::DS, &mut Chain::default()).end;
        let (End::Records { zone: outer, .. } | End::NoData { zone: outer, .. }) = end else {
            continue;
        };
        if outer.apex() == inner.apex() || !is_signed(root, outer) {
            continue;
        }
        let at = terms_of(root, inner).at("enabled");
        let (inner_name, outer_name) = (inner.apex().to_string(), outer.apex().to_string());
        let is_vouched_for = matches!(end, End::Records { .. });
        match (is_vouched_for, is_signed(root, inner)) {
            (true, false) => {
                let message = format!(
                    "zone {inner_name}: it is not signed, but the zone {outer_name} around it has DS records \
                     for it, so resolvers take its answers for forged ones: enable `dnssec` for it, or \
                     take the DS records out, wait for their TTL, and switch off then"
                );
                faults.fault(at, message);
            }
            (false, true) => {
                let server = inner.ns().rdata().find_map(|rdata| match rdata {
                    Rdata::Ns(name) => Some(name.to_string()),
                    _ => None,
                });
                let message = format!(
                    "zone {inner_name}: it is signed, and so is the zone {outer_name} around it, which has no \
                     DS record for it: resolvers take its answers as unsigned. To have them validated, \
                     put `{inner_name}. NS {}.` and what `opengslb-cli dnssec ds {inner_name}` says among \
                     the records of {outer_name}",
                    server.unwrap_or_default()
                );
                faults.warn(at, message);
            }
            (true, true) | (false, false) => {}
        }
    }
}

/// The zones that are signed, in the order of all zones.
pub(crate) fn signed(root: &Section, zones: &Zones) -> Option<Vec<SignedZone>> {
    zones.iter().filter(|zone| is_signed(root, zone)).map(|zone| one(root, zone)).collect()
}

fn one(root: &Section, zone: &Zone) -> Option<SignedZone> {
    let section = terms_of(root, zone);
    let terms = RolloverTerms {
        layout: match section.text("key_layout")? {
            "csk" => Layout::Csk,
            "ksk_zsk" => Layout::KskZsk,
            _ => return None,
        },
        algorithm: section.get("algorithm")?,
        dnskey_ttl_s: section.get("dnskey_ttl")?,
        zone_ttl_max_s: ttl_max_s(root, zone),
        ds_ttl_s: section.get("ds_ttl")?,
        propagation_s: seconds(section.ms("propagation")?)?,
        entry_point_age_s: lifetime(section, "ksk_lifetime")?,
        zsk_age_s: lifetime(section, "zsk_lifetime")?,
    };
    let makes_keys = section.get("make_keys")?;
    Some(SignedZone { apex: zone.apex().to_buf(), terms, makes_keys })
}

/// `Some(None)` for a key that is followed by command only.
fn lifetime(section: &Section, key: &str) -> Option<Option<u32>> {
    if section.text(key)? == NEVER {
        return Some(None);
    }
    seconds(section.ms(key)?).map(Some)
}

/// Whole seconds, rounded up: a wait must not be shorter than it was said.
fn seconds(ms: u64) -> Option<u32> {
    u32::try_from(ms.div_ceil(1_000)).ok()
}

fn is_signed(root: &Section, zone: &Zone) -> bool {
    terms_of(root, zone).get("enabled") == Some(true)
}

/// What is said of a zone; of one that `dns.zones` does not name, what is said of all.
fn terms_of<'s>(root: &'s Section, zone: &Zone) -> &'s Section {
    let dns = root.section("dns");
    let is_it = |section: &&Section| {
        let name: Option<NameBuf> = section.get("name");
        name.is_some_and(|name| name.as_name().key() == zone.apex().key())
    };
    dns.sections("zones").find(is_it).unwrap_or(dns).section("dnssec")
}

/// The longest time for which caches keep anything of a zone, in seconds.
fn ttl_max_s(root: &Section, zone: &Zone) -> u32 {
    let sets = zone.record_sets().map(|(_, set)| set.ttl_s);
    let is_in = |domain: &&Section| {
        let name: Option<NameBuf> = domain.get("name");
        name.is_some_and(|name| name.as_name().ends_with(zone.apex()))
    };
    let steered = root.sections("domains").filter(is_in).filter_map(|domain| domain.get("ttl"));
    let own = [zone.negative_ttl_s(), zone.own_address_ttl_s()];
    sets.chain(steered).chain(own).max().unwrap_or(0)
}
