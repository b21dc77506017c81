//! An overwatch and agents as processes on loopback, each with files of its own, every port chosen
//! by the system.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use crate::daemon::{Daemon, eventually};
use crate::http;

/// The mesh key of a world: base64 of 32 bytes.
pub(crate) const KEY: &str = "uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=";
pub(crate) const TOKEN: &str = "correct-horse-battery-staple";
/// What agents have that do not belong here.
pub(crate) const WRONG_KEY: &str = "q7Zt1cRk5bWm9xYv3nDs8fHj2gLp6aEu0oIi4TqXyBc=";
pub(crate) const WRONG_TOKEN: &str = "incorrect-horse-battery-staple";

/// Any port of the first loopback address.
const FREE: &str = "127.0.0.1:0";

pub(crate) const DOMAIN: &str = "app.test";

/// A web server at one loopback address that a health check likes, until it is dropped.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    is_open: Arc<AtomicBool>,
}

impl Web {
    /// At `127.0.0.LAST`: all of 127/8 is this machine.
    pub(crate) fn start(last: u8) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let is_open = Arc::new(AtomicBool::new(true));
        let open = Arc::clone(&is_open);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if !open.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                // Checks send one short head; who breaks off is no concern of the server.
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        });
        Self { address, is_open }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.is_open.store(false, Ordering::SeqCst);
        // Wakes the server, which then ends.
        let _ = std::net::TcpStream::connect(self.address);
    }
}

/// What an agent is started with.
#[derive(Clone, Copy)]
pub(crate) struct Secrets {
    pub(crate) key: &'static str,
    pub(crate) token: &'static str,
}

pub(crate) const RIGHT: Secrets = Secrets { key: KEY, token: TOKEN };

/// An overwatch and where it is reached.
pub(crate) struct World {
    pub(crate) overwatch: Daemon,
    pub(crate) dns: SocketAddr,
    pub(crate) mesh: SocketAddr,
    pub(crate) api: SocketAddr,
    pub(crate) metrics: SocketAddr,
    directory: TempDir,
}

impl World {
    pub(crate) fn start() -> Self {
        Self::start_at(FREE)
    }

    /// One at every address.
    pub(crate) fn start_everywhere() -> Self {
        Self::start_at("\":0\"")
    }

    fn start_at(address: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let text = overwatch(directory.path()).replace(FREE, address);
        let config = write(directory.path(), "overwatch", &text);
        let overwatch = Daemon::start(&config, &[]);
        let at = |what: &str| overwatch.word_after(what).parse().unwrap();
        Self {
            dns: at("answering DNS on "),
            mesh: at("hearing agents on "),
            api: at("serving the API on "),
            metrics: at("serving metrics on "),
            overwatch,
            directory,
        }
    }

    /// The overwatch's local socket for operators.
    pub(crate) fn control(&self) -> PathBuf {
        self.directory.path().join("overwatch/control.sock")
    }

    /// Starts an agent for the server at `web`; one started again by the same name has kept its key.
    pub(crate) fn agent(&self, name: &str, web: &Web, secrets: Secrets) -> Daemon {
        let text = agent(self.directory.path(), name, (self.mesh, web.address), secrets);
        Daemon::start(&write(self.directory.path(), name, &text), &[])
    }

    /// An agent that is joined, its server in the answers.
    #[track_caller]
    pub(crate) fn joined(&self, name: &str, web: &Web) -> Daemon {
        let agent = self.agent(name, web, RIGHT);
        agent.line("joined overwatch");
        eventually("the server is healthy", || self.is_healthy(web.address.ip()));
        agent
    }

    /// What the API says of the backend at this address.
    pub(crate) fn backend(&self, address: IpAddr) -> serde_json::Value {
        let mut document = http::document(self.api, "/api/v1/overwatch/backends");
        let backends = document["backends"].as_array_mut().unwrap();
        backends.retain(|backend| backend["address"] == address.to_string());
        assert!(backends.len() <= 1, "{backends:?}");
        backends.pop().unwrap_or_default()
    }

    /// Healthy, as agent and overwatch both see it.
    fn is_healthy(&self, address: IpAddr) -> bool {
        let backend = self.backend(address);
        backend["effective_status"] == "healthy"
            && backend["agent_healthy"] == true
            && backend["validation_healthy"] == true
    }

