//! Metrics of an agent: its sessions, and what it reads from the kernel.

use latency::Refusal;

use crate::metrics::family::{Bound, Family, Label};

families! {
    SESSIONS = gauge("agent_sessions", &[], "Sessions with overwatches");
    CLOSED = counter("agent_latency_closed", &[], "Closed connections that the kernel told of");
    LOST = counter(
        "agent_latency_lost", &[], "Closed connections that the kernel could not tell of"
    );
    DUMPS = counter("agent_latency_dumps", &[], "Dumps of open connections");
    OPEN = counter("agent_latency_open", &[], "Open connections that dumps showed");
    COLLECTOR_ERRORS = counter(
        "agent_latency_collector_errors", &[], "Failures to read the kernel"
    );
    SOURCES = gauge(
        "agent_latency_source_active",
        &[Label::new("source", Bound::Words(|| vec!["destroy_events", "dump"]))],
        "1 where a source of connections gives any, 0 where it is missing and tried again"
    );
    OBSERVATIONS = counter("agent_latency_observations", &[], "Readings that counted");
    OBSERVATIONS_DROPPED = counter(
        "agent_latency_observations_dropped",
        &[Label::new("reason", Bound::Words(|| Refusal::ALL.map(Refusal::as_str).to_vec()))],
        "Readings that did not count"
    );
    SUBNETS_TRACKED = gauge("agent_latency_subnets_tracked", &[], "Client networks known");
    SUBNETS_EVICTED = counter(
        "agent_latency_subnets_evicted", &[], "Client networks that made room"
    );
    SUBNETS_PRUNED = counter(
        "agent_latency_subnets_pruned", &[], "Client networks not seen for long"
    );
    ROWS_PUBLISHED = counter("agent_latency_rows_published", &[], "Rows told whole");
    ROWS_REFRESHED = counter("agent_latency_rows_refreshed", &[], "Rows told as seen again");
}
