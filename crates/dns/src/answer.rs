//! The answer put together, cut where it does not fit.
//!
//! The rules:
//!
//! - identifier and opcode are the asker's, so is RD in an answer to a query, and the question is
//!   echoed byte for byte, in the asker's case (RFC 1035, 4.1.1; RFC 6895, 2;
//!   draft-vixie-dnsext-dns0x20);
//! - records follow in the order answer, authority, additional; the OPT record is the last and
//!   always fits: its room is kept from the start (RFC 6891, 6.1.1 and 7);
//! - where a query has an OPT record the answer has one, and only there. It carries the high bits
//!   of the response code (RFC 6891, 6.1.3), DO as it was asked (RFC 3225, 3) and CO beside it (RFC
//!   9824, 5.1), the query's client subnet with the answer's scope (RFC 7871, 7.2.1) and what
//!   [`Extras`] says;
//! - a set of records is written whole or not at all. If one of the answer or of the authority
//!   section does not fit, TC is set and nothing more is written (RFC 2181, 9); in the additional
//!   section it is left out and nothing is said;
//! - names are compressed against what was written before, also in the data of the types that RFC
//!   1035 defines (RFC 3597, 4).
//!
//! An answer is never longer than its limit nor than the buffer. A buffer of fewer than 512 bytes may be
//! too small for header, question and OPT record: then the answer is empty.

mod opt;
mod sink;

use crate::edns::{ClientSubnet, Edns, UDP_SIZE_MIN};
use crate::header::{Counts, Flags, HEADER_BYTES, Header};
use crate::name::Name;
use crate::query::{Query, Question, Refusal};
use crate::rdata::Rdata;
use crate::types::{Class, Rcode};
pub use opt::{Extras, NSID_BYTES_MAX};
use opt::{OPT_BYTES, Opt, keep_client_subnet};
use sink::{Full, Sink};

/// The longest TTL (RFC 2181, 8): 31 bits. A longer one counts as 0 for the reader, so it is cut.
const TTL_MAX_S: u32 = i32::MAX as u32;

/// What an answer says besides its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The response code. One above 15 needs an asker with EDNS; without, it becomes SERVFAIL.
    pub rcode: Rcode,
    /// Whether we are the authority for the question's name (AA).
    pub authoritative: bool,
    /// For how many bits of the client's network the answer holds; 0 for all. Only said where the
    /// query has a client subnet.
    pub scope: u8,
}

/// How long an answer may be, and what we take ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The longest answer in bytes.
    bytes: usize,
    /// The longest query we take by UDP, as the OPT record says it.
    udp_size: u16,
    /// Whether the answer goes over TCP.
    by_tcp: bool,
}

impl Limit {
    /// By UDP: what the asker takes, but not more than `udp_size`, our own limit, which also keeps
    /// answers from being fragmented. Neither counts below 512 (RFC 6891, 6.2.3 and 6.2.5).
    #[must_use]
    pub fn udp(edns: Option<&Edns<'_>>, udp_size: u16) -> Self {
        let udp_size = udp_size.max(UDP_SIZE_MIN);
        let asked = edns.map_or(UDP_SIZE_MIN, |edns| edns.udp_size);
        Self { bytes: asked.clamp(UDP_SIZE_MIN, udp_size).into(), udp_size, by_tcp: false }
    }

    /// By TCP: what its two bytes of length can say (RFC 1035, 4.2.2). `udp_size` is told to the
    /// asker for the next time.
    #[must_use]
    pub fn tcp(udp_size: u16) -> Self {
        Self { bytes: u16::MAX.into(), udp_size: udp_size.max(UDP_SIZE_MIN), by_tcp: true }
    }

    /// The longest answer in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.bytes
    }
}

/// A part of an answer, in the order they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// Who answers for it, or for its absence.
    Authority,
    /// What may help.
    Additional,
}

/// An answer that is being written.
pub struct Answer<'b> {
    /// What is written.
    sink: Sink<'b>,
    /// The header as it will be.
    header: Header,
    /// What was counted so far.
    counts: Counts,
    /// The class of the records: the question's.
    class: Class,
    /// The section at hand.
    section: Section,
    /// The record to end with.
    opt: Option<Opt>,
}

impl<'b> Answer<'b> {
    /// Begins the answer to `query`. `buffer` should have 512 bytes at least.
    #[must_use]
    pub fn to_query(query: &Query<'_>, head: Head, limit: Limit, buffer: &'b mut [u8]) -> Self {
        Self::begin((query.header, Some(query.question)), query.edns, head, limit, buffer)
    }

    /// Begins, and mostly is, the answer to a query that is refused for its form: no record and no
    /// authority. Without a readable question it has none. `buffer` should have 512 bytes at least.
    #[must_use]
    pub fn to_refusal(refusal: &Refusal<'_>, limit: Limit, buffer: &'b mut [u8]) -> Self {
        let head = Head { rcode: refusal.why.rcode(), authoritative: false, scope: 0 };
        Self::begin((refusal.header, refusal.question), refusal.edns, head, limit, buffer)
    }

