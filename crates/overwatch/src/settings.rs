//! What an overwatch is told at start. All values are checked; defaults live in `config`.

use dns::{CookieKeys, CookieStanding, Edns, ServerFact};
use health::CheckSpec;
use latency::TableLimits;
use mesh::{MeshKeys, OverwatchId, Tokens};
use model::{Backend, Region, Subnet};
use routing::DomainSettings;
use zone::Zones;

use crate::{Asker, CheckTerms, Enrolment, SignedZone};

/// Everything an overwatch needs to know, but for geography, which is built from files.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name in the mesh, as in its certificate.
    pub node_id: OverwatchId,
    /// The site it stands in; only told, never routed by.
    pub region: Option<Region>,
    /// The mesh keys: one, or two while they rotate.
    pub keys: MeshKeys,
    /// The addresses of the other overwatches, as `host:port`; its own may be among them.
    pub overwatches: Vec<String>,
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
    /// The names that it is an authority for. A steered name's index is its place in `domains`.
    pub zones: Zones,
    /// Those of them that are signed.
    pub signed: Vec<SignedZone>,
    /// How questions are answered, whatever they are for.
    pub answers: AnswerTerms,
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

/// How questions are answered, whatever they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerTerms {
    /// Whose word about a client's network counts.
    pub ecs: EcsPolicy,
    /// The secrets of cookies (RFC 7873); `None` where none are issued.
    pub cookies: Option<CookieKeys>,
    /// The longest answer by UDP, in bytes, and the longest query that we say we take.
    pub udp_size: u16,
    /// For how many milliseconds a TCP connection may idle, as those who ask are told (RFC 7828).
    pub tcp_idle_ms: Option<u32>,
    /// What NSID says (RFC 5001); `None` where it is not answered.
    pub nsid: Option<String>,
    /// What `version.bind` says; `None` where it is REFUSED.
    pub version: Option<String>,
    /// What `id.server` and `hostname.bind` say (RFC 4892); `None` where they are REFUSED.
    pub identity: Option<String>,
}

impl AnswerTerms {
    /// What is told about the server.
    pub(crate) fn fact(&self, fact: ServerFact) -> Option<&str> {
        match fact {
            ServerFact::Version => self.version.as_deref(),
            ServerFact::Identity => self.identity.as_deref(),
        }
    }

    /// What the asker's cookie proves; nothing where there are none.
    pub(crate) fn judge(&self, edns: Option<&Edns<'_>>, asker: &Asker) -> CookieStanding {
        let cookie = edns.and_then(|edns| edns.cookie);
        let judged = self.cookies.as_ref().map(|keys| keys.judge(cookie, asker.address, asker.now));
        judged.unwrap_or(CookieStanding::None)
    }
}

/// Whose word about a client's network counts (RFC 7871).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsPolicy {
    /// Whether any counts.
    pub enabled: bool,
    /// The resolvers that are believed, and no others.
    pub trusted: Vec<Subnet>,
}
