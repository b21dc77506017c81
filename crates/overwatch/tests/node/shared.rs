//! What operators make, shared: a word that is worked out, decided about and taken in comes to the same as one
//! that is carried out, here as at another overwatch.

use dnssec::{Algorithm, Layout, RolloverTerms};
use model::{Role, Subnet};
use overwatch::{
    Change, Command, Custody, Event, HandOrder, KeyOrder, Objection, Said, SignedZone, Snapshot,
    TokenFault, TokenOrder,
};

use crate::bench::{Bench, secrets};
use crate::settings::{APP, EU, key_of, parsed};

fn signed() -> SignedZone {
    let terms = RolloverTerms {
        layout: Layout::Csk,
        algorithm: Algorithm::Ed25519,
        dnskey_ttl_s: 600,
        zone_ttl_max_s: 1_200,
        ds_ttl_s: 1_800,
        propagation_s: 60,
        entry_point_age_s: None,
        zsk_age_s: None,
    };
    SignedZone { apex: parsed("demo.local"), terms, makes_keys: true }
}

fn alone() -> Bench {
    Bench::with(|settings| settings.signed = vec![signed()])
}

/// One that shares. It has made the same keys before it did.
fn sharing(custody: Custody) -> Bench {
    let mut bench = alone();
    bench.tell(Event::Custody(custody));
    bench
}

fn said(for_ms: Option<u64>) -> Said {
    Said { by: "control socket".to_owned(), reason: Some("why".to_owned()), for_ms }
}

/// What is kept of operators' words: what another start would know.
fn rows(bench: &Bench) -> Snapshot {
    bench.kept.of_operators()
}

fn words() -> Vec<(Command, Said)> {
    let network: Subnet = parsed("10.1.2.0/24");
    let (backend, region) = (key_of(APP, EU), || parsed("eu-west"));
    let hand = |order| (Command::Hand(order), said(None));
    let pin = |region| HandOrder::Pin { domain: APP.to_owned(), network, region };
    let create = TokenOrder::Create { name: parsed("deploy"), role: Role::Read, hash: [7; 32] };
    let zone = || parsed("demo.local");
    let roll = KeyOrder::Roll { zone: zone(), role: None, secrets: secrets(9) };
    vec![
        hand(pin(Some(region()))),
        hand(HandOrder::Drain { region: region(), permille: 250, over_ms: 60_000 }),
        hand(HandOrder::Freeze { domain: APP.to_owned(), is_frozen: true }),
        hand(pin(None)),
        (Command::Hand(HandOrder::Override { backend, is_up: Some(false) }), said(Some(60_000))),
        hand(HandOrder::Resolvers(vec![(parsed("10.9.9.9/32"), vec![(network, 3)])])),
        (Command::Tokens(create), said(None)),
        (Command::Keys(Box::new(roll)), said(None)),
        (Command::Tokens(TokenOrder::Revoke(parsed("deploy"))), said(None)),
    ]
}

#[test]
fn a_draft_taken_in_is_the_word_carried_out() {
    let mut alone = alone();
    alone.start_demo();
    // The one that is asked, and another one that only hears of it.
    let mut both = [Custody::Holds, Custody::Waits].map(sharing);
    both.iter_mut().for_each(Bench::start_demo);
    for (command, said) in words() {
        let before = [rows(&both[0]), rows(&both[1])];
        let [asked, other] = &mut both;
        let draft = asked.overwatch.draft(&command, &said, asked.now).unwrap();
        assert_eq!(before[0], rows(asked), "a draft changes nothing: {command:?}");
        alone.command_as(command.clone(), said.clone());
        asked.tell(Event::Shared(draft.clone()));
        other.tell(Event::Shared(draft.clone()));
        assert_eq!(rows(asked), rows(&alone), "{command:?}");
        assert_eq!(rows(other), rows(&alone), "{command:?}");
        // The changes between before and after are the draft, in another order.
        let between = before[1].changes_to(&rows(other));
        assert_eq!(between.len(), draft.len(), "{command:?}: {between:?}\n{draft:?}");
        assert_eq!(asked.overwatch.revision(), alone.overwatch.revision());
    }
    for bench in &both {
        assert_eq!(bench.standings(), alone.standings());
        assert_eq!(bench.overwatch.pin_list(), alone.overwatch.pin_list());
        assert_eq!(bench.overwatch.audit(), alone.overwatch.audit());
        assert_eq!(
            bench.overwatch.signed_zones(bench.now),
            alone.overwatch.signed_zones(alone.now)
        );
        assert!(bench.notes.iter().any(|note| note.to_string().contains("is overridden to down")));
    }
}

