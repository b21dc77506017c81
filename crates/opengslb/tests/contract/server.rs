//! An overwatch on loopback, with a token of every right.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// What the token's holder knows.
pub(crate) const TOKEN: &str = "may-do-everything-0123456789";

/// What the source of times knows.
pub(crate) const SOURCE: &str = "may-report-times-0123456789";

/// Answers come at once; a loaded machine may need longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running overwatch; it ends with the value.
pub(crate) struct Server {
    directory: TempDir,
    child: Child,
    /// What its only server is: somebody listens there.
    _listening: TcpListener,
    /// Where its API is.
    pub(crate) address: String,
    /// Where it answers.
    pub(crate) dns: String,
}

/// An answer that does not end.
pub(crate) struct Watched {
    stream: TcpStream,
    seen: String,
}

impl Watched {
    /// Whether it says this, now or in a while.
    pub(crate) fn contains(&mut self, part: &str) -> bool {
        let mut bytes = [0; 1024];
        while !self.seen.contains(part) {
            match self.stream.read(&mut bytes) {
                Ok(0) | Err(_) => return false,
                Ok(length) => self.seen += &String::from_utf8_lossy(&bytes[..length]),
            }
        }
        true
    }

    pub(crate) fn seen(&self) -> &str {
        &self.seen
    }
}

fn config(directory: &str, port: u16) -> String {
    format!(
        "\
mode: overwatch
overwatch:
  identity: {{node_id: one, cert_path: {directory}/a.crt, key_path: {directory}/a.key}}
  data_dir: {directory}
  gossip:
    bind_address: 127.0.0.1:0
    encryption_key: uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=
dns: {{listen_address: \"127.0.0.1:0\", zones: [demo.test]}}
regions:
  - name: here
    servers:
      - {{address: 127.0.0.1, port: {port}, service: app.demo.test, health_check: {{type: tcp}}}}
domains:
  - {{name: app.demo.test, routing_algorithm: learned_latency, regions: [here]}}
api:
  enabled: true
  address: 127.0.0.1:0
  tokens: [{{name: test, role: admin, token: {TOKEN}}}]
  latency_sources: [{{name: probe, token: {SOURCE}, service: app.demo.test, regions: [here]}}]
logging: {{level: info, format: text}}
"
    )
}

impl Server {
    /// Starts it; it serves.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listening.local_addr().unwrap().port();
        let file = directory.path().join("overwatch.yaml");
        fs::write(&file, config(&directory.path().display().to_string(), port)).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_opengslb"))
            .arg("--config")
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = String::new();
        let mut until = |words: &str| loop {
            let Some(line) = lines.next() else { panic!("it ended: {seen}") };
            let line = line.unwrap();
            if let Some((_, address)) = line.split_once(words) {
                return address.to_owned();
            }
            seen += &line;
        };
        let (address, dns) = (until("serving the API on "), until("answering DNS on "));
        // Whatever it says later is read, so that it can go on.
        std::thread::spawn(move || lines.for_each(drop));
        Self { directory, child, _listening: listening, address, dns }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The control socket, as the command line takes it.
    pub(crate) fn socket(&self) -> String {
        format!("unix:{}", self.directory().join("control.sock").display())
    }

    /// Begins to watch.
    pub(crate) fn watch(&self, path: &str) -> Watched {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut watched = Watched { stream, seen: String::new() };
        // It is heard from here on.
        watched.contains("still here");
        watched
    }

    /// A request over the control socket: status and body.
    pub(crate) fn control(&self, line: &str, media_type: &str, body: &str) -> (u16, String) {
        let stream = UnixStream::connect(self.directory().join("control.sock")).unwrap();
        exchange(stream, &format!("{line} HTTP/1.1\r\nContent-Type: {media_type}"), body)
    }

    /// The same over TCP, with a token and JSON.
    pub(crate) fn tcp(&self, line: &str, token: &str, body: &str) -> (u16, String) {
        let head = format!(
            "{line} HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}"
        );
        exchange(TcpStream::connect(&self.address).unwrap(), &head, body)
    }
}

/// Sends a request and reads its answer to the end.
fn exchange(mut stream: impl Read + Write, head: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let rest = format!("Host: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(format!("{head}\r\n{rest}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
