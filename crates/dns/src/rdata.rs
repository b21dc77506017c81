//! What a record says (RFC 1035, 3.3 and 3.4; RFC 3596, 2.2).
//!
//! The types that the server makes up itself have a shape of their own; any other is carried as
//! the bytes it was given (RFC 3597).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::name::Name;
use crate::types::RecordType;

/// A record's type and data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rdata<'a> {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A name server.
    Ns(Name<'a>),
    /// The name meant.
    Cname(Name<'a>),
    /// The start of authority.
    Soa(Soa<'a>),
    /// One text of any length; it is written in character strings of up to 255 bytes (RFC 1035,
    /// 3.3.14), and as one empty string where there is none.
    Txt(&'a [u8]),
    /// Any other type, in its wire form without compressed names (RFC 3597, 4).
    Other {
        /// The type.
        record_type: RecordType,
        /// The data; at most 65,535 bytes fit into a record.
        bytes: &'a [u8],
    },
}

/// The start of authority (RFC 1035, 3.3.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Soa<'a> {
    /// The zone's primary name server.
    pub primary: Name<'a>,
    /// Who is responsible: a mailbox, its `@` written as a dot.
    pub mailbox: Name<'a>,
    /// The version of the zone.
    pub serial: u32,
    /// How often a secondary asks for a new version.
    pub refresh_s: u32,
    /// How long it waits after a failure.
    pub retry_s: u32,
    /// After which time without a reply it gives the zone up.
    pub expire_s: u32,
    /// How long a negative answer may be kept, together with the record's TTL (RFC 2308, 4 and 5).
    pub minimum_s: u32,
}

impl Rdata<'_> {
    /// The record's type.
    #[must_use]
    pub const fn record_type(&self) -> RecordType {
        match self {
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::AAAA,
            Self::Ns(_) => RecordType::NS,
            Self::Cname(_) => RecordType::CNAME,
            Self::Soa(_) => RecordType::SOA,
            Self::Txt(_) => RecordType::TXT,
            Self::Other { record_type, .. } => *record_type,
        }
    }
}
