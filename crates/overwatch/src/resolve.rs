//! A query's bytes to an answer's bytes. The page to read first.
//!
//! In the order of a query: take it apart, find the zone, find the name, find the client's
//! network, decide, write. Everything is read from one [`View`]; nothing is kept, locked or
//! allocated here. The caller counts and logs what comes back.
//!
//! The rules, and where they come from:
//!
//! - names outside our zones and classes but IN are REFUSED; zone transfers too,
//! - a name that does not exist is NXDOMAIN with the SOA, one without the type asked for is NOERROR
//!   with the SOA (RFC 2308, 2); a name above an existing one exists (RFC 8020),
//! - an answer that looked at the client says for which part of the network it holds, also where
//!   that answer is "none of this type"; every other answer holds for all (RFC 7871, 7.2.1 and 7.4),
//! - a question for ANY gets one set of records (RFC 8482, 4.1).

use std::net::IpAddr;

use dns::{Answer, Class, Fault, Head, Limit, Query, Rcode, Rdata, RecordType, Section, parse};
use model::Subnet;
use routing::{Decision, Reason, decide};

use crate::zone::{Node, Place, Zone};
use crate::{EcsPolicy, View};

/// The longest answer by UDP: fits every path without fragments (DNS flag day 2020).
pub const UDP_ANSWER_BYTES_MAX: u16 = 1232;

/// Who asks, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The source of the packet; a v4-mapped address is folded.
    pub address: IpAddr,
    /// The address of ours that was asked.
    pub local: IpAddr,
    /// Over what.
    pub transport: Transport,
}

/// Over what a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram.
    Udp,
    /// A stream.
    Tcp,
}

/// What to send, and what was decided.
#[derive(Debug)]
pub struct Reply<'v, 'b> {
    /// The answer; empty where there is nothing to say.
    pub bytes: &'b [u8],
    /// What became of the query, for counters and logs.
    pub outcome: Outcome<'v>,
}

/// What became of a query.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'v> {
    /// No query at all; nothing is sent.
    Dropped,
    /// Malformed, or of a kind that is not served.
    Faulty(Rcode),
    /// Outside what we are an authority for.
    Refused,
    /// The name does not exist.
    NoName,
    /// The name exists, the type does not.
    NoData,
    /// The zone's own records.
    Static,
    /// A steered name: answered by this decision, for this client network.
    Steered {
        /// Where the client was sent, and why.
        decision: Decision<'v>,
        /// Whom the decision was made for: the network in the query, or the asker itself.
        client: Subnet,
        /// What the answer says.
        rcode: Rcode,
    },
}

/// Answers one packet. `turn` counts the queries of the calling worker; servers follow one another
/// with it. `buffer` must have 512 bytes at least, 65,535 for TCP.
pub fn resolve<'v, 'b>(
    view: &'v View,
    asker: &Asker,
    packet: &[u8],
    turn: u64,
    buffer: &'b mut [u8],
) -> Reply<'v, 'b> {
    let query = match parse(packet) {
        Ok(query) => query,
        Err(Fault::Drop(_)) => return Reply { bytes: &[], outcome: Outcome::Dropped },
        Err(Fault::Refuse(refusal)) => {
            let limit = limit(asker.transport, refusal.edns.as_ref());
            let bytes = Answer::to_refusal(&refusal, limit, buffer).map_or(&[][..], Answer::finish);
            return Reply { bytes, outcome: Outcome::Faulty(refusal.why.rcode()) };
        }
    };
    let query = heard(query, &view.ecs, asker);
    let (outcome, found) = find(view, asker, &query, turn);
    let bytes = write(&query, asker, &outcome, &found, buffer);
    Reply { bytes, outcome }
}

/// The query as far as we listen to it: a client network from somebody whose word does not count
/// is as if it were not there.
fn heard<'q>(mut query: Query<'q>, ecs: &EcsPolicy, asker: &Asker) -> Query<'q> {
    let trusted = ecs.trusted.is_empty() || ecs.trusted.iter().any(|n| n.contains(asker.address));
    if let Some(edns) = query.edns.as_mut().filter(|_| !ecs.enabled || !trusted) {
        edns.client_subnet = None;
    }
    query
}

