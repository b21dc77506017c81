//! Reloads and hand-overs of the built processes, on loopback, under load: no query is lost, and no
//! answer that was learned.
//!
//! With `OPENGSLB_RELOAD=whole` in the environment the counts are those of the nightly run: a hundred
//! reloads, ten hand-overs. Without it a tenth of the reloads and three hand-overs.
//!
//! - `daemon`: one process, what it says, how it ends,
//! - `site`: an overwatch with what it needs, and a configuration to be changed,
//! - `learner`: an agent in memory that tells what it learned over the real mesh,
//! - `asker`: clients that ask without end and count what they do not get,
//! - `ending`: hand-overs that are refused, or broken off by an end,
//! - `recall`: what was learned, kept on disk,
//! - `dnsperf`: many more questions at once, where there is that program.
//!
//! The zone is signed; `proof` judges the signatures.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod asker;

#[path = "../process/daemon.rs"]
mod daemon;
mod files;

mod dnsperf;

mod ending;

mod learner;

#[path = "../dnssec/proof.rs"]
#[expect(dead_code, reason = "the tests of signed zones use the rest")]
mod proof;

mod recall;

mod site;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use asker::{Askers, Asking, Expected, ask_once};
use daemon::{Daemon, eventually};
use dnsperf::{Dnsperf, Numbers};
use site::{LEARNED, Site, WWW};

const NXDOMAIN: u8 = 3;

/// So many answers `dnsperf` gets at least; fewer would be no load.
const DNSPERF_MIN: u64 = 1_000;

fn is_whole() -> bool {
    std::env::var("OPENGSLB_RELOAD").is_ok_and(|value| value == "whole")
}

