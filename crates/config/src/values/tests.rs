//! Forms of values: what is read, what is written, what is refused.

use proptest::prelude::*;

use super::*;

#[test]
fn durations_need_units() {
    for (text, expect) in [
        ("0s", Ok(0)),
        ("500ms", Ok(500)),
        ("10s", Ok(10_000)),
        ("5m", Ok(300_000)),
        ("168h", Ok(604_800_000)),
        ("7d", Ok(604_800_000)),
        ("1h30m", Ok(5_400_000)),
        ("1m500ms", Ok(60_500)),
        ("10", Err("found 10 without a unit: write 10s for seconds")),
        ("", Err("found \"\"")),
        ("s", Err("found \"s\"")),
        ("-5s", Err("found \"-5s\"")),
        ("1.5h", Err("found \"1.5h\"")),
        ("5 s", Err("found \"5 s\"")),
        ("5sec", Err("found \"5sec\"")),
        ("99999999999999999999s", Err("found \"99999999999999999999s\"")),
        ("999999999999999999d", Err("found \"999999999999999999d\"")),
    ] {
        let read = text.parse::<Milliseconds>().map(|ms| ms.0);
        assert_eq!(
            read.as_ref().map_err(String::as_str),
            expect.as_ref().map_err(|e| *e),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn durations_are_read_as_written(ms in 0u64..=1 << 50) {
        prop_assert_eq!(Milliseconds(ms).to_string().parse(), Ok(Milliseconds(ms)));
    }
}

fn round_trip<T: FromStr + fmt::Display>(text: &str, expect: Option<&str>) {
    let written = text.parse::<T>().ok().map(|value| value.to_string());
    assert_eq!(written.as_deref(), expect, "{text}");
}

#[test]
fn addresses_to_listen_on() {
    for (text, expect) in [
        (":53", Some(":53")),
        ("0.0.0.0:53", Some("0.0.0.0:53")),
        ("[::1]:53", Some("[::1]:53")),
        (":0", Some(":0")),
        ("53", None),
        (":+53", None),
        (":65536", None),
        ("localhost:53", None),
        ("", None),
    ] {
        round_trip::<Listen>(text, expect);
    }
}

#[test]
fn addresses_to_connect_to() {
    for (text, expect) in [
        ("10.1.1.10:7946", Some("10.1.1.10:7946")),
        ("[2001:DB8::1]:7946", Some("[2001:db8::1]:7946")),
        ("Overwatch.example.:7946", Some("overwatch.example:7946")),
        ("overwatch", None),
        ("overwatch:0", None),
        (":7946", None),
        ("2001:db8::1:7946", None),
        ("[10.1.1.1]:1", None),
        ("[::1:1", None),
    ] {
        round_trip::<HostPort>(text, expect);
    }
}

#[test]
fn secrets_are_blind() {
    let key: MeshKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".parse().unwrap();
    assert_eq!(key.expose()[31], 31);
    let secret: Secret = "swordfish".parse().unwrap();
    assert_eq!(format!("{key:?} {secret:?}"), "*** ***");
    assert_eq!("AAEC".parse::<MeshKey>(), Err("found base64 of 3 bytes".to_owned()));
    assert_eq!("?".parse::<MeshKey>(), Err("found what is no base64".to_owned()));
    let secret: CookieSecret = "000102030405060708090A0b0c0d0e0f".parse().unwrap();
    assert_eq!((secret.expose()[10], secret.expose()[15]), (10, 15));
    assert_eq!(format!("{secret:?}"), "***");
    for wrong in ["", "00", "+00102030405060708090a0b0c0d0e0f", &"g".repeat(32), &"é".repeat(16)] {
        let fault = Err("found what is not 32 hexadecimal digits".to_owned());
        assert_eq!(wrong.parse::<CookieSecret>(), fault, "{wrong}");
    }
}

#[test]
fn foreign_texts_are_cut_and_escaped() {
    assert_eq!(clip("a\n\"b\""), "\"a\\n\\\"b\\\"\"");
    assert_eq!(clip(&"x".repeat(100)).chars().count(), 63);
}
