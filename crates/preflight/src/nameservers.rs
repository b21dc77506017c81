//! The addresses behind the nameservers' names, and whether the glue is right.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use crate::book::{Book, Reply};
use crate::delegation::Delegation;
use crate::finding::{Check, Finding, list};
use crate::plan::Plan;
use crate::question::Question;
use crate::walk;
use crate::{Name, RecordType};

/// The types that hold addresses.
pub(crate) const ADDRESSES: [RecordType; 2] = [RecordType::A, RecordType::AAAA];

/// One address that resolvers will ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Its socket.
    pub(crate) socket: SocketAddr,
    /// The first name that leads there.
    pub(crate) name: Name,
}

/// Every address that the delegation leads to.
pub(crate) fn servers(
    (plan, book): (&Plan, &mut Book),
    delegation: &Delegation,
    findings: &mut Vec<Finding>,
) -> Option<Vec<Server>> {
    let mut of_name: BTreeMap<&Name, BTreeSet<IpAddr>> = BTreeMap::new();
    let mut is_missing = false;
    for name in &delegation.nameservers {
        let glue = delegation.glue.get(name).cloned().unwrap_or_default();
        if name.ends_with(&plan.zone) || !glue.is_empty() {
            of_name.insert(name, glue);
            continue;
        }
        // All are wanted at once.
        match walk::addresses_of((plan, &mut *book), name, 0) {
            Some(found) => drop(of_name.insert(name, found)),
            None => is_missing = true,
        }
    }
    if is_missing {
        return None;
    }
    let mut servers: Vec<Server> = Vec::new();
    for (name, addresses) in of_name {
        if addresses.is_empty() {
            findings.push(without_address(plan, delegation, name));
        }
        for socket in walk::sockets(addresses, plan.port) {
            if servers.iter().all(|server| server.socket != socket) {
                servers.push(Server { socket, name: name.clone() });
            }
        }
    }
    servers.truncate(walk::SERVERS_MAX);
    Some(servers)
}

fn without_address(plan: &Plan, delegation: &Delegation, name: &Name) -> Finding {
    let (zone, parent) = (&plan.zone, &delegation.parent);
    if name.ends_with(zone) {
        let found = format!("{name} lies in {zone}, and {parent} says no address of it");
        Finding::bad(Check::Glue, found, format!("have its addresses put into {parent}"))
    } else {
        let found = format!("{name} has no address");
        Finding::bad(Check::Glue, found, "give it one, or take it out of the delegation")
    }
}

/// Compares the glue with what the servers themselves say.
pub(crate) fn glue(
    (plan, book): (&Plan, &mut Book),
    delegation: &Delegation,
    servers: &[Server],
    findings: &mut Vec<Finding>,
) -> Option<()> {
    let before = findings.len();
    let inside: Vec<&Name> =
        delegation.nameservers.iter().filter(|name| name.ends_with(&plan.zone)).collect();
    let mut told = Vec::new();
    for name in inside {
        let Some(glue) = delegation.glue.get(name).filter(|glue| !glue.is_empty()) else {
            continue; // said already
        };
        let asked = servers.iter().flat_map(|server| {
            ADDRESSES.map(|kind| (server.socket, Question::new(server.socket, name, kind)))
        });
        let asked: Vec<(SocketAddr, Question)> = asked.collect();
        // All are wanted at once.
        told.push((name, glue, book.ask_all_in_full(asked.iter().map(|(_, q)| q.clone()))));
    }
    for (name, glue, replies) in told {
        compare((&delegation.parent, name), glue, &replies?, findings);
    }
    let is_clean = !findings.iter().any(|finding| finding.check == Check::Glue);
    if is_clean && findings.len() == before {
        let addresses: BTreeSet<IpAddr> = servers.iter().map(|s| s.socket.ip()).collect();
        let found = format!("{} as the nameservers themselves say", list(&addresses));
        findings.push(Finding::good(Check::Glue, found));
    }
    Some(())
}

/// What all servers together say has to be the glue: one may answer with its own address alone.
fn compare(
    (parent, name): (&Name, &Name),
    glue: &BTreeSet<IpAddr>,
    replies: &[Reply],
    findings: &mut Vec<Finding>,
) {
    let answers: Vec<_> =
        replies.iter().filter_map(Reply::message).filter(|said| said.is_authoritative).collect();
    let own: BTreeSet<IpAddr> = answers.iter().flat_map(|said| said.addresses(name)).collect();
    if answers.is_empty() {
        let found = format!("no nameserver tells the address of {name}");
        findings.push(Finding::unknown(Check::Glue, found, "see below why they do not answer"));
    } else if own != *glue {
        let found = format!("{parent} says {name} is {}; it says {}", list(glue), list(&own));
        let next = format!("have {parent} corrected, or the address records of {name}");
        findings.push(Finding::bad(Check::Glue, found, next));
    }
}
