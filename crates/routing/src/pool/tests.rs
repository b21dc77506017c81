//! Who is named, in which turn, as health changes.

use super::*;
use crate::fixture::{LEARNED, NOW, domain, geo, map, pool, rtt, server};
use crate::{DomainMap, decide};

/// The region and the servers of one turn: `reason region first-A first-AAAA`.
fn turn(map: &DomainMap, pool: &ServerPool, turn: u64) -> String {
    let decision = decide(map, pool, "10.1.1.1".parse().unwrap(), turn, NOW);
    let region = decision.region.map_or("-", |region| region.as_str());
    let first = |pick: Pick<'_>| pick.first().map_or("-".into(), |s| s.address.to_string());
    let (a, aaaa) = (first(decision.ipv4), first(decision.ipv6));
    format!("{} {region} {a} {aaaa}", decision.reason)
}

fn world(algorithm: Algorithm) -> (DomainSettings, DomainMap) {
    let settings = domain(algorithm);
    let map = map(&settings, geo(&[]), &[]);
    (settings, map)
}

/// The answers of client 10.1.1.1 in Germany, from turn 0 on.
fn check(algorithm: Algorithm, change: impl FnMut(&mut Server), expect: &[&str]) {
    let (settings, map) = world(algorithm);
    let pool = pool(&settings, change);
    let found: Vec<String> = (0..expect.len() as u64).map(|at| turn(&map, &pool, at)).collect();
    assert_eq!(found, expect);
}

fn here(server: &Server, region: &str) -> bool {
    server.region.as_str() == region
}

#[test]
fn servers_of_a_region_take_turns_by_weight() {
    let change = |server: &mut Server| {
        if server.address.to_string() == "192.0.0.1" {
            server.weight = 200;
        }
    };
    check(
        Algorithm::Geolocation,
        change,
        &[
            "geolocation eu-west 192.0.0.1 2001:db8::1",
            "geolocation eu-west 192.0.0.2 2001:db8::2",
            "geolocation eu-west 192.0.0.1 2001:db8::1",
            "geolocation eu-west 192.0.0.1 2001:db8::2",
        ],
    );
}

#[test]
fn an_answer_may_name_all_starting_with_the_one_whose_turn_it_is() {
    let (settings, map) = world(Algorithm::Failover);
    let pool = pool(&settings, |_| {});
    let decision = decide(&map, &pool, "10.1.1.1".parse().unwrap(), 1, NOW);
    let all: Vec<String> = decision.ipv4.servers(2).map(|s| s.address.to_string()).collect();
    assert_eq!(all, ["192.0.0.2", "192.0.0.1"]);
    assert_eq!((decision.ipv4.len(), decision.ipv4.is_empty()), (2, false));
}

#[test]
fn weight_zero_is_out_for_every_algorithm() {
    let out = |server: &mut Server| {
        if server.address.to_string().ends_with('1') || here(server, "us-east") {
            server.weight = 0;
        }
    };
    check(
        Algorithm::RoundRobin,
        out,
        &[
            "round_robin eu-west 192.0.0.2 2001:db8::2",
            "round_robin ap-southeast 192.0.2.2 2001:db8:2::2",
            "round_robin eu-west 192.0.0.2 2001:db8::2",
        ],
    );
    check(Algorithm::Failover, out, &["failover eu-west 192.0.0.2 2001:db8::2"]);
}

#[test]
fn up_comes_before_doubtful_and_region_before_family() {
    // eu-west has doubtful servers only; us-east is up by IPv6 alone.
    let change = |server: &mut Server| {
        let doubtful = here(server, "eu-west") || server.address.is_ipv4();
        server.standing = if doubtful { Standing::Doubtful } else { server.standing };
        if here(server, "us-east") && server.address.is_ipv4() {
            server.standing = Standing::Down;
        }
    };
    check(Algorithm::Geolocation, change, &["geolocation us-east - 2001:db8:1::1"]);
    // Nothing is up: doubtful servers by rank.
    let doubtful = |server: &mut Server| server.standing = Standing::Doubtful;
    check(Algorithm::Geolocation, doubtful, &["geolocation eu-west 192.0.0.1 2001:db8::1"]);
    // Up by one family: the other may still be doubtful.
    let half = |server: &mut Server| {
        if server.address.is_ipv6() {
            server.standing = Standing::Doubtful;
        }
    };
    check(Algorithm::Geolocation, half, &["geolocation eu-west 192.0.0.1 2001:db8::1"]);
}

#[test]
fn draining_takes_no_new_clients() {
    let drain = |server: &mut Server| {
        if here(server, "eu-west") {
            server.standing = Standing::Draining;
        }
    };
    check(Algorithm::Failover, drain, &["failover us-east 192.0.1.1 2001:db8:1::1"]);
}

