//! Files as operators write them, and what becomes of them.

use super::*;

#[test]
fn every_example_loads_with_no_word_but_that_its_secrets_are_known() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut count = 0;
    let secrets = ["token: ", "service_token: ", "encryption_key: "];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let checked = load_as_is(&text);
        let checked = checked.unwrap_or_else(|faults| panic!("{}: {faults:?}", path.display()));
        // Those of the demo stay in it.
        let is_demo = path.file_name().unwrap().to_str().unwrap().starts_with("demo6");
        let is_secret = |line: &&str| secrets.iter().any(|key| line.trim().starts_with(key));
        let known = if is_demo { 0 } else { text.lines().filter(is_secret).count() };
        assert_eq!(checked.warnings.len(), known, "{}", path.display());
        for warning in checked.warnings {
            assert!(
                warning.message.contains("that of the example"),
                "{}: {warning}",
                path.display()
            );
        }
        count += 1;
    }
    assert!(count >= 4, "{count} examples");
}

/// The brief's "Agent Latency Learning Config", as it stands there but for the lost indentation.
const BRIEF_LEARNING: &str = "
agent:
  latency_learning:
    enabled: true
    poll_interval: 10s          # How often to read TCP stats
    min_connection_age: 5s      # Ignore new connections
    ipv4_prefix: 24             # Aggregate by /24
    ipv6_prefix: 48             # Aggregate by /48
    ewma_alpha: 0.3             # Smoothing factor
    max_subnets: 100000         # Memory limit
    subnet_ttl: 168h            # 7-day retention
    min_samples: 5              # Min samples before reporting
    report_interval: 30s        # Gossip frequency
";

/// The brief's "Domain Configuration for Learned Latency".
const BRIEF_DOMAINS: &str = "
domains:
  - name: app.demo.local
    routing_algorithm: learned_latency  # Use passive learning
    regions:
      - eu-west
      - ap-southeast
    latency_config:
      max_latency_ms: 300               # Exclude high-latency backends
      min_samples: 5                    # Require sufficient data
";

#[test]
fn the_briefs_learning_block_means_what_it_says() {
    let rest = LEAST_AGENT.replace("\nmode: agent\nagent:\n", "");
    let learning = agent(&format!("mode: agent{BRIEF_LEARNING}{rest}")).learning.unwrap();
    let expect = latency::LearningSettings {
        poll_interval_ms: 10_000,
        min_connection_age_ms: 5_000,
        widths: model::SubnetWidths { ipv4: 24, ipv6: 48 },
        ewma_alpha: 0.3,
        averaging: latency::Averaging::Ewma,
        max_subnets: 100_000,
        subnet_ttl_ms: 7 * 86_400_000,
        min_samples: 5,
        report_interval_ms: 30_000,
        rtt_source: latency::RttSource::Min,
        exclude: Vec::new(),
    };
    assert_eq!(learning, expect);
    let defaults = latency::LearningSettings { min_samples: 1, ..expect };
    let said = "the brief shows the defaults, but for the thin rows (decision 32)";
    assert_eq!(agent(LEAST_AGENT).learning, Some(defaults), "{said}");
}

#[test]
fn the_briefs_domain_block_means_what_it_says() {
    let regions = "regions: [{name: eu-west}, {name: ap-southeast}]\n";
    let config = overwatch(&format!("{LEAST_OVERWATCH}{regions}{BRIEF_DOMAINS}"));
    let domain = &config.domains[0];
    assert_eq!(domain.name.as_str(), "app.demo.local");
    let algorithm =
        routing::Algorithm::LearnedLatency { max_latency_ms: Some(300), min_samples: 5 };
    assert_eq!(domain.algorithm, algorithm);
    let regions: Vec<&str> = domain.regions.iter().map(|region| region.name.as_str()).collect();
    assert_eq!(regions, ["eu-west", "ap-southeast"]);
    assert_eq!((domain.ttl_s, domain.none_healthy), (60, routing::NonePolicy::LastHealthy));
    let apexes: Vec<String> = config.dns.zones.iter().map(|z| z.apex().to_string()).collect();
    assert_eq!(apexes, [domain.name.as_str()], "a domain without zones is its own");
    // The same blocks in one file, in either mode.
    let both = format!("{BRIEF_LEARNING}{BRIEF_DOMAINS}");
    let text =
        format!("{LEAST_OVERWATCH}regions: [{{name: eu-west}}, {{name: ap-southeast}}]{both}");
    assert_eq!(overwatch(&text).domains, config.domains);
}

