//! The protocol's numbers with their names: record types, classes, opcodes, response codes and
//! EDNS option codes, from the IANA registry "Domain Name System (DNS) Parameters".
//!
//! Each is open: a number without a name here is carried and shown, never refused. The text form
//! of such a number is its kind and the number, as in `TYPE65280` and `CLASS32` (RFC 3597, 5).

use std::fmt;
use std::str::FromStr;

/// A number of some kind without its name: not what the text is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind}: write its name, or {prefix} and its number")]
pub struct UnknownName {
    text: String,
    kind: &'static str,
    prefix: &'static str,
}

/// The names of one kind of number.
struct Names {
    kind: &'static str,
    prefix: &'static str,
    /// The largest number of the kind.
    max: u16,
    names: &'static [(u16, &'static str)],
}

impl Names {
    /// Writes the name, or the prefix and the number.
    fn show(&self, number: u16, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.names.iter().find(|(known, _)| *known == number) {
            Some((_, name)) => f.pad(name),
            None => write!(f, "{}{number}", self.prefix),
        }
    }

    /// Reads what [`Names::show`] writes, in any case.
    fn read(&self, text: &str) -> Result<u16, UnknownName> {
        let named = self.names.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        let numbered = || {
            let (prefix, digits) = text.split_at_checked(self.prefix.len())?;
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.parse::<u16>().ok()?;
            let meant = prefix.eq_ignore_ascii_case(self.prefix) && plain && number <= self.max;
            meant.then_some(number)
        };
        named.map(|(number, _)| *number).or_else(numbered).ok_or_else(|| UnknownName {
            text: text.chars().take(64).collect(),
            kind: self.kind,
            prefix: self.prefix,
        })
    }
}

/// A record type (RFC 1035, 3.2.2; RFC 6895, 3.1), also where a question asks for one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordType(pub u16);

impl RecordType {
    /// An IPv4 address (RFC 1035, 3.4.1).
    pub const A: Self = Self(1);
    /// A name server of the zone (RFC 1035, 3.3.11).
    pub const NS: Self = Self(2);
    /// The name meant (RFC 1035, 3.3.1).
    pub const CNAME: Self = Self(5);
    /// The start of authority (RFC 1035, 3.3.13).
    pub const SOA: Self = Self(6);
    /// A pointer to a name (RFC 1035, 3.3.12).
    pub const PTR: Self = Self(12);
    /// A mail exchange (RFC 1035, 3.3.9).
    pub const MX: Self = Self(15);
    /// Text (RFC 1035, 3.3.14).
    pub const TXT: Self = Self(16);
    /// An IPv6 address (RFC 3596, 2.1).
    pub const AAAA: Self = Self(28);
    /// A service's host and port (RFC 2782).
    pub const SRV: Self = Self(33);
    /// A subtree's other name (RFC 6672).
    pub const DNAME: Self = Self(39);
    /// The EDNS pseudo-record (RFC 6891, 6.1.1).
    pub const OPT: Self = Self(41);
    /// A delegation's signer (RFC 4034, 5).
    pub const DS: Self = Self(43);
    /// A signature (RFC 4034, 3).
    pub const RRSIG: Self = Self(46);
    /// The next name (RFC 4034, 4).
    pub const NSEC: Self = Self(47);
    /// A zone's key (RFC 4034, 2).
    pub const DNSKEY: Self = Self(48);
    /// The DS record that a zone wants above (RFC 7344, 3.1).
    pub const CDS: Self = Self(59);
    /// The key whose DS record a zone wants above (RFC 7344, 3.2).
    pub const CDNSKEY: Self = Self(60);
    /// Service parameters (RFC 9460).
    pub const SVCB: Self = Self(64);
    /// Service parameters of a web site (RFC 9460).
    pub const HTTPS: Self = Self(65);
    /// In an NSEC: the name does not exist (RFC 9824, 3.5).
    pub const NXNAME: Self = Self(128);
    /// A transaction's signature (RFC 8945).
    pub const TSIG: Self = Self(250);
    /// A question for the changes of a zone (RFC 1995).
    pub const IXFR: Self = Self(251);
    /// A question for a whole zone (RFC 5936).
    pub const AXFR: Self = Self(252);
    /// A question for any type (RFC 1035, 3.2.3; RFC 8482).
    pub const ANY: Self = Self(255);
    /// Who may issue certificates (RFC 8659).
    pub const CAA: Self = Self(257);

