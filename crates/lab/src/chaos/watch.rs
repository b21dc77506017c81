//! Whether all is well again, as the overwatches themselves say: over the socket that each has for its own
//! user, so that no cut way is in between. Changes nothing.

use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, bail};
use api::domains::Domains;
use api::hand::Pins;
use api::peers::Peers;
use api::status::{ClusterStatus, Ready};
use serde::de::DeserializeOwned;

use super::etcd;
use super::words::Word;
use crate::files::{Lab, Layout};
use crate::http::{self, Url};
use crate::topology::{Role, Topology};

/// An overwatch that takes longer is not well.
const TIMEOUT: Duration = Duration::from_secs(1);

/// `Err`: the first thing that is not well.
pub(super) fn all_is_well(lab: &Lab, topology: &Topology) -> Result<(), String> {
    let mut digests = Vec::new();
    for host in topology.with_role(Role::Overwatch) {
        let found = look(lab, topology, &host.name);
        digests.push(found.map_err(|error| format!("{}: {error:#}", host.name))?);
    }
    digests.dedup();
    if digests.len() > 1 {
        return Err("the overwatches do not hold the same".to_owned());
    }
    Ok(())
}

/// What one of them holds: rows and servers, as digests.
fn look(lab: &Lab, topology: &Topology, name: &str) -> anyhow::Result<(String, String)> {
    let ready: Ready = fetch(lab, name, "/api/v1/ready")?;
    if !ready.ready || ready.peers_connected < ready.peers_known {
        bail!("{}", ready.message.as_deref().unwrap_or("not ready"));
    }
    let overwatches = topology.with_role(Role::Overwatch).count();
    if ready.peers_known + 1 < overwatches {
        bail!("it knows {} other overwatches", ready.peers_known);
    }
    let has_etcd = topology.host(etcd::HOST).is_some();
    if has_etcd && !ready.etcd.is_some_and(|etcd| etcd.in_step) {
        bail!("not in step with etcd");
    }
    let agents = topology.with_role(Role::Backend).count();
    let path = format!("/api/v1/cluster/status?expected_agents={agents}");
    let status: ClusterStatus = fetch(lab, name, &path)?;
    if status.healthy_agents < agents {
        bail!("{} of {agents} agents", status.healthy_agents);
    }
    let summary = status.backend_summary;
    if summary.healthy < summary.total || summary.total < agents {
        bail!("{} of {} servers", summary.healthy, agents.max(summary.total));
    }
    let peers: Peers = fetch(lab, name, "/api/v1/overwatch/peers")?;
    Ok((peers.rows_digest, peers.registry_digest))
}

/// What one of them holds of what operators said.
pub(super) fn held(lab: &Lab, name: &str) -> anyhow::Result<BTreeSet<Word>> {
    let pins: Pins = fetch(lab, name, "/api/v1/routing/pins")?;
    let domains: Domains = fetch(lab, name, "/api/v1/domains")?;
    let pins = pins.pins.iter().filter(|pin| pin.in_effect);
    let pins = pins.filter_map(|pin| Word::of_network(&pin.network));
    let domains = domains.domains.iter().filter_map(|domain| Word::of_domain(&domain.name));
    Ok(pins.chain(domains).collect())
}

fn fetch<T: DeserializeOwned>(lab: &Lab, host: &str, path: &str) -> anyhow::Result<T> {
    let socket = lab.seen_from_outside(&Layout::new(&lab.directory).api(host));
    let stream = UnixStream::connect(socket).context("no API")?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let url = Url { host: "localhost", port: 80, path };
    let response = http::exchange(&stream, &url).context("no answer")?;
    // What is not ready says so with 503, and why.
    serde_json::from_slice(&response.body).with_context(|| format!("status {}", response.status))
}
