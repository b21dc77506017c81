//! The settings that only an overwatch reads.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use dns::RateLimits;
use geo::CustomMapping;
use model::{Backend, BackendKey, Region, Service, SubnetWidths};
use routing::DomainSettings;
use zone::Zones;

use super::check::check_spec;
use super::domain;
use crate::section::Section;
use crate::settings::{
    AgentToken, ApiSecret, ApiSettings, ApiTls, ApiToken, DnsSettings, Enrolment, EtcdSettings,
    GeographySettings, LatencySource, OverwatchConfig, OverwatchIdentity, QueryLogSettings,
    StaleSettings, StaticServer, TcpSettings, ValidationSettings,
};
use crate::signing;
use crate::steering;

/// A client's network for limits: what one site has at most, by the usual assignments (BCP 157 for
/// IPv6), so that a forged source in it counts together with its neighbours.
const RATE_LIMIT_WIDTHS: SubnetWidths = SubnetWidths { ipv4: 24, ipv6: 56 };
/// Accounts that one worker remembers: 1 MiB of them. In a flood from more networks than that the
/// oldest are forgotten (decision 18).
const RATE_LIMIT_BUCKETS: usize = 65_536;

/// `overwatch`, `dns`, `regions`, `domains` and `api`.
pub(super) fn overwatch(root: &Section, zones: Zones) -> Option<OverwatchConfig> {
    let overwatch = root.section("overwatch");
    let gossip = overwatch.section("gossip");
    let table = overwatch.section("latency_table");
    Some(OverwatchConfig {
        identity: identity(overwatch.section("identity"))?,
        enrolment: match overwatch.text("enrolment")? {
            "auto" => Enrolment::Auto,
            "approve" => Enrolment::Approve,
            _ => return None,
        },
        agent_tokens: overwatch.sections("agent_tokens").map(token).collect::<Option<_>>()?,
        gossip_address: gossip.get("bind_address")?,
        encryption_keys: gossip.list("encryption_key")?,
        overwatch_nodes: gossip.list("overwatch_nodes")?,
        validation: validation(overwatch.section("validation"))?,
        stale: stale(overwatch.section("stale"))?,
        geography: geography(overwatch.section("geolocation"))?,
        data_dir: overwatch.get("data_dir")?,
        persists_table: table.get("persist")?,
        table_rows_max: table.get("max_rows")?,
        table_rows_per_agent_max: table.get("max_rows_per_agent")?,
        etcd: etcd(overwatch.section("store").section("etcd"))?,
        dns: dns(root, zones)?,
        regions: root.sections("regions").map(|r| r.get("name")).collect::<Option<_>>()?,
        servers: servers(root)?,
        domains: domains(root)?,
        domain_comments: root
            .sections("domains")
            .filter_map(|domain| Some((domain.get("name")?, domain.get("comment")?)))
            .collect(),
        smoothing_factors: root
            .sections("domains")
            .map(domain::smoothing_factor)
            .collect::<Option<_>>()?,
        api: api(root.section("api"))?,
    })
}

fn identity(section: &Section) -> Option<OverwatchIdentity> {
    Some(OverwatchIdentity {
        node_id: section.get("node_id")?,
        region: section.get("region"),
        cert_path: section.get("cert_path")?,
        key_path: section.get("key_path")?,
    })
}

fn token(section: &Section) -> Option<AgentToken> {
    Some(AgentToken {
        service: section.get("service")?,
        token: section.get("token")?,
        regions: section.list("regions")?,
        networks: section.list("networks")?,
    })
}

fn validation(section: &Section) -> Option<ValidationSettings> {
    Some(ValidationSettings {
        enabled: section.get("enabled")?,
        check_interval_ms: section.ms("check_interval")?,
        check_timeout_ms: section.ms("check_timeout")?,
    })
}

fn stale(section: &Section) -> Option<StaleSettings> {
    Some(StaleSettings {
        threshold_ms: section.ms("threshold")?,
        remove_after_ms: section.ms("remove_after")?,
    })
}

/// `Some(None)` where nothing is shared.
fn etcd(section: &Section) -> Option<Option<EtcdSettings>> {
    let endpoints = section.list("endpoints")?;
    let pair = |a, b| section.get::<String>(a).zip(section.get::<String>(b));
    let settings = EtcdSettings {
        prefix: section.get("prefix")?,
        ca: section.get("ca"),
        identity: pair("cert", "key"),
        login: pair("username", "password_file"),
        endpoints,
    };
    Some((!settings.endpoints.is_empty()).then_some(settings))
}

fn geography(section: &Section) -> Option<GeographySettings> {
    let mapping = |mapping: &Section| {
        Some(CustomMapping {
            subnet: mapping.get("cidr")?,
            region: mapping.get("region")?,
            comment: mapping.get("comment"),
        })
    };
    Some(GeographySettings {
        database_path: section.get("database_path"),
        asn_database_path: section.get("asn_database_path"),
        default_region: section.get("default_region"),
        custom_mappings: section.sections("custom_mappings").map(mapping).collect::<Option<_>>()?,
    })
}

