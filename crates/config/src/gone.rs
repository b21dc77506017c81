//! Keys that files of the former program have and that mean nothing here: what to do instead.
//!
//! They are refused like any unknown key, so that nobody believes that they still do something; but
//! whoever brings one is told where to go. Keys that have only moved are in the table of keys.

/// Such a key: its path, and what stands in its place. A section stands for all keys in it.
type Gone = (&'static str, &'static str);

/// All of them, by path.
const GONE: &[Gone] = &[
    ("agent.gossip.discovery", "name every overwatch in agent.gossip.overwatch_nodes"),
    ("api.cors", "other sites' pages may not ask; a proxy in front can let them"),
    ("api.enable_cors", "other sites' pages may not ask; a proxy in front can let them"),
    (
        "overwatch.dnssec",
        "it is dns.dnssec now, off unless you say so; keys go to other \
     overwatches by `opengslb-cli dnssec export` and `import`",
    ),
    (
        "overwatch.gossip.gossip_interval",
        "agents keep a session; how often they say that they live is \
     agent.heartbeat",
    ),
    (
        "overwatch.gossip.probe_interval",
        "agents keep a session; how often they say that they live is \
     agent.heartbeat",
    ),
    (
        "overwatch.gossip.probe_timeout",
        "agents keep a session; how long they may be silent is \
     agent.heartbeat",
    ),
    (
        "overwatch.peering",
        "overwatches tell one another by overwatch.gossip.overwatch_nodes, without a session of their own",
    ),
    ("regions[].health_check", "each server has its own: regions[].servers[].health_check"),
];

