//! What an overwatch is told at start. All values are checked; defaults live in `config`.

use health::CheckSpec;
use latency::TableLimits;
use mesh::{MeshKeys, OverwatchId, Tokens};
use model::{Backend, Region, Service, Subnet};
use routing::DomainSettings;

use crate::{CheckTerms, Enrolment};

/// Everything an overwatch needs to know, but for geography, which is built from files.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name in the mesh, as in its certificate.
    pub node_id: OverwatchId,
    /// The site it stands in; only told, never routed by.
    pub region: Option<Region>,
    /// The mesh keys: one, or two while they rotate.
    pub keys: MeshKeys,
    /// Who may speak for what.
    pub tokens: Tokens,
    /// How a new agent comes in.
    pub enrolment: Enrolment,
    /// How it checks backends on its own.
    pub checks: CheckTerms,
    /// When a backend that nobody vouches for is forgotten.
    pub stale: StaleTerms,
    /// The bounds of the learned table.
    pub table: TableLimits,
    /// The backends of the configuration.
    pub backends: Vec<ConfiguredBackend>,
    /// What is steered, and how.
    pub domains: Vec<DomainSettings>,
    /// The zones, without final dots.
    pub zones: Vec<Service>,
    /// The TTL of the zones' own records and of negative answers, in seconds.
    pub zone_ttl_s: u32,
    /// Whose word about a client's network counts.
    pub ecs: EcsPolicy,
}

/// A backend of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfiguredBackend {
    /// What it is.
    pub backend: Backend,
    /// How to tell that it works; `None` where it is taken to.
    pub check: Option<CheckSpec>,
}

/// When a backend that nobody vouches for is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleTerms {
    /// How long an agent remembered from before a restart has to come back, in milliseconds, where
    /// its own heartbeat terms are not known.
    pub threshold_ms: u64,
    /// How long a stale backend stays in the registry, in milliseconds.
    pub remove_after_ms: u64,
}

/// Whose word about a client's network counts (RFC 7871).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsPolicy {
    /// Whether any counts.
    pub enabled: bool,
    /// The resolvers that are believed; empty: all.
    pub trusted: Vec<Subnet>,
}
