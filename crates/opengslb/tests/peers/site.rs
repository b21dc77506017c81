//! Overwatches that know each other, each with files of its own, and agents. Every port is chosen by the
//! system, at the first start.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::files::{config_in, write};

pub(crate) const SERVICE: &str = "app.test";
pub(crate) const TOKEN: &str = "correct-horse-battery-staple";
/// The mesh key, and as the configuration writes it.
pub(crate) const KEY_BYTES: [u8; 32] = [7; 32];
pub(crate) const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// Another one, to change to.
pub(crate) const NEW_KEY: &str = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";

/// What changes of an overwatch's configuration.
#[derive(Clone, Copy)]
struct Terms<'a> {
    bind: &'a str,
    overwatches: &'a [SocketAddr],
    /// As YAML has a list's inside.
    keys: &'a str,
}

/// One that stands alone.
const ALONE: Terms<'_> = Terms { bind: "127.0.0.1:0", overwatches: &[], keys: KEY };

/// One overwatch.
pub(crate) struct Overwatch {
    pub(crate) process: Daemon,
    pub(crate) dns: SocketAddr,
    pub(crate) mesh: SocketAddr,
    name: String,
    directory: TempDir,
}

impl Overwatch {
    /// One that knows no other yet.
    pub(crate) fn start(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write(&directory, &text(&directory, name, ALONE));
        let process = Daemon::start(&config_in(&directory), &[]);
        let at = |what: &str| process.word_after(what).parse().unwrap();
        let (dns, mesh) = (at("answering DNS on "), at("hearing agents on "));
        Self { process, dns, mesh, name: name.to_owned(), directory }
    }

    /// From now on it knows these.
    pub(crate) fn know(&self, overwatches: &[SocketAddr]) {
        self.reload(Terms { overwatches, ..ALONE });
    }

    /// From now on these keys are good, the first one for what it says itself.
    pub(crate) fn take_keys(&self, overwatches: &[SocketAddr], keys: &str) {
        self.reload(Terms { overwatches, keys, ..ALONE });
    }

    #[track_caller]
    fn reload(&self, terms: Terms<'_>) {
        write(&self.directory, &text(&self.directory, &self.name, terms));
        let before = self.process.count("the configuration was reloaded");
        self.process.signal("HUP");
        self.process.lines("the configuration was reloaded", before + 1);
    }

    /// Another process takes its place; it ends.
    #[track_caller]
    pub(crate) fn hand_over(&mut self) {
        let next = Daemon::start(&config_in(&self.directory), &["--take-over"]);
        next.line("took over from process");
        let mut old = std::mem::replace(&mut self.process, next);
        assert!(old.end().success(), "{}", old.log());
    }

    /// It dies without a word.
    pub(crate) fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.end();
    }

    /// It is back, where the others look for it.
    pub(crate) fn revive(&mut self, overwatches: &[SocketAddr]) {
        let bound = self.mesh.to_string();
        let terms = Terms { bind: &bound, overwatches, ..ALONE };
        write(&self.directory, &text(&self.directory, &self.name, terms));
        self.process = Daemon::start(&config_in(&self.directory), &[]);
        self.dns = self.process.word_after("answering DNS on ").parse().unwrap();
    }

    /// A document of the API.
    pub(crate) fn api(&self, path: &str) -> Value {
        let control = self.directory.path().join("data/control.sock");
        let mut stream = UnixStream::connect(control).unwrap();
        let head = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(format!("GET /api/v1/{path} {head}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }

    /// What it holds: rows and servers, as digests.
    pub(crate) fn digests(&self) -> (String, String) {
        let peers = self.api("overwatch/peers");
        let digest = |name: &str| peers[name].as_str().unwrap().to_owned();
        (digest("rows_digest"), digest("registry_digest"))
    }

    /// `opengslb-cli`: its exit code and what it said.
    pub(crate) fn cli(&self, words: &[&str]) -> (i32, String) {
        let api = format!("unix:{}", self.directory.path().join("data/control.sock").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb-cli"));
        let output = command.args(["--api", &api]).args(words).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }

    /// Whether clients of 10.1.2.0/24 are sent to this address. `false` where nothing is answered.
    pub(crate) fn sends_to(&self, address: [u8; 4]) -> bool {
        ask(self.dns) == Some(address)
    }

    /// How many other overwatches it reaches.
    pub(crate) fn reaches(&self) -> Option<u64> {
        self.api("ready")["peers_connected"].as_u64()
    }

    /// How many agents are there.
    pub(crate) fn hears(&self) -> Option<u64> {
        self.api("cluster/status")["healthy_agents"].as_u64()
    }
}

/// Where clients of 10.1.2.0/24 are sent; `None` where nothing is answered.
fn ask(dns: SocketAddr) -> Option<[u8; 4]> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    // RD, one question, one OPT with the client's network (RFC 7871, 6).
    let mut query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\x01\x03app\x04test\0\0\x01\0\x01".to_vec();
    query.extend(b"\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\x08\0\x07\0\x01\x18\0\x0a\x01\x02");
    socket.send_to(&query, dns).unwrap();
    let mut answer = [0; 1500];
    let length = socket.recv(&mut answer).ok()?;
    // A, IN, four bytes of TTL, four bytes of address.
    let is_address = |record: &&[u8]| record[..4] == [0, 1, 0, 1] && record[8..10] == [0, 4];
    let record = answer[..length].windows(14).find(is_address)?;
    record[10..].try_into().ok()
}

/// Somebody who asks all the while, one question after another, and wants one answer.
pub(crate) struct Asker {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u64, Vec<String>)>,
}

impl Asker {
    pub(crate) fn start(dns: SocketAddr, expect: [u8; 4]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut asked, mut wrong) = (0, Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let answer = ask(dns);
                asked += 1;
                if answer != Some(expect) {
                    wrong.push(format!("question {asked}: {answer:?}"));
                }
            }
            (asked, wrong)
        });
        Self { stop, thread }
    }

    /// Every answer was the one that was wanted.
    #[track_caller]
    pub(crate) fn assert_content(self, what: &str) {
        self.stop.store(true, Ordering::Relaxed);
        let (asked, wrong) = self.thread.join().unwrap();
        let _ = writeln!(std::io::stderr(), "{what}: {asked} asked, {} wrong", wrong.len());
        assert!(asked > 100, "{what}: {asked} asked");
        let some = &wrong[..wrong.len().min(5)];
        assert!(wrong.is_empty(), "{what}: {} of {asked}: {some:?}", wrong.len());
    }
}

