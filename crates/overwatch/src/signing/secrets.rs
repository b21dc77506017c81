//! Random bytes for new keys, drawn by the edge and used once.
//!
//! Must never be shown, and never give the same bytes twice.

use std::fmt;

use dnssec::algorithm::SECRET_BYTES;
use zeroize::Zeroizing;

/// Random bytes for a zone's new keys: wiped when they are dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    bytes: Zeroizing<Vec<u8>>,
    /// How many bytes were given.
    used: usize,
    is_enough: bool,
}

impl Secrets {
    /// How many bytes a zone may need: two keys, each drawn up to eight times.
    pub const BYTES: usize = 2 * 8 * SECRET_BYTES;

    /// Of [`Secrets::BYTES`] random bytes that are used for nothing else.
    #[must_use]
    pub const fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self { bytes, used: 0, is_enough: true }
    }

    /// The next secret. Zeros where there is none left, which [`Secrets::is_enough`] tells.
    pub(crate) fn draw(&mut self) -> [u8; SECRET_BYTES] {
        let next = self.bytes.get(self.used..).and_then(|rest| rest.first_chunk()).copied();
        self.used += SECRET_BYTES;
        self.is_enough &= next.is_some();
        next.unwrap_or([0; SECRET_BYTES])
    }

    /// Whether all that was drawn was random: if not, no key may be made of it.
    pub(crate) const fn is_enough(&self) -> bool {
        self.is_enough
    }
}

impl fmt::Debug for Secrets {
    /// Without the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}
