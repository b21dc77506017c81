//! What the parent says: who serves the zone, and where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use domain::base::ToName as _;

use crate::book::{Book, Reply};
use crate::finding::{Check, Finding, list};
use crate::message::{Message, addresses, nameservers};
use crate::plan::{Plan, Start};
use crate::question::Question;
use crate::walk::{self, End, NOERROR, NXDOMAIN, Walked};
use crate::{Name, RecordType};

/// The zone as its parent sees it.
#[derive(Debug)]
pub(crate) struct Delegation {
    /// The zone above.
    pub(crate) parent: Name,
    /// Its servers.
    pub(crate) parent_servers: Vec<SocketAddr>,
    /// The zone's nameservers, as any of them says.
    pub(crate) nameservers: BTreeSet<Name>,
    /// The addresses that go with them.
    pub(crate) glue: BTreeMap<Name, BTreeSet<IpAddr>>,
}

/// What one of the parent's servers says of the zone.
enum Word {
    /// These serve it.
    Delegated(BTreeSet<Name>, BTreeMap<Name, BTreeSet<IpAddr>>),
    /// Nobody does.
    NotDelegated,
    /// Nothing that helps.
    Nothing(String),
}

/// Finds the parent and asks each of its servers. `Some(None)`: the zone is not delegated, or nobody
/// can tell; the findings say so.
pub(crate) fn delegation(
    plan: &Plan,
    book: &mut Book,
    findings: &mut Vec<Finding>,
) -> Option<Option<Delegation>> {
    let zone = &plan.zone;
    let Walked { zone: parent, servers, end } = match &plan.start {
        Start::Roots(roots) => {
            walk::from_root((plan, &mut *book), roots, (zone, RecordType::NS), 0)?
        }
        Start::Resolver(resolver) => by_resolver((plan, &mut *book), *resolver)?,
    };
    if let End::Stuck(why) = end {
        let found = format!("the servers of {parent} cannot be asked: {why}");
        let next = "look from a machine that reaches them, or name another start with --root or \
                    --resolver";
        findings.push(Finding::bad(Check::Parent, found, next));
        return Some(None);
    }
    let at = list(servers.iter().map(SocketAddr::ip));
    findings.push(Finding::good(Check::Parent, format!("{parent}, served by {at}")));
    let questions: Vec<Question> =
        servers.iter().map(|server| Question::new(*server, zone, RecordType::NS)).collect();
    let replies = book.ask_all_in_full(questions)?;
    let words: Vec<(IpAddr, Word)> =
        servers.iter().map(SocketAddr::ip).zip(replies.iter().map(|r| word(r, zone))).collect();
    Some(judge(plan, (parent, servers), &words, findings))
}

/// The zone above by a resolver: the longest name above that has nameservers.
fn by_resolver((plan, book): (&Plan, &mut Book), resolver: SocketAddr) -> Option<Walked> {
    let mut above = plan.zone.clone();
    while let Some(parent) = above.parent().map(|parent| parent.to_name()) {
        above = parent;
        let said = match book.ask_in_full(walk::by_resolver(resolver, &above, RecordType::NS))? {
            Reply::Message(said) if matches!(said.rcode, NOERROR | NXDOMAIN) => said,
            Reply::Message(said) => return Some(stuck(above, resolver, walk::rcode(said.rcode))),
            Reply::Failed(failure) => return Some(stuck(above, resolver, failure.to_string())),
        };
        let names = nameservers(&said.answer, &above);
        if names.is_empty() {
            continue;
        }
        let mut found = BTreeSet::new();
        let each: Vec<Option<BTreeSet<IpAddr>>> =
            names.iter().map(|name| walk::addresses_of((plan, &mut *book), name, 0)).collect();
        for addresses in each {
            found.extend(addresses?);
        }
        let servers = walk::sockets(found, plan.port);
        let end = if servers.is_empty() {
            End::Stuck("its nameservers have no address".to_owned())
        } else {
            End::Delegated
        };
        return Some(Walked { zone: above, servers, end });
    }
    Some(stuck(above, resolver, "it knows no zone above".to_owned()))
}

fn stuck(zone: Name, resolver: SocketAddr, why: String) -> Walked {
    let end = End::Stuck(format!("the resolver {}: {why}", resolver.ip()));
    Walked { zone, servers: Vec::new(), end }
}

fn word(reply: &Reply, zone: &Name) -> Word {
    let said: &Message = match reply {
        Reply::Message(said) => said,
        Reply::Failed(failure) => return Word::Nothing(failure.to_string()),
    };
    if !matches!(said.rcode, NOERROR | NXDOMAIN) {
        return Word::Nothing(walk::rcode(said.rcode));
    }
    // A server of both zones answers for the lower one.
    let mut names = nameservers(&said.authority, zone);
    names.extend(nameservers(&said.answer, zone));
    if names.is_empty() {
        return Word::NotDelegated;
    }
    let glue = names.iter().map(|name| (name.clone(), addresses(&said.additional, name))).collect();
    Word::Delegated(names, glue)
}

fn judge(
    plan: &Plan,
    (parent, parent_servers): (Name, Vec<SocketAddr>),
    words: &[(IpAddr, Word)],
    findings: &mut Vec<Finding>,
) -> Option<Delegation> {
    let zone = &plan.zone;
    let mut all = BTreeSet::new();
    let mut glue: BTreeMap<Name, BTreeSet<IpAddr>> = BTreeMap::new();
    for (_, word) in words {
        if let Word::Delegated(names, addresses) = word {
            all.extend(names.iter().cloned());
            for (name, own) in addresses {
                glue.entry(name.clone()).or_default().extend(own);
            }
        }
    }
    if all.is_empty() {
        let found = format!("{parent} does not delegate {zone}: no resolver will find it");
        let next = format!(
            "have NS records for {zone} put into {parent}, and the addresses of those nameservers \
             that lie in {zone}"
        );
        findings.push(Finding::bad(Check::Delegation, found, next));
        return None;
    }
    let before = findings.len();
    for (server, word) in words {
        match word {
            Word::Delegated(names, _) if *names == all => {}
            Word::Delegated(names, _) => {
                let found = format!("{server} names {} of {}", list(names), list(&all));
                let next = format!("wait until the servers of {parent} agree, and look again");
                findings.push(Finding::bad(Check::Delegation, found, next));
            }
            Word::NotDelegated => {
                let found = format!("{server} does not delegate {zone}; others do");
                let next = format!("wait until the servers of {parent} agree, and look again");
                findings.push(Finding::bad(Check::Delegation, found, next));
            }
            Word::Nothing(why) => {
                let found = format!("{server}, a server of {parent}: {why}");
                findings.push(Finding::unknown(Check::Delegation, found, "look again later"));
            }
        }
    }
    if findings[before..].iter().all(|finding| finding.verdict == crate::Verdict::Unknown) {
        findings.push(Finding::good(Check::Delegation, format!("to {}", list(&all))));
    }
    Some(Delegation { parent, parent_servers, nameservers: all, glue })
}
