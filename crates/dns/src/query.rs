//! A packet taken apart, or the fault to answer it with.
//!
//! What is no query at all is dropped: an answer to it could go round in circles. Everything else
//! gets an answer. The rules, in the order they are checked:
//!
//! 1. shorter than a header, or itself a response: dropped (RFC 1035, 4.1.1);
//! 2. another opcode than QUERY: NOTIMP (RFC 1035, 4.1.1; RFC 6895, 2.2); such messages may be built
//!    otherwise (RFC 8490, 5.4), so no fault inside them counts;
//! 3. a question's name that is compressed or malformed: FORMERR. There is nothing yet that a
//!    pointer could point at (RFC 1035, 4.1.4);
//! 4. a section that ends early, a malformed owner, bytes behind the last record: FORMERR (RFC 1035,
//!    4.1);
//! 5. more than one OPT record (RFC 6891, 6.1.1), one that is not the root's (6.1.2) or not in the
//!    additional section, malformed options, client subnet (RFC 7871, 7.2.1) or cookie (RFC 7873,
//!    5.2.2): FORMERR;
//! 6. not exactly one question: FORMERR (RFC 9619), but for the question for a cookie, which is no
//!    question and a cookie option: NOERROR (RFC 7873, 5.4);
//! 7. an EDNS version above ours: BADVERS (RFC 6891, 6.1.3).
//!
//! TC in a query means nothing and is ignored, as are all records but OPT (so a TSIG is not
//! verified: who asked without one is not asked for one). Class and type are the caller's to judge.
//!
//! Wherever an OPT record could be read the answer carries one, also that of a fault (RFC 6891,
//! 6.1.1).

use model::Subnet;

use crate::edns::{ClientSubnet, EDNS_VERSION, Edns, OptionFault};
use crate::header::{Counts, Flags, Header};
use crate::name::{Name, NameFault, skip};
use crate::types::{Class, Opcode, OptionCode, Rcode, RecordType};

/// A well-formed query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// What is asked.
    pub question: Question<'a>,
    /// What the asker says about itself.
    pub edns: Option<Edns<'a>>,
    /// Identifier and flags.
    pub header: Header,
}

/// What is asked (RFC 1035, 4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// The name, in the asker's case.
    pub name: Name<'a>,
    /// The type of the records.
    pub qtype: RecordType,
    /// Their class.
    pub qclass: Class,
}

/// What is wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault<'a> {
    /// There is nothing to answer.
    #[error(transparent)]
    Drop(Drop),
    /// The answer is an error.
    #[error("{}", .0.why)]
    Refuse(Refusal<'a>),
}

/// Why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Drop {
    /// Fewer bytes than a header.
    #[error("{0} bytes are no DNS message")]
    Short(usize),
    /// A response.
    #[error("a response, where only queries are taken")]
    Response,
}

/// A query that is answered without looking for a name, nearly always with an error, and what of it
/// could be read for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// The fault.
    pub why: Why,
    /// The question, where there is exactly one.
    pub question: Option<Question<'a>>,
    /// What the OPT record says, as far as it could be read.
    pub edns: Option<Edns<'a>>,
    /// Identifier and flags.
    pub header: Header,
}