#[test]
fn the_least_files_get_the_defaults() {
    let agent = agent(LEAST_AGENT);
    assert_eq!(agent.identity.agent_id.as_str(), "host-1");
    assert_eq!(agent.backends[0].listen_port, 80);
    assert_eq!(agent.backends[0].weight, 100);
    assert_eq!((agent.heartbeat_interval_ms, agent.missed_threshold), (10_000, 3));
    assert_eq!(agent.backends[0].check.validate(), Ok(()));
    let overwatch = overwatch(LEAST_OVERWATCH);
    assert_eq!(overwatch.identity.node_id, "host-1");
    assert_eq!(overwatch.gossip_address.to_string(), ":7946");
    assert_eq!(overwatch.dns.listen_address, Listen { address: None, port: 53 });
    assert_eq!(overwatch.dns.ecs_trusted, [model::Subnet::ALL_IPV4, model::Subnet::ALL_IPV6]);
    assert!(overwatch.dns.ecs_enabled && overwatch.validation.enabled);
    assert_eq!(overwatch.api, None);
    assert_eq!(load_as_is(LEAST_AGENT).unwrap().config.metrics.address, None);
}

#[test]
fn a_server_without_a_service_serves_each_domain_of_its_region() {
    let text = format!(
        "{LEAST_OVERWATCH}
regions:
  - name: a
    servers:
      - {{address: 10.0.0.1}}
      - {{address: 10.0.0.2, service: two.test, host: h.test, health_check: {{type: https}}}}
domains:
  - {{name: one.test, regions: [a]}}
  - {{name: two.test, regions: [a]}}
"
    );
    let servers = overwatch(&text).servers;
    let shown: Vec<String> = servers.iter().map(|server| server.backend.key.to_string()).collect();
    let expect = ["one.test at 10.0.0.1:80", "two.test at 10.0.0.1:80", "two.test at 10.0.0.2:80"];
    assert_eq!(shown, expect);
    let health::CheckKind::Https(https) = &servers[2].check.kind else { panic!("https") };
    assert_eq!(https.host.as_deref(), Some("h.test"));
}

#[test]
fn old_names_and_forms_are_read_with_a_warning() {
    let text = "
overwatch:
  gossip: {encryption_key: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}
  agent_tokens:
    app.test: 0123456789abcdef
  geolocation:
    ecs_enabled: false
dns:
  return_last_healthy: false
regions: [{name: a}]
domains: [{name: app.test, regions: [a]}]
";
    let checked = load_as_is(text).unwrap();
    let warnings: Vec<String> = checked.warnings.iter().map(ToString::to_string).collect();
    let expect = [
        "opengslb.yaml:4:3: overwatch.agent_tokens is now a list of service, token",
        "opengslb.yaml:7:5: overwatch.geolocation.ecs_enabled is now `dns.ecs.enabled: false`",
        "opengslb.yaml:9:3: dns.return_last_healthy is now `dns.none_healthy: servfail`",
    ];
    assert_eq!(warnings, expect);
    let config = overwatch(text);
    assert!(!config.dns.ecs_enabled);
    assert_eq!(config.domains[0].none_healthy, routing::NonePolicy::Servfail);
    let token = &config.agent_tokens[0];
    assert_eq!((token.service.as_str(), token.token.expose()), ("app.test", "0123456789abcdef"));
    assert!(token.regions.is_empty() && token.networks.is_empty());
}

#[test]
fn the_command_line_beats_the_files_mode() {
    let load = |text: &str, mode| load(text, &given("f", Some(mode)));
    let agent = load(&LEAST_AGENT.replace("mode: agent", ""), ModeName::Agent).unwrap();
    assert!(matches!(agent.config.mode, Mode::Agent(_)));
    assert!(agent.effective.starts_with("mode: agent\n"));
    assert!(!agent.effective.contains("\ndns:"), "an agent answers no DNS");
    let both = format!("{LEAST_AGENT}{LEAST_OVERWATCH}");
    let overwatch = load(&both, ModeName::Overwatch).unwrap();
    assert!(matches!(overwatch.config.mode, Mode::Overwatch(_)));
    assert!(!overwatch.effective.contains("\nagent:"));
}

#[test]
fn a_token_for_nothing_is_told() {
    let tokens = "  agent_tokens: [{service: ap.test, token: 0123456789abcdef}]\n";
    let warnings = load_as_is(&format!("{LEAST_OVERWATCH}{tokens}")).unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].message.contains("ap.test"), "{warnings:?}");
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    assert_eq!(exposed_file("f", 0o100_640), None);
    assert!(exposed_file("f", 0o100_644).unwrap().ends_with("chmod o-rwx f"));
}

#[test]
fn every_path_of_the_settings_is_told() {
    let paths = |text: &str| load_as_is(text).unwrap().paths;
    let overwatch = paths(FULL_OVERWATCH);
    for line in FULL_OVERWATCH.lines() {
        let keys = ["data_dir", "cert_path", "key_path", "database_path", "socket", "cert", "key"];
        let Some((key, value)) = line.split_once(": ") else { continue };
        if keys.contains(&key.trim().trim_start_matches("- ")) && value.contains('/') {
            let value = value.trim().trim_matches('"').to_owned();
            assert!(overwatch.contains(&value), "{line} in {overwatch:?}");
        }
    }
    assert!(overwatch.len() > 5, "{overwatch:?}");
    let defaults = ["/var/lib/opengslb/agent.crt", "/var/lib/opengslb/agent.key"];
    assert_eq!(paths(LEAST_AGENT), defaults);
}
