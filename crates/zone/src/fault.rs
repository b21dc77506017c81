//! What a zone may not be, and what is odd about it.
//!
//! Names stand here as text: they are for people. Each text names the owner and the rule, so that the operator can find the line. Must not decide
//! anything: that is `build`'s.

use dns::RecordType;

use crate::content::{NAMES_MAX, RECORDS_PER_SET_MAX, SET_BYTES_MAX};

/// How many faults or warnings are told; of the rest only the number. More do not fit on a screen.
const TOLD_MAX: usize = 100;

/// A list of what is told, which stays short.
#[derive(Debug)]
pub(crate) struct Told<T> {
    list: Vec<T>,
    /// How many more there were.
    more: usize,
}

impl<T> Told<T> {
    /// Nothing to tell.
    pub(crate) const fn new() -> Self {
        Self { list: Vec::new(), more: 0 }
    }

    /// Adds what there is to tell.
    pub(crate) fn add(&mut self, what: T) {
        if self.list.len() < TOLD_MAX {
            self.list.push(what);
        } else {
            self.more += 1;
        }
    }

    /// Whether there is nothing to tell.
    pub(crate) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The list; how many more there were is its last entry.
    pub(crate) fn finish(mut self, more: impl FnOnce(usize) -> T) -> Vec<T> {
        if self.more > 0 {
            self.list.push(more(self.more));
        }
        self.list
    }
}

/// A rule that a zone breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{owner}: {rule}")]
pub struct ZoneFault {
    /// At which name.
    pub owner: String,
    /// Which rule.
    pub rule: Rule,
}

/// What makes a zone unfit to be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// Nothing at the apex says who is responsible (RFC 1035, 5.2).
    #[error("the zone has no SOA record")]
    NoSoa,
    /// Nothing at the apex says who serves the zone (RFC 1034, 4.2.1).
    #[error("the zone has no NS record at its apex")]
    NoNs,
    /// A name that belongs to somebody else.
    #[error("lies outside the zone {0}")]
    OutsideZone(String),
    /// An SOA record elsewhere (RFC 1035, 5.2).
    #[error("an SOA record belongs at the apex of a zone only")]
    SoaBelowApex,
    /// A set that can only have one record has more (RFC 2181, 10.1; RFC 1035, 5.2).
    #[error("has {count} different {record_type} records, one is allowed")]
    Several {
        /// The type.
        record_type: RecordType,
        /// How many.
        count: usize,
    },
    /// An alias with something beside it (RFC 1034, 3.6.2; RFC 2181, 10.1).
    #[error("has a CNAME record, so no {0} record may stand beside it")]
    CnameAndOther(RecordType),
    /// Data that nobody would ever be given.
    #[error(
        "lies at or below the delegation of {cut}, where no {record_type} record is ever answered from: only addresses of name servers may stand there"
    )]
    BelowCut {
        /// What is delegated.
        cut: String,
        /// The type of the record that is hidden.
        record_type: RecordType,
    },
    /// A DS record vouches for a delegation, from outside (RFC 4035, 2.4).
    #[error("has a DS record, which belongs to a delegation: an NS record below the apex")]
    DsWithoutNs,
    /// A delegation of all names that do not exist has no meaning (RFC 4592, 4.2).
    #[error("a wildcard cannot be delegated: NS is not allowed here")]
    WildcardNs,
    /// Not served: decision record 17.
    #[error("DNAME records are not supported: write a CNAME record for each name below")]
    Dname,
    /// Zones are read unsigned.
    #[error("{0} records belong to a signed zone: give the unsigned one")]
    Signing(RecordType),
    /// A type that no zone holds (RFC 6895, 3.1).
    #[error("{0} is no type for records of a zone")]
    Meta(RecordType),
    /// Data of another form than its type's.
    #[error("the data of its {0} record is malformed")]
    Data(RecordType),
    /// Two claims on one name.
    #[error("is steered twice")]
    SteeredTwice,
    /// A steered name answers this type itself.
    #[error("is steered, so no {0} record may stand beside it")]
    SteeredAndStatic(RecordType),
    /// At the apex an alias would hide SOA and NS (RFC 1034, 3.6.2).
    #[error("is the apex, where a steered name can answer with addresses only, not with an alias")]
    AliasAtApex,
    /// The name is somebody else's to answer.
    #[error("is steered, but lies at or below the delegation of {0}")]
    SteeredBelowCut(String),
    /// More than can be kept: the rest is not looked at.
    #[error("the zone has more than {NAMES_MAX} names")]
    TooManyNames,
    /// More than an answer can hold.
    #[error("has more than {RECORDS_PER_SET_MAX} {0} records")]
    TooManyRecords(RecordType),
    /// More than an answer can hold.
    #[error("its {0} records have more than {SET_BYTES_MAX} bytes, which no answer can hold")]
    SetTooLong(RecordType),
    /// The list ends here; there are more.
    #[error("and {0} more faults")]
    More(usize),
}

/// Something odd that is served nevertheless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{owner}: {what}")]
pub struct ZoneWarning {
    /// At which name.
    pub owner: String,
    /// What.
    pub what: Warning,
}

/// What is odd about a zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A set has one TTL (RFC 2181, 5.2).
    #[error(
        "its {record_type} records have different TTLs: {ttl_s} s, the shortest, holds for all"
    )]
    Ttls {
        /// The type of the set.
        record_type: RecordType,
        /// The TTL that is served.
        ttl_s: u32,
    },
    /// A delegation that nobody can follow, or a zone that nobody can ask (RFC 1034, 4.2.1).
    #[error("its name server {0} lies in it and has no address")]
    NoGlue(String),
    /// Such a name must not be an alias (RFC 2181, 10.3; RFC 2782).
    #[error("its {record_type} record points at {target}, which is a CNAME record")]
    TargetIsAlias {
        /// The type of the record.
        record_type: RecordType,
        /// What it points at.
        target: String,
    },
    /// The list ends here; there are more.
    #[error("and {0} more warnings")]
    More(usize),
}

/// Why zones cannot be served together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZonesFault {
    /// Two zones with one name.
    #[error("the zone {0} is given twice")]
    Twice(String),
    /// Data of the outer zone that the inner one hides.
    #[error(
        "{owner}: stands in the zone {outer}, but the zone {inner} answers for it: move it there"
    )]
    Hidden {
        /// Whose data.
        owner: String,
        /// Where it stands.
        outer: String,
        /// Who answers.
        inner: String,
    },
}
