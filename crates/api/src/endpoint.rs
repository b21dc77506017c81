//! What an endpoint is: everything about it that its callers may rely on, as data.
//!
//! The table of all ([`crate::endpoints`]) is the one place where they stand. The server takes from
//! it what it answers, refuses and checks before any handler is asked; the OpenAPI document is
//! written from it; tests walk it.

use std::collections::BTreeSet;
use std::fmt;

use model::Role;
use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};

use crate::problem::Kind;

/// One method at one path.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// What it is to the server.
    pub operation: Operation,
    /// How it is asked.
    pub method: Method,
    /// Where; parts in braces are named in [`crate::parameters`].
    pub path: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// Who may.
    pub access: Access,
    /// What may stand in the query; anything else is refused.
    pub query: &'static [Parameter],
    /// What is sent; `None` where nothing may be.
    pub body: Option<Body>,
    /// What comes back where it was carried out.
    pub answer: Answer,
    /// How it can be refused, beyond what follows from the rest ([`Endpoint::refusals`]).
    pub refused: &'static [Kind],
}

/// How an endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Changes nothing. `HEAD` is answered wherever this is.
    Get,
    /// Does something.
    Post,
    /// Makes it so; twice is as good as once.
    Put,
    /// Takes it back.
    Delete,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody: it tells nothing about clients.
    Open,
    /// Who has at least this role. Those in `api.allowed_networks` have `read` without a token.
    Role(Role),
    /// Who has the token of a source of `api.latency_sources`, and nobody else.
    Source,
    /// The same as a role, and only where nobody can listen: secrets are sent or told. That is the control
    /// socket, and TCP with TLS.
    Secret(Role),
}

/// A value in the query.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Whether it has to be there.
    pub is_required: bool,
    /// What may stand there.
    pub schema: SchemaOf,
}

/// Writes the schema of a type.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What is sent.
#[derive(Clone, Copy)]
pub struct Body {
    /// How it is written.
    pub form: Form,
    /// The longest; a longer one is refused with 413.
    pub bytes_max: usize,
    /// Its shape.
    pub schema: SchemaOf,
    /// One that would be taken, for people.
    pub example: &'static str,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `application/json`.
    Json,
    /// `text/plain`.
    Text,
}

/// What comes back.
#[derive(Clone, Copy)]
pub enum Answer {
    /// 200 and a document.
    Document(SchemaOf),
    /// 201 and a document: something was made.
    Created(SchemaOf),
    /// 200 and a document, or 503 and the same document that says no.
    Health(SchemaOf),
    /// 200 and text of this media type.
    Text(&'static str),
    /// 200 and a document, or the same as comma-separated values where the query asks for it.
    Export(SchemaOf),
    /// 200 and events (`text/event-stream`), each with such a document, for as long as somebody
    /// listens.
    Events(SchemaOf),
    /// 201 and a document where something is new, 200 and the same where it is changed.
    Made(SchemaOf),
    /// 204: it was carried out.
    Done,
}

/// What an endpoint is to the server. Each has one line in the table and one in the dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table's summaries say it")]
pub enum Operation {
    Live,
    Ready,
    Version,
    ReadContract,
    ReadClusterStatus,
    ListDomains,
    ReadDomain,
    MakeDomain,
    RemoveDomain,
    ListServers,
    ReadServer,
    MakeServer,
    RemoveServer,
    ListConfiguredRegions,
    ReadRegion,
    MakeRegion,
    RemoveRegion,
    ListMappings,
    ReadMapping,
    MakeMapping,
    RemoveMapping,
    TestGeography,
    BackUp,
    ListLatency,
    ExportLatency,
    ReportLatency,
    WatchDecisions,
    ListBackends,
    SetOverride,
    ClearOverride,
    BeginDrain,
    EndDrain,
    ListAgents,
    ListPeers,
    ListSources,
    ApproveAgent,
    RevokeAgent,
    AcceptAgent,
    ForgetAgent,
    ForgetSource,
    Explain,
    ListPins,
    SetPin,
    ClearPin,
    ListRegions,
    DrainRegion,
    UndrainRegion,
    ListLearning,
    FreezeLearning,
    ThawLearning,
    SetExploration,
    ListResolvers,
    SetResolvers,
    ClearResolvers,
    ListAudit,
    ListSignedZones,
    ListDsRecords,
    RollKeys,
    ConfirmDs,
    ExportKeys,
    ImportKeys,
    Reload,
    ListTokens,
    CreateToken,
    RevokeToken,
}

/// The schema of a type, for the table.
#[must_use]
pub fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Operation {
    /// Its name in the OpenAPI document.
    #[must_use]
    pub fn id(self) -> String {
        let mut name = format!("{self:?}");
        name.retain(|c| c.is_ascii_alphanumeric());
        name
    }
}

impl Method {
    /// As in a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl Access {
    /// The least role that suffices; `None` where none is needed, or none does.
    #[must_use]
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Open | Self::Source => None,
            Self::Role(role) | Self::Secret(role) => Some(role),
        }
    }
}