/// Why a query is answered without looking for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Another kind of message than a query.
    #[error("a message of the kind {0}, where only queries are answered")]
    Opcode(Opcode),
    /// The question's name.
    #[error("a malformed question")]
    QuestionName(#[source] NameFault),
    /// A record's owner.
    #[error("a record with a malformed owner")]
    Owner(#[source] NameFault),
    /// The packet ends inside a question or a record.
    #[error("a message that ends inside a question or a record")]
    Cut,
    /// Bytes behind the last record.
    #[error("bytes behind the last record: {0}")]
    Trailing(usize),
    /// More than one OPT record.
    #[error("more than one OPT record")]
    OptTwice,
    /// An OPT record of a name.
    #[error("an OPT record whose owner is not the root")]
    OptOwner,
    /// An OPT record outside the additional section.
    #[error("an OPT record outside the additional section")]
    OptPlace,
    /// The OPT record's options.
    #[error("malformed EDNS options")]
    Options(#[source] OptionFault),
    /// Not exactly one question.
    #[error("{0} questions, where one is answered")]
    Questions(u16),
    /// A newer EDNS.
    #[error("EDNS version {0}, where 0 is spoken")]
    Version(u8),
    /// Nothing is wrong: no question, but a cookie (RFC 7873, 5.4). A server that does cookies
    /// answers with a fresh one, and puts [`Why::BadCookie`] here first where the one in the query
    /// is bad. One that does none puts `Questions(0)`.
    #[error("a question for a cookie")]
    CookieOnly,
    /// Never read from a packet: a question for a cookie with a bad one.
    #[error("a question for a cookie with a bad one")]
    BadCookie,
}

impl Why {
    /// The response code that says so.
    #[must_use]
    pub const fn rcode(self) -> Rcode {
        match self {
            Self::Opcode(_) => Rcode::NOTIMP,
            Self::Version(_) => Rcode::BADVERS,
            Self::CookieOnly => Rcode::NOERROR,
            Self::BadCookie => Rcode::BADCOOKIE,
            _ => Rcode::FORMERR,
        }
    }
}

/// Takes a packet apart.
///
/// # Errors
///
/// See the list above. The work is in proportion to the packet's length, whatever its counts say.
pub fn parse(packet: &[u8]) -> Result<Query<'_>, Fault<'_>> {
    let (header, counts, rest) =
        Header::split_from(packet).ok_or(Fault::Drop(Drop::Short(packet.len())))?;
    if header.flags.has(Flags::RESPONSE) {
        return Err(Fault::Drop(Drop::Response));
    }
    let mut body = Body { question: None, edns: None, rest };
    let read = body.read(counts);
    let Body { question, edns, .. } = body;
    let refuse = |why| Err(Fault::Refuse(Refusal { why, question, edns, header }));
    let opcode = header.flags.opcode();
    if opcode != Opcode::QUERY {
        return refuse(Why::Opcode(opcode));
    }
    if let Err(why) = read {
        return refuse(why);
    }
    let Some(question) = question else {
        let has_cookie = edns.is_some_and(|edns| edns.cookie.is_some());
        return match counts.questions {
            0 if has_cookie => refuse(Why::CookieOnly),
            questions => refuse(Why::Questions(questions)),
        };
    };
    match edns {
        Some(Edns { version, .. }) if version != EDNS_VERSION => refuse(Why::Version(version)),
        edns => Ok(Query { question, edns, header }),
    }
}

/// The client's network that a query tells of, where it stands as nearly always: in an OPT record right
/// behind the one question. For whoever wants to know before the query is taken apart: a part of the
/// work, and what is found in a malformed query means nothing.
#[must_use]
pub fn peek_network(packet: &[u8]) -> Option<Subnet> {
    let (_, counts, rest) = Header::split_from(packet)?;
    let plain = Counts { questions: 1, answers: 0, authorities: 0, additionals: 1 };
    let rest = skip(rest).ok().filter(|_| counts == plain)?;
    let (_type_and_class, rest) = rest.split_first_chunk::<4>()?;
    let (&[0, t0, t1, _, _, _, _, _, _, _, _], mut rest) = rest.split_first_chunk()? else {
        return None;
    };
    let is_opt = RecordType(u16::from_be_bytes([t0, t1])) == RecordType::OPT;
    while let Some((&[c0, c1, l0, l1], more)) = rest.split_first_chunk().filter(|_| is_opt) {
        let (value, more) = more.split_at_checked(u16::from_be_bytes([l0, l1]).into())?;
        if OptionCode(u16::from_be_bytes([c0, c1])) == OptionCode::CLIENT_SUBNET {
            return ClientSubnet::read(value).ok()?.network();
        }
        rest = more;
    }
    None
}

/// The sections of a message while they are read.
struct Body<'a> {
    /// The question, if there is exactly one.
    question: Option<Question<'a>>,
    /// The OPT record.
    edns: Option<Edns<'a>>,
    /// What is still to read.
    rest: &'a [u8],
}

impl<'a> Body<'a> {
    /// Reads all sections. What was read before a fault stays.
    fn read(&mut self, counts: Counts) -> Result<(), Why> {
        for _ in 0..counts.questions {
            let question = self.read_question()?;
            self.question = Some(question).filter(|_| counts.questions == 1);
        }
        for _ in 0..u32::from(counts.answers) + u32::from(counts.authorities) {
            if self.read_record()?.record_type == RecordType::OPT {
                return Err(Why::OptPlace);
            }
        }
        for _ in 0..counts.additionals {
            let record = self.read_record()?;
            if record.record_type == RecordType::OPT {
                self.read_opt(&record)?;
            }
        }
        if !self.rest.is_empty() {
            return Err(Why::Trailing(self.rest.len()));
        }
        Ok(())
    }

    /// Reads a question (RFC 1035, 4.1.2).
    fn read_question(&mut self) -> Result<Question<'a>, Why> {
        let (name, rest) = Name::split_from(self.rest).map_err(Why::QuestionName)?;
        let (&[t0, t1, c0, c1], rest) = rest.split_first_chunk().ok_or(Why::Cut)?;
        self.rest = rest;
        let qtype = RecordType(u16::from_be_bytes([t0, t1]));
        Ok(Question { name, qtype, qclass: Class(u16::from_be_bytes([c0, c1])) })
    }

    /// Reads a record (RFC 1035, 4.1.3) without looking into it.
    fn read_record(&mut self) -> Result<Record<'a>, Why> {
        let owner_is_root = self.rest.first() == Some(&0);
        let rest = skip(self.rest).map_err(Why::Owner)?;
        let (&[t0, t1, c0, c1, s0, s1, s2, s3, l0, l1], rest) =
            rest.split_first_chunk().ok_or(Why::Cut)?;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let (rdata, rest) = rest.split_at_checked(length).ok_or(Why::Cut)?;
        self.rest = rest;
        Ok(Record {
            owner_is_root,
            record_type: RecordType(u16::from_be_bytes([t0, t1])),
            class: u16::from_be_bytes([c0, c1]),
            ttl: u32::from_be_bytes([s0, s1, s2, s3]),
            rdata,
        })
    }

    /// Takes a record of type OPT for what it says. What could be read of it stays.
    fn read_opt(&mut self, record: &Record<'a>) -> Result<(), Why> {
        if self.edns.is_some() {
            return Err(Why::OptTwice);
        }
        if !record.owner_is_root {
            return Err(Why::OptOwner);
        }
        let mut edns = Edns::new(record.class, record.ttl);
        let read = edns.read_options(record.rdata);
        self.edns = Some(edns);
        read.map_err(Why::Options)
    }
}

/// A record, not looked into.
struct Record<'a> {
    /// Whether its owner is the plain root. A pointer to a root is not (RFC 6891, 6.1.2).
    owner_is_root: bool,
    /// Its type.
    record_type: RecordType,
    /// Its class; in an OPT record the sender's size.
    class: u16,
    /// Its TTL in seconds; in an OPT record version and flags.
    ttl: u32,
    /// Its data.
    rdata: &'a [u8],
}
