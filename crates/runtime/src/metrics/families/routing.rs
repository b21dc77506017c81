//! Metrics of decisions: why and where to, and the regions and servers that there are.

use ::routing::Reason;

use crate::answer::{SHADOW_TIMES, SHADOWED};
use crate::metrics::family::{Bound, Family, Label};

families! {
    DECISIONS = counter(
        "routing_decisions",
        &[Label::new("reason", Bound::Words(|| Reason::ALL.map(Reason::as_str).to_vec()))],
        "Decisions by reason"
    );
    ANSWERS = counter(
        "routing_answers",
        &[Label::new("domain", Bound::Domains), Label::new("region", Bound::Regions)],
        "Decisions by domain and by the region that was answered"
    );
    SHADOW_DECISIONS = counter(
        "routing_shadow_decisions",
        &[Label::new("outcome", Bound::Words(|| SHADOWED.to_vec()))],
        "Decisions of shadows, by whether they would have answered the same region"
    );
    SHADOW_MS = counter(
        "routing_shadow_ms",
        &[Label::new("time", Bound::Words(|| SHADOW_TIMES.to_vec()))],
        "Milliseconds that clients would have gained or paid elsewhere, as far as they are known"
    );
    UNLOGGED = counter("routing_decisions_unlogged", &[], "Decisions without a log line");
    DOMAINS = gauge("configured_domains", &[], "Domains in the configuration");
    SERVERS = gauge("configured_servers", &[], "Servers in the configuration, once for each service");
    REGION_BACKENDS = gauge(
        "region_backends",
        &[Label::new("region", Bound::Regions)],
        "Backends known in a region"
    );
    REGION_BACKENDS_HEALTHY = gauge(
        "region_backends_healthy",
        &[Label::new("region", Bound::Regions)],
        "Those of them that are in the answers"
    );
    REGION_CONNECTIONS = gauge(
        "region_connections",
        &[Label::new("region", Bound::Regions)],
        "Open connections of a region with a limit"
    );
    REGION_CAPACITY = gauge(
        "region_capacity",
        &[Label::new("region", Bound::Regions)],
        "Open connections it is to have at most"
    );
    REGION_SPILLED = gauge(
        "region_spilled_share_ppm",
        &[Label::new("region", Bound::Regions)],
        "Millionths of its clients that are sent on"
    );
    BACKENDS = gauge("overwatch_backends", &[], "Backends known");
    BACKENDS_HEALTHY = gauge("overwatch_backends_healthy", &[], "Backends in the answers");
    BACKENDS_STALE = gauge("overwatch_backends_stale", &[], "Backends nobody vouches for");
    CHECKS = counter("overwatch_validation_checks", &[], "Own checks that finished");
}
