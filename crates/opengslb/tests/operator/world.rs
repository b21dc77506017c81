//! Overwatches and their parent on loopback, each at an address of its own, all on one port.

use std::fs::{self, File, Permissions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::parent::Parent;

/// They start within a second; a loaded machine may need longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked whether something is so.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a program to its end: its exit code and all it said.
pub(crate) fn run(program: &str, words: &[&str]) -> (i32, String) {
    let output = Command::new(program).args(words).env_remove("OPENGSLB_API").output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

pub(crate) fn cli(words: &[&str]) -> (i32, String) {
    run(env!("CARGO_BIN_EXE_opengslb-cli"), words)
}

/// A parent at 127.0.0.2, and room for nameservers at 127.0.0.3, 4 and 5.
pub(crate) struct World {
    pub(crate) port: u16,
    pub(crate) parent: Parent,
}

impl World {
    pub(crate) fn new() -> Self {
        loop {
            let tcp = TcpListener::bind((loopback(2), 0)).unwrap();
            let port = tcp.local_addr().unwrap().port();
            let is_free = |last| {
                let at = (loopback(last), port);
                TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok()
            };
            let Ok(udp) = UdpSocket::bind((loopback(2), port)) else { continue };
            if [3, 4, 5].into_iter().all(is_free) {
                return Self { port, parent: Parent::start(udp, tcp) };
            }
        }
    }

    pub(crate) fn root(&self) -> String {
        format!("127.0.0.2:{}", self.port)
    }

    pub(crate) fn preflight(&self, overwatches: &[&Overwatch]) -> (i32, String) {
        let (root, port) = (self.root(), self.port.to_string());
        let apis: Vec<String> = overwatches.iter().map(|overwatch| overwatch.api()).collect();
        let mut words = vec![
            "preflight",
            "demo.test",
            "--root",
            &root,
            "--port",
            &port,
            "--name",
            "app.demo.test",
        ];
        words.extend(apis.iter().flat_map(|api| ["--overwatch", api]));
        cli(&words)
    }

    /// A configuration for the nameserver at 127.0.0.LAST.
    pub(crate) fn config(&self, last: u8, node: &str) -> String {
        let listen = SocketAddr::new(loopback(last), self.port);
        format!(
            "\
mode: overwatch
overwatch:
  identity: {{node_id: {node}, cert_path: DIRECTORY/overwatch.crt, key_path: DIRECTORY/overwatch.key}}
  data_dir: DIRECTORY
  gossip:
    bind_address: 127.0.0.1:0
    encryption_key: uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=
  geolocation: {{default_region: here}}
dns:
  listen_address: {listen}
  zones:
    - name: demo.test
      nameservers: [ns1.demo.test, ns2.demo.test]
      records: [ns1 A 127.0.0.3, ns2 A 127.0.0.4]
      soa: {{serial: 7}}
regions:
  - name: here
    servers: [{{address: 127.0.0.1, port: 9, service: app.demo.test}}]
domains: [{{name: app.demo.test, routing_algorithm: failover, regions: [here], ttl: 30}}]
api: {{enabled: true, address: \"127.0.0.1:0\"}}
logging: {{level: info, format: text}}
"
        )
    }

    /// Starts an overwatch until it serves.
    pub(crate) fn start(&self, name: &str, config: &str) -> Overwatch {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().display().to_string();
        let file = directory.path().join(format!("{name}.yaml"));
        fs::write(&file, config.replace("DIRECTORY", &place)).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        launch(directory, file.display().to_string())
    }

    /// Carries datagrams from one address to another and back, one at a time, for as long as the
    /// test runs; connections find nobody.
    pub(crate) fn relay_datagrams(&self, from: u8, to: u8) -> std::thread::JoinHandle<()> {
        let outside = UdpSocket::bind((loopback(from), self.port)).unwrap();
        let inside = UdpSocket::bind((loopback(1), 0)).unwrap();
        inside.connect((loopback(to), self.port)).unwrap();
        inside.set_read_timeout(Some(PATIENCE)).unwrap();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65_535];
            while let Ok((length, asker)) = outside.recv_from(&mut buffer) {
                inside.send(&buffer[..length]).unwrap();
                let length = inside.recv(&mut buffer).unwrap();
                outside.send_to(&buffer[..length], asker).unwrap();
            }
        })
    }
}

fn loopback(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

/// Runs an overwatch until it serves.
fn launch(directory: TempDir, file: String) -> Overwatch {
    let log = File::create(directory.path().join("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb"));
    command.arg("--config").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let child = command.spawn().unwrap();
    let mut overwatch = Overwatch { child, directory, file, api: String::new() };
    let until = Instant::now() + PATIENCE;
    while overwatch.api.is_empty() {
        let log = overwatch.log();
        assert!(overwatch.child.try_wait().unwrap().is_none() && Instant::now() < until, "{log}");
        let word = log.split("serving the API on ").nth(1).and_then(|rest| rest.split_once('\n'));
        match word {
            Some((address, _)) => overwatch.api = format!("http://{}", address.trim()),
            None => std::thread::sleep(LOOK),
        }
    }
    overwatch
}

/// A running overwatch; ends with its value.
pub(crate) struct Overwatch {
    child: Child,
    directory: TempDir,
    file: String,
    api: String,
}

impl Overwatch {
    pub(crate) fn api(&self) -> String {
        self.api.clone()
    }

    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    pub(crate) fn control(&self) -> String {
        format!("unix:{}", self.directory.path().join("control.sock").display())
    }

    /// Ends it as a service manager does, and starts it again.
    pub(crate) fn restart(mut self) -> Self {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success(), "{}", self.log());
        let directory = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap());
        launch(directory, self.file.clone())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Overwatch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
