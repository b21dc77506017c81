//! Hand work on a running overwatch: each word is in the answers within a second, survives a
//! restart, and is explained.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::world::{Overwatch, World, cli};

/// How soon a word has to be in the answers.
const SOON: Duration = Duration::from_secs(1);

const NAME: &str = "app.demo.test";

/// Where answers go by learning: `here` at 192.0.2.1 unless something speaks for `there` at
/// 192.0.2.2.
fn config(world: &World) -> String {
    let steering = "\
regions:
  - name: here
    servers: [{address: 192.0.2.1, port: 9, service: app.demo.test}]
  - name: there
    servers: [{address: 192.0.2.2, port: 9, service: app.demo.test}]
domains:
  - {name: app.demo.test, routing_algorithm: learned_latency, regions: [here, there], ttl: 30}
  - name: bound.demo.test
    service: app.demo.test
    routing_algorithm: geolocation
    regions: [here, there]
    constraints: [{networks: [10.9.0.0/16], regions: [there]}]
api:";
    let config = world.config(3, "one");
    // Nobody is at the servers' addresses.
    let unchecked = "geolocation: {default_region: here}\n  validation: {enabled: false}";
    let config = config.replace("geolocation: {default_region: here}", unchecked);
    let (before, rest) = config.split_once("regions:").unwrap();
    format!("{before}{steering}{}", rest.split_once("\napi:").unwrap().1)
}

/// The address that a name has for a client network of 24 bits, and the scope of the answer.
fn ask(world: &World, name: &str, client: [u8; 3]) -> (IpAddr, u8) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(SocketAddr::new(Ipv4Addr::new(127, 0, 0, 3).into(), world.port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // RFC 1035, 4.1 and RFC 7871, 6: one question and a client subnet.
    let mut query = vec![7, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    let answer_at = query.len();
    query.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0]);
    query.extend(client);
    socket.send(&query).unwrap();
    let mut buffer = [0; 1232];
    let length = socket.recv(&mut buffer).unwrap();
    let reply = &buffer[..length];
    assert_eq!((reply[3] & 15, reply[7]), (0, 1), "one answer: {reply:?}");
    let address: [u8; 4] = reply[answer_at + 12..answer_at + 16].try_into().unwrap();
    let option = [0, 8, 0, 7, 0, 1, 24];
    let at = reply.windows(7).position(|part| part == option).unwrap();
    (IpAddr::from(address), reply[at + 7])
}

/// Runs a command that has to work, then waits until `is_so`.
fn done(overwatch: &Overwatch, words: &[&str], is_so: impl Fn() -> bool) -> String {
    let (code, said) = cli(&[&["--api", &overwatch.control()], words].concat());
    assert_eq!(code, 0, "{words:?}: {said}");
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < SOON, "{words:?}: not within a second");
    }
    said
}

fn told(overwatch: &Overwatch, words: &[&str]) -> String {
    done(overwatch, words, || true)
}

#[test]
fn a_pin_is_in_the_answers_within_a_second_and_survives_a_restart() {
    let world = World::new();
    let one = world.start("one", &config(&world));
    let at = |client| ask(&world, NAME, client).0.to_string();
    assert_eq!(at([10, 1, 2]), "192.0.2.1");
    let pin = ["pins", "set", "APP.demo.test.", "10.1.2.0/24", "there"];
    done(&one, &pin, || at([10, 1, 2]) == "192.0.2.2");
    assert_eq!(at([10, 1, 3]), "192.0.2.1");
    assert_eq!(ask(&world, NAME, [10, 1, 2]).1, 24, "the pin's own scope");
    // The same for a domain that learns nothing.
    let pin = ["pins", "set", "bound.demo.test", "10.0.0.0/8", "there"];
    done(&one, &pin, || ask(&world, "bound.demo.test", [10, 1, 2]).0.to_string() == "192.0.2.2");

    let one = one.restart();
    assert_eq!(at([10, 1, 2]), "192.0.2.2");
    let pins = told(&one, &["pins", "list"]);
    assert!(pins.contains("app.demo.test    10.1.2.0/24  there"), "{pins}");
    let story = told(&one, &["explain", NAME, "10.1.2.0/24"]);
    assert!(story.contains("an operator pinned 10.1.2.0/24 to it"), "{story}");
    done(&one, &["pins", "clear", NAME, "10.1.2.0/24"], || at([10, 1, 2]) == "192.0.2.1");
    let audit = told(&one, &["audit"]);
    let lines: Vec<&str> = audit.lines().skip(1).collect();
    assert_eq!(lines.len(), 3, "{audit}");
    assert!(lines[0].contains("10.1.2.0/24 of app.demo.test is no longer pinned"), "{audit}");
    assert!(lines[2].contains("10.1.2.0/24 of app.demo.test is pinned to there"), "{audit}");
}

