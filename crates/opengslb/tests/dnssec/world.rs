//! Overwatches, and a resolver that validates, on loopback.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::clock::Clock;
use crate::question::{Said, ask};

/// They start within a second; a loaded machine may need longer, and keys take a dozen seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// A DS record of no key that is anywhere.
const DIGEST: &str = "4711 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";
/// How often is looked whether something is so.
const LOOK: Duration = Duration::from_millis(50);

#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "not in {PATIENCE:?}: {what}");
        std::thread::sleep(LOOK);
    }
}

/// Whether a program is missing here, which is said loudly; where CI runs, that fails.
pub(crate) fn lacks(programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|name| !is_there(name)).collect();
    if missing.is_empty() {
        return false;
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has to run this: {missing:?}");
    if let Ok(mut terminal) = fs::OpenOptions::new().append(true).open("/dev/stderr") {
        let _ = writeln!(terminal, "SKIPPED, nothing is proven: {} is missing", missing.join(", "));
    }
    true
}

/// Debian keeps servers where not every user's path leads.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    places.map(|place| place.join(program)).any(|program| program.is_file())
}

/// A port that nobody has, by UDP and TCP.
fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A running overwatch; ends with its value.
pub(crate) struct Overwatch {
    child: Child,
    directory: TempDir,
    /// Where it answers DNS.
    pub(crate) port: u16,
    /// What its process finds in its environment.
    environment: Vec<(OsString, OsString)>,
}

impl Overwatch {
    /// Starts one with a key layout, until it serves.
    pub(crate) fn start(layout: &str, makes_keys: bool) -> Self {
        Self::start_in((layout, makes_keys), Vec::new())
    }

    /// The same, with a clock of its own.
    pub(crate) fn start_by(layout: &str, makes_keys: bool, clock: &Clock) -> Self {
        Self::start_in((layout, makes_keys), clock.environment())
    }

