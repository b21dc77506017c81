//! What each kind takes and what it says of the rest.

use super::*;

fn check(scalar: Scalar, text: &str, expect: Result<&str, &str>) {
    let found = scalar.check(text);
    assert_eq!(found.as_deref().map_err(String::as_str), expect, "{scalar:?} {text:?}");
}

#[test]
fn numbers_have_limits() {
    let port = Scalar::Integer { min: 1, max: 65_535 };
    check(port, "80", Ok("80"));
    check(port, "0080", Ok("80"));
    for wrong in ["0", "65536", "-1", "+80", "8e1", "0x50", "http", ""] {
        check(port, wrong, Err(&format!("found {wrong:?}")));
    }
    let alpha = Scalar::Number { above: 0.0, max: 1.0 };
    check(alpha, "0.3", Ok("0.3"));
    check(alpha, "1", Ok("1"));
    for wrong in ["0", "-0.1", "1.1", "NaN", "inf", "0,3"] {
        check(alpha, wrong, Err(&format!("found {wrong:?}")));
    }
    let latitude = Scalar::Degrees { max: 90.0 };
    check(latitude, "-33.90", Ok("-33.9"));
    check(latitude, "90", Ok("90"));
    for wrong in ["90.1", "-91", "NaN", "inf", "52N", ""] {
        check(latitude, wrong, Err(&format!("found {wrong:?}")));
    }
}

#[test]
fn words_are_few() {
    const WORDS: &[Word] =
        &[Word::plain("learned_latency"), Word { name: "round-robin", aliases: &["rr"] }];
    check(Scalar::Word(WORDS), "RR", Ok("round-robin"));
    check(Scalar::Word(WORDS), "learned_latency", Ok("learned_latency"));
    check(Scalar::Word(WORDS), "fastest", Err("found \"fastest\""));
    assert_eq!(Scalar::Word(WORDS).expected(), "one of `learned_latency`, `round-robin`");
    check(Scalar::Bool, "True", Ok("true"));
    check(Scalar::Bool, "yes", Err("found \"yes\""));
}

#[test]
fn names_and_places() {
    check(Scalar::Name, "EU-West", Ok("eu-west"));
    check(
        Scalar::Name,
        "eu west",
        Err("found \"eu west\": ' ' cannot stand in a name (a-z, 0-9, '.', '_' and '-' can)"),
    );
    check(Scalar::DomainName, "App.Demo.Local.", Ok("app.demo.local"));
    check(
        Scalar::DomainName,
        "app..local",
        Err("found \"app..local\": a name has no empty part: no dot first, no two in a row"),
    );
    let long = "a".repeat(64);
    let found = format!("found \"{}…\": a label has at most 63 characters", "a".repeat(60));
    check(Scalar::DomainName, &long, Err(&found));
    check(Scalar::Country, "no", Ok("NO"));
    check(Scalar::Country, "NOR", Err("found \"NOR\""));
}

#[test]
fn networks_say_what_was_meant() {
    check(Scalar::Network, "10.1.2.0/24", Ok("10.1.2.0/24"));
    check(Scalar::Network, "10.1.2.3", Ok("10.1.2.3/32"));
    check(Scalar::Network, "ten", Err("found \"ten\""));
    check(
        Scalar::Network,
        "10.1.2.3/24",
        Err(
            "found \"10.1.2.3/24\": 10.1.2.3/24 has bits set behind its prefix: did you mean 10.1.2.0/24?",
        ),
    );
}

#[test]
fn what_a_check_sends_is_what_health_takes() {
    check(Scalar::UrlPath, "/health?deep=1", Ok("/health?deep=1"));
    for wrong in ["health", "/a b", "/a#b", "/a\r\nX: y"] {
        check(Scalar::UrlPath, wrong, Err(&format!("found {wrong:?}")));
    }
    check(Scalar::Host, "[2001:db8::1]:80", Ok("[2001:db8::1]:80"));
    check(Scalar::Host, "a b", Err("found \"a b\""));
    check(Scalar::Status, "2xx", Ok("200-299"));
    check(Scalar::Status, "99", Err("found \"99\""));
    check(Scalar::Path, "/a\nb", Err("found \"/a\\nb\""));
}
