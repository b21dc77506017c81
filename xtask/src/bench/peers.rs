//! The servers that we stand beside, as Debian has them: gdnsd and Knot with their maps of client
//! networks, NSD without one. One worker each, the same name, the same networks.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::process::{Process, free_port};

/// What our ratios are to.
pub(super) const GDNSD: &str = "gdnsd";
const KNOT: &str = "knot-geoip";
const NSD: &str = "nsd-static";

const ZONE: &str = "\
$ORIGIN demo.local.
$TTL 60
@ SOA ns1 host 1 3600 600 86400 60
@ NS ns1
ns1 A 10.1.1.10
";

/// Knot reads so many networks in a minute or so; it gets no more, which is to its advantage.
const KNOT_NETWORKS_MAX: usize = 65_536;

/// Starts them all and waits until they answer.
pub(super) fn start(directory: &Path, networks: &[[u8; 4]]) -> anyhow::Result<Vec<Process>> {
    let mut peers = vec![
        gdnsd(directory, networks).context(GDNSD)?,
        knot(directory, networks).context(KNOT)?,
        nsd(directory).context(NSD)?,
    ];
    for peer in &mut peers {
        peer.wait_until_up(directory)?;
    }
    Ok(peers)
}

/// Which of the three regions a network goes to.
fn region([a, b, c, _]: [u8; 4]) -> usize {
    (usize::from(a) + usize::from(b) + usize::from(c)) % 3
}

fn gdnsd(directory: &Path, networks: &[[u8; 4]]) -> anyhow::Result<Process> {
    let (port, home) = (free_port()?, directory.join("gdnsd"));
    for folder in ["etc/zones", "etc/geoip", "run", "state"] {
        fs::create_dir_all(home.join(folder))?;
    }
    let zone = ZONE.replace("$ORIGIN demo.local.\n", "") + "app DYNA geoip!app\n";
    fs::write(home.join("etc/zones/demo.local"), zone)?;
    let mut map = String::new();
    for network @ [a, b, c, _] in networks {
        let place = ["a", "b", "c"].get(region(*network)).copied().unwrap_or("a");
        writeln!(map, "{a}.{b}.{c}.0/24 => [{place}]")?;
    }
    fs::write(home.join("etc/geoip/nets"), map)?;
    let shown = home.display();
    let config = format!(
        "options => {{
  listen => 127.0.0.1:{port}
  udp_threads => 1
  tcp_threads => 1
  run_dir => {shown}/run
  state_dir => {shown}/state
  edns_client_subnet => true
}}
plugins => {{ geoip => {{
  maps => {{ m => {{ datacenters => [a, b, c], nets => nets }} }}
  resources => {{ app => {{
    map => m
    dcmap => {{ a => 10.2.1.10, b => 10.2.1.11, c => 10.2.1.12 }}
  }} }}
}} }}
"
    );
    fs::write(home.join("etc/config"), config)?;
    let mut command = Command::new(server("gdnsd"));
    command.arg("-c").arg(home.join("etc")).arg("start");
    Process::start(GDNSD, port, directory, &mut command)
}

fn knot(directory: &Path, networks: &[[u8; 4]]) -> anyhow::Result<Process> {
    let (port, home) = (free_port()?, directory.join("knot"));
    fs::create_dir_all(&home)?;
    fs::write(home.join("zone"), format!("{ZONE}app A 10.2.1.10\n"))?;
    let mut map = "app.demo.local:\n  - net: 127.0.0.0/24\n    A: 10.2.1.10\n".to_owned();
    for network @ [a, b, c, _] in networks.iter().take(KNOT_NETWORKS_MAX) {
        writeln!(map, "  - net: {a}.{b}.{c}.0/24\n    A: 10.2.1.{}", 10 + region(*network))?;
    }
    fs::write(home.join("map"), map)?;
    let shown = home.display();
    let config = format!(
        "server:
    listen: 127.0.0.1@{port}
    rundir: {shown}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    edns-client-subnet: on
database:
    storage: {shown}
mod-geoip:
  - id: map
    config-file: {shown}/map
    ttl: 60
    mode: subnet
zone:
  - domain: demo.local
    file: {shown}/zone
    module: mod-geoip/map
"
    );
    fs::write(home.join("conf"), config)?;
    let mut command = Command::new(server("knotd"));
    command.arg("-c").arg(home.join("conf"));
    Process::start(KNOT, port, directory, &mut command)
}

fn nsd(directory: &Path) -> anyhow::Result<Process> {
    let (port, home) = (free_port()?, directory.join("nsd"));
    fs::create_dir_all(&home)?;
    fs::write(home.join("zone"), format!("{ZONE}app A 10.2.1.10\n"))?;
    let shown = home.display();
    let config = format!(
        "server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  username: \"\"
  zonesdir: \"{shown}\"
  database: \"\"
  pidfile: \"{shown}/pid\"
  xfrdfile: \"{shown}/xfrd\"
  zonelistfile: \"{shown}/list\"
remote-control:
  control-enable: no
zone:
  name: demo.local
  zonefile: zone
"
    );
    fs::write(home.join("conf"), config)?;
    let mut command = Command::new(server("nsd"));
    command.arg("-d").arg("-c").arg(home.join("conf"));
    Process::start(NSD, port, directory, &mut command)
}

/// Debian has servers where not every user's path leads.
fn server(name: &str) -> String {
    let usual = format!("/usr/sbin/{name}");
    if Path::new(&usual).is_file() { usual } else { name.to_owned() }
}
