//! The differences that there may be: all of them, with the standard that decides each.
//!
//! Any other one fails the test, and so does an entry that no question needs any more. Where an entry
//! names one peer, the other one answers as we do.

use domain::base::iana::Rtype;
use domain::base::{Name, ToName as _};
use domain::dep::octseq::Parser;

use crate::ZONES;
use crate::client::{Question, Record, Reply};
use crate::compare::{Difference, RCODE, Section};
use Difference::{Head, Ours, Theirs};
use Section::{Additional, Answer, Authority};

/// Why a difference may be.
pub(crate) struct Ruling {
    /// Who answers otherwise.
    pub(crate) peers: &'static [&'static str],
    /// The standard that decides.
    pub(crate) standard: &'static str,
    /// What they do, and what we do.
    pub(crate) what: &'static str,
    /// Whether a difference is such a one.
    pub(crate) applies: fn(&Case<'_>) -> bool,
}

/// A difference, and where it was seen.
pub(crate) struct Case<'a> {
    pub(crate) question: &'a Question,
    pub(crate) ours: &'a Reply,
    pub(crate) theirs: &'a Reply,
    pub(crate) difference: Difference<'a>,
}

const KNOT: &[&str] = &["Knot"];
const NSD: &[&str] = &["NSD"];
const BOTH: &[&str] = &["Knot", "NSD"];

pub(crate) static RULINGS: &[Ruling] = &[
    Ruling {
        peers: KNOT,
        standard: "RFC 1034, 4.3.2, step 3a",
        what: "follows an alias inside its zone only; we look for the name it means from step 1 on, \
               so in our other zones too",
        applies: |case| {
            let is_of_kind = matches!(case.difference, Head(RCODE) | Ours(..) | Theirs(..));
            let goes_on = case.theirs.answer.iter().all(|r| case.ours.answer.contains(r));
            is_of_kind && goes_on && case.ours.answer.iter().any(leads_into_another_zone)
        },
    },
    Ruling {
        peers: KNOT,
        standard: "RFC 1034, 4.3.2, step 3a; RFC 4035, 2.5",
        what: "says that an alias in an unsigned zone has no RRSIG and no NSEC; we follow it, as for \
               any type that is not there",
        applies: |case| {
            let is_signing = matches!(case.question.qtype, Rtype::RRSIG | Rtype::NSEC);
            let is_followed = !case.ours.answer.is_empty() && case.theirs.answer.is_empty();
            let is_alias = case.ours.answer.iter().all(|record| record.rtype == Rtype::CNAME);
            let is_of_it = matches!(case.difference, Head(RCODE) | Ours(..) | Theirs(..));
            is_signing && is_followed && is_alias && is_of_it
        },
    },
    Ruling {
        peers: KNOT,
        standard: "RFC 8020, 2",
        what: "says to a question for DS that the name of its own zone does not exist, where the zone \
               around it does not delegate it; that would deny all names in it",
        applies: |case| {
            let mut apexes = ZONES.iter().map(|(apex, _)| apex.parse::<Name<Vec<u8>>>().unwrap());
            let is_apex = apexes.any(|apex| apex.name_eq(&case.question.name));
            let is_denied = case.ours.rcode == 0 && case.theirs.rcode == 3;
            let is_of_it = is_apex && case.question.qtype == Rtype::DS && is_denied;
            is_of_it && matches!(case.difference, Head(RCODE))
        },
    },
    Ruling {
        peers: BOTH,
        standard: "RFC 8482, 4.1",
        what: "choose another set for ANY at a name with several; one is enough, and it is the \
               server's choice",
        applies: |case| {
            let is_one = |answer: &[Record]| {
                let first = answer.first().map(|record| (&record.owner, record.rtype));
                answer.iter().all(|record| Some((&record.owner, record.rtype)) == first)
            };
            let (ours, theirs) = (&*case.ours.answer, &*case.theirs.answer);
            let is_choice =
                !ours.is_empty() && !theirs.is_empty() && is_one(ours) && is_one(theirs);
            let is_of_it = match case.difference {
                Ours(Answer, _) | Theirs(Answer, _) => true,
                Ours(Additional, address) => points_at(ours.iter(), address),
                Theirs(Additional, address) => points_at(theirs.iter(), address),
                _ => false,
            };
            case.question.qtype == Rtype::ANY && is_choice && is_of_it
        },
    },
    Ruling {
        peers: BOTH,
        standard: "RFC 4035, 3.1.4",
        what: "leave the DS set of a delegation out where the zone is not signed, which the standard \
               leaves open; we give it to every DO query",
        applies: |case| {
            let is_wanted = case.question.edns.is_some_and(|edns| edns.dnssec_ok);
            is_wanted && matches!(case.difference, Ours(Authority, ds) if ds.rtype == Rtype::DS)
        },
    },
    Ruling {
        peers: NSD,
        standard: "RFC 1034, 3.7 and 4.3.2",
        what: "adds the zone's NS set to an answer; no step asks for it",
        applies: |case| match case.difference {
            Theirs(Authority, ns) => {
                let is_bare = !case.ours.answer.is_empty() && case.ours.authority.is_empty();
                is_bare && is_apex_ns(ns)
            }
            _ => false,
        },
    },
    Ruling {
        peers: NSD,
        standard: "RFC 1034, 4.3.2, step 6",
        what: "adds the addresses of the NS set that it added",
        applies: |case| match case.difference {
            Theirs(Additional, address) => {
                let added = case.theirs.authority.iter().filter(|record| is_apex_ns(record));
                case.ours.authority.is_empty() && points_at(added, address)
            }
            _ => false,
        },
    },
    Ruling {
        peers: BOTH,
        standard: "RFC 1034, 4.3.2, step 6",
        what: "do not add addresses out of another zone of theirs; for us they are local data that may \
               be useful",
        applies: |case| match case.difference {
            Ours(Additional, address) => {
                let pointers = case.ours.answer.iter().chain(&case.ours.authority);
                let far = pointers.filter(|from| zone_of(&from.owner) != zone_of(&address.owner));
                points_at(far, address)
            }
            _ => false,
        },
    },
    Ruling {
        peers: NSD,
        standard: "RFC 9460, 4.1",
        what: "adds nothing for the targets of SVCB and HTTPS; we add their addresses, and what they \
               say of the service",
        applies: |case| match case.difference {
            Ours(Additional, extra) => {
                let is_service = |record: &&Record| is_service(record.rtype);
                points_at(case.ours.answer.iter().filter(is_service), extra)
            }
            _ => false,
        },
    },
    Ruling {
        peers: KNOT,
        standard: "RFC 9460, 2.5.2 and 4.1",
        what: "adds no addresses for a service at its own name, written as a dot; the dot is that name",
        applies: |case| match case.difference {
            Ours(Additional, address) => {
                let is_dot =
                    |record: &&Record| is_service(record.rtype) && record.data.get(2) == Some(&0);
                points_at(case.ours.answer.iter().filter(is_dot), address)
            }
            _ => false,
        },
    },
    Ruling {
        peers: KNOT,
        standard: "RFC 1034, 4.3.2, step 6",
        what: "adds what the answer has already, where a service names itself; the step asks for other \
               records",
        applies: |case| match case.difference {
            Theirs(Additional, again) => case.ours.answer.contains(again),
            _ => false,
        },
    },
    Ruling {
        peers: KNOT,
        standard: "RFC 1034, 4.2.1",
        what: "adds glue to an answer; it is for referrals, and whoever asks for it gets one",
        applies: |case| match case.difference {
            Theirs(Additional, glue) => {
                let cut: Name<Vec<u8>> = "cut.rich.test.".parse().unwrap();
                glue.owner.ends_with(&cut) && points_at(case.ours.answer.iter(), glue)
            }
            _ => false,
        },
    },
];

