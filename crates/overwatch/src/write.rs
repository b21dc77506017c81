//! A decision to an answer's bytes.
//!
//! What an answer says about itself (cookie, identifier, why it is an error) is said here for all
//! of them alike. Must never decide which records somebody gets: that is [`mod@crate::resolve`]'s.

use dns::{
    Answer, Edns, ExtendedCode, ExtendedError, Extras, Head, Limit, NoRoom, Query, Rcode, Rdata,
    Refusal, Section, Verdict,
};
use routing::Reason;
use zone::{Addresses, End, Extra, Link, Zone};

use crate::resolve::{Found, is_transfer, own_type};
use crate::steered::{add_steered, address};
use crate::{Asker, Outcome, Transport, View};

/// A fact about the server changes with a restart only, but nobody needs to keep it.
const FACT_TTL_S: u32 = 0;

/// How an answer is given, whatever it says.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    pub(crate) view: &'a View,
    pub(crate) asker: &'a Asker,
    /// Never [`Verdict::Drop`] when something is written.
    pub(crate) verdict: Verdict,
}

impl<'a> Manner<'a> {
    /// The answer to a query.
    pub(crate) fn answer<'b>(
        &self,
        query: &Query<'_>,
        outcome: &Outcome<'_>,
        found: &Found<'a>,
        buffer: &'b mut [u8],
    ) -> &'b [u8] {
        let edns = query.edns.as_ref();
        let head = head(query, outcome, found);
        let extras = self.extras(edns, explained(query, outcome));
        let answer = Answer::to_query(query, head, self.limit(edns), buffer);
        // Only a buffer that breaks the contract of `resolve` is too small.
        let Ok(mut answer) = answer else { return &[] };
        answer.carry(&extras);
        // An error has no records to leave out.
        if self.verdict == Verdict::Truncate && !is_error(head.rcode) {
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
        found: &Found<'a>,
    ) {
        match found {
            // An error says nothing of the zone.
            _ if is_error(outcome.rcode()) => {}
            Found::Nothing => {}
            Found::Fact(text) => {
                let text = [Rdata::Txt(text.as_bytes())];
                answer.add(Section::Answer, query.question.name, FACT_TTL_S, text);
            }
            Found::Looked(lookup) => {
                for Link { owner, set } in lookup.chain.iter() {
                    answer.add(Section::Answer, owner, set.ttl_s, set.rdata());
                }
                self.add_end(answer, query, outcome, &lookup.end);
                for extra in lookup.additional(&self.view.zones) {
                    self.add_extra(answer, &extra);
                }
            }
        }
    }

    /// What stands at the end of the aliases: records, a referral, or the SOA that says there is
    /// nothing.
    fn add_end(
        &self,
        answer: &mut Answer<'_>,
        query: &Query<'_>,
        outcome: &Outcome<'_>,
        end: &End<'_>,
    ) {
        let qtype = query.question.qtype;
        match (*end, outcome) {
            (End::Records { owner, set, .. }, _) => {
                answer.add(Section::Answer, owner, set.ttl_s, set.rdata());
            }
            (End::OwnAddress { zone, owner }, _) if own_type(self.asker.local, qtype) => {
                let own = [address(self.asker.local)];
                answer.add(Section::Answer, owner, zone.own_address_ttl_s(), own);
            }
            (End::Steered { zone, owner, steering, .. }, Outcome::Steered { decision, .. }) => {
                if !add_steered(answer, (owner, steering), decision, qtype) {
                    add_absence(answer, zone);
                }
            }
            (End::Referral { cut, ns, ds, .. }, _) => {
                answer.add(Section::Authority, cut, ns.ttl_s, ns.rdata());
                let is_wanted = query.edns.is_some_and(|edns| edns.dnssec_ok);
                if let Some(ds) = ds.filter(|_| is_wanted) {
                    answer.add(Section::Authority, cut, ds.ttl_s, ds.rdata());
                }
            }
            (
                End::NoData { zone }
                | End::NoName { zone }
                | End::OwnAddress { zone, .. }
                | End::Steered { zone, .. },
                _,
            ) => add_absence(answer, zone),
            (End::Outside | End::Elsewhere, _) => {}
        }
    }

    /// Addresses that help. Without those of a delegation's own name servers nobody gets there, so
    /// where they do not fit the answer is cut (RFC 9471, 3.1).
    fn add_extra(&self, answer: &mut Answer<'_>, extra: &Extra<'_>) {
        let (section, owner) = (Section::Additional, extra.owner);
        let is_in = match extra.addresses {
            Addresses::Records(set) => answer.add(section, owner, set.ttl_s, set.rdata()),
            Addresses::Own(zone) => {
                let own = [address(self.asker.local)];
                answer.add(section, owner, zone.own_address_ttl_s(), own)
            }
            // Who asks for them is steered then.
            Addresses::Steered(_) => return,
        };
        if !is_in && extra.is_required {
            answer.truncate();
        }
    }

    /// What the answer says besides its records.
    fn extras<'e>(&'e self, edns: Option<&Edns<'_>>, error: Option<ExtendedError>) -> Extras<'e> {
        let (terms, asker) = (&self.view.terms, self.asker);
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
            Transport::Udp => Limit::udp(edns, self.view.terms.udp_size),
            Transport::Tcp => Limit::tcp(self.view.terms.udp_size),
        }
    }
}

/// The SOA that says that there is nothing (RFC 2308, 3).
fn add_absence(answer: &mut Answer<'_>, zone: &Zone) {
    let soa = [Rdata::Soa(zone.soa())];
    answer.add(Section::Authority, zone.apex(), zone.negative_ttl_s(), soa);
}

/// Response code, authority and scope.
fn head(query: &Query<'_>, outcome: &Outcome<'_>, found: &Found<'_>) -> Head {
    let rcode = outcome.rcode();
    // Only what looked at the network in the query speaks of a part of it.
    let named = query.edns.and_then(|edns| edns.client_subnet).and_then(|ecs| ecs.network());
    let scope = match (outcome, named) {
        (Outcome::Steered { decision, .. }, Some(_)) => decision.scope.length(),
        _ => 0,
    };
    // A refusal or a failure is no word of the zone's.
    let authoritative = match found {
        Found::Looked(lookup) => lookup.is_authoritative() && !is_error(rcode),
        Found::Nothing | Found::Fact(_) => !is_error(rcode),
    };
    Head { rcode, authoritative, scope }
}

/// Whether a response code says nothing of the name.
const fn is_error(rcode: Rcode) -> bool {
    !matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN)
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
