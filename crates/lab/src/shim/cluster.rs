//! `test-cluster`: is everything connected and healthy?
//!
//! Three questions, asked for real: one over DNS, two to the API.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use domain::base::iana::Rtype;
use serde::de::DeserializeOwned;

use super::Here;
use crate::dns_client::{self, Question};
use crate::http::{self, Url};
use crate::topology::Role;

/// Where the lab's overwatches serve the API.
const API_PORT: u16 = 8080;
/// Everything here is at most a few hundred milliseconds away.
const TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn run() -> anyhow::Result<ExitCode> {
    let here = Here::find()?;
    let overwatch = here.topology.with_role(Role::Overwatch).next().context("no overwatch here")?;
    let (name, address) = (&overwatch.name, *overwatch.addresses.first().context("no address")?);
    let log = format!("see its log: opengslb lab exec {name} -- journalctl -u opengslb");
    let checks = [
        ("Overwatch DNS responding", dns(&here, address), log.clone()),
        ("All agents connected", agents(&here, address), "agents may need some seconds".into()),
        ("Health checks passing", backends(&here, address), log),
    ];
    let mut code = ExitCode::SUCCESS;
    for (title, result, advice) in checks {
        match result {
            Ok(()) => crate::say(&format!("✓ {title}")),
            Err(error) => {
                crate::say(&format!("✗ {title}: {error:#} ({advice})"));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn dns(here: &Here, overwatch: IpAddr) -> anyhow::Result<()> {
    let question = Question {
        server: SocketAddr::new(overwatch, 53),
        name: here.topology.domain.to_string(),
        kind: Rtype::A,
        subnet: None,
        tcp: false,
        timeout: TIMEOUT,
    };
    let answer = dns_client::ask(&question)?;
    let header = answer.message.header();
    if !answer.message.no_error() || dns_client::short(&answer.message)?.is_empty() {
        bail!("{} gives no address ({})", question.name, header.rcode());
    }
    Ok(())
}

fn agents(here: &Here, overwatch: IpAddr) -> anyhow::Result<()> {
    let expected = here.topology.with_role(Role::Backend).count();
    let path = format!("/api/v1/cluster/status?expected_agents={expected}");
    let status: api::status::ClusterStatus = fetch(overwatch, &path)?;
    if status.healthy_agents < expected {
        bail!("{} of {expected} are", status.healthy_agents);
    }
    Ok(())
}

fn backends(here: &Here, overwatch: IpAddr) -> anyhow::Result<()> {
    let list: api::backends::Backends = fetch(overwatch, "/api/v1/overwatch/backends")?;
    if let Some(down) = list.backends.iter().find(|b| b.effective_status != "healthy") {
        bail!("{} is {}", down.address, down.effective_status);
    }
    for host in here.topology.with_role(Role::Backend) {
        let known = |address: &IpAddr| {
            list.backends.iter().any(|backend| backend.address.parse() == Ok(*address))
        };
        if !host.addresses.iter().any(known) {
            bail!("{} has announced no backend", host.name);
        }
    }
    Ok(())
}

fn fetch<T: DeserializeOwned>(overwatch: IpAddr, path: &str) -> anyhow::Result<T> {
    let host = overwatch.to_string();
    let response = http::get(&Url { host: &host, port: API_PORT, path }, TIMEOUT)?;
    if response.status != 200 {
        bail!("{path} answers with status {}", response.status);
    }
    serde_json::from_slice(&response.body).with_context(|| format!("the answer of {path}"))
}
