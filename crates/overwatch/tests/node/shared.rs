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
