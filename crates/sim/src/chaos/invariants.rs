//! What must hold, whatever goes wrong.
//!
//! After every step of an overwatch: each server belongs to the agent that stands there and to nobody else;
//! no answer names a server that this overwatch knows to be down, unless the domain's policy says so and
//! the reason tells; a word that was acknowledged holds, and says what was said; a server that the overwatch
//! checks itself is what its check said; nothing is over its bound; and now and then, that scopes do not
//! overlap. After each heal: all overwatches hold the same rows and servers, what they hold is what the agents
//! saw ([`super::learned`]), what is down is known to be.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use health::{Authority, Standing};
use model::{AgentId, Subnet, Time};
use overwatch::{Asker, Outcome, Overwatch, Transport, View, Worker, resolve};

use super::clients::NETWORKS;
use super::nodes::{End, Host, Node, Words};
use super::seam::{Passing, Seam};
use super::site::{self, Room};
use super::world::World;
use crate::resolver;

/// How often bounds are looked at that cost more than a number, in steps of an overwatch.
const BOUNDS_EVERY: u64 = 16;
/// How often all scopes are, likewise: a look costs as much as sixteen steps.
const SCOPES_EVERY: u64 = 64;
/// Words of operators that are kept: [`overwatch::AuditLine`]s.
const AUDIT_MAX: usize = 1_000;

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

const BOUND: &str = "memory stays under its bound";

/// Client networks that are asked for.
pub(super) fn network(number: usize) -> Subnet {
    let third = u8::try_from(number).unwrap_or(u8::MAX);
    Subnet::of(IpAddr::from([20, 0, third, 0]), 24)
}

/// What an overwatch says to a client network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) address: Option<Ipv4Addr>,
    pub(super) scope: Option<u8>,
    pub(super) reason: &'static str,
}

/// Asks an overwatch.
fn ask(seam: &mut Seam, view: &View, client: Subnet, now: Time) -> Said {
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
    let mut said = Said { address, scope, reason };
    seam.passes(Passing::Answer(client, &mut said));
    said
}

/// After a step of an agent.
pub(super) fn check_agent(host: &Host, room: Room) -> Result<(), Fault> {
    match host.value.as_ref().and_then(agent::Agent::learning) {
        Some((_, rows)) if rows > room.of_agent => {
            Err((BOUND, format!("an agent has {rows} rows, of {} at most", room.of_agent)))
        }
        _ => Ok(()),
    }
}

impl World {
    /// After a step of an overwatch. `clients` are asked for.
    pub(super) fn check_step(&mut self, number: usize, clients: &[Subnet]) -> Result<(), Fault> {
        let Some(node) = self.nodes.get(number) else { return Ok(()) };
        let Some(value) = &node.value else { return Ok(()) };
        let rows = value.table().len();
        if rows > self.room.in_all {
            return Err((BOUND, format!("{rows} rows, of {} at most", self.room.in_all)));
        }
        if node.steps.is_multiple_of(BOUNDS_EVERY) {
            self.check_bounds(node, value)?;
        }
        check_standings(node, value)?;
        let at = node.clock.at(self.now);
        for client in clients {
            check_answer(&mut self.seam, (node, value), *client, at)?;
        }
        if node.steps.is_multiple_of(SCOPES_EVERY) {
            check_scopes(&mut self.seam, node, at)?;
        }
        Ok(())
    }

    /// What an overwatch holds and keeps in proportion to agents, servers and words.
    fn check_bounds(&self, node: &Node, value: &Overwatch) -> Result<(), Fault> {
        let (agents, table) = (self.ids.len(), value.table());
        for id in &self.ids {
            let (rows, waiting) = (table.rows_of(id), table.rows_waiting(id));
            if rows.max(waiting) > self.room.of_agent {
                let detail = format!("{rows} rows of {id}, and {waiting} that wait");
                return Err((BOUND, detail));
            }
        }
        let (kept, servers) = (&node.disk.kept, value.standings().count());
        let counts = [
            ("servers", servers, agents),
            ("servers that are kept", kept.backends.len().max(kept.health.len()), agents),
            ("pins", kept.pins.len(), agents),
            ("words in force", kept.hand.len(), agents),
            ("words", kept.audit.len(), AUDIT_MAX),
            ("overwatches", value.peer_list().len(), self.nodes.len()),
            ("checks", node.watched.len(), agents),
        ];
        let over = counts.into_iter().find(|(_, count, most)| count > most);
        over.map_or(Ok(()), |(of, count, most)| Err((BOUND, format!("{count} {of}, not {most}"))))
    }

    /// Ten seconds after everything healed.
    pub(super) fn compare(&mut self) -> Result<(), Fault> {
        let mut first: Option<(usize, String, String)> = None;
        let mut same = None;
        for number in 0..self.nodes.len() {
            self.check_healed(number)?;
            let rows = self.check_rows(number)?;
            if self.is_old(number) {
                continue;
            }
            let Some(value) = self.value(number) else { continue };
            let document = value.peer_document(self.now);
            let (digest, registry) = (document.rows_digest, document.registry_digest);
            let (other, same_digest, same_registry) =
                first.get_or_insert_with(|| (number, digest.clone(), registry.clone()));
            let same = same.get_or_insert_with(|| rows.clone());
            let is_same = if self.room.fits_agent() {
                // Where there is no room for all, who comes first has it.
                !self.room.fits_all(self.hosts.len()) || digest == *same_digest && rows == *same
            } else {
                same.iter().zip(&rows).all(|(one, other)| self.are_alike_at_the_bound(one, other))
            };
            if !is_same {
                let detail = self.differing_rows(*other, number);
                return Err(("rows converge", detail));
            }
            if registry != *same_registry {
                let detail = self.servers_of(*other, number);
                return Err(("registries converge", detail));
            }
        }
        Ok(())
    }