#[test]
fn what_is_drained_is_named_where_nothing_else_serves() {
    // us-east was up until now; eu-west is being emptied.
    let change = |server: &mut Server| {
        let is_drained = here(server, "eu-west");
        server.standing = if is_drained { Standing::Draining } else { Standing::Down };
    };
    let eu = "draining eu-west 192.0.0.1 2001:db8::1";
    for algorithm in [Algorithm::Failover, Algorithm::RoundRobin, LEARNED] {
        check(algorithm, change, &[eu]);
        let settings = DomainSettings { none_healthy: NonePolicy::Servfail, ..domain(algorithm) };
        let map = map(&settings, geo(&[]), &[]);
        assert_eq!(turn(&map, &pool(&settings, change), 0), eu);
    }
    // Doubtful ones come first.
    let doubtful = |server: &mut Server| {
        change(server);
        if here(server, "us-east") {
            server.standing = Standing::Doubtful;
        }
    };
    check(Algorithm::Failover, doubtful, &["failover us-east 192.0.1.1 2001:db8:1::1"]);
}

#[test]
fn with_nothing_healthy_the_last_healthy_are_named() {
    // ap-southeast fell with us-east, eu-west an hour before; one server never was up.
    let change = |server: &mut Server| {
        server.standing = Standing::Down;
        server.last_up = match server.region.as_str() {
            "eu-west" => Some(NOW.minus_ms(3_600_000)),
            "us-east" => Some(NOW.minus_ms(LAST_UP_WINDOW_MS)),
            _ => Some(NOW),
        };
        if server.address.to_string() == "192.0.1.1" {
            server.last_up = None;
        }
    };
    check(
        Algorithm::Geolocation,
        change,
        &[
            "last_healthy us-east 192.0.1.2 2001:db8:1::1",
            "last_healthy us-east 192.0.1.2 2001:db8:1::2",
        ],
    );
    check(
        Algorithm::RoundRobin,
        change,
        &[
            "last_healthy us-east 192.0.1.2 2001:db8:1::1",
            "last_healthy ap-southeast 192.0.2.1 2001:db8:2::1",
            "last_healthy us-east 192.0.1.2 2001:db8:1::2",
        ],
    );
    let never = |server: &mut Server| {
        server.standing = Standing::Down;
        server.last_up = None;
    };
    check(Algorithm::Geolocation, never, &["all_servers eu-west 192.0.0.1 2001:db8::1"]);
}

#[test]
fn the_policy_may_also_be_servfail_or_all() {
    let down = |server: &mut Server| server.standing = Standing::Down;
    for (policy, expect) in [
        (NonePolicy::Servfail, "none_healthy - - -"),
        (NonePolicy::All, "all_servers eu-west 192.0.0.1 2001:db8::1"),
        (NonePolicy::LastHealthy, "last_healthy eu-west 192.0.0.1 2001:db8::1"),
    ] {
        for algorithm in [Algorithm::Geolocation, Algorithm::RoundRobin] {
            let settings = DomainSettings { none_healthy: policy, ..domain(algorithm) };
            let map = map(&settings, geo(&[]), &[]);
            assert_eq!(turn(&map, &pool(&settings, down), 0), expect);
        }
    }
}

#[test]
fn a_domain_without_servers_names_nobody() {
    for algorithm in [LEARNED, Algorithm::Weighted, Algorithm::Latency { max_latency_ms: None }] {
        let (settings, map) = world(algorithm);
        assert_eq!(turn(&map, &ServerPool::new(&settings, Vec::new()), 7), "none_healthy - - -");
        let elsewhere = vec![server("elsewhere", "192.0.9.1")];
        assert_eq!(turn(&map, &ServerPool::new(&settings, elsewhere), 7), "none_healthy - - -");
    }
}

#[test]
fn round_robin_gives_every_server_its_turn() {
    let less = |server: &mut Server| {
        // ap-southeast has one server of each family; us-east lacks IPv6.
        let out = server.address.to_string() == "192.0.2.2"
            || server.address.to_string() == "2001:db8:2::2"
            || here(server, "us-east") && server.address.is_ipv6();
        server.weight = if out { 0 } else { 5 };
    };
    check(
        Algorithm::RoundRobin,
        less,
        &[
            "round_robin eu-west 192.0.0.1 2001:db8::1",
            "round_robin us-east 192.0.1.1 -",
            "round_robin ap-southeast 192.0.2.1 2001:db8:2::1",
            "round_robin eu-west 192.0.0.2 2001:db8::2",
            "round_robin us-east 192.0.1.2 -",
            "round_robin eu-west 192.0.0.1 2001:db8::1",
        ],
    );
}

#[test]
fn weights_are_shares_of_all_turns() {
    let (settings, map) = world(Algorithm::Weighted);
    let weight = |server: &Server| match server.address.to_string().as_str() {
        "192.0.0.1" => 300,
        "192.0.0.2" => 100,
        "192.0.1.1" => 50,
        "192.0.1.2" => 150,
        _ if server.address.is_ipv4() => 200,
        _ => 0,
    };
    let pool = pool(&settings, |server| server.weight = weight(server));
    let mut named = BTreeMap::new();
    for at in 1000..1000 + 2 * 1000 {
        let decision = decide(&map, &pool, "10.1.1.1".parse().unwrap(), at, NOW);
        *named.entry(decision.ipv4.first().unwrap().address.to_string()).or_insert(0) += 1;
    }
    for server in pool.servers().iter().filter(|server| server.weight > 0) {
        assert_eq!(named[&server.address.to_string()], 2 * server.weight, "{server:?}");
    }
}

