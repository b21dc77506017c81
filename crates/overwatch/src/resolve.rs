//! A query's bytes to an answer's bytes. The page to read first.
//!
//! In the order of a query: take it apart, find the zone, find the name, find the client's
//! network, decide, ask whether the answer may be sent, write it (`write`). Everything is read from
//! one [`View`]; nothing is locked or allocated here, and nothing kept but in the calling
//! [`Worker`]. The caller counts and logs what comes back.
//!
//! The rules, and where they come from:
//!
//! - names outside our zones and classes but IN are REFUSED; zone transfers too,
//! - a name that does not exist is NXDOMAIN with the SOA, one without the type asked for is NOERROR
//!   with the SOA (RFC 2308, 2); a name above an existing one exists (RFC 8020),
//! - an answer that looked at the client says for which part of the network it holds, also where
//!   that answer is "none of this type"; every other answer holds for all (RFC 7871, 7.2.1 and 7.4),
//! - a steered name may be an alias, for every type (RFC 2181, 10.1); it is followed in our zones, up
//!   to a second steered name (decision 20),
//! - a question for ANY gets one set of records (RFC 8482, 4.1), one for NXNAME is malformed (RFC 9824,
//!   3.5),
//! - who asks for signatures (DO) gets those of signed zones, with every set or with none (`page`);
//!   what is not there is denied as RFC 9824 says (`denial`),
//! - `version.bind` and `id.server` are answered as far as they are set (RFC 4892),
//! - by UDP, answers to one network are limited, unless its cookie is good (decisions 18 and 19).

use std::net::IpAddr;

use dns::{
    Account, Class, CookieStanding, Fault, Query, Question, Rcode, RecordType, Refusal, ServerFact,
    Verdict, Why, parse,
};
use model::Subnet;
use routing::{Decision, Reason, decide};
use zone::{Chain, End, Lookup, RecordSet};

use crate::write::Manner;
use crate::{Asker, EcsPolicy, Outcome, Reply, View, Worker, denial};

/// Answers one packet. `buffer` must have 512 bytes at least, 65,535 for TCP.
pub fn resolve<'v, 'b>(
    view: &'v View,
    asker: &Asker,
    packet: &[u8],
    worker: &mut Worker,
    buffer: &'b mut [u8],
) -> Reply<'v, 'b> {
    let query = match parse(packet) {
        Ok(query) => query,
        Err(Fault::Drop(_)) => {
            let (outcome, cookie) = (Outcome::Dropped, CookieStanding::None);
            return Reply { bytes: &[], outcome, qtype: None, cookie, verdict: Verdict::Drop };
        }
        Err(Fault::Refuse(refusal)) => return refuse(view, asker, refusal, worker, buffer),
    };
    let query = heard(query, &view.terms.ecs, asker);
    let mut chain = Chain::default();
    let (outcome, found) = find(view, asker, &query, worker, &mut chain);
    if let Outcome::Steered { place, .. } = outcome {
        worker.see_domain(place);
    }
    let cookie = view.terms.judge(query.edns.as_ref(), asker);
    let verdict = worker.verdict(asker, cookie, account(&query, &outcome, &found));
    let bytes = match verdict {
        Verdict::Drop => &[],
        _ => Manner { view, asker, verdict, worker }.answer(&query, &outcome, &found, buffer),
    };
    Reply { bytes, outcome, qtype: Some(query.question.qtype), cookie, verdict }
}

/// Answers what no name is looked up for: a fault, or a question for a cookie.
fn refuse<'v, 'b>(
    view: &'v View,
    asker: &Asker,
    mut refusal: Refusal<'_>,
    worker: &mut Worker,
    buffer: &'b mut [u8],
) -> Reply<'v, 'b> {
    let cookie = view.terms.judge(refusal.edns.as_ref(), asker);
    let is_cookie_only = refusal.why == Why::CookieOnly && view.terms.cookies.is_some();
    refusal.why = match (refusal.why, cookie) {
        (Why::CookieOnly, _) if !is_cookie_only => Why::Questions(0),
        (Why::CookieOnly, CookieStanding::Bad) => Why::BadCookie,
        (why, _) => why,
    };
    let rcode = refusal.why.rcode();
    let outcome = if is_cookie_only { Outcome::Cookie(rcode) } else { Outcome::Faulty(rcode) };
    let verdict = worker.verdict(asker, cookie, Account::Error);
    let bytes = match verdict {
        Verdict::Drop => &[],
        _ => Manner { view, asker, verdict, worker }.refusal(&refusal, buffer),
    };
    Reply { bytes, outcome, qtype: None, cookie, verdict }
}

/// With which other answers this one is counted, so that nobody is flooded with them.
fn account<'a>(query: &Query<'a>, outcome: &Outcome<'_>, found: &Found<'a>) -> Account<'a> {
    let lookup = match found {
        Found::Looked(lookup, ..) => Some(lookup),
        Found::Nothing | Found::Fact(_) => None,
    };
    match (outcome.rcode(), lookup.map(|lookup| lookup.end)) {
        (_, Some(End::NoName { zone, .. })) => Account::NoName(zone.apex()),
        (_, Some(End::Referral { cut, .. })) => Account::Referral(cut),
        (Rcode::NOERROR, _) => {
            let wildcard = lookup.and_then(|lookup| lookup.wildcard);
            Account::Answer(wildcard.unwrap_or(query.question.name))
        }
        _ => Account::Error,
    }
}

