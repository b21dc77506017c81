//! What somebody has to know about a file that was made. Must not decide what that is.

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody has to do something before the file can be used.
    ToDo,
    /// The same words do something else now, or do something for the first time.
    Changed,
    /// Was not taken over.
    Dropped,
    /// Was not there and is now.
    Added,
}

impl Kind {
    /// As reports say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ToDo => "to do",
            Self::Changed => "changed",
            Self::Dropped => "dropped",
            Self::Added => "added",
        }
    }
}

/// One thing to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// What about.
    pub kind: Kind,
    /// Where: a key of the configuration, or a line.
    pub place: String,
    /// What there is to know.
    pub what: String,
}

/// A file that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// That of the file it was made from.
    pub name: String,
    /// What is to stand in it.
    pub text: String,
    /// What there is to know, the most urgent first; each once.
    pub notes: Vec<Note>,
}

/// Notes as they come.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<Note>);

impl Notes {
    /// One more.
    pub(crate) fn add(&mut self, kind: Kind, place: impl Into<String>, what: impl Into<String>) {
        self.0.push(Note { kind, place: place.into(), what: what.into() });
    }

    /// Sorted, each once.
    pub(crate) fn finish(mut self) -> Vec<Note> {
        self.0.sort();
        self.0.dedup();
        self.0
    }
}
