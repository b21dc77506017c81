//! The daemons' configuration files, from templates and the topology.
//!
//! A template is a configuration with `${WORDS}` in it. A word alone on its line stands for any
//! number of lines, each indented as the word is.

use std::fmt::Write;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Subnet;

use crate::files::Layout;
use crate::topology::{Host, Role, Topology};

/// What an agent of the lab is configured with when the topology says nothing else.
pub const AGENT_CONFIG: &str = include_str!("../templates/agent.yaml");
/// The same for an overwatch.
pub const OVERWATCH_CONFIG: &str = include_str!("../templates/overwatch.yaml");

/// "nobody" everywhere (the kernel's overflow id).
const NOBODY: u32 = 65534;
/// Where the brief's agents find the mesh.
const MESH_PORT: u16 = 7946;
/// Where the lab's web server listens.
const WEB_PORT: u16 = 80;

/// What only the members of one lab know.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The mesh key: base64 of 32 bytes.
    pub gossip_key: String,
    /// The token of the one service.
    pub token: String,
}

impl Secrets {
    fn new() -> anyhow::Result<Self> {
        let mut random = std::fs::File::open("/dev/urandom").context("opening /dev/urandom")?;
        let (mut key, mut token) = ([0; 32], [0; 18]);
        random.read_exact(&mut key)?;
        random.read_exact(&mut token)?;
        Ok(Self { gossip_key: STANDARD.encode(key), token: STANDARD.encode(token) })
    }
}

/// The user that agents run as; `None` where the id maps have only one, who is root inside.
pub(crate) fn agent_user() -> Option<u32> {
    let mapped = |file: &str| std::fs::read_to_string(file).is_ok_and(|map| holds_nobody(&map));
    (mapped("/proc/self/uid_map") && mapped("/proc/self/gid_map")).then_some(NOBODY)
}

/// Reads an id map (user_namespaces(7)): lines of first id inside, first outside, count.
fn holds_nobody(map: &str) -> bool {
    map.lines().any(|line| {
        let mut fields = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), _, Some(Ok(count))) = (fields.next(), fields.next(), fields.next())
        else {
            return false;
        };
        (first..first.saturating_add(count)).contains(&NOBODY.into())
    })
}

/// Makes every host's directory, with its configuration where it has a daemon.
pub(crate) fn write_all(layout: &Layout, topology: &Topology) -> anyhow::Result<()> {
    let secrets = Secrets::new()?;
    for host in &topology.hosts {
        let state = layout.state(&host.name);
        std::fs::create_dir_all(&state)?;
        // `journalctl` finds an empty log on a host that runs nothing.
        std::fs::File::create(layout.log(&host.name))?;
        let owner = agent_user().filter(|_| host.role == Role::Backend);
        if let Some(text) = config(topology, host, &secrets, &state) {
            let path = layout.config(&host.name);
            std::fs::write(&path, text)?;
            // Keys and tokens are in it.
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            chown(&path, owner, owner)?;
        }
        chown(&state, owner, owner)?;
    }
    Ok(())
}

/// The configuration of a host's daemon; `None` where it has none.
#[must_use]
pub fn config(topology: &Topology, host: &Host, secrets: &Secrets, state: &Path) -> Option<String> {
    let template = match host.role {
        Role::Traffic => return None,
        Role::Backend => topology.agent_config.as_deref().unwrap_or(AGENT_CONFIG),
        Role::Overwatch => topology.overwatch_config.as_deref().unwrap_or(OVERWATCH_CONFIG),
    };
    let template = host.config.as_deref().unwrap_or(template);
    let region = topology.region_of(host).map(ToString::to_string).unwrap_or_default();
    let default_region = topology.default_region.as_ref().or(topology.regions().first().copied());
    let words = [
        ("HOST", host.name.clone()),
        ("REGION", region),
        ("STATE_DIR", state.display().to_string()),
        ("TOKEN", secrets.token.clone()),
        ("GOSSIP_KEY", secrets.gossip_key.clone()),
        ("DOMAIN", topology.domain.to_string()),
        ("ZONE", topology.zone.clone()),
        ("DEFAULT_REGION", default_region.map(ToString::to_string).unwrap_or_default()),
        ("BACKENDS", backends(topology, host)),
        ("OVERWATCH_NODES", overwatch_nodes(topology)),
        ("AGENT_TOKENS", agent_tokens(topology, secrets)),
        ("MAPPINGS", mappings(topology)),
        ("REGIONS", regions(topology, "name: ")),
        ("REGION_NAMES", regions(topology, "")),
    ];
    Some(fill(template, &words))
}

/// Puts the words in.
fn fill(template: &str, words: &[(&str, String)]) -> String {
    let mut text = String::new();
    for line in template.lines() {
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let mut filled = line.to_owned();
        for (word, value) in words {
            let value = value.trim_end().replace('\n', &format!("\n{indent}"));
            filled = filled.replace(&format!("${{{word}}}"), &value);
        }
        let _ = writeln!(text, "{filled}");
    }
    text
}

