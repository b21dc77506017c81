//! What is wrong with a file, and where.
//!
//! A fault is a value to be printed, one line each; nothing here stops at the first. A fault never
//! carries a secret: whoever makes one describes a secret, and does not quote it.

use std::fmt;
use std::sync::Arc;

use crate::made::EntityName;

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Which of the texts that were read: 0 is the file, each of the others a file that it includes, or
    /// something that was made.
    pub(crate) source: usize,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

impl Position {
    /// The first character of a file: where what is missing altogether is missed.
    pub const START: Self = Self { source: 0, line: 1, column: 1 };
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
    /// What was made through the API, where it is in that.
    pub made: Option<EntityName>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.made {
            return write!(f, "{name}, made through the API: {}", self.message);
        }
        let Position { line, column, .. } = self.at;
        write!(f, "{}:{line}:{column}: {}", self.file, self.message)
    }
}

/// A text that was read.
#[derive(Debug)]
enum Source {
    /// A file.
    File(Arc<str>),
    /// The settings of something that was made.
    Made(EntityName),
}

/// Collects what is found in one file and in those that it names.
#[derive(Debug)]
pub(crate) struct Faults {
    file: Arc<str>,
    /// The other texts; the first is source 1.
    others: Vec<Source>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Faults {
    /// More than anybody mends in one sitting. What is found beyond it is dropped: the next run
    /// shows it.
    pub(crate) const MAX: usize = 1_000;

    /// Nothing found yet.
    pub(crate) fn new(file: &str) -> Self {
        let (others, faults, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Self { file: file.into(), others, faults, warnings }
    }

    /// One more text is read: the settings of something that was made. The number of its source.
    pub(crate) fn source_of_made(&mut self, name: EntityName) -> usize {
        self.others.push(Source::Made(name));
        self.others.len()
    }

    /// The same of another file.
    pub(crate) fn source_of_file(&mut self, name: &str) -> usize {
        self.others.push(Source::File(name.into()));
        self.others.len()
    }

    /// The file of a source; that which names it all for what was made.
    fn file_at(&self, at: Position) -> &Arc<str> {
        match at.source.checked_sub(1).and_then(|index| self.others.get(index)) {
            Some(Source::File(name)) => name,
            Some(Source::Made(_)) | None => &self.file,
        }
    }

    /// The file that a place is in; none where it is in something that was made.
    pub(crate) fn file_of(&self, at: Position) -> Option<&str> {
        self.made_at(at).is_none().then(|| &**self.file_at(at))
    }

    /// A place for people.
    pub(crate) fn place(&self, at: Position) -> String {
        match self.made_at(at) {
            Some(name) => name.to_string(),
            None => format!("{}:{}", self.file_at(at), at.line),
        }
    }

    fn made_at(&self, at: Position) -> Option<&EntityName> {
        match self.others.get(at.source.checked_sub(1)?)? {
            Source::Made(name) => Some(name),
            Source::File(_) => None,
        }
    }

    fn of(&self, at: Position, message: String) -> Fault {
        let file = Arc::clone(self.file_at(at));
        Fault { file, at, message, made: self.made_at(at).cloned() }
    }

    /// The file must not be used.
    pub(crate) fn fault(&mut self, at: Position, message: String) {
        let fault = self.of(at, message);
        push(&mut self.faults, fault);
    }

    /// Another file, which this one names, must not be used.
    pub(crate) fn fault_in(&mut self, file: &str, at: Position, message: String) {
        push(&mut self.faults, Fault { file: file.into(), at, message, made: None });
    }

    /// The file can be used, but somebody should know.
    pub(crate) fn warn(&mut self, at: Position, message: String) {
        let warning = self.of(at, message);
        push(&mut self.warnings, warning);
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
