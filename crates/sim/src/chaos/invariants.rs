//! What must hold, whatever goes wrong.
//!
//! After every step of an overwatch: each server belongs to the agent that stands there and to nobody else;
//! no answer names a server that this overwatch knows to be down, unless the domain's policy says so and
//! the reason tells; a word that was acknowledged holds; the table is within its bounds. After each heal: all
//! overwatches hold the same rows and servers, all that was learned since its agent began is there, what is
//! down is known to be, and scopes do not overlap.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use health::{Authority, Standing};
use model::{AgentId, Subnet, Time};
use overwatch::{Asker, Outcome, Overwatch, Transport, View, Worker, resolve};

use super::nodes::{End, Node};
use super::site;
use super::world::World;
use crate::resolver;

/// Something did not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, {after_ms} ms in, step {step}: {what}: {detail}")]
pub struct Broken {
    /// The seed; the same settings with it break the same.
    pub seed: u64,
    /// Milliseconds of virtual time since the beginning.
    pub after_ms: u64,
    /// The event.
    pub step: u64,
    /// What should have held.
    pub what: &'static str,
    /// What was so instead.
    pub detail: String,
}

/// What did not hold, before it is known when.
pub(super) type Fault = (&'static str, String);

/// Client networks that are asked for.
pub(super) fn network(number: usize) -> Subnet {
    let third = u8::try_from(number).unwrap_or(u8::MAX);
    Subnet::of(IpAddr::from([20, 0, third, 0]), 24)
}

/// What an overwatch says to a client network.
pub(super) struct Said {
    pub(super) address: Option<Ipv4Addr>,
    pub(super) scope: Option<u8>,
    pub(super) reason: &'static str,
}

/// Asks an overwatch.
pub(super) fn ask(view: &View, client: Subnet, now: Time) -> Said {
    let resolver = IpAddr::from([192, 0, 2, 53]);
    let asker = Asker { address: resolver, local: resolver, transport: Transport::Udp, now };
    let mut buffer = [0; 1_500];
    let query = resolver::query(Some(client), 1);
    let reply = resolve(view, &asker, &query, &mut Worker::new(None), &mut buffer);
    let reason = match &reply.outcome {
        Outcome::Steered { decision, .. } => decision.reason.as_str(),
        _ => "-",
    };
    let answer = resolver::read(reply.bytes);
    let (address, scope) = answer.map_or((None, None), |answer| (answer.address, answer.scope));
    Said { address, scope, reason }
}

/// After a step of an overwatch. `clients` are asked for.
pub(super) fn check_step(node: &Node, clients: &[Subnet], now: Time) -> Result<(), Fault> {
    let Some(value) = &node.value else { return Ok(()) };
    let at = node.clock.at(now);
    let table = value.table();
    if table.len() > node.settings.table.rows_max {
        return Err(("memory stays under its bound", format!("{} rows", table.len())));
    }
    for (key, agent, (_, by)) in value.standings() {
        let IpAddr::V4(address) = key.address else { continue };
        let owner = site::agent_at(address);
        if agent.is_some_and(|agent| !site::is_agent(agent, owner)) {
            let detail = format!("{address} is held by {agent:?}");
            return Err(("no agent speaks for another", detail));
        }
        let said = node.words.get(&owner).and_then(super::nodes::Words::last);
        if said.is_some() != (by == Authority::Override) {
            let detail = format!("{address}: said {said:?}, but {} decides", by.as_str());
            return Err(("acknowledged words hold", detail));
        }
    }
    let Some(view) = &node.view else { return Ok(()) };
    for client in clients {
        let Said { address, reason, .. } = ask(view, *client, at);
        let Some(address) = address else { continue };
        let mut named = value.standings().filter(|(key, ..)| key.address == address);
        let standing = named.next().map(|(_, _, (standing, _))| standing);
        let is_up = matches!(standing, Some(Standing::Up | Standing::Doubtful));
        if !is_up && !matches!(reason, "last_healthy" | "all_servers") {
            let status = standing.map_or("not known", Standing::as_str);
            let detail = format!("{address} is {status} and named by {reason}");
            return Err(("no answer names a server that is known to be down", detail));
        }
    }
    Ok(())
}

impl World {
    /// Ten seconds after everything healed.
    pub(super) fn compare(&mut self) -> Result<(), Fault> {
        let new: Vec<usize> =
            (0..self.nodes.len()).filter(|number| !self.is_old(*number)).collect();
        let mut first: Option<(usize, String, String)> = None;
        for number in new {
            let Some(value) = self.value(number) else { continue };
            let document = value.peer_document(self.now);
            let (rows, registry) = (document.rows_digest, document.registry_digest);
            match &first {
                None => first = Some((number, rows, registry)),
                Some((other, same_rows, same_registry)) => {
                    if rows != *same_rows {
                        let detail = self.rows_of(*other, number);
                        return Err(("rows converge", detail));
                    }
                    if registry != *same_registry {
                        let detail = self.servers_of(*other, number);
                        return Err(("registries converge", detail));
                    }
                }
            }
        }
        for number in 0..self.nodes.len() {
            self.check_healed(number)?;
        }
        Ok(())
    }

    fn check_healed(&self, number: usize) -> Result<(), Fault> {
        let (Some(value), Some(node)) = (self.value(number), self.nodes.get(number)) else {
            return Ok(());
        };
        for (agent, host) in self.hosts.iter().enumerate() {
            let Ok(id) = site::agent_id(agent) else { continue };
            let rows = value.table().rows_of(&id) + value.table().rows_waiting(&id);
            if rows < host.seen.len() {
                let detail = format!(
                    "overwatch {number} has {rows} rows of {id}, which saw {}",
                    host.seen.len()
                );
                return Err(("what is learned is told", detail));
            }
            let address = site::address(agent).to_string();
            let backends = value.backend_list(node.clock.at(self.now)).backends;
            let Some(backend) = backends.iter().find(|backend| backend.address == address) else {
                let detail = format!("overwatch {number} does not know {address}");
                return Err(("every server is known", detail));
            };
            let is_up = backend.effective_status == "healthy";
            if backend.authority != "override" && is_up != host.is_healthy {
                let detail = format!(
                    "overwatch {number}: {address} is {} by {}, its check says {}",
                    backend.effective_status, backend.authority, host.is_healthy
                );
                return Err(("what is down is known to be", detail));
            }
        }
        self.check_scopes(node)
    }

    /// Two scopes are disjoint or the same.
    fn check_scopes(&self, node: &Node) -> Result<(), Fault> {
        let Some(view) = &node.view else { return Ok(()) };
        let mut scopes: BTreeSet<Subnet> = BTreeSet::new();
        for number in 0..self.networks() {
            let client = network(number);
            let said = ask(view, client, node.clock.at(self.now));
            let Some(scope) = said.scope.filter(|_| said.address.is_some()) else { continue };
            scopes.insert(Subnet::of(client.address(), scope.min(24)));
        }
        let mut last: Option<Subnet> = None;
        // In the order of subnets a wider one stands before those in it.
        for scope in scopes {
            if let Some(wider) = last.filter(|last| last.contains(scope.address())) {
                return Err(("scopes do not overlap", format!("{wider} and {scope}")));
            }
            last = Some(scope);
        }
        Ok(())
    }

    pub(super) fn value(&self, number: usize) -> Option<&Overwatch> {
        self.nodes.get(number)?.value.as_ref()
    }

    pub(super) fn is_old(&self, number: usize) -> bool {
        self.nodes.get(number).is_some_and(|node| node.is_old)
    }

    /// How two overwatches differ, for who looks for the fault.
    fn rows_of(&self, one: usize, other: usize) -> String {
        let mut lines = Vec::new();
        for agent in 0..self.hosts.len() {
            let Ok(id) = site::agent_id(agent) else { continue };
            let of = |number: usize| {
                let table = self.value(number).map(Overwatch::table);
                let rows = table.map(|table| (table.rows_of(&id), table.digest(&id)));
                (rows, table.and_then(|table| table.position(&id)))
            };
            if of(one) != of(other) {
                let (here, there) = (self.agent_at(one, &id), self.agent_at(other, &id));
                lines.push(format!(
                    "{id}: {:?} at {one} ({here}), {:?} at {other} ({there})",
                    of(one),
                    of(other)
                ));
            }
        }
        lines.join("; ") + &self.sessions_of(one) + &self.sessions_of(other)
    }

    /// How an agent stands with an overwatch.
    fn agent_at(&self, number: usize, id: &AgentId) -> String {
        let list = self.value(number).map(|value| value.agent_list(self.now).agents);
        let known = list.into_iter().flatten().find(|agent| agent.agent_id == id.as_str());
        let status = known.map_or_else(|| "unknown".to_owned(), |agent| agent.status);
        let told =
            self.value(number).and_then(|value| value.table().report_after(id, None, 10_000));
        let rows = told.iter().flat_map(|(_, report)| &report.ports).flat_map(|port| &port.rows);
        let rows: Vec<String> = rows
            .map(|row| {
                let (samples, observed) =
                    (row.samples, row.observed_at.ms_since(super::faults::START));
                format!("{} {} {samples} {observed}", row.subnet, row.rtt_us.us())
            })
            .collect();
        format!("{status}: {}", rows.join(", "))
    }

    fn servers_of(&self, one: usize, other: usize) -> String {
        let of = |number: usize| -> BTreeSet<String> {
            let list = self.value(number).map(|value| value.backend_list(self.now).backends);
            let lines = list.into_iter().flatten().map(|backend| {
                let (agent, claim) = (backend.agent_id, backend.agent_healthy);
                format!("{} {agent:?} {claim:?} {}", backend.address, backend.effective_status)
            });
            lines.collect()
        };
        let (one_has, other_has) = (of(one), of(other));
        let differ: Vec<&String> = one_has.symmetric_difference(&other_has).collect();
        format!(
            "{one} and {other} differ: {differ:?}{}{}",
            self.sessions_of(one),
            self.sessions_of(other)
        )
    }

    fn sessions_of(&self, number: usize) -> String {
        let peers = self.value(number).map(Overwatch::peer_list).unwrap_or_default();
        let at = self.nodes.get(number).map_or(self.now, |node| node.clock.at(self.now));
        let since = peers.iter().map(|peer| peer.since.map(|since| at.ms_since(since)));
        let since: Vec<Option<u64>> = since.collect();
        let wires = self.wires.of(End::Overwatch(number)).len();
        format!("; {number} reaches others for ms {since:?} and has {wires} connections")
    }
}