fn backends(topology: &Topology, host: &Host) -> String {
    let mut text = String::new();
    for address in &host.addresses {
        let _ = writeln!(text, "- service: {}", topology.domain);
        let _ = writeln!(text, "  address: \"{address}\"\n  port: {WEB_PORT}\n  weight: 100");
        text.push_str("  health_check:\n    type: http\n    path: /health\n");
        text.push_str("    interval: 2s\n    timeout: 1s\n");
    }
    text
}

fn overwatch_nodes(topology: &Topology) -> String {
    let node = |host: &Host| host.ipv4().or(host.ipv6());
    let nodes = topology.with_role(Role::Overwatch).filter_map(node);
    nodes.map(|node| format!("- \"{}\"\n", SocketAddr::new(node, MESH_PORT))).collect()
}

/// One token for the service, good in the networks where backends are.
fn agent_tokens(topology: &Topology, secrets: &Secrets) -> String {
    let network = |address: &IpAddr| Subnet::of(*address, if address.is_ipv4() { 24 } else { 64 });
    let mut networks: Vec<Subnet> = topology
        .with_role(Role::Backend)
        .flat_map(|host| host.addresses.iter().map(network))
        .collect();
    networks.sort_unstable();
    networks.dedup();
    let (domain, token) = (&topology.domain, &secrets.token);
    let mut text = format!("- service: {domain}\n  token: {token}\n  regions:\n");
    for region in topology.regions() {
        let _ = writeln!(text, "    - {region}");
    }
    text.push_str("  networks:\n");
    for network in networks {
        let _ = writeln!(text, "    - \"{network}\"");
    }
    text
}

fn mappings(topology: &Topology) -> String {
    if topology.mappings.is_empty() {
        return "[]".into();
    }
    let entry = |(network, region): &(Subnet, model::Region)| {
        format!("- cidr: \"{network}\"\n  region: {region}\n")
    };
    topology.mappings.iter().map(entry).collect()
}

fn regions(topology: &Topology, key: &str) -> String {
    topology.regions().iter().map(|region| format!("- {key}{region}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::DEMO6;

    fn config_of(name: &str) -> String {
        let topology: Topology = DEMO6.parse().unwrap();
        let secrets = Secrets::new().unwrap();
        let (_, host) = topology.host(name).unwrap();
        config(&topology, host, &secrets, Path::new("/state")).unwrap()
    }

    #[test]
    fn every_word_is_filled_and_lists_keep_their_indent() {
        let agent = config_of("backend-eu-west");
        assert!(agent.contains("\n    - service: app.demo.local\n      address: \"10.2.1.10\"\n"));
        assert!(agent.contains("    region: eu-west\n"));
        assert!(agent.contains("      - \"10.1.1.10:7946\"\n"));
        let overwatch = config_of("overwatch");
        assert!(
            overwatch.contains("\n      - cidr: \"fd00:3::/32\"\n        region: ap-southeast\n")
        );
        assert!(overwatch.contains("\n  - name: eu-west\n  - name: ap-southeast\n"));
        for text in [agent, overwatch] {
            assert!(!text.contains("${"), "{text}");
        }
    }

    #[test]
    fn a_topology_may_bring_its_own_configurations() {
        let own = "\nagent_config: |\n  agent: ${HOST}\n  list:\n    ${REGION_NAMES}\n";
        let mut topology: Topology = (DEMO6.to_owned() + own).parse().unwrap();
        topology.hosts[2].config = Some("only: ${DOMAIN}".into());
        let secrets = Secrets::new().unwrap();
        let text = |index: usize| {
            config(&topology, &topology.hosts[index], &secrets, Path::new("/s")).unwrap()
        };
        assert_eq!(text(2), "only: app.demo.local\n");
        let expect = "agent: backend-eu-west-2\nlist:\n  - eu-west\n  - ap-southeast\n";
        assert_eq!(text(3), expect);
        assert!(text(0).contains("overwatch:"));
    }

    #[test]
    fn nobody_is_found_in_a_range_only() {
        assert!(holds_nobody("         0          0      65536\n"));
        assert!(holds_nobody("0 1000 1\n1 100000 65536\n"));
        assert!(!holds_nobody("         0       1000          1\n") && !holds_nobody("x\n"));
    }

    #[test]
    fn the_product_takes_the_files_as_they_are() {
        for (host, mode) in [
            ("backend-eu-west", config::ModeName::Agent),
            ("overwatch", config::ModeName::Overwatch),
        ] {
            let given = config::Given {
                file_name: host,
                mode: Some(mode),
                host_name: "machine",
                // The lab's zones have no files.
                read_zone_file: &|path| Err(format!("{path} is no file of the lab")),
                includes: &config::no_includes,
            };
            let checked = config::load(&config_of(host), &given).unwrap();
            assert_eq!(checked.warnings, [], "{host}");
        }
    }
}