#[test]
fn what_speaks_against_a_word_speaks_against_its_draft() {
    let mut bench = sharing(Custody::Waits);
    let revoke = Command::Tokens(TokenOrder::Revoke(parsed("nobody")));
    let fault = Objection::Tokens(TokenFault::Unknown(parsed("nobody")));
    assert_eq!(bench.overwatch.draft(&revoke, &said(None), bench.now), Err(fault));
    // What is of this overwatch alone has its line with the others, and no row.
    bench.start_demo();
    let agent = "eu-1".parse().unwrap_or_else(|_| parsed("eu"));
    let known = bench.overwatch.agent_list(bench.now).agents;
    let agent = known.first().map_or(agent, |known| parsed(&known.agent_id));
    let command = Command::Revoke(agent);
    let draft = bench.overwatch.draft(&command, &said(None), bench.now).unwrap();
    assert!(command.is_of_this_overwatch());
    let [Change::PutAudit(0, line)] = draft.as_slice() else { panic!("{draft:?}") };
    assert!(line.what.contains("was revoked, at "), "{}", line.what);
    bench.tell(Event::Command { command, said: said(None) });
    assert_eq!(bench.overwatch.revision(), 0, "the line comes once it was decided");
    bench.tell(Event::Shared(draft));
    assert_eq!(bench.overwatch.revision(), 1);
}

#[test]
fn one_makes_keys_and_the_others_wait() {
    let start = |custody| {
        let mut bench = Bench::new();
        bench.tell(Event::Custody(custody));
        let (mut settings, geo) = (bench.settings.clone(), bench.geo());
        settings.signed = vec![signed()];
        let reload = overwatch::Reload { settings, geo };
        bench.tell(Event::Reload(Box::new(reload)));
        bench.advance(120_000);
        bench
    };
    let (mut waits, holds) = (start(Custody::Waits), start(Custody::Holds));
    assert_eq!((rows(&waits).keys.len(), rows(&holds).keys.len()), (0, 1));
    let zone: dns::NameBuf = parsed("demo.local");
    let draft = waits.overwatch.draft_keys(zone.as_name(), secrets(1), waits.now);
    assert_eq!(draft.len(), 1);
    waits.tell(Event::Shared(rows(&waits).changes_to(&rows(&holds))));
    let shown = |bench: &Bench| bench.overwatch.ds_records(zone.as_name()).unwrap();
    assert_eq!(shown(&waits), shown(&holds));
    // What moves by the clock moves alike, and only the holder has something to bring to the others.
    assert_eq!(holds.overwatch.drift(&rows(&holds), holds.now), Vec::new());
    let without = Snapshot { keys: Default::default(), ..rows(&holds) };
    assert_eq!(holds.overwatch.drift(&without, holds.now).len(), 1);
}

#[test]
fn words_end_in_time_and_their_end_is_said_once() {
    let mut both = [Custody::Holds, Custody::Waits].map(sharing);
    both.iter_mut().for_each(Bench::start_demo);
    let order = HandOrder::Override { backend: key_of(APP, EU), is_up: Some(false) };
    let draft = both[0].overwatch.draft(&Command::Hand(order), &said(Some(5_000)), both[0].now);
    let draft = draft.unwrap();
    let mut known = rows(&both[0]);
    draft.iter().for_each(|change| known.apply(change.clone()));
    for bench in &mut both {
        bench.tell(Event::Shared(draft.clone()));
        bench.advance(10_000);
        assert!(rows(bench).hand.is_empty(), "it is over, whoever says so");
        assert_eq!(bench.overwatch.revision(), 1, "nobody has said so yet");
    }
    let drift = both[0].overwatch.drift(&known, both[0].now);
    let [Change::RemoveHand(_), Change::PutAudit(1, line)] = drift.as_slice() else {
        panic!("{drift:?}")
    };
    assert!(line.what.ends_with("is no longer overridden: its time is over"), "{}", line.what);
    for bench in &mut both {
        bench.tell(Event::Shared(drift.clone()));
        assert_eq!(bench.overwatch.revision(), 2);
    }
    drift.into_iter().for_each(|change| known.apply(change));
    assert_eq!(both[0].overwatch.drift(&known, both[0].now), Vec::new());
}

