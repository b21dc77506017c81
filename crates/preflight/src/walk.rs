//! From the root, or by a resolver, to the servers of any zone.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::book::{Book, Reply};
use crate::message::{Data, Message, addresses, nameservers};
use crate::plan::{Plan, Start};
use crate::question::Question;
use crate::{Name, RecordType};

/// Servers of one zone that are tried until one answers. Each may cost some seconds of silence.
const TRIED_MAX: usize = 4;
/// Addresses of one zone's servers; the root has 26.
pub(crate) const SERVERS_MAX: usize = 26;
/// Referrals from the root to a name: a name has at most 127 labels, a zone rarely a fourth cut.
const CUTS_MAX: usize = 16;
/// Nameservers whose own addresses need nameservers whose addresses need nameservers.
const DEPTH_MAX: usize = 4;

/// NOERROR (RFC 1035, 4.1.1).
pub(crate) const NOERROR: u16 = 0;
/// NXDOMAIN.
pub(crate) const NXDOMAIN: u16 = 3;

/// Where a walk ended.
#[derive(Debug)]
pub(crate) struct Walked {
    /// The zone whose servers were asked last.
    pub(crate) zone: Name,
    /// Their addresses.
    pub(crate) servers: Vec<SocketAddr>,
    /// What they said.
    pub(crate) end: End,
}

/// How a walk ended.
#[derive(Debug)]
pub(crate) enum End {
    /// A referral to the name itself: it is a zone of its own.
    Delegated,
    /// An answer of an authority: records, or that there are none.
    Answered(Message),
    /// No server could be brought to an answer.
    Stuck(String),
}

/// Asks for a name's records from the root down. Comes back at the referral to `name` itself where
/// the question is for its nameservers, else at the answer. `None`: an answer is missing in the book.
pub(crate) fn from_root(
    (plan, book): (&Plan, &mut Book),
    roots: &[SocketAddr],
    (name, kind): (&Name, RecordType),
    depth: usize,
) -> Option<Walked> {
    let mut zone = Name::root_vec();
    let mut servers = roots.to_vec();
    for _ in 0..CUTS_MAX {
        let end = |zone, servers, end| Some(Walked { zone, servers, end });
        let said = match first_answer(book, &servers, (name, kind))? {
            Ok(said) => said,
            Err(why) => return end(zone, servers, End::Stuck(why)),
        };
        let Some(cut) = cut(&said, &zone, name) else {
            return end(zone, servers, End::Answered(said));
        };
        if cut == *name && kind == RecordType::NS {
            return end(zone, servers, End::Delegated);
        }
        let next = servers_of((plan, &mut *book), &said, &cut, depth)?;
        if next.is_empty() {
            let why = format!("no address is known for the nameservers of {cut}");
            return end(zone, servers, End::Stuck(why));
        }
        (zone, servers) = (cut, next);
    }
    Some(Walked { zone, servers, end: End::Stuck("there are too many zones on the way".into()) })
}

/// The addresses of a name: asked of the world, not of the zone's own servers.
pub(crate) fn addresses_of(
    (plan, book): (&Plan, &mut Book),
    name: &Name,
    depth: usize,
) -> Option<BTreeSet<IpAddr>> {
    let kinds = [RecordType::A, RecordType::AAAA];
    let mut found = BTreeSet::new();
    match &plan.start {
        Start::Resolver(resolver) => {
            let questions = kinds.map(|kind| by_resolver(*resolver, name, kind));
            for reply in book.ask_all_in_full(questions)? {
                found.extend(reply.message().map(|m| m.addresses(name)).unwrap_or_default());
            }
        }
        Start::Roots(_) if depth >= DEPTH_MAX => {}
        Start::Roots(roots) => {
            let walks =
                kinds.map(|kind| from_root((plan, &mut *book), roots, (name, kind), depth + 1));
            for walked in walks {
                if let End::Answered(message) = walked?.end {
                    found.extend(message.addresses(name));
                }
            }
        }
    }
    Some(found)
}

/// A question to a resolver.
pub(crate) fn by_resolver(resolver: SocketAddr, name: &Name, kind: RecordType) -> Question {
    Question { recursion_desired: true, ..Question::new(resolver, name, kind) }
}

/// The answer or referral of the first server that gives one; or what the last one said instead.
fn first_answer(
    book: &mut Book,
    servers: &[SocketAddr],
    (name, kind): (&Name, RecordType),
) -> Option<Result<Message, String>> {
    let mut why = "there is no server to ask".to_owned();
    for server in servers.iter().take(TRIED_MAX) {
        match book.ask_in_full(Question::new(*server, name, kind))? {
            Reply::Message(said) if matches!(said.rcode, NOERROR | NXDOMAIN) => {
                return Some(Ok(said.as_ref().clone()));
            }
            Reply::Message(said) => why = format!("{} says {}", server.ip(), rcode(said.rcode)),
            Reply::Failed(failure) => why = format!("{}: {failure}", server.ip()),
        }
    }
    Some(Err(why))
}

/// The zone that a message refers to: below `zone`, and `name` in it.
fn cut(said: &Message, zone: &Name, name: &Name) -> Option<Name> {
    if said.is_authoritative || !said.answer.is_empty() || said.rcode != NOERROR {
        return None;
    }
    let owners = said.authority.iter().filter(|record| matches!(record.data, Data::Nameserver(_)));
    let mut cuts = owners.map(|record| &record.owner);
    cuts.find(|cut| *cut != zone && cut.ends_with(zone) && name.ends_with(cut)).cloned()
}

/// The addresses of a zone's servers: from the referral, or where there are none in it, from the
/// world. IPv4 first: every machine that runs this has it.
fn servers_of(
    (plan, book): (&Plan, &mut Book),
    said: &Message,
    cut: &Name,
    depth: usize,
) -> Option<Vec<SocketAddr>> {
    let names = nameservers(&said.authority, cut);
    let mut found: BTreeSet<IpAddr> =
        names.iter().flat_map(|name| addresses(&said.additional, name)).collect();
    for name in names.iter().take(TRIED_MAX) {
        // A name in the zone itself cannot be found without glue.
        if found.is_empty() && !name.ends_with(cut) {
            found.extend(addresses_of((plan, &mut *book), name, depth)?);
        }
    }
    Some(sockets(found, plan.port))
}

/// Addresses with the port of nameservers; IPv4 sorts before IPv6.
pub(crate) fn sockets(addresses: BTreeSet<IpAddr>, port: u16) -> Vec<SocketAddr> {
    let sockets = addresses.into_iter().map(|address| SocketAddr::new(address, port));
    sockets.take(SERVERS_MAX).collect()
}

/// A response code by its name (IANA registry of DNS RCODEs).
pub(crate) fn rcode(code: u16) -> String {
    domain::base::iana::OptRcode::masked_from_int(code).to_string()
}
