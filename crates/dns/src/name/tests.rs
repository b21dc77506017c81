//! Names: text and wire, and what stands above what.

use super::*;

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

fn wire(text: &str) -> Vec<u8> {
    name(text).as_name().as_bytes().to_vec()
}

#[test]
fn texts_are_read_as_labels() {
    for (text, expect) in [
        (".", &b"\0"[..]),
        ("app.demo.local", b"\x03app\x04demo\x05local\0"),
        ("app.demo.local.", b"\x03app\x04demo\x05local\0"),
        ("a\\.b.c", b"\x03a.b\x01c\0"),
        ("\\000\\255.x", b"\x02\x00\xff\x01x\0"),
        ("\\\\\\@.x", b"\x02\\@\x01x\0"),
        ("*.demo", b"\x01*\x04demo\0"),
        ("_http._tcp", b"\x05_http\x04_tcp\0"),
        ("a\\.", b"\x02a.\0"),
    ] {
        assert_eq!(wire(text), expect, "{text}");
    }
}

#[test]
fn texts_that_are_no_names_say_why() {
    let longest_label = "a".repeat(63);
    let three = [longest_label.as_str(); 3].join(".");
    for (text, expect) in [
        ("", NameTextError::Empty),
        ("..", NameTextError::EmptyLabel),
        (".a", NameTextError::EmptyLabel),
        ("a..b", NameTextError::EmptyLabel),
        ("a.b..", NameTextError::EmptyLabel),
        ("a\\", NameTextError::Escape),
        ("a\\25", NameTextError::Escape),
        ("a\\25x", NameTextError::Escape),
        ("a\\256", NameTextError::Escape),
        ("a\\é", NameTextError::Escape),
        ("a b", NameTextError::Character(' ')),
        ("a\nb", NameTextError::Character('\n')),
        ("münchen.example", NameTextError::Character('ü')),
        (&format!("{longest_label}a.b"), NameTextError::LabelTooLong),
        (&format!("{three}.{}", "a".repeat(62)), NameTextError::TooLong),
    ] {
        assert_eq!(text.parse::<NameBuf>().unwrap_err(), expect, "{text:?}");
    }
    assert_eq!(wire(&format!("{three}.{}", "a".repeat(61))).len(), NAME_BYTES_MAX);
}

#[test]
fn names_are_shown_so_that_they_can_be_logged_and_read_back() {
    for (bytes, expect) in [
        (&b"\0"[..], "."),
        (b"\x03App\x04demo\0", "App.demo"),
        (b"\x03a.b\x04\x00\n\x7f\xff\0", "a\\.b.\\000\\010\\127\\255"),
        (b"\x08\\\"();@$ \0", "\\\\\\\"\\(\\)\\;\\@\\$\\032"),
    ] {
        let (name, rest) = Name::split_from(bytes).unwrap();
        assert_eq!((name.to_string().as_str(), rest), (expect, &b""[..]));
        assert_eq!(wire(expect), bytes);
    }
}

#[test]
fn equal_without_case_and_one_key_for_all_cases() {
    let (lower, mixed) = (name("app.demo.local"), name("aPp.DEMO.Local"));
    assert_eq!(lower, mixed);
    assert_eq!(lower.as_name().key(), mixed.as_name().key());
    assert_eq!(mixed.as_name().key().as_bytes(), wire("app.demo.local"));
    assert_ne!(name("app.demo"), name("app.demo.local"));
    // Only letters have case: '[' and '{' differ by the same bit as 'K' and 'k'.
    assert_ne!(name("a[b"), name("a{b"));
}

#[test]
fn zones_hold_what_ends_with_them_at_a_label() {
    for (below, zone, before) in [
        ("app.demo.local", "demo.local", Some("app")),
        ("a.b.DEMO.local", "demo.LOCAL", Some("a b")),
        ("demo.local", "demo.local", Some("")),
        ("demo.local", ".", Some("demo local")),
        (".", ".", Some("")),
        ("xdemo.local", "demo.local", None),
        ("local", "demo.local", None),
        (".", "local", None),
        // The bytes of the zone stand in the label, but no label begins there.
        ("a\\005local", "local", None),
    ] {
        let (below, zone) = (name(below), name(zone));
        let labels = below.as_name().strip(zone.as_name()).map(|labels| {
            labels.map(|label| std::str::from_utf8(label).unwrap()).collect::<Vec<_>>().join(" ")
        });
        assert_eq!(labels.as_deref(), before, "{below} below {zone}");
        assert_eq!(below.as_name().ends_with(zone.as_name()), before.is_some());
    }
}

#[test]
fn parents_and_wildcards() {
    let deep = name("a.b.c");
    let above: Vec<_> = deep.as_name().suffixes().map(|name| name.to_string()).collect();
    assert_eq!(above, ["a.b.c", "b.c", "c", "."]);
    assert_eq!(deep.as_name().wildcard(), Some(name("*.b.c")));
    assert_eq!(name("*.b.c").as_name().wildcard(), Some(name("*.b.c")));
    assert_eq!(name("c").as_name().wildcard(), Some(name("*")));
    assert_eq!(Name::ROOT.wildcard(), None);
    assert_eq!(Name::ROOT.parent(), None);
}

#[test]
fn compressed_names_are_resolved() {
    let packet = b"\x04demo\x05local\0\x03app\xc0\x00\x01x\xc0\x0c\xc0\x12\x7f";
    for (start, expect, behind) in [
        (0, "demo.local", 12),
        (12, "app.demo.local", 18),
        (18, "x.app.demo.local", 22),
        (22, "x.app.demo.local", 24),
    ] {
        let (read, end) = NameBuf::read(packet, start).unwrap();
        assert_eq!((read, end), (name(expect), behind), "at {start}");
    }
}

#[test]
fn names_that_cannot_be_resolved_say_why() {
    let long = [&[1, b'a'].repeat(100)[..], &[0], &[1, b'b'].repeat(30), &[0xc0, 0]].concat();
    for (packet, start, expect) in [
        (&b""[..], 0, NameFault::Cut),
        (b"\x03ap", 0, NameFault::Cut),
        (b"\xc0", 0, NameFault::Cut),
        (b"\x01a", 0, NameFault::Cut),
        (b"\x01a\0", 9, NameFault::Cut),
        (b"\xc0\x00", 0, NameFault::Pointer),
        (b"\xc0\x02\0", 0, NameFault::Pointer),
        (b"\x01a\xc0\x00", 0, NameFault::Pointer),
        (b"\x01a\xc0\x04\xc0\x02", 4, NameFault::Pointer),
        (b"\x40a\0", 0, NameFault::LabelKind(0x40)),
        (b"\x80a\0", 0, NameFault::LabelKind(0x80)),
        (&long, 201, NameFault::TooLong),
    ] {
        assert_eq!(NameBuf::read(packet, start).unwrap_err(), expect, "{packet:?} at {start}");
    }
    assert_eq!(Name::split_from(b"\x01a\xc0\x00").unwrap_err(), NameFault::Compressed);
}
