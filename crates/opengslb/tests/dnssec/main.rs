//! Signed zones as validators see them: `delv`, of BIND, and Unbound in front of two overwatches that
//! share their keys; all on loopback, each with the zone's DS record as its trust anchor.
//!
//! Times to live are a second here, and imports have a few, so that keys are followed while a test
//! runs. What neither of the two asks for, as a denial with the CO flag, is judged by `proof`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clock;
mod load;
mod proof;
mod question;
mod world;

use std::collections::BTreeSet;

use domain::base::Rtype;
use load::Load;
use proof::{Keys, Section, Set};
use question::{Said, ask, ask_with};
use world::{Overwatch, Resolver, delv, eventually, lacks};

/// EDNS flags: DO (RFC 3225), and CO (RFC 9824, 5.1).
const DO: u16 = 0x8000;
const CO: u16 = 0x4000;

/// A, TXT, AAAA, DS, DNSKEY.
const A: u16 = 1;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const DS: u16 = 43;
const DNSKEY: u16 = 48;

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
    ("any.wild.demo.test", TXT, 0),
    ("sub.demo.test", DS, 0),
    ("secure.demo.test", DS, 0),
    ("open.demo.test", DS, 0),
    ("inner.between.demo.test", DS, 0),
    ("between.demo.test", A, 0),
    ("child.demo.test", DS, 0),
    ("www.child.demo.test", A, 0),
    ("no.child.demo.test", A, 0),
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
        let child = one.ds_of("child.demo.test");
        let child = child.split_once(" DS ").unwrap().1;
        for overwatch in [&one, &two] {
            overwatch.add_record(&format!("child DS {child}"));
        }
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
        // Below a delegation without a DS record nothing is signed, and that is proven.
        for name in ["www.open.demo.test", "www.inner.between.demo.test"] {
            let said = delv(one.port, &anchor, name, A);
            assert!(said.contains("unsigned answer"), "{said}");
            let said = resolver.ask(name, A);
            assert_eq!((said.rcode, said.is_validated, said.counts[0]), (0, false, 1), "{said:?}");
        }
    }
}

/// Names, types, and what an asker with the CO flag gets: response code, types of the NSEC record at the
/// name; none where there is another answer.
const DENIALS: &[(&str, u16, u8, &[&str])] = &[
    ("no.demo.test", A, 3, &["RRSIG", "NSEC", "NXNAME"]),
    ("below.www.demo.test", TXT, 3, &["RRSIG", "NSEC", "NXNAME"]),
    ("www.demo.test", TXT, 0, &["A", "RRSIG", "NSEC"]),
    ("any.wild.demo.test", TXT, 0, &["A", "AAAA", "RRSIG", "NSEC"]),
    ("ent.demo.test", A, 0, &["RRSIG", "NSEC"]),
    ("app.demo.test", TXT, 0, &["A", "AAAA", "RRSIG", "NSEC"]),
    ("sub.demo.test", DS, 0, &["NS", "RRSIG", "NSEC"]),
];

/// Neither validator sends CO: `domain` judges.
#[test]
fn what_is_not_there_is_denied_alike_with_and_without_co() {
    let mut others: Option<Keys> = None;
    for layout in ["csk", "ksk_zsk, algorithm: ed25519"] {
        let one = Overwatch::start(layout, true);
        one.await_signing();
        let keys = keys_of(&one, "demo.test");
        for (name, qtype, rcode, types) in DENIALS {
            let plain = ask_with(one.port, name, *qtype, Some(DO)).unwrap();
            let compact = ask_with(one.port, name, *qtype, Some(DO | CO)).unwrap();
            let unsigned = ask_with(one.port, name, *qtype, Some(CO)).unwrap();
            let rcodes = (plain.rcode, compact.rcode, unsigned.rcode);
            assert_eq!(rcodes, (0, *rcode, *rcode), "{name} {qtype}");
            for said in [&plain, &compact] {
                let sets = keys.judge(&said.bytes).unwrap();
                let of = |rtype| sets.iter().find(|set| set.rtype == rtype).unwrap();
                let (nsec, soa) = (of(Rtype::NSEC), of(Rtype::SOA));
                assert_eq!(sets.len(), 2, "{sets:?}");
                let kind = |set: &Set| (set.section, set.rtype, set.owner.clone(), set.is_signed);
                let expect =
                    |rtype, owner: &str| (Section::Authority, rtype, owner.to_owned(), true);
                assert_eq!(kind(nsec), expect(Rtype::NSEC, name), "{sets:?}");
                assert_eq!(kind(soa), expect(Rtype::SOA, "demo.test"), "{sets:?}");
                let text = nsec.texts.join("\n");
                let words: Vec<&str> = text.split_whitespace().collect();
                // The next name there could be, and the types.
                assert_eq!(words[0], format!("\\000.{name}."), "{text}");
                let listed: BTreeSet<&str> = words[1..].iter().copied().collect();
                assert_eq!(listed, types.iter().copied().collect(), "{name} {qtype}: {text}");
            }
            assert_eq!(plain.counts, compact.counts);
            assert_eq!(unsigned.counts, [0, 1], "the SOA and no proof");
            let by_others = others.as_ref().map(|keys| keys.judge(&compact.bytes).is_ok());
            assert_ne!(by_others, Some(true), "signed by whoever it is");
        }
        others = Some(keys);
    }
}