/// What to do instead of a key, where the former program had it.
pub(crate) fn instead_of(path: &str) -> Option<&'static str> {
    GONE.iter().find(|(gone, _)| *gone == path).map(|(_, instead)| *instead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Given, ModeName, load, no_includes};

    /// Every key of a file of the former program, and for those that are gone a part of what is said.
    const FORMER: &[(&str, Option<&str>)] = &[
        ("mode", None),
        ("agent.identity.service_token", None),
        ("agent.identity.region", None),
        ("agent.identity.cert_path", None),
        ("agent.identity.key_path", None),
        ("agent.backends[].service", None),
        ("agent.backends[].address", None),
        ("agent.backends[].port", None),
        ("agent.backends[].weight", None),
        ("agent.backends[].health_check.type", None),
        ("agent.backends[].health_check.interval", None),
        ("agent.backends[].health_check.timeout", None),
        ("agent.backends[].health_check.path", None),
        ("agent.backends[].health_check.host", None),
        ("agent.backends[].health_check.failure_threshold", None),
        ("agent.backends[].health_check.success_threshold", None),
        ("agent.predictive.enabled", None),
        ("agent.predictive.check_interval", None),
        ("agent.predictive.cpu.threshold", None),
        ("agent.predictive.cpu.bleed_duration", None),
        ("agent.predictive.memory.threshold", None),
        ("agent.predictive.memory.bleed_duration", None),
        ("agent.predictive.error_rate.threshold", None),
        ("agent.predictive.error_rate.window", None),
        ("agent.predictive.error_rate.bleed_duration", None),
        ("agent.gossip.encryption_key", None),
        ("agent.gossip.overwatch_nodes", None),
        ("agent.gossip.discovery.method", Some("overwatch_nodes")),
        ("agent.heartbeat.interval", None),
        ("agent.heartbeat.missed_threshold", None),
        ("agent.latency_learning.enabled", None),
        ("agent.latency_learning.poll_interval", None),
        ("agent.latency_learning.min_connection_age", None),
        ("agent.latency_learning.ipv4_prefix", None),
        ("agent.latency_learning.ipv6_prefix", None),
        ("agent.latency_learning.ewma_alpha", None),
        ("agent.latency_learning.max_subnets", None),
        ("agent.latency_learning.subnet_ttl", None),
        ("agent.latency_learning.min_samples", None),
        ("agent.latency_learning.report_interval", None),
        ("overwatch.identity.node_id", None),
        ("overwatch.identity.region", None),
        ("overwatch.agent_tokens", None),
        ("overwatch.gossip.bind_address", None),
        ("overwatch.gossip.encryption_key", None),
        ("overwatch.gossip.probe_interval", Some("agent.heartbeat")),
        ("overwatch.gossip.probe_timeout", Some("agent.heartbeat")),
        ("overwatch.gossip.gossip_interval", Some("agent.heartbeat")),
        ("overwatch.validation.enabled", None),
        ("overwatch.validation.check_interval", None),
        ("overwatch.validation.check_timeout", None),
        ("overwatch.stale.threshold", None),
        ("overwatch.stale.remove_after", None),
        ("overwatch.dnssec.enabled", Some("dns.dnssec")),
        ("overwatch.dnssec.security_acknowledgment", Some("dns.dnssec")),
        ("overwatch.dnssec.algorithm", Some("dns.dnssec")),
        ("overwatch.dnssec.key_sync.peers", Some("dnssec export")),
        ("overwatch.geolocation.database_path", None),
        ("overwatch.geolocation.default_region", None),
        ("overwatch.geolocation.ecs_enabled", None),
        ("overwatch.geolocation.custom_mappings[].cidr", None),
        ("overwatch.geolocation.custom_mappings[].region", None),
        ("overwatch.geolocation.custom_mappings[].comment", None),
        ("overwatch.data_dir", None),
        ("overwatch.peering.peers", Some("overwatch_nodes")),
        ("dns.listen_address", None),
        ("dns.default_ttl", None),
        ("dns.return_last_healthy", None),
        ("dns.zones[]", None),
        ("regions[].name", None),
        ("regions[].servers[].address", None),
        ("regions[].servers[].port", None),
        ("regions[].servers[].weight", None),
        ("regions[].servers[].service", None),
        ("regions[].servers[].host", None),
        ("regions[].health_check.type", Some("regions[].servers[].health_check")),
        ("regions[].countries", None),
        ("regions[].continents", None),
        ("domains[].name", None),
        ("domains[].routing_algorithm", None),
        ("domains[].regions", None),
        ("domains[].ttl", None),
        ("domains[].latency_config.smoothing_factor", None),
        ("domains[].latency_config.max_latency_ms", None),
        ("domains[].latency_config.min_samples", None),
        ("logging.level", None),
        ("logging.format", None),
        ("metrics.enabled", None),
        ("metrics.address", None),
        ("api.enabled", None),
        ("api.address", None),
        ("api.allowed_networks", None),
        ("api.trust_proxy_headers", None),
        ("api.enable_cors", Some("proxy")),
        ("api.cors.allowed_origins", Some("proxy")),
    ];

    /// A file with this key alone.
    fn file(path: &str) -> String {
        let parts: Vec<&str> = path.split('.').collect();
        parts.iter().rev().fold("x".to_owned(), |below, part| match part.strip_suffix("[]") {
            Some(name) => format!("{{{name}: [{below}]}}"),
            None => format!("{{{part}: {below}}}"),
        })
    }

    #[test]
    fn every_key_of_the_former_program_is_known_or_its_replacement_is_named() {
        let given = Given {
            file_name: "former.yaml",
            mode: None,
            host_name: "host",
            read_zone_file: &|_| Err("no file".to_owned()),
            includes: &no_includes,
        };
        for (path, instead) in FORMER {
            let agent = path.starts_with("agent.").then_some(ModeName::Agent);
            let faults = load(&file(path), &Given { mode: agent, ..given }).err();
            let faults: Vec<String> =
                faults.into_iter().flatten().map(|fault| fault.to_string()).collect();
            let unknown = faults.iter().find(|fault| fault.contains("unknown key"));
            match (unknown, instead) {
                (None, None) => {}
                (Some(said), Some(part)) => assert!(said.contains(part), "{path}: {said}"),
                _ => panic!("{path}: {unknown:?}, expected {instead:?}"),
            }
        }
    }

    #[test]
    fn what_is_gone_is_in_no_table() {
        assert!(GONE.is_sorted());
        for (path, _) in GONE {
            assert!(crate::keys::all().all(|key| key.path != *path), "{path}");
        }
    }
}
