//! Overwatch and agents as real processes on loopback, as an operator runs and breaks them.
//!
//! Waits for conditions, never for time. What needs distances and kernels' round-trip times is in
//! the tests of the lab: loopback is not learned from.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod daemon;

mod dns_client;

mod families;

mod http;

mod sandbox;

mod service;

mod steered;

mod stranger;

mod world;

use std::net::IpAddr;

use daemon::eventually;
use dns_client::{A, AAAA, SOA, all_addresses, by_tcp, by_udp};
use world::assert_no_secret_is_logged;
use world::{DOMAIN, KEY, RIGHT, Secrets, TOKEN, WRONG_KEY, WRONG_TOKEN, Web, World};

fn addresses(webs: &[&Web]) -> Vec<IpAddr> {
    webs.iter().map(|web| web.address.ip()).collect()
}

/// The addresses that DNS gives for the domain.
fn answers(world: &World) -> Vec<IpAddr> {
    all_addresses(world.dns, DOMAIN).into_iter().collect()
}

#[test]
fn agents_bring_their_servers_into_the_answers_and_take_them_out() {
    let mut world = World::start();
    let (first, second) = (Web::start(11), Web::start(12));
    let mut agents = [world.joined("first", &first), world.joined("second", &second)];
    eventually("both are answered", || answers(&world) == addresses(&[&first, &second]));
    the_zone_is_served(&world);

    // A clean stop: out of the answers by the time the agent has ended, though the server is up.
    agents[0].signal("TERM");
    assert_eq!(agents[0].end().code(), Some(0), "{}", agents[0].log());
    assert_eq!(answers(&world), addresses(&[&second]));
    world.overwatch.line("agent first said goodbye");
    assert_eq!(agents[0].count(" WARN "), 0, "{}", agents[0].log());

    // It comes back with the key it had.
    agents[0] = world.joined("first", &first);
    eventually("both are answered again", || answers(&world) == addresses(&[&first, &second]));
    assert_eq!(world.overwatch.count("agent first joined for the first time"), 1);

    // A death without a word: the overwatch's own check decides, and it likes the server.
    agents[0].signal("KILL");
    agents[0].end();
    world.overwatch.line("agent first is gone without a goodbye");
    assert_eq!(answers(&world), addresses(&[&first, &second]));
    drop(first);
    eventually("the dead server leaves", || answers(&world) == addresses(&[&second]));

    let numbers = http::metrics(agents[1].word_after("serving metrics on ").parse().unwrap());
    assert_eq!(numbers["opengslb_agent_sessions"], 1.0);
    assert!(agents[1].is_running());
    world.overwatch.signal("TERM");
    assert_eq!(world.overwatch.end().code(), Some(0));
    assert!(!world.control().exists(), "the control socket goes with the process");
    assert_no_secret_is_logged(agents.iter().chain([&world.overwatch]));
}

/// Both transports, both families, both cases, and names that are not there.
#[track_caller]
fn the_zone_is_served(world: &World) {
    for ask in [by_udp, by_tcp] {
        let reply = ask(world.dns, "aPP.TesT", A);
        assert_eq!((reply.rcode, reply.addresses.len()), (0, 1), "{reply:?}");
        assert!(reply.is_authoritative && reply.question == "aPP.TesT", "{reply:?}");
        let reply = ask(world.dns, DOMAIN, AAAA);
        assert_eq!((reply.rcode, reply.addresses.len()), (0, 0), "{reply:?}");
        assert_eq!(reply.authority, [SOA]);
        let reply = ask(world.dns, "nobody.test", A);
        assert_eq!((reply.rcode, reply.authority), (3, vec![SOA]));
        assert_eq!(ask(world.dns, "www.elsewhere.example", A).rcode, 5);
    }
    let numbers = http::metrics(world.metrics);
    assert!(numbers["opengslb_dns_queries_total{status=\"steered\"}"] >= 2.0);
    assert_eq!(numbers["opengslb_overwatch_backends_healthy"], 2.0);
    assert_eq!(numbers["opengslb_overwatch_agents_connected"], 2.0);
    world.overwatch.line("routing decision");
}

