//! Why a request is not carried out, as it is answered.

use api::Kind;
use api::problem::{FieldFault, MEDIA_TYPE, Problem};
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    kind: Kind,
    /// What is wrong and what to do next.
    detail: String,
    faults: Vec<String>,
    errors: Vec<FieldFault>,
    /// A field of the answer's head. In a box: few have one.
    header: Option<Box<(HeaderName, String)>>,
}

impl Refusal {
    /// Of a kind; `detail` says what is wrong and what to do next.
    pub(super) fn new(kind: Kind, detail: impl ToString) -> Self {
        Self {
            kind,
            detail: detail.to_string(),
            faults: Vec::new(),
            errors: Vec::new(),
            header: None,
        }
    }

    /// A part of the path or of the query means nothing.
    pub(super) fn parameter(detail: impl ToString) -> Self {
        Self::new(Kind::Parameter, detail)
    }

    /// The body means nothing.
    pub(super) fn body(detail: impl ToString) -> Self {
        Self::new(Kind::Body, detail)
    }

    /// A configuration with faults.
    pub(super) fn configuration(faults: Vec<String>) -> Self {
        let detail = "nothing was changed: correct every fault, then reload again";
        Self { faults, ..Self::new(Kind::Configuration, detail) }
    }

    /// What was sent does not make a configuration that is right.
    pub(super) fn faulty(errors: Vec<FieldFault>) -> Self {
        let detail = "nothing was changed: correct every fault, then send it again";
        let faults = errors.iter().map(|error| match &error.pointer {
            Some(pointer) if !pointer.is_empty() => format!("{pointer}: {}", error.detail),
            _ => error.detail.clone(),
        });
        Self { faults: faults.collect(), errors, ..Self::new(Kind::Configuration, detail) }
    }

    /// No token, or a wrong one; `error` is for programs (RFC 6750, 3.1).
    pub(super) fn unauthenticated(detail: &str, error: Option<&str>) -> Self {
        let error = error.map_or_else(String::new, |error| format!(", error=\"{error}\""));
        let challenge = format!("Bearer realm=\"opengslb\"{error}");
        let header = Some(Box::new((WWW_AUTHENTICATE, challenge)));
        Self { header, ..Self::new(Kind::Unauthenticated, detail) }
    }

    /// Another method; `allowed` are those that there are.
    pub(super) fn method(allowed: String) -> Self {
        let detail = format!("this path takes {allowed}");
        Self { header: Some(Box::new((ALLOW, allowed))), ..Self::new(Kind::Method, detail) }
    }

    /// Too many wrong tokens.
    pub(super) fn too_many_attempts(wait_s: u64) -> Self {
        let detail = format!("too many tokens of this address were wrong: wait {wait_s} s");
        let header = Some(Box::new((RETRY_AFTER, wait_s.to_string())));
        Self { header, ..Self::new(Kind::TooManyAttempts, detail) }
    }

    /// The word holds, and a restart would forget it.
    pub(super) fn not_kept(why: &str) -> Self {
        let detail = format!("it was carried out, but a restart would forget it: {why}");
        Self::new(Kind::NotKept, detail)
    }

    /// Nobody is there any more who could answer.
    pub(super) fn going_down() -> Self {
        Self::new(Kind::GoingDown, "this process is going down: ask again in a moment")
    }

    /// The node is there, and did not answer: a fault of this program, or too much that waits.
    pub(super) fn failed() -> Self {
        let detail = "this program failed at it, as its log says, or too much waits already: look whether it was \
                      done before you ask again";
        Self::new(Kind::Failed, detail)
    }

    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = self.kind.problem(self.detail, self.faults);
        let problem = Problem { errors: self.errors, ..problem };
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
        // Plain data: there is nothing in it that JSON cannot say.
        let body = serde_json::to_string(&problem).unwrap_or_default();
        let mut response = (status, [(CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        if let Some(header) = self.header
            && let Ok(value) = HeaderValue::from_str(&header.1)
        {
            response.headers_mut().insert(header.0, value);
        }
        response
    }
}
