//! Whether all servers serve the same zone: its serial, and who its nameservers are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::net::IpAddr;

use crate::book::Book;
use crate::delegation::Delegation;
use crate::finding::{Check, Finding, list};
use crate::message::nameservers;
use crate::nameservers::Server;
use crate::plan::Plan;
use crate::question::Question;
use crate::{Name, RecordType};

/// Serials, and the nameservers that the zone names itself.
pub(crate) fn agreement(
    (plan, book): (&Plan, &mut Book),
    delegation: &Delegation,
    servers: &[Server],
    findings: &mut Vec<Finding>,
) -> Option<()> {
    let zone = &plan.zone;
    let kinds = [RecordType::SOA, RecordType::NS];
    let questions = servers
        .iter()
        .flat_map(|server| kinds.map(|kind| Question::new(server.socket, zone, kind)));
    let replies = book.ask_all_in_full(questions.collect::<Vec<_>>())?;
    let mut serials: BTreeMap<u32, BTreeSet<IpAddr>> = BTreeMap::new();
    let mut names: BTreeMap<BTreeSet<Name>, BTreeSet<IpAddr>> = BTreeMap::new();
    for (server, pair) in servers.iter().zip(replies.chunks(kinds.len())) {
        let ip = server.socket.ip();
        let [soa, ns] = pair else { continue };
        if let Some(serial) = soa.message().and_then(|said| said.serial(zone)) {
            serials.entry(serial).or_default().insert(ip);
        }
        if let Some(said) = ns.message() {
            names.entry(nameservers(&said.answer, zone)).or_default().insert(ip);
        }
    }
    findings.push(serial(&serials));
    nameserver_sets(&delegation.parent, &delegation.nameservers, &names, findings);
    Some(())
}

fn serial(serials: &BTreeMap<u32, BTreeSet<IpAddr>>) -> Finding {
    let mut each = serials.iter();
    match (each.next(), each.next()) {
        (None, _) => Finding::unknown(Check::Serial, "no address says one", NOBODY),
        (Some((serial, _)), None) => Finding::good(Check::Serial, format!("{serial} everywhere")),
        _ => {
            let next = "bring the same zone file and dns.zones[].soa to every overwatch; with a \
                        transfer, wait and look again";
            Finding::bad(Check::Serial, differences(serials, |serial| serial.to_string()), next)
        }
    }
}

/// What to do where nobody answered.
const NOBODY: &str = "mend the checks above first";

fn nameserver_sets(
    parent: &Name,
    delegated: &BTreeSet<Name>,
    names: &BTreeMap<BTreeSet<Name>, BTreeSet<IpAddr>>,
    findings: &mut Vec<Finding>,
) {
    let mut each = names.keys();
    match (each.next(), each.next()) {
        (None, _) => {
            findings.push(Finding::unknown(Check::Nameservers, "no address names any", NOBODY));
        }
        (Some(own), None) if own == delegated => {
            let found = format!("{} in the zone as in {parent}", list(own));
            findings.push(Finding::good(Check::Nameservers, found));
        }
        (Some(own), None) => {
            let (lacking, more): (Vec<_>, Vec<_>) =
                (own.difference(delegated).collect(), delegated.difference(own).collect());
            let found = format!(
                "the zone names {}, {parent} names {}: only in the zone: {}; only in {parent}: {}",
                list(own),
                list(delegated),
                list(lacking),
                list(more)
            );
            let next = format!(
                "set nameservers of the zone (dns.zones[].nameservers, or NS in its file) to what \
                 {parent} has, or have {parent} changed"
            );
            findings.push(Finding::bad(Check::Nameservers, found, next));
        }
        _ => {
            let next = "bring the same zone to every overwatch";
            let found = differences(names, |names| list(names));
            findings.push(Finding::bad(Check::Nameservers, found, next));
        }
    }
}

/// Who says what, where not all say the same.
pub(crate) fn differences<K, W: Display>(
    by_word: &BTreeMap<K, BTreeSet<W>>,
    show: impl Fn(&K) -> String,
) -> String {
    let each = by_word.iter().map(|(word, who)| format!("{}: {}", list(who), show(word)));
    each.collect::<Vec<_>>().join("; ")
}
