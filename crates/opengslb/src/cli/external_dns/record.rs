//! What one record of ExternalDNS means here, or why it means nothing. Pure.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::wire::Endpoint;

/// What is told about a record by annotations; other words that begin so are refused: they are misspelled.
const OURS: &str = "webhook/opengslb-";
const REGION: &str = "webhook/opengslb-region";
const PORT: &str = "webhook/opengslb-port";
const CHECK: &str = "webhook/opengslb-check";

/// The most targets of one record. A cluster's load balancer has a few addresses; the note about them has to stay short.
const TARGETS_MAX: usize = 64;
/// The longest TTL that a domain can have.
const TTL_MAX: i64 = 86_400;

/// What the operator of the webhook says of all records.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// The zones that names may be in.
    pub(super) zones: Vec<String>,
    /// The region of records that name none.
    pub(super) region: Option<String>,
    /// The port of servers that name none.
    pub(super) port: u16,
}

/// A record that can be represented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) region: String,
    pub(super) stands_for: StandsFor,
    /// Seconds, where somebody asked for them.
    pub(super) ttl: Option<i64>,
}

/// What a region's clients are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StandsFor {
    /// Its servers.
    Servers { at: BTreeSet<SocketAddr>, check: Check },
    /// A name.
    Alias(String),
}

/// What was decided about a record when it was given. It is kept beside the record: another webhook has other terms, and so has the
/// same one after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decided {
    pub(super) region: String,
    /// `None` for an alias, which has no servers of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    servers: Option<Listening>,
}

/// Where a record's servers listen, and how they are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listening {
    port: u16,
    check: Check,
}

/// How the overwatch sees that a server works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Check {
    Connect,
    Page(String),
}

impl Check {
    /// As the configuration has it.
    pub(super) fn settings(&self) -> Value {
        match self {
            Self::Connect => json!({"type": "tcp"}),
            Self::Page(path) => json!({"type": "http", "path": path}),
        }
    }
}

impl Terms {
    /// Decides about a record that is given now, or says what is wrong with it. `regions` are the overwatch's.
    pub(super) fn given(
        &self,
        endpoint: &Endpoint,
        regions: &BTreeSet<String>,
    ) -> Result<Decided, String> {
        let name = endpoint.name();
        let is_in = |zone: &String| name.strip_suffix(zone.as_str()).is_some_and(at_a_label);
        if !self.zones.iter().any(is_in) {
            return Err(format!("it is in none of the zones {}", self.zones.join(", ")));
        }
        if let Some(unknown) = unknown_property(endpoint) {
            return Err(format!("{unknown} is none of {REGION}, {PORT}, {CHECK}"));
        }
        self.decide(endpoint, regions)
    }

    /// The same of a record that was accepted once, whichever zones were served then.
    pub(super) fn decide(
        &self,
        endpoint: &Endpoint,
        regions: &BTreeSet<String>,
    ) -> Result<Decided, String> {
        let servers = match endpoint.record_type.as_str() {
            "A" | "AAAA" => Some(self.listening(endpoint)?),
            "CNAME" => None,
            kind => return Err(not_steered(kind)),
        };
        Ok(Decided { region: self.region(endpoint, regions)?, servers })
    }

    fn region(&self, endpoint: &Endpoint, regions: &BTreeSet<String>) -> Result<String, String> {
        let set = Some(endpoint.set_identifier.as_str()).filter(|set| regions.contains(*set));
        let region = endpoint.property(REGION).or(set).or(self.region.as_deref());
        let region = region.ok_or_else(|| {
            format!("no region: {REGION}, a set identifier that is a region's name, or --region")
        })?;
        Ok(region.to_owned())
    }

    fn listening(&self, endpoint: &Endpoint) -> Result<Listening, String> {
        let port = match endpoint.property(PORT) {
            None => self.port,
            Some(text) => text
                .parse()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| format!("{PORT}: {text:?} is no port"))?,
        };
        let check = match endpoint.property(CHECK) {
            None | Some("tcp") => Check::Connect,
            Some(path) if path.starts_with('/') => Check::Page(path.to_owned()),
            Some(other) => return Err(format!("{CHECK}: {other:?} is neither tcp nor a path")),
        };
        Ok(Listening { port, check })
    }
}

impl Decided {
    /// The record that an endpoint is by this, or what is wrong with it. `regions` are the overwatch's now.
    pub(super) fn record(
        &self,
        endpoint: &Endpoint,
        regions: &BTreeSet<String>,
    ) -> Result<Record, String> {
        if !(0..=TTL_MAX).contains(&endpoint.record_ttl) {
            return Err(format!("a TTL is from 0 to {TTL_MAX} seconds"));
        }
        let stands_for = match (endpoint.record_type.as_str(), &self.servers) {
            ("A", Some(listening)) => listening.at(endpoint, |ip: Ipv4Addr| ip.into())?,
            ("AAAA", Some(listening)) => listening.at(endpoint, |ip: Ipv6Addr| ip.into())?,
            ("CNAME", None) => alias(endpoint)?,
            (kind, _) => return Err(not_steered(kind)),
        };
        if !regions.contains(&self.region) {
            return Err(format!("the overwatch has no region {}", self.region));
        }
        let ttl = (endpoint.record_ttl > 0).then_some(endpoint.record_ttl);
        Ok(Record { region: self.region.clone(), stands_for, ttl })
    }
}

impl Listening {
    fn at<A: std::str::FromStr>(
        &self,
        endpoint: &Endpoint,
        address: impl Fn(A) -> IpAddr,
    ) -> Result<StandsFor, String> {
        if endpoint.targets.is_empty() || endpoint.targets.len() > TARGETS_MAX {
            return Err(format!("a record has from 1 to {TARGETS_MAX} targets"));
        }
        let read = |text: &String| {
            let ip = text.parse().map_err(|_| format!("{text:?} is no address of its type"))?;
            Ok(SocketAddr::new(address(ip), self.port))
        };
        let at = endpoint.targets.iter().map(read).collect::<Result<_, String>>()?;
        Ok(StandsFor::Servers { at, check: self.check.clone() })
    }
}

fn not_steered(kind: &str) -> String {
    format!("records of type {kind} are not steered")
}

/// The same record without what other providers are told: what is not kept must not be compared.
pub(super) fn without_others_properties(mut endpoint: Endpoint) -> Endpoint {
    endpoint.provider_specific.retain(|property| property.name.starts_with(OURS));
    endpoint.provider_specific.sort();
    endpoint
}

fn unknown_property(endpoint: &Endpoint) -> Option<&str> {
    let mut names = endpoint.provider_specific.iter().map(|property| property.name.as_str());
    names.find(|name| name.starts_with(OURS) && ![REGION, PORT, CHECK].contains(name))
}

fn alias(endpoint: &Endpoint) -> Result<StandsFor, String> {
    match endpoint.targets.as_slice() {
        [target] => Ok(StandsFor::Alias(target.trim_end_matches('.').to_ascii_lowercase())),
        _ => Err("an alias has one target".to_owned()),
    }
}

/// Whether what stands before a zone's name ends a label.
fn at_a_label(before: &str) -> bool {
    before.is_empty() || before.ends_with('.')
}
