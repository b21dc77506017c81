//! What a lab consists of: sites, the distances between them, hosts.
//!
//! Read from a small YAML file and checked whole; what is built later cannot fail for a reason
//! that stands in the file. Never touches the machine.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr;

use model::{Region, Service, Subnet};

use crate::yaml::{self, YamlError};

mod fields;
pub(crate) use fields::is_name;
use fields::{Fields, parsed};

/// The brief's three regions; what `lab up` builds when no file is given.
pub const DEMO6: &str = include_str!("../topologies/demo6.yaml");

/// The topology of `lab learning`.
pub const LEARNING: &str = include_str!("../topologies/learning.yaml");

/// The topology of `lab chaos`.
pub const CHAOS: &str = include_str!("../topologies/chaos.yaml");

/// More hosts than this are refused: each costs a namespace, two interfaces and a process.
pub const HOSTS_MAX: usize = 64;

/// Round-trip times over this many milliseconds are refused: no path on this planet takes so long.
pub const RTT_MS_MAX: f64 = 10_000.0;

/// A checked lab.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// What `lab list` shows; also a directory name.
    pub name: String,
    /// The steered name that the overwatch answers for.
    pub domain: Service,
    /// The DNS zone that holds it.
    pub zone: String,
    /// Where clients go that no mapping knows.
    pub default_region: Option<Region>,
    /// The sites, in the file's order.
    pub sites: Vec<Site>,
    /// Round-trip times in microseconds between sites, by their indexes; symmetric.
    pub rtt_us: Vec<Vec<u32>>,
    /// The most that is added at random to one packet's way, in microseconds.
    pub jitter_us: u32,
    /// Of a million packets, how many get lost.
    pub loss_ppm: u32,
    /// The hosts, in the file's order.
    pub hosts: Vec<Host>,
    /// Where geography puts clients.
    pub mappings: Vec<(Subnet, Region)>,
    /// Replaces the built-in template of the agents' configuration.
    pub agent_config: Option<String>,
    /// Replaces the built-in template of the overwatches' configuration.
    pub overwatch_config: Option<String>,
}

/// A place where hosts stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// As hosts and distances name it.
    pub name: String,
    /// For people.
    pub title: String,
    /// What the product calls it; needed where backends stand.
    pub region: Option<Region>,
}

/// A machine of the lab.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// Its host name; also the agent's id.
    pub name: String,
    /// Index into [`Topology::sites`].
    pub site: usize,
    /// What runs on it.
    pub role: Role,
    /// Its own addresses; the first of a family is the source of what it sends.
    pub addresses: Vec<IpAddr>,
    /// Networks whose every address is its own too.
    pub networks: Vec<Subnet>,
    /// The whole configuration template of its daemon, instead of the role's.
    pub config: Option<String>,
}

/// What runs on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The binary in overwatch mode.
    Overwatch,
    /// The binary in agent mode beside a small web server.
    Backend,
    /// Nothing; commands are run there by hand.
    Traffic,
}

/// Why a file is no topology.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The text is not the YAML that is needed.
    #[error("the topology cannot be read")]
    Yaml(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something in it is wrong.
    #[error("line {line}: {what}")]
    At {
        /// Counted from 1.
        line: usize,
        /// What was expected.
        what: String,
    },
}

impl From<YamlError> for TopologyError {
    fn from(error: YamlError) -> Self {
        Self::Yaml(Box::new(error))
    }
}

impl FromStr for Topology {
    type Err = TopologyError;

    fn from_str(text: &str) -> Result<Self, TopologyError> {
        let mut top = Fields::of(yaml::parse(text)?, "a topology")?;
        let sites = read_sites(&mut top)?;
        let rtt_us = read_rtts(&mut top, &sites)?;
        let jitter_us = top.number("jitter_ms", RTT_MS_MAX, 1000.0)?.unwrap_or(0);
        let loss_ppm = top.number("loss_percent", 100.0, 10_000.0)?.unwrap_or(0);
        let hosts = read_hosts(&mut top, &sites)?;
        let mappings = read_mappings(&mut top)?;
        let topology = Self {
            name: top.name("name")?,
            domain: parsed(top.need("domain")?)?,
            zone: top.need_text("zone")?.0,
            default_region: top.take("default_region").map(parsed).transpose()?,
            sites,
            rtt_us,
            jitter_us,
            loss_ppm,
            hosts,
            mappings,
            agent_config: top.text("agent_config")?,
            overwatch_config: top.text("overwatch_config")?,
        };
        top.finish()?;
        Ok(topology)
    }
}

impl Topology {
    /// The time one packet takes from host `from` to host `to`, in microseconds, jitter aside.
    #[must_use]
    pub fn one_way_us(&self, from: usize, to: usize) -> Option<u32> {
        let (from, to) = (self.hosts.get(from)?, self.hosts.get(to)?);
        Some(self.rtt_us.get(from.site)?.get(to.site)? / 2)
    }

    /// A host and its index.
    #[must_use]
    pub fn host(&self, name: &str) -> Option<(usize, &Host)> {
        self.hosts.iter().enumerate().find(|(_, host)| host.name == name)
    }

    /// The hosts of a role, in the file's order.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |host| host.role == role)
    }

    /// The region of a host's site.
    #[must_use]
    pub fn region_of(&self, host: &Host) -> Option<&Region> {
        self.sites.get(host.site)?.region.as_ref()
    }

    /// The regions, each once, in the order of the sites.
    #[must_use]
    pub fn regions(&self) -> Vec<&Region> {
        let mut seen = BTreeSet::new();
        self.sites
            .iter()
            .filter_map(|site| site.region.as_ref())
            .filter(|r| seen.insert(*r))
            .collect()
    }
}