    fn start_in(
        (layout, makes_keys): (&str, bool),
        environment: Vec<(OsString, OsString)>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let place = directory.path().display();
        let times = "dnskey_ttl: 1, ds_ttl: 1, propagation: 3s";
        // Where a test sets the clock, a library in the process reads a file of the test's.
        let is_confined = environment.is_empty();
        let signed =
            format!("{{enabled: true, key_layout: {layout}, make_keys: {makes_keys}, {times}}}");
        let config = format!(
            "\
mode: overwatch
overwatch:
  identity: {{node_id: one, cert_path: {place}/overwatch.crt, key_path: {place}/overwatch.key}}
  data_dir: {place}
  gossip:
    bind_address: 127.0.0.1:0
    encryption_key: uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=
  geolocation: {{default_region: here}}
dns:
  listen_address: 127.0.0.1:{port}
  default_ttl: 1
  zones:
    - name: demo.test
      records:
        - www A 192.0.2.1
        - alias CNAME www
        - \"*.wild A 192.0.2.2\"
        - \"*.wild AAAA 2001:db8::2\"
        - a.b.ent TXT text
        - sub NS ns.sub
        - ns.sub A 192.0.2.3
        - secure NS ns.sub
        - secure DS {DIGEST}
        - open NS ns1
        - child NS ns1
      dnssec: {signed}
    # Delegated to the same servers: one with a DS record above once its key is known, one without.
    - {{name: child.demo.test, records: [www A 192.0.2.5], dnssec: {signed}}}
    - {{name: open.demo.test, records: [www A 192.0.2.6]}}
    # Delegated by nobody: the zone around it does so by itself.
    - {{name: inner.between.demo.test, records: [www A 192.0.2.7]}}
    - {{name: plain.test, records: [www A 192.0.2.4]}}
regions:
  - name: here
    servers:
      - {{address: 127.0.0.1, port: 9, service: app.demo.test}}
      - {{address: 127.0.0.2, port: 9, service: app.demo.test}}
      - {{address: 127.0.0.3, port: 9, service: app.demo.test}}
domains:
  - {{name: app.demo.test, routing_algorithm: round-robin, regions: [here], ttl: 1, none_healthy: all}}
api: {{enabled: true, address: \"127.0.0.1:0\"}}
logging: {{level: info, format: text}}
sandbox: {{enabled: {is_confined}}}
"
        );
        let file = directory.path().join("overwatch.yaml");
        fs::write(&file, config).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        Self::run(directory, port, environment)
    }

    fn run(directory: TempDir, port: u16, environment: Vec<(OsString, OsString)>) -> Self {
        let log = File::create(directory.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb"));
        command.arg("--config").arg(directory.path().join("overwatch.yaml"));
        command.envs(environment.clone()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        let overwatch = Self { child, directory, port, environment };
        eventually("an overwatch serves", || overwatch.api());
        overwatch
    }

    /// Puts a record into `demo.test`, and reloads.
    pub(crate) fn add_record(&self, record: &str) {
        let file = self.directory.path().join("overwatch.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let line = "        - open NS ns1\n";
        fs::write(&file, text.replace(line, &format!("{line}        - {record}\n"))).unwrap();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
        eventually("it is reloaded", || {
            self.log().contains("the configuration was reloaded").then_some(())
        });
    }

    /// Ends it, and starts it with what it kept.
    pub(crate) fn restart(self) -> Self {
        let mut old = self;
        let pid = old.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        old.child.wait().unwrap();
        let directory = std::mem::replace(&mut old.directory, tempfile::tempdir().unwrap());
        Self::run(directory, old.port, std::mem::take(&mut old.environment))
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn api(&self) -> Option<String> {
        let log = self.log();
        let (_, rest) = log.split_once("serving the API on ")?;
        Some(format!("http://{}", rest.split_once('\n')?.0.trim()))
    }

    /// Runs `opengslb-cli dnssec` over the control socket: exit code and all it said.
    pub(crate) fn try_cli(&self, words: &[&str]) -> (i32, String) {
        let socket = format!("unix:{}", self.directory.path().join("control.sock").display());
        run_cli(&socket, words)
    }

    #[track_caller]
    pub(crate) fn cli(&self, words: &[&str]) -> String {
        let (code, said) = self.try_cli(words);
        assert_eq!(code, 0, "{words:?}: {said}");
        said
    }

    pub(crate) fn cli_by_tcp(&self, words: &[&str]) -> (i32, String) {
        run_cli(&self.api().unwrap(), words)
    }

    /// The DS record of `demo.test`.
    #[track_caller]
    pub(crate) fn ds(&self) -> String {
        self.ds_of("demo.test")
    }

    #[track_caller]
    pub(crate) fn ds_of(&self, zone: &str) -> String {
        self.cli(&["ds", zone]).trim().to_owned()
    }

    /// The keys of `demo.test`.
    #[track_caller]
    pub(crate) fn export(&self) -> String {
        self.cli(&["export", "demo.test"])
    }

    /// Imports what another exported.
    pub(crate) fn import(&self, keys: &str, words: &[&str]) -> (i32, String) {
        self.import_of("demo.test", keys, words)
    }

    /// Words to people begin with the program's name.
    fn import_of(&self, zone: &str, keys: &str, words: &[&str]) -> (i32, String) {
        let is_text = |line: &&str| !line.starts_with("opengslb-cli:");
        let lines: Vec<&str> = keys.lines().filter(is_text).collect();
        let file = self.directory.path().join("import.keys");
        fs::write(&file, lines.join("\n")).unwrap();
        let file = file.display().to_string();
        self.try_cli(&[&["import", zone, &file], words].concat())
    }

    #[track_caller]
    pub(crate) fn hand_keys_to(&self, other: &Self) {
        for zone in ["demo.test", "child.demo.test"] {
            let (code, said) = other.import_of(zone, &self.cli(&["export", zone]), &[]);
            assert_eq!(code, 0, "{said}");
        }
    }

    /// The keys of `demo.test`.
    fn keys(&self) -> Vec<serde_json::Value> {
        let (_, said) = self.try_cli(&["status", "demo.test", "--json"]);
        let document: serde_json::Value = serde_json::from_str(&said).unwrap();
        document["zones"][0]["keys"].as_array().unwrap().clone()
    }

    /// What `/api/v1/ready` says: whether signing is ready, and all of it. Servers are another matter.
    pub(crate) fn ready(&self) -> (bool, String) {
        let api = self.api().unwrap();
        let mut stream = TcpStream::connect(api.trim_start_matches("http://")).unwrap();
        let head = "Host: x\r\nConnection: close\r\n\r\n";
        stream.write_all(format!("GET /api/v1/ready HTTP/1.1\r\n{head}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let is_refused = answer.starts_with("HTTP/1.1 503");
        let is_ready = answer.contains("\"signing_ready\":true");
        assert!(is_ready || is_refused, "{answer}");
        (is_ready, answer)
    }

    /// Role and state of each key.
    pub(crate) fn states(&self) -> Vec<String> {
        let word = |key: &serde_json::Value, name: &str| key[name].as_str().unwrap().to_owned();
        let keys = self.keys();
        keys.iter().map(|key| format!("{} {}", word(key, "role"), word(key, "state"))).collect()
    }

    pub(crate) fn tags(&self) -> Vec<u64> {
        self.keys().iter().map(|key| key["tag"].as_u64().unwrap()).collect()
    }

    #[track_caller]
    pub(crate) fn await_signing(&self) {
        eventually("the zone is signed", || {
            ask(self.port, "www.demo.test", 1).filter(|said| said.rcode == 0)
        });
    }
}

impl Drop for Overwatch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run_cli(api: &str, words: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb-cli"));
    let output = command.args(["--api", api, "dnssec"]).args(words).output().unwrap();
    let said = [output.stderr, output.stdout].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// What `delv` says of a question, with a DS record as its trust anchor.
pub(crate) fn delv(port: u16, ds: &str, name: &str, qtype: u16) -> String {
    let directory = tempfile::tempdir().unwrap();
    let anchors = directory.path().join("anchors");
    let words: Vec<&str> = ds.split_whitespace().collect();
    let [zone, _, _, tag, algorithm, digest_type, digest] = words[..] else { return ds.to_owned() };
    let anchor = format!(
        "trust-anchors {{ {zone} static-ds {tag} {algorithm} {digest_type} \"{digest}\"; }};\n"
    );
    fs::write(&anchors, anchor).unwrap();
    let mut command = Command::new("delv");
    command.args(["@127.0.0.1", "-p", &port.to_string(), "-a"]).arg(anchors);
    command.args([
        &format!("+root={}", zone.trim_end_matches('.')),
        "-t",
        &format!("TYPE{qtype}"),
        name,
    ]);
    let output = command.output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// An Unbound that asks overwatches, and validates.
pub(crate) struct Resolver {
    child: Child,
    directory: TempDir,
    /// Where it answers.
    pub(crate) port: u16,
}

impl Resolver {
    #[track_caller]
    pub(crate) fn start(overwatches: &[&Overwatch], ds: &str) -> Self {
        let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
        let stubs: String = overwatches
            .iter()
            .map(|overwatch| format!("    stub-addr: 127.0.0.1@{}\n", overwatch.port))
            .collect();
        let config = format!(
            "\
server:
    interface: 127.0.0.1@{port}
    chroot: \"\"
    username: \"\"
    pidfile: \"\"
    directory: \"{directory}\"
    use-syslog: no
    logfile: \"\"
    do-daemonize: no
    num-threads: 1
    val-log-level: 2
    do-not-query-localhost: no
    local-zone: \"test.\" nodefault
    module-config: \"validator iterator\"
    trust-anchor: \"{ds}\"
    aggressive-nsec: yes
    qname-minimisation-strict: yes
    use-caps-for-id: yes
stub-zone:
    name: demo.test
{stubs}remote-control:
    control-enable: no
",
            directory = directory.path().display()
        );
        let file = directory.path().join("unbound.conf");
        fs::write(&file, config).unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let program = if PathBuf::from("/usr/sbin/unbound").is_file() {
            "/usr/sbin/unbound"
        } else {
            "unbound"
        };
        let mut command = Command::new(program);
        command.arg("-c").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let resolver = Self { child: command.spawn().unwrap(), directory, port };
        eventually("Unbound answers", || {
            ask(port, "www.demo.test", 1).filter(|said| said.is_validated)
        });
        resolver
    }

    #[track_caller]
    pub(crate) fn ask(&self, name: &str, qtype: u16) -> Said {
        ask(self.port, name, qtype).unwrap()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
