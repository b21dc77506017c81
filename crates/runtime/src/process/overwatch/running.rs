//! The configuration that runs, and what the next one changes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ::overwatch::{Command, TokenOrder};
use config::{
    ApiSettings, Config, DnsSettings, Entity, EntityName, GeographySettings, LoggingSettings, Made,
    MetricsSettings, Mode, OverwatchConfig, OverwatchIdentity, SandboxSettings,
};
use model::{Service, TokenName};
use rustls::ServerConfig;

use super::super::comparison::Comparison;
use super::super::digest::Digest;
use super::super::geography::Geography;
use super::super::reload::{Files, Reread};
use super::super::{StartError, settings};
use crate::http::server_config;
use crate::logs::chain;

/// What an overwatch runs on.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) config: OverwatchConfig,
    pub(super) logging: LoggingSettings,
    pub(super) metrics: MetricsSettings,
    pub(super) sandbox: SandboxSettings,
    pub(super) geography: Geography,
    /// The API's certificate and key; `None` where it is served in the clear.
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Of what decides answers.
    pub(super) digest: String,
    /// The texts that it was made of.
    pub(super) files: Files,
    /// What was made through the API.
    pub(super) made: Made,
    /// What of that does not fit and is left out.
    left_out: BTreeSet<EntityName>,
    /// What the API knows by name.
    pub(super) entities: Vec<Entity>,
}

/// What is wrong with a configuration: a line, and where it is in something that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) line: String,
    pub(super) made: Option<(EntityName, String)>,
}

impl Wrong {
    fn line(line: String) -> Self {
        Self { line, made: None }
    }
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
    /// What a process starts with, before the store is read.
    pub(super) fn first(
        config: OverwatchConfig,
        (logging, metrics, sandbox): (LoggingSettings, MetricsSettings, SandboxSettings),
        files: Files,
    ) -> Result<(Self, ::overwatch::Settings), StartError> {
        let mut digest = Digest::of(&config);
        let geography = Geography::read(&config.geography, &mut digest, None);
        // The first is enough to end on.
        let geography = geography.map_err(|mut errors| errors.swap_remove(0))?;
        let settings = settings::overwatch(&config)?;
        let tls = tls_of(&config)?;
        let digest = digest.finish();
        let (made, left_out) = (Made::none(), BTreeSet::new());
        // They were checked a moment ago.
        let entities = files.check(&made).map(|read| read.entities).unwrap_or_default();
        let running = Self {
            config,
            logging,
            metrics,
            sandbox,
            geography,
            tls,
            digest,
            files,
            made,
            left_out,
            entities,
        };
        Ok((running, settings))
    }

    /// What a process starts with, together with what was made in an earlier life. What does not fit
    /// is left out, with its faults; with nothing of it the files are as good as they were.
    pub(super) fn with_kept(&self, made: &Made) -> (Option<Prepared>, Vec<String>) {
        self.fitting(made, true)
    }

    /// What runs, with what was made at another overwatch instead of what was made so far. What does not fit is
    /// left out; nothing comes of it where the fault is none of what was made.
    pub(super) fn with_shared(&self, made: &Made) -> (Option<Prepared>, Vec<String>) {
        self.fitting(made, false)
    }

    fn fitting(&self, made: &Made, is_a_start: bool) -> (Option<Prepared>, Vec<String>) {
        let (mut left_out, mut lines) = (BTreeSet::new(), Vec::new());
        loop {
            let wrong = match self.with(self.files.clone(), made.clone(), &left_out) {
                Ok(prepared) => return (Some(prepared), lines),
                Err(wrong) => wrong,
            };
            let before = left_out.len();
            let is_of_this_machine = wrong.iter().all(|wrong| wrong.made.is_none());
            left_out.extend(wrong.iter().filter_map(|wrong| Some(wrong.made.as_ref()?.0.clone())));
            lines.extend(wrong.into_iter().map(|wrong| wrong.line));
            if left_out.len() == before {
                // Nothing of what was made is to blame alone: all of it.
                let all: BTreeSet<_> = made.entities().map(|(name, _)| name.clone()).collect();
                if left_out.len() == all.len() || (is_of_this_machine && !is_a_start) {
                    return (None, lines);
                }
                left_out = all;
            }
        }
    }