    fn check_healed(&mut self, number: usize) -> Result<(), Fault> {
        let (Some(value), Some(node)) = (self.value(number), self.nodes.get(number)) else {
            return Ok(());
        };
        let at = node.clock.at(self.now);
        let backends = value.backend_list(at).backends;
        for (agent, host) in self.hosts.iter().enumerate() {
            let address = site::address(agent).to_string();
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
        check_scopes(&mut self.seam, node, at)
    }

    pub(super) fn value(&self, number: usize) -> Option<&Overwatch> {
        self.nodes.get(number)?.value.as_ref()
    }

    pub(super) fn is_old(&self, number: usize) -> bool {
        self.nodes.get(number).is_some_and(|node| node.is_old)
    }

    fn servers_of(&self, one: usize, other: usize) -> String {
        let of = |number: usize| -> BTreeSet<String> {
            let list = self.value(number).map(|value| value.backend_list(self.now).backends);
            let lines = list.into_iter().flatten().map(|backend| {
                let (agent, claim) = (backend.agent_id, backend.agent_healthy);
                let by_id = |id: &&AgentId| agent.as_deref() == Some(id.as_str());
                let agent = self.ids.iter().find(by_id);
                let there = agent.map(|id| self.status_at(number, id));
                format!(
                    "{} {agent:?} {there:?} {claim:?} weighs {}, {} by {}",
                    backend.address, backend.weight, backend.effective_status, backend.authority
                )
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

    pub(super) fn sessions_of(&self, number: usize) -> String {
        let peers = self.value(number).map(Overwatch::peer_list).unwrap_or_default();
        let at = self.nodes.get(number).map_or(self.now, |node| node.clock.at(self.now));
        let since = peers.iter().map(|peer| peer.since.map(|since| at.ms_since(since)));
        let since: Vec<Option<u64>> = since.collect();
        let wires = self.wires.of(End::Overwatch(number)).len();
        format!("; {number} reaches others for ms {since:?} and has {wires} connections")
    }
}

/// Whose each server is, and whose word decides about it.
fn check_standings(node: &Node, value: &Overwatch) -> Result<(), Fault> {
    for (key, agent, (standing, by)) in value.standings() {
        let IpAddr::V4(address) = key.address else { continue };
        let owner = site::agent_at(address);
        if agent.is_some_and(|agent| !site::is_agent(agent, owner)) {
            let detail = format!("{address} is held by {agent:?}");
            return Err(("no agent speaks for another", detail));
        }
        let said = node.words.get(&owner).and_then(Words::last);
        let is_up = standing == Standing::Up;
        if said != (by == Authority::Override).then_some(is_up) {
            let (standing, by) = (standing.as_str(), by.as_str());
            let detail = format!("{address}: said {said:?}, but {by} makes it {standing}");
            return Err(("acknowledged words hold", detail));
        }
        let verdict = node.watched.get(&owner).and_then(|watched| watched.verdict);
        let is_heeded = match by {
            Authority::Validation => verdict.is_none_or(|verdict| verdict == is_up),
            Authority::Claim | Authority::Static => verdict.is_none(),
            // A goodbye stands above the check, and an operator above both.
            Authority::Override | Authority::Draining | Authority::Session => true,
        };
        if !is_heeded {
            let (standing, by) = (standing.as_str(), by.as_str());
            let detail = format!("{address}: checked as {verdict:?}, but {by} makes it {standing}");
            return Err(("an overwatch goes by its own check", detail));
        }
    }
    Ok(())
}

/// Whether an answer names what may be named.
fn check_answer(
    seam: &mut Seam,
    (node, value): (&Node, &Overwatch),
    client: Subnet,
    at: Time,
) -> Result<(), Fault> {
    let Some(view) = &node.view else { return Ok(()) };
    let Said { address, reason, .. } = ask(seam, view, client, at);
    let Some(address) = address else { return Ok(()) };
    let mut named = value.standings().filter(|(key, ..)| key.address == address);
    let standing = named.next().map(|(_, _, (standing, _))| standing);
    let is_up = matches!(standing, Some(Standing::Up | Standing::Doubtful));
    if !is_up && !matches!(reason, "last_healthy" | "all_servers") {
        let status = standing.map_or("not known", Standing::as_str);
        let detail = format!("{address} is {status} and named by {reason}");
        return Err(("no answer names a server that is known to be down", detail));
    }
    Ok(())
}

/// Two scopes are disjoint or the same.
fn check_scopes(seam: &mut Seam, node: &Node, at: Time) -> Result<(), Fault> {
    let Some(view) = &node.view else { return Ok(()) };
    let mut scopes: BTreeSet<Subnet> = BTreeSet::new();
    for client in (0..NETWORKS).map(network) {
        let said = ask(seam, view, client, at);
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
