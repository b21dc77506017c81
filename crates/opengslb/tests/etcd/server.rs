//! etcd on loopback, on ports that were free a moment ago. Ended with this value.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::eventually;

/// One member.
pub(crate) struct Etcd {
    child: Child,
    words: Vec<String>,
    port: u16,
    /// Of whatever is asked in the clear, whoever is let in.
    health_port: u16,
    scheme: &'static str,
    directory: TempDir,
}

/// Where a member listens: for clients, for members, for whoever looks whether it is well.
type Ports = [u16; 3];

/// Whether there is one on this machine.
pub(crate) fn is_installed() -> bool {
    let mut version = Command::new("etcd");
    let version = version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

fn free_ports(count: usize) -> Vec<u16> {
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    held.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

impl Etcd {
    /// One that is a cluster by itself.
    pub(crate) fn start() -> Self {
        Self::start_with("http", &[])
    }

    /// One whose clients speak by this scheme, with more words on its command line.
    pub(crate) fn start_with(scheme: &'static str, words: &[String]) -> Self {
        Self::cluster(1, (scheme, words)).remove(0)
    }

    /// Three that are one.
    pub(crate) fn three() -> Vec<Self> {
        Self::cluster(3, ("http", &[]))
    }

    fn cluster(count: usize, way: (&'static str, &[String])) -> Vec<Self> {
        // A port that was free may be somebody's by now.
        for _ in 0..5 {
            let ports = free_ports(3 * count);
            let ports: Vec<Ports> = ports.chunks(3).map(|of| [of[0], of[1], of[2]]).collect();
            let name =
                |(at, [_, peer, _]): (usize, &Ports)| format!("m{at}=http://127.0.0.1:{peer}");
            let cluster = ports.iter().enumerate().map(name).collect::<Vec<_>>().join(",");
            let start = |at: usize| Self::member(at, ports[at], &cluster, way);
            let mut members: Vec<Self> = (0..count).map(start).collect();
            eventually("etcd is there, or is not", || {
                members.iter().all(Self::is_healthy) || members.iter_mut().any(|m| !m.is_running())
            });
            if members.iter().all(Self::is_healthy) {
                return members;
            }
        }
        unreachable!("five times no ports for etcd")
    }

    fn member(
        at: usize,
        [client, peer, health_port]: Ports,
        cluster: &str,
        (scheme, more): (&'static str, &[String]),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let peer_url = format!("http://127.0.0.1:{peer}");
        let client_url = format!("{scheme}://127.0.0.1:{client}");
        let data = directory.path().join("data").display().to_string();
        let words = [
            format!("--name=m{at}"),
            format!("--data-dir={data}"),
            format!("--listen-client-urls={client_url}"),
            format!("--advertise-client-urls={client_url}"),
            format!("--listen-peer-urls={peer_url}"),
            format!("--initial-advertise-peer-urls={peer_url}"),
            format!("--initial-cluster={cluster}"),
            format!("--listen-metrics-urls=http://127.0.0.1:{health_port}"),
            // Everybody is on one machine.
            "--heartbeat-interval=50".to_owned(),
            "--election-timeout=500".to_owned(),
        ];
        let words = [&words[..], more].concat();
        let child = run(&words, &directory);
        Self { child, words, port: client, health_port, scheme, directory }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn endpoints(&self) -> Vec<String> {
        vec![format!("{}://127.0.0.1:{}", self.scheme, self.port)]
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    /// Lets nobody in any more but `root` and this user, who may read and write below the prefix of the rows.
    pub(crate) fn let_in(&self, user: &str, password: &str) {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::STANDARD;
        let (from, to) = (base64.encode("/opengslb/"), base64.encode("/opengslb0"));
        let perm = json!({ "permType": "READWRITE", "key": from, "range_end": to });
        let root = json!({ "name": "root", "password": "of-root" });
        for (path, body) in [
            ("user/add", root),
            ("role/add", json!({ "name": "root" })),
            ("user/grant", json!({ "user": "root", "role": "root" })),
            ("user/add", json!({ "name": user, "password": password })),
            ("role/add", json!({ "name": "rows" })),
            ("role/grant", json!({ "name": "rows", "perm": perm })),
            ("user/grant", json!({ "user": user, "role": "rows" })),
            ("enable", json!({})),
        ] {
            let said = self.ask(&format!("auth/{path}"), &body).unwrap();
            assert!(said["header"].is_object(), "{path}: {said}");
        }
    }

    /// It dies without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// It takes connections, and says nothing any more.
    pub(crate) fn hang(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    }

    /// It is back, with what it had on its disk.
    pub(crate) fn start_again(&mut self) {
        self.child = run(&self.words, &self.directory);
        eventually("etcd is back", || self.is_healthy());
    }

    /// Forgets how it came to what there is.
    pub(crate) fn compact(&self) {
        let now = self.ask("kv/range", &json!({ "key": "AA==" })).unwrap();
        self.ask("kv/compaction", &json!({ "revision": now["header"]["revision"] })).unwrap();
    }

    /// All rows, without their values; keys as text.
    pub(crate) fn rows(&self) -> Value {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::STANDARD;
        let (from, to) = (base64.encode("/opengslb/rows/"), base64.encode("/opengslb/rows0"));
        let range = json!({ "key": from, "range_end": to, "keys_only": true });
        let all = self.ask("kv/range", &range).unwrap();
        let rows = all["kvs"].as_array().cloned().unwrap_or_default();
        let key = |row: &Value| base64.decode(row["key"].as_str().unwrap()).unwrap();
        rows.iter().map(|row| String::from_utf8(key(row)).unwrap()).collect()
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Whether it takes changes.
    fn is_healthy(&self) -> bool {
        let said = send(self.health_port, "GET /health HTTP/1.0\r\nHost: x\r\n\r\n");
        said.is_some_and(|said| said["health"] == "true")
    }

    fn ask(&self, path: &str, body: &Value) -> Option<Value> {
        let body = body.to_string();
        // Without chunks.
        let head = "HTTP/1.0\r\nHost: x\r\n";
        let request = format!("POST /v3/{path} {head}Content-Length: {}\r\n\r\n{body}", body.len());
        send(self.port, &request)
    }
}

fn send(port: u16, request: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

fn run(words: &[String], directory: &TempDir) -> Child {
    let log = File::options().create(true).append(true).open(directory.path().join("log")).unwrap();
    let mut command = Command::new("etcd");
    command.args(words).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap()
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
