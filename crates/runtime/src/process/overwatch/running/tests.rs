//! Which keys are applied, and which need a restart.

use std::sync::Arc;

use super::super::super::fixture::{config, given};
use super::*;

const FILE: &str = "\
mode: overwatch
overwatch:
  identity: {node_id: one, region: here, cert_path: /a/crt, key_path: /a/key}
  data_dir: /var/lib/one
  enrolment: auto
  agent_tokens: [{service: app.test, token: correct-horse-battery-staple, networks: [192.0.2.0/24]}]
  gossip: {bind_address: \"127.0.0.1:1\", encryption_key: uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=}
  validation: {enabled: true, check_interval: 10s}
  stale: {threshold: 30s}
  geolocation: {default_region: here, custom_mappings: [{cidr: 10.0.0.0/8, region: here}]}
dns:
  listen_address: 127.0.0.1:2
  nsid: one
  version: one
  identity: one
  udp_size: 1232
  ecs: {enabled: true, trusted: [192.0.2.0/24]}
  cookies: {enabled: true}
  tcp: {idle_timeout: 10s}
  rate_limit: {enabled: true}
  query_log: {sample: 100}
  zones: [{name: test, records: [\"www 300 A 192.0.2.1\"]}]
regions: [{name: here, servers: [{address: 192.0.2.9, port: 80, service: app.test}]}]
domains: [{name: app.test, routing_algorithm: failover, regions: [here], ttl: 30}]
api: {enabled: true, address: \"127.0.0.1:3\", allowed_networks: [192.0.2.0/24], trust_proxy_headers: false}
metrics: {enabled: true, address: \"127.0.0.1:4\"}
logging: {level: info, format: text}
";

fn running(text: &str) -> Running {
    let Config { mode: Mode::Overwatch(config), logging, metrics, sandbox } = config(text) else {
        unreachable!("the file says overwatch")
    };
    Running::first(*config, (logging, metrics, sandbox), files(text)).unwrap().0
}

fn files(text: &str) -> Files {
    let text = text.to_owned();
    Files::new(move |made| {
        let checked = config::load_with(&text, made, &given())?;
        let (config, entities) = (checked.config, checked.entities);
        Ok(Reread { config, warnings: Vec::new(), entities })
    })
}

/// The next one, after `running`.
fn next(running: &Running, text: &str) -> Prepared {
    running.next(files(text)).unwrap()
}

#[track_caller]
fn check(from: &str, to: &str, applied: &[&str], fixed: &[&str]) {
    let text = FILE.replacen(from, to, 1);
    assert_ne!(text, FILE, "{from} is not there");
    let running = running(FILE);
    let Prepared { running: after, comparison, .. } = next(&running, &text);
    assert_eq!(comparison.changed, applied, "{from} -> {to}");
    assert_eq!(comparison.needs_restart, fixed, "{from} -> {to}");
    // What is fixed is as it was, and nothing else is.
    let again = next(&after, &text).comparison;
    assert_eq!((again.changed.len(), again.needs_restart), (0, comparison.needs_restart));
}

#[test]
fn every_key_is_applied_or_named() {
    assert!(next(&running(FILE), FILE).comparison.is_empty());
    let fixed = |from, to, key: &str| check(from, to, &[], &[key]);
    fixed("node_id: one", "node_id: two", "overwatch.identity.node_id");
    fixed("/a/crt", "/b/crt", "overwatch.identity.cert_path");
    fixed("/a/key", "/b/key", "overwatch.identity.key_path");
    fixed("/var/lib/one", "/var/lib/two", "overwatch.data_dir");
    fixed("127.0.0.1:1", "127.0.0.1:9", "overwatch.gossip.bind_address");
    fixed("127.0.0.1:2", "127.0.0.1:9", "dns.listen_address");
    fixed("idle_timeout: 10s", "idle_timeout: 9s", "dns.tcp");
    fixed("rate_limit: {enabled: true}", "rate_limit: {enabled: false}", "dns.rate_limit");
    fixed("query_log: {sample: 100}", "query_log: {socket: /a/sock}", "dns.query_log");
    fixed("127.0.0.1:3", "127.0.0.1:9", "api.address");
    fixed("api: {enabled: true", "api: {enabled: false", "api.enabled");
    fixed("127.0.0.1:4", "127.0.0.1:9", "metrics.address");
    fixed("format: text", "format: json", "logging.format");

    let applied = |from, to, key: &str| check(from, to, &[key], &[]);
    applied("level: info", "level: debug", "logging.level");
    applied("region: here, cert", "region: there, cert", "overwatch.identity.region");
    applied("enrolment: auto", "enrolment: approve", "overwatch.enrolment");
    let key = "overwatch.agent_tokens (app.test changed)";
    applied("correct-horse", "another-horse", key);
    applied("encryption_key: uP2s", "encryption_key: uP3s", "overwatch.gossip.encryption_key");
    applied("check_interval: 10s", "check_interval: 9s", "overwatch.validation");
    applied("threshold: 30s", "threshold: 31s", "overwatch.stale");
    applied("10.0.0.0/8", "10.0.0.0/9", "overwatch.geolocation.custom_mappings");
    applied("nsid: one", "nsid: two", "dns.nsid");
    applied("version: one", "version: two", "dns.version");
    applied("  identity: one", "  identity: two", "dns.identity");
    applied("udp_size: 1232", "udp_size: 1400", "dns.udp_size");
    applied("ecs: {enabled: true", "ecs: {enabled: false", "dns.ecs.enabled");
    applied("trusted: [192.0.2.0/24]", "trusted: []", "dns.ecs.trusted");
    applied("cookies: {enabled: true}", "cookies: {enabled: false}", "dns.cookies.enabled");
    let secret = "cookies: {enabled: true, secret: 000102030405060708090a0b0c0d0e0f}";
    applied("cookies: {enabled: true}", secret, "dns.cookies.secret");
    applied("A 192.0.2.1\"", "A 192.0.2.2\"", "dns.zones (test changed)");
    let key = "regions[].servers (app.test at 192.0.2.9:80 changed)";
    applied("port: 80,", "port: 80, weight: 7,", key);
    let key = "api.allowed_networks";
    applied("allowed_networks: [192.0.2.0/24]", "allowed_networks: []", key);
    applied("headers: false", "headers: true", "api.trust_proxy_headers");
    let source = "headers: false, latency_sources: [{name: probe, service: app.test, regions: [here], \
                  token: correct-horse-battery}]";
    applied("headers: false", source, "api.latency_sources (probe added)");
    let both = ["overwatch.geolocation.default_region", "domains (app.test changed)"];
    check("{default_region: here, ", "{", &both, &[]);
    applied("ttl: 30", "ttl: 31", "domains (app.test changed)");
    let weight = "ttl: 30, latency_config: {smoothing_factor: 0.5}";
    applied("ttl: 30", weight, "domains (app.test changed)");
}

#[test]
fn geography_is_the_same_value_until_it_changes() {
    let directory = tempfile::tempdir().unwrap();
    let first = running(FILE);
    let other_ttl = next(&first, &FILE.replace("ttl: 30", "ttl: 31")).running;
    assert!(Arc::ptr_eq(&first.geography.built, &other_ttl.geography.built));
    assert_ne!(first.digest, other_ttl.digest);
    let other = next(&first, &FILE.replace("10.0.0.0/8", "10.0.0.0/9")).running;
    assert!(!Arc::ptr_eq(&first.geography.built, &other.geography.built));
    // A database that cannot be read is a fault, and so is the second one.
    let missing = directory.path().join("missing.mmdb");
    let keys =
        format!("{{database_path: {0}, asn_database_path: {0}, default_region", missing.display());
    let text = FILE.replace("{default_region", &keys);
    let faults = first.next(files(&text)).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].line.contains("missing.mmdb"), "{faults:?}");
}

/// What was kept and cannot be read, or does not fit, neither stops the start nor is lost by the next
/// change.
#[test]
fn what_was_kept_is_never_lost() {
    let kept = r#"{
        "domains": {"b.test": {"name": "b.test", "regions": ["here"]}, "odd name": {"ttl": 1}},
        "mappings": {"10.1.0.0/16": {"cidr": "10.1.0.0/16", "region": "nowhere"}},
        "rings": {"x": {"y": 1}}, "revision": 7
    }"#;
    let start = |files: Files| {
        let Config { mode: Mode::Overwatch(config), logging, metrics, sandbox } = config(FILE)
        else {
            unreachable!("the file says overwatch")
        };
        let first = Running::first(*config, (logging, metrics, sandbox), files).unwrap();
        super::super::making::with_kept(first, kept).0
    };
    let kept: serde_json::Value = serde_json::from_str(kept).unwrap();
    let document = |running: &Running| -> serde_json::Value {
        serde_json::from_str(&running.made.to_document()).unwrap()
    };
    let running = start(files(FILE));
    assert_eq!(document(&running), kept);
    let domains = running.config.domains.iter().map(|domain| domain.name.as_str());
    assert_eq!(domains.collect::<Vec<_>>(), ["app.test", "b.test"]);
    let name = EntityName::new(config::EntityKind::Domain, &["c.test"]).unwrap();
    let made = running.made.with(&name, serde_json::json!({"regions": ["here"]})).unwrap();
    let after = running.change(running.files.clone(), made).unwrap().running;
    assert_eq!(document(&after)["rings"], kept["rings"]);
    assert_eq!(document(&after)["domains"]["odd name"], kept["domains"]["odd name"]);
    assert_eq!(document(&after)["mappings"], kept["mappings"]);
    // Files that cannot be read a second time: nothing of it counts, and all of it is there.
    let running = start(Files::new(|_| Err(Vec::new())));
    assert_eq!((running.config.domains.len(), document(&running)), (1, kept));
}

/// A file that cannot be read at this moment is no fault of what was made elsewhere.
#[test]
fn what_was_made_elsewhere_is_not_left_out_for_a_fault_of_this_machine() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let is_away = Arc::new(AtomicBool::new(true));
    let mut first = running(FILE);
    let (away, files) = (Arc::clone(&is_away), files(FILE));
    first.files = Files::new(move |made| {
        if away.swap(false, Ordering::Relaxed) { Err(Vec::new()) } else { files.check(made) }
    });
    let name = EntityName::new(config::EntityKind::Domain, &["b.test"]).unwrap();
    let made = Made::none().with(&name, serde_json::json!({"regions": ["here"]})).unwrap();
    assert!(first.with_shared(&made).0.is_none());
    let prepared = first.with_shared(&made).0.unwrap();
    assert_eq!(prepared.running.config.domains.len(), 2);
    // A start answers all the same, without it.
    is_away.store(true, Ordering::Relaxed);
    let prepared = first.with_kept(&made).0.unwrap();
    assert_eq!(prepared.running.config.domains.len(), 1);
}

#[test]
fn cookies_are_made_with_what_no_agent_knows() {
    let cookies = |text: &str| {
        let Config { mode: Mode::Overwatch(config), .. } = config(text) else { unreachable!() };
        settings::overwatch(&config).unwrap().answers.cookies
    };
    let own = cookies(FILE).expect("some are issued");
    assert_eq!(cookies(FILE), Some(own.clone()), "a reload changes nothing");
    // Whoever has the mesh key, or another one, is told nothing about it.
    let other = FILE.replace("encryption_key: uP2s", "encryption_key: uP3s");
    assert_eq!(cookies(&other), Some(own.clone()));
    let with =
        |secrets: &str| FILE.replace("cookies: {", &format!("cookies: {{secret: {secrets}, "));
    let (first, second) = ("000102030405060708090a0b0c0d0e0f", "ffffffffffffffffffffffffffffffff");
    let counted = std::array::from_fn(|at| u8::try_from(at).unwrap());
    assert_eq!(cookies(&with(first)), Some(dns::CookieKeys::new(counted, None)));
    let both = Some(dns::CookieKeys::new(counted, Some([0xff; 16])));
    assert_eq!(cookies(&with(&format!("[{first}, {second}]"))), both);
    assert_ne!(cookies(&with(first)), Some(own));
    assert_eq!(
        cookies(&FILE.replace("cookies: {enabled: true}", "cookies: {enabled: false}")),
        None
    );
}
