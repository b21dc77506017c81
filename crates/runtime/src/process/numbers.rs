//! What the nodes count, as metrics. Every label comes from a closed list.

use std::io;

use ::agent::Agent;
use ::overwatch::Overwatch;
use model::Time;
use routing::{Learning, LearningCounters, Spill};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tracing::info;

use crate::answer::AnswerCounters;
use crate::collect::CollectorCounters;
use crate::dns::{TcpCounters, UdpCounters};
use crate::metrics::{Kind, Metric, MetricsServer, Source};

/// Somebody who wants to see the numbers.
pub(super) type Asked = oneshot::Sender<Vec<Metric>>;

/// Where those who want to see the numbers stand.
pub(super) fn queue() -> (mpsc::Sender<Asked>, mpsc::Receiver<Asked>) {
    // Scrapes come one at a time; a few more wait.
    mpsc::channel(8)
}

/// Serves the numbers on a socket that listens. The loop answers those who ask.
pub(super) fn serve(listener: TcpListener, ask: mpsc::Sender<Asked>) -> io::Result<MetricsServer> {
    let server = MetricsServer::start(listener, Numbers(ask))?;
    info!("serving metrics on {}", server.local_address());
    Ok(server)
}

/// Asks the loop for its numbers.
struct Numbers(mpsc::Sender<Asked>);

impl Source for Numbers {
    async fn metrics(&self) -> Vec<Metric> {
        let (reply, numbers) = oneshot::channel();
        // A process that is going down has no numbers.
        if self.0.send(reply).await.is_err() {
            return Vec::new();
        }
        numbers.await.unwrap_or_default()
    }
}

/// An agent's numbers.
pub(super) fn agent(
    agent: &Agent,
    collector: Option<CollectorCounters>,
    sessions: usize,
) -> Vec<Metric> {
    let mut metrics =
        vec![info(), Metric::gauge("agent_sessions", "Sessions with overwatches", sessions as u64)];
    if let Some(kernel) = collector {
        metrics.extend([
            counter(
                "agent_latency_closed",
                "Closed connections that the kernel told of",
                kernel.events,
            ),
            counter(
                "agent_latency_lost",
                "Closed connections that the kernel could not tell of",
                kernel.lost,
            ),
            counter("agent_latency_dumps", "Dumps of open connections", kernel.dumps),
            counter("agent_latency_open", "Open connections that dumps showed", kernel.dumped),
            counter("agent_latency_collector_errors", "Failures to read the kernel", kernel.errors),
        ]);
    }
    if let Some((learned, rows)) = agent.learning() {
        let refused = learned.refused.iter().map(|(why, count)| (why.as_str(), count));
        metrics.extend([
            counter("agent_latency_observations", "Readings that counted", learned.admitted),
            Metric::counters(
                "agent_latency_observations_dropped",
                "Readings that did not count",
                "reason",
                refused,
            ),
            Metric::gauge("agent_latency_subnets_tracked", "Client networks known", rows as u64),
            counter(
                "agent_latency_subnets_evicted",
                "Client networks that made room",
                learned.evicted,
            ),
            counter(
                "agent_latency_subnets_pruned",
                "Client networks not seen for long",
                learned.expired,
            ),
            counter("agent_latency_rows_published", "Rows told whole", learned.published),
            counter("agent_latency_rows_refreshed", "Rows told as seen again", learned.refreshed),
        ]);
    }
    metrics
}

/// The DNS side's numbers.
pub(super) struct Dns {
    pub(super) answers: AnswerCounters,
    pub(super) udp: UdpCounters,
    pub(super) tcp: TcpCounters,
}