impl Host {
    /// Its first IPv4 address.
    #[must_use]
    pub fn ipv4(&self) -> Option<IpAddr> {
        self.addresses.iter().copied().find(IpAddr::is_ipv4)
    }

    /// Its first IPv6 address.
    #[must_use]
    pub fn ipv6(&self) -> Option<IpAddr> {
        self.addresses.iter().copied().find(IpAddr::is_ipv6)
    }
}

fn read_sites(top: &mut Fields) -> Result<Vec<Site>, TopologyError> {
    let mut sites: Vec<Site> = Vec::new();
    for node in top.list("sites")? {
        let line = node.line;
        let mut fields = Fields::of(node, "a site")?;
        let name = fields.name("name")?;
        let title = fields.text("title")?.unwrap_or_else(|| name.clone());
        let region = fields.take("region").map(parsed).transpose()?;
        fields.finish()?;
        if sites.iter().any(|site| site.name == name) {
            return Err(at(line, format!("the site {name} stands here twice")));
        }
        sites.push(Site { name, title, region });
    }
    Ok(sites)
}

fn read_rtts(top: &mut Fields, sites: &[Site]) -> Result<Vec<Vec<u32>>, TopologyError> {
    let local = top.number("local_rtt_ms", RTT_MS_MAX, 1000.0)?.unwrap_or(1000);
    let mut rtt_us = vec![vec![None; sites.len()]; sites.len()];
    for node in top.list("rtt_ms")? {
        let line = node.line;
        let [from, to, rtt] = fields::triple(node, "[site, site, milliseconds]")?;
        let (from, to) = (site_index(from, sites)?, site_index(to, sites)?);
        let rtt = fields::number(rtt, RTT_MS_MAX, 1000.0)?;
        for (a, b) in [(from, to), (to, from)] {
            let Some(cell) = rtt_us.get_mut(a).and_then(|row| row.get_mut(b)) else { continue };
            if cell.replace(rtt).is_some() && from != to {
                return Err(at(line, "this distance stands here twice".into()));
            }
        }
    }
    let mut rows = Vec::new();
    for (a, row) in rtt_us.iter().enumerate() {
        let fill = |(b, rtt): (usize, &Option<u32>)| {
            rtt.or((a == b).then_some(local)).ok_or_else(|| {
                let name = |i: usize| sites.get(i).map_or("", |site| site.name.as_str());
                at(top.line(), format!("rtt_ms lacks {} - {}", name(a), name(b)))
            })
        };
        rows.push(row.iter().enumerate().map(fill).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(rows)
}

fn site_index(node: yaml::Node, sites: &[Site]) -> Result<usize, TopologyError> {
    let (name, line) = fields::text(node)?;
    let known = || sites.iter().map(|site| site.name.as_str()).collect::<Vec<_>>().join(", ");
    sites
        .iter()
        .position(|site| site.name == name)
        .ok_or_else(|| at(line, format!("no site is called {name:?} (there are: {})", known())))
}

fn read_hosts(top: &mut Fields, sites: &[Site]) -> Result<Vec<Host>, TopologyError> {
    let (mut hosts, mut names, mut taken) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for node in top.list("hosts")? {
        let line = node.line;
        let host = read_host(node, sites)?;
        if !names.insert(host.name.clone()) {
            return Err(at(line, format!("the host {} stands here twice", host.name)));
        }
        if let Some(address) = host.addresses.iter().find(|address| !taken.insert(**address)) {
            return Err(at(line, format!("{address} belongs to another host")));
        }
        hosts.push(host);
    }
    if hosts.is_empty() || hosts.len() > HOSTS_MAX {
        return Err(at(top.line(), format!("a lab has 1 to {HOSTS_MAX} hosts")));
    }
    Ok(hosts)
}

fn read_host(node: yaml::Node, sites: &[Site]) -> Result<Host, TopologyError> {
    let line = node.line;
    let mut fields = Fields::of(node, "a host")?;
    let site = site_index(fields.need("site")?, sites)?;
    let (role, role_line) = fields.need_text("role")?;
    let role = match role.as_str() {
        "overwatch" => Role::Overwatch,
        "backend" => Role::Backend,
        "traffic" => Role::Traffic,
        _ => return Err(at(role_line, "role must be overwatch, backend or traffic".into())),
    };
    let host = Host {
        name: fields.name("name")?,
        site,
        role,
        addresses: fields.list("addresses")?.into_iter().map(parsed).collect::<Result<_, _>>()?,
        networks: fields
            .optional_list("networks")?
            .into_iter()
            .map(parsed)
            .collect::<Result<_, _>>()?,
        config: fields.text("config")?,
    };
    fields.finish()?;
    if host.addresses.is_empty() {
        return Err(at(line, format!("{} needs at least one address", host.name)));
    }
    if role == Role::Backend && sites.get(site).is_none_or(|site| site.region.is_none()) {
        return Err(at(line, format!("{} is a backend: its site needs a region", host.name)));
    }
    Ok(host)
}

fn read_mappings(top: &mut Fields) -> Result<Vec<(Subnet, Region)>, TopologyError> {
    let read = |node| {
        let [network, region] = fields::pair(node, "[network, region]")?;
        Ok((parsed(network)?, parsed(region)?))
    };
    top.optional_list("mappings")?.into_iter().map(read).collect()
}

fn at(line: usize, what: String) -> TopologyError {
    TopologyError::At { line, what }
}

#[cfg(test)]
mod tests;
