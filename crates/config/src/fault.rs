//! What is wrong with a file, and where.
//!
//! A fault is a value to be printed, one line each; nothing here stops at the first. A fault never
//! carries a secret: whoever makes one describes a secret, and does not quote it.

use std::fmt;
use std::sync::Arc;

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

impl Position {
    /// The first character of a file: where what is missing altogether is missed.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One mistake, or one warning: `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file as the caller named it.
    pub file: Arc<str>,
    /// Where in it.
    pub at: Position,
    /// What was expected there.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.at;
        write!(f, "{}:{line}:{column}: {}", self.file, self.message)
    }
}

/// Collects what is found in one file and in those that it names.
#[derive(Debug)]
pub(crate) struct Faults {
    file: Arc<str>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Faults {
    /// More than anybody mends in one sitting. What is found beyond it is dropped: the next run
    /// shows it.
    pub(crate) const MAX: usize = 1_000;

    /// Nothing found yet.
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.into(), faults: Vec::new(), warnings: Vec::new() }
    }

    /// The file must not be used.
    pub(crate) fn fault(&mut self, at: Position, message: String) {
        push(&mut self.faults, Fault { file: Arc::clone(&self.file), at, message });
    }

    /// Another file, which this one names, must not be used.
    pub(crate) fn fault_in(&mut self, file: &str, at: Position, message: String) {
        push(&mut self.faults, Fault { file: file.into(), at, message });
    }

    /// The file can be used, but somebody should know.
    pub(crate) fn warn(&mut self, at: Position, message: String) {
        push(&mut self.warnings, Fault { file: Arc::clone(&self.file), at, message });
    }

    /// Whether no fault was found.
    pub(crate) const fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// Faults and warnings, each by line, each once (an alias shows the same fault at each use).
    pub(crate) fn into_sorted(self) -> (Vec<Fault>, Vec<Fault>) {
        let sorted = |mut list: Vec<Fault>| {
            list.sort();
            list.dedup();
            list
        };
        (sorted(self.faults), sorted(self.warnings))
    }
}

/// Keeps within [`Faults::MAX`].
fn push(list: &mut Vec<Fault>, fault: Fault) {
    if list.len() < Faults::MAX {
        list.push(fault);
    }
}
