//! Keys of signed zones: made, kept, moved, imported, and what is wrong with them.

use std::collections::BTreeSet;

use dns::{NameBuf, RecordType};
use dnssec::{Algorithm, KeyRing, Layout, Role, RolloverTerms};
use model::Time;
use overwatch::{
    Asker, Change, Command, Event, KeyFault, KeyOrder, Level, Objection, Reload, Said, Secrets,
    SignedZone, Transport, Worker, resolve,
};

use crate::bench::{Bench, secrets};
use crate::settings::{self, APP, START, ZoneLines, parsed};
use crate::wire::Question;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

fn zone() -> NameBuf {
    parsed("demo.local")
}

fn signed(layout: Layout, makes_keys: bool) -> SignedZone {
    let terms = RolloverTerms {
        layout,
        algorithm: Algorithm::EcdsaP256Sha256,
        dnskey_ttl_s: 600,
        zone_ttl_max_s: 1_200,
        ds_ttl_s: 1_800,
        propagation_s: 60,
        entry_point_age_s: None,
        zsk_age_s: None,
    };
    SignedZone { apex: parsed("Demo.local"), terms, makes_keys }
}

fn bench(layout: Layout, makes_keys: bool) -> Bench {
    Bench::with(|settings| settings.signed = vec![signed(layout, makes_keys)])
}

/// The keys as the API shows them: role, state and whether the DS record was seen.
fn keys(bench: &Bench) -> Vec<String> {
    let document = bench.overwatch.signed_zones(bench.now);
    let keys = document.zones.iter().flat_map(|zone| &zone.keys);
    keys.map(|key| {
        let seen = if key.ds_seen.is_some() { " seen" } else { "" };
        format!("{} {}{seen}", key.role, key.state)
    })
    .collect()
}

/// What comes next, and in how many milliseconds.
fn next(bench: &Bench) -> (String, Option<String>) {
    let document = bench.overwatch.signed_zones(bench.now);
    let zone = document.zones.into_iter().next().unwrap();
    (zone.next_step.unwrap_or_default(), zone.next_step_at)
}

fn tags(bench: &Bench) -> Vec<u16> {
    let document = bench.overwatch.signed_zones(bench.now);
    document.zones.iter().flat_map(|zone| &zone.keys).map(|key| key.tag).collect()
}

fn faults(bench: &Bench) -> Vec<&'static str> {
    bench.overwatch.signing_faults(bench.now).iter().map(dnssec::Fault::name).collect()
}

fn say(bench: &mut Bench, order: KeyOrder) -> Result<(), Objection> {
    let command = Command::Keys(Box::new(order));
    match bench.overwatch.objection(&command, &Said::default(), bench.now) {
        Some(objection) => Err(objection),
        None => {
            bench.tell(Event::Command { command, said: Said::default() });
            Ok(())
        }
    }
}

fn roll(bench: &mut Bench, role: Option<Role>, seed: u8) -> Result<(), Objection> {
    say(bench, KeyOrder::Roll { zone: zone(), role, secrets: secrets(seed) })
}

fn ds_seen(bench: &mut Bench, tag: Option<u16>) -> Result<(), Objection> {
    say(bench, KeyOrder::DsSeen { zone: zone(), tag })
}

fn import(bench: &mut Bench, ring: &KeyRing, replaces: bool) -> Result<(), Objection> {
    say(bench, KeyOrder::Import { zone: zone(), ring: Box::new(ring.clone()), replaces })
}

fn export(bench: &Bench) -> KeyRing {
    KeyRing::from_text(&bench.overwatch.export_keys(zone().as_name()).unwrap()).unwrap()
}

#[test]
fn keys_are_made_once_and_kept() {
    for (layout, expect) in
        [(Layout::Csk, &["csk active"][..]), (Layout::KskZsk, &["ksk active", "zsk active"])]
    {
        let mut bench = bench(layout, true);
        assert_eq!(
            (keys(&bench), faults(&bench)),
            (expect.iter().map(ToString::to_string).collect(), vec![])
        );
        let first = bench.overwatch.ds_records(zone().as_name()).unwrap();
        assert_eq!(first.ds.len(), 1);
        bench.restart_overwatch();
        bench.advance(2_000);
        assert_eq!(bench.overwatch.ds_records(zone().as_name()).unwrap(), first);
        assert_eq!(bench.kept.keys.len(), 1);
        assert!(next(&bench).0.contains("then say `ds-seen`"), "{:?}", next(&bench));
    }
}

