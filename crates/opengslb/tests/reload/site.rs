//! An overwatch of two regions whose configuration is written anew again and again. Every port is
//! chosen by the system.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::asker::{Expected, ask_once};
use crate::daemon::{Daemon, eventually};
use crate::files::{config_in, write};
use crate::learner::{Learner, Seen};

pub(crate) const SERVICE: &str = "app.test";
pub(crate) const TOKEN: &str = "correct-horse-battery-staple";
/// The mesh key, and as the configuration writes it.
pub(crate) const KEY_BYTES: [u8; 32] = [7; 32];
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// Geography sends everybody to `eu-west`; only who has learned better says this.
pub(crate) const LEARNED: Expected = Expected { name: SERVICE, address: [127, 0, 0, 12] };
pub(crate) const WWW: Expected = Expected { name: "www.test", address: [192, 0, 2, 80] };

/// An overwatch, its files, and its agents.
pub(crate) struct Site {
    pub(crate) overwatch: Daemon,
    pub(crate) dns: SocketAddr,
    pub(crate) mesh: SocketAddr,
    pub(crate) directory: TempDir,
    _learners: Vec<Learner>,
}

impl Site {
    /// With what two agents learned in its answers.
    pub(crate) fn learned() -> Self {
        Self::start().learning()
    }

    /// The same, and it keeps that on disk.
    pub(crate) fn learned_and_kept() -> Self {
        Self::start_as(&kept_text).learning()
    }

    fn learning(mut self) -> Self {
        let site = &mut self;
        let at = |last: u8| std::net::IpAddr::from([127, 0, 0, last]);
        site._learners = vec![
            Learner::start(site.mesh, "eu-west", at(11), once(180)),
            Learner::start(site.mesh, "ap-southeast", at(12), once(20)),
        ];
        eventually("it is learned", || ask_once(site.dns, LEARNED).1);
        self
    }

    /// Without agents.
    pub(crate) fn start() -> Self {
        Self::start_as(&text_in)
    }

    /// The same, begun by another program.
    pub(crate) fn start_by(words: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write(&directory, &text_in(&directory));
        let (program, words) = words.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(words).arg(env!("CARGO_BIN_EXE_opengslb"));
        command.arg("--config").arg(config_in(&directory));
        Self::serving(Daemon::started(command), directory)
    }

    fn start_as(text: &dyn Fn(&TempDir) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write(&directory, &text(&directory));
        Self::serving(Daemon::start(&config_in(&directory), &[]), directory)
    }

    fn serving(overwatch: Daemon, directory: TempDir) -> Self {
        let at = |what: &str| overwatch.word_after(what).parse().unwrap();
        let (dns, mesh) = (at("answering DNS on "), at("hearing agents on "));
        Self { overwatch, dns, mesh, directory, _learners: Vec::new() }
    }

    /// Its agents end, without a word.
    pub(crate) fn leave_agents(&mut self) {
        self._learners.clear();
    }

    /// Starts it again where it has ended; on other ports.
    pub(crate) fn start_again(&mut self) {
        self.overwatch = Daemon::start(&self.config(), &[]);
        self.dns = self.overwatch.word_after("answering DNS on ").parse().unwrap();
    }

    /// One of its numbers; nothing where it has none of that name.
    pub(crate) fn metric(&self, name: &str) -> Option<u64> {
        let address = self.overwatch.word_after("serving metrics on ");
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        let line =
            |line: &str| line.strip_prefix("opengslb_")?.strip_prefix(name)?.trim().parse().ok();
        page.lines().find_map(line)
    }

    pub(crate) fn config(&self) -> PathBuf {
        config_in(&self.directory)
    }

    /// The configuration that the site started with.
    pub(crate) fn text(&self) -> String {
        text_in(&self.directory)
    }

    pub(crate) fn write(&self, text: &str) {
        write(&self.directory, text);
    }

    /// The same with one part of it changed.
    #[track_caller]
    pub(crate) fn change(&self, from: &str, to: &str) {
        let text = self.text();
        assert!(text.contains(from), "{from} is not in\n{text}");
        self.write(&text.replace(from, to));
    }

    fn api(&self) -> String {
        format!("unix:{}", self.control().display())
    }

    fn control(&self) -> PathBuf {
        self.directory.path().join("data/control.sock")
    }

    /// `opengslb-cli reload`: its exit code and what it said.
    pub(crate) fn cli_reload(&self) -> (i32, String) {
        self.cli(&["reload"])
    }

