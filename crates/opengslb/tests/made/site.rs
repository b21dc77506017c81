//! An overwatch with two servers, each of which can be told to be ill. Every port is chosen by the system.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::daemon::{Daemon, eventually};

pub(crate) const TOKEN: &str = "correct-horse-battery-staple";
pub(crate) const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// An address that is nobody's.
pub(crate) fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

/// A server that says how it is to whoever checks it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    is_ill: Arc<AtomicBool>,
    /// When it first said that it is ill.
    said: Arc<std::sync::Mutex<Option<Instant>>>,
}

impl Server {
    pub(crate) fn start(last: u8) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let is_ill = Arc::new(AtomicBool::new(false));
        let said = Arc::new(std::sync::Mutex::new(None));
        let (told, when) = (Arc::clone(&is_ill), Arc::clone(&said));
        // Ends with the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                let mut head = [0; 1_024];
                let _ = stream.read(&mut head);
                let is_ill = told.load(Ordering::Relaxed);
                let status = if is_ill { "503 Service Unavailable" } else { "200 OK" };
                let answer =
                    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes());
                if is_ill {
                    when.lock().unwrap().get_or_insert_with(Instant::now);
                }
            }
        });
        Self { address, is_ill, said }
    }

    /// Is ill from now on; when it first said so to a check.
    pub(crate) fn fall_ill(&self) -> Instant {
        self.is_ill.store(true, Ordering::Relaxed);
        eventually("it is checked", || self.said.lock().unwrap().is_some());
        self.said.lock().unwrap().unwrap()
    }
}

/// An overwatch and its files.
pub(crate) struct Site {
    pub(crate) overwatch: Daemon,
    pub(crate) dns: SocketAddr,
    pub(crate) mesh: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) servers: [Server; 2],
    pub(crate) directory: TempDir,
}

impl Site {
    pub(crate) fn start() -> Self {
        let servers = [Server::start(41), Server::start(42)];
        let directory = tempfile::tempdir().unwrap();
        write(&directory, &text_in(&directory, &servers));
        let overwatch = launch(&directory);
        let site = Self {
            dns: at(&overwatch, "answering DNS on "),
            mesh: at(&overwatch, "hearing agents on "),
            metrics: at(&overwatch, "serving metrics on "),
            overwatch,
            servers,
            directory,
        };
        let first = site.first();
        eventually("its servers are known to be well", || site.ask("app.test") == Some(first));
        site
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("config.yaml")
    }

    /// The configuration that the site started with.
    pub(crate) fn text(&self) -> String {
        text_in(&self.directory, &self.servers)
    }

    pub(crate) fn write(&self, text: &str) {
        write(&self.directory, text);
    }

    pub(crate) fn first(&self) -> IpAddr {
        self.servers[0].address.ip()
    }

    pub(crate) fn second(&self) -> IpAddr {
        self.servers[1].address.ip()
    }

    /// Ends it and starts it again.
    pub(crate) fn restart(&mut self) {
        self.overwatch.signal("TERM");
        let ended = self.overwatch.end();
        self.overwatch.hear_out();
        assert!(ended.success(), "{}", self.overwatch.log());
        self.start_again();
    }

    /// Starts it again where it has ended.
    pub(crate) fn start_again(&mut self) {
        self.overwatch = launch(&self.directory);
        self.dns = at(&self.overwatch, "answering DNS on ");
        self.mesh = at(&self.overwatch, "hearing agents on ");
        self.metrics = at(&self.overwatch, "serving metrics on ");
        eventually("it answers", || self.ask("app.test").is_some());
    }

    pub(crate) fn control(&self) -> PathBuf {
        self.directory.path().join("data/control.sock")
    }

    /// `opengslb-cli`: its exit code and what it said.
    pub(crate) fn cli(&self, words: &[&str]) -> (i32, String) {
        let api = format!("unix:{}", self.control().display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb-cli"));
        let output = command.args(["--api", &api]).args(words).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }

    /// A request by the control socket: its status and body; nothing where nobody answers any more.
    pub(crate) fn try_api(&self, request: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = UnixStream::connect(self.control()).ok()?;
        let length = body.len();
        let head = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json";
        let text = format!("{request} {head}\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    pub(crate) fn api(&self, request: &str) -> String {
        let (status, body) = self.try_api(request, "").unwrap();
        assert_eq!(status, 200, "{request}: {body}");
        body
    }

    /// The page of metrics.
    pub(crate) fn metrics(&self) -> String {
        let mut stream = std::net::TcpStream::connect(self.metrics).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }

    /// The one address that a name has; nothing where it has none.
    pub(crate) fn ask(&self, name: &str) -> Option<IpAddr> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(self.dns).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // RFC 1035, 4.1: one question.
        let mut query = vec![7, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(u8::try_from(label.len()).unwrap());
            query.extend(label.as_bytes());
        }
        query.extend([0, 0, 1, 0, 1]);
        let answer_at = query.len();
        socket.send(&query).unwrap();
        let mut buffer = [0; 1_232];
        let length = socket.recv(&mut buffer).unwrap();
        let reply = &buffer[..length];
        if (reply[3] & 15, reply[7]) != (0, 1) {
            return None;
        }
        let address: [u8; 4] = reply[answer_at + 12..answer_at + 16].try_into().unwrap();
        Some(IpAddr::from(address))
    }
}

fn launch(directory: &TempDir) -> Daemon {
    Daemon::start(&directory.path().join("config.yaml"), &[])
}

fn at(overwatch: &Daemon, what: &str) -> SocketAddr {
    overwatch.word_after(what).parse().unwrap()
}

/// Whole or not at all: the overwatch may be reading.
fn write(directory: &TempDir, text: &str) {
    let beside = directory.path().join("config.yaml.new");
    fs::write(&beside, text).unwrap();
    fs::set_permissions(&beside, Permissions::from_mode(0o600)).unwrap();
    fs::rename(beside, directory.path().join("config.yaml")).unwrap();
}

fn text_in(directory: &TempDir, [one, two]: &[Server; 2]) -> String {
    let data = directory.path().join("data");
    let data = data.display();
    let server = |server: &Server, also: &str| {
        let (address, port) = (server.address.ip(), server.address.port());
        let check = "health_check: {interval: 1s, timeout: 1s, failure_threshold: 1}";
        format!("{{address: {address}, port: {port}, service: app.test, {check}}}{also}")
    };
    let (one, two) = (server(one, ""), server(two, ""));
    format!(
        "\
mode: overwatch
overwatch:
  identity: {{node_id: one, cert_path: {data}/overwatch.crt, key_path: {data}/overwatch.key}}
  data_dir: {data}
  agent_tokens: [{{service: agent.test, token: {TOKEN}, networks: [127.0.0.0/8]}}]
  gossip: {{bind_address: \"127.0.0.1:0\", encryption_key: {KEY}}}
  geolocation: {{default_region: one}}
dns:
  listen_address: 127.0.0.1:0
  rate_limit: {{enabled: false}}
  zones: [{{name: test}}]
regions:
  - name: one
    servers: [{one}]
  - name: two
    servers: [{two}]
domains:
  - {{name: app.test, routing_algorithm: failover, regions: [one, two], ttl: 30}}
  - {{name: agent.test, routing_algorithm: failover, regions: [one, two], ttl: 30}}
api: {{enabled: true, address: \"127.0.0.1:0\"}}
metrics: {{enabled: true, address: \"127.0.0.1:0\"}}
logging: {{level: info, format: text}}
"
    )
}