impl Parameter {
    /// Why something is done, where no body says it.
    pub const REASON: Self =
        Self::optional("reason", "Why; at most 500 bytes.", schema_of::<String>);
    /// For how long, where no body says it.
    pub const FOR: Self = Self::optional(
        "for_seconds",
        "After how many seconds it ends by itself; it does not where absent.",
        schema_of::<u64>,
    );

    /// One that may be left out.
    #[must_use]
    pub const fn optional(name: &'static str, about: &'static str, schema: SchemaOf) -> Self {
        Self { name, about, is_required: false, schema }
    }

    /// One that has to be there.
    #[must_use]
    pub const fn required(name: &'static str, about: &'static str, schema: SchemaOf) -> Self {
        Self { name, about, is_required: true, schema }
    }
}

impl Body {
    /// Ten times what any document of a few fields takes.
    const BYTES_MAX: usize = 64 * 1024;

    /// A document of a few fields.
    #[must_use]
    pub const fn json(schema: SchemaOf, example: &'static str) -> Self {
        Self { form: Form::Json, bytes_max: Self::BYTES_MAX, schema, example }
    }
}

impl Form {
    /// As in `Content-Type`.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain",
        }
    }
}

impl Endpoint {
    /// One that tells a document to whoever may read.
    #[must_use]
    pub const fn read(
        operation: Operation,
        path: &'static str,
        summary: &'static str,
        document: SchemaOf,
    ) -> Self {
        Self {
            operation,
            method: Method::Get,
            path,
            summary,
            access: Access::Role(Role::Read),
            query: &[],
            body: None,
            answer: Answer::Document(document),
            refused: &[],
        }
    }

    /// One that does something and has nothing to tell; refused where the path names nothing.
    #[must_use]
    pub const fn change(
        operation: Operation,
        (method, path): (Method, &'static str),
        role: Role,
        summary: &'static str,
    ) -> Self {
        Self {
            operation,
            method,
            path,
            summary,
            access: Access::Role(role),
            query: &[],
            body: None,
            answer: Answer::Done,
            refused: &[Kind::Unknown],
        }
    }

    /// Whether it changes anything.
    #[must_use]
    pub const fn is_change(&self) -> bool {
        !matches!(self.method, Method::Get)
    }

    /// The names in braces, in their order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Every way in which it can be refused.
    #[must_use]
    pub fn refusals(&self) -> BTreeSet<Kind> {
        let mut kinds: BTreeSet<Kind> = self.refused.iter().copied().collect();
        kinds.extend([Kind::Parameter, Kind::Failed, Kind::GoingDown]);
        if self.access != Access::Open {
            kinds.extend([Kind::Unauthenticated, Kind::TooManyAttempts]);
        }
        if !matches!(self.access, Access::Open | Access::Role(Role::Read)) {
            kinds.insert(Kind::Forbidden);
        }
        if self.is_change() {
            kinds.extend([Kind::Body, Kind::Changed, Kind::NotKept]);
        }
        if self.body.is_some() {
            kinds.extend([Kind::TooLong, Kind::MediaType]);
        }
        kinds
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameter").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("form", &self.form).finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}