    const NAMES: Names = Names {
        kind: "record type",
        prefix: "TYPE",
        max: u16::MAX,
        names: &[
            (1, "A"),
            (2, "NS"),
            (5, "CNAME"),
            (6, "SOA"),
            (12, "PTR"),
            (15, "MX"),
            (16, "TXT"),
            (28, "AAAA"),
            (33, "SRV"),
            (39, "DNAME"),
            (41, "OPT"),
            (43, "DS"),
            (46, "RRSIG"),
            (47, "NSEC"),
            (48, "DNSKEY"),
            (59, "CDS"),
            (60, "CDNSKEY"),
            (64, "SVCB"),
            (65, "HTTPS"),
            (128, "NXNAME"),
            (250, "TSIG"),
            (251, "IXFR"),
            (252, "AXFR"),
            (255, "ANY"),
            (257, "CAA"),
        ],
    };
}

/// A class (RFC 1035, 3.2.4; RFC 6895, 3.2), also where a question asks for one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub u16);

impl Class {
    /// The Internet.
    pub const IN: Self = Self(1);
    /// Chaos; today it is what servers tell about themselves (`version.bind`).
    pub const CH: Self = Self(3);
    /// Hesiod.
    pub const HS: Self = Self(4);
    /// None, in updates (RFC 2136).
    pub const NONE: Self = Self(254);
    /// Any class, in questions.
    pub const ANY: Self = Self(255);

    const NAMES: Names = Names {
        kind: "class",
        prefix: "CLASS",
        max: u16::MAX,
        names: &[(1, "IN"), (3, "CH"), (4, "HS"), (254, "NONE"), (255, "ANY")],
    };
}

/// A kind of message (RFC 1035, 4.1.1; RFC 6895, 2.2): four bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opcode(pub u8);

impl Opcode {
    /// A question.
    pub const QUERY: Self = Self(0);
    /// A status request (RFC 1035).
    pub const STATUS: Self = Self(2);
    /// A zone has changed (RFC 1996).
    pub const NOTIFY: Self = Self(4);
    /// A change to a zone (RFC 2136).
    pub const UPDATE: Self = Self(5);
    /// A stateful session (RFC 8490).
    pub const DSO: Self = Self(6);

    const NAMES: Names = Names {
        kind: "opcode",
        prefix: "OPCODE",
        max: 15,
        names: &[(0, "QUERY"), (2, "STATUS"), (4, "NOTIFY"), (5, "UPDATE"), (6, "DSO")],
    };
}

/// A response code: twelve bits (RFC 6895, 2.3).
///
/// The low four stand in the header, the high eight in the OPT record (RFC 6891, 6.1.3). Without
/// an OPT record only the first sixteen can be said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rcode(pub u16);

impl Rcode {
    /// No error; also where the name exists but has no such record.
    pub const NOERROR: Self = Self(0);
    /// The query is malformed.
    pub const FORMERR: Self = Self(1);
    /// The server failed.
    pub const SERVFAIL: Self = Self(2);
    /// No such name.
    pub const NXDOMAIN: Self = Self(3);
    /// No such kind of message here.
    pub const NOTIMP: Self = Self(4);
    /// The server will not.
    pub const REFUSED: Self = Self(5);
    /// Not authoritative (RFC 2136), or not authorised (RFC 8945).
    pub const NOTAUTH: Self = Self(9);
    /// An EDNS version above ours (RFC 6891, 6.1.3).
    pub const BADVERS: Self = Self(16);
    /// A wrong or missing cookie (RFC 7873, 8).
    pub const BADCOOKIE: Self = Self(23);

    const NAMES: Names = Names {
        kind: "response code",
        prefix: "RCODE",
        max: 0xfff,
        names: &[
            (0, "NOERROR"),
            (1, "FORMERR"),
            (2, "SERVFAIL"),
            (3, "NXDOMAIN"),
            (4, "NOTIMP"),
            (5, "REFUSED"),
            (9, "NOTAUTH"),
            (16, "BADVERS"),
            (23, "BADCOOKIE"),
        ],
    };

    /// The four bits of the header.
    #[must_use]
    pub const fn low(self) -> u16 {
        self.0 & 0x000f
    }

    /// The eight bits of the OPT record's TTL field. What is above twelve bits is cut off.
    #[must_use]
    pub const fn high(self) -> u8 {
        let [_, high] = (self.0 >> 4).to_be_bytes();
        high
    }
}