/// The zone that a name lies in.
fn zone_of(name: &Name<Vec<u8>>) -> Option<Name<Vec<u8>>> {
    let apexes = ZONES.iter().map(|(apex, _)| apex.parse::<Name<Vec<u8>>>().unwrap());
    apexes.filter(|apex| name.ends_with(apex)).max_by_key(|apex| apex.label_count())
}

fn is_apex_ns(record: &Record) -> bool {
    record.rtype == Rtype::NS && zone_of(&record.owner).as_ref() == Some(&record.owner)
}

fn is_service(rtype: Rtype) -> bool {
    matches!(rtype, Rtype::SVCB | Rtype::HTTPS)
}

/// Whether one of some records points at the owner of another one.
fn points_at<'a>(mut records: impl Iterator<Item = &'a Record>, to: &Record) -> bool {
    records.any(|record| target(record).as_ref() == Some(&to.owner))
}

/// An alias that means a name in another zone of ours.
fn leads_into_another_zone(alias: &Record) -> bool {
    let there = target(alias).filter(|_| alias.rtype == Rtype::CNAME);
    let there = there.as_ref().and_then(zone_of);
    there.is_some() && there != zone_of(&alias.owner)
}

/// The name that a record points at.
fn target(record: &Record) -> Option<Name<Vec<u8>>> {
    let offset = match record.rtype {
        Rtype::NS | Rtype::CNAME => 0,
        Rtype::MX | Rtype::SVCB | Rtype::HTTPS => 2,
        Rtype::SRV => 6,
        _ => return None,
    };
    let name = Name::parse(&mut Parser::from_ref(record.data.get(offset..)?)).ok()?;
    let is_self = is_service(record.rtype) && name.is_root();
    Some(if is_self { record.owner.clone() } else { name.to_canonical_name() })
}
