//! What every refusal says: a problem document (RFC 9457), one kind for each way to go wrong.
//!
//! The kinds are part of the contract: programs tell refusals apart by `type`, people read `detail`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The media type of a [`Problem`] (RFC 9457, 6.1).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The kind, as a reference to where it is explained.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status, again.
    pub status: u16,
    /// What is wrong with this request, and what to do next.
    pub detail: String,
    /// Every fault, where there may be several: those of a configuration, each with its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// The same for what was sent: each fault with its place there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldFault>,
}

/// A fault in what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldFault {
    /// A JSON pointer (RFC 6901) into the body; absent where it is about something else, which does
    /// not fit to what was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What is wrong.
    pub detail: String,
}

/// A way to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A part of the path or of the query means nothing, or is not known here.
    Parameter,
    /// The body is not what is asked for.
    Body,
    /// There is no token, or none that is known.
    Unauthenticated,
    /// The token's role does not suffice, or not over this connection.
    Forbidden,
    /// Nothing is at this path.
    NoPath,
    /// What is named is not there.
    Unknown,
    /// The path takes other methods.
    Method,
    /// It cannot be done as things are.
    Conflict,
    /// Somebody changed something since.
    Changed,
    /// The body is too long.
    TooLong,
    /// The body is of another kind.
    MediaType,
    /// The configuration has faults.
    Configuration,
    /// Too many tokens of this address were wrong.
    TooManyAttempts,
    /// Too many listen already.
    TooManyListeners,
    /// This program failed at it.
    Failed,
    /// The process is going down.
    GoingDown,
    /// What holds what operators make is not reached.
    StoreAway,
    /// The disk refuses: a restart would forget it.
    NotKept,
}

impl Kind {
    /// All, by status.
    pub const ALL: [Self; 18] = [
        Self::Parameter,
        Self::Body,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NoPath,
        Self::Unknown,
        Self::Method,
        Self::Conflict,
        Self::Changed,
        Self::TooLong,
        Self::MediaType,
        Self::Configuration,
        Self::TooManyAttempts,
        Self::TooManyListeners,
        Self::Failed,
        Self::GoingDown,
        Self::StoreAway,
        Self::NotKept,
    ];

    /// The HTTP status (RFC 9110, 15).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Parameter | Self::Body => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NoPath | Self::Unknown => 404,
            Self::Method => 405,
            Self::Conflict => 409,
            Self::Changed => 412,
            Self::TooLong => 413,
            Self::MediaType => 415,
            Self::Configuration => 422,
            Self::TooManyAttempts | Self::TooManyListeners => 429,
            Self::Failed => 500,
            Self::GoingDown | Self::StoreAway => 503,
            Self::NotKept => 507,
        }
    }

    /// Its name, as at the end of `type` and in the metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parameter => "parameter",
            Self::Body => "body",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NoPath => "no-path",
            Self::Unknown => "unknown",
            Self::Method => "method",
            Self::Conflict => "conflict",
            Self::Changed => "changed",
            Self::TooLong => "too-long",
            Self::MediaType => "media-type",
            Self::Configuration => "configuration",
            Self::TooManyAttempts => "too-many-attempts",
            Self::TooManyListeners => "too-many-listeners",
            Self::Failed => "failed",
            Self::GoingDown => "going-down",
            Self::StoreAway => "store-away",
            Self::NotKept => "not-kept",
        }
    }

    /// The kind in a few words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Parameter => "A part of the path or of the query is not valid",
            Self::Body => "The body is not valid",
            Self::Unauthenticated => "A token is needed",
            Self::Forbidden => "This caller may not do that",
            Self::NoPath => "There is nothing at this path",
            Self::Unknown => "What is named is not there",
            Self::Method => "This path takes other methods",
            Self::Conflict => "That cannot be done as things are",
            Self::Changed => "Something was changed since",
            Self::TooLong => "The body is too long",
            Self::MediaType => "The body is of another kind",
            Self::Configuration => "The configuration has faults",
            Self::TooManyAttempts => "Too many wrong tokens",
            Self::TooManyListeners => "Too many listen already",
            Self::Failed => "This program failed at it",
            Self::GoingDown => "This process is going down",
            Self::StoreAway => "What operators make cannot be changed now",
            Self::NotKept => "A restart would forget it",
        }
    }

    /// The document that says it. The reference leads to the page that explains the kinds.
    #[must_use]
    pub fn problem(self, detail: String, faults: Vec<String>) -> Problem {
        Problem {
            kind: format!("/api/docs#problem-{}", self.as_str()),
            title: self.title().to_owned(),
            status: self.status(),
            detail,
            faults,
            errors: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_by_status_and_have_names_of_their_own() {
        assert!(Kind::ALL.is_sorted_by_key(|kind| kind.status()));
        let mut names = Kind::ALL.map(Kind::as_str).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kind::ALL.len());
    }

    #[test]
    fn a_problem_is_written_as_rfc_9457_has_it() {
        let problem = Kind::Unknown.problem("there is no domain a".to_owned(), Vec::new());
        assert_eq!(
            serde_json::to_string(&problem).unwrap(),
            r#"{"type":"/api/docs#problem-unknown","title":"What is named is not there","#
                .to_owned()
                + r#""status":404,"detail":"there is no domain a"}"#
        );
    }
}