/// What is not signed in a referral, and what is (RFC 4035, 2.2 and 3.1.4).
#[test]
fn a_referral_says_whether_the_zone_below_is_signed() {
    let one = Overwatch::start("csk", true);
    one.await_signing();
    let keys = keys_of(&one, "demo.test");
    for (zone, proof) in [("secure.demo.test", Rtype::DS), ("sub.demo.test", Rtype::NSEC)] {
        for flags in [DO, DO | CO] {
            let said = ask_with(one.port, &format!("www.{zone}"), A, Some(flags)).unwrap();
            assert_eq!((said.rcode, said.counts[0], said.bytes[2] & 4), (0, 0, 0), "no authority");
            let sets = keys.judge(&said.bytes).unwrap();
            let found: BTreeSet<(Rtype, &str, bool)> =
                sets.iter().map(|set| (set.rtype, &*set.owner, set.is_signed)).collect();
            assert_eq!(found, BTreeSet::from([(Rtype::NS, zone, false), (proof, zone, true)]));
        }
    }
}

/// The keys that a zone shows.
#[track_caller]
fn keys_of(overwatch: &Overwatch, zone: &str) -> Keys {
    let said = ask_with(overwatch.port, zone, DNSKEY, Some(DO)).unwrap();
    Keys::of(&said.bytes).unwrap()
}

#[test]
fn a_zsk_and_a_ksk_are_followed_under_load_and_nobody_notices() {
    if lacks(&["delv", "unbound"]) {
        return;
    }
    std::thread::scope(|scope| {
        for layout in ["ksk_zsk", "ksk_zsk, algorithm: ed25519"] {
            scope.spawn(move || follow(layout, &["--zsk", "--ksk"], "ksk"));
        }
    });
}

#[test]
fn a_csk_is_followed_under_load_and_nobody_notices() {
    if lacks(&["delv", "unbound"]) {
        return;
    }
    std::thread::scope(|scope| {
        for layout in ["csk", "csk, algorithm: ed25519"] {
            scope.spawn(move || follow(layout, &[], "csk"));
        }
    });
}

/// Rolls all keys, by their words, under load; `entry` is the role that waits for its DS record.
fn follow(layout: &str, words: &[&str], entry: &str) {
    let (one, two) = pair(layout);
    let old = one.ds();
    one.cli(&["ds-seen", "demo.test"]);
    one.hand_keys_to(&two);
    let by_old = Resolver::start(&[&one, &two], &old);
    let before = one.tags();
    let load = Load::on(&by_old);
    let assert_validates = |anchor: &str, when: &str| {
        for overwatch in [&one, &two] {
            let said = delv(overwatch.port, anchor, "app.demo.test", A);
            assert!(said.contains("fully validated"), "{layout}, {when}: {said}");
        }
    };
    if words.is_empty() {
        one.cli(&["roll", "demo.test"]);
    }
    for word in words {
        one.cli(&["roll", "demo.test", word]);
    }
    one.hand_keys_to(&two);
    assert_validates(&old, "published");
    let (active, ready) = (format!("{entry} active"), format!("{entry} ready"));
    for overwatch in [&one, &two] {
        eventually("a ZSK is followed and the entry point is ready", || {
            let states = overwatch.states();
            let has = |state: &String| states.contains(state);
            let is_alone = states.len() == before.len() + 1;
            (has(&active) && has(&ready) && is_alone).then_some(())
        });
    }
    // The zone above has the new one now.
    let new = one.ds();
    assert_ne!(new, old);
    let by_new = Resolver::start(&[&one, &two], &new);
    let second = Load::on(&by_new);
    assert_validates(&old, "ready");
    assert_validates(&new, "ready");
    // What the old DS record vouches for is good until the new key takes over.
    load.assert_good(&by_old);
    one.cli(&["ds-seen", "demo.test"]);
    one.hand_keys_to(&two);
    for overwatch in [&one, &two] {
        eventually("the entry point is followed", || {
            let states = overwatch.states();
            let is_settled = states.iter().all(|state| state.ends_with(" active"));
            (is_settled && states.len() == before.len()).then_some(())
        });
        assert!(overwatch.tags().iter().all(|tag| !before.contains(tag)), "all keys are new");
    }
    assert_validates(&new, "followed");
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
    let (is_ready, said) = two.ready();
    assert!(!is_ready && said.contains("demo.test: no csk signs"), "{said}");
    one.hand_keys_to(&two);
    assert!(two.ready().0, "{}", two.ready().1);
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