#[test]
fn latency_goes_by_the_fastest_server_of_a_region() {
    let algorithm = Algorithm::Latency { max_latency_ms: Some(100) };
    let mut times = vec![("192.0.0.1", 90), ("192.0.1.2", 80), ("192.0.2.1", 101)];
    let timed = |times: &[(&str, u64)], server: &mut Server| {
        let address = server.address.to_string();
        let time = times.iter().find(|(timed, _)| *timed == address);
        server.connect_rtt = time.map(|(_, ms)| rtt(*ms));
    };
    let us = "latency us-east 192.0.1.1 2001:db8:1::1";
    check(algorithm, |server| timed(&times, server), &[us]);
    // A server that is down has no say, and its region's time is unknown.
    check(
        algorithm,
        |server| {
            timed(&times, server);
            if here(server, "us-east") && server.connect_rtt.is_some() {
                server.standing = Standing::Down;
            }
        },
        &["latency eu-west 192.0.0.1 2001:db8::1"],
    );
    // Over the limit comes after unknown, and is taken where it is all there is.
    times.remove(0);
    times.remove(0);
    let over = |server: &mut Server| timed(&times, server);
    check(algorithm, over, &["latency_unknown eu-west 192.0.0.1 2001:db8::1"]);
    check(
        algorithm,
        |server| {
            over(server);
            if !here(server, "ap-southeast") {
                server.standing = Standing::Down;
            }
        },
        &["latency_over_limit ap-southeast 192.0.2.1 2001:db8:2::1"],
    );
    check(algorithm, |_| {}, &["latency_unknown eu-west 192.0.0.1 2001:db8::1"]);
}

#[test]
fn an_address_behind_two_ports_is_named_once() {
    let (settings, map) = world(Algorithm::RoundRobin);
    let twice = [80, 443].map(|port| Server { port, ..server("eu-west", "192.0.0.1") });
    let mut servers = Vec::from(twice);
    servers.push(server("eu-west", "192.0.0.2"));
    let pool = ServerPool::new(&settings, servers);
    let decision = decide(&map, &pool, "10.1.1.1".parse().unwrap(), 0, NOW);
    assert_eq!(decision.ipv4.len(), 2);
}

/// The answers of a domain whose regions have names of their own; `us-east` alone is not watched.
fn check_names(algorithm: Algorithm, change: impl FnMut(&mut Server), expect: &[&str]) {
    let (mut settings, _) = world(algorithm);
    settings.names = Names::Regions { unwatched: vec!["us-east".parse().unwrap()] };
    let map = map(&settings, geo(&[]), &[]);
    let mut servers = crate::fixture::servers();
    servers.retain(|server| !here(server, "us-east"));
    servers.iter_mut().for_each(change);
    let pool = ServerPool::new(&settings, servers);
    let found: Vec<String> = (0..expect.len() as u64).map(|at| turn(&map, &pool, at)).collect();
    assert_eq!(found, expect);
}

#[test]
fn a_named_region_is_up_without_a_server_where_nobody_watches_it() {
    let eu = "geolocation eu-west 192.0.0.1 2001:db8::1";
    check_names(Algorithm::Geolocation, |_| {}, &[eu]);
    let fallen = |server: &mut Server| server.standing = Standing::Down;
    check_names(
        Algorithm::Geolocation,
        |server| {
            if here(server, "eu-west") {
                fallen(server);
            }
        },
        &["geolocation us-east - -"],
    );
    check_names(Algorithm::Failover, fallen, &["failover us-east - -"]);
    // It takes its turns as one server would: two regions of two servers have the rest.
    let (eu, sg) = ("weighted eu-west", "weighted ap-southeast");
    check_names(
        Algorithm::Weighted,
        |_| {},
        &[
            &format!("{eu} 192.0.0.1 2001:db8::1"),
            &format!("{sg} 192.0.2.1 2001:db8:2::1"),
            "weighted us-east - -",
            &format!("{eu} 192.0.0.2 2001:db8::2"),
            &format!("{sg} 192.0.2.2 2001:db8:2::2"),
        ],
    );
}

#[test]
fn the_policy_may_name_a_region_that_has_no_server() {
    let (settings, map) = world(Algorithm::Geolocation);
    for (policy, expect) in [
        (NonePolicy::LastHealthy, "all_servers eu-west - -"),
        (NonePolicy::All, "all_servers eu-west - -"),
        (NonePolicy::Servfail, "none_healthy - - -"),
    ] {
        let names = Names::Regions { unwatched: Vec::new() };
        let settings = DomainSettings { names, none_healthy: policy, ..settings.clone() };
        assert_eq!(turn(&map, &ServerPool::new(&settings, Vec::new()), 0), expect);
    }
}
