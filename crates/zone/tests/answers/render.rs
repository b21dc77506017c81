//! What the writer of answers makes of a look-up, as text.

use dns::{Name, Rdata, RecordType, Soa};
use domain::base::ParsedName;
use domain::base::rdata::ParseRecordData;
use domain::dep::octseq::Parser;
use domain::rdata::ZoneRecordData;
use zone::{Addresses, Chain, End, RecordSet, Zones};

/// Data in the form of zone files.
fn data(rdata: &Rdata<'_>, bytes: &[u8]) -> String {
    let rtype = domain::base::Rtype::from_int(rdata.record_type().0);
    let mut parser = Parser::from_ref(bytes);
    let parsed = ZoneRecordData::<_, ParsedName<_>>::parse_rdata(rtype, &mut parser).unwrap();
    let text = parsed.unwrap().to_string();
    // The typed form says the same as the bytes.
    if let Rdata::A(address) = rdata {
        assert_eq!(text, address.to_string());
    }
    text
}

fn set(section: &str, owner: Name<'_>, ttl_s: u32, set: &RecordSet, lines: &mut Vec<String>) {
    for (rdata, bytes) in set.rdata().zip(set.bytes()) {
        let record_type = set.record_type;
        lines.push(format!("{section} {owner} {ttl_s} {record_type} {}", data(&rdata, bytes)));
    }
}

/// The answer to a question: its head, then its records.
pub(crate) fn render(zones: &Zones, name: Name<'_>, qtype: RecordType) -> Vec<String> {
    let mut chain = Chain::default();
    let mut lookup = zones.lookup(name, qtype, &mut chain);
    // Whoever steers chooses the first place.
    if let End::Steered { steering, .. } = lookup.end
        && let Some(alias) = steering.alias(0)
    {
        lookup = zones.follow(lookup, alias, qtype, &mut chain);
    }
    let aa = if lookup.is_authoritative() { " aa" } else { "" };
    let mut lines = vec![format!("{}{aa}", lookup.rcode())];
    for link in chain.iter() {
        set("answer", link.owner, link.set.ttl_s, link.set, &mut lines);
    }
    match lookup.end {
        End::Outside | End::Elsewhere => {}
        End::Records { owner, set: records, .. } => {
            set("answer", owner, records.ttl_s, records, &mut lines);
        }
        End::Steered { owner, index, .. } => lines.push(format!("answer {owner} steered {index}")),
        End::OwnAddress { zone, owner } => {
            lines.push(format!("answer {owner} {} own address", zone.own_address_ttl_s()));
        }
        End::Referral { cut, ns, ds, .. } => {
            set("authority", cut, ns.ttl_s, ns, &mut lines);
            if let Some(ds) = ds {
                set("signed", cut, ds.ttl_s, ds, &mut lines);
            }
        }
        End::NoData { zone, .. } | End::NoName { zone, .. } => {
            let (apex, ttl_s) = (zone.apex(), zone.negative_ttl_s());
            lines.push(format!("authority {apex} {ttl_s} SOA {}", soa(&zone.soa())));
        }
    }
    lookup.additional(zones, |extra| {
        let section = if extra.is_required { "glue" } else { "additional" };
        let owner = extra.owner;
        match extra.addresses {
            Addresses::Records(records) => {
                set(section, owner, records.ttl_s, records, &mut lines);
            }
            Addresses::Own(_) => lines.push(format!("{section} {owner} own address")),
            Addresses::Steered(index) => lines.push(format!("{section} {owner} steered {index}")),
        }
    });
    lines
}

/// The SOA's data as text.
fn soa(soa: &Soa<'_>) -> String {
    let numbers = [soa.serial, soa.refresh_s, soa.retry_s, soa.expire_s, soa.minimum_s];
    format!("{}. {}. {}", soa.primary, soa.mailbox, numbers.map(|n| n.to_string()).join(" "))
}
