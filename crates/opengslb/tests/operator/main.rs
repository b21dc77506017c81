//! `opengslb-cli` as an operator meets it: against real overwatches on loopback, below a parent that
//! answers by a script.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod by_hand;
mod parent;
mod signed;
mod world;

use world::{Overwatch, World, cli, run};

/// The lines of a report that are not good, cut to the check's word.
fn faults(report: &str) -> Vec<&str> {
    report.lines().filter(|line| line.starts_with('✗')).collect()
}

/// Two overwatches, the second as `change` makes its configuration.
fn two(world: &World, change: impl Fn(String) -> String) -> (Overwatch, Overwatch) {
    let config = |last, name| world.config(last, name);
    (world.start("one", &config(3, "one")), world.start("two", &change(config(4, "two"))))
}

#[test]
fn preflight_finds_nothing_wrong_with_a_good_zone() {
    let world = World::new();
    let (one, two) = two(&world, |config| config);
    let (code, said) = world.preflight(&[&one, &two]);
    assert_eq!((code, faults(&said).len()), (0, 0), "{said}");
    let checks = ["parent", "delegation", "glue", "udp", "tcp", "edns", "large answers", "serial"];
    for check in checks.iter().chain(&["nameservers", "dnssec", "configuration", "answers"]) {
        assert!(said.contains(&format!("✓ {check:13}  ")), "{check}\n{said}");
    }
    assert!(
        said.contains("app.demo.test: 127.0.0.1 TTL 30; for 192.0.2.0/24: 127.0.0.1"),
        "{said}"
    );
    // The same from the configuration, and as JSON.
    let root = world.root();
    let port = world.port.to_string();
    let from_file = ["check-config", "--preflight", "--root", &root, "--port", &port, "--config"];
    let (code, said) =
        run(env!("CARGO_BIN_EXE_opengslb"), &[&from_file[..], &[one.file()]].concat());
    assert!(code == 0 && said.contains("✓ answers"), "{said}");
    let (code, said) = cli(&["--json", "preflight", "demo.test", "--root", &root, "--port", &port]);
    let document: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(code == 0 && document["passed"] == true, "{said}");
}

#[test]
fn preflight_sees_what_the_parent_does_wrong() {
    let mut world = World::new();
    let (one, two) = two(&world, |config| config);
    world.parent.says(|script| script.glue[1] = [127, 0, 0, 3].into());
    let (code, said) = world.preflight(&[&one, &two]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("✗ glue") && said.contains("says ns2.demo.test is 127.0.0.3"), "{said}");
    world.parent.says(|script| script.is_delegated = false);
    let (code, said) = world.preflight(&[&one, &two]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("✗ delegation") && said.contains("does not delegate demo.test"),
        "{said}"
    );
}

#[test]
fn preflight_sees_what_a_nameserver_does_wrong() {
    let mut world = World::new();
    let one = world.start("one", &world.config(3, "one"));
    let serial = |config: String| config.replace("serial: 7", "serial: 8");
    let lame = |config: String| config.replace("demo.test", "else.test");
    {
        let two = world.start("two", &serial(world.config(4, "two")));
        let (code, said) = world.preflight(&[&one, &two]);
        let faults = faults(&said);
        assert_eq!((code, faults.len()), (1, 2), "{said}");
        assert!(faults[0].contains("serial") && faults[0].contains("127.0.0.3: 7; 127.0.0.4: 8"));
        assert!(faults[1].contains("configuration"), "{said}");
    }
    {
        let two = world.start("two", &lame(world.config(4, "two")));
        let (code, said) = world.preflight(&[&one, &two]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("✗ udp") && said.contains("lame: it refuses"), "{said}");
    }
    // Nobody listens by TCP where this relay stands.
    let two = world.start("two", &world.config(4, "two"));
    let _relay = world.relay_datagrams(5, 4);
    world.parent.says(|script| script.glue[1] = [127, 0, 0, 5].into());
    let (code, said) = world.preflight(&[&one, &two]);
    assert_eq!(code, 1, "{said}");
    let line = faults(&said).into_iter().find(|line| line.contains("✗ tcp"));
    assert!(line.is_some_and(|line| line.contains("127.0.0.5 (ns2.demo.test)")), "{said}");
    assert!(said.contains("✓ udp"), "{said}");
}

