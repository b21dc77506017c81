//! Names that somebody else answers for, and what such an answer is made of.
//!
//! A steered name answers with addresses of servers, and then says how many and what an HTTPS record
//! tells besides; or with an alias, one for each place that a client may be sent to. Must never
//! know which place that is: the caller decides.

use dns::{NameBuf, RecordType};

use crate::content::RecordSet;

/// The most bytes of [`HttpsTerms`]: eight protocols of 32 bytes and a port have 281.
pub const HTTPS_BYTES_MAX: usize = 288;
/// The keys of service parameters (RFC 9460, 14.3.2).
const ALPN: u16 = 1;
const PORT: u16 = 3;

/// A name that somebody else answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SteeredName {
    /// The name; it may be a wildcard.
    pub name: NameBuf,
    /// What the caller knows it by.
    pub index: usize,
    /// What it answers with.
    pub steering: Steering,
}

/// What a steered name answers with, and so which questions it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Steering {
    /// Addresses. Records of other types may stand beside it.
    Addresses {
        /// How many servers an answer names, at most.
        answers: usize,
        /// What an HTTPS record says of the servers; without it that type is not the steered name's.
        https: Option<HttpsTerms>,
    },
    /// An alias for every type of question, so nothing may stand beside it (RFC 1034, 3.6.2).
    Alias(AliasTargets),
}

/// The names that a steered name may mean, one for each place that a client may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasTargets {
    sets: Box<[RecordSet]>,
}

/// What an HTTPS record says of a service before its addresses (RFC 9460, 2.2): priority 1, the
/// owner itself as target, the protocols and the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsTerms {
    bytes: Box<[u8]>,
}

impl Steering {
    /// One server's address an answer, and nothing else.
    pub const ONE_ADDRESS: Self = Self::Addresses { answers: 1, https: None };

    /// Whether a question for this type is the steered name's.
    #[must_use]
    pub fn takes(&self, qtype: RecordType) -> bool {
        match self {
            Self::Addresses { https, .. } => match qtype {
                RecordType::A | RecordType::AAAA | RecordType::ANY => true,
                RecordType::HTTPS => https.is_some(),
                _ => false,
            },
            Self::Alias(_) => true,
        }
    }

    /// The alias of a place.
    #[must_use]
    pub fn alias(&self, place: usize) -> Option<&RecordSet> {
        match self {
            Self::Alias(targets) => targets.sets.get(place),
            Self::Addresses { .. } => None,
        }
    }
}

impl AliasTargets {
    /// The names, in the order of the caller's places, each to be kept for `ttl_s` seconds.
    #[must_use]
    pub fn new(targets: &[NameBuf], ttl_s: u32) -> Self {
        let set = |target: &NameBuf| RecordSet {
            record_type: RecordType::CNAME,
            ttl_s,
            records: [target.as_name().as_bytes().into()].into(),
        };
        Self { sets: targets.iter().map(set).collect() }
    }
}

impl HttpsTerms {
    /// Protocols (RFC 9460, 7.1.1; beside them HTTP/1.1 is always meant) and, where it is not 443,
    /// the port. Nothing where there is no protocol, or more than an answer has room for.
    #[must_use]
    pub fn new(protocols: &[&str], port: Option<u16>) -> Option<Self> {
        let mut list = Vec::new();
        for protocol in protocols {
            list.push(u8::try_from(protocol.len()).ok().filter(|length| *length > 0)?);
            list.extend_from_slice(protocol.as_bytes());
        }
        let length = u16::try_from(list.len()).ok().filter(|length| *length > 0)?;
        // Keys stand in rising order (RFC 9460, 2.2).
        let mut bytes = vec![0, 1, 0];
        bytes.extend([ALPN, length].map(u16::to_be_bytes).concat());
        bytes.append(&mut list);
        if let Some(port) = port {
            bytes.extend([PORT, 2, port].map(u16::to_be_bytes).concat());
        }
        (bytes.len() <= HTTPS_BYTES_MAX).then(|| Self { bytes: bytes.into() })
    }

    /// The record's data up to the addresses, which follow it.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_parameters_are_in_rising_order() {
        let terms = HttpsTerms::new(&["h2", "h3"], Some(8443)).unwrap();
        assert_eq!(terms.as_bytes(), b"\0\x01\0\0\x01\0\x06\x02h2\x02h3\0\x03\0\x02\x20\xfb");
        let terms = HttpsTerms::new(&["h2"], None).unwrap();
        assert_eq!(terms.as_bytes(), b"\0\x01\0\0\x01\0\x03\x02h2");
    }

    #[test]
    fn what_cannot_be_said_is_nothing() {
        let long = "h".repeat(32);
        assert!(HttpsTerms::new(&[long.as_str(); 8], Some(8443)).is_some());
        assert_eq!(HttpsTerms::new(&[long.as_str(); 9], None), None);
        assert_eq!(HttpsTerms::new(&[], Some(8443)), None);
        assert_eq!(HttpsTerms::new(&[""], None), None);
        assert_eq!(HttpsTerms::new(&["h".repeat(256).as_str()], None), None);
    }
}
