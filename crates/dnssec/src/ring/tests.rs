//! Rings: new ones, as text, and what is none.

use super::*;

const NOW: Time = Time::from_unix_ms(1_766_138_700_000);

/// Secrets 1, 2, 3 and so on.
fn counting() -> impl FnMut() -> [u8; 32] {
    let mut next = 0;
    move || {
        next += 1;
        [next; 32]
    }
}

fn ring(layout: Layout) -> KeyRing {
    let terms = (layout, Algorithm::Ed25519);
    KeyRing::new("Example.com".parse().unwrap(), terms, NOW, &mut counting()).unwrap()
}

#[test]
fn a_new_ring_signs_at_once() {
    for (layout, roles) in
        [(Layout::Csk, vec![Role::Csk]), (Layout::KskZsk, vec![Role::Ksk, Role::Zsk])]
    {
        let ring = ring(layout);
        assert_eq!(ring.members().map(|member| member.key.role()).collect::<Vec<_>>(), roles);
        assert_eq!(ring.layout(), layout);
        let signer = ring.signer(3_600).unwrap();
        let count = |record_type| signer.own(record_type).map(<[_]>::len);
        assert_eq!(count(dns::RecordType::DNSKEY), Some(roles.len()));
        assert_eq!(count(dns::RecordType::CDS), Some(1));
        assert_eq!(count(dns::RecordType::CDNSKEY), Some(1));
        assert_eq!(count(dns::RecordType::DS), None);
        let entry = &ring.members[0].key;
        assert_eq!(*signer.own(dns::RecordType::CDS).unwrap()[0], entry.ds(ring.apex()));
        assert_eq!(signer.apex().as_bytes(), b"\x07example\x03com\0");
    }
}

#[test]
fn a_ring_is_a_text() {
    let mut ring = ring(Layout::KskZsk);
    ring.members[0].ds_seen = Some(NOW.plus_ms(5));
    ring.members[1].state = State::Retired;
    let (ttl_s, longer_until) = (300, Some(NOW.plus_ms(7)));
    let dnskey = lifetime::Lifetime { ttl_s: 3_600, longer_until: None };
    let records = lifetime::Lifetime { ttl_s, longer_until };
    ring.lifetimes = Some(Lifetimes { dnskey, records });
    let text = ring.to_text();
    assert!(text.contains("\nserved dnskey 3600 - records 300 1766138700007\n"), "{}", *text);
    let again = KeyRing::from_text(&format!("; of somebody\n\n{}", *text)).unwrap();
    assert_eq!((again.to_text(), &again), (text, &ring));
    assert_eq!(again.apex(), ring.apex());
    let [ksk, zsk] = &again.members[..] else { panic!("{again:?}") };
    assert_eq!((ksk.state, ksk.ds_seen, ksk.created), (State::Active, Some(NOW.plus_ms(5)), NOW));
    assert_eq!((zsk.state, zsk.ds_seen), (State::Retired, None));
}

#[test]
fn what_is_no_ring_is_refused() {
    let text = ring(Layout::Csk).to_text();
    let lines: Vec<&str> = text.lines().collect();
    let [heading, zone, moved, key] = lines[..] else { panic!("{lines:?}") };
    let read = |lines: &[&str]| KeyRing::from_text(&lines.join("\n")).map(drop);
    assert_eq!(read(&[heading, moved, key, zone]), Ok(()));
    assert_eq!(read(&[zone, moved, key]), Err(RingTextError::Heading));
    assert_eq!(read(&["dnssec-keys 2", zone, moved, key]), Err(RingTextError::Heading));
    assert_eq!(read(&[heading, zone, moved]), Err(RingTextError::Missing));
    assert_eq!(read(&[heading, zone, key]), Err(RingTextError::Missing));
    assert_eq!(read(&[heading, zone, zone, moved, key]), Err(RingTextError::Line(3)));
    assert_eq!(read(&[heading, "zone a..b", moved, key]), Err(RingTextError::Line(2)));
    assert_eq!(read(&[heading, zone, "moved -1", key]), Err(RingTextError::Line(3)));
    assert_eq!(read(&[heading, zone, moved, "keys"]), Err(RingTextError::Line(4)));
    assert_eq!(read(&[heading, zone, moved, key, key]), Err(RingTextError::Twice(5)));
    let state = Err(RingTextError::State(4));
    assert_eq!(read(&[heading, zone, moved, &key.replace("active", "asleep")]), state);
    assert_eq!(read(&[heading, zone, moved, &key.replace("created", "made")]), state);
    assert_eq!(read(&[heading, zone, moved, &format!("{key} ds-seen")]), state);
    let broken = read(&[heading, zone, moved, &key.replace("csk", "c")]);
    assert!(matches!(broken, Err(RingTextError::Key { line: 4, .. })), "{broken:?}");
    for served in
        ["dnskey 1 -", "dnskey 1 2 records 3", "dnskey 1 - records -", "records 1 - dnskey 1 -"]
    {
        let served = format!("served {served}");
        assert_eq!(read(&[heading, zone, moved, &served, key]), Err(RingTextError::Line(4)));
    }
    let long = ";".repeat(20_000);
    assert_eq!(read(&[heading, &long]), Err(RingTextError::Long(20_014)));
}

#[test]
fn randomness_that_never_changes_makes_no_second_key() {
    let new = |byte: u8| {
        let apex = "example".parse().unwrap();
        let terms = (Layout::KskZsk, Algorithm::EcdsaP256Sha256);
        KeyRing::new(apex, terms, NOW, &mut || [byte; 32]).map(drop)
    };
    let fault = KeyFault::Secret(Algorithm::EcdsaP256Sha256);
    assert_eq!(new(0), Err(DrawError::Secret(fault)));
    // A KSK and a ZSK of one secret differ in their flags, and so in their tags.
    assert_eq!(new(1), Ok(()));
    let ring = ring(Layout::Csk);
    let again = ring.draw(Algorithm::Ed25519, Role::Csk, &mut || [1; 32]);
    assert_eq!(again.map(drop), Err(DrawError::Tags));
}
