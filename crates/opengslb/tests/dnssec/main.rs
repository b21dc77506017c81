//! Signed zones as validators see them: `delv`, of BIND, and Unbound in front of two overwatches that
//! share their keys; all on loopback, each with the zone's DS record as its trust anchor.
//!
//! Times to live are a second here, and imports have a few, so that keys are followed while a test
//! runs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod load;
mod question;
mod world;

use load::Load;
use question::{Said, ask, ask_with};
use world::{Overwatch, Resolver, delv, eventually, lacks};

/// EDNS flags: DO (RFC 3225), and CO (RFC 9824, 5.1).
const DO: u16 = 0x8000;
const CO: u16 = 0x4000;

/// A, TXT, AAAA, DS.
const A: u16 = 1;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const DS: u16 = 43;

/// A question, and the response code of a server that is not told that the asker knows compact denial.
const QUESTIONS: &[(&str, u16, u8)] = &[
    ("www.demo.test", A, 0),
    ("alias.demo.test", A, 0),
    ("any.wild.demo.test", A, 0),
    ("other.wild.demo.test", AAAA, 0),
    ("www.demo.test", TXT, 0),
    ("no.demo.test", A, 0),
    ("below.www.demo.test", A, 0),
    ("ent.demo.test", A, 0),
    ("b.ent.demo.test", A, 0),
    ("sub.demo.test", DS, 0),
    ("app.demo.test", A, 0),
    ("app.demo.test", AAAA, 0),
    ("demo.test", 48, 0),
    ("demo.test", 59, 0),
    ("demo.test", 6, 0),
];

#[test]
fn two_overwatches_with_the_same_keys_are_believed() {
    if lacks(&["delv", "unbound"]) {
        return;
    }
    for layout in ["csk", "ksk_zsk, algorithm: ed25519"] {
        let (one, two) = pair(layout);
        let anchor = one.ds();
        assert_eq!(anchor, two.ds());
        for overwatch in [&one, &two] {
            for (name, qtype, _) in QUESTIONS {
                let said = delv(overwatch.port, &anchor, name, *qtype);
                assert!(said.contains("fully validated"), "{name} {qtype}: {said}");
            }
            let (digest, last) = anchor.split_at(anchor.len() - 1);
            let other = format!("{digest}{}", if last == "0" { "1" } else { "0" });
            let wrong = delv(overwatch.port, &other, "www.demo.test", A);
            assert!(!wrong.contains("fully validated"), "{wrong}");
        }
        let resolver = Resolver::start(&[&one, &two], &anchor);
        for (name, qtype, rcode) in QUESTIONS {
            let Said { rcode: found, is_validated, .. } = resolver.ask(name, *qtype);
            assert_eq!((found, is_validated), (*rcode, true), "{name} {qtype}\n{}", resolver.log());
        }
    }
}

#[test]
fn a_name_that_is_not_there_is_denied_alike_with_and_without_co() {
    let one = Overwatch::start("csk", true);
    one.await_signing();
    let plain = ask_with(one.port, "no.demo.test", A, Some(DO)).unwrap();
    let compact = ask_with(one.port, "no.demo.test", A, Some(DO | CO)).unwrap();
    let unsigned = ask(one.port, "no.demo.test", A).unwrap();
    assert_eq!((plain.rcode, compact.rcode, unsigned.rcode), (0, 3, 3));
    // The same records: an NSEC, the SOA, and a signature of each.
    assert_eq!((plain.counts, compact.counts), ([0, 4], [0, 4]));
    assert_eq!(unsigned.counts, [0, 1]);
}

#[test]
fn keys_are_followed_under_load_and_nobody_notices() {
    if lacks(&["unbound"]) {
        return;
    }
    let (one, two) = pair("ksk_zsk");
    let old = one.ds();
    one.cli(&["ds-seen", "demo.test"]);
    one.hand_keys_to(&two);
    let by_old = Resolver::start(&[&one, &two], &old);
    let before = one.tags();
    let load = Load::on(&by_old);
    one.cli(&["roll", "demo.test", "--zsk"]);
    one.cli(&["roll", "demo.test", "--ksk"]);
    one.hand_keys_to(&two);
    for overwatch in [&one, &two] {
        eventually("the ZSK is followed and the KSK is ready", || {
            let states = overwatch.states();
            let has = |state: &str| states.contains(&state.to_owned());
            (has("ksk active") && has("ksk ready") && states.len() == 3).then_some(())
        });
    }
    // The zone above has the new one now.
    let new = one.ds();
    assert_ne!(new, old);
    let by_new = Resolver::start(&[&one, &two], &new);
    let second = Load::on(&by_new);
    // What the old DS record vouches for is good until the new key takes over.
    load.assert_good(&by_old);
    one.cli(&["ds-seen", "demo.test"]);
    one.hand_keys_to(&two);
    for overwatch in [&one, &two] {
        eventually("the KSK is followed", || {
            let states = overwatch.states();
            (states == ["ksk active", "zsk active"] || states == ["zsk active", "ksk active"])
                .then_some(())
        });
        assert!(overwatch.tags().iter().all(|tag| !before.contains(tag)), "all keys are new");
    }
    second.assert_good(&by_new);
    // A restart signs with the same keys.
    let tags = one.tags();
    let one = one.restart();
    one.await_signing();
    assert_eq!(one.tags(), tags);
}

#[test]
fn a_second_overwatch_answers_nothing_before_it_has_the_keys() {
    let (one, two) = (Overwatch::start("csk", true), Overwatch::start("csk", false));
    one.await_signing();
    assert_eq!(ask(two.port, "www.demo.test", A).unwrap().rcode, 2);
    assert_eq!(ask(two.port, "www.plain.test", A).unwrap().rcode, 0);
    let (code, said) = two.try_cli(&["status"]);
    assert!(code == 1 && said.contains("key_missing"), "{said}");
    one.hand_keys_to(&two);
    assert_eq!(ask(two.port, "www.demo.test", A).unwrap().rcode, 0);
    assert_eq!(two.try_cli(&["status", "demo.test"]).0, 0);
    // Keys of somebody else's making are refused, and so are words over the network.
    let three = Overwatch::start("csk", true);
    three.await_signing();
    let (code, said) = three.import(&one.export(), &[]);
    assert!(code == 1 && said.contains("--replace"), "{said}");
    assert_eq!(three.import(&one.export(), &["--replace"]).0, 0);
    assert_eq!(three.ds(), one.ds());
    let (code, said) = three.cli_by_tcp(&["export", "demo.test"]);
    assert!(code == 77 && !said.contains("dnssec-keys"), "{said}");
    let (code, _) = three.cli_by_tcp(&["roll", "demo.test"]);
    assert_eq!(code, 77);
    assert_eq!(three.cli_by_tcp(&["ds", "demo.test"]).1.trim(), one.ds());
    // No secret is ever logged.
    let secret = one.export().split_whitespace().find(|word| word.len() == 44).unwrap().to_owned();
    for overwatch in [&one, &two, &three] {
        assert!(!overwatch.log().contains(&secret));
    }
}

/// Two overwatches, the second with the keys of the first.
fn pair(layout: &str) -> (Overwatch, Overwatch) {
    let (one, two) = (Overwatch::start(layout, true), Overwatch::start(layout, false));
    one.await_signing();
    one.hand_keys_to(&two);
    two.await_signing();
    (one, two)
}