#[test]
fn strangers_at_the_mesh_port_are_refused_counted_and_logged_once() {
    let mut world = World::start();
    let web = Web::start(21);
    let agent = world.joined("first", &web);
    // A frame of the protocol that says it goes on for 100 MB.
    let announced = (100u32 << 20).to_be_bytes();
    let long = [&announced[..], &[7; 4096]].concat();
    type Knock = (&'static str, fn(&World, &[u8]), Vec<u8>);
    let knocks: [Knock; 5] = [
        ("malformed_frame", |world, bytes| stranger::says(world.mesh, bytes), vec![0xff; 512]),
        (
            "malformed_frame",
            |world, bytes| stranger::says(world.mesh, bytes),
            b"GET / HTTP/1.1\r\nHost: overwatch\r\n\r\n".to_vec(),
        ),
        ("malformed_frame", |world, bytes| stranger::says(world.mesh, bytes), long.clone()),
        ("oversized_frame", |world, bytes| stranger::says_in_tls(world.mesh, "x", bytes), long),
        (
            "malformed_frame",
            |world, bytes| stranger::says_in_tls(world.mesh, "x", bytes),
            [&[0, 0, 0, 64][..], &[0xff; 64]].concat(),
        ),
    ];
    for (reason, knock, bytes) in knocks {
        let series = format!("opengslb_mesh_refused_total{{reason=\"{reason}\"}}");
        let before = world.metric(&series);
        knock(&world, &bytes);
        eventually(&format!("{reason} is counted"), || world.metric(&series) == before + 1.0);
    }
    // One line for each reason, however often.
    world.overwatch.line("WARN refused 127.0.0.1: the bytes are no frame of the mesh");
    world.overwatch.line("WARN refused 127.0.0.1: a frame was longer than its limit");
    assert_eq!(world.overwatch.count("WARN refused 127.0.0.1"), 2, "{}", world.overwatch.log());
    still_works(&mut world, &web, &agent);
    assert_no_secret_is_logged([&agent, &world.overwatch]);
}

/// The agent never lost its session, and its server is answered.
#[track_caller]
fn still_works(world: &mut World, web: &Web, agent: &daemon::Daemon) {
    assert!(world.overwatch.is_running());
    assert_eq!(agent.count("joined overwatch"), 1, "{}", agent.log());
    assert_eq!(agent.count("the session with overwatch"), 0, "{}", agent.log());
    assert_eq!(answers(world), addresses(&[web]));
    assert_eq!(world.metric("opengslb_overwatch_agents_connected"), 1.0);
}

#[test]
fn agents_with_a_wrong_secret_are_refused_and_told_what_to_compare() {
    let mut world = World::start();
    let web = Web::start(31);
    let agent = world.joined("first", &web);
    for (name, last, secrets, reason, advice) in [
        (
            "wrong-token",
            32,
            Secrets { key: KEY, token: WRONG_TOKEN },
            "wrong_token",
            "compare agent.identity.service_token with overwatch.agent_tokens",
        ),
        (
            "wrong-key",
            33,
            Secrets { key: WRONG_KEY, token: TOKEN },
            "wrong_mesh_key",
            "compare gossip.encryption_key on both",
        ),
    ] {
        let other = Web::start(last);
        let stranger = world.agent(name, &other, secrets);
        // It tries again and again; that is counted each time and logged once, on both sides.
        let series = |side: &str| format!("opengslb_mesh_{side}_total{{reason=\"{reason}\"}}");
        eventually("three tries are counted", || {
            world.metric(&series("refused")) + world.metric(&series("refused_by_agents")) >= 3.0
        });
        assert_eq!(world.overwatch.count(advice), 1, "{}", world.overwatch.log());
        assert_eq!(stranger.count(advice), 1, "{}", stranger.log());
        assert_eq!(stranger.count("joined overwatch"), 0);
        assert_eq!(world.backend(other.address.ip()), serde_json::Value::Null);
        assert_no_secret_is_logged([&stranger]);
    }
    still_works(&mut world, &web, &agent);
    assert_no_secret_is_logged([&agent, &world.overwatch]);
}

#[test]
fn a_revoked_agent_leaves_with_its_servers_and_stays_out() {
    let mut world = World::start();
    let (first, second) = (Web::start(41), Web::start(42));
    let [kept, mut revoked] = [world.joined("kept", &first), world.joined("revoked", &second)];
    eventually("both are answered", || answers(&world) == addresses(&[&first, &second]));

    let path = "/api/v1/overwatch/agents/revoked/revoke";
    assert_eq!(http::get(world.api, path).0, 405, "by POST only");
    assert_eq!(http::post(&world.control(), "/api/v1/overwatch/agents/nobody/revoke").0, 404);
    let (status, body) = http::post(&world.control(), path);
    assert_eq!(status, 204, "{body}");
    assert_eq!(answers(&world), addresses(&[&first]), "at once");

    // It comes back, is refused, and is told why; started anew it fares no better.
    revoked.line("this agent was revoked");
    revoked.signal("KILL");
    revoked.end();
    let again = world.agent("revoked", &second, RIGHT);
    again.line("this agent was revoked");
    let series = "opengslb_mesh_refused_total{reason=\"agent_revoked\"}";
    eventually("it tries on", || world.metric(series) >= 3.0);
    assert_eq!(world.overwatch.count("WARN refused 127.0.0.1: this agent was revoked"), 1);
    // Its server is blocked for others too, until somebody approves.
    let heir = world.agent("heir", &second, RIGHT);
    heir.line("the backend belonged to a revoked agent");
    assert_eq!(answers(&world), addresses(&[&first]));
    let agents = http::document(world.api, "/api/v1/overwatch/agents");
    let of = |id: &str| {
        let mut agents = agents["agents"].as_array().unwrap().iter();
        agents.find(|agent| agent["agent_id"] == id).unwrap()["status"].clone()
    };
    assert_eq!((of("kept"), of("revoked")), ("connected".into(), "revoked".into()));

    // A restart does not forget it, and needs no touch on the others.
    assert_eq!(kept.count("joined overwatch"), 1);
    assert!(world.overwatch.is_running());
    assert_no_secret_is_logged([&kept, &revoked, &again, &heir, &world.overwatch]);
}

#[test]
fn a_taken_address_is_named_and_the_process_ends() {
    for (key, part) in [
        ("  listen_address", "cannot serve DNS on"),
        ("    bind_address", "cannot listen for agents on"),
        ("api:\n  enabled: true\n  address", "cannot serve the API on"),
        ("metrics:\n  enabled: true\n  address", "cannot serve metrics on"),
    ] {
        let world = World::start();
        let taken = match part {
            "cannot serve DNS on" => world.dns,
            "cannot listen for agents on" => world.mesh,
            "cannot serve the API on" => world.api,
            _ => world.metrics,
        };
        let said = format!("cannot run: {part} {taken}");
        let mut second = world.clash(key, taken);
        assert_eq!(second.end().code(), Some(1), "{}", second.log());
        // The last lines may come after the end.
        second.hear_out();
        assert!(second.has(&said) && second.has("in use"), "{}", second.log());
        assert_eq!(second.count(" ERROR "), 1, "{}", second.log());
        // The first one does not notice.
        assert_eq!(by_udp(world.dns, DOMAIN, SOA).rcode, 0);
    }
}