#[test]
fn a_key_is_followed_step_by_step() {
    let mut bench = bench(Layout::Csk, true);
    ds_seen(&mut bench, None).unwrap();
    assert_eq!(next(&bench), (String::new(), None));
    let [old] = tags(&bench)[..] else { panic!() };
    roll(&mut bench, None, 2).unwrap();
    assert_eq!(keys(&bench), ["csk active seen", "csk published"]);
    let new = tags(&bench)[1];
    assert_eq!(next(&bench).0, format!("key {new} is ready"));
    assert!(matches!(roll(&mut bench, None, 3), Err(Objection::Keys(KeyFault::Roll(_)))));
    // Nobody is told of it before every cache has it.
    assert!(matches!(ds_seen(&mut bench, Some(new)), Err(Objection::Keys(KeyFault::Ds(_)))));
    let ds = |bench: &Bench| -> Vec<u16> {
        let records = bench.overwatch.ds_records(zone().as_name()).unwrap();
        records.ds.iter().map(|ds| ds.tag).collect()
    };
    assert_eq!(ds(&bench), [old]);
    bench.advance(11 * MINUTE_MS + 1_000);
    assert_eq!((keys(&bench)[1].as_str(), ds(&bench)), ("csk ready", vec![new]));
    bench.advance(HOUR_MS);
    assert_eq!(keys(&bench)[1], "csk ready", "it waits for as long as it takes");
    ds_seen(&mut bench, None).unwrap();
    bench.advance(31 * MINUTE_MS + 1_000);
    assert_eq!(keys(&bench), ["csk retired seen", "csk active seen"]);
    // A restart in between forgets nothing.
    bench.restart_overwatch();
    bench.advance(21 * MINUTE_MS);
    assert_eq!((keys(&bench), tags(&bench)), (vec!["csk active seen".to_owned()], vec![new]));
    let told: Vec<String> = bench.notes.iter().map(ToString::to_string).collect();
    for state in ["ready", "active", "removed"] {
        let told = told.iter().filter(|line| line.ends_with(&format!(" is {state}"))).count();
        assert_eq!(told, 1, "{state}");
    }
}

#[test]
fn a_zsk_is_followed_by_age_and_without_anybody() {
    let mut bench = Bench::with(|settings| {
        let mut zone = signed(Layout::KskZsk, true);
        zone.terms.zsk_age_s = Some(7_200);
        settings.signed = vec![zone];
    });
    ds_seen(&mut bench, None).unwrap();
    let before: BTreeSet<u16> = tags(&bench).into_iter().collect();
    bench.advance(2 * HOUR_MS + 2_000);
    assert_eq!(keys(&bench), ["ksk active seen", "zsk active", "zsk published"]);
    bench.advance(HOUR_MS);
    assert_eq!(keys(&bench), ["ksk active seen", "zsk active"]);
    assert_eq!(tags(&bench).into_iter().filter(|tag| before.contains(tag)).count(), 1);
    assert_eq!(roll(&mut bench, None, 3), Err(KeyFault::WhichRole("demo.local".to_owned()).into()));
    roll(&mut bench, Some(Role::Ksk), 3).unwrap();
    assert_eq!(keys(&bench), ["ksk active seen", "zsk active", "ksk published"]);
}

