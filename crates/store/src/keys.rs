//! The keys of a zone as a row of the file, and back: the text that is exported too.
//!
//! Secrets are in it; so the file is for its owner only. Must never repeat one in an error.

use dnssec::KeyRing;
use zeroize::Zeroizing;

use crate::row::RowError;

/// The name of a zone's row.
pub(crate) fn name_of(ring: &KeyRing) -> String {
    overwatch::signing::key_of(ring.apex())
}

pub(crate) fn write_keys(ring: &KeyRing) -> Zeroizing<String> {
    ring.to_text()
}

pub(crate) fn read_keys(bytes: &[u8]) -> Result<KeyRing, RowError> {
    Ok(KeyRing::from_text(std::str::from_utf8(bytes)?)?)
}