fn dns(root: &Section, zones: Zones) -> Option<DnsSettings> {
    let (dns, ecs) = (root.section("dns"), root.section("dns").section("ecs"));
    Some(DnsSettings {
        listen_address: dns.get("listen_address")?,
        signed: signing::signed(root, &zones)?,
        zones,
        ecs_enabled: ecs.get("enabled")?,
        ecs_trusted: ecs.list("trusted")?,
        udp_size: dns.get("udp_size")?,
        nsid: dns.get("nsid"),
        identity: dns.get("identity"),
        version: dns.get("version"),
        cookies_enabled: dns.section("cookies").get("enabled")?,
        cookie_secrets: dns.section("cookies").list("secret").unwrap_or_default(),
        tcp: tcp(dns.section("tcp"))?,
        rate_limits: rate_limits(dns.section("rate_limit"))?,
        query_log: query_log(dns.section("query_log"))?,
    })
}

fn tcp(section: &Section) -> Option<TcpSettings> {
    Some(TcpSettings {
        connections_max: section.get("max_connections")?,
        connections_per_address_max: section.get("max_connections_per_address")?,
        idle_timeout_ms: u32::try_from(section.ms("idle_timeout")?).ok()?,
    })
}

/// `Some(None)` where no query is written.
fn query_log(section: &Section) -> Option<Option<QueryLogSettings>> {
    let sample = section.get("sample")?;
    Some(section.get("socket").map(|socket| QueryLogSettings { socket, sample }))
}

/// `None` where a part is missing, `Some(None)` where nothing is limited.
fn rate_limits(section: &Section) -> Option<Option<RateLimits>> {
    let limits = RateLimits {
        answers_per_s: Some(section.get("answers_per_second")?),
        no_names_per_s: Some(section.get("nxdomain_per_second")?),
        // Referrals are as many as there are delegations, and as rare as names that do not exist.
        referrals_per_s: Some(section.get("nxdomain_per_second")?),
        errors_per_s: Some(section.get("errors_per_second")?),
        window_s: NonZeroU32::new(u32::try_from(section.ms("window")? / 1_000).ok()?)?,
        slip: Some(section.get("slip")?),
        widths: RATE_LIMIT_WIDTHS,
        exempt: section.list("exempt")?,
        buckets: RATE_LIMIT_BUCKETS,
    };
    Some(section.get::<bool>("enabled")?.then_some(limits))
}

fn domains(root: &Section) -> Option<Vec<DomainSettings>> {
    let regions = domain::regions(root)?;
    let default_region = root.section("overwatch").section("geolocation").get("default_region");
    let settings = |section| domain::domain((root, section), &regions, default_region.as_ref());
    root.sections("domains").map(settings).collect()
}

/// One entry for each service of each server.
fn servers(root: &Section) -> Option<Vec<StaticServer>> {
    let mut all = Vec::new();
    for region in root.sections("regions") {
        let name: Region = region.get("name")?;
        // What a server serves that names no service: that of every domain that names its region.
        let names_it = |d: &&Section| d.texts("regions").any(|(region, _)| region == name.as_str());
        let services = root.sections("domains").filter(names_it).map(steering::service);
        let every = services.map(|service| service?.parse().ok());
        let every: BTreeSet<Service> = every.collect::<Option<_>>()?;
        for server in region.sections("servers") {
            let check = check_spec(server.section("health_check"), server.text("host"))?;
            let one: Option<Service> = server.get("service");
            for service in one.map_or_else(|| every.clone(), |service| [service].into()) {
                let (address, port) = (server.get("address")?, server.get("port")?);
                let key = BackendKey { service, address, port };
                let backend = Backend { key, region: name.clone(), weight: server.get("weight")? };
                all.push(StaticServer { backend, check: check.clone() });
            }
        }
    }
    Some(all)
}

fn api_secret(section: &Section) -> Option<ApiSecret> {
    Some(match section.text("sha256") {
        Some(digits) => ApiSecret::Sha256(digits.parse().ok()?),
        None => ApiSecret::Plain(section.get("token")?),
    })
}

fn api_token(section: &Section) -> Option<ApiToken> {
    let secret = api_secret(section)?;
    Some(ApiToken { name: section.get("name")?, role: section.get("role")?, secret })
}

fn latency_source(section: &Section) -> Option<LatencySource> {
    Some(LatencySource {
        name: section.get("name")?,
        secret: api_secret(section)?,
        service: section.get("service")?,
        regions: section.list("regions")?,
    })
}

/// `Some(None)` where the API is off.
fn api(section: &Section) -> Option<Option<ApiSettings>> {
    let settings = ApiSettings {
        address: section.get("address")?,
        allowed_networks: section.list("allowed_networks")?,
        trust_proxy_headers: section.get("trust_proxy_headers")?,
        tokens: section.sections("tokens").map(api_token).collect::<Option<_>>()?,
        latency_sources: section
            .sections("latency_sources")
            .map(latency_source)
            .collect::<Option<_>>()?,
        tls: match (section.section("tls").get("cert"), section.section("tls").get("key")) {
            (Some(cert), Some(key)) => Some(ApiTls { cert, key }),
            _ => None,
        },
    };
    Some(section.get::<bool>("enabled")?.then_some(settings))
}