#[test]
fn a_second_overwatch_waits_for_keys_and_then_changes_with_the_first() {
    let (mut one, mut two) = (bench(Layout::Csk, true), bench(Layout::Csk, false));
    assert_eq!((keys(&two).len(), faults(&two)), (0, vec!["key_missing"]));
    let warned = two.notes.iter().filter(|note| note.level() == Level::Warn).count();
    two.advance(10_000);
    assert_eq!(warned, 1, "once");
    assert_eq!(roll(&mut two, None, 2), Err(KeyFault::NoKeys("demo.local".to_owned()).into()));
    import(&mut two, &export(&one), false).unwrap();
    assert!(two.notes.iter().any(|note| note.to_string().contains("no longer key_missing")));
    assert_eq!((keys(&two), faults(&two)), (keys(&one), vec![]));
    // A roll at the first, imported while it is published.
    one.advance(10_000);
    let before = export(&one);
    roll(&mut one, None, 2).unwrap();
    import(&mut two, &export(&one), false).unwrap();
    let older = import(&mut two, &before, false);
    assert_eq!(older, Err(KeyFault::Older("demo.local".to_owned()).into()));
    for bench in [&mut one, &mut two] {
        bench.advance(12 * MINUTE_MS);
    }
    assert_eq!(
        export(&one).members().collect::<Vec<_>>(),
        export(&two).members().collect::<Vec<_>>()
    );
    assert_eq!(keys(&two)[1], "csk ready");
    // What it moved itself is no reason to refuse the same.
    import(&mut two, &export(&one), false).unwrap();
    two.restart_overwatch();
    two.advance(1_000);
    assert_eq!(tags(&two), tags(&one));
}

#[test]
fn other_keys_are_taken_only_where_it_is_said() {
    let mut one = bench(Layout::Csk, true);
    let mut others = (101..).map(|byte| [byte; 32]);
    let terms = (Layout::KskZsk, Algorithm::EcdsaP256Sha256);
    let ring = KeyRing::new(zone(), terms, START, &mut || others.next().unwrap()).unwrap();
    assert_eq!(
        import(&mut one, &ring, false),
        Err(KeyFault::OtherKeys("demo.local".to_owned()).into())
    );
    import(&mut one, &ring, true).unwrap();
    assert_eq!(keys(&one), ["ksk active", "zsk active"]);
    let mut draw = || [9; 32];
    let terms = (Layout::Csk, Algorithm::Ed25519);
    let of_other = KeyRing::new(parsed("other.local"), terms, START, &mut draw).unwrap();
    let refused = import(&mut one, &of_other, true);
    assert_eq!(refused, Err(KeyFault::OtherZone("other.local".to_owned()).into()));
    let ahead = KeyRing::new(zone(), terms, START.plus_ms(48 * HOUR_MS), &mut draw).unwrap();
    assert!(matches!(import(&mut one, &ahead, true), Err(Objection::Keys(KeyFault::Unfit(_)))));
    let unsigned: NameBuf = parsed("app.test");
    let order = KeyOrder::DsSeen { zone: unsigned, tag: None };
    assert_eq!(say(&mut one, order), Err(KeyFault::NotSigned("app.test".to_owned()).into()));
}

#[test]
fn a_clock_that_was_set_is_a_fault_until_it_is_back_or_has_long_said_so() {
    let mut bench = bench(Layout::Csk, true);
    for (wall, expect) in [
        (bench.now.plus_ms(1_000), &[][..]),
        (bench.now.plus_ms(2 * HOUR_MS), &["clock_wrong"]),
        (bench.now.plus_ms(9 * 24 * HOUR_MS), &["signatures_invalid"]),
        (bench.now, &[]),
    ] {
        bench.tell(Event::ClockRead(wall));
        assert_eq!(faults(&bench), expect);
    }
    let lines: Vec<String> = bench.notes.iter().map(ToString::to_string).collect();
    assert!(lines.iter().any(|line| line.contains("clock was set from")), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("signing: no longer signatures_invalid"));
    let wall = |bench: &Bench| bench.now.plus_ms(9 * 24 * HOUR_MS);
    bench.tell(Event::ClockRead(wall(&bench)));
    bench.advance(9 * MINUTE_MS);
    bench.tell(Event::ClockRead(wall(&bench)));
    assert_eq!(faults(&bench), ["signatures_invalid"]);
    bench.advance(MINUTE_MS);
    bench.tell(Event::ClockRead(wall(&bench)));
    assert_eq!(faults(&bench), [""; 0]);
    // Where nothing is signed nobody is told.
    let mut plain = Bench::new();
    plain.tell(Event::ClockRead(START.plus_ms(9 * 24 * HOUR_MS)));
    assert_eq!(faults(&plain), [""; 0]);
}

