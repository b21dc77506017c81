//! What TLS established about the other end of a session, before anything is proven.
//!
//! Filled in by the edge. A key hash and an exporter are no secrets by themselves, yet nothing here
//! is ever logged but the address, the name and the key hash.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use aws_lc_rs::digest;

/// The other end, as TLS 1.3 with self-signed certificates on both sides knows it: that it holds
/// the key is proven, who it is is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where the connection comes from or goes to.
    pub address: SocketAddr,
    /// The common name in its certificate: what it calls itself.
    pub name: String,
    /// Its public key.
    pub key: KeyHash,
    /// The public key that this side showed.
    pub own_key: KeyHash,
    /// Bound to this TLS session alone.
    pub exporter: Exporter,
}

/// SHA-256 over a DER-encoded SubjectPublicKeyInfo (RFC 5280, 4.1.2.7): what is pinned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash([u8; 32]);

/// 32 bytes of keying material exported from a TLS session (RFC 8446, 7.5) under
/// [`Exporter::LABEL`] with no context; both ends of one session get the same, and no other session.
#[derive(Clone, PartialEq, Eq)]
pub struct Exporter([u8; 32]);

/// Why a text is no key hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key hash is 64 hexadecimal digits")]
pub struct KeyHashError;

impl KeyHash {
    /// The hash of a SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn of_spki(der: &[u8]) -> Self {
        let mut hash = [0; 32];
        for (byte, digest) in hash.iter_mut().zip(digest::digest(&digest::SHA256, der).as_ref()) {
            *byte = *digest;
        }
        Self(hash)
    }

    /// A hash computed before.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Exporter {
    /// The label that both ends export under (RFC 5705, 4).
    pub const LABEL: &'static [u8] = b"EXPORTER-opengslb-mesh";

    /// What the TLS library exported.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for KeyHash {
    /// 64 hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyHash {
    type Err = KeyHashError;

    fn from_str(text: &str) -> Result<Self, KeyHashError> {
        if text.len() != 64 {
            return Err(KeyHashError);
        }
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = digits.iter().try_fold(0, |byte: u8, digit| {
                let digit = char::from(*digit).to_digit(16).ok_or(KeyHashError)?;
                Ok(byte << 4 | u8::try_from(digit).map_err(|_| KeyHashError)?)
            })?;
        }
        Ok(Self(hash))
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exporter(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_hash_is_written_and_read() {
        // FIPS 180-2, B.1: the digest of "abc".
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hash = KeyHash::of_spki(b"abc");
        assert_eq!(hash.to_string(), text);
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(text.to_uppercase().parse(), Ok(hash));
        for wrong in ["", "ba78", &text.replace('b', "g"), &format!("{text}00"), &"é".repeat(32)] {
            assert_eq!(wrong.parse::<KeyHash>(), Err(KeyHashError), "{wrong}");
        }
    }
}
