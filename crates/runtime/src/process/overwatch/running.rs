//! The configuration that runs, and what the next one changes of it.

use std::sync::Arc;

use ::overwatch::{Command, TokenOrder};
use config::{
    ApiSettings, Config, DnsSettings, GeographySettings, LoggingSettings, MetricsSettings, Mode,
    OverwatchConfig, OverwatchIdentity,
};
use model::TokenName;
use rustls::ServerConfig;

use super::super::comparison::Comparison;
use super::super::digest::Digest;
use super::super::geography::Geography;
use super::super::reload::{Read, Reread};
use super::super::{StartError, settings};
use crate::http::server_config;
use crate::logs::chain;

/// What an overwatch runs on.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) config: OverwatchConfig,
    pub(super) logging: LoggingSettings,
    pub(super) metrics: MetricsSettings,
    pub(super) geography: Geography,
    /// The API's certificate and key; `None` where it is served in the clear.
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Of what decides answers.
    pub(super) digest: String,
}

/// The next configuration, ready to be applied.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What will run; what needs a restart is in it as it was.
    pub(super) running: Running,
    pub(super) settings: ::overwatch::Settings,
    pub(super) comparison: Comparison,
    pub(super) warnings: Vec<String>,
}

impl Running {
    /// What a process starts with.
    pub(super) fn first(
        config: OverwatchConfig,
        logging: LoggingSettings,
        metrics: MetricsSettings,
    ) -> Result<(Self, ::overwatch::Settings), StartError> {
        let mut digest = Digest::of(&config);
        let geography = Geography::read(&config.geography, &mut digest, None);
        // The first is enough to end on.
        let geography = geography.map_err(|mut errors| errors.swap_remove(0))?;
        let settings = settings::overwatch(&config)?;
        let tls = tls_of(&config)?;
        let digest = digest.finish();
        Ok((Self { config, logging, metrics, geography, tls, digest }, settings))
    }

    /// The tokens of the configuration, without their secrets.
    pub(super) fn configured_tokens(&self) -> impl Iterator<Item = api::tokens::Token> {
        let tokens = self.config.api.iter().flat_map(|api| &api.tokens);
        tokens.map(|token| api::tokens::Token {
            name: token.name.to_string(),
            role: token.role.to_string(),
            configured: true,
            created: None,
            by: None,
        })
    }

    /// The name that a command wants to give or take, where the configuration has it.
    pub(super) fn configured_token<'a>(&self, command: &'a Command) -> Option<&'a TokenName> {
        let Command::Tokens(TokenOrder::Create { name, .. } | TokenOrder::Revoke(name)) = command
        else {
            return None;
        };
        let mut tokens = self.config.api.iter().flat_map(|api| &api.tokens);
        tokens.any(|token| token.name == *name).then_some(name)
    }

    /// Reads what is to run next: all of it, or every fault.
    pub(super) fn next(&self, read: &Read) -> Result<Prepared, Vec<String>> {
        let Reread { config, warnings } = read()?;
        let Config { mode: Mode::Overwatch(config), mut logging, mut metrics } = config else {
            let fault = "mode: this process is an overwatch; an agent is another process";
            return Err(vec![fault.to_owned()]);
        };
        let mut config = *config;
        let mut comparison = Comparison::default();
        comparison.process((&self.logging, &mut logging), (&self.metrics, &mut metrics));
        compare(&mut comparison, &self.config, &mut config);
        let mut digest = Digest::of(&config);
        let geography = Geography::read(&config.geography, &mut digest, Some(&self.geography));
        let line = |error: &StartError| chain(error);
        let geography = geography.map_err(|errors| errors.iter().map(line).collect::<Vec<_>>())?;
        if geography.has_other_files(&self.geography) {
            comparison.changed.push("overwatch.geolocation (the databases)".to_owned());
        }
        let settings = settings::overwatch(&config).map_err(|error| vec![line(&error)])?;
        let tls = tls_of(&config).map_err(|error| vec![line(&error)])?;
        let digest = digest.finish();
        let running = Self { config, logging, metrics, geography, tls, digest };
        Ok(Prepared { running, settings, comparison, warnings })
    }
}

fn tls_of(config: &OverwatchConfig) -> Result<Option<Arc<ServerConfig>>, StartError> {
    let tls = config.api.as_ref().and_then(|api| api.tls.as_ref());
    Ok(tls.map(server_config).transpose()?)
}

