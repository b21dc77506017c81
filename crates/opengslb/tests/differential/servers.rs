//! The servers as children of the test: each on a free port of loopback, with files of its own, ended
//! with its value.

use std::fs::{self, File, Permissions};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::base::iana::Rtype;
use tempfile::TempDir;

use crate::ZONES;
use crate::client::{Question, Reply, ask};

/// They start within a second; a loaded machine may need longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often is looked whether something is so.
const LOOK: Duration = Duration::from_millis(20);
/// How often a server is started on another port, because somebody took the one that was free.
const TRIES: usize = 5;

/// A running server.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    child: Child,
    directory: TempDir,
}

impl Server {
    /// The server that is tested, with nothing to steer.
    pub(crate) fn opengslb() -> Self {
        Self::start("OpenGSLB", |address, directory| {
            let config = write(directory, "overwatch.yaml", &overwatch(address, directory));
            fs::set_permissions(&config, Permissions::from_mode(0o600)).unwrap();
            let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb"));
            command.arg("--config").arg(config);
            command
        })
    }

    pub(crate) fn knot() -> Self {
        Self::start("Knot", |address, directory| {
            let mut command = Command::new(program("knotd").unwrap());
            command.arg("-c").arg(write(directory, "knot.conf", &knot(address, directory)));
            command
        })
    }

    pub(crate) fn nsd() -> Self {
        Self::start("NSD", |address, directory| {
            let mut command = Command::new(program("nsd").unwrap());
            command.arg("-d").arg("-c").arg(write(directory, "nsd.conf", &nsd(address, directory)));
            command
        })
    }

    fn start(name: &'static str, command: impl Fn(SocketAddr, &Path) -> Command) -> Self {
        for _ in 0..TRIES {
            let directory = tempfile::tempdir().unwrap();
            for (zone, text) in ZONES {
                write(directory.path(), &format!("{zone}zone"), text);
            }
            let log = File::create(directory.path().join("log")).unwrap();
            let address = free_address();
            let mut command = command(address, directory.path());
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
            let child = command.spawn().unwrap();
            let mut server = Self { name, address, child, directory };
            if server.is_ready() {
                return server;
            }
            let log = server.log();
            assert!(log.to_lowercase().contains("in use"), "{name} does not start:\n{log}");
        }
        panic!("{TRIES} times no free port for {name}");
    }

    /// Waits until every zone is served; says no if the process ends before.
    fn is_ready(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        let mut zones = ZONES.iter().map(|(zone, _)| Question {
            name: zone.parse().unwrap(),
            qtype: Rtype::SOA,
            by_tcp: true,
            recursion_desired: false,
            checking_disabled: false,
            edns: None,
        });
        let mut next = zones.next();
        while let Some(question) = &next {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            let is_served = |reply| matches!(reply, Ok(reply) if is_authority(&reply));
            if is_served(ask(self.address, question, 1)) {
                next = zones.next();
                continue;
            }
            assert!(Instant::now() < until, "{} does not serve:\n{}", self.name, self.log());
            std::thread::sleep(LOOK);
        }
        true
    }

    /// Everything it has logged.
    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Politely first: NSD has children of its own to end.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let until = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(LOOK);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_authority(reply: &Reply) -> bool {
    reply.rcode == 0 && reply.authoritative && !reply.answer.is_empty()
}

/// Where a program is; Debian keeps servers where not every user's path leads.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    places.map(|place| place.join(name)).find(|program| program.is_file())
}

/// An address that is free by TCP and by UDP, at the moment.
fn free_address() -> SocketAddr {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn overwatch(address: SocketAddr, directory: &Path) -> String {
    let directory = directory.display();
    let mut text = format!(
        "\
mode: overwatch
overwatch:
  identity:
    node_id: overwatch-1
    cert_path: {directory}/overwatch.crt
    key_path: {directory}/overwatch.key
  data_dir: {directory}
  gossip:
    bind_address: 127.0.0.1:0
    encryption_key: uP2s0mVn6p3q8Xr1Yt4wZb7eHc9kLd0fGj5aQx2iNyU=
  geolocation: {{default_region: here}}
regions: [{{name: here}}]
domains: []
dns:
  listen_address: {address}
  zones:
"
    );
    for (zone, _) in ZONES {
        text += &format!("    - {{name: {zone}, file: {directory}/{zone}zone}}\n");
    }
    text
}

fn knot(address: SocketAddr, directory: &Path) -> String {
    let (ip, port, directory) = (address.ip(), address.port(), directory.display());
    let mut text = format!(
        "\
server:
    listen: {ip}@{port}
    rundir: {directory}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: 1232
database:
    storage: {directory}
log:
  - target: stderr
    any: warning
zone:
"
    );
    for (zone, _) in ZONES {
        text += &format!("  - domain: {zone}\n    file: {directory}/{zone}zone\n");
    }
    text
}

fn nsd(address: SocketAddr, directory: &Path) -> String {
    let (ip, port, directory) = (address.ip(), address.port(), directory.display());
    let mut text = format!(
        "\
server:
  ip-address: {ip}@{port}
  server-count: 1
  ipv4-edns-size: 1232
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  username: \"\"
  database: \"\"
  zonesdir: \"{directory}\"
  pidfile: \"{directory}/pid\"
  xfrdfile: \"{directory}/xfrd\"
  xfrdir: \"{directory}\"
  zonelistfile: \"{directory}/list\"
remote-control:
  control-enable: no
"
    );
    for (zone, _) in ZONES {
        text += &format!("zone:\n  name: {zone}\n  zonefile: {zone}zone\n");
    }
    text
}
