//! Keys of the zone, and what the parent says of them (RFC 4035, 5).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use aws_lc_rs::digest;
use domain::base::ToName as _;

use crate::agreement::differences;
use crate::book::Book;
use crate::delegation::Delegation;
use crate::finding::{Check, Finding, list};
use crate::message::{Data, Ds, Key, Message};
use crate::nameservers::Server;
use crate::plan::Plan;
use crate::question::{Edns, Question};
use crate::signatures::{Signed, signatures};
use crate::walk::{NOERROR, NXDOMAIN};
use crate::{Name, RecordType};

/// Compares the keys of all servers with one another and with the parent's DS records; then looks at
/// the signatures.
pub(crate) fn signing(
    (plan, book): (&Plan, &mut Book),
    delegation: &Delegation,
    servers: &[Server],
    findings: &mut Vec<Finding>,
) -> Option<()> {
    let zone = &plan.zone;
    let edns = Some(Edns { dnssec_ok: true, ..Edns::PLAIN });
    // By TCP, where nothing is cut.
    let ask = |server, kind| Question::new(server, zone, kind).with(edns).by_tcp();
    let of_parent = book.ask_all_in_full(
        delegation.parent_servers.iter().map(|s| ask(*s, RecordType::DS)).collect::<Vec<_>>(),
    );
    let of_zone = book.ask_all_in_full(
        servers.iter().map(|server| ask(server.socket, RecordType::DNSKEY)).collect::<Vec<_>>(),
    );
    let (mut has_parent_answered, mut is_denied) = (false, false);
    let mut all_ds = BTreeSet::new();
    for said in of_parent?.iter().filter_map(|reply| reply.message()) {
        has_parent_answered |= said.rcode == NOERROR;
        is_denied |= denies(said, zone);
        all_ds.extend(said.answer.iter().filter_map(|record| match &record.data {
            Data::Ds(ds) => Some(ds.clone()),
            _ => None,
        }));
    }
    let mut keys: BTreeMap<BTreeSet<Key>, BTreeSet<IpAddr>> = BTreeMap::new();
    for (server, reply) in servers.iter().zip(of_zone?) {
        let Some(said) = reply.message() else { continue };
        let own = said.answer.iter().filter_map(|record| match &record.data {
            Data::Key(key) => Some(key.clone()),
            _ => None,
        });
        keys.entry(own.collect()).or_default().insert(server.socket.ip());
    }
    let parent = &delegation.parent;
    if is_denied {
        let found = format!(
            "{parent} is signed and proves that {zone} is not delegated: validating resolvers answer SERVFAIL"
        );
        let next = format!("have NS records for {zone} put into {parent} itself");
        findings.push(Finding::bad(Check::Dnssec, found, next));
        return Some(());
    }
    if !has_parent_answered {
        let found = format!("no server of {parent} says by TCP which keys it knows of");
        findings.push(Finding::unknown(Check::Dnssec, found, "look again later"));
        return Some(());
    }
    let (finding, signed) = judge((zone, parent), &all_ds, &keys);
    findings.push(finding);
    if let Some(signed) = signed {
        findings.push(signatures((plan, book), &signed, servers)?);
    }
    Some(())
}

/// Whether a server that was asked for DS records proves that no zone begins at the name: as one does that
/// has both zones and no NS records in the upper one (RFC 4035, 5.2). It does where it has no DS record and none
/// of its NSEC records says that the name is delegated: they say of the name that it is not, or that there is
/// nothing at it, or that a wildcard stands for it. NSEC3 records have hashes for names, and are not looked at; nor
/// is what comes with a referral, which is of another name.
fn denies(said: &Message, zone: &Name) -> bool {
    let has = |is: fn(&Data) -> bool| said.authority.iter().any(|record| is(&record.data));
    let delegates = Data::Denial { is_delegated: true };
    match said.rcode {
        NXDOMAIN => has(|data| matches!(data, Data::Signature(_))),
        NOERROR => {
            has(|data| matches!(data, Data::Denial { .. }))
                && !has(|data| matches!(data, Data::Nameserver(_)))
                && !said.answer.iter().any(|record| matches!(record.data, Data::Ds(_)))
                && !said.authority.iter().any(|r| r.owner == *zone && r.data == delegates)
        }
        _ => false,
    }
}

fn judge(
    (zone, parent): (&Name, &Name),
    all_ds: &BTreeSet<Ds>,
    keys: &BTreeMap<BTreeSet<Key>, BTreeSet<IpAddr>>,
) -> (Finding, Option<Signed>) {
    let check = Check::Dnssec;
    let tags = |keys: &BTreeSet<Key>| list(keys.iter().map(|key| key.tag));
    let mut each = keys.keys();
    let (Some(own), None) = (each.next(), each.next()) else {
        if keys.is_empty() {
            let next = "mend the checks above first";
            return (Finding::unknown(check, "no address tells its keys by TCP", next), None);
        }
        let found = format!("keys differ: {}", differences(keys, tags));
        return (Finding::bad(check, found, "give every server of the zone the same keys"), None);
    };
    let ds_tags = list(all_ds.iter().map(|ds| ds.tag));
    match (all_ds.is_empty(), own.is_empty()) {
        (true, true) => {
            (Finding::good(check, format!("unsigned, and {parent} expects no keys")), None)
        }
        (false, true) => {
            let found = format!(
                "{parent} has DS {ds_tags}, but {zone} is unsigned: validating resolvers answer \
                 SERVFAIL"
            );
            let next = format!("have the DS records of {zone} taken out of {parent}");
            (Finding::bad(check, found, next), None)
        }
        (true, false) => {
            let found =
                format!("signed with keys {}, which {parent} does not vouch for", tags(own));
            let next = format!("have a DS record of {zone} put into {parent}");
            let signed = Signed { keys: own.clone(), trusted: own.clone() };
            (Finding::note(check, found, next), Some(signed))
        }
        (false, false) => {
            let fits = |ds: &&Ds| own.iter().any(|key| is_of(ds, key, zone) == Some(true));
            let fitting: Vec<&Ds> = all_ds.iter().filter(fits).collect();
            if fitting.is_empty() {
                let found =
                    format!("{parent} has DS {ds_tags}; the keys are {}: none fits", tags(own));
                let next = format!("have the DS records of {zone} in {parent} replaced");
                return (Finding::bad(check, found, next), None);
            }
            let found = format!("DS {} of {parent} fits", list(fitting.iter().map(|ds| ds.tag)));
            let is_trusted =
                |key: &&Key| fitting.iter().any(|ds| is_of(ds, key, zone) == Some(true));
            let trusted = own.iter().filter(is_trusted).cloned().collect();
            (Finding::good(check, found), Some(Signed { keys: own.clone(), trusted }))
        }
    }
}

/// Whether a DS record is of a key (RFC 4034, 5.1.4); `None` for a digest that is not known here.
fn is_of(ds: &Ds, key: &Key, zone: &Name) -> Option<bool> {
    let algorithm = match ds.digest_type {
        1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        2 => &digest::SHA256,
        4 => &digest::SHA384,
        _ => return None,
    };
    let mut owner = zone.to_canonical_name::<Vec<u8>>().into_octets();
    owner.extend(&key.rdata);
    let is_same = digest::digest(algorithm, &owner).as_ref() == ds.digest;
    Some(is_same && ds.tag == key.tag && ds.algorithm == key.algorithm)
}
