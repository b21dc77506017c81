//! What other programs are configured with, as files of this one, with a report of what changed meaning.
//!
//! ```text
//! texts -> what they say -> a file of ours, checked -> text and notes
//! ```
//!
//! In the order of the data:
//!
//! - [`note`]: what somebody has to know about a file that was made,
//! - `yaml`, private: YAML to values and back,
//! - [`go`]: the YAML of the former program of the same name, overwatch and agents together,
//! - [`gdnsd`]: the geography of gdnsd,
//! - [`bind`]: zone files as BIND takes them.
//!
//! Pure: who calls reads and writes the files, and brings a new mesh key. Nothing is guessed in silence:
//! what was not taken over as it was is in a note. Why so: decision record 57.

#![forbid(unsafe_code)]

pub mod note;

mod yaml;

pub mod go;

pub mod gdnsd;

pub mod bind;

#[doc(hidden)]
pub mod fuzz;

pub use note::{Kind, Made, Note};

/// A text that is no file of the other program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct Unread {
    /// The file as the caller named it.
    pub file: String,
    /// What is wrong, and where.
    pub what: String,
}

/// A file as it was brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    /// As the caller calls it.
    pub name: String,
    /// What stands in it.
    pub text: String,
}
