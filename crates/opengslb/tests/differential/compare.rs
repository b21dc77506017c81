//! Two replies to one question, and where they differ: one by one, so that each difference can have a
//! reason of its own.
//!
//! Sections are compared as sets of records. What a cut reply still holds is nobody's promise (RFC
//! 2181, 9), so where one is cut only the heads are compared.

use std::fmt::{self, Display, Formatter};

use crate::client::{Record, Reply};

/// One difference.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Difference<'a> {
    /// Something in the head: what it is called.
    Head(&'static str),
    /// A record of ours that they have not.
    Ours(Section, &'a Record),
    /// A record of theirs that we have not.
    Theirs(Section, &'a Record),
    /// A record that stands more than once in this section of ours (RFC 2181, 5).
    Repeated(Section),
}

/// A part of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Answer,
    Authority,
    Additional,
}

/// The names of what [`differences`] finds in the head.
pub(crate) const RCODE: &str = "response code";

/// All differences between two replies.
pub(crate) fn differences<'a>(ours: &'a Reply, theirs: &'a Reply) -> Vec<Difference<'a>> {
    let heads = [
        (RCODE, ours.rcode != theirs.rcode),
        ("AA", ours.authoritative != theirs.authoritative),
        ("TC", ours.truncated != theirs.truncated),
        ("RD, RA, AD or CD", ours.other_flags != theirs.other_flags),
        ("question", ours.question != theirs.question),
        ("EDNS version or DO", ours.edns != theirs.edns),
    ];
    let heads = heads.into_iter().filter(|(_, differs)| *differs);
    let mut all: Vec<_> = heads.map(|(what, _)| Difference::Head(what)).collect();
    if ours.truncated || theirs.truncated {
        return all;
    }
    for section in [Section::Answer, Section::Authority, Section::Additional] {
        let (ours, theirs) = (ours.section(section), theirs.section(section));
        if ours.is_sorted_by(|one, next| one < next) {
            let more = ours.iter().filter(|record| !theirs.contains(record));
            all.extend(more.map(|record| Difference::Ours(section, record)));
        } else {
            all.push(Difference::Repeated(section));
        }
        let more = theirs.iter().filter(|record| !ours.contains(record));
        all.extend(more.map(|record| Difference::Theirs(section, record)));
    }
    all
}

impl Reply {
    pub(crate) fn section(&self, section: Section) -> &[Record] {
        match section {
            Section::Answer => &self.answer,
            Section::Authority => &self.authority,
            Section::Additional => &self.additional,
        }
    }
}

impl Display for Difference<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(what) => f.write_str(what),
            Self::Ours(section, record) => write!(f, "only ours: {section:?} {record}"),
            Self::Theirs(section, record) => write!(f, "only theirs: {section:?} {record}"),
            Self::Repeated(section) => write!(f, "twice in ours: {section:?}"),
        }
    }
}

/// A reply for people.
impl Display for Reply {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { rcode, authoritative, truncated, other_flags, edns, .. } = self;
        write!(f, "rcode {rcode}, AA {authoritative}, TC {truncated}, ")?;
        writeln!(f, "RD RA AD CD {other_flags:?}, EDNS {edns:?}")?;
        for section in [Section::Answer, Section::Authority, Section::Additional] {
            for record in self.section(section) {
                writeln!(f, "    {section:?} {record}")?;
            }
        }
        Ok(())
    }
}