/// When the signatures of an answer of the view hold, in seconds since the epoch.
fn window(bench: &Bench) -> [u64; 2] {
    let mut query = b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01".to_vec();
    query.extend(b"\x04demo\x05local\x00\x00\x06\x00\x01");
    query.extend([0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0]);
    let asker = Asker {
        address: parsed("192.0.2.1"),
        local: parsed("192.0.2.53"),
        transport: Transport::Udp,
        now: bench.now,
    };
    let (mut worker, mut buffer) = (Worker::new(None), vec![0; 65_535]);
    let bytes = resolve(&bench.view, &asker, &query, &mut worker, &mut buffer).bytes;
    // RRSIG of a SOA: type covered, algorithm, labels, TTL; then expiration and inception.
    let terms = bytes.windows(4).rposition(|part| part == [0, 6, 13, 2]).unwrap() + 8;
    let time = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    [time(terms + 4).into(), time(terms).into()]
}

#[test]
fn signatures_and_keys_go_by_the_clock_of_the_machine() {
    let mut bench = bench(Layout::Csk, true);
    let holds = |bench: &Bench, time: Time| {
        let [from, until] = window(bench);
        from <= time.unix_s() && time.unix_s() + 6 * 86_400 <= until
    };
    assert!(holds(&bench, bench.now));
    // Slept for ten days, and then set back to where it was.
    for wall in [bench.now.plus_ms(240 * HOUR_MS), bench.now] {
        bench.tell(Event::ClockRead(wall));
        assert!(holds(&bench, wall), "{:?}", window(&bench));
        assert!(!holds(&bench, wall.plus_ms(60 * HOUR_MS)), "and by no other clock");
    }
    // A roll is timed by it too: ready after 600 s and 60 s.
    let ahead = |bench: &Bench| bench.now.plus_ms(HOUR_MS / 2);
    bench.tell(Event::ClockRead(ahead(&bench)));
    roll(&mut bench, None, 9).unwrap();
    let ready = ahead(&bench).plus_ms(660_000);
    let document = bench.overwatch.signed_zones(bench.now);
    let new = document.zones[0].keys.iter().find(|key| key.state == "published").unwrap();
    assert_eq!(new.since, ahead(&bench).to_rfc3339());
    bench.tell(Event::ClockRead(ready));
    bench.tell(Event::Tick);
    assert_eq!(keys(&bench), ["csk active", "csk ready"]);
}

#[test]
fn a_machine_that_began_with_a_wrong_clock_signs_well_once_it_is_set() {
    // It started before its keys were made: nothing moves, and health says so.
    let mut bench = bench(Layout::Csk, false);
    let ahead = START.plus_ms(300 * 24 * HOUR_MS);
    let terms = (Layout::Csk, Algorithm::EcdsaP256Sha256);
    let ring = KeyRing::new(zone(), terms, ahead, &mut || [7; 32]).unwrap();
    assert!(matches!(
        import(&mut bench, &ring, false),
        Err(Objection::Keys(KeyFault::Unfit(dnssec::Fault::ClockBehind { .. })))
    ));
    bench.tell(Event::ClockRead(ahead));
    import(&mut bench, &ring, false).unwrap();
    bench.tell(Event::ClockRead(bench.now));
    assert!(faults(&bench).contains(&"clock_behind"), "{:?}", faults(&bench));
    // The keys speak for a clock that is not behind them: no fault is left.
    bench.tell(Event::ClockRead(ahead.plus_ms(HOUR_MS)));
    assert_eq!(faults(&bench), [""; 0]);
    assert!(window(&bench)[1] > ahead.unix_s());
}

