//! What a check found, and what to do next.

use std::fmt::{self, Display, Formatter};

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do; nothing where all is well.
    pub next: Option<String>,
}

/// What is looked at, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The parent's servers are found.
    Parent,
    /// They delegate the zone, all alike.
    Delegation,
    /// The addresses that go with the delegation are those of the nameservers.
    Glue,
    /// Each address answers authoritatively by UDP.
    Udp,
    /// Each does by TCP.
    Tcp,
    /// Each knows EDNS and goes by its rules.
    Edns,
    /// Answers that do not fit can be had.
    Large,
    /// All have the same serial.
    Serial,
    /// Parent and zone name the same nameservers.
    Nameservers,
    /// Keys and what the parent says of them fit.
    Dnssec,
    /// What a signed zone's servers say is signed, by those keys, and holds now.
    Signatures,
    /// All overwatches go by the same configuration.
    Configuration,
    /// What resolvers get for steered names.
    Answers,
}

impl Check {
    /// Its word in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Delegation => "delegation",
            Self::Glue => "glue",
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Edns => "edns",
            Self::Large => "large answers",
            Self::Serial => "serial",
            Self::Nameservers => "nameservers",
            Self::Dnssec => "dnssec",
            Self::Signatures => "signatures",
            Self::Configuration => "configuration",
            Self::Answers => "answers",
        }
    }
}

impl Display for Check {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, and there is something to know.
    Note,
    /// It could not be looked at from here.
    Unknown,
    /// Some resolver or client will have a bad day.
    Bad,
}

impl Verdict {
    /// Its word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Unknown => "unknown",
            Self::Bad => "bad",
        }
    }
}

impl Finding {
    pub(crate) fn good(check: Check, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Good, found: found.into(), next: None }
    }

    pub(crate) fn note(check: Check, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Note, found: found.into(), next: Some(next.into()) }
    }

    pub(crate) fn unknown(check: Check, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Unknown, found: found.into(), next: Some(next.into()) }
    }

    pub(crate) fn bad(check: Check, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Bad, found: found.into(), next: Some(next.into()) }
    }
}

/// A few things in a line; the rest is a number.
pub(crate) fn list<T: Display>(things: impl IntoIterator<Item = T>) -> String {
    /// What still fits a line beside its words.
    const SHOWN_MAX: usize = 6;
    let all: Vec<String> = things.into_iter().map(|thing| thing.to_string()).collect();
    let shown = all.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN_MAX) {
        0 if all.is_empty() => "none".to_owned(),
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