fn report(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// All who ask.
struct Load {
    askers: Askers,
    dnsperf: Option<Dnsperf>,
}

/// Clients of every kind, most of them for what was learned.
fn load(site: &Site) -> Load {
    let questions = [
        (Asking::Udp, LEARNED),
        (Asking::Udp, WWW),
        (Asking::Signed, LEARNED),
        (Asking::Tcp, LEARNED),
        (Asking::OneConnection, LEARNED),
    ];
    let askers = Askers::start(site.dns, "test", &questions);
    let dnsperf = Dnsperf::start(site.dns, is_whole());
    eventually("they ask", || askers.asked() > 100);
    Load { askers, dnsperf }
}

#[track_caller]
fn assert_nothing_lost(Load { askers, dnsperf }: Load, site: &Site, what: &str) {
    let before = askers.asked();
    eventually("they still ask", || askers.asked() > before + 100);
    if dnsperf.is_some() {
        // Before that it calls nothing lost.
        let over = Instant::now() + dnsperf::LOST_AFTER;
        eventually("dnsperf knows what it lost", || Instant::now() > over);
    }
    let tally = askers.stop();
    report(&format!("{what}: {tally:?}"));
    if let Some(numbers) = dnsperf.map(Dnsperf::stop) {
        report(&format!("{what}: {numbers}"));
        let Numbers { sent, completed, lost, interrupted, .. } = &numbers;
        assert!(*completed > DNSPERF_MIN && *lost == 0, "{numbers}\n{}", site.overwatch.log());
        assert_eq!(completed + interrupted, *sent, "{numbers}");
        // With signatures a name that is not there is no error (RFC 9824, 3.1).
        assert_eq!(numbers.rcodes, format!("NOERROR {completed} (100.00%)"), "{numbers}");
    }
    assert_eq!((tally.lost, tally.wrong), (0, 0), "{tally:?}\n{}", site.overwatch.log());
}

/// What an operator does all year: times, zones, domains, servers, and back.
fn variant(site: &Site, number: usize) -> String {
    let text = site.text();
    match number % 5 {
        0 => text.replace("ttl: 30", &format!("ttl: {}", 31 + number)),
        1 => text.replace("[www", &format!("[n{number} 60 A 192.0.2.1, www")),
        2 => {
            let more = format!("  - {{name: d{number}.test, regions: [eu-west]}}\ndomains:\n");
            text.replace("domains:\n", &format!("domains:\n{}", more.replace("domains:\n", "")))
        }
        3 => {
            let server = "servers: [{address: 127.0.0.13, port: 9, service: app.test}]";
            text.replace("{name: eu-west}", &format!("{{name: eu-west, {server}}}"))
        }
        _ => text
            .replace(
                "[{name: eu-west}, {name: ap-southeast}]",
                "[{name: ap-southeast}, {name: eu-west}, {name: us-east}]",
            )
            .replace("[eu-west, ap-southeast]", "[us-east, ap-southeast, eu-west]"),
    }
}

#[test]
fn reloads_under_load_lose_no_query_and_nothing_learned() {
    let site = Site::learned();
    let load = load(&site);
    let reloads = if is_whole() { 100 } else { 10 };
    let mut digests = std::collections::BTreeSet::from([site.digest()]);
    for number in 0..reloads {
        site.write(&variant(&site, number));
        match number % 3 {
            0 => site.overwatch.signal("HUP"),
            1 => assert_eq!(site.ask_api("POST /api/v1/reload").0, 200),
            _ => {
                let (code, said) = site.cli_reload();
                assert!(code == 0 && said.contains("changed: "), "{number}: {code} {said}");
            }
        }
        site.overwatch.lines("the configuration was reloaded", number + 1);
        digests.insert(site.digest());
    }
    assert!(digests.len() > reloads / 2, "{digests:?}");
    assert_nothing_lost(load, &site, &format!("{reloads} reloads"));
}

#[test]
fn hand_overs_under_load_lose_no_query_and_nothing_learned() {
    let mut site = Site::learned();
    let load = load(&site);
    let hand_overs = if is_whole() { 10 } else { 3 };
    for number in 0..hand_overs {
        // What needs a restart is applied by it; a new release would be too.
        site.change(
            "idle_timeout: 2s",
            &format!("idle_timeout: 2s, max_connections: {}", 900 + number),
        );
        site.hand_over();
        assert!(!site.overwatch.has("are not back"), "{}", site.overwatch.log());
    }
    assert_eq!(site.ask_api("GET /api/v1/version").0, 200);
    assert_nothing_lost(load, &site, &format!("{hand_overs} hand-overs"));
}

#[test]
fn an_invalid_configuration_changes_nothing_and_every_fault_is_named() {
    let site = Site::start();
    let digest = site.digest();
    let faulty = site
        .text()
        .replace("ttl: 30", "ttl: never")
        .replace("[eu-west, ap-southeast]", "[eu-west, nowhere]")
        .replace("A 192.0.2.80", "A 192.0.2.81");
    site.write(&faulty);
    let (code, said) = site.cli_reload();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("nothing was changed"), "{said}");
    let (status, body) = site.ask_api("POST /api/v1/reload");
    assert_eq!(status, 422, "{body}");
    site.overwatch.signal("HUP");
    // Three times, by three ways, the same two faults.
    let log = site.overwatch.lines("the configuration was not reloaded, nothing changes: ", 6);
    for fault in ["never", "nowhere"] {
        for text in [&said, &body, &log.join("\n")] {
            assert!(text.contains(fault), "{fault} is not in\n{text}");
        }
    }
    assert_eq!(site.digest(), digest);
    assert!(ask_once(site.dns, WWW).1);
    // A file that is not there, one that others may read, another mode, a database that is none.
    let path = site.config();
    for (text, mode, part) in [
        (site.text(), 0o644, "every user"),
        (site.text().replace("mode: overwatch", "mode: agent"), 0o600, "agent"),
        (
            site.text().replace("{default_region", "{database_path: /dev/null, default_region"),
            0o600,
            "geography",
        ),
    ] {
        use std::os::unix::fs::PermissionsExt as _;
        site.write(&text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let (code, said) = site.cli_reload();
        assert!(code == 1 && said.contains(part), "{part}: {code} {said}");
    }
    std::fs::remove_file(&path).unwrap();
    let (code, said) = site.cli_reload();
    assert!(code == 1 && said.contains("cannot be read"), "{code} {said}");
    assert_eq!(site.digest(), digest);
}

#[test]
fn what_needs_a_restart_is_said_by_key_and_the_rest_is_applied() {
    let site = Site::start();
    let data = site.directory.path().join("data").display().to_string();
    let text = site
        .text()
        .replace("listen_address: 127.0.0.1:0", "listen_address: 127.0.0.2:0")
        .replace("node_id: one", "node_id: two")
        .replace(&format!("data_dir: {data}"), &format!("data_dir: {data}2"))
        .replace("bind_address: \"127.0.0.1:0\"", "bind_address: \"127.0.0.2:0\"")
        .replace("idle_timeout: 2s", "idle_timeout: 3s")
        .replace("rate_limit: {enabled: false}", "rate_limit: {enabled: true}")
        .replace("true, address: \"127.0.0.1:0\"", "true, address: \"127.0.0.2:0\"")
        .replace("format: text", "format: json")
        .replace("A 192.0.2.80", "A 192.0.2.81");
    site.write(&text);
    let (code, said) = site.cli_reload();
    assert_eq!(code, 0, "{said}");
    for key in [
        "dns.listen_address",
        "overwatch.identity.node_id",
        "overwatch.data_dir",
        "overwatch.gossip.bind_address",
        "dns.tcp",
        "dns.rate_limit",
        "api.address",
        "metrics.address",
        "logging.format",
    ] {
        let line = format!("needs a restart, or opengslb --take-over: {key}\n");
        assert!(said.contains(&line), "{key} is not in\n{said}");
        assert!(site.overwatch.line("until a restart or a hand-over").contains(key));
    }
    assert!(said.contains("changed: dns.zones (test changed)\n"), "{said}");
    assert!(ask_once(site.dns, Expected { address: [192, 0, 2, 81], ..WWW }).1);
    // They are said again as long as they wait.
    let (_, said) = site.cli_reload();
    assert!(said.contains("dns.listen_address") && !said.contains("changed:"), "{said}");
    site.write(&site.text());
    assert!(site.cli_reload().1.contains("changed: dns.zones"));
    assert_eq!(site.cli_reload(), (0, "nothing changed\n".to_owned()));
    assert!(!site.overwatch.log().contains(site::TOKEN));
}

#[test]
fn what_left_is_gone_at_once_and_what_came_is_served() {
    let site = Site::start();
    let other = Expected { name: "www.other.test", address: [192, 0, 2, 81] };
    assert_ne!(ask_once(site.dns, LEARNED).0, NXDOMAIN);
    let text = site.text().replace("name: app.test", "name: web.test");
    let zone = "- {name: other.test, records: [www 300 A 192.0.2.81]}\nregions:";
    site.write(&text.replace("regions: [{", &format!("    {zone} [{{")));
    let (code, said) = site.cli_reload();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("app.test removed") && said.contains("other.test added"), "{said}");
    assert_eq!(ask_once(site.dns, LEARNED).0, NXDOMAIN);
    assert_ne!(ask_once(site.dns, Expected { name: "web.test", ..LEARNED }).0, NXDOMAIN);
    assert_eq!(ask_once(site.dns, other), (0, true));
}

