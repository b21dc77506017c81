//! An overwatch's numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::overwatch::Overwatch;
use config::OverwatchConfig;
use model::Time;
use routing::{Learning, LearningCounters, Spill};

use super::super::reload::ReloadCounters;
use super::super::table_file::Kept;
use super::of_process;
use crate::answer::AnswerCounters;
use crate::clock;
use crate::dns::{TcpCounters, UdpCounters};
use crate::metrics::families::{dns as queries, learning, mesh, routing as decisions, signing};
use crate::metrics::{Configured, Page};
use crate::query_log::QueryLogCounters;
use crate::tally::Answered;

/// The DNS side's numbers.
pub(in crate::process) struct Dns {
    pub(in crate::process) answers: AnswerCounters,
    pub(in crate::process) answered: Vec<Answered>,
    pub(in crate::process) udp: UdpCounters,
    pub(in crate::process) tcp: TcpCounters,
    /// None where the kernel does not say.
    pub(in crate::process) kernel_drops: Option<u64>,
    /// None where no query is written down.
    pub(in crate::process) query_log: Option<QueryLogCounters>,
}

/// What bounds the labels of an overwatch's page.
pub(super) fn configured(config: &OverwatchConfig) -> Configured {
    let domains = config.domains.iter().map(|domain| domain.name.clone());
    let regions = config.regions.iter().map(ToString::to_string);
    Configured::new(domains, regions)
}

/// All of them; without DNS while another process still answers.
pub(in crate::process) fn overwatch(
    node: &Overwatch,
    dns: Option<&Dns>,
    config: &OverwatchConfig,
    (reloads, now): (&ReloadCounters, Time),
) -> Page {
    let mut page = Page::new(Arc::new(configured(config)));
    of_process(&mut page, reloads, now);
    if let Some(dns) = dns {
        of_dns(&mut page, dns);
        of_connections(&mut page, &dns.tcp);
    }
    page.set(&decisions::DOMAINS, config.domains.len() as u64);
    page.set(&decisions::SERVERS, config.servers.len() as u64);
    of_backends(&mut page, node, now);
    of_capacity(&mut page, node);
    of_table(&mut page, node);
    of_learning(&mut page, node);
    of_mesh(&mut page, node);
    of_signing(&mut page, node, config, now);
    page
}

/// How things stand, in one line for a service manager.
pub(in crate::process) fn status(node: &Overwatch, is_answering: bool, now: Time) -> String {
    let cluster = node.cluster_status(None, now);
    let (backends, agents) = (cluster.backend_summary, cluster.agents.len());
    let does = if is_answering { "answering DNS" } else { "waiting for agents" };
    format!(
        "{does}; {} of {agents} agents there, {} of {} backends in the answers",
        cluster.healthy_agents, backends.healthy, backends.total
    )
}

fn of_dns(page: &mut Page, dns: &Dns) {
    let Dns { answers, answered, udp, tcp, kernel_drops, query_log } = dns;
    page.each(&queries::QUERIES, answers.kinds.iter().copied());
    page.each(&queries::QUERY_TYPES, answers.types.iter().copied());
    page.ranges(&queries::UDP_DURATION, &udp.durations.ranges, udp.durations.sum_ns);
    page.each(&queries::COOKIE_STANDINGS, answers.cookies.iter().copied());
    page.each(&queries::ANSWERS_LIMITED, answers.limited.iter().copied());
    page.set(&queries::UDP_RECEIVED, udp.received);
    page.set(&queries::UDP_SENT, udp.sent);
    page.set(&queries::UDP_TOO_LONG, udp.too_long);
    let errors = [("receive", udp.receive_errors), ("send", udp.send_errors)];
    page.each(&queries::UDP_ERRORS, errors);
    if let Some(drops) = kernel_drops {
        page.set(&queries::UDP_KERNEL_DROPS, *drops);
    }
    page.set(&queries::PANICS, udp.panics + tcp.panics);
    if let Some(log) = query_log {
        page.set(&queries::QUERY_LOG_WRITTEN, log.written);
        let lost = [("full", log.full), ("no_reader", log.no_reader)];
        page.each(&queries::QUERY_LOG_LOST, lost);
    }
    page.each(&decisions::DECISIONS, answers.reasons.iter().copied());
    for Answered { domain, region, answers } in answered {
        page.add(&decisions::ANSWERS, &[domain, region], *answers);
    }
    page.set(&decisions::UNLOGGED, answers.unlogged);
    page.each(&decisions::SHADOW_DECISIONS, answers.shadowed.iter().copied());
    page.each(&decisions::SHADOW_MS, answers.shadow_ms.iter().copied());
}

