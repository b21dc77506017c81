//! A decision to an answer's bytes.
//!
//! What an answer says about itself (cookie, identifier, why it is an error) is said here for all
//! of them alike. Must never decide which records somebody gets: that is [`mod@crate::resolve`]'s.

use dns::{
    Answer, Edns, ExtendedCode, ExtendedError, Extras, Head, Limit, Name, Query, Rcode, Rdata,
    RecordType, Refusal, Section, Verdict,
};
use dnssec::Standing;
use routing::Reason;
use zone::{Addresses, End, Extra, Link, RecordSet, Zone};

use crate::page::{Page, Records, Signing};
use crate::resolve::{Found, is_transfer, own_type};
use crate::steered::{add_steered, address};
use crate::{Asker, Outcome, Transport, View, Worker};

/// A fact about the server changes with a restart only, but nobody needs to keep it.
const FACT_TTL_S: u32 = 0;

/// How an answer is given, whatever it says.
pub(crate) struct Manner<'a, 'w> {
    pub(crate) view: &'a View,
    pub(crate) asker: &'a Asker,
    /// Never [`Verdict::Drop`] when something is written.
    pub(crate) verdict: Verdict,
    /// Whose signatures are used.
    pub(crate) worker: &'w mut Worker,
}

impl<'a> Manner<'a, '_> {
    /// The answer to a query.
    pub(crate) fn answer<'b>(
        self,
        query: &Query<'_>,
        outcome: &Outcome<'_>,
        found: &Found<'a>,
        buffer: &'b mut [u8],
    ) -> &'b [u8] {
        let edns = query.edns.as_ref();
        let head = head(query, outcome, found);
        let extras = self.extras(edns, explained(query, outcome));
        let mut answer = Answer::to_query(query, head, self.limit(edns), buffer);
        answer.carry(&extras);
        // An error has no records to leave out.
        if self.verdict == Verdict::Truncate && !is_error(head.rcode) {
            answer.truncate();
        }
        // An error says nothing of the zone.
        if is_error(head.rcode) {
            return answer.finish();
        }
        let Self { view, asker, worker, .. } = self;
        let signing = signing(view, asker, query, found).map(|(made_up, stray)| Signing {
            signatures: worker.signatures(),
            now: asker.now,
            made_up,
            stray,
        });
        let mut page = Page { answer: &mut answer, signers: &view.signers, signing };
        Text { view, asker, query }.add_records(&mut page, outcome, found);
        answer.finish()
    }

    /// The answer to what is no query that a name is looked up for.
    pub(crate) fn refusal<'b>(&self, refusal: &Refusal<'_>, buffer: &'b mut [u8]) -> &'b [u8] {
        let edns = refusal.edns.as_ref();
        let mut answer = Answer::to_refusal(refusal, self.limit(edns), buffer);
        answer.carry(&self.extras(edns, None));
        answer.finish()
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

/// What an answer says: the records of one question.
struct Text<'a, 'q> {
    view: &'a View,
    asker: &'a Asker,
    query: &'a Query<'q>,
}

impl Text<'_, '_> {
    fn add_records(&self, page: &mut Page<'_, '_>, outcome: &Outcome<'_>, found: &Found<'_>) {
        match found {
            Found::Nothing => {}
            Found::Fact(text) => {
                let rdata = std::iter::once(Rdata::Txt(text.as_bytes()));
                let (owner, ttl_s) = (self.query.question.name, FACT_TTL_S);
                page.add(Section::Answer, Records { zone: None, owner, ttl_s, rdata });
            }
            Found::Looked(lookup, chain, decided_for) => {
                for Link { zone, owner, set } in chain.iter() {
                    let ttl_s = ttl_of(set, *decided_for, outcome);
                    add(page, Section::Answer, (Some(zone), owner), set, ttl_s);
                }
                match lookup.end {
                    End::Records { zone, owner, set } => {
                        let ttl_s = ttl_of(set, *decided_for, outcome);
                        add(page, Section::Answer, (Some(zone), owner), set, ttl_s);
                    }
                    end => self.add_end(page, outcome, &end),
                }
                lookup.additional(&self.view.zones, |extra| self.add_extra(page, &extra));
            }
        }
    }

    /// What stands at the end of the aliases: records, a referral, or what says that there is nothing.
    fn add_end(&self, page: &mut Page<'_, '_>, outcome: &Outcome<'_>, end: &End<'_>) {
        let qtype = self.query.question.qtype;
        match (*end, outcome) {
            (End::OwnAddress { zone, owner }, _) if own_type(self.asker.local, qtype) => {
                self.add_own_address(page, Section::Answer, (zone, owner));
            }
            (End::Steered { zone, owner, steering, .. }, Outcome::Steered { decision, .. }) => {
                if !add_steered(page, (zone, owner, steering), decision, qtype) {
                    page.add_no_data(zone, owner, qtype);
                }
            }
            (End::Referral { zone, cut, ns, ds }, _) => {
                add_set(page, Section::Authority, (None, cut), ns);
                let is_wanted = self.query.edns.is_some_and(|edns| edns.dnssec_ok);
                match ds.filter(|_| is_wanted) {
                    Some(ds) => {
                        add_set(page, Section::Authority, (Some(zone), cut), ds);
                    }
                    None => page.add_nsec_only(zone, cut, RecordType::DS),
                }
            }
            (End::NoData { zone, owner }, Outcome::Static) => page.add_own(zone, owner, qtype),
            (
                End::NoData { zone, owner }
                | End::OwnAddress { zone, owner }
                | End::Steered { zone, owner, .. },
                _,
            ) => page.add_no_data(zone, owner, qtype),
            (End::NoName { zone, owner }, _) => page.add_no_name(zone, owner),
            (End::Outside | End::Elsewhere | End::Records { .. }, _) => {}
        }
    }

    /// Addresses that help. Without those of a delegation's own name servers nobody gets there, so
    /// where they do not fit the answer is cut (RFC 9471, 3.1).
    fn add_extra(&self, page: &mut Page<'_, '_>, extra: &Extra<'_>) {
        let (section, owner) = (Section::Additional, extra.owner);
        let is_in = match extra.addresses {
            Addresses::Records(set) => add_set(page, section, (extra.zone, owner), set),
            Addresses::Own(zone) => self.add_own_address(page, section, (zone, owner)),
            // Who asks for them is steered then.
            Addresses::Steered(_) => return,
        };
        if !is_in && extra.is_required {
            page.answer.truncate();
        }
    }

    /// The address that was asked.
    fn add_own_address(
        &self,
        page: &mut Page<'_, '_>,
        section: Section,
        (zone, owner): (&Zone, Name<'_>),
    ) -> bool {
        let rdata = std::iter::once(address(self.asker.local));
        let ttl_s = zone.own_address_ttl_s();
        page.add(section, Records { zone: Some(zone), owner, ttl_s, rdata })
    }
}

/// Adds records of the zone; says whether they are in.
fn add_set(
    page: &mut Page<'_, '_>,
    section: Section,
    (zone, owner): (Option<&Zone>, Name<'_>),
    set: &RecordSet,
) -> bool {
    add(page, section, (zone, owner), set, set.ttl_s)
}

fn add(
    page: &mut Page<'_, '_>,
    section: Section,
    (zone, owner): (Option<&Zone>, Name<'_>),
    set: &RecordSet,
    ttl_s: u32,
) -> bool {
    page.add(section, Records { zone, owner, ttl_s, rdata: set.rdata() })
}

/// How long a set may be kept: an alias that was decided for as long as the decision holds, which may be
/// less than its domain's TTL while something is tried.
fn ttl_of(set: &RecordSet, decided_for: Option<&RecordSet>, outcome: &Outcome<'_>) -> u32 {
    match outcome {
        Outcome::Steered { decision, .. }
            if decided_for.is_some_and(|one| std::ptr::eq(one, set)) =>
        {
            decision.ttl_s
        }
        _ => set.ttl_s,
    }
}

/// Whether the answer is signed as far as its zones are: the name that the asker made up, if it did,
/// and how its sets count then.
fn signing<'f>(
    view: &View,
    asker: &Asker,
    query: &Query<'f>,
    found: &Found<'f>,
) -> Option<(Option<Name<'f>>, Standing)> {
    let is_wanted = query.edns.is_some_and(|edns| edns.dnssec_ok) && !view.signers.is_empty();
    let Found::Looked(lookup, ..) = found else { return None };
    let is_made_up = lookup.wildcard.is_some() || matches!(lookup.end, End::NoName { .. });
    let stray = match asker.transport {
        Transport::Udp => Standing::StrayByUdp,
        Transport::Tcp => Standing::Stray,
    };
    is_wanted.then(|| (is_made_up.then_some(query.question.name), stray))
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
        Found::Looked(lookup, ..) => lookup.is_authoritative() && !is_error(rcode),
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
        Outcome::Faulty(_) => (ExtendedCode::INVALID_QUERY_TYPE, ""),
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