/// An overwatch's numbers; without DNS while another process still answers.
pub(super) fn overwatch(node: &Overwatch, dns: Option<&Dns>, now: Time) -> Vec<Metric> {
    let mut metrics = vec![info()];
    if let Some(dns) = dns {
        metrics.extend(of_dns(dns));
        metrics.extend(of_connections(&dns.tcp));
    }
    metrics.extend(of_mesh(node));
    metrics.extend(of_table(node));
    metrics.extend(of_learning(node));
    metrics.extend(of_capacity(node));
    metrics.extend(of_signing(node, now));
    let cluster = node.cluster_status(None, now);
    let (agents, backends) = (cluster.agents.len() as u64, cluster.backend_summary);
    metrics.extend([
        Metric::gauge("overwatch_agents_registered", "Agents enrolled", agents),
        Metric::gauge("overwatch_agents_connected", "Agents there", cluster.healthy_agents as u64),
        Metric::gauge("overwatch_backends", "Backends known", backends.total as u64),
        Metric::gauge(
            "overwatch_backends_healthy",
            "Backends in the answers",
            backends.healthy as u64,
        ),
        Metric::gauge(
            "overwatch_backends_stale",
            "Backends nobody vouches for",
            backends.stale as u64,
        ),
    ]);
    metrics
}

fn of_dns(dns: &Dns) -> [Metric; 10] {
    let Dns { answers, udp, tcp } = dns;
    [
        Metric::counters(
            "dns_queries",
            "Queries by what they came to",
            "status",
            answers.kinds.iter().copied(),
        ),
        Metric::counters(
            "routing_decisions",
            "Decisions by reason",
            "reason",
            answers.reasons.iter().copied(),
        ),
        Metric::counters(
            "dns_cookies",
            "Queries by what their cookie proved",
            "standing",
            answers.cookies.iter().copied(),
        ),
        Metric::counters(
            "dns_answers_limited",
            "Answers that were too many for their network",
            "how",
            answers.limited.iter().copied(),
        ),
        counter("routing_decisions_unlogged", "Decisions without a log line", answers.unlogged),
        counter("dns_udp_received", "Datagrams received", udp.received),
        counter("dns_udp_sent", "Datagrams sent", udp.sent),
        counter("dns_udp_too_long", "Datagrams too long to be a query", udp.too_long),
        Metric::counters(
            "dns_udp_errors",
            "Datagrams that the system did not take or give",
            "on",
            [("receive", udp.receive_errors), ("send", udp.send_errors)],
        ),
        counter("dns_panics", "Answers lost to a fault in this program", udp.panics + tcp.panics),
    ]
}

fn of_connections(tcp: &TcpCounters) -> [Metric; 6] {
    [
        counter("dns_tcp_accepted", "Connections served", tcp.accepted),
        counter("dns_tcp_answered", "Queries answered on connections", tcp.answered),
        Metric::gauge("dns_tcp_connections", "Connections now", tcp.open),
        Metric::gauge("dns_tcp_connections_max", "Connections at most", tcp.connections_max),
        Metric::counters("dns_tcp_closed", "Connections that ended, by why", "why", tcp.closed),
        Metric::counters(
            "dns_tcp_accept_errors",
            "Newcomers that the system did not give",
            "why",
            [("no_descriptor", tcp.without_descriptor), ("other", tcp.accept_errors)],
        ),
    ]
}

fn of_mesh(node: &Overwatch) -> [Metric; 5] {
    let counters = node.counters();
    let refusals = counters.refusals.iter().map(|(why, count)| (why.as_str(), *count));
    let by_agents = counters.refused_by_agents.iter().map(|(why, count)| (why.as_str(), *count));
    [
        counter("mesh_joined", "Agents that joined", counters.joined),
        counter("mesh_registrations", "Registrations taken", counters.registrations),
        Metric::counters("mesh_refused", "What was refused to agents", "reason", refusals),
        Metric::counters(
            "mesh_refused_by_agents",
            "Sessions that agents ended in the handshake",
            "reason",
            by_agents,
        ),
        counter("overwatch_validation_checks", "Own checks that finished", counters.checks),
    ]
}

