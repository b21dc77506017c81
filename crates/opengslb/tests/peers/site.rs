//! Three overwatches that know each other, each with files of its own. Every port is chosen by the
//! system, at the first start.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{Daemon, eventually};

pub(crate) const SERVICE: &str = "app.test";
pub(crate) const TOKEN: &str = "correct-horse-battery-staple";
/// The mesh key, and as the configuration writes it.
pub(crate) const KEY_BYTES: [u8; 32] = [7; 32];
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

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
        // A port that the system chose for UDP may be somebody's for TCP; DNS needs both.
        for _ in 0..5 {
            let directory = tempfile::tempdir().unwrap();
            write(&directory, &text(&directory, name, "127.0.0.1:0", &[]));
            let mut process = Daemon::start(&config_in(&directory), &[]);
            let is_up = |process: &Daemon| process.has("answering DNS on ");
            eventually("it serves or ends", || is_up(&process) || !process.is_running());
            if is_up(&process) {
                let at = |what: &str| process.word_after(what).parse().unwrap();
                let (dns, mesh) = (at("answering DNS on "), at("hearing agents on "));
                return Self { process, dns, mesh, name: name.to_owned(), directory };
            }
        }
        panic!("five times no port that is free for both UDP and TCP");
    }

    /// From now on it knows these.
    pub(crate) fn know(&self, overwatches: &[SocketAddr]) {
        write(&self.directory, &text(&self.directory, &self.name, "127.0.0.1:0", overwatches));
        self.process.signal("HUP");
    }

    /// It dies without a word.
    pub(crate) fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.end();
    }

    /// It is back, where the others look for it.
    pub(crate) fn revive(&mut self, overwatches: &[SocketAddr]) {
        let bound = self.mesh.to_string();
        write(&self.directory, &text(&self.directory, &self.name, &bound, overwatches));
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
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        // RD, one question, one OPT with the client's network (RFC 7871, 6).
        let mut query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\x01\x03app\x04test\0\0\x01\0\x01".to_vec();
        query.extend(b"\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\x08\0\x07\0\x01\x18\0\x0a\x01\x02");
        socket.send_to(&query, self.dns).unwrap();
        let mut answer = [0; 1500];
        let Ok(length) = socket.recv(&mut answer) else { return false };
        let record = [&[0, 4], &address[..]].concat();
        answer[..length].windows(record.len()).any(|bytes| bytes == record)
    }
}

fn config_in(directory: &TempDir) -> PathBuf {
    directory.path().join("config.yaml")
}

/// Whole or not at all: the overwatch may be reading.
fn write(directory: &TempDir, text: &str) {
    let beside = directory.path().join("config.yaml.new");
    fs::write(&beside, text).unwrap();
    fs::set_permissions(&beside, Permissions::from_mode(0o600)).unwrap();
    fs::rename(beside, config_in(directory)).unwrap();
}

fn text(directory: &TempDir, name: &str, bind: &str, overwatches: &[SocketAddr]) -> String {
    let data = directory.path().join("data");
    let data = data.display();
    let nodes: Vec<String> = overwatches.iter().map(|address| format!("\"{address}\"")).collect();
    let nodes = nodes.join(", ");
    format!(
        "\
mode: overwatch
overwatch:
  identity: {{node_id: {name}, cert_path: {data}/overwatch.crt, key_path: {data}/overwatch.key}}
  data_dir: {data}
  agent_tokens: [{{service: {SERVICE}, token: {TOKEN}, networks: [127.0.0.0/8]}}]
  gossip: {{bind_address: \"{bind}\", encryption_key: {KEY}, overwatch_nodes: [{nodes}]}}
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