fn of_connections(page: &mut Page, tcp: &TcpCounters) {
    page.set(&queries::TCP_ACCEPTED, tcp.accepted);
    page.set(&queries::TCP_ANSWERED, tcp.answered);
    page.set(&queries::TCP_CONNECTIONS, tcp.open);
    page.set(&queries::TCP_CONNECTIONS_MAX, tcp.connections_max);
    page.each(&queries::TCP_CLOSED, tcp.closed);
    let errors = [("no_descriptor", tcp.without_descriptor), ("other", tcp.accept_errors)];
    page.each(&queries::TCP_ACCEPT_ERRORS, errors);
}

/// The servers, by region and together.
fn of_backends(page: &mut Page, node: &Overwatch, now: Time) {
    let mut regions: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for backend in node.backend_list(now).backends {
        let (known, healthy) = regions.entry(backend.region).or_default();
        *known += 1;
        *healthy += u64::from(backend.effective_status == "healthy");
    }
    let of = |pick: fn(&(u64, u64)) -> u64| {
        regions.iter().map(move |(region, counts)| (region.as_str(), pick(counts)))
    };
    page.each(&decisions::REGION_BACKENDS, of(|counts| counts.0));
    page.each(&decisions::REGION_BACKENDS_HEALTHY, of(|counts| counts.1));
    let cluster = node.cluster_status(None, now);
    page.set(&decisions::BACKENDS, cluster.backend_summary.total as u64);
    page.set(&decisions::BACKENDS_HEALTHY, cluster.backend_summary.healthy as u64);
    page.set(&decisions::BACKENDS_STALE, cluster.backend_summary.stale as u64);
    page.set(&decisions::CHECKS, node.counters().checks);
    page.set(&mesh::REGISTERED, cluster.agents.len() as u64);
    page.set(&mesh::CONNECTED, cluster.healthy_agents as u64);
}

/// How full regions are that have a limit: the largest share sent on of any domain.
fn of_capacity(page: &mut Page, node: &Overwatch) {
    let regions = node.full_regions();
    let of = |value: fn(&Spill) -> Option<u64>| {
        regions.iter().filter_map(move |(at, spill)| Some((at.as_str(), value(spill)?)))
    };
    page.each(&decisions::REGION_CONNECTIONS, of(|spill| spill.open));
    page.each(&decisions::REGION_CAPACITY, of(|spill| Some(spill.capacity)));
    page.each(&decisions::REGION_SPILLED, of(|spill| Some(ppm(spill.share))));
}

fn of_table(page: &mut Page, node: &Overwatch) {
    let (table, counters) = (node.table(), node.table().counters());
    page.set(&learning::ENTRIES, table.len() as u64);
    page.set(&learning::REPORTS, counters.reports);
    let refused = counters.refused.iter().map(|(why, count)| (*why, *count));
    page.each(&learning::REPORTS_REFUSED, refused);
    page.set(&learning::ROWS_RECEIVED, counters.rows);
    page.set(&learning::ROWS_WAITING, counters.waiting);
    page.set(&learning::ENTRIES_PRUNED, counters.expired);
    page.set(&learning::ENTRIES_EVICTED, counters.evicted);
    page.set(&learning::ROWS_LEFT_OUT, counters.left_out);
}

