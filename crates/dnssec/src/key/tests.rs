//! Keys against the standards' own examples, and as text.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dns::NameBuf;

use crate::key::KeyTextError;

fn bytes(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A key of the standards' examples: zone, secret, public key, tag, digest of the DS record.
fn check(algorithm: Algorithm, [zone, secret, public, digest]: [&str; 4], tag: u16) {
    let key = Key::new(algorithm, Role::Csk, &bytes(secret)).unwrap();
    let zone: NameBuf = zone.parse().unwrap();
    let head = [1, 1, 3, algorithm.number()];
    assert_eq!(key.dnskey(), [&head[..], &bytes(public)].concat());
    assert_eq!(key.tag(), tag);
    assert_eq!(key.dnskey_text(), format!("257 3 {} {public}", algorithm.number()));
    let [t0, t1] = tag.to_be_bytes();
    let ds = format!("{}{digest}", hex(&[t0, t1, algorithm.number(), 2]));
    assert_eq!(hex(&key.ds(zone.as_name())), ds);
    assert_eq!(key.sign(b"x").map(|signature| signature.len()), Some(64));
}

#[test]
fn the_records_of_known_secrets_are_known() {
    // RFC 6605, 6.1.
    check(
        Algorithm::EcdsaP256Sha256,
        [
            "example.net",
            "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=",
            "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
            "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
        ],
        55648,
    );
    // RFC 8080, 6.1: its two keys.
    check(
        Algorithm::Ed25519,
        [
            "example.com",
            "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
            "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
            "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
        ],
        3613,
    );
    check(
        Algorithm::Ed25519,
        [
            "Example.COM",
            "DSSF3o0s0f+ElWzj9E/Osxw8hLpk55chkmx0LYN5WiY=",
            "zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
            "401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c",
        ],
        35217,
    );
}

#[test]
fn a_tag_is_the_sum_of_its_halves() {
    // RFC 4034, 5.4: the key of dskey.example.com and its tag.
    let public = "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==";
    let dnskey = [&[1, 0, 3, 5][..], &bytes(public)].concat();
    assert_eq!(key_tag(&dnskey), 60485);
    assert_eq!(key_tag(&[]), 0);
    assert_eq!(key_tag(&[0xff, 0xff, 0xff, 0xff, 1]), 0x0100);
    assert_eq!(key_tag(&[0xff; 65_535]), 0xff00);
}

#[test]
fn the_role_is_in_the_flags() {
    let flags = |role| Key::new(Algorithm::Ed25519, role, &[1; 32]).unwrap().dnskey()[..2].to_vec();
    assert_eq!(flags(Role::Csk), [1, 1]);
    assert_eq!(flags(Role::Ksk), [1, 1]);
    assert_eq!(flags(Role::Zsk), [1, 0]);
}

#[test]
fn ed25519_signs_the_same_with_the_same() {
    let sign =
        |secret| Key::new(Algorithm::Ed25519, Role::Zsk, &[secret; 32]).unwrap().sign(b"abc");
    assert_eq!(sign(1), sign(1));
    assert_ne!(sign(1), sign(2));
}

#[test]
fn what_is_no_secret_is_refused() {
    let new = |algorithm, secret: &[u8]| Key::new(algorithm, Role::Csk, secret).map(drop);
    assert_eq!(new(Algorithm::Ed25519, &[1; 31]), Err(KeyFault::Length(31)));
    // Zero, and numbers not below the curve's order.
    let p256 = Algorithm::EcdsaP256Sha256;
    assert_eq!(new(p256, &[0; 32]), Err(KeyFault::Secret(p256)));
    assert_eq!(new(p256, &[0xff; 32]), Err(KeyFault::Secret(p256)));
    assert_eq!(new(p256, &[0x7f; 32]), Ok(()));
}

#[test]
fn a_key_is_a_line_of_text() {
    for algorithm in Algorithm::ALL {
        let key = Key::new(algorithm, Role::Zsk, &[0x11; 32]).unwrap();
        let text = key.to_text();
        let again = Key::from_text(&text).unwrap();
        assert_eq!((again.dnskey(), again.role()), (key.dnskey(), Role::Zsk));
        assert!(!format!("{key:?}").contains("ERER"), "{key:?}");
    }
    let text = Key::new(Algorithm::Ed25519, Role::Csk, &[0x11; 32]).unwrap().to_text();
    let words: Vec<&str> = text.split(' ').collect();
    let [role, algorithm, tag, secret] = words[..] else { panic!("{words:?}") };
    assert_eq!((role, algorithm), ("csk", "ed25519"));
    let read = |words: [&str; 4]| Key::from_text(&words.join(" ")).map(drop);
    assert_eq!(read(["CSK", "15", tag, secret]), Ok(()));
    assert!(matches!(read(["key", algorithm, tag, secret]), Err(KeyTextError::Role(_))));
    assert!(matches!(read([role, "rsa", tag, secret]), Err(KeyTextError::Algorithm(_))));
    assert_eq!(read([role, algorithm, "70000", secret]), Err(KeyTextError::Tag));
    assert!(matches!(read([role, algorithm, "1", secret]), Err(KeyTextError::OtherTag { .. })));
    assert_eq!(read([role, algorithm, tag, "ERER!"]), Err(KeyTextError::Base64));
    let short = KeyTextError::Secret(KeyFault::Length(3));
    assert_eq!(read([role, algorithm, tag, "ERER"]), Err(short));
    assert_eq!(Key::from_text("csk ed25519").map(drop), Err(KeyTextError::Words));
    assert_eq!(Key::from_text(&format!("{} x", *text)).map(drop), Err(KeyTextError::Words));
}