/// The query as far as we listen to it: a client network from somebody whose word does not count
/// is as if it were not there.
fn heard<'q>(mut query: Query<'q>, ecs: &EcsPolicy, asker: &Asker) -> Query<'q> {
    let trusted = ecs.trusted.iter().any(|network| network.contains(asker.address));
    if let Some(edns) = query.edns.as_mut().filter(|_| !ecs.enabled || !trusted) {
        edns.client_subnet = None;
    }
    query
}

/// What the answer is made of.
pub(crate) enum Found<'a> {
    /// Nothing to add to the response code.
    Nothing,
    /// A text about the server.
    Fact(&'a str),
    /// What the zones say, with the aliases that led there. A steered name at its end is in the
    /// outcome; an alias that was decided for is one of the sets, and told besides.
    Looked(Lookup<'a>, &'a Chain<'a>, Option<&'a RecordSet>),
}

/// The zone, the name and the decision. Aliases go into `chain`.
fn find<'v: 'q, 'q>(
    view: &'v View,
    asker: &Asker,
    query: &Query<'q>,
    worker: &mut Worker,
    chain: &'q mut Chain<'q>,
) -> (Outcome<'v>, Found<'q>) {
    let question = query.question;
    if let Some(text) = ServerFact::asked_by(&question).and_then(|fact| view.terms.fact(fact)) {
        return (Outcome::Static, Found::Fact(text));
    }
    if question.qclass != Class::IN || is_transfer(&question) {
        return (Outcome::Refused, Found::Nothing);
    }
    if question.qtype == RecordType::NXNAME {
        return (Outcome::Faulty(Rcode::FORMERR), Found::Nothing);
    }
    let mut lookup = view.zones.lookup(question.name, question.qtype, chain);
    let mut decided_for = None;
    let outcome = match lookup.end {
        End::Outside => Outcome::Refused,
        End::NoName { .. } => Outcome::NoName(denial::rcode(view, query, &lookup)),
        End::NoData { zone, owner } if denial::is_own(view, zone, owner, query) => Outcome::Static,
        End::NoData { .. } => Outcome::NoData,
        End::Records { .. } | End::Elsewhere => Outcome::Static,
        End::Referral { .. } => Outcome::Referral,
        End::OwnAddress { .. } if own_type(asker.local, question.qtype) => Outcome::Static,
        End::OwnAddress { .. } => Outcome::NoData,
        End::Steered { index, steering, .. } => match view.domains.get(index) {
            Some(domain) => {
                let client = client_network(query, asker);
                let turn = worker.next_turn(index, question.qtype);
                let decision = decide(&domain.map, &domain.pool, client.address(), turn, asker.now);
                decided_for = decision.region_place().and_then(|at| steering.alias(at));
                if let Some(alias) = decided_for {
                    lookup = view.zones.follow(lookup, alias, question.qtype, chain);
                }
                steered((index, decision), client, denial::rcode(view, query, &lookup))
            }
            // Zones and domains are made of one configuration, so this does not happen.
            None => Outcome::Refused,
        },
    };
    let of_links = chain.iter().map(|link| link.zone);
    if view.signers.lack_key(of_links.chain(lookup.end.zone())) {
        return (Outcome::Faulty(Rcode::SERVFAIL), Found::Nothing);
    }
    (outcome, Found::Looked(lookup, chain, decided_for))
}

/// Whom the answer is for: the network the asker names, or else the asker itself.
fn client_network(query: &Query<'_>, asker: &Asker) -> Subnet {
    let named = query.edns.and_then(|edns| edns.client_subnet).and_then(|ecs| ecs.network());
    named.unwrap_or_else(|| Subnet::host(asker.address))
}

/// What a decision comes to. An alias may mean a name that does not exist (RFC 6604, 2.1).
fn steered((place, decision): (usize, Decision<'_>), client: Subnet, rcode: Rcode) -> Outcome<'_> {
    let rcode = match decision.reason {
        Reason::NoneHealthy => Rcode::SERVFAIL,
        Reason::NoneAllowed => Rcode::REFUSED,
        _ => rcode,
    };
    Outcome::Steered { place, decision, client, rcode }
}

/// Whether the address that was asked is of the family that the question wants.
pub(crate) const fn own_type(local: IpAddr, qtype: RecordType) -> bool {
    match qtype {
        RecordType::A => local.is_ipv4(),
        RecordType::AAAA => local.is_ipv6(),
        RecordType::ANY => true,
        _ => false,
    }
}

/// Whether somebody wants a whole zone.
pub(crate) const fn is_transfer(question: &Question<'_>) -> bool {
    matches!(question.qtype, RecordType::AXFR | RecordType::IXFR)
}
