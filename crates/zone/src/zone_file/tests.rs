//! Zone files read: forms, types, TTLs.

use super::*;

fn origin() -> NameBuf {
    "example".parse().unwrap()
}

/// Records as `OWNER TTL TYPE LENGTH`.
fn read(text: &str) -> Vec<String> {
    let records = parse(text, origin().as_name(), 7).unwrap();
    let line =
        |r: &Record| format!("{} {} {} {}", r.owner(), r.ttl_s, r.record_type, r.rdata.len());
    records.iter().map(line).collect()
}

fn check(text: &str, expect: &[&str]) {
    assert_eq!(read(text), expect, "{text:?}");
}

#[test]
fn owners_are_relative_absolute_or_left_out() {
    check(
        "a A 192.0.2.1\nb.example.org. A 192.0.2.1\n  A 192.0.2.2\n@ A 192.0.2.3\n\tA 192.0.2.4",
        &[
            "a.example 7 A 4",
            "b.example.org 7 A 4",
            "b.example.org 7 A 4",
            "example 7 A 4",
            "example 7 A 4",
        ],
    );
    check(
        "$ORIGIN sub\n@ A 192.0.2.1\n$ORIGIN a.\nb A 192.0.2.1\n$ORIGIN .\nb A 192.0.2.1\n. A 192.0.2.1",
        &["sub.example 7 A 4", "b.a 7 A 4", "b 7 A 4", ". 7 A 4"],
    );
    check(
        "*.W A 192.0.2.1\na\\.b.\\099 A 192.0.2.1",
        &["*.W.example 7 A 4", "a\\.b.c.example 7 A 4"],
    );
}

#[test]
fn ttl_and_class_come_in_any_order() {
    check(
        "a 1 IN A 192.0.2.1\na IN 2 A 192.0.2.1\na in A 192.0.2.1\na 3 A 192.0.2.1\na A 192.0.2.1\na CLASS1 a 192.0.2.1",
        &[
            "a.example 1 A 4",
            "a.example 2 A 4",
            "a.example 2 A 4",
            "a.example 3 A 4",
            "a.example 3 A 4",
            "a.example 3 A 4",
        ],
    );
    // `$TTL` comes before what was written last (RFC 2308, 4).
    check(
        "a 1 A 192.0.2.1\n$TTL 1h\na A 192.0.2.1\na 1d2h A 192.0.2.1\na A 192.0.2.1",
        &["a.example 1 A 4", "a.example 3600 A 4", "a.example 93600 A 4", "a.example 3600 A 4"],
    );
}

#[test]
fn ttls_are_numbers_with_or_without_units() {
    for (text, expect) in [
        ("0", Some(0)),
        ("300", Some(300)),
        ("1w2d3h4m5s", Some(788_645)),
        ("1W", Some(604_800)),
        ("1h30", Some(3_630)),
        ("2147483647", Some(2_147_483_647)),
        ("", None),
        ("h", None),
        ("1x", None),
        ("-1", None),
    ] {
        assert_eq!(ttl(text), Ok(expect), "{text:?}");
    }
    for long in ["2147483648", "99999999999999999999999", "3551w", "2147483647s1s"] {
        assert!(ttl(long).is_err(), "{long:?}");
    }
}

#[test]
fn every_type_is_read() {
    let text = include_str!("../../testdata/types.zone");
    let records = parse(text, origin().as_name(), 7).unwrap();
    assert_eq!(records.len(), text.lines().count());
    for (record, line) in records.iter().zip(text.lines()) {
        assert!(!record.rdata.is_empty() || line.contains("\\# 0"), "{line}");
    }
}

#[test]
fn data_is_uncompressed_wire_form() {
    for (text, rdata) in [
        ("a MX 10 mx1", &b"\x00\x0a\x03mx1\x07example\x00"[..]),
        ("a MX 10 @", b"\x00\x0a\x07example\x00"),
        ("a TXT @ \"a b\" \\065\\\"", b"\x01@\x03a b\x02A\""),
        ("a KX 10 @", b"\x00\x0a\x07example\x00"),
        ("a SPF @ b", b"\x01@\x01b"),
        ("a CNAME A.B.", b"\x01A\x01B\x00"),
        ("a TYPE65280 \\# 3 01 0203", b"\x01\x02\x03"),
        ("a HTTPS 1 . alpn=h2", b"\x00\x01\x00\x00\x01\x00\x03\x02h2"),
        ("a HTTPS 1 . alpn=\"h2\"", b"\x00\x01\x00\x00\x01\x00\x03\x02h2"),
        ("@ SOA . . 1 1h 2m 3s 4", b"\x00\x00\x00\x00\x00\x01\x00\x00\x0e\x10\x00\x00\x00\x78\x00\x00\x00\x03\x00\x00\x00\x04"),
    ] {
        let record = parse_record(text, origin().as_name(), 7).unwrap();
        assert_eq!(&*record.rdata, rdata, "{text:?}");
    }
}

#[test]
fn configuration_has_one_record_a_line() {
    let one = |text| parse_record(text, origin().as_name(), 7);
    let record = one("mail 300 MX 10 mx1").unwrap();
    assert_eq!((record.owner().to_string(), record.ttl_s), ("mail.example".to_owned(), 300));
    assert_eq!(one(""), Err(What::NotOneRecord));
    assert_eq!(one("a A 192.0.2.1\na A 192.0.2.2"), Err(What::NotOneRecord));
    assert_eq!(one(" A 192.0.2.1"), Err(What::NoOwner));
    assert!(matches!(one("a MX ten mx1"), Err(What::Data { .. })));
}

#[test]
fn an_owner_that_is_none_is_not_the_one_before() {
    let faults = parse("a A 192.0.2.1\nb..c A 192.0.2.1\n A 192.0.2.2", origin().as_name(), 7);
    let faults = faults.unwrap_err();
    assert!(matches!(
        &faults[..],
        [TextFault { line: 2, what: What::Name(_) }, TextFault { line: 3, what: What::NoOwner }]
    ));
}

#[test]
fn a_hundred_faults_are_enough() {
    let text = "a A nothing\n".repeat(200);
    let faults = parse(&text, origin().as_name(), 7).unwrap_err();
    assert_eq!(faults.len(), FAULTS_MAX + 1);
    assert_eq!(faults.last().map(|fault| &fault.what), Some(&What::TooMany));
}

#[test]
fn an_origin_may_be_the_root() {
    let records = parse("@ NS a\nb NS @\n", Name::ROOT, 7).unwrap();
    let data: Vec<&[u8]> = records.iter().map(|record| &*record.rdata).collect();
    assert_eq!(data, [&b"\x01a\x00"[..], b"\x00"]);
}
