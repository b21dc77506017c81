//! What a key is for.

use std::fmt;
use std::str::FromStr;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Everything: one key, whose digest stands in the zone above.
    Csk,
    /// The keys only; its digest stands in the zone above.
    Ksk,
    /// Everything but the keys.
    Zsk,
}

impl Role {
    /// The flags of its DNSKEY record: a zone's key, and a secure entry point where its digest stands
    /// in the zone above (RFC 4034, 2.1.1).
    #[must_use]
    pub const fn flags(self) -> u16 {
        if self.is_entry_point() { 257 } else { 256 }
    }

    /// Whether its digest stands in the zone above, so that changing it needs somebody there.
    #[must_use]
    pub const fn is_entry_point(self) -> bool {
        matches!(self, Self::Csk | Self::Ksk)
    }

    /// Whether it signs the zone's records.
    #[must_use]
    pub const fn signs_records(self) -> bool {
        matches!(self, Self::Csk | Self::Zsk)
    }

    /// The name in text, in lower case; `Display` writes the same.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csk => "csk",
            Self::Ksk => "ksk",
            Self::Zsk => "zsk",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// No role has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role of a key: write csk, ksk or zsk")]
pub struct UnknownRole(pub String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let mut roles = [Self::Csk, Self::Ksk, Self::Zsk].into_iter();
        let found = roles.find(|role| text.eq_ignore_ascii_case(role.as_str()));
        found.ok_or_else(|| UnknownRole(text.chars().take(64).collect()))
    }
}
