//! What only an overwatch reads.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use dns::{NameBuf, RateLimits};
use dnssec::RolloverTerms;
use geo::CustomMapping;
use health::CheckSpec;
use model::{Backend, Region, Role, Service, Subnet, TokenName};
use routing::DomainSettings;
use zone::Zones;

use crate::values::{CookieSecret, EtcdEndpoint, HostPort, Listen, MeshKey, Secret, Sha256};

/// `overwatch`, `dns`, `regions`, `domains` and `api`.
#[derive(Clone, Debug, PartialEq)]
pub struct OverwatchConfig {
    /// Who the overwatch is.
    pub identity: OverwatchIdentity,
    /// What becomes of an agent that proves itself for the first time.
    pub enrolment: Enrolment,
    /// What agents may speak for.
    pub agent_tokens: Vec<AgentToken>,
    /// Where agents' sessions are accepted.
    pub gossip_address: Listen,
    /// The mesh keys: one, or two while they are changed. The first is the one to prefer.
    pub encryption_keys: Vec<MeshKey>,
    /// The other overwatches; its own address may be among them.
    pub overwatch_nodes: Vec<HostPort>,
    /// Its own checks of agents' backends.
    pub validation: ValidationSettings,
    /// When backends that nobody vouches for leave.
    pub stale: StaleSettings,
    /// Where clients are.
    pub geography: GeographySettings,
    /// The directory of the store.
    pub data_dir: String,
    /// Whether what was learned is kept there too.
    pub persists_table: bool,
    /// The most rows of all agents that are kept.
    pub table_rows_max: usize,
    /// The most rows of one agent; not above those of all.
    pub table_rows_per_agent_max: usize,
    /// Where what operators make is shared; `None` where it is this overwatch's own.
    pub etcd: Option<EtcdSettings>,
    /// The DNS server.
    pub dns: DnsSettings,
    /// The operator's sites, in the order of the file.
    pub regions: Vec<Region>,
    /// The servers that the file names, one entry for each service they serve.
    pub servers: Vec<StaticServer>,
    /// The steered names.
    pub domains: Vec<DomainSettings>,
    /// What was noted of them, by name.
    pub domain_comments: BTreeMap<String, String>,
    /// For each service, the weight of the newest connect time in its servers' averages, above 0
    /// and at most 1: what `latency` compares. The last domain of a service says it.
    pub smoothing_factors: BTreeMap<Service, f64>,
    /// The REST API; `None` where it is off.
    pub api: Option<ApiSettings>,
}

/// `overwatch.identity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverwatchIdentity {
    /// Its name among the overwatches and in the API; same grammar as an agent's.
    pub node_id: String,
    /// The site it stands in.
    pub region: Option<Region>,
    /// Where its certificate is, or will be made.
    pub cert_path: String,
    /// Where its private key is, or will be made.
    pub key_path: String,
}

/// `overwatch.enrolment`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// Pinned at its first proof.
    Auto,
    /// Pinned once an operator approves it.
    Approve,
}

/// One of `overwatch.agent_tokens`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentToken {
    /// The service it is for. Two tokens of one service may be valid in one region.
    pub service: Service,
    /// The secret that the agent holds too.
    pub token: Secret,
    /// Regions that may be claimed; empty: any.
    pub regions: Vec<Region>,
    /// Networks that backends may be claimed in; empty: only the session's own address.
    pub networks: Vec<Subnet>,
}

/// `overwatch.validation`: the checks of what agents announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationSettings {
    /// Whether it checks them at all.
    pub enabled: bool,
    /// Milliseconds between two checks of one backend.
    pub check_interval_ms: u64,
    /// Milliseconds until a check has failed.
    pub check_timeout_ms: u64,
}

/// `overwatch.stale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleSettings {
    /// Milliseconds without a sign of life until a backend is stale.
    pub threshold_ms: u64,
    /// Milliseconds without a sign of life until it is forgotten.
    pub remove_after_ms: u64,
}

/// `overwatch.store.etcd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdSettings {
    /// Its members; one at least.
    pub endpoints: Vec<EtcdEndpoint>,
    /// What the keys begin with; no `/` at its end.
    pub prefix: String,
    /// The file of those that are trusted; there where the endpoints speak TLS.
    pub ca: Option<String>,
    /// The files of the certificate that is shown, and of its key.
    pub identity: Option<(String, String)>,
    /// The user, and the file of the password.
    pub login: Option<(String, String)>,
}

