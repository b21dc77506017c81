//! An override, a drain, a failed check and a revoked agent: each is in the answers within a second, and
//! the log, the API and the metrics tell the same with the same words.

use std::fs::{self, Permissions};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use crate::daemon::{Daemon, eventually};
use crate::site::{KEY, Server, Site, TOKEN};

/// How soon something has to be in the answers where nothing else keeps the machine busy: a second. A
/// loaded one gets five; how long it took is printed.
const SOON: Duration = Duration::from_secs(5);

/// Waits until a name has another address, which has to be soon.
#[expect(clippy::print_stderr, reason = "who reads the log learns how long it took")]
#[track_caller]
fn soon(site: &Site, since: Instant, (name, expect): (&str, Option<IpAddr>), what: &str) {
    while site.ask(name) != expect {
        assert!(since.elapsed() < SOON, "{what}: {name} is still {:?}", site.ask(name));
    }
    eprintln!("{what}: in the answers after {} ms", since.elapsed().as_millis());
}

/// What the log, the API and the metrics say of a server: its standing, and who says so.
#[track_caller]
fn told(site: &Site, (service, server): (&str, SocketAddr), standing: &str, by: &str) {
    let line = format!("backend {service} at {server} is {standing}, was ");
    let said = site.overwatch.line(&line);
    assert!(said.contains(&format!(", says {by}")), "{said}");
    let document: serde_json::Value =
        serde_json::from_str(&site.api("GET /api/v1/overwatch/backends")).unwrap();
    let is_it = |backend: &&serde_json::Value| {
        backend["service"] == service && backend["address"] == server.ip().to_string()
    };
    let backend = document["backends"].as_array().unwrap().iter().find(is_it).unwrap();
    assert_eq!(backend["effective_status"], standing);
    assert_eq!(backend["authority"], by);
    // Metrics count what the others name.
    let page = site.metrics();
    assert!(page.contains("region_backends_healthy{region=\"one\"} 0\n"), "{page}");
}

#[test]
fn an_override_and_a_drain_are_told_alike() {
    let site = Site::start();
    let (first, second) = (site.first(), site.second());
    let server = ("app.test", site.servers[0].address);
    let address = first.to_string();
    for (word, standing, by, what) in [
        (&["--healthy", "false"][..], "unhealthy", "override", "is overridden to down"),
        (&["--drain"], "draining", "draining", "is being drained"),
    ] {
        let since = Instant::now();
        let set = ["overrides", "set", "app.test", &address, "--reason", "disk is full"];
        let (code, said) = site.cli(&[&set[..], word].concat());
        assert_eq!(code, 0, "{said}");
        soon(&site, since, ("app.test", Some(second)), word[0].trim_start_matches('-'));
        told(&site, server, standing, by);
        // What was done, by whom and why: the log's line is the list's.
        let line = site.overwatch.line(&format!("backend app.test at {} {what}", server.1));
        let audit: serde_json::Value =
            serde_json::from_str(&site.api("GET /api/v1/overwatch/audit")).unwrap();
        let last = &audit["lines"][0];
        let [what, by, why] = ["what", "by", "reason"].map(|key| last[key].as_str().unwrap());
        assert!(line.ends_with(&format!("{what}, by {by}: {why}")), "{line}\n{last}");
        let since = Instant::now();
        assert_eq!(site.cli(&["overrides", "clear", "app.test", &address]).0, 0);
        soon(&site, since, ("app.test", Some(first)), "clear");
    }
}

#[test]
fn a_failed_check_is_told_alike() {
    let site = Site::start();
    let since = site.servers[0].fall_ill();
    soon(&site, since, ("app.test", Some(site.second())), "a failed check");
    told(&site, ("app.test", site.servers[0].address), "unhealthy", "validation");
}

#[test]
fn a_revoked_agent_is_told_alike() {
    let site = Site::start();
    let server = Server::start(43);
    let files = site.directory.path().join("agent");
    let (files, mesh, address) = (files.display(), site.mesh, server.address);
    let (ip, port) = (address.ip(), address.port());
    let text = format!(
        "\
mode: agent
agent:
  identity: {{agent_id: a, service_token: {TOKEN}, region: one, cert_path: {files}/a.crt, key_path: {files}/a.key}}
  backends: [{{service: agent.test, address: {ip}, port: {port}, health_check: {{interval: 1s, timeout: 1s}}}}]
  gossip: {{encryption_key: {KEY}, overwatch_nodes: [\"{mesh}\"]}}
  latency_learning: {{enabled: false}}
logging: {{level: info, format: text}}
metrics: {{enabled: false}}
"
    );
    let path = site.directory.path().join("agent.yaml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let mut agent = Daemon::start(&path, &[]);
    eventually("its server is answered with", || site.ask("agent.test") == Some(ip));
    let since = Instant::now();
    assert_eq!(site.cli(&["agents", "revoke", "a"]).0, 0);
    soon(&site, since, ("agent.test", None), "a revoked agent");
    let line = site.overwatch.line("agent a was revoked");
    let (_, said) = site.cli(&["audit"]);
    let what = "agent a was revoked; its backends are blocked and its rows withdrawn";
    assert!(line.contains(what) && said.contains(what), "{line}\n{said}");
    let agents = site.api("GET /api/v1/overwatch/agents");
    assert!(agents.contains("\"status\":\"revoked\""), "{agents}");
    assert!(!site.api("GET /api/v1/overwatch/backends").contains("agent.test"));
    let page = site.metrics();
    assert!(page.contains("region_backends{region=\"one\"} 1\n"), "{page}");
    // It can be forgotten once it is gone, and then nobody knows it.
    agent.signal("TERM");
    agent.end();
    let (code, said) = site.cli(&["agents", "forget", "a"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(site.cli(&["agents", "forget", "a"]).0, 1);
}
