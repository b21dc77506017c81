//! `preflight` of a signed zone: keys, what the parent says of them, and clocks.

use std::process::Command;

use crate::faults;
use crate::world::{Overwatch, World, cli, run};

/// The zone signed, with keys of its own or of another.
fn signed(config: &str, makes_keys: bool) -> String {
    let serial = "      soa: {serial: 7}\n";
    assert!(config.contains(serial), "{config}");
    let dnssec = format!("      dnssec: {{enabled: true, make_keys: {makes_keys}}}\n");
    config.replace(serial, &format!("{serial}{dnssec}"))
}

fn dnssec(overwatch: &Overwatch, words: &[&str]) -> String {
    let (code, said) = cli(&[&["--api", &overwatch.control(), "dnssec"], words].concat());
    assert_eq!(code, 0, "{words:?}: {said}");
    said
}

/// The DS record as the parent has it: tag, algorithm and digest.
fn ds(overwatch: &Overwatch) -> (u16, u8, Vec<u8>) {
    let said = dnssec(overwatch, &["ds", "demo.test"]);
    let words: Vec<&str> = said.split_whitespace().collect();
    let [_, "IN", "DS", tag, algorithm, "2", digest] = words[..] else { panic!("{said}") };
    let byte = |at: usize| u8::from_str_radix(&digest[at..at + 2], 16).unwrap();
    let digest = (0..digest.len()).step_by(2).map(byte).collect();
    (tag.parse().unwrap(), algorithm.parse().unwrap(), digest)
}

#[test]
fn preflight_knows_a_signed_zone_and_what_its_parent_says() {
    let mut world = World::new();
    let one = world.start("one", &signed(&world.config(3, "one"), true));
    let two = world.start("two", &signed(&world.config(4, "two"), false));
    // The second has no keys, and answers nothing.
    let (code, said) = world.preflight(&[&one, &two]);
    assert!(code == 1 && said.contains("✗ udp") && said.contains("SERVFAIL"), "{said}");
    let keys = tempfile::NamedTempFile::new().unwrap();
    let exported = dnssec(&one, &["export", "demo.test"]);
    // Words to people begin with the program's name.
    let lines: Vec<&str> =
        exported.lines().filter(|line| !line.starts_with("opengslb-cli:")).collect();
    std::fs::write(keys.path(), lines.join("\n")).unwrap();
    dnssec(&two, &["import", "demo.test", &keys.path().display().to_string()]);
    // No DS record yet: worth knowing, and no fault.
    let (code, said) = world.preflight(&[&one, &two]);
    assert_eq!((code, faults(&said).len()), (0, 0), "{said}");
    assert!(said.contains("! dnssec") && said.contains("does not vouch for"), "{said}");
    assert!(said.contains("✓ signatures"), "{said}");
    // The right one.
    let right = ds(&one);
    world.parent.says(|script| script.ds = vec![right.clone()]);
    let (code, said) = world.preflight(&[&one, &two]);
    assert_eq!((code, faults(&said).len()), (0, 0), "{said}");
    assert!(said.contains("✓ dnssec") && said.contains("✓ signatures"), "{said}");
    // One that fits nothing.
    world.parent.says(|script| script.ds[0].2[0] ^= 1);
    let (code, said) = world.preflight(&[&one, &two]);
    assert!(code == 1 && said.contains("✗ dnssec") && said.contains("none fits"), "{said}");
    // Overwatches whose keys differ: nobody exported and imported after this.
    world.parent.says(|script| script.ds = vec![right]);
    dnssec(&one, &["roll", "demo.test"]);
    let (code, said) = world.preflight(&[&one, &two]);
    assert!(code == 1 && said.contains("✗ dnssec") && said.contains("keys differ"), "{said}");
}

#[test]
fn preflight_finds_a_zone_that_is_not_signed_and_should_be() {
    let mut world = World::new();
    let config = |last, name| world.config(last, name);
    let (one, two) = (world.start("one", &config(3, "one")), world.start("two", &config(4, "two")));
    world.parent.says(|script| script.ds = vec![(1, 13, vec![7; 32])]);
    let (code, said) = world.preflight(&[&one, &two]);
    assert!(code == 1 && said.contains("✗ dnssec") && said.contains("is unsigned"), "{said}");
}

/// Whose clock is wrong, the overwatch's or that of whoever looks, nobody can know from afar.
#[test]
fn preflight_sees_that_clocks_differ() {
    let is_there = Command::new("faketime").arg("--version").output().is_ok();
    if !is_there {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has to run faketime");
        eprintln!("SKIPPED, nothing is proven: faketime is missing");
        return;
    }
    let mut world = World::new();
    let one = world.start("one", &signed(&world.config(3, "one"), true));
    let right = ds(&one);
    world.parent.says(|script| (script.ds, script.glue[1]) = (vec![right], script.glue[0]));
    let (root, port) = (world.root(), world.port.to_string());
    for (offset, expect) in [("+0", None), ("+9d", Some("expired")), ("-2d", Some("holds in"))] {
        let mut words = vec!["-m", "-f", offset, env!("CARGO_BIN_EXE_opengslb-cli"), "preflight"];
        words.extend(["demo.test", "--root", &root, "--port", &port]);
        let (_, said) = run("faketime", &words);
        let line = faults(&said).into_iter().find(|line| line.contains("signatures"));
        assert_eq!(line.is_some(), expect.is_some(), "{offset}: {said}");
        let (line, expect) = (line.unwrap_or_default(), expect.unwrap_or_default());
        assert!(line.contains(expect), "{offset}: {said}");
    }
}
