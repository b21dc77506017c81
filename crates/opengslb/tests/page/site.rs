//! An overwatch of three regions with a learned table: agents in memory tell it what clients of three
//! continents measured, and clients ask it. Every port is chosen by the system.

use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::daemon::{Daemon, eventually};
use crate::learner::{Learner, Seen};

pub(crate) const SERVICE: &str = "app.demo.test";
/// What the agents know.
pub(crate) const TOKEN: &str = "correct-horse-battery-staple";
/// What an operator knows, who lets agents in, and somebody who may only look.
pub(crate) const OPERATOR: &str = "turns-things-off-and-on-again";
pub(crate) const ADMIN: &str = "lets-them-in-and-throws-them-out";
pub(crate) const READER: &str = "looks-and-does-not-touch-it";
/// The mesh key, and as the configuration writes it.
pub(crate) const KEY_BYTES: [u8; 32] = [7; 32];
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// The regions, and the last part of the address of the server that an agent has there.
const REGIONS: [(&str, u8); 3] = [("eu-west", 11), ("us-east", 12), ("ap-southeast", 13)];
/// Networks of each continent.
const NETWORKS: u8 = 16;
/// From a client of one continent to the regions, in milliseconds: the least, and what the furthest
/// network of it has on top.
const AWAY: [[(u32, u32); 3]; 3] = [
    [(6, 90), (85, 60), (170, 110)],
    [(88, 50), (4, 120), (190, 60)],
    [(160, 90), (180, 80), (9, 225)],
];

/// An overwatch, its files, its agents and its other server.
pub(crate) struct Site {
    pub(crate) overwatch: Daemon,
    dns: SocketAddr,
    api: SocketAddr,
    directory: TempDir,
    /// Two servers without an agent. Whoever drops one makes it ill.
    pub(crate) servers: Vec<TcpListener>,
    _learners: Vec<Learner>,
}

impl Site {
    /// With what three agents learned; networks in `allowed` read without a token.
    pub(crate) fn start(allowed: &str) -> Self {
        let listen = |last| TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), 0)).unwrap();
        let servers = vec![listen(21), listen(22)];
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("config.yaml");
        fs::write(&config, text(&directory, &servers, allowed)).unwrap();
        fs::set_permissions(&config, Permissions::from_mode(0o600)).unwrap();
        let overwatch = Daemon::start(&config, &[]);
        let at = |what: &str| overwatch.word_after(what).parse().unwrap();
        let (dns, api, mesh) =
            (at("answering DNS on "), at("serving the API on "), at("hearing agents on "));
        let learner = |(number, (region, last)): (usize, &(&str, u8))| {
            Learner::start(mesh, region, Ipv4Addr::new(127, 0, 0, *last).into(), seen(number))
        };
        let learners = REGIONS.iter().enumerate().map(learner).collect();
        let site = Self { overwatch, dns, api, directory, servers, _learners: learners };
        eventually("it is learned", || {
            (1..=3).all(|continent| site.ask(SERVICE, [10, continent, 2]) == Some(10 + continent))
        });
        site
    }

    /// An address of the API's server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.api)
    }

    /// Where a server without an agent is.
    pub(crate) fn address(&self, number: usize) -> SocketAddr {
        self.servers[number].local_addr().unwrap()
    }

    /// Asks for a name as the resolver of a client's network does; the last part of the address that
    /// is answered.
    pub(crate) fn ask(&self, name: &str, network: [u8; 3]) -> Option<u8> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(self.dns).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.send(&query(name, network)).unwrap();
        let mut buffer = [0; 1_232];
        let length = socket.recv(&mut buffer).unwrap();
        let answer_at = 12 + name.len() + 2 + 4;
        let reply = &buffer[..length];
        (reply[3] & 15 == 0 && reply[7] > 0).then(|| reply[answer_at + 15])
    }

    /// `opengslb-cli` by the control socket: what it said.
    pub(crate) fn cli(&self, words: &[&str]) -> String {
        let socket = self.directory.path().join("data/control.sock");
        let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb-cli"));
        command.args(["--api", &format!("unix:{}", socket.display())]);
        let output = command.args(words).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{words:?}: {said}");
        said
    }
}

/// A question with a client's network in it (RFC 1035, 4.1; RFC 7871, 6).
fn query(name: &str, network: [u8; 3]) -> Vec<u8> {
    let mut query = vec![7, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    query.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0]);
    query.extend(network);
    query
}

/// What the agent of a region sees: of each network twenty connections at first; then every network again
/// and again, a little otherwise each time.
fn seen(region: usize) -> Seen {
    let mut round = 0_u32;
    Box::new(move || {
        let connections = if round == 0 { 20 } else { 2 };
        let mut clients = Vec::new();
        for (continent, away) in (1..).zip(AWAY) {
            let (least, spread) = away[region];
            for network in 0..NETWORKS {
                let far = spread * u32::from(network) * u32::from(network) / 225;
                // Repeats after a while, for each network at another time.
                let moved = (round * 7 + u32::from(network) * 5 + u32::from(continent)) % 11;
                let client = IpAddr::from([10, continent, network, 7]);
                clients.extend(vec![(client, least + far + moved / 2); connections]);
            }
        }
        round += 1;
        clients
    })
}

fn text(directory: &TempDir, servers: &[TcpListener], allowed: &str) -> String {
    let data = directory.path().join("data");
    let data = data.display();
    let server = |at: usize| {
        let address = servers[at].local_addr().unwrap();
        let check = "{type: tcp, interval: 1s, timeout: 1s, failure_threshold: 1}";
        let (ip, port) = (address.ip(), address.port());
        format!("{{address: {ip}, port: {port}, service: www.demo.test, health_check: {check}}}")
    };
    let (one, two) = (server(0), server(1));
    format!(
        "\
mode: overwatch
overwatch:
  identity: {{node_id: overwatch-1, region: eu-west, cert_path: {data}/o.crt, key_path: {data}/o.key}}
  data_dir: {data}
  agent_tokens: [{{service: {SERVICE}, token: {TOKEN}, networks: [127.0.0.0/8]}}]
  gossip: {{bind_address: \"127.0.0.1:0\", encryption_key: {KEY}}}
  geolocation: {{default_region: eu-west}}
dns:
  listen_address: 127.0.0.1:0
  rate_limit: {{enabled: false}}
  zones: [{{name: demo.test}}]
regions:
  - {{name: eu-west, servers: [{one}]}}
  - {{name: us-east, servers: [{two}]}}
  - {{name: ap-southeast}}
domains:
  - name: {SERVICE}
    routing_algorithm: learned_latency
    regions: [eu-west, us-east, ap-southeast]
    ttl: 30
    learning:
      exploration: {{enabled: false}}
      hold: {{dwell: 0ms, moved_percent_per_minute: 100}}
  - {{name: www.demo.test, routing_algorithm: failover, regions: [eu-west, us-east], ttl: 30}}
api:
  enabled: true
  address: 127.0.0.1:0
  allowed_networks: [{allowed}]
  tokens:
    - {{name: operator, role: operate, token: {OPERATOR}}}
    - {{name: admin, role: admin, token: {ADMIN}}}
    - {{name: reader, role: read, token: {READER}}}
metrics: {{enabled: false}}
logging: {{level: info, format: text}}
"
    )
}