#[test]
fn a_region_is_drained_by_steps_and_given_back() {
    let world = World::new();
    let one = world.start("one", &config(&world));
    let here = || {
        let clients = (0..64).map(|third| [10, third, 32]);
        let at = |client| ask(&world, NAME, client).0.to_string() == "192.0.2.1";
        clients.map(at).collect::<Vec<bool>>()
    };
    let left = |stays: &[bool]| stays.iter().filter(|stays| !**stays).count();
    assert_eq!(left(&here()), 0);
    done(&one, &["regions", "drain", "here", "--share", "0.25"], || left(&here()) > 0);
    let quarter = here();
    assert!((6..27).contains(&left(&quarter)), "{quarter:?}");
    assert_eq!(ask(&world, NAME, [10, 1, 32]).1, 20, "no wider than what is drained as one");
    let more = ["regions", "drain", "here", "--share", "0.75"];
    done(&one, &more, || left(&here()) > left(&quarter));
    let three_quarters = here();
    assert!(quarter.iter().zip(&three_quarters).all(|(before, after)| *before || !after));
    let list = told(&one, &["regions", "list"]);
    assert!(list.contains("here    75 %"), "{list}");
    let one = one.restart();
    assert_eq!(here(), three_quarters);
    done(&one, &["regions", "drain", "here"], || left(&here()) == 64);
    let story = told(&one, &["explain", NAME, "10.1.32.7"]);
    assert!(story.contains("here would come before but is drained for this client"), "{story}");
    done(&one, &["regions", "undrain", "here"], || left(&here()) == 0);
    // Over time: it has begun, and has not ended.
    told(&one, &["regions", "drain", "here", "--over", "2h"]);
    let list = told(&one, &["regions", "list"]);
    assert!(list.contains("100 % at 2"), "{list}");
}

#[test]
fn learning_is_frozen_silenced_and_explained() {
    let world = World::new();
    let one = world.start("one", &config(&world));
    told(&one, &["learning", "freeze", NAME]);
    told(&one, &["learning", "explore", "off", NAME]);
    let one = one.restart();
    let list = told(&one, &["learning", "status"]);
    assert!(
        list.contains("1.00 %") && list.contains("no: operator") && list.contains("no: frozen"),
        "{list}"
    );
    let story = told(&one, &["--json", "explain", NAME, "10.1.2.3"]);
    let story: serde_json::Value = serde_json::from_str(&story).unwrap();
    assert_eq!(story["exploration"]["off"], "frozen", "{story}");
    told(&one, &["learning", "thaw", NAME]);
    let story = told(&one, &["explain", NAME, "10.1.2.3"]);
    assert!(story.contains("explores     nothing: operator"), "{story}");
    told(&one, &["learning", "explore", "on", NAME]);
    let list = told(&one, &["learning", "list"]);
    assert!(!list.contains("no:"), "{list}");
    // By TCP it can be read.
    let (code, said) = cli(&["--api", &one.api(), "explain", "bound.demo.test", "10.9.1.1"]);
    assert!(code == 0 && said.contains("constraint"), "{said}");
    assert_eq!(ask(&world, "bound.demo.test", [10, 9, 1]).0.to_string(), "192.0.2.2");
    assert_eq!(cli(&["--api", &one.api(), "learning", "freeze", NAME]).0, 77);
}

#[test]
fn the_clients_of_a_resolver_are_set_and_kept() {
    let world = World::new();
    let one = world.start("one", &config(&world));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("weights.json");
    let weights = r#"{"resolvers":[{"resolver":"192.0.2.53/32","clients":[{"cidr":"10.1.2.0/24","weight":3}]}]}"#;
    std::fs::write(&file, weights).unwrap();
    told(&one, &["resolvers", "set", file.to_str().unwrap()]);
    let one = one.restart();
    assert_eq!(told(&one, &["--json", "resolvers", "list"]).trim(), weights);
    let story = told(&one, &["explain", NAME, "192.0.2.53"]);
    assert!(story.contains("judged as 192.0.2.53/32"), "{story}");
    told(&one, &["resolvers", "clear"]);
    assert_eq!(told(&one, &["resolvers", "list"]).lines().count(), 1);
}

#[test]
fn what_cannot_be_done_says_why() {
    let world = World::new();
    let one = world.start("one", &config(&world));
    let check = |words: &[&str], code: i32, part: &str| {
        let (found, said) = cli(&[&["--api", &one.control()], words].concat());
        assert!(found == code && said.contains(part), "{words:?}: {found} {said}");
    };
    check(&["explain", "no.demo.test", "10.1.2.3"], 1, "there is no domain no.demo.test");
    check(&["explain", NAME, "10.1.2.3/24"], 1, "did you mean 10.1.2.0/24?");
    check(
        &["pins", "set", NAME, "10.1.2.0/24", "mars"],
        1,
        "no region mars of app.demo.test; there are here, there",
    );
    check(&["pins", "set", "no", "10.1.2.0/24", "here"], 1, "there is no domain no");
    check(&["pins", "set", NAME, "ten", "here"], 1, "\"ten\" is no network");
    check(&["pins", "clear", NAME, "10.1.2.0/24"], 1, "10.1.2.0/24 of app.demo.test is not pinned");
    check(&["regions", "drain", "mars"], 1, "no region mars of any domain; there are here, there");
    check(&["regions", "undrain", "here"], 1, "region here is not drained");
    check(&["regions", "drain", "here", "--share", "2"], 64, "2 is no share");
    check(&["regions", "drain", "here", "--over", "soon"], 64, "10m, 2h or 1d");
    check(&["regions", "drain", "here", "--over", "500h"], 1, "at most 604800");
    check(&["learning", "freeze", "bound.demo.test"], 1, "goes by geolocation: nothing is learned");
    check(&["resolvers", "set", "/nowhere"], 64, "/nowhere");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("weights.json");
    let name = file.to_str().unwrap();
    for (weights, code, part) in [
        ("{}", 64, "resolvers"),
        (
            r#"{"resolvers":[{"resolver":"10.0.0.1/32","clients":[]}]}"#,
            1,
            "no client with a weight",
        ),
        (r#"{"resolvers":[{"resolver":"ten","clients":[]}]}"#, 1, "\"ten\" is no network"),
    ] {
        std::fs::write(&file, weights).unwrap();
        check(&["resolvers", "set", name], code, part);
    }
    assert_eq!(told(&one, &["audit"]).lines().count(), 1, "nothing was done");
}
