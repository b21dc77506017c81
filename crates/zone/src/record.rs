//! One record, as it was written: owner, TTL, type and the data's bytes.
//!
//! Knows the shape of the types that the look-up reads, and which types no zone may hold. Must not
//! know what else stands in a zone.

use std::net::{Ipv4Addr, Ipv6Addr};

use dns::{Name, Rdata, RecordType, Soa};

/// A name that is kept: its wire form on the heap, in the case it was written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredName(Box<[u8]>);

impl StoredName {
    /// A copy of a name.
    pub(crate) fn new(name: Name<'_>) -> Self {
        Self(name.as_bytes().into())
    }

    /// Its wire form.
    pub(crate) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name.
    pub(crate) fn as_name(&self) -> Name<'_> {
        // The bytes came from a name, so they are one.
        name_at(&self.0, 0).unwrap_or(Name::ROOT)
    }
}

/// An SOA record's data that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredSoa {
    primary: StoredName,
    mailbox: StoredName,
    /// Serial, refresh, retry, expire, minimum.
    numbers: [u32; 5],
}

impl StoredSoa {
    /// A copy of the data.
    pub(crate) fn new(soa: &Soa<'_>) -> Self {
        Self {
            primary: StoredName::new(soa.primary),
            mailbox: StoredName::new(soa.mailbox),
            numbers: [soa.serial, soa.refresh_s, soa.retry_s, soa.expire_s, soa.minimum_s],
        }
    }

    /// The data.
    pub(crate) fn as_soa(&self) -> Soa<'_> {
        let [serial, refresh_s, retry_s, expire_s, minimum_s] = self.numbers;
        let (primary, mailbox) = (self.primary.as_name(), self.mailbox.as_name());
        Soa { primary, mailbox, serial, refresh_s, retry_s, expire_s, minimum_s }
    }

    /// How long a negative answer may be kept, in seconds.
    pub(crate) const fn minimum_s(&self) -> u32 {
        let [.., minimum_s] = self.numbers;
        minimum_s
    }

    /// Its wire form.
    pub(crate) fn to_bytes(&self) -> Box<[u8]> {
        let names = [self.primary.as_name().as_bytes(), self.mailbox.as_name().as_bytes()];
        let numbers = self.numbers.map(u32::to_be_bytes);
        [names.concat(), numbers.concat()].concat().into()
    }
}

/// A record of class IN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    owner: StoredName,
    /// How long it may be kept, in seconds.
    pub ttl_s: u32,
    /// Its type.
    pub record_type: RecordType,
    /// Its data in wire form, names uncompressed (RFC 3597, 4).
    pub rdata: Box<[u8]>,
}

impl Record {
    /// A record.
    #[must_use]
    pub fn new(owner: Name<'_>, ttl_s: u32, record_type: RecordType, rdata: Box<[u8]>) -> Self {
        Self { owner: StoredName::new(owner), ttl_s, record_type, rdata }
    }

    /// Whose record it is.
    #[must_use]
    pub fn owner(&self) -> Name<'_> {
        self.owner.as_name()
    }
}

/// Whether a zone may hold records of a type at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It may.
    Data,
    /// DNAME: its answers hold names that stand nowhere (RFC 6672).
    Dname,
    /// What a signer adds (RFC 4034, RFC 5155): zones are read unsigned.
    Signing,
    /// A type for questions and messages only (RFC 6895, 3.1).
    Meta,
}

impl Kind {
    /// What a type is.
    pub(crate) const fn of(record_type: RecordType) -> Self {
        match record_type {
            RecordType::DNAME => Self::Dname,
            // RRSIG, NSEC, NSEC3, NSEC3PARAM.
            RecordType(46 | 47 | 50 | 51) => Self::Signing,
            RecordType(0 | 41 | 128..=255) => Self::Meta,
            _ => Self::Data,
        }
    }
}

/// A record's data in the form that the answer writer takes. Data of a known type that has not its
/// form, which no zone holds, is given as bytes.
pub(crate) fn rdata(record_type: RecordType, bytes: &[u8]) -> Rdata<'_> {
    let typed = match record_type {
        RecordType::A => <[u8; 4]>::try_from(bytes).ok().map(|b| Rdata::A(Ipv4Addr::from(b))),
        RecordType::AAAA => {
            <[u8; 16]>::try_from(bytes).ok().map(|b| Rdata::Aaaa(Ipv6Addr::from(b)))
        }
        RecordType::NS => whole_name(bytes).map(Rdata::Ns),
        RecordType::CNAME => whole_name(bytes).map(Rdata::Cname),
        RecordType::SOA => soa(bytes).map(Rdata::Soa),
        _ => None,
    };
    typed.unwrap_or(Rdata::Other { record_type, bytes })
}

/// Whether data has the form that its type asks for, as far as the look-up reads it.
pub(crate) fn is_well_formed(record_type: RecordType, bytes: &[u8]) -> bool {
    match record_type {
        RecordType::A | RecordType::AAAA | RecordType::NS | RecordType::CNAME | RecordType::SOA => {
            !matches!(rdata(record_type, bytes), Rdata::Other { .. })
        }
        RecordType::MX | RecordType::SRV => {
            target_offset(record_type).and_then(|at| bytes.get(at..)).and_then(whole_name).is_some()
        }
        RecordType::SVCB | RecordType::HTTPS => name_at(bytes, 2).is_some(),
        // Character strings, at least one, that end where the data ends (RFC 1035, 3.3.14).
        RecordType::TXT => !bytes.is_empty() && ends_with_a_string(bytes),
        _ => true,
    }
}

