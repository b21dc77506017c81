//! What resolvers will see of steered names: with a client's network in the question, and without.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::Name;
use crate::book::{Book, Reply};
use crate::finding::{Check, Finding, list};
use crate::message::{Data, Message};
use crate::nameservers::{ADDRESSES, Server};
use crate::plan::{Network, Plan};
use crate::question::{Edns, Question};
use crate::walk::{NOERROR, rcode};

/// Names that are asked for: the report is for eyes.
const NAMES_MAX: usize = 64;
/// Clients that are asked for.
const CLIENTS_MAX: usize = 8;
/// A TTL above it holds clients at a dead site for more than five minutes.
const TTL_S_MAX: u32 = 300;

/// Asks every server for every name.
pub(crate) fn answers(
    (plan, book): (&Plan, &mut Book),
    servers: &[Server],
    findings: &mut Vec<Finding>,
) -> Option<()> {
    let check = Check::Answers;
    if plan.names.is_empty() {
        let next = "name one with --name, or an overwatch that knows them with --overwatch";
        findings.push(Finding::unknown(check, "no steered name is known", next));
        return Some(());
    }
    if servers.is_empty() {
        let next = "mend the checks above first";
        findings.push(Finding::unknown(check, "no address could be asked", next));
        return Some(());
    }
    let names = plan.names.iter().take(NAMES_MAX);
    let seen: Vec<Option<Finding>> =
        names.map(|name| of_name((plan, &mut *book), name, servers)).collect();
    findings.extend(seen.into_iter().collect::<Option<Vec<_>>>()?);
    let more = plan.names.len().saturating_sub(NAMES_MAX);
    if more > 0 {
        let found = format!("{more} more names were not asked for");
        findings.push(Finding::unknown(check, found, "name those that matter with --name"));
    }
    Some(())
}

/// What is gathered of one name.
#[derive(Default)]
struct Seen {
    wrong: Vec<String>,
    /// How long each server lets the name's own records be kept, at most: while it tries a region it
    /// says less, and what an alias leads to has a TTL of its own.
    ttls: BTreeMap<IpAddr, u32>,
    without_client: BTreeSet<String>,
    with_client: BTreeMap<Network, (BTreeSet<String>, BTreeSet<u8>)>,
    ignoring_clients: BTreeSet<IpAddr>,
    /// Addresses whose answers held a record of any type asked for.
    answered: BTreeSet<(IpAddr, Option<Network>)>,
}

fn of_name((plan, book): (&Plan, &mut Book), name: &Name, servers: &[Server]) -> Option<Finding> {
    let mut seen = Seen::default();
    let clients = plan.clients.iter().take(CLIENTS_MAX).map(|client| Some(*client));
    let clients: Vec<Option<Network>> = std::iter::once(None).chain(clients).collect();
    let mut asked = Vec::new();
    for server in servers {
        for client in &clients {
            let edns = Some(Edns { client: *client, ..Edns::PLAIN });
            let question = |kind| Question::new(server.socket, name, kind).with(edns);
            asked.extend(ADDRESSES.map(|kind| (server.socket.ip(), *client, question(kind))));
        }
    }
    let replies = book.ask_all_in_full(asked.iter().map(|(_, _, question)| question.clone()))?;
    for ((server, client, question), reply) in asked.iter().zip(&replies) {
        take(&mut seen, (*server, *client), question, reply);
    }
    for server in servers.iter().map(|server| server.socket.ip()) {
        for client in &clients {
            let has_failed = seen.wrong.iter().any(|wrong| wrong.starts_with(&server.to_string()));
            if !has_failed && !seen.answered.contains(&(server, *client)) {
                seen.wrong.push(format!("{server} has no address for it"));
            }
        }
    }
    seen.wrong.dedup();
    Some(judge(name, &seen))
}

fn take(
    seen: &mut Seen,
    (server, client): (IpAddr, Option<Network>),
    question: &Question,
    reply: &Reply,
) {
    let kind = question.kind;
    let said: &Message = match reply {
        Reply::Message(said) if said.rcode == NOERROR => said,
        Reply::Message(said) => {
            seen.wrong.push(format!("{server} says {} for {kind}", rcode(said.rcode)));
            return;
        }
        Reply::Failed(failure) => {
            seen.wrong.push(format!("{server}: {failure} for {kind}"));
            return;
        }
    };
    let scope = said.opt.and_then(|opt| opt.scope);
    let shown: BTreeSet<String> =
        said.answer.iter().filter_map(|record| shown(&record.data)).collect();
    for record in said.answer.iter().filter(|record| record.owner == question.name) {
        let longest = seen.ttls.entry(server).or_default();
        *longest = record.ttl_s.max(*longest);
    }
    if !shown.is_empty() {
        seen.answered.insert((server, client));
    }
    match client {
        None => seen.without_client.extend(shown),
        Some(client) => {
            let (addresses, scopes) = seen.with_client.entry(client).or_default();
            addresses.extend(shown);
            scopes.extend(scope);
            if scope.is_none() {
                seen.ignoring_clients.insert(server);
            }
        }
    }
}

fn shown(data: &Data) -> Option<String> {
    match data {
        Data::Address(address) => Some(address.to_string()),
        Data::Alias(name) => Some(name.to_string()),
        _ => None,
    }
}

fn judge(name: &Name, seen: &Seen) -> Finding {
    let check = Check::Answers;
    if !seen.wrong.is_empty() {
        let found = format!("{name}: {}", list(&seen.wrong));
        return Finding::bad(check, found, "opengslb-cli servers shows which are up, and why not");
    }
    let mut ttls: BTreeMap<u32, BTreeSet<IpAddr>> = BTreeMap::new();
    for (server, ttl_s) in &seen.ttls {
        ttls.entry(*ttl_s).or_default().insert(*server);
    }
    let mut longest = ttls.keys();
    let (Some(ttl_s), None) = (longest.next(), longest.next()) else {
        let differences = crate::agreement::differences(&ttls, u32::to_string);
        let found = format!("{name}: TTLs differ, {differences}");
        return Finding::bad(check, found, "bring the same configuration to every overwatch");
    };
    let mut found = format!("{name}: {} TTL {ttl_s}", list(&seen.without_client));
    for (client, (addresses, scopes)) in &seen.with_client {
        found += &format!("; for {client}: {}", list(addresses));
        if !scopes.is_empty() {
            found += &format!(" scope /{}", list(scopes));
        }
    }
    if !seen.ignoring_clients.is_empty() {
        let found = format!("{found}; {} takes no client networks", list(&seen.ignoring_clients));
        let next =
            "see dns.ecs: by a resolver's address alone its far clients go to the wrong site";
        return Finding::note(check, found, next);
    }
    match ttl_s {
        0 => Finding::note(check, found, "nothing is kept by resolvers: each client costs a query"),
        ttl_s if *ttl_s > TTL_S_MAX => {
            let next = "set a ttl of at most 300: clients of a dead site wait as long";
            Finding::note(check, found, next)
        }
        _ => Finding::good(check, found),
    }
}
