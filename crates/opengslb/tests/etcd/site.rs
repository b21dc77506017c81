//! An overwatch that shares what operators make, or does not yet. Every port is chosen by the system.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::Daemon;

pub(crate) const SERVICE: &str = "app.test";
/// The server of the file, and the one that is made: both take connections, and that is all.
static SERVERS: LazyLock<[TcpListener; 2]> =
    LazyLock::new(|| ["127.0.0.11:0", "127.0.0.12:0"].map(|at| TcpListener::bind(at).unwrap()));
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// The server of the file.
pub(crate) fn first() -> String {
    SERVERS[0].local_addr().unwrap().to_string()
}

/// The server that is made.
pub(crate) fn second() -> String {
    SERVERS[1].local_addr().unwrap().to_string()
}

/// Where the API takes words about the first one.
pub(crate) fn override_path() -> String {
    let (address, port) = (first(), SERVERS[0].local_addr().unwrap().port());
    let address = address.split(':').next().unwrap();
    format!("overwatch/backends/{SERVICE}/{address}/{port}/override")
}

/// One overwatch.
pub(crate) struct Overwatch {
    pub(crate) process: Daemon,
    dns: SocketAddr,
    name: String,
    directory: TempDir,
}

impl Overwatch {
    /// One that shares by these endpoints; without, it keeps what is made to itself.
    pub(crate) fn start(name: &str, endpoints: &[String]) -> Self {
        Self::start_by(name, &at(endpoints))
    }

    /// One with this as its `overwatch.store.etcd`; empty for none.
    pub(crate) fn start_by(name: &str, etcd: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write(&directory, &text(&directory, name, etcd));
        let (process, dns) = serve(&directory);
        Self { process, dns, name: name.to_owned(), directory }
    }

    /// From its next start on it shares by these endpoints.
    pub(crate) fn share(&self, endpoints: &[String]) {
        self.share_by(&at(endpoints));
    }

    /// From its next start on it has this as its `overwatch.store.etcd`.
    pub(crate) fn share_by(&self, etcd: &str) {
        write(&self.directory, &text(&self.directory, &self.name, etcd));
    }

    /// It dies without a word.
    pub(crate) fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.end();
    }

    /// It is back.
    pub(crate) fn revive(&mut self) {
        (self.process, self.dns) = serve(&self.directory);
    }

    /// A file of its own.
    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// A document of the API.
    pub(crate) fn api(&self, path: &str) -> Value {
        serde_json::from_str(&self.request("GET", path, "").1).unwrap()
    }

    /// A request: its status, and what was said.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.send(method, path, body, "")
    }

    /// Takes an override back, if this is the last change.
    pub(crate) fn request_if(&self, last: &str, path: &str) -> (u16, String) {
        self.send("DELETE", path, "", &format!("If-Match: {last}\r\n"))
    }

    fn send(&self, method: &str, path: &str, body: &str, fields: &str) -> (u16, String) {
        let control = self.directory.path().join("data/control.sock");
        let mut stream = UnixStream::connect(control).unwrap();
        let length = body.len();
        let fields =
            format!("{fields}Content-Type: application/json\r\nContent-Length: {length}\r\n");
        let head = format!("HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n");
        stream.write_all(format!("{method} /api/v1/{path} {head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// `opengslb-cli`: its exit code and what it said.
    pub(crate) fn cli(&self, words: &[&str]) -> (i32, String) {
        let api = format!("unix:{}", self.directory.path().join("data/control.sock").display());
        run(&[&["--api", &api], words].concat())
    }

    /// `opengslb-cli restore`, which asks nobody.
    pub(crate) fn restore(&self, file: &str) -> (i32, String) {
        let config = config_in(&self.directory).display().to_string();
        run(&["restore", file, "--config", &config])
    }

    /// Whether clients are sent to this address. `false` where nothing is answered.
    pub(crate) fn sends_to(&self, address: [u8; 4]) -> bool {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        // RD, one question.
        let query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03app\x04test\0\0\x01\0\x01";
        socket.send_to(query, self.dns).unwrap();
        let mut answer = [0; 1500];
        let Ok(length) = socket.recv(&mut answer) else { return false };
        let record = [&[0, 4], &address[..]].concat();
        answer[..length].windows(record.len()).any(|bytes| bytes == record)
    }
}

fn run(words: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb-cli"));
    let output = command.args(words).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// The process, and where it answers.
fn serve(directory: &TempDir) -> (Daemon, SocketAddr) {
    let process = Daemon::start(&config_in(directory), &[]);
    let dns = process.word_after("answering DNS on ").parse().unwrap();
    (process, dns)
}

fn config_in(directory: &TempDir) -> PathBuf {
    directory.path().join("config.yaml")
}

fn write(directory: &TempDir, text: &str) {
    fs::write(config_in(directory), text).unwrap();
    fs::set_permissions(config_in(directory), Permissions::from_mode(0o600)).unwrap();
}

/// These endpoints, and nothing else that etcd asks for; empty without any.
fn at(endpoints: &[String]) -> String {
    if endpoints.is_empty() {
        return String::new();
    }
    format!("endpoints: [\"{}\"]", endpoints.join("\", \""))
}

fn text(directory: &TempDir, name: &str, etcd: &str) -> String {
    let data = directory.path().join("data");
    let data = data.display();
    let store =
        if etcd.is_empty() { String::new() } else { format!("  store: {{etcd: {{{etcd}}}}}\n") };
    let port = SERVERS[0].local_addr().unwrap().port();
    format!(
        "\
mode: overwatch
overwatch:
  identity: {{node_id: {name}, cert_path: {data}/overwatch.crt, key_path: {data}/overwatch.key}}
  data_dir: {data}
{store}  gossip: {{bind_address: \"127.0.0.1:0\", encryption_key: {KEY}}}
dns:
  listen_address: \"127.0.0.1:0\"
  zones: [{{name: test}}, {{name: signed.test, dnssec: {{enabled: true}}}}]
regions:
  - name: eu
    servers: [{{service: {SERVICE}, address: 127.0.0.11, port: {port}, health_check: {{type: tcp, interval: 60s}}}}]
domains: [{{name: {SERVICE}, routing_algorithm: failover, regions: [eu]}}]
api: {{enabled: false}}
metrics: {{enabled: false}}
logging: {{level: info, format: text}}
"
    )
}