/// `overwatch.geolocation`.
#[derive(Clone, Debug, PartialEq)]
pub struct GeographySettings {
    /// A country database (MMDB).
    pub database_path: Option<String>,
    /// An AS database (MMDB).
    pub asn_database_path: Option<String>,
    /// The region of clients that nothing places.
    pub default_region: Option<Region>,
    /// The operator's own networks; these win over the databases.
    pub custom_mappings: Vec<CustomMapping>,
}

/// `dns`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSettings {
    /// Where questions are answered, on UDP and TCP.
    pub listen_address: Listen,
    /// What this server has authority over; with no `dns.zones` the domains themselves. A steered
    /// name's index is its place in [`OverwatchConfig::domains`].
    pub zones: Zones,
    /// Those of them that are signed, in the same order.
    pub signed: Vec<SignedZone>,
    /// Whether a client subnet in a question (RFC 7871) is believed at all.
    pub ecs_enabled: bool,
    /// Whose client subnets are believed.
    pub ecs_trusted: Vec<Subnet>,
    /// The longest answer by UDP, in bytes.
    pub udp_size: u16,
    /// What NSID says (RFC 5001); `None` where it is not answered.
    pub nsid: Option<String>,
    /// What `id.server` says; `None` where it is refused.
    pub identity: Option<String>,
    /// What `version.bind` says; `None` where it is refused.
    pub version: Option<String>,
    /// Whether cookies are issued (RFC 7873).
    pub cookies_enabled: bool,
    /// What they are made with, and what is good besides; two at most. None: a secret of its own.
    pub cookie_secrets: Vec<CookieSecret>,
    /// What connections may use.
    pub tcp: TcpSettings,
    /// How many answers by UDP one network gets, from all workers together; `None` for any number.
    pub rate_limits: Option<RateLimits>,
    /// Where a sample of queries is written; `None` where none is.
    pub query_log: Option<QueryLogSettings>,
}

/// `dns.query_log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryLogSettings {
    /// The local socket of whoever reads.
    pub socket: String,
    /// One query of so many is written.
    pub sample: NonZeroU32,
}

/// A zone that is signed: `dns.zones[].dnssec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedZone {
    /// Its name.
    pub apex: NameBuf,
    /// When its keys change.
    pub terms: RolloverTerms,
    /// Whether this overwatch makes keys.
    pub makes_keys: bool,
}

/// `dns.tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSettings {
    /// Connections at a time, as far as the process may have that many.
    pub connections_max: usize,
    /// Connections of one address at a time.
    pub connections_per_address_max: usize,
    /// Milliseconds until a silent connection is closed, and what clients are told of it.
    pub idle_timeout_ms: u32,
}

/// A server of `regions[].servers`, for one service.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticServer {
    /// Which, where and with what weight.
    pub backend: Backend,
    /// How it is checked.
    pub check: CheckSpec,
}

/// `api`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiSettings {
    /// Where it listens.
    pub address: Listen,
    /// Who may read without a token.
    pub allowed_networks: Vec<Subnet>,
    /// Whether `X-Forwarded-For` names the client.
    pub trust_proxy_headers: bool,
    /// Who else may do what.
    pub tokens: Vec<ApiToken>,
    /// Who else is trusted to report times.
    pub latency_sources: Vec<LatencySource>,
    /// With which certificate it is served; `None` where it is served in the clear.
    pub tls: Option<ApiTls>,
}

/// `api.tokens[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// What the log of changes calls whoever has it.
    pub name: TokenName,
    /// What they may do.
    pub role: Role,
    /// What they have to know.
    pub secret: ApiSecret,
}

/// `api.latency_sources[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatencySource {
    /// What it is called; no token has this name.
    pub name: TokenName,
    /// What it has to know.
    pub secret: ApiSecret,
    /// The service that its times are of.
    pub service: Service,
    /// The regions that it may report.
    pub regions: Vec<Region>,
}

/// A secret, or what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiSecret {
    /// The secret.
    Plain(Secret),
    /// Its SHA-256.
    Sha256(Sha256),
}

/// `api.tls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiTls {
    /// The certificates' file.
    pub cert: String,
    /// The private key's file.
    pub key: String,
}
