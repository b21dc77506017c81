//! This server as an overwatch of one domain, alone on loopback: what is measured beside others, and what agents
//! report to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::process::{Process, free_port};

/// Starts the built binary with these regions, kept on one processor, and waits until it answers; the port of
/// its mesh. Its zone is signed.
pub(super) fn start(
    directory: &Path,
    program: &Path,
    regions: &[String],
) -> anyhow::Result<(Process, u16)> {
    let (dns, mesh) = (free_port()?, free_port()?);
    let config = directory.join("opengslb.yaml");
    fs::write(&config, configuration(directory, (dns, mesh), regions))?;
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600))?;
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program).arg("--config").arg(&config);
    let mut overwatch = Process::start("opengslb", dns, directory, &mut command)?;
    overwatch.wait_until_up(directory)?;
    Ok((overwatch, mesh))
}

/// The examples' agents have the same names and secrets, and servers in 10.0.0.0/8.
fn configuration(directory: &Path, (dns, mesh): (u16, u16), regions: &[String]) -> String {
    let directory = directory.display();
    let named: Vec<String> = regions.iter().map(|name| format!("{{name: {name}}}")).collect();
    let (regions, named) = (regions.join(", "), named.join(", "));
    format!(
        "mode: overwatch
overwatch:
  data_dir: {directory}/data
  identity:
    node_id: bench
    cert_path: {directory}/bench.crt
    key_path: {directory}/bench.key
  agent_tokens:
    - {{service: app.demo.local, token: a-token-for-the-bench-only, networks: [10.0.0.0/8]}}
  gossip:
    bind_address: 127.0.0.1:{mesh}
    encryption_key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
  validation: {{enabled: false}}
dns:
  listen_address: 127.0.0.1:{dns}
  zones: [demo.local]
  dnssec: {{enabled: true}}
regions: [{named}]
domains:
  - name: app.demo.local
    routing_algorithm: learned_latency
    regions: [{regions}]
"
    )
}