#[test]
fn an_agent_goes_by_another_configuration_too() {
    let site = Site::start();
    let config = site.agent_config("weight: 100", "level: info");
    let agent = Daemon::start(&config, &[]);
    let weight = |weight: u32| {
        let (_, body) = site.ask_api("GET /api/v1/overwatch/backends");
        body.contains(&format!("\"weight\":{weight}"))
    };
    eventually("its server is known", || weight(100));
    site.agent_config("weight: 30", "level: debug");
    agent.signal("HUP");
    let line = agent.line("the configuration was reloaded");
    assert!(line.contains("logging.level, agent.backends (app.test 127.0.0.11:80 changed)"));
    eventually("its weight is the new one", || weight(30));
    assert_eq!(site.overwatch.count("joined"), 1, "by the same session");
    site.agent_config("weight: many", "level: debug");
    agent.signal("HUP");
    assert!(agent.line("was not reloaded, nothing changes").contains("many"));
    let mut next = Daemon::start(&site.agent_config("weight: 1", "level: info"), &["--take-over"]);
    assert_eq!(next.end().code(), Some(1));
    next.hear_out();
    assert!(next.has("an agent has nothing to take over"), "{}", next.log());
}

/// Says one message of a hand-over and reads until `part` came back.
fn say(stream: &mut UnixStream, message: &str, part: &str) {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, message.as_bytes()].concat()).unwrap();
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains(part) {
        let mut buffer = [0; 4096];
        // Sockets that come are dropped by the kernel: nobody made room for them.
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&buffer[..count]);
    }
}

const HELLO: &str = r#"{"say":"hello","protocol":1,"version":"0","pid":0}"#;

#[test]
fn a_new_process_that_fails_leaves_the_old_one_as_it_was() {
    let mut site = Site::learned();
    let load = load(&site);
    let at = site.directory.path().join("data/handover.sock");
    // Another protocol is refused.
    let mut stream = UnixStream::connect(&at).unwrap();
    say(&mut stream, &HELLO.replace("\"protocol\":1", "\"protocol\":2"), "refused");
    // One that only looks.
    let mut stream = UnixStream::connect(&at).unwrap();
    say(&mut stream, HELLO, "offered");
    drop(stream);
    site.overwatch.lines("nothing was handed over", 2);
    assert_eq!(site.ask_api("GET /api/v1/version").0, 200);
    // One that dies with the baton in its hand.
    let mut stream = UnixStream::connect(&at).unwrap();
    say(&mut stream, HELLO, "offered");
    say(&mut stream, r#"{"say":"give"}"#, "baton");
    drop(stream);
    site.overwatch.line("this process goes on");
    // The agents come back, and their sessions take their place again.
    site.overwatch.lines("registered 1 backends", 4);
    // One with a faulty configuration says so and ends.
    let good = site.text();
    site.write(&good.replace("ttl: 30", "ttl: never"));
    let mut next = Daemon::start(&site.config(), &["--take-over"]);
    assert_eq!(next.end().code(), Some(64));
    site.write(&good);
    // An ordinary start is refused as ever: the store is taken.
    let mut next = Daemon::start(&site.config(), &[]);
    assert_eq!(next.end().code(), Some(1), "{}", next.log());
    assert!(site.overwatch.is_running());
    // And then it can be handed over all the same.
    site.hand_over();
    assert_nothing_lost(load, &site, "failed hand-overs");
}

#[test]
fn nobody_to_take_over_from_is_an_error() {
    let mut site = Site::start();
    site.overwatch.signal("TERM");
    assert!(site.overwatch.end().success());
    let left: Vec<_> = std::fs::read_dir(site.directory.path().join("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sock"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "the sockets' files go with the process");
    let mut next = Daemon::start(&site.config(), &["--take-over"]);
    assert_eq!(next.end().code(), Some(1));
    next.hear_out();
    assert!(next.has("nobody hands over at"), "{}", next.log());
}