#[test]
fn no_key_moves_by_a_clock_that_may_be_wrong() {
    let mut bench = bench(Layout::KskZsk, true);
    roll(&mut bench, Some(Role::Zsk), 9).unwrap();
    let waiting = ["ksk active", "zsk active", "zsk published"];
    let ahead = |bench: &Bench| bench.now.plus_ms(40 * 24 * HOUR_MS);
    // Set ahead, and back after a while: caches never saw the new key alone.
    bench.tell(Event::ClockRead(ahead(&bench)));
    bench.advance(5 * MINUTE_MS);
    assert_eq!((keys(&bench), faults(&bench)), (owned(&waiting), vec!["signatures_invalid"]));
    bench.tell(Event::ClockRead(bench.now));
    bench.tell(Event::Tick);
    assert_eq!((keys(&bench), faults(&bench)), (owned(&waiting), vec![]));
    // What it goes on saying is believed.
    bench.tell(Event::ClockRead(ahead(&bench)));
    bench.advance(10 * MINUTE_MS);
    bench.tell(Event::ClockRead(ahead(&bench)));
    bench.tell(Event::Tick);
    assert_eq!((keys(&bench), faults(&bench)), (owned(&["ksk active", "zsk active"]), vec![]));
    // Without keys nothing is answered: the first ones do not wait, and are not ahead of a clock that was right.
    let mut other = self::bench(Layout::Csk, false);
    other.tell(Event::ClockRead(ahead(&other)));
    reload(&mut other, |zone| zone.makes_keys = true);
    assert_eq!(
        (keys(&other), faults(&other)),
        (owned(&["csk active"]), vec!["signatures_invalid"])
    );
    other.tell(Event::ClockRead(other.now));
    assert_eq!(faults(&other), [""; 0]);
    // Nor are keys made that follow others, though their randomness was asked for before.
    reload(&mut other, |zone| zone.terms.entry_point_age_s = Some(7_200));
    let draft =
        |other: &Bench| other.overwatch.draft_keys(zone().as_name(), secrets(3), other.now).len();
    assert_eq!(draft(&other), 1);
    other.tell(Event::ClockRead(ahead(&other)));
    assert_eq!(draft(&other), 0);
}

#[test]
fn no_word_moves_a_key_by_a_clock_that_may_be_wrong() {
    let mut bench = bench(Layout::KskZsk, true);
    let (of_ksk, of_zsk) = (Some(Role::Ksk), Some(Role::Zsk));
    roll(&mut bench, of_ksk, 9).unwrap();
    bench.advance(11 * MINUTE_MS);
    assert_eq!(keys(&bench), ["ksk active", "zsk active", "ksk ready"]);
    // Six days later, and set back by five: the keys have seen nothing of these.
    let days = |bench: &Bench, days: u64| bench.now.plus_ms(days * 24 * HOUR_MS);
    for _ in 0..2 {
        bench.tell(Event::ClockRead(days(&bench, 6)));
        bench.advance(10 * MINUTE_MS);
    }
    bench.tell(Event::ClockRead(days(&bench, 6)));
    assert_eq!(faults(&bench), [""; 0]);
    bench.tell(Event::ClockRead(days(&bench, 1)));
    assert_eq!(faults(&bench), ["signatures_invalid"]);
    let before = export(&bench);
    let is_refused = |said| matches!(said, Err(Objection::Keys(KeyFault::Clock(_))));
    assert!(is_refused(ds_seen(&mut bench, None)));
    assert!(is_refused(roll(&mut bench, of_zsk, 8)));
    let order = Command::Keys(Box::new(KeyOrder::DsSeen { zone: zone(), tag: None }));
    assert!(is_refused(bench.overwatch.draft(&order, &Said::default(), bench.now).map(drop)));
    assert_eq!(export(&bench), before);
    bench.tell(Event::ClockRead(days(&bench, 6)));
    ds_seen(&mut bench, None).unwrap();
    roll(&mut bench, of_zsk, 8).unwrap();
}

/// Reloads the configuration with the zone changed.
fn reload(bench: &mut Bench, change: impl FnOnce(&mut SignedZone)) {
    change(&mut bench.settings.signed[0]);
    let reload = Reload { settings: bench.settings.clone(), geo: bench.geo() };
    bench.tell(Event::Reload(Box::new(reload)));
}

#[test]
fn a_ttl_that_is_lowered_here_makes_no_keys_from_elsewhere_older() {
    let (mut one, mut two) = (bench(Layout::KskZsk, true), bench(Layout::KskZsk, false));
    import(&mut two, &export(&one), false).unwrap();
    one.advance(MINUTE_MS);
    roll(&mut one, Some(Role::Zsk), 2).unwrap();
    for bench in [&mut one, &mut two] {
        bench.advance(3 * MINUTE_MS);
    }
    reload(&mut two, |zone| zone.terms.dnskey_ttl_s = 60);
    two.advance(MINUTE_MS);
    import(&mut two, &export(&one), false).unwrap();
    assert_eq!(keys(&two), keys(&one));
}