/// What the answer is made of.
enum Found<'v> {
    /// Nothing to add to the response code.
    Nothing,
    /// No record, and the SOA of this zone to say so.
    Absent(&'v Zone),
    /// The zone's SOA.
    Soa(&'v Zone),
    /// The zone's NS.
    Ns(&'v Zone),
    /// The address of the zone's nameserver: the one that was asked.
    Nameserver(&'v Zone),
    /// Addresses of the chosen servers.
    Addresses(RecordType),
}

/// The zone, the name and the decision.
fn find<'v>(
    view: &'v View,
    asker: &Asker,
    query: &Query<'_>,
    turn: u64,
) -> (Outcome<'v>, Found<'v>) {
    let question = query.question;
    let is_transfer = matches!(question.qtype, RecordType::AXFR | RecordType::IXFR);
    if question.qclass != Class::IN || is_transfer {
        return (Outcome::Refused, Found::Nothing);
    }
    let key = question.name.key();
    let (zone, node) = match view.zones.find(key.as_bytes()) {
        Place::Outside => return (Outcome::Refused, Found::Nothing),
        Place::Inside(zone, None) => return (Outcome::NoName, Found::Absent(zone)),
        Place::Inside(zone, Some(node)) => (zone, node),
    };
    let at_apex = question.name == zone.apex.as_name();
    match (question.qtype, node) {
        (RecordType::SOA, _) if at_apex => (Outcome::Static, Found::Soa(zone)),
        (RecordType::NS, _) if at_apex => (Outcome::Static, Found::Ns(zone)),
        (RecordType::A | RecordType::AAAA | RecordType::ANY, Node::Steered(index)) => {
            let Some(domain) = view.domains.get(index) else {
                return (Outcome::Refused, Found::Nothing);
            };
            let client = client_network(query, asker);
            let decision = decide(&domain.map, &domain.pool, client.address(), turn);
            steered(zone, decision, client, question.qtype)
        }
        (qtype, Node::Nameserver) if own_type(asker.local, qtype) => {
            (Outcome::Static, Found::Nameserver(zone))
        }
        (RecordType::ANY, _) if at_apex => (Outcome::Static, Found::Soa(zone)),
        _ => (Outcome::NoData, Found::Absent(zone)),
    }
}

/// Whom the answer is for: the network the asker names, or else the asker itself.
fn client_network(query: &Query<'_>, asker: &Asker) -> Subnet {
    let named = query.edns.and_then(|edns| edns.client_subnet).and_then(|ecs| ecs.network());
    named.unwrap_or_else(|| Subnet::host(asker.address))
}

fn steered<'v>(
    zone: &'v Zone,
    decision: Decision<'v>,
    client: Subnet,
    qtype: RecordType,
) -> (Outcome<'v>, Found<'v>) {
    // One set of records answers ANY, of the family the region has.
    let wanted = match qtype {
        RecordType::ANY if decision.ipv4.is_empty() => RecordType::AAAA,
        RecordType::ANY => RecordType::A,
        qtype => qtype,
    };
    let pick = if wanted == RecordType::A { decision.ipv4 } else { decision.ipv6 };
    let rcode = match decision.reason {
        Reason::NoneHealthy => Rcode::SERVFAIL,
        Reason::NoneAllowed => Rcode::REFUSED,
        _ => Rcode::NOERROR,
    };
    let found = match rcode {
        Rcode::NOERROR if pick.is_empty() => Found::Absent(zone),
        Rcode::NOERROR => Found::Addresses(wanted),
        _ => Found::Nothing,
    };
    (Outcome::Steered { decision, client, rcode }, found)
}

/// Whether the address that was asked is of the family that the question wants.
const fn own_type(local: IpAddr, qtype: RecordType) -> bool {
    match qtype {
        RecordType::A => local.is_ipv4(),
        RecordType::AAAA => local.is_ipv6(),
        RecordType::ANY => true,
        _ => false,
    }
}

/// Puts the answer together.
fn write<'b>(
    query: &Query<'_>,
    asker: &Asker,
    outcome: &Outcome<'_>,
    found: &Found<'_>,
    buffer: &'b mut [u8],
) -> &'b [u8] {
    let limit = limit(asker.transport, query.edns.as_ref());
    let Ok(mut answer) = Answer::to_query(query, head(query, outcome), limit, buffer) else {
        // Only a buffer that breaks the contract above is too small.
        return &[];
    };
    let owner = query.question.name;
    match *found {
        Found::Nothing => {}
        Found::Absent(zone) => {
            let soa = [Rdata::Soa(zone.soa())];
            answer.add(Section::Authority, zone.apex.as_name(), zone.ttl_s, soa);
        }
        Found::Soa(zone) => {
            answer.add(Section::Answer, owner, zone.ttl_s, [Rdata::Soa(zone.soa())]);
        }
        Found::Ns(zone) => {
            let nameserver = zone.nameserver.as_name();
            answer.add(Section::Answer, owner, zone.ttl_s, [Rdata::Ns(nameserver)]);
            answer.add(Section::Additional, nameserver, zone.ttl_s, [address(asker.local)]);
        }
        Found::Nameserver(zone) => {
            answer.add(Section::Answer, owner, zone.ttl_s, [address(asker.local)]);
        }
        Found::Addresses(wanted) => {
            if let Outcome::Steered { decision, .. } = outcome {
                let pick = if wanted == RecordType::A { decision.ipv4 } else { decision.ipv6 };
                let first = pick.first().map(|server| address(server.address));
                answer.add(Section::Answer, owner, decision.ttl_s, first);
            }
        }
    }
    answer.finish()
}

/// Response code, authority and scope.
fn head(query: &Query<'_>, outcome: &Outcome<'_>) -> Head {
    let rcode = match outcome {
        Outcome::Refused => Rcode::REFUSED,
        Outcome::NoName => Rcode::NXDOMAIN,
        Outcome::Steered { rcode, .. } => *rcode,
        Outcome::Faulty(rcode) => *rcode,
        Outcome::Dropped | Outcome::NoData | Outcome::Static => Rcode::NOERROR,
    };
    // Only what looked at the network in the query speaks of a part of it.
    let named = query.edns.and_then(|edns| edns.client_subnet).and_then(|ecs| ecs.network());
    let scope = match (outcome, named) {
        (Outcome::Steered { decision, .. }, Some(_)) => decision.scope.length(),
        _ => 0,
    };
    // A refusal or a failure is no word of the zone's.
    let authoritative = matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN);
    Head { rcode, authoritative, scope }
}

fn limit(transport: Transport, edns: Option<&dns::Edns<'_>>) -> Limit {
    match transport {
        Transport::Udp => Limit::udp(edns, UDP_ANSWER_BYTES_MAX),
        Transport::Tcp => Limit::tcp(UDP_ANSWER_BYTES_MAX),
    }
}

const fn address(address: IpAddr) -> Rdata<'static> {
    match address {
        IpAddr::V4(address) => Rdata::A(address),
        IpAddr::V6(address) => Rdata::Aaaa(address),
    }
}
