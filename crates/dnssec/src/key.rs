//! One key: its secret, what it signs, and the records that tell of it.
//!
//! A key is 32 secret bytes, an algorithm and a role. Everything else follows from them, so every
//! overwatch that has the three makes the same records. The secret is wiped from memory when the key
//! is dropped, and is shown by [`Key::to_text`] only. Must never draw random bytes for a secret:
//! they are an argument. (A signature of P-256 needs a random number of its own; the library that
//! signs draws it, since one that is known or used twice gives the secret away.)

mod text;

use aws_lc_rs::agreement::{self, PrivateKey};
use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use dns::Name;
use zeroize::Zeroizing;

use crate::algorithm::{Algorithm, SECRET_BYTES, SIGNATURE_BYTES};
use crate::role::Role;
pub use text::KeyTextError;

/// The protocol field of a DNSKEY record: always 3 (RFC 4034, 2.1.2).
const PROTOCOL: u8 = 3;
/// The digest type of SHA-256 in DS records (RFC 4509, 2.2).
const DIGEST_SHA256: u8 = 2;
/// What stands before the two numbers of a public key of P-256 outside DNS: uncompressed (SEC 1,
/// 2.3.3). DNS leaves it out (RFC 6605, 4).
const UNCOMPRESSED: u8 = 4;
/// What the cache's secret is derived with: any text that is used for nothing else.
const CACHE_LABEL: &[u8] = b"dnssec signature cache 1";

/// A signing key.
pub struct Key {
    algorithm: Algorithm,
    role: Role,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
    pair: Pair,
    /// The DNSKEY record's data.
    dnskey: Box<[u8]>,
    tag: u16,
    /// Under which the signature cache hashes what this key signs.
    cache_secret: [u8; 16],
}

/// The secret in the form that signs. Both wipe it when they are dropped.
enum Pair {
    P256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// Why bytes are no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not 32 bytes.
    #[error("a secret has 32 bytes, not {0}")]
    Length(usize),
    /// A number that P-256 has no use for: one draw in 2^32. Draw again.
    #[error("these bytes are no secret of {0}: draw others")]
    Secret(Algorithm),
}

impl Key {
    /// The key of a secret: 32 bytes that were drawn at random and never used for anything else.
    ///
    /// # Errors
    ///
    /// See [`KeyFault`].
    pub fn new(algorithm: Algorithm, role: Role, secret: &[u8]) -> Result<Self, KeyFault> {
        let bytes = <[u8; SECRET_BYTES]>::try_from(secret);
        let secret = Zeroizing::new(bytes.map_err(|_| KeyFault::Length(secret.len()))?);
        let (pair, public) = pair_of(algorithm, &secret).ok_or(KeyFault::Secret(algorithm))?;
        let [f0, f1] = role.flags().to_be_bytes();
        let dnskey: Box<[u8]> = [&[f0, f1, PROTOCOL, algorithm.number()], &*public].concat().into();
        let tag = key_tag(&dnskey);
        let label = [CACHE_LABEL, &dnskey].concat();
        let label = Zeroizing::new([&*label, &*secret].concat());
        let hash = digest::digest(&digest::SHA256, &label);
        let cache_secret = hash.as_ref().first_chunk().copied().unwrap_or_default();
        Ok(Self { algorithm, role, secret, pair, dnskey, tag, cache_secret })
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What the key is for.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The short number by which signatures name the key; two keys may share one (RFC 4034, B).
    #[must_use]
    pub const fn tag(&self) -> u16 {
        self.tag
    }

    /// The data of its DNSKEY record (RFC 4034, 2.1), which is that of its CDNSKEY record too (RFC
    /// 7344, 3.2).
    #[must_use]
    pub const fn dnskey(&self) -> &[u8] {
        &self.dnskey
    }

    /// The data of its DS record in the zone above `apex` (RFC 4034, 5.1), with SHA-256 (RFC 4509),
    /// which is that of its CDS record too (RFC 7344, 3.1).
    #[must_use]
    pub fn ds(&self, apex: Name<'_>) -> Vec<u8> {
        let named = [apex.key().as_bytes(), &self.dnskey].concat();
        let hash = digest::digest(&digest::SHA256, &named);
        let [t0, t1] = self.tag.to_be_bytes();
        [&[t0, t1, self.algorithm.number(), DIGEST_SHA256], hash.as_ref()].concat()
    }

    /// Signs. `None` where the library refuses, which it has no reason to.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Option<[u8; SIGNATURE_BYTES]> {
        let signature = match &self.pair {
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), message),
            Pair::Ed25519(pair) => pair.try_sign(message),
        };
        signature.ok()?.as_ref().try_into().ok()
    }

    /// Under which secret what it signs is hashed.
    pub(crate) const fn cache_secret(&self) -> &[u8; 16] {
        &self.cache_secret
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let terms = |key: &Self| (key.algorithm, key.role);
        terms(self) == terms(other) && self.secret == other.secret
    }
}

impl Eq for Key {}

impl std::fmt::Debug for Key {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({} {} {})", self.role, self.algorithm, self.tag)
    }
}

/// The pair of a secret, and the public key as a DNSKEY record has it.
fn pair_of(algorithm: Algorithm, secret: &[u8; SECRET_BYTES]) -> Option<(Pair, Vec<u8>)> {
    match algorithm {
        Algorithm::EcdsaP256Sha256 => {
            let private = PrivateKey::from_private_key(&agreement::ECDH_P256, secret).ok()?;
            let public = private.compute_public_key().ok()?;
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                secret,
                public.as_ref(),
            );
            let (first, point) = public.as_ref().split_first()?;
            let point = (*first == UNCOMPRESSED).then_some(point)?;
            Some((Pair::P256(Box::new(pair.ok()?)), point.to_vec()))
        }
        Algorithm::Ed25519 => {
            let pair = Ed25519KeyPair::from_seed_unchecked(secret).ok()?;
            let public = pair.public_key().as_ref().to_vec();
            Some((Pair::Ed25519(Box::new(pair)), public))
        }
    }
}

/// The key tag of a DNSKEY record's data (RFC 4034, B): a sum of its halves.
#[must_use]
pub fn key_tag(dnskey: &[u8]) -> u16 {
    let (pairs, rest) = dnskey.as_chunks::<2>();
    let last = rest.first().map_or(0, |byte| u32::from(*byte) << 8);
    // At most 65,535 bytes of data, so the sum fits.
    let sum: u32 =
        pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum::<u32>() + last;
    let [_, _, high, low] = (sum + (sum >> 16)).to_be_bytes();
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests;