/// What is kept of the table on disk; nothing where that is not wanted.
pub(in crate::process) fn of_kept(page: &mut Page, kept: Option<Kept>) {
    let Some(kept) = kept else { return };
    page.set(&learning::KEPT, kept.is_kept.into());
    page.set(&learning::KEPT_UNSAVED, kept.unsaved_ms / 1_000);
    page.set(&learning::KEPT_BYTES, kept.bytes);
    page.set(&learning::KEPT_SNAPSHOTS, kept.snapshots);
    page.set(&learning::KEPT_FAILURES, kept.failures);
}

/// What the learning of all domains did. Explored answers are counted by their reason.
fn of_learning(page: &mut Page, node: &Overwatch) {
    let sum = |count: fn(&LearningCounters) -> u64| {
        node.learning().map(|learning| count(&learning.counters())).sum::<u64>()
    };
    let share = node.learning().map(Learning::explored_share).fold(0.0, f64::max);
    let impossible = node.learning().map(|learning| learning.beliefs().impossible());
    page.set(&learning::EXPLORED_CONNECTIONS, sum(|counters| counters.explored_connections));
    page.set(&learning::EXPLORED_COST, sum(|counters| counters.explored_cost_ms));
    page.set(&learning::EXPLORED_SHARE, ppm(share));
    page.set(&learning::FOUND, sum(|counters| counters.found));
    page.set(&learning::GIVEN_UP, sum(|counters| counters.given_up));
    page.set(&learning::MOVED, sum(|counters| counters.moved));
    page.set(&learning::MOVES_PUT_OFF, sum(|counters| counters.moves_put_off));
    page.set(&learning::IMPOSSIBLE, impossible.sum::<usize>() as u64);
}

fn of_mesh(page: &mut Page, node: &Overwatch) {
    let counters = node.counters();
    page.set(&mesh::HELD, node.held_agents() as u64);
    let (peers, told) = (node.peer_list(), node.peer_counters());
    let connected = peers.iter().filter(|peer| peer.since.is_some());
    page.set(&mesh::PEERS, peers.len() as u64);
    page.set(&mesh::PEERS_CONNECTED, connected.count() as u64);
    page.each(&mesh::PEER_ROWS, [("heard", told.rows_heard), ("told", told.rows_told)]);
    page.each(&mesh::PEER_FACTS, [("heard", told.facts_heard), ("told", told.facts_told)]);
    page.set(&mesh::PEER_REFUSED, told.refused);
    page.set(&mesh::JOINED, counters.joined);
    page.set(&mesh::REGISTRATIONS, counters.registrations);
    let refusals = counters.refusals.iter().map(|(why, count)| (why.as_str(), *count));
    page.each(&mesh::REFUSED, refusals);
    let by_agents = counters.refused_by_agents.iter().map(|(why, count)| (why.as_str(), *count));
    page.each(&mesh::REFUSED_BY_AGENTS, by_agents);
}

/// Keys, and what is wrong with them.
fn of_signing(page: &mut Page, node: &Overwatch, config: &OverwatchConfig, now: Time) {
    let keys = node.signing_keys().map(|(state, count)| (state, count as u64));
    page.each(&signing::KEYS, keys);
    page.each(&signing::FAULTS, dnssec::Fault::NAMES.map(|name| (name, 0)));
    for fault in node.signing_faults(now) {
        page.add(&signing::FAULTS, &[fault.name()], 1);
    }
    if !config.dns.signed.is_empty() {
        // Signatures go by the machine's clock.
        page.set(&signing::EXPIRY, dnssec::window::Window::at(clock::wall()).expiration().unix_s());
    }
}

/// A share from 0 to 1 in millionths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
fn ppm(share: f64) -> u64 {
    (share * 1e6) as u64
}
