//! The agent's file of pinned overwatch keys: a line for each, `address key-hash`.
//!
//! A pin is set when an overwatch at that address has proven itself for the first time. It is never
//! changed by this program: an operator who rebuilt an overwatch removes its line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use mesh::KeyHash;

use super::files;

/// Most pins: sixteen times the overwatches of any known site. One more is an error, so that a
/// file that was mixed up is noticed.
const PINS_MAX: usize = 1_024;

/// What stands at the head of the file.
const HEAD: &str = "# Keys of the overwatches, pinned at first contact: address, SHA-256 of the public key.\n\
    # Remove a line to accept another key from that address.\n";

/// Pinned keys by address, and the file that keeps them.
#[derive(Debug)]
pub struct Pins {
    path: PathBuf,
    keys: BTreeMap<String, KeyHash>,
}

/// Why pins cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum PinsError {
    /// The file cannot be read.
    #[error("the pinned keys in {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("the pinned keys cannot be written to {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that is no pin.
    #[error("{path}:{line}: not an address and the 64 hexadecimal digits of a key hash")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Too many.
    #[error("{path} holds more than {PINS_MAX} pinned keys")]
    TooMany {
        /// The file.
        path: PathBuf,
    },
}

impl Pins {
    /// The pins in a file; none where there is no file yet.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is no file of pins.
    pub fn load(path: &Path) -> Result<Self, PinsError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(source) if source.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(PinsError::Read { path: path.to_owned(), source }),
        };
        let mut pins = Self { path: path.to_owned(), keys: BTreeMap::new() };
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() || text.starts_with('#') {
                continue;
            }
            let wrong = || PinsError::Line { path: path.to_owned(), line };
            let mut words = text.split_whitespace();
            let (Some(address), Some(key), None) = (words.next(), words.next(), words.next())
            else {
                return Err(wrong());
            };
            pins.keys.insert(address.to_owned(), key.parse().map_err(|_| wrong())?);
        }
        if pins.keys.len() > PINS_MAX { Err(pins.too_many()) } else { Ok(pins) }
    }

    /// The key pinned for an address as configured, `host:port`.
    #[must_use]
    pub fn get(&self, address: &str) -> Option<KeyHash> {
        self.keys.get(address).copied()
    }

    /// Pins a key to an address, on disk too; does nothing where one is pinned already. Says whether
    /// it is new.
    ///
    /// # Errors
    ///
    /// A file that cannot be written (the pin then holds while this process lives); one pin too many.
    pub fn set(&mut self, address: &str, key: KeyHash) -> Result<bool, PinsError> {
        if self.keys.contains_key(address) {
            return Ok(false);
        }
        if self.keys.len() >= PINS_MAX {
            return Err(self.too_many());
        }
        self.keys.insert(address.to_owned(), key);
        let lines = self.keys.iter().map(|(address, key)| format!("{address} {key}\n"));
        let text: String = std::iter::once(HEAD.to_owned()).chain(lines).collect();
        match files::write_private(&self.path, text.as_bytes()) {
            Ok(()) => Ok(true),
            Err(source) => Err(PinsError::Write { path: self.path.clone(), source }),
        }
    }

    fn too_many(&self) -> PinsError {
        PinsError::TooMany { path: self.path.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> KeyHash {
        KeyHash::from_bytes([byte; 32])
    }

    #[test]
    fn pins_survive_and_are_never_changed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pins");
        let mut pins = Pins::load(&path).unwrap();
        assert_eq!(pins.get("10.1.1.10:7946"), None);
        assert!(pins.set("10.1.1.10:7946", key(1)).unwrap());
        assert!(pins.set("overwatch.example:7946", key(2)).unwrap());
        assert!(!pins.set("10.1.1.10:7946", key(3)).unwrap());
        let pins = Pins::load(&path).unwrap();
        assert_eq!(pins.get("10.1.1.10:7946"), Some(key(1)));
        assert_eq!(pins.get("overwatch.example:7946"), Some(key(2)));
    }

    #[test]
    fn a_wrong_file_is_named_with_its_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pins");
        for (text, line) in [("# ok\n\nonly-an-address\n", 3), ("a:1 12\n", 1), ("a b c\n", 1)] {
            fs::write(&path, text).unwrap();
            let message = Pins::load(&path).unwrap_err().to_string();
            assert!(message.contains(&format!("pins:{line}: ")), "{message}");
        }
        fs::create_dir(directory.path().join("folder")).unwrap();
        assert!(Pins::load(&directory.path().join("folder")).is_err());
    }
}