    /// A number at `/metrics`; 0 where there is no such series yet.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        http::metrics(self.metrics).get(series).copied().unwrap_or(0.0)
    }

    /// A second overwatch with files of its own that wants an address of this one; it has to end.
    #[track_caller]
    pub(crate) fn clash(&self, key: &str, address: SocketAddr) -> Daemon {
        let directory = self.directory.path().join("second");
        fs::create_dir(&directory).unwrap();
        let (free, taken) = (format!("{key}: {FREE}\n"), format!("{key}: {address}\n"));
        let text = overwatch(&directory);
        assert!(text.contains(&free), "{text}");
        let config = write(&directory, "overwatch", &text.replace(&free, &taken));
        Daemon::start(&config, &[])
    }
}

/// No process may have logged what is secret, however chatty it was told to be.
#[track_caller]
pub(crate) fn assert_no_secret_is_logged<'a>(daemons: impl IntoIterator<Item = &'a Daemon>) {
    for daemon in daemons {
        let log = daemon.log();
        assert!(log.contains(" DEBUG ") || log.contains(" INFO "), "{log}");
        for secret in [KEY, TOKEN, WRONG_KEY, WRONG_TOKEN] {
            assert!(!log.contains(secret.trim_end_matches('=')), "{secret} is in\n{log}");
        }
        // The key's bytes, as a careless `{:?}` or `{:x}` would show them.
        for bytes in ["184, 253, 172, 210", "b8fdacd2", "B8FDACD2", "BEGIN PRIVATE KEY"] {
            assert!(!log.contains(bytes), "{bytes} is in\n{log}");
        }
    }
}

/// Writes a configuration as its owner's alone.
pub(crate) fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(format!("{name}.yaml"));
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

/// Ends a process that a test did not start itself.
pub(crate) struct Ended(pub(crate) String);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", &self.0]).output();
    }
}

fn overwatch(directory: &Path) -> String {
    let files = directory.join("overwatch");
    let files = files.display();
    format!(
        "\
mode: overwatch
overwatch:
  identity:
    node_id: overwatch-1
    cert_path: {files}/overwatch.crt
    key_path: {files}/overwatch.key
  data_dir: {files}
  agent_tokens:
    - service: {DOMAIN}
      token: {TOKEN}
      regions: [here]
      networks: [127.0.0.0/8]
  gossip:
    bind_address: {FREE}
    encryption_key: {KEY}
  validation: {{enabled: true, check_interval: 1s, check_timeout: 1s}}
  geolocation: {{default_region: here}}
dns:
  listen_address: {FREE}
  zones: [{{name: test, records: [www A 192.0.2.80]}}]
regions: [{{name: here}}]
domains:
  - name: {DOMAIN}
    routing_algorithm: learned_latency
    regions: [here]
  - name: '*.{DOMAIN}'
    regions: [here]
    answers: 2
    https: {{alpn: [h2]}}
  - name: cdn.test
    regions: [here]
    targets: [{{region: here, name: www.test}}]
api:
  enabled: true
  address: {FREE}
metrics:
  enabled: true
  address: {FREE}
logging: {{level: debug, format: text}}
"
    )
}

fn agent(
    directory: &Path,
    name: &str,
    (mesh, web): (SocketAddr, SocketAddr),
    secrets: Secrets,
) -> String {
    let files = directory.join(name);
    let (files, Secrets { key, token }) = (files.display(), secrets);
    let (address, port) = (web.ip(), web.port());
    format!(
        "\
mode: agent
agent:
  identity:
    agent_id: {name}
    service_token: {token}
    region: here
    cert_path: {files}/agent.crt
    key_path: {files}/agent.key
  backends:
    - service: {DOMAIN}
      address: {address}
      port: {port}
      health_check: {{type: http, path: /, interval: 1s, timeout: 1s}}
  gossip:
    encryption_key: {key}
    overwatch_nodes: [\"{mesh}\"]
  heartbeat: {{interval: 1s, missed_threshold: 3}}
metrics:
  enabled: true
  address: {FREE}
logging: {{level: debug, format: text}}
"
    )
}