    /// `opengslb-cli`: its exit code and what it said.
    pub(crate) fn cli(&self, words: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb-cli"));
        let output = command.args(["--api", &self.api()]).args(words).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }

    /// A request over the control socket: status and body.
    pub(crate) fn ask_api(&self, request: &str) -> (u16, String) {
        let mut stream = UnixStream::connect(self.control()).unwrap();
        let head = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(format!("{request} {head}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The digest of what is in force.
    pub(crate) fn digest(&self) -> String {
        let (status, body) = self.ask_api("GET /api/v1/version");
        assert_eq!(status, 200);
        let version: serde_json::Value = serde_json::from_str(&body).unwrap();
        version["config_digest"].as_str().unwrap().to_owned()
    }

    /// A configuration of an agent with a server at 127.0.0.11.
    pub(crate) fn agent_config(&self, weight: &str, level: &str) -> PathBuf {
        let files = self.directory.path().join("agent");
        let (files, mesh) = (files.display(), self.mesh);
        let identity = format!("agent_id: a, service_token: {TOKEN}, region: eu-west");
        let text = format!(
            "\
mode: agent
agent:
  identity: {{{identity}, cert_path: {files}/agent.crt, key_path: {files}/agent.key}}
  backends: [{{service: {SERVICE}, address: 127.0.0.11, port: 80, {weight}}}]
  gossip: {{encryption_key: {KEY}, overwatch_nodes: [\"{mesh}\"]}}
logging: {{{level}, format: text}}
metrics: {{enabled: false}}
"
        );
        let path = self.directory.path().join("agent.yaml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Another process takes the place of this one, which ends.
    #[track_caller]
    pub(crate) fn hand_over(&mut self) {
        let next = Daemon::start(&self.config(), &["--take-over"]);
        next.line("took over from process");
        // Not before the agents had told it all they know.
        let log = next.log();
        let at = |part: &str| log.rfind(part);
        let (agents, answering) = (at("registered 1 backends"), at("answering DNS on "));
        let (back, there) = (next.count("registered 1 backends"), self._learners.len());
        let old = self.overwatch.log();
        assert_eq!(back, there, "{log}\nthe one before:\n{old}");
        assert!(agents < answering, "{log}\nthe one before:\n{old}");
        let awaited = format!("{there} agents awaited, {there} of them with rows");
        assert!(log.contains(&awaited), "{awaited}: {log}\nthe one before:\n{old}");
        let mut old = std::mem::replace(&mut self.overwatch, next);
        assert!(old.end().success(), "{}", old.log());
        assert!(old.has("handed over"), "{}", old.log());
    }
}

/// Twenty connections of the client network 10.1.2.0/24, and no other one.
fn once(rtt_ms: u32) -> Seen {
    let mut seen = vec![([10, 1, 2, 7].into(), rtt_ms); 20];
    Box::new(move || std::mem::take(&mut seen))
}

fn kept_text(directory: &TempDir) -> String {
    text_in(directory).replace("  data_dir:", "  latency_table: {persist: true}\n  data_dir:")
}

fn text_in(directory: &TempDir) -> String {
    let data = directory.path().join("data");
    let data = data.display();
    format!(
        "\
mode: overwatch
overwatch:
  identity: {{node_id: one, cert_path: {data}/overwatch.crt, key_path: {data}/overwatch.key}}
  data_dir: {data}
  agent_tokens: [{{service: {SERVICE}, token: {TOKEN}, networks: [127.0.0.0/8]}}]
  gossip: {{bind_address: \"127.0.0.1:0\", encryption_key: {KEY}}}
  validation: {{enabled: false}}
  geolocation: {{default_region: eu-west}}
dns:
  listen_address: 127.0.0.1:0
  rate_limit: {{enabled: false}}
  tcp: {{idle_timeout: 2s}}
  zones:
    - {{name: test, records: [www 300 A 192.0.2.80], dnssec: {{enabled: true}}}}
regions: [{{name: eu-west}}, {{name: ap-southeast}}]
domains:
  - name: {SERVICE}
    routing_algorithm: learned_latency
    regions: [eu-west, ap-southeast]
    ttl: 30
    learning: {{exploration: {{enabled: false}}}}
api: {{enabled: true, address: \"127.0.0.1:0\"}}
metrics: {{enabled: true, address: \"127.0.0.1:0\"}}
logging: {{level: info, format: text}}
"
    )
}
