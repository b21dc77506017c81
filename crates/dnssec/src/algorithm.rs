//! The algorithms that a zone is signed with: two whose signatures are short.
//!
//! Both have secrets of 32 bytes and signatures of 64. Older ones are not offered: RSA's signatures
//! do not fit beside many records into a datagram, and RFC 8624 recommends these two.

use std::fmt;
use std::str::FromStr;

/// The bytes of a signature: of both algorithms (RFC 6605, 4; RFC 8080, 4).
pub const SIGNATURE_BYTES: usize = 64;
/// The bytes of a secret: P-256's number, Ed25519's seed.
pub const SECRET_BYTES: usize = 32;

/// A signature algorithm (IANA registry "DNS Security Algorithm Numbers").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// ECDSA with the curve P-256 and SHA-256 (RFC 6605): every validator knows it.
    EcdsaP256Sha256,
    /// Ed25519 (RFC 8080): signatures of the same data are the same.
    Ed25519,
}

impl Algorithm {
    /// Both.
    pub const ALL: [Self; 2] = [Self::EcdsaP256Sha256, Self::Ed25519];

    /// The algorithm's number in records.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::EcdsaP256Sha256 => 13,
            Self::Ed25519 => 15,
        }
    }

    /// The name in configuration, in lower case; `Display` writes the same.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256Sha256 => "ecdsap256sha256",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// No algorithm has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no algorithm: write ecdsap256sha256 or ed25519")]
pub struct UnknownAlgorithm(pub String);

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// The name in any case, or the number.
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let is_it = |algorithm: &Self| {
            text.eq_ignore_ascii_case(algorithm.as_str()) || text == algorithm.number().to_string()
        };
        let found = Self::ALL.into_iter().find(is_it);
        found.ok_or_else(|| UnknownAlgorithm(text.chars().take(64).collect()))
    }
}
