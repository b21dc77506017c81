//! A key as one line of text: role, algorithm, key tag and secret, as in
//! `csk ed25519 12345 BASE64`.
//!
//! The tag says nothing new: it shows that the line is whole and was not mistaken for another. Must
//! never repeat a secret in an error.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::algorithm::{Algorithm, UnknownAlgorithm};
use crate::key::{Key, KeyFault};
use crate::role::{Role, UnknownRole};

/// Why a text is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyTextError {
    /// Other than four words.
    #[error("a key is four words: role, algorithm, key tag, secret")]
    Words,
    /// The first word.
    #[error("the first word of a key is its role")]
    Role(#[source] UnknownRole),
    /// The second word.
    #[error("the second word of a key is its algorithm")]
    Algorithm(#[source] UnknownAlgorithm),
    /// The third word is no number of 16 bits.
    #[error("the third word of a key is its key tag, a number up to 65535")]
    Tag,
    /// The fourth word.
    #[error("the fourth word of a key is its secret in base64")]
    Base64,
    /// The secret.
    #[error("the secret is none")]
    Secret(#[source] KeyFault),
    /// The secret is another key's.
    #[error("the secret belongs to the key tag {actual}, not to {written}")]
    OtherTag {
        /// What the text says.
        written: u16,
        /// What the secret says.
        actual: u16,
    },
}

impl Key {
    /// The data of its DNSKEY record as in a zone file (RFC 4034, 2.2): nothing secret.
    #[must_use]
    pub fn dnskey_text(&self) -> String {
        let (head, public) = self.dnskey().split_at_checked(4).unwrap_or_default();
        let protocol = head.get(2).copied().unwrap_or_default();
        let (flags, algorithm) = (self.role.flags(), self.algorithm.number());
        format!("{flags} {protocol} {algorithm} {}", STANDARD.encode(public))
    }

    /// The key as text, secret included. It is wiped when it is dropped.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(STANDARD.encode(*self.secret));
        Zeroizing::new(format!("{} {} {} {}", self.role, self.algorithm, self.tag, *secret))
    }

    /// Reads what [`Key::to_text`] writes.
    ///
    /// # Errors
    ///
    /// The first fault there is.
    pub fn from_text(text: &str) -> Result<Self, KeyTextError> {
        let mut words = text.split_ascii_whitespace();
        let four = (words.next(), words.next(), words.next(), words.next(), words.next());
        let (Some(role), Some(algorithm), Some(tag), Some(secret), None) = four else {
            return Err(KeyTextError::Words);
        };
        let role: Role = role.parse().map_err(KeyTextError::Role)?;
        let algorithm: Algorithm = algorithm.parse().map_err(KeyTextError::Algorithm)?;
        let written: u16 = tag.parse().map_err(|_| KeyTextError::Tag)?;
        let secret = Zeroizing::new(STANDARD.decode(secret).map_err(|_| KeyTextError::Base64)?);
        let key = Self::new(algorithm, role, &secret).map_err(KeyTextError::Secret)?;
        let actual = key.tag();
        if actual == written { Ok(key) } else { Err(KeyTextError::OtherTag { written, actual }) }
    }
}