/// The name whose addresses belong beside a record (RFC 1035, 3.3.9 and 3.3.11; RFC 2782; RFC
/// 9460, 4.1), where its type has one. A service that stands at its own name has `owner`.
pub(crate) fn target<'a>(
    record_type: RecordType,
    bytes: &'a [u8],
    owner: Name<'a>,
) -> Option<Name<'a>> {
    let name = name_at(bytes, target_offset(record_type)?)?;
    match record_type {
        // A dot is the owner in service form, and nothing in alias form (RFC 9460, 2.5).
        RecordType::SVCB | RecordType::HTTPS if name.is_root() => {
            (bytes.first_chunk() != Some(&[0, 0])).then_some(owner)
        }
        _ => Some(name),
    }
}

/// Whether two records of a type say the same (RFC 2181, 5). Names say it in any case.
pub(crate) fn is_same(record_type: RecordType, one: &[u8], other: &[u8]) -> bool {
    match record_type {
        RecordType::NS | RecordType::CNAME | RecordType::PTR => one.eq_ignore_ascii_case(other),
        RecordType::MX | RecordType::SRV => {
            let numbers = target_offset(record_type).unwrap_or(0);
            one.get(..numbers) == other.get(..numbers) && one.eq_ignore_ascii_case(other)
        }
        _ => one == other,
    }
}

/// Where the name that a record points at begins in its data.
const fn target_offset(record_type: RecordType) -> Option<usize> {
    match record_type {
        RecordType::NS => Some(0),
        RecordType::MX | RecordType::SVCB | RecordType::HTTPS => Some(2),
        RecordType::SRV => Some(6),
        _ => None,
    }
}

/// The name at a place of some bytes.
fn name_at(bytes: &[u8], at: usize) -> Option<Name<'_>> {
    Name::split_from(bytes.get(at..)?).ok().map(|(name, _)| name)
}

/// The name that some bytes are.
pub(crate) fn whole_name(bytes: &[u8]) -> Option<Name<'_>> {
    Name::split_from(bytes).ok().filter(|(_, rest)| rest.is_empty()).map(|(name, _)| name)
}

/// The start of authority that some bytes are.
pub(crate) fn soa(bytes: &[u8]) -> Option<Soa<'_>> {
    let (primary, rest) = Name::split_from(bytes).ok()?;
    let (mailbox, rest) = Name::split_from(rest).ok()?;
    let numbers: &[u8; 20] = rest.try_into().ok()?;
    let mut numbers = numbers.chunks_exact(4).filter_map(|four| four.try_into().ok());
    let mut next = || numbers.next().map(u32::from_be_bytes);
    Some(Soa {
        primary,
        mailbox,
        serial: next()?,
        refresh_s: next()?,
        retry_s: next()?,
        expire_s: next()?,
        minimum_s: next()?,
    })
}

/// Whether bytes are character strings to the end.
fn ends_with_a_string(mut bytes: &[u8]) -> bool {
    while let Some((length, rest)) = bytes.split_first() {
        let Some(rest) = rest.get(usize::from(*length)..) else {
            return false;
        };
        bytes = rest;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_must_have_the_form_of_its_type() {
        for (record_type, bytes, expect) in [
            (RecordType::A, &b"\x01\x02\x03\x04"[..], true),
            (RecordType::A, b"\x01\x02\x03", false),
            (RecordType::AAAA, &[0; 16], true),
            (RecordType::AAAA, &[0; 17], false),
            (RecordType::NS, b"\x01a\x00", true),
            (RecordType::NS, b"\x01a\x00\x00", false),
            (RecordType::CNAME, b"\xc0\x0c", false),
            (RecordType::SOA, b"\x00\x0001230123012301230123", true),
            (RecordType::SOA, b"\x00\x00012301230123012301", false),
            (RecordType::MX, b"\x00\x0a\x00", true),
            (RecordType::MX, b"\x00", false),
            (RecordType::SRV, b"\x00\x00\x00\x00\x00\x00\x01a\x00", true),
            (RecordType::SRV, b"\x00\x00\x00\x00\x00\x00\x01a", false),
            (RecordType::HTTPS, b"\x00\x01\x00\x00\x01\x00\x03\x02h2", true),
            (RecordType::HTTPS, b"\x00\x01", false),
            (RecordType::TXT, b"\x02ab\x00", true),
            (RecordType::TXT, b"\x02a", false),
            (RecordType::TXT, b"", false),
            (RecordType(65280), b"", true),
        ] {
            assert_eq!(is_well_formed(record_type, bytes), expect, "{record_type} {bytes:?}");
        }
    }

    #[test]
    fn a_service_at_its_own_name_points_at_its_owner() {
        let owner = Name::split_from(b"\x01o\x00").unwrap().0;
        let target = |bytes: &'static [u8]| target(RecordType::HTTPS, bytes, owner);
        assert_eq!(target(b"\x00\x01\x00"), Some(owner));
        assert_eq!(target(b"\x00\x00\x00"), None);
        assert_eq!(target(b"\x00\x00\x01a\x00"), Name::split_from(b"\x01a\x00").ok().map(|n| n.0));
    }

    #[test]
    fn records_are_the_same_without_the_case_of_their_names() {
        assert!(is_same(RecordType::NS, b"\x01a\x00", b"\x01A\x00"));
        assert!(is_same(RecordType::PTR, b"\x01a\x00", b"\x01A\x00"));
        assert!(is_same(RecordType::MX, b"\x00A\x01a\x00", b"\x00A\x01A\x00"));
        assert!(!is_same(RecordType::MX, b"\x00A\x01a\x00", b"\x00a\x01a\x00"));
        assert!(!is_same(RecordType::TXT, b"\x01a", b"\x01A"));
    }
}