/// What etcd has, told all at once as after a start, to one that has other keys.
fn hears(bench: &mut Bench, there: &Snapshot) -> Vec<&'static str> {
    bench.tell(Event::Shared(rows(bench).changes_to(there)));
    bench.advance(1_000);
    bench.overwatch.signing_faults(bench.now).iter().map(dnssec::Fault::name).collect()
}

fn word(bench: &mut Bench, order: KeyOrder) {
    let draft = bench.overwatch.draft(&Command::Keys(Box::new(order)), &said(None), bench.now);
    bench.tell(Event::Shared(draft.unwrap()));
}

fn roll(seed: u8) -> KeyOrder {
    KeyOrder::Roll { zone: parsed("demo.local"), role: None, secrets: secrets(seed) }
}

#[test]
fn an_etcd_that_lost_its_last_changes_takes_no_key_away() {
    let mut both = [Custody::Holds, Custody::Waits].map(sharing);
    let before = rows(&both[0]);
    for bench in &mut both {
        word(bench, roll(9));
        bench.advance(3_600_000);
        word(bench, KeyOrder::DsSeen { zone: parsed("demo.local"), tag: None });
    }
    for bench in &mut both {
        let own = rows(bench).keys;
        // etcd is back from the snapshot of the night before.
        assert_eq!(hears(bench, &before), ["keys_older"]);
        assert_eq!(rows(bench).keys, own, "neither signed by nor kept");
        let drift = bench.overwatch.drift(&before, bench.now);
        let own: Vec<Change> = own.into_values().map(Change::PutKeys).collect();
        assert_eq!(drift, own, "the holder puts it back");
        bench.tell(Event::Shared(drift));
        bench.advance(1_000);
        assert!(bench.overwatch.signing_faults(bench.now).is_empty(), "it is well again");
    }
}

#[test]
fn keys_of_one_that_knew_of_none_take_no_others_place() {
    let mut old = sharing(Custody::Holds);
    // The same zone, and keys of its own.
    let mut new = Bench::with(|settings| {
        let mut zone = signed();
        zone.terms.algorithm = Algorithm::EcdsaP256Sha256;
        settings.signed = vec![zone];
    });
    let own = rows(&old).keys;
    assert_ne!(own, rows(&new).keys);
    assert_eq!(hears(&mut old, &rows(&new)), ["keys_unrelated"]);
    assert_eq!(rows(&old).keys, own);
    let drift = old.overwatch.drift(&rows(&new), old.now);
    assert_eq!(drift, Vec::new(), "nobody knows who is right");
    // Nor does a change of theirs; until somebody says so.
    let zone = || parsed("demo.local");
    word(&mut new, roll(7));
    assert_eq!(hears(&mut old, &rows(&new)), ["keys_unrelated"]);
    let ring = Box::new(rows(&new).keys.into_values().next().unwrap());
    word(&mut new, KeyOrder::Import { zone: zone(), ring, replaces: true });
    assert_eq!(hears(&mut old, &rows(&new)), Vec::<&str>::new());
    assert_eq!(rows(&old).keys, rows(&new).keys);
}

#[test]
fn what_time_changed_goes_into_one_transaction() {
    let mut bench = sharing(Custody::Holds);
    bench.start_demo();
    let mut known = rows(&bench);
    for number in 0..60 {
        let network = parsed(&format!("10.1.{number}.0/24"));
        let pin =
            HandOrder::Pin { domain: APP.to_owned(), network, region: Some(parsed("eu-west")) };
        let draft = bench.overwatch.draft(&Command::Hand(pin), &said(Some(5_000)), bench.now);
        let draft = draft.unwrap();
        draft.iter().for_each(|change| known.apply(change.clone()));
        bench.tell(Event::Shared(draft));
    }
    known.keys.clear();
    bench.advance(10_000);
    let mut rounds = 0;
    loop {
        let drift = bench.overwatch.drift(&known, bench.now);
        if drift.is_empty() {
            break;
        }
        assert!(drift.len() <= 100, "{}", drift.len());
        assert_eq!(rounds == 0, matches!(drift[0], Change::PutKeys(_)), "keys come first");
        drift.iter().for_each(|change| known.apply(change.clone()));
        bench.tell(Event::Shared(drift));
        rounds += 1;
    }
    assert!(rounds > 1 && known.hand.is_empty(), "{rounds}");
}
