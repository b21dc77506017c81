//! A request that passed the gate: its values, read one by one by whoever carries it out.

use std::fmt::Display;
use std::str::FromStr;

use api::Endpoint;
use axum::body::Bytes;
use model::Subnet;
use overwatch::Said;
use serde::de::DeserializeOwned;

use super::access::Caller;
use super::refusal::Refusal;
use super::serve::Lease;

/// A request that may be carried out.
#[derive(Debug)]
pub(super) struct Call {
    /// What is asked for.
    pub(super) endpoint: &'static Endpoint,
    /// By whom.
    pub(super) caller: Caller,
    /// From which network; `None` by the control socket.
    pub(super) origin: Option<Subnet>,
    /// The parts of the path that have names, decoded.
    pub(super) path: Vec<(String, String)>,
    /// The query, decoded; each name is the endpoint's and stands once.
    pub(super) query: Vec<(String, String)>,
    /// The body; empty where none is taken.
    pub(super) body: Bytes,
    /// The change that must have been the last one.
    pub(super) expected: Option<u64>,
    /// To keep the connection for longer; `None` where it is kept for as long as the client likes.
    pub(super) lease: Option<Lease>,
}

impl Call {
    /// A part of the path, as it is.
    pub(super) fn text(&self, name: &str) -> Result<&str, Refusal> {
        let found = self.path.iter().find(|(known, _)| known == name);
        let found = found.map(|(_, value)| value.as_str());
        found.ok_or_else(|| Refusal::parameter(format!("{name} is missing from the path")))
    }

    /// A part of the path as what it means.
    pub(super) fn part<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Refusal> {
        let text = self.text(name)?;
        text.parse().map_err(|why| wrong(name, text, &why))
    }

    /// A value of the query as what it means; `None` where it is not there.
    pub(super) fn query<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let found = self.query.iter().find(|(known, _)| known == name);
        let parsed = found.map(|(_, text)| text.parse().map_err(|why| wrong(name, text, &why)));
        parsed.transpose()
    }

    /// A value of the query that has to be there.
    pub(super) fn required<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Refusal> {
        let missing = || Refusal::parameter(format!("the query lacks {name}, as in ?{name}=..."));
        self.query(name)?.ok_or_else(missing)
    }

    /// By whom it is said, and why and for how long where the query says so.
    pub(super) fn said(&self) -> Result<Said, Refusal> {
        self.said_with(self.query("reason")?, self.query("for_seconds")?)
    }

    /// The same as a body said it.
    pub(super) fn said_with(
        &self,
        reason: Option<String>,
        for_seconds: Option<u64>,
    ) -> Result<Said, Refusal> {
        let for_ms = for_seconds.map(|seconds| seconds.saturating_mul(1_000));
        let reason = reason.filter(|reason| !reason.is_empty());
        Ok(Said { by: self.caller.name.to_string(), reason, for_ms })
    }

    /// The body as what it means.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.body).map_err(|why| {
            let example = self.endpoint.body.map_or("", |body| body.example);
            Refusal::body(format!("{why}; a body is like {example}"))
        })
    }

    /// The body as text.
    pub(super) fn body_text(&self) -> Result<&str, Refusal> {
        str::from_utf8(&self.body).map_err(Refusal::body)
    }
}

fn wrong(name: &str, text: &str, why: &dyn Display) -> Refusal {
    Refusal::parameter(format!("{name}: {text:?}: {why}"))
}
