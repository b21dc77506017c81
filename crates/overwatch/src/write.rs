//! A decision to an answer's bytes.
//!
//! What an answer says about itself (cookie, identifier, why it is an error) is said here for all
//! of them alike. Must never decide which records somebody gets: that is [`mod@crate::resolve`]'s.

use std::net::IpAddr;

use dns::{
    Answer, Edns, ExtendedCode, ExtendedError, Extras, Head, Limit, NoRoom, Query, Rcode, Rdata,
    RecordType, Refusal, Section, Verdict,
};
use routing::Reason;

use crate::AnswerTerms;
use crate::resolve::{Asker, Found, Outcome, Transport, is_transfer};

/// A fact about the server changes with a restart only, but nobody needs to keep it.
const FACT_TTL_S: u32 = 0;

/// How an answer is given, whatever it says.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    pub(crate) terms: &'a AnswerTerms,
    pub(crate) asker: &'a Asker,
    /// Never [`Verdict::Drop`] when something is written.
    pub(crate) verdict: Verdict,
}

impl Manner<'_> {
    /// The answer to a query.
    pub(crate) fn answer<'b>(
        &self,
        query: &Query<'_>,
        outcome: &Outcome<'_>,
        found: &Found<'_>,
        buffer: &'b mut [u8],
    ) -> &'b [u8] {
        let edns = query.edns.as_ref();
        let head = head(query, outcome);
        let extras = self.extras(edns, explained(query, outcome));
        let answer = Answer::to_query(query, head, self.limit(edns), buffer);
        // Only a buffer that breaks the contract of `resolve` is too small.
        let Ok(mut answer) = answer else { return &[] };
        answer.carry(&extras);
        // An error has no records to leave out.
        let has_records = matches!(head.rcode, Rcode::NOERROR | Rcode::NXDOMAIN);
        if self.verdict == Verdict::Truncate && has_records {
            answer.truncate();
        }
        self.add_records(&mut answer, query, outcome, found);
        answer.finish()
    }

    /// The answer to what is no query that a name is looked up for.
    pub(crate) fn refusal<'b>(&self, refusal: &Refusal<'_>, buffer: &'b mut [u8]) -> &'b [u8] {
        let edns = refusal.edns.as_ref();
        let carry = |mut answer: Answer<'b>| {
            answer.carry(&self.extras(edns, None));
            answer.finish()
        };
        let answer: Result<_, NoRoom> = Answer::to_refusal(refusal, self.limit(edns), buffer);
        answer.map_or(&[][..], carry)
    }

    fn add_records(
        &self,
        answer: &mut Answer<'_>,
        query: &Query<'_>,
        outcome: &Outcome<'_>,
        found: &Found<'_>,
    ) {
        let owner = query.question.name;
        let own_address = address(self.asker.local);
        match *found {
            Found::Nothing => {}
            Found::Fact(text) => {
                answer.add(Section::Answer, owner, FACT_TTL_S, [Rdata::Txt(text.as_bytes())]);
            }
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
                answer.add(Section::Additional, nameserver, zone.ttl_s, [own_address]);
            }
            Found::Nameserver(zone) => {
                answer.add(Section::Answer, owner, zone.ttl_s, [own_address]);
            }
            Found::Addresses(wanted) => {
                if let Outcome::Steered { decision, .. } = outcome {
                    let is_ipv4 = wanted == RecordType::A;
                    let pick = if is_ipv4 { decision.ipv4 } else { decision.ipv6 };
                    let first = pick.first().map(|server| address(server.address));
                    answer.add(Section::Answer, owner, decision.ttl_s, first);
                }
            }
        }
    }

    /// What the answer says besides its records.
    fn extras<'e>(&'e self, edns: Option<&Edns<'_>>, error: Option<ExtendedError>) -> Extras<'e> {
        let (terms, asker) = (self.terms, self.asker);
        let asked = edns.and_then(|edns| edns.cookie);
        let issued = terms.cookies.as_ref().zip(asked);
        Extras {
            cookie: issued.map(|(keys, asked)| keys.issue(asked.client, asker.address, asker.now)),
            nsid: terms.nsid.as_deref().map(str::as_bytes),
            tcp_idle_ms: terms.tcp_idle_ms,
            error,
        }
    }

    fn limit(&self, edns: Option<&Edns<'_>>) -> Limit {
        match self.asker.transport {
            Transport::Udp => Limit::udp(edns, self.terms.udp_size),
            Transport::Tcp => Limit::tcp(self.terms.udp_size),
        }
    }
}

/// Response code, authority and scope.
fn head(query: &Query<'_>, outcome: &Outcome<'_>) -> Head {
    let rcode = outcome.rcode();
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

/// Why an answer is an error, for people (RFC 8914).
fn explained(query: &Query<'_>, outcome: &Outcome<'_>) -> Option<ExtendedError> {
    let (code, text) = match outcome {
        Outcome::Refused if is_transfer(&query.question) => {
            (ExtendedCode::NOT_SUPPORTED, "no zone transfers")
        }
        Outcome::Refused => (ExtendedCode::NOT_AUTHORITATIVE, ""),
        Outcome::Steered { decision, .. } => match decision.reason {
            Reason::NoneAllowed => (ExtendedCode::PROHIBITED, "no region may serve this client"),
            Reason::NoneHealthy => (ExtendedCode::OTHER, "no server is up"),
            _ => return None,
        },
        _ => return None,
    };
    Some(ExtendedError { code, text })
}

const fn address(address: IpAddr) -> Rdata<'static> {
    match address {
        IpAddr::V4(address) => Rdata::A(address),
        IpAddr::V6(address) => Rdata::Aaaa(address),
    }
}
