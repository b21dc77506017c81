//! The tables of what changed between the former program and this one.
//!
//! Found in its code and its documentation: what it did with each key, which is often not what it said.

use crate::note::{Kind, Notes};
use crate::yaml::{Map, Value};

/// Keys that are there and do something else, or something for the first time.
const CHANGED: &[(&str, &str)] = &[
    (
        "overwatch.agent_tokens",
        "tokens were never looked at; now an agent without its service's is refused",
    ),
    (
        "overwatch.geolocation.ecs_enabled",
        "is dns.ecs.enabled; answers tell the scope for which they hold",
    ),
    (
        "overwatch.validation",
        "checks go where each server's own health_check says, not to `/`, and several in \
      a row decide, not one",
    ),
    ("overwatch.stale.threshold", "holds where an agent's own heartbeat terms are not known"),
    ("dns.zones", "was never read; now names below a zone that do not exist are answered for"),
    ("dns.return_last_healthy", "was never read; is dns.none_healthy now"),
    ("domains[].latency_config", "was never read (500 ms, one sample and 0.3 held); now it counts"),
    ("agent.predictive.check_interval", "was never read (30 s held); now it counts"),
    (
        "agent.predictive.cpu.bleed_duration",
        "was never read: all backends left at once; now their share goes \
      down by steps",
    ),
    (
        "agent.predictive.memory.bleed_duration",
        "was never read: all backends left at once; now their share \
      goes down by steps",
    ),
    (
        "agent.predictive.error_rate.bleed_duration",
        "was never read: all backends left at once; now the share \
      goes down by steps",
    ),
    (
        "agent.predictive.error_rate.threshold",
        "was how often a minute a backend fell; is now the percentage \
      of its checks that failed, and concerns that backend only",
    ),
    (
        "agent.heartbeat.missed_threshold",
        "was for the log only; now it decides when backends are stale",
    ),
    (
        "agent.latency_learning.min_connection_age",
        "was never read; now it counts, for connections that are open",
    ),
    (
        "agent.latency_learning.min_samples",
        "a connection counts once, where each poll of it counted",
    ),
    ("agent.identity.service_token", "was never sent or proven; now the overwatch has to know it"),
    (
        "api.allowed_networks",
        "who may read; changes want a token (api.tokens) or the control socket",
    ),
    ("api.trust_proxy_headers", "counts for who may read, and for nothing else"),
];

/// Keys that are missing, in which mode, and whose default is another one.
const MISSING: &[(bool, &str, &str)] = &[
    (
        false,
        "overwatch.validation.enabled",
        "was off; is on, so agents' backends are checked from here too",
    ),
    (
        false,
        "overwatch.geolocation.ecs_enabled",
        "was off; dns.ecs.enabled is on, for every resolver",
    ),
    (
        false,
        "dns.return_last_healthy",
        "where no server is up the answer was SERVFAIL; now it is the servers \
      last seen up (dns.none_healthy: servfail for what was)",
    ),
    (true, "agent.latency_learning.enabled", "was off; is on"),
];

/// Sections that have no place here, and what stands for them.
const GONE: &[(&str, &str)] = &[
    ("agent.gossip.discovery", "name every overwatch in agent.gossip.overwatch_nodes"),
    ("api.cors", "other sites' pages may not ask"),
    ("api.enable_cors", "other sites' pages may not ask"),
    (
        "overwatch.dnssec",
        "was never read, so nothing was signed; it is dns.dnssec, off unless you say so",
    ),
    ("overwatch.gossip.gossip_interval", "agents keep a connection; see agent.heartbeat"),
    ("overwatch.gossip.probe_interval", "agents keep a connection; see agent.heartbeat"),
    ("overwatch.gossip.probe_timeout", "agents keep a connection; see agent.heartbeat"),
    (
        "overwatch.peering",
        "nothing read it; name the other overwatches in overwatch.gossip.overwatch_nodes",
    ),
];

/// What each algorithm did, where that was something else.
const ALGORITHMS: &[(&[&str], &str)] = &[
    (
        &["geolocation", "geo"],
        "a region without a server that is up gives way to the next of the domain's, \
      where any server of any region was taken; without a database it was refused, now mappings work alone",
    ),
    (
        &["learned_latency", "learned-latency"],
        "where nothing is learned geography decides, where turns were \
      taken; servers of the chosen region take turns, where the first got all",
    ),
    (
        &["latency"],
        "goes by the time to connect, where the time of a whole check counted; chooses a region, \
      whose servers take turns",
    ),
    (
        &["weighted", "weight"],
        "a weight of 0 takes a server out, where it counted as 1 (and as 100 for a server of \
      `regions`)",
    ),
];

/// Notes of keys that are there.
pub(super) fn of_what_stands(root: &Map, is_agent: bool, notes: &mut Notes) {
    for (path, what) in CHANGED {
        if is_there(root, path) {
            notes.add(Kind::Changed, *path, *what);
        }
    }
    let domains =
        root.get("domains").map_or(&[][..], Value::items).iter().filter_map(Value::as_map);
    for name in domains.filter_map(|domain| domain.text("routing_algorithm")) {
        for (_, what) in ALGORITHMS.iter().filter(|(names, _)| names.contains(&name)) {
            notes.add(Kind::Changed, format!("domains[].routing_algorithm: {name}"), *what);
        }
    }
    for path in ["agent.latency_learning.ipv4_prefix", "agent.latency_learning.ipv6_prefix"] {
        if is_agent && root.text(path).is_some_and(|width| !["24", "48"].contains(&width)) {
            notes.add(Kind::Changed, path, "of this width nothing was ever found again; now it is");
        }
    }
}

/// Notes of keys that are not there.
pub(super) fn of_what_is_missing(root: &Map, is_agent: bool, notes: &mut Notes) {
    for (of_agent, path, what) in MISSING {
        if *of_agent == is_agent && root.get(path).is_none() {
            notes.add(Kind::Changed, *path, *what);
        }
    }
}

/// Cuts out what has no place here.
pub(super) fn drop_gone(root: &mut Map, notes: &mut Notes) {
    for (path, what) in GONE {
        if root.take(path).is_some() {
            notes.add(Kind::Dropped, *path, *what);
        }
    }
}

/// Whether a path leads to something; `[]` stands for any item of a list.
fn is_there(root: &Map, path: &str) -> bool {
    match path.split_once("[].") {
        None => root.get(path).is_some(),
        Some((list, rest)) => {
            let items = root.get(list).map_or(&[][..], Value::items);
            items.iter().filter_map(Value::as_map).any(|map| is_there(map, rest))
        }
    }
}