#[test]
fn keys_from_elsewhere_wait_for_caches_that_were_answered_here() {
    for is_shared in [false, true] {
        let (mut one, mut two) = (bench(Layout::Csk, true), bench(Layout::Csk, false));
        ds_seen(&mut one, None).unwrap();
        import(&mut two, &export(&one), false).unwrap();
        let forgotten = |bench: &Bench| Some(bench.now.plus_ms(11 * MINUTE_MS).to_rfc3339());
        reload(&mut one, |zone| zone.terms.dnskey_ttl_s = 5);
        let at_one = forgotten(&one);
        for bench in [&mut one, &mut two] {
            bench.advance(5 * MINUTE_MS);
        }
        reload(&mut two, |zone| zone.terms.dnskey_ttl_s = 5);
        let at_two = forgotten(&two);
        roll(&mut one, None, 2).unwrap();
        let ring = export(&one);
        if is_shared {
            two.tell(Event::Shared(vec![Change::PutKeys(ring)]));
        } else {
            import(&mut two, &ring, false).unwrap();
        }
        assert_eq!((next(&one).1, next(&two).1), (at_one, at_two.clone()));
        two.restart_overwatch();
        assert_eq!(next(&two).1, at_two, "and it is kept");
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[test]
fn a_ttl_that_is_lowered_with_a_restart_makes_no_wait_shorter() {
    let mut bench = bench(Layout::Csk, true);
    bench.advance(1_000);
    bench.settings.signed[0].terms.dnskey_ttl_s = 5;
    bench.restart_overwatch();
    roll(&mut bench, None, 2).unwrap();
    bench.restart_overwatch();
    bench.advance(11 * MINUTE_MS - 1_000);
    assert_eq!(keys(&bench), ["csk active", "csk published"], "caches may have sets of before");
    bench.advance(2_000);
    assert_eq!(keys(&bench), ["csk active", "csk ready"]);
}

#[test]
fn nothing_is_answered_out_of_a_zone_that_waits_for_its_keys() {
    let bench = Bench::with(|settings| {
        let inside = ZoneLines {
            apex: "in.demo.local".to_owned(),
            records: "www A 192.0.2.1\nback CNAME there.demo.local.\n".to_owned(),
        };
        let outside = ZoneLines {
            apex: "demo.local".to_owned(),
            records: "alias CNAME www.in\nfar CNAME alias\nthere A 192.0.2.2\n".to_owned(),
        };
        let steered = [APP, "web.demo.local"].map(|name| (name, zone::Steering::ONE_ADDRESS));
        settings.zones = settings::zones(&[outside, inside], &steered);
        let waits = SignedZone { apex: parsed("in.demo.local"), ..signed(Layout::Csk, false) };
        settings.signed = vec![signed(Layout::Csk, true), waits];
    });
    for (name, qtype, expect) in [
        ("www.in.demo.local", RecordType::A, "SERVFAIL"),
        ("in.demo.local", RecordType::SOA, "SERVFAIL"),
        ("far.demo.local", RecordType::A, "SERVFAIL"),
        ("back.in.demo.local", RecordType::A, "SERVFAIL"),
        ("demo.local", RecordType::SOA, "NOERROR aa"),
        // The zone around it is signed, and has no DS record for it.
        ("in.demo.local", RecordType::DS, "NOERROR aa"),
    ] {
        let (answer, _) = bench.ask(&Question::new(name, qtype), "192.0.2.9");
        assert_eq!(answer.head, expect, "{name} {qtype}");
    }
}

#[test]
fn randomness_that_is_none_makes_no_keys() {
    let mut bench = bench(Layout::Csk, false);
    let unasked = Event::Drawn { zone: Box::new(zone()), secrets: secrets(1) };
    bench.tell(unasked);
    assert_eq!(keys(&bench).len(), 0, "another overwatch makes them");
    let mut one = self::bench(Layout::Csk, true);
    let short = Secrets::new(zeroize::Zeroizing::new(Vec::new()));
    let refused =
        say(&mut one, KeyOrder::Roll { zone: zone(), role: None, secrets: short.clone() });
    assert!(matches!(refused, Err(Objection::Keys(_))), "{refused:?}");
    assert_eq!(format!("{short:?}"), "Secrets");
}