    /// The same, where nothing of what was made counts: it is still there, to be put right.
    pub(super) fn without(self, made: Made) -> Self {
        let left_out = made.entities().map(|(name, _)| name.clone()).collect();
        Self { made, left_out, ..self }
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
            waiting: false,
        })
    }

    /// The name that a command wants to give or take, where the configuration has it.
    pub(super) fn configured_token<'a>(&self, command: &'a Command) -> Option<&'a TokenName> {
        let Command::Tokens(TokenOrder::Create { name, .. } | TokenOrder::Revoke(name)) = command
        else {
            return None;
        };
        has_token(&self.config, name).then_some(name)
    }

    /// What these files make, with what was made through the API: all of it, or every fault. What did
    /// not fit so far may be left out again.
    pub(super) fn next(&self, files: Files) -> Result<Prepared, Vec<Wrong>> {
        self.change(files, self.made.clone())
    }

    /// The same with other things made.
    pub(super) fn change(&self, files: Files, made: Made) -> Result<Prepared, Vec<Wrong>> {
        let whole = self.with(files.clone(), made.clone(), &BTreeSet::new());
        match whole {
            Err(wrong) if !self.left_out.is_empty() => {
                // What is made anew is not what did not fit.
                let is_old = |name: &&EntityName| made.get(name) == self.made.get(name);
                let left_out = self.left_out.iter().filter(is_old).cloned().collect();
                self.with(files, made, &left_out).map_err(|_| wrong)
            }
            whole => whole,
        }
    }

    fn with(
        &self,
        files: Files,
        made: Made,
        left_out: &BTreeSet<EntityName>,
    ) -> Result<Prepared, Vec<Wrong>> {
        let fitting = made.without_all(left_out);
        let checked = files.check(&fitting).map_err(|faults| wrong(&faults, &fitting))?;
        let Reread { config, warnings, mut entities } = checked;
        let Config { mode: Mode::Overwatch(config), mut logging, mut metrics, mut sandbox } =
            config
        else {
            let fault = "mode: this process is an overwatch; an agent is another process";
            return Err(vec![Wrong::line(fault.to_owned())]);
        };
        let mut config = *config;
        let mut comparison = Comparison::default();
        let sandboxes = (&self.sandbox, &mut sandbox);
        comparison.process((&self.logging, &mut logging), (&self.metrics, &mut metrics), sandboxes);
        compare(&mut comparison, &self.config, &mut config);
        let mut digest = Digest::of(&config);
        let geography = Geography::read(&config.geography, &mut digest, Some(&self.geography));
        let line = |error: &StartError| Wrong::line(chain(error));
        let geography = geography.map_err(|errors| errors.iter().map(line).collect::<Vec<_>>())?;
        if geography.has_other_files(&self.geography) {
            comparison.changed.push("overwatch.geolocation (the databases)".to_owned());
        }
        let settings = settings::overwatch(&config).map_err(|error| vec![line(&error)])?;
        let tls = tls_of(&config).map_err(|error| vec![line(&error)])?;
        let digest = digest.finish();
        entities.extend(left_out.iter().filter_map(|name| {
            let (name, settings) = (name.clone(), made.get(name)?.to_owned());
            Some(Entity { name, file: None, is_waiting: true, settings })
        }));
        entities.sort_by(|a, b| a.name.cmp(&b.name));
        let left_out = left_out.clone();
        let running = Self {
            config,
            logging,
            metrics,
            sandbox,
            geography,
            tls,
            digest,
            files,
            made,
            left_out,
            entities,
        };
        Ok(Prepared { running, settings, comparison, warnings })
    }
}

/// Whether the configuration has a token of that name: then one that was made lets nobody in.
pub(super) fn has_token(config: &OverwatchConfig, name: &TokenName) -> bool {
    config.api.iter().any(|api| {
        let mut tokens = api.tokens.iter().map(|token| &token.name);
        let mut sources = api.latency_sources.iter().map(|source| &source.name);
        tokens.any(|known| known == name) || sources.any(|known| known == name)
    })
}

