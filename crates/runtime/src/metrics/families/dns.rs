//! Metrics of DNS: what came, what it came to, and what was lost on the way.

use crate::answer::{COOKIES, KINDS, LIMITED, TYPES};
use crate::dns::TcpCounters;
use crate::dns::durations::BOUNDS;
use crate::metrics::family::{Bound, Family, Label};

/// The ends of the ranges as the page says them.
const ENDS: [&str; BOUNDS.len()] = {
    let mut ends = [""; BOUNDS.len()];
    let mut at = 0;
    while at < ends.len() {
        ends[at] = BOUNDS[at].0;
        at += 1;
    }
    ends
};

families! {
    QUERIES = counter(
        "dns_queries",
        &[Label::new("status", Bound::Words(|| KINDS.to_vec()))],
        "Queries by what they came to"
    );
    QUERY_TYPES = counter(
        "dns_query_types",
        &[Label::new("type", Bound::Words(|| TYPES[..TYPES.len() - 1].to_vec()))],
        "Queries with one question by the type that it is for"
    );
    UDP_DURATION = histogram(
        "dns_udp_duration_seconds",
        &ENDS,
        "How long queries are in a worker's hands, from when their batch is taken from the kernel until it is handed back"
    );
    COOKIE_STANDINGS = counter(
        "dns_cookies",
        &[Label::new("standing", Bound::Words(|| COOKIES.to_vec()))],
        "Queries by what their cookie proved"
    );
    ANSWERS_LIMITED = counter(
        "dns_answers_limited",
        &[Label::new("how", Bound::Words(|| LIMITED.to_vec()))],
        "Answers that were too many for their network"
    );
    UDP_RECEIVED = counter("dns_udp_received", &[], "Datagrams received");
    UDP_SENT = counter("dns_udp_sent", &[], "Datagrams sent");
    UDP_TOO_LONG = counter("dns_udp_too_long", &[], "Datagrams too long to be a query");
    UDP_ERRORS = counter(
        "dns_udp_errors",
        &[Label::new("on", Bound::Words(|| vec!["receive", "send"]))],
        "Datagrams that the system did not take or give"
    );
    UDP_KERNEL_DROPS = counter(
        "dns_udp_kernel_drops", &[],
        "Datagrams that the kernel dropped since the socket's buffer was full"
    );
    PANICS = counter("dns_panics", &[], "Answers lost to a fault in this program");
    TCP_ACCEPTED = counter("dns_tcp_accepted", &[], "Connections served");
    TCP_ANSWERED = counter("dns_tcp_answered", &[], "Queries answered on connections");
    TCP_CONNECTIONS = gauge("dns_tcp_connections", &[], "Connections now");
    TCP_CONNECTIONS_MAX = gauge("dns_tcp_connections_max", &[], "Connections at most");
    TCP_CLOSED = counter(
        "dns_tcp_closed",
        &[Label::new("why", Bound::Words(TcpCounters::ends))],
        "Connections that ended, by why"
    );
    TCP_ACCEPT_ERRORS = counter(
        "dns_tcp_accept_errors",
        &[Label::new("why", Bound::Words(|| vec!["no_descriptor"]))],
        "Newcomers that the system did not give"
    );
    QUERY_LOG_WRITTEN = counter("dns_query_log_written", &[], "Samples of queries that were written");
    QUERY_LOG_LOST = counter(
        "dns_query_log_lost",
        &[Label::new("why", Bound::Words(|| vec!["full", "no_reader"]))],
        "Samples of queries that were not: a worker's ring was full, or nobody reads"
    );
}
