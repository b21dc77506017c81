//! Names of services, regions, agents and tokens.
//!
//! One grammar for all: 1 to 253 bytes of `a-z 0-9 . _ -`, folded to lower case, dots only between
//! two parts (one final dot is cut off). So a service is written like the domain name that answers
//! for it, a name that is written reads back as itself, and a name from a stranger can be logged,
//! used as a metric label or as a key as it is.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

/// A service: what backends offer and domains answer for, as in `app.demo.local`.
pub type Service = Name<ServiceKind>;
/// A region: one of the operator's sites, as in `eu-west`.
pub type Region = Name<RegionKind>;
/// An agent, as named in its certificate, as in `backend-eu-west`.
pub type AgentId = Name<AgentKind>;
/// A token of the API, as the list of changes calls whoever has it, as in `deploy`.
pub type TokenName = Name<TokenKind>;

/// Marks a [`Service`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceKind {}
/// Marks a [`Region`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegionKind {}
/// Marks an [`AgentId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentKind {}
/// Marks a [`TokenName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {}

/// A checked name; cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<Kind>(Arc<str>, PhantomData<Kind>);

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("a name needs at least one character")]
    Empty,
    /// Longer than a domain name can be (RFC 1035, 2.3.4).
    #[error("a name has at most 253 characters, this one has {0}")]
    TooLong(usize),
    /// Outside the grammar.
    #[error("{0:?} cannot stand in a name (a-z, 0-9, '.', '_' and '-' can)")]
    Character(char),
    /// A dot at its start, or two in a row (RFC 1035, 2.3.1: no empty label).
    #[error("a name has no empty part: no dot first, no two in a row")]
    EmptyPart,
}

/// What a source from outside begins with, where it stands in an agent's place: no name has a colon.
const OUTSIDE: &str = "outside:";

impl<Kind> Name<Kind> {
    /// The longest name: what fits in a domain name (RFC 1035, 2.3.4).
    pub const MAX_LEN: usize = 253;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AgentId {
    /// Under which the table keeps what a source from outside reports. It reads back as no name: no
    /// agent can go by it, and it must never be sent as one's.
    #[must_use]
    pub fn of_source(source: &TokenName) -> Self {
        Self(format!("{OUTSIDE}{source}").into(), PhantomData)
    }

    /// Which source from outside stands there in an agent's place, if one does.
    #[must_use]
    pub fn source(&self) -> Option<TokenName> {
        self.as_str().strip_prefix(OUTSIDE)?.parse().ok()
    }

    /// What [`Name::as_str`] said: of an agent, or of a source in its place.
    ///
    /// # Errors
    ///
    /// Neither has such a name.
    pub fn kept(text: &str) -> Result<Self, NameError> {
        match text.strip_prefix(OUTSIDE) {
            Some(source) => source.parse().map(|source| Self::of_source(&source)),
            None => text.parse(),
        }
    }
}

impl<Kind> FromStr for Name<Kind> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(NameError::TooLong(text.len()));
        }
        let stands = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if let Some(c) = text.chars().find(|c| !stands(*c)) {
            return Err(NameError::Character(c));
        }
        if text.split('.').any(str::is_empty) {
            return Err(NameError::EmptyPart);
        }
        Ok(Self(text.to_ascii_lowercase().into(), PhantomData))
    }
}

impl<Kind> fmt::Display for Name<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<Kind> fmt::Debug for Name<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<Kind> std::borrow::Borrow<str> for Name<Kind> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_case_and_the_final_dot() {
        let name: Service = "App.Demo.Local.".parse().unwrap();
        assert_eq!(name.as_str(), "app.demo.local");
    }

    #[test]
    fn no_agent_goes_by_the_name_of_a_source() {
        let source = AgentId::of_source(&"probe".parse().unwrap());
        assert_eq!(source.as_str(), "outside:probe");
        assert_eq!(source.as_str().parse::<AgentId>(), Err(NameError::Character(':')));
        // What kept it knows it again.
        assert_eq!(AgentId::kept("outside:probe"), Ok(source.clone()));
        assert_eq!(source.source(), "probe".parse().ok());
        assert_eq!(AgentId::kept("web-1"), "web-1".parse());
        assert!(AgentId::kept("outside:").is_err() && AgentId::kept("").is_err());
    }

    #[test]
    fn what_is_no_name_says_why() {
        let parse = |text: &str| text.parse::<Region>().unwrap_err();
        assert_eq!(parse(""), NameError::Empty);
        assert_eq!(parse("."), NameError::Empty);
        assert_eq!(parse("eu west"), NameError::Character(' '));
        assert_eq!(parse("eu\nwest"), NameError::Character('\n'));
        assert_eq!(parse(&"a".repeat(254)), NameError::TooLong(254));
        for text in [".eu", "eu..west", "eu..", ".."] {
            assert_eq!(parse(text), NameError::EmptyPart, "{text}");
        }
    }
}