    /// Writes header and question and keeps the OPT record's room.
    fn begin(
        (asked, question): (Header, Option<Question<'_>>),
        edns: Option<Edns<'_>>,
        head: Head,
        limit: Limit,
        buffer: &'b mut [u8],
    ) -> Self {
        let opt = edns.map(|edns| Opt::new(&edns, head, limit));
        let rcode =
            if head.rcode.high() > 0 && opt.is_none() { Rcode::SERVFAIL } else { head.rcode };
        let authority = if head.authoritative { Flags::AUTHORITATIVE } else { 0 };
        let flags = Flags(asked.flags.answering().0 | authority | rcode.low());
        let kept = if opt.is_some() { OPT_BYTES } else { 0 };
        let mut answer = Self {
            sink: Sink::new(buffer_of(buffer, limit), kept),
            header: Header { id: asked.id, flags },
            counts: Counts { questions: 0, answers: 0, authorities: 0, additionals: 0 },
            class: Class::IN,
            section: Section::Answer,
            opt,
        };
        let client_subnet = edns.and_then(|edns| edns.client_subnet);
        let begun = answer.put_beginning(question, client_subnet.map(|asked| (asked, head.scope)));
        if begun.is_err() {
            answer.sink = Sink::new(&mut [], 0);
        }
        answer
    }

    /// Writes what every answer has: room for the header, the question, and the client subnet where
    /// there was one.
    fn put_beginning(
        &mut self,
        question: Option<Question<'_>>,
        client_subnet: Option<(ClientSubnet, u8)>,
    ) -> Result<(), Full> {
        self.sink.put(&[0; HEADER_BYTES])?;
        if let Some(question) = question {
            self.put_question(&question)?;
        }
        client_subnet
            .map_or(Ok(()), |(asked, scope)| keep_client_subnet(&mut self.sink, asked, scope))
    }

    /// Writes the question as it was asked.
    fn put_question(&mut self, question: &Question<'_>) -> Result<(), Full> {
        self.sink.put_first_name(question.name)?;
        let ([t0, t1], [c0, c1]) =
            (question.qtype.0.to_be_bytes(), question.qclass.0.to_be_bytes());
        self.sink.put(&[t0, t1, c0, c1])?;
        self.counts.questions = 1;
        // A question for any class is answered from the Internet's.
        self.class = if question.qclass == Class::ANY { Class::IN } else { question.qclass };
        Ok(())
    }

    /// Keeps room for what the OPT record says besides, as far as the query asks for it. Once, and
    /// before any record: what has no room left is not said.
    pub fn carry(&mut self, extras: &Extras<'_>) {
        if let Some(opt) = self.opt.as_mut() {
            opt.carry(extras, &mut self.sink);
        }
    }

    /// Leaves all records out and says so (TC): the answer to somebody who should come back by TCP.
    pub const fn truncate(&mut self) {
        self.header.flags.0 |= Flags::TRUNCATED;
    }

    /// Writes a set of records of one owner, whole or not at all; says whether it is in.
    ///
    /// Signatures belong into the set that they sign. Sections come in their order: a set for one
    /// that is past goes into the one at hand.
    pub fn add<'r>(
        &mut self,
        section: Section,
        owner: Name<'_>,
        ttl_s: u32,
        records: impl IntoIterator<Item = Rdata<'r>>,
    ) -> bool {
        debug_assert!(section >= self.section, "sections come in their order");
        if self.is_truncated() {
            return false;
        }
        self.section = self.section.max(section);
        let (mark, counts) = (self.sink.mark(), self.counts);
        let mut records = records.into_iter();
        let put = records.try_for_each(|rdata| self.put_record(owner, ttl_s, &rdata));
        if put.is_err() {
            self.sink.back_to(mark);
            self.counts = counts;
            if self.section < Section::Additional {
                self.truncate();
            }
        }
        put.is_ok()
    }

    /// Whether something did not fit that had to, or was left out (TC).
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.header.flags.has(Flags::TRUNCATED)
    }

    /// Ends the answer and gives its bytes.
    #[must_use]
    #[inline]
    pub fn finish(mut self) -> &'b [u8] {
        // Its room was kept, so it fits; if it did not, the count would still be right.
        if self.opt.take().is_some_and(|opt| opt.put(&mut self.sink).is_ok()) {
            self.counts.additionals = self.counts.additionals.saturating_add(1);
        }
        let header = self.header.to_bytes(self.counts);
        self.sink.into_message(header)
    }

    /// Writes one record and counts it.
    fn put_record(&mut self, owner: Name<'_>, ttl_s: u32, rdata: &Rdata<'_>) -> Result<(), Full> {
        self.sink.put_name(owner)?;
        let [t0, t1] = rdata.record_type().0.to_be_bytes();
        let [c0, c1] = self.class.0.to_be_bytes();
        let [s0, s1, s2, s3] = ttl_s.min(TTL_MAX_S).to_be_bytes();
        self.sink.put(&[t0, t1, c0, c1, s0, s1, s2, s3])?;
        let length = self.sink.reserve_length()?;
        self.sink.put_rdata(rdata)?;
        self.sink.fill_length(length)?;
        let count = match self.section {
            Section::Answer => &mut self.counts.answers,
            Section::Authority => &mut self.counts.authorities,
            Section::Additional => &mut self.counts.additionals,
        };
        // The smallest record has 11 bytes, so no message holds as many as a count can say.
        *count = count.checked_add(1).ok_or(Full)?;
        Ok(())
    }
}

/// The part of `buffer` that an answer may fill.
fn buffer_of(buffer: &mut [u8], limit: Limit) -> &mut [u8] {
    let length = buffer.len().min(limit.bytes);
    buffer.get_mut(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests;