#[test]
fn every_command_speaks_with_an_overwatch() {
    let world = World::new();
    let one = world.start("one", &world.config(3, "one"));
    let socket = one.control();
    let ask = |words: &[&str]| cli(&[&["--api", &socket], words].concat());
    let (code, said) = ask(&["domains"]);
    assert!(code == 0 && said.contains("app.demo.test  failover"), "{said}");
    let (code, said) =
        ask(&["overrides", "set", "app.demo.test", "127.0.0.1", "--healthy", "true"]);
    assert_eq!((code, said.trim()), (0, "app.demo.test at 127.0.0.1:9: forced up"));
    let (code, said) = ask(&["overrides", "list"]);
    assert!(code == 0 && said.contains("healthy  override"), "{said}");
    let (code, said) = ask(&["status"]);
    assert!(code == 0 && said.contains("servers        1 of 1 healthy"), "{said}");
    let (code, said) = ask(&["overrides", "set", "app.demo.test", "127.0.0.1:9", "--drain"]);
    assert!(code == 0 && said.contains("draining"), "{said}");
    let (code, _) = ask(&["overrides", "clear", "app.demo.test", "127.0.0.1"]);
    assert_eq!(code, 0);
    let (code, said) = ask(&["overrides", "list"]);
    assert_eq!((code, said.lines().count()), (0, 1), "{said}");
    let (code, said) = ask(&["servers", "list", "--service", "app.demo.test"]);
    assert!(code == 0 && said.contains("127.0.0.1"), "{said}");
    for words in [&["agents", "list"][..], &["latency", "show"], &["--json", "servers"]] {
        assert_eq!(ask(words).0, 0, "{words:?}");
    }
    // What is refused, and how.
    assert_eq!(ask(&["agents", "approve", "nobody"]).0, 1);
    assert_eq!(ask(&["overrides", "set", "app.demo.test", "192.0.2.1", "--drain"]).0, 1);
    assert_eq!(ask(&["overrides", "set", "app.demo.test", "ten", "--drain"]).0, 64);
    assert_eq!(ask(&["nonsense"]).0, 64);
    assert_eq!(cli(&["--api", "http://127.0.0.1:1", "status"]).0, 69);
    let tcp = one.api();
    let by_tcp = ["overrides", "set", "app.demo.test", "127.0.0.1", "--drain"];
    let (code, said) = cli(&[&["--api", &tcp], &by_tcp[..]].concat());
    assert_eq!((code, said.contains("a token of role operate")), (77, true), "{said}");
}

#[test]
fn every_command_has_an_example_in_its_help() {
    let commands = [
        "",
        "status",
        "domains",
        "servers",
        "agents",
        "agents list",
        "agents approve",
        "agents revoke",
        "agents forget",
        "domains list",
        "domains get",
        "domains create",
        "domains update",
        "domains delete",
        "servers list",
        "servers get",
        "servers create",
        "servers update",
        "servers delete",
        "regions get",
        "regions create",
        "regions update",
        "regions delete",
        "mappings",
        "mappings list",
        "mappings get",
        "mappings create",
        "mappings update",
        "mappings delete",
        "backup",
        "restore",
        "overrides",
        "overrides list",
        "overrides set",
        "overrides clear",
        "latency",
        "latency show",
        "explain",
        "pins",
        "pins list",
        "pins set",
        "pins clear",
        "regions",
        "regions list",
        "regions drain",
        "regions undrain",
        "learning",
        "learning status",
        "learning freeze",
        "learning thaw",
        "learning explore",
        "learning accept",
        "resolvers",
        "resolvers list",
        "resolvers set",
        "resolvers clear",
        "dnssec",
        "dnssec status",
        "dnssec ds",
        "dnssec roll",
        "dnssec ds-seen",
        "dnssec export",
        "dnssec import",
        "audit",
        "preflight",
    ];
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let (code, said) = cli(&words);
        assert_eq!(code, 0, "{command}");
        let example = format!("opengslb-cli {command}");
        assert!(
            said.split("Example").nth(1).is_some_and(|rest| rest.contains(example.trim_end())),
            "{said}"
        );
    }
}