fn of_table(node: &Overwatch) -> [Metric; 8] {
    let table = node.table();
    let held = node.held_agents() as u64;
    let counters = table.counters();
    let refused = counters.refused.iter().map(|(why, count)| (*why, *count));
    [
        Metric::gauge("overwatch_latency_table_entries", "Rows held", table.len() as u64),
        counter("overwatch_latency_reports_received", "Reports taken", counters.reports),
        counter("overwatch_latency_rows_received", "Rows set", counters.rows),
        counter("overwatch_latency_entries_pruned", "Rows too old", counters.expired),
        counter("overwatch_latency_rows_waiting", "Rows that did not count yet", counters.waiting),
        Metric::gauge("overwatch_agents_held", "Agents that are not believed", held),
        counter("overwatch_latency_entries_evicted", "Rows that made room", counters.evicted),
        Metric::counters("overwatch_latency_reports_refused", "Reports refused", "reason", refused),
    ]
}

/// Keys, and what is wrong with them.
fn of_signing(node: &Overwatch, now: Time) -> [Metric; 2] {
    let keys = node.signing_keys().map(|(state, count)| (state, count as u64));
    let mut faults = dnssec::Fault::NAMES.map(|name| (name, 0));
    for fault in node.signing_faults(now) {
        for (_, count) in faults.iter_mut().filter(|(name, _)| *name == fault.name()) {
            *count += 1;
        }
    }
    [
        Metric::gauges("dnssec_keys", "Keys of signed zones", "state", keys),
        Metric::gauges("dnssec_faults", "What keeps zones from being signed well", "fault", faults),
    ]
}

/// How full regions are that have a limit: the largest share sent on of any domain.
fn of_capacity(node: &Overwatch) -> [Metric; 3] {
    let regions = node.full_regions();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
    let ppm = |share: f64| (share * 1e6) as u64;
    let of = |name, help, value: &dyn Fn(&Spill) -> Option<u64>| {
        let values = regions.iter().filter_map(|(at, spill)| Some((at.as_str(), value(spill)?)));
        Metric::gauges(name, help, "region", values)
    };
    [
        of("region_connections", "Open connections of a region with a limit", &|spill| spill.open),
        of("region_capacity", "Open connections it is to have at most", &|s| Some(s.capacity)),
        of("region_spilled_share_ppm", "Millionths of its clients that are sent on", &|spill| {
            Some(ppm(spill.share))
        }),
    ]
}

/// What the learning of all domains did. Explored answers are counted by their reason.
fn of_learning(node: &Overwatch) -> [Metric; 8] {
    let sum = |count: fn(&LearningCounters) -> u64| {
        node.learning().map(|learning| count(&learning.counters())).sum::<u64>()
    };
    let share = node.learning().map(Learning::explored_share).fold(0.0, f64::max);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1")]
    let share_ppm = (share * 1e6) as u64;
    let impossible = node.learning().map(|learning| learning.beliefs().impossible());
    [
        counter(
            "learning_explored_connections",
            "Connections sent to a region that was tried, as estimated",
            sum(|counters| counters.explored_connections),
        ),
        counter(
            "learning_explored_cost_ms",
            "Milliseconds that they lost by it together, as estimated",
            sum(|counters| counters.explored_cost_ms),
        ),
        Metric::gauge(
            "learning_explored_share_ppm",
            "Millionths of the connections that are explored now, in the domain with most",
            share_ppm,
        ),
        counter(
            "learning_found",
            "Networks that moved to a region they had tried",
            sum(|counters| counters.found),
        ),
        counter(
            "learning_given_up",
            "Regions that a network tried and was never measured at",
            sum(|counters| counters.given_up),
        ),
        counter("learning_moved", "Networks that moved", sum(|counters| counters.moved)),
        counter(
            "learning_moves_put_off",
            "Moves that waited since enough had moved",
            sum(|counters| counters.moves_put_off),
        ),
        Metric::gauge(
            "learning_impossible_rows",
            "Rows that are not used since light is not that fast",
            impossible.sum::<usize>() as u64,
        ),
    ]
}

fn info() -> Metric {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Metric {
        name: "app_info",
        help: "The release",
        kind: Kind::Gauge,
        values: vec![(vec![("version", version)], 1)],
    }
}

fn counter(name: &'static str, help: &'static str, value: u64) -> Metric {
    Metric::counter(name, help, value)
}