/// Compares what an overwatch has. Every field is named here: whoever adds one says whether it is
/// applied or needs a restart.
fn compare(c: &mut Comparison, old: &OverwatchConfig, new: &mut OverwatchConfig) {
    let OverwatchConfig {
        identity,
        enrolment,
        agent_tokens,
        gossip_address,
        encryption_keys,
        validation,
        stale,
        geography,
        data_dir,
        dns,
        regions,
        servers,
        domains,
        // They follow from the domains.
        smoothing_factors: _,
        api,
    } = new;
    let OverwatchIdentity { node_id, region, cert_path, key_path } = identity;
    c.fixed("overwatch.identity.node_id", &old.identity.node_id, node_id);
    c.applied("overwatch.identity.region", &old.identity.region, region);
    c.fixed("overwatch.identity.cert_path", &old.identity.cert_path, cert_path);
    c.fixed("overwatch.identity.key_path", &old.identity.key_path, key_path);
    c.applied("overwatch.enrolment", &old.enrolment, enrolment);
    let service = |token: &config::AgentToken| token.service.to_string();
    c.named("overwatch.agent_tokens", old.agent_tokens.iter(), agent_tokens.iter(), service);
    c.fixed("overwatch.gossip.bind_address", &old.gossip_address, gossip_address);
    c.applied("overwatch.gossip.encryption_key", &old.encryption_keys, encryption_keys);
    c.applied("overwatch.validation", &old.validation, validation);
    c.applied("overwatch.stale", &old.stale, stale);
    c.fixed("overwatch.data_dir", &old.data_dir, data_dir);
    compare_geography(c, &old.geography, geography);
    compare_dns(c, &old.dns, dns);
    c.named("regions", old.regions.iter(), regions.iter(), ToString::to_string);
    let server = |server: &config::StaticServer| server.backend.key.to_string();
    c.named("regions[].servers", old.servers.iter(), servers.iter(), server);
    c.named("domains", old.domains.iter(), domains.iter(), |domain| domain.name.clone());
    compare_api(c, &old.api, api);
}

fn compare_geography(c: &mut Comparison, old: &GeographySettings, new: &GeographySettings) {
    let GeographySettings { database_path, asn_database_path, default_region, custom_mappings } =
        new;
    c.applied("overwatch.geolocation.database_path", &old.database_path, database_path);
    let key = "overwatch.geolocation.asn_database_path";
    c.applied(key, &old.asn_database_path, asn_database_path);
    c.applied("overwatch.geolocation.default_region", &old.default_region, default_region);
    c.applied("overwatch.geolocation.custom_mappings", &old.custom_mappings, custom_mappings);
}

fn compare_dns(c: &mut Comparison, old: &DnsSettings, new: &mut DnsSettings) {
    let DnsSettings {
        listen_address,
        zones,
        signed,
        ecs_enabled,
        ecs_trusted,
        udp_size,
        nsid,
        identity,
        version,
        cookies_enabled,
        tcp,
        rate_limits,
        query_log,
    } = new;
    c.fixed("dns.listen_address", &old.listen_address, listen_address);
    c.named("dns.zones", old.zones.iter(), zones.iter(), |zone| zone.apex().to_string());
    let apex = |zone: &config::SignedZone| zone.apex.to_string();
    c.named("dns.zones[].dnssec", old.signed.iter(), signed.iter(), apex);
    c.applied("dns.ecs.enabled", &old.ecs_enabled, ecs_enabled);
    c.applied("dns.ecs.trusted", &old.ecs_trusted, ecs_trusted);
    c.applied("dns.udp_size", &old.udp_size, udp_size);
    c.applied("dns.nsid", &old.nsid, nsid);
    c.applied("dns.identity", &old.identity, identity);
    c.applied("dns.version", &old.version, version);
    c.applied("dns.cookies.enabled", &old.cookies_enabled, cookies_enabled);
    // The workers and the connections have theirs from the start.
    c.fixed("dns.tcp", &old.tcp, tcp);
    c.fixed("dns.rate_limit", &old.rate_limits, rate_limits);
    c.fixed("dns.query_log", &old.query_log, query_log);
}

fn compare_api(c: &mut Comparison, old: &Option<ApiSettings>, new: &mut Option<ApiSettings>) {
    let (Some(was), Some(api)) = (old, new.as_mut()) else {
        return c.fixed("api.enabled", old, new);
    };
    let ApiSettings { address, allowed_networks, trust_proxy_headers, tokens, tls } = api;
    c.fixed("api.address", &was.address, address);
    c.applied("api.allowed_networks", &was.allowed_networks, allowed_networks);
    c.applied("api.trust_proxy_headers", &was.trust_proxy_headers, trust_proxy_headers);
    c.named("api.tokens", was.tokens.iter(), tokens.iter(), |token| token.name.to_string());
    match (&was.tls, tls) {
        // The files may have been renewed under the same names: they are read each time.
        (Some(was), Some(tls)) => c.applied("api.tls", was, tls),
        (was, tls) => c.fixed("api.tls", was, tls),
    }
}

#[cfg(test)]
mod tests;
