//! What the configuration says, in the nodes' own words. No default and no decision here.

use std::sync::OnceLock;

use config::{AgentConfig, Enrolment, OverwatchConfig};
use dns::CookieKeys;
use health::HeartbeatTerms;
use latency::TableLimits;
use mesh::{MeshKeys, SecretError, Token, TokenSecret, Tokens};
use model::Backend;
use overwatch::{
    AnswerTerms, CheckTerms, ConfiguredBackend, EcsPolicy, OutsideSource, SignedZone, StaleTerms,
};

use super::StartError;
use crate::random;

/// A row is forgotten a week after its last connection, the brief's own `subnet_ttl`; an agent's
/// shorter one is its own affair.
const ROW_TTL_MS: u64 = 7 * 86_400_000;

/// An agent's settings.
pub(super) fn agent(config: &AgentConfig) -> Result<agent::Settings, SecretError> {
    let identity = &config.identity;
    let offers = config.backends.iter().map(|backend| agent::Offer {
        backend: Backend {
            key: model::BackendKey {
                service: backend.service.clone(),
                address: backend.address,
                port: backend.port,
            },
            region: identity.region.clone(),
            weight: backend.weight,
        },
        listen_port: backend.listen_port,
        check: Some(backend.check.clone()),
    });
    Ok(agent::Settings {
        agent_id: identity.agent_id.clone(),
        region: identity.region.clone(),
        token: TokenSecret::new(identity.service_token.expose().to_owned()),
        keys: MeshKeys::new(config.encryption_keys.iter().map(|key| *key.expose()))?,
        offers: offers.collect(),
        heartbeat: HeartbeatTerms {
            interval_ms: config.heartbeat_interval_ms,
            missed_threshold: config.missed_threshold,
        },
        learning: config.learning.clone(),
        predictive: config.predictive.as_ref().map(|predictive| agent::Predictive {
            check_interval_ms: predictive.check_interval_ms,
            limits: predictive.limits.clone(),
            error_window_ms: predictive.error_window_ms,
        }),
    })
}

/// An overwatch's settings.
pub(super) fn overwatch(config: &OverwatchConfig) -> Result<overwatch::Settings, StartError> {
    let name = &config.identity.node_id;
    let node_id =
        name.parse().map_err(|source| StartError::NodeName { name: name.clone(), source })?;
    let tokens = config.agent_tokens.iter().map(|token| Token {
        service: token.service.clone(),
        secret: TokenSecret::new(token.token.expose().to_owned()),
        regions: token.regions.clone(),
        networks: token.networks.clone(),
    });
    let backends = config.servers.iter().map(|server| ConfiguredBackend {
        backend: server.backend.clone(),
        check: Some(server.check.clone()),
    });
    let signed = config.dns.signed.iter().map(|zone| SignedZone {
        apex: zone.apex.clone(),
        terms: zone.terms,
        makes_keys: zone.makes_keys,
    });
    let keys = MeshKeys::new(config.encryption_keys.iter().map(|key| *key.expose()))?;
    Ok(overwatch::Settings {
        node_id,
        overwatches: config.overwatch_nodes.iter().map(ToString::to_string).collect(),
        region: config.identity.region.clone(),
        tokens: Tokens::new(tokens.collect())?,
        enrolment: match config.enrolment {
            Enrolment::Auto => overwatch::Enrolment::Auto,
            Enrolment::Approve => overwatch::Enrolment::Approve,
        },
        checks: CheckTerms {
            enabled: config.validation.enabled,
            interval_ms: config.validation.check_interval_ms,
            timeout_ms: config.validation.check_timeout_ms,
            smoothing_factors: config.smoothing_factors.clone(),
        },
        stale: StaleTerms {
            threshold_ms: config.stale.threshold_ms,
            remove_after_ms: config.stale.remove_after_ms,
        },
        table: TableLimits {
            rows_per_agent_max: config.table_rows_per_agent_max,
            rows_max: config.table_rows_max,
            ttl_ms: ROW_TTL_MS,
        },
        backends: backends.collect(),
        domains: config.domains.clone(),
        zones: config.dns.zones.clone(),
        signed: signed.collect(),
        answers: answers(config),
        keys,
    })
}

/// Who else is trusted to report times; nobody where the API is not served.
pub(super) fn outside(config: &OverwatchConfig) -> Vec<OutsideSource> {
    let sources = config.api.iter().flat_map(|api| &api.latency_sources);
    let sources = sources.map(|source| OutsideSource {
        name: source.name.clone(),
        service: source.service.clone(),
        regions: source.regions.clone(),
    });
    sources.collect()
}

/// How questions are answered, whatever they are for.
fn answers(config: &OverwatchConfig) -> AnswerTerms {
    let dns = &config.dns;
    let mut secrets = dns.cookie_secrets.iter().map(|secret| *secret.expose());
    let issuing = || secrets.next().or_else(own_cookie_secret);
    let issuing = dns.cookies_enabled.then(issuing).flatten();
    AnswerTerms {
        ecs: EcsPolicy { enabled: dns.ecs_enabled, trusted: dns.ecs_trusted.clone() },
        cookies: issuing.map(|issuing| CookieKeys::new(issuing, secrets.next())),
        udp_size: dns.udp_size,
        tcp_idle_ms: Some(dns.tcp.idle_timeout_ms),
        nsid: dns.nsid.clone(),
        version: dns.version.clone(),
        identity: dns.identity.clone(),
    }
}

/// What cookies are made with where nothing is set: the same as long as this process lives. It comes from
/// nothing that others know; the key of the mesh is every agent's too.
fn own_cookie_secret() -> Option<[u8; 16]> {
    static SECRET: OnceLock<Option<[u8; 16]>> = OnceLock::new();
    *SECRET.get_or_init(random::cookie_secret)
}