/// The code of an option in the OPT record (RFC 6891, 6.1.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OptionCode(pub u16);

impl OptionCode {
    /// The server's identifier (RFC 5001).
    pub const NSID: Self = Self(3);
    /// The client's network (RFC 7871).
    pub const CLIENT_SUBNET: Self = Self(8);
    /// A cookie (RFC 7873).
    pub const COOKIE: Self = Self(10);
    /// How long a TCP connection may idle (RFC 7828).
    pub const TCP_KEEPALIVE: Self = Self(11);
    /// Padding (RFC 7830).
    pub const PADDING: Self = Self(12);
    /// An extended error (RFC 8914).
    pub const EXTENDED_ERROR: Self = Self(15);

    const NAMES: Names = Names {
        kind: "option code",
        prefix: "OPTION",
        max: u16::MAX,
        names: &[
            (3, "NSID"),
            (8, "ECS"),
            (10, "COOKIE"),
            (11, "KEEPALIVE"),
            (12, "PADDING"),
            (15, "EDE"),
        ],
    };
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::NAMES.show(self.0, f)
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::NAMES.show(self.0, f)
    }
}

impl FromStr for RecordType {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::NAMES.read(text).map(Self)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::NAMES.show(self.0, f)
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::NAMES.show(self.0, f)
    }
}

impl FromStr for Class {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::NAMES.read(text).map(Self)
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::NAMES.show(self.0.into(), f)
    }
}

impl fmt::Debug for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::NAMES.show(self.0.into(), f)
    }
}

impl FromStr for Opcode {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let [_, low] = Self::NAMES.read(text)?.to_be_bytes();
        Ok(Self(low))
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::NAMES.show(self.0, f)
    }
}

impl fmt::Debug for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::NAMES.show(self.0, f)
    }
}

impl FromStr for Rcode {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::NAMES.read(text).map(Self)
    }
}

impl fmt::Display for OptionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::NAMES.show(self.0, f)
    }
}

impl fmt::Debug for OptionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::NAMES.show(self.0, f)
    }
}

impl FromStr for OptionCode {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::NAMES.read(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_shown_and_read_back() {
        for number in 0..=u16::MAX {
            let shown = RecordType(number).to_string();
            assert_eq!(shown.parse(), Ok(RecordType(number)));
            assert_eq!(shown.to_ascii_lowercase().parse(), Ok(RecordType(number)));
            assert_eq!(Class(number).to_string().parse(), Ok(Class(number)));
            assert_eq!(OptionCode(number).to_string().parse(), Ok(OptionCode(number)));
        }
        for number in 0..=0xfff {
            assert_eq!(Rcode(number).to_string().parse(), Ok(Rcode(number)));
        }
        for number in 0..=15 {
            assert_eq!(Opcode(number).to_string().parse(), Ok(Opcode(number)));
        }
    }

    #[test]
    fn names_and_numbers_agree() {
        assert_eq!(RecordType::HTTPS.to_string(), "HTTPS");
        assert_eq!(RecordType(65280).to_string(), "TYPE65280");
        assert_eq!("TYPE28".parse(), Ok(RecordType::AAAA));
        assert_eq!("class255".parse(), Ok(Class::ANY));
        assert_eq!(format!("{:>6}", RecordType::A), "     A");
    }

    #[test]
    fn what_is_no_name_says_what_to_write() {
        for wrong in ["", "TYPE", "TYPE65536", "TYPE+1", "TYPE-1", "TYPE 1", "B", "TYPEé"] {
            assert!(wrong.parse::<RecordType>().is_err(), "{wrong:?}");
        }
        assert!("RCODE4096".parse::<Rcode>().is_err());
        assert!("OPCODE16".parse::<Opcode>().is_err());
        assert_eq!(
            "AAA".parse::<RecordType>().unwrap_err().to_string(),
            "\"AAA\" is no record type: write its name, or TYPE and its number"
        );
    }

    #[test]
    fn a_response_code_is_split_over_header_and_opt() {
        assert_eq!((Rcode::BADVERS.low(), Rcode::BADVERS.high()), (0, 1));
        assert_eq!((Rcode::BADCOOKIE.low(), Rcode::BADCOOKIE.high()), (7, 1));
        assert_eq!((Rcode::REFUSED.low(), Rcode::REFUSED.high()), (5, 0));
        assert_eq!((Rcode(0xfff).low(), Rcode(0xfff).high()), (15, 255));
    }
}
