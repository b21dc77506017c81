//! Where no terminal can be taken yet: `top` says so, and `--json top` works. Must never pretend.

use std::io;
use std::time::Duration;

use super::{Key, Size};

/// None there is.
pub(super) enum Terminal {}

impl Terminal {
    /// Fails.
    pub(super) fn take() -> io::Result<Self> {
        let text = "top draws on Linux terminals only; `opengslb-cli --json top` says the same";
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    /// Never called.
    pub(super) const fn size(&self) -> Size {
        match *self {}
    }

    /// Never called.
    pub(super) const fn show(&mut self, _lines: &[String]) -> io::Result<()> {
        match *self {}
    }

    /// Never called.
    pub(super) const fn key(&mut self, _wait: Duration) -> io::Result<Option<Key>> {
        match *self {}
    }
}