/// Faults, each with where it is in what was made.
fn wrong(faults: &[config::Fault], made: &Made) -> Vec<Wrong> {
    let one = |fault: &config::Fault| {
        let pointer = || config::pointer_to(fault, made);
        Wrong { line: fault.to_string(), made: fault.made.clone().map(|name| (name, pointer())) }
    };
    faults.iter().map(one).collect()
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
        overwatch_nodes,
        validation,
        stale,
        geography,
        data_dir,
        persists_table,
        table_rows_max,
        table_rows_per_agent_max,
        etcd,
        dns,
        regions,
        servers,
        domains,
        domain_comments,
        smoothing_factors,
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
    let node = ToString::to_string;
    let (was, is) = (old.overwatch_nodes.iter(), overwatch_nodes.iter());
    c.named("overwatch.gossip.overwatch_nodes", was, is, node);
    c.applied("overwatch.validation", &old.validation, validation);
    c.applied("overwatch.stale", &old.stale, stale);
    c.fixed("overwatch.data_dir", &old.data_dir, data_dir);
    c.fixed("overwatch.latency_table.persist", &old.persists_table, persists_table);
    let (max_rows, of_one) = (&old.table_rows_max, &old.table_rows_per_agent_max);
    c.fixed("overwatch.latency_table.max_rows", max_rows, table_rows_max);
    c.fixed("overwatch.latency_table.max_rows_per_agent", of_one, table_rows_per_agent_max);
    c.fixed("overwatch.store.etcd", &old.etcd, etcd);
    compare_geography(c, &old.geography, geography);
    compare_dns(c, &old.dns, dns);
    c.named("regions", old.regions.iter(), regions.iter(), ToString::to_string);
    let server = |server: &config::StaticServer| server.backend.key.to_string();
    c.named("regions[].servers", old.servers.iter(), servers.iter(), server);
    let (was, is) =
        (weighed(&old.domains, &old.smoothing_factors), weighed(domains, smoothing_factors));
    c.named("domains", was.iter(), is.iter(), |(domain, _)| domain.name.clone());
    c.applied("domains[].comment", &old.domain_comments, domain_comments);
    compare_api(c, &old.api, api);
}

/// Domains, each with the weight that its service goes by: it is no setting of routing.
fn weighed<'a>(
    domains: &'a [routing::DomainSettings],
    factors: &BTreeMap<Service, f64>,
) -> Vec<(&'a routing::DomainSettings, Option<f64>)> {
    domains.iter().map(|domain| (domain, factors.get(&domain.service).copied())).collect()
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
        cookie_secrets,
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
    c.applied("dns.cookies.secret", &old.cookie_secrets, cookie_secrets);
    // The workers and the connections have theirs from the start.
    c.fixed("dns.tcp", &old.tcp, tcp);
    c.fixed("dns.rate_limit", &old.rate_limits, rate_limits);
    c.fixed("dns.query_log", &old.query_log, query_log);
}

fn compare_api(c: &mut Comparison, old: &Option<ApiSettings>, new: &mut Option<ApiSettings>) {
    let (Some(was), Some(api)) = (old, new.as_mut()) else {
        return c.fixed("api.enabled", old, new);
    };
    let ApiSettings { address, allowed_networks, trust_proxy_headers, tokens, .. } = api;
    let ApiSettings { latency_sources, tls, .. } = api;
    c.fixed("api.address", &was.address, address);
    c.applied("api.allowed_networks", &was.allowed_networks, allowed_networks);
    c.applied("api.trust_proxy_headers", &was.trust_proxy_headers, trust_proxy_headers);
    let source = |source: &config::LatencySource| source.name.to_string();
    let key = "api.latency_sources";
    c.named(key, was.latency_sources.iter(), latency_sources.iter(), source);
    c.named("api.tokens", was.tokens.iter(), tokens.iter(), |token| token.name.to_string());
    match (&was.tls, tls) {
        // The files may have been renewed under the same names: they are read each time.
        (Some(was), Some(tls)) => c.applied("api.tls", was, tls),
        (was, tls) => c.fixed("api.tls", was, tls),
    }
}

#[cfg(test)]
mod tests;