/// An agent of one region with one server, as a process.
pub(crate) struct Agent {
    pub(crate) process: Daemon,
    region: &'static str,
    /// Takes connections, which is all that a check of it asks for.
    server: TcpListener,
    directory: TempDir,
}

impl Agent {
    pub(crate) fn start(region: &'static str, server: IpAddr, overwatches: &[SocketAddr]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = TcpListener::bind((server, 0)).unwrap();
        let at = server.local_addr().unwrap();
        write(&directory, &agent_text(&directory, (region, at), overwatches, KEY));
        let process = Daemon::start(&config_in(&directory), &[]);
        Self { process, region, server, directory }
    }

    /// From now on these keys are good.
    #[track_caller]
    pub(crate) fn take_keys(&self, overwatches: &[SocketAddr], keys: &str) {
        let at = self.server.local_addr().unwrap();
        let text = agent_text(&self.directory, (self.region, at), overwatches, keys);
        write(&self.directory, &text);
        let before = self.process.count("the configuration was reloaded");
        self.process.signal("HUP");
        self.process.lines("the configuration was reloaded", before + 1);
    }
}

fn agent_text(
    directory: &TempDir,
    (region, server): (&str, SocketAddr),
    overwatches: &[SocketAddr],
    keys: &str,
) -> String {
    let files = directory.path().join("agent");
    let (files, nodes) = (files.display(), quoted(overwatches));
    let (address, port) = (server.ip(), server.port());
    let check = "type: tcp, interval: 1s, timeout: 1s";
    let identity = format!("agent_id: agent-{region}, service_token: {TOKEN}, region: {region}");
    format!(
        "\
mode: agent
agent:
  identity: {{{identity}, cert_path: {files}/agent.crt, key_path: {files}/agent.key}}
  backends: [{{service: {SERVICE}, address: {address}, port: {port}, health_check: {{{check}}}}}]
  gossip: {{encryption_key: [{keys}], overwatch_nodes: [{nodes}]}}
  latency_learning: {{enabled: false}}
logging: {{level: info, format: text}}
metrics: {{enabled: false}}
"
    )
}

fn quoted(addresses: &[SocketAddr]) -> String {
    let quoted: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
    quoted.join(", ")
}

fn text(directory: &TempDir, name: &str, terms: Terms<'_>) -> String {
    let data = directory.path().join("data");
    let data = data.display();
    let Terms { bind, overwatches, keys } = terms;
    let nodes = quoted(overwatches);
    format!(
        "\
mode: overwatch
overwatch:
  identity: {{node_id: {name}, cert_path: {data}/overwatch.crt, key_path: {data}/overwatch.key}}
  data_dir: {data}
  agent_tokens: [{{service: {SERVICE}, token: {TOKEN}, networks: [127.0.0.0/8]}}]
  gossip: {{bind_address: \"{bind}\", encryption_key: [{keys}], overwatch_nodes: [{nodes}]}}
  validation: {{enabled: false}}
  geolocation: {{default_region: eu-west}}
dns: {{listen_address: \"127.0.0.1:0\", zones: [{{name: test}}]}}
regions: [{{name: eu-west}}, {{name: ap-southeast}}]
domains:
  - name: {SERVICE}
    routing_algorithm: learned_latency
    regions: [eu-west, ap-southeast]
    ttl: 30
    learning: {{exploration: {{enabled: false}}}}
api: {{enabled: false}}
metrics: {{enabled: false}}
logging: {{level: info, format: text}}
"
    )
}
