//! Names and types into NSEC records, and back.

use super::*;
use dns::NameBuf;
use proptest::prelude::*;

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

fn types(numbers: &[u16]) -> Vec<RecordType> {
    numbers.iter().map(|number| RecordType(*number)).collect()
}

/// The next name and the types of a record.
fn read(nsec: &Nsec) -> (NameBuf, Vec<u16>) {
    let Rdata::Other { record_type: RecordType::NSEC, bytes } = nsec.rdata() else { panic!() };
    let (next, mut rest) = Name::split_from(bytes).unwrap();
    let mut numbers = Vec::new();
    let mut last = None;
    while let [window, length, more @ ..] = rest {
        assert!(last < Some(*window) && (1..=32).contains(length), "windows rise");
        last = Some(*window);
        let (bits, more) = more.split_at((*length).into());
        assert_ne!(bits.last(), Some(&0), "no zeros at the end");
        for (at, byte) in bits.iter().enumerate() {
            let set = (0..8).filter(|bit| byte & (0x80 >> bit) > 0);
            numbers.extend(
                set.map(|bit| u16::from(*window) * 256 + u16::try_from(at).unwrap() * 8 + bit),
            );
        }
        rest = more;
    }
    assert!(rest.is_empty());
    (next.to_buf(), numbers)
}

#[test]
fn a_name_says_which_types_it_has() {
    let (owner, apex) = (name("A.Example"), name("example"));
    let existing = |list: &[u16], denied| {
        let list = types(list);
        read(&Nsec::existing(owner.as_name(), apex.as_name(), list.into_iter(), denied))
    };
    let (next, list) = existing(&[1, 28, 65, 257], RecordType::AAAA);
    assert_eq!(
        (next.as_name().to_string(), list),
        ("\\000.a.example".to_owned(), vec![1, 46, 47, 65, 257])
    );
    // An empty non-terminal (RFC 9824, 3.2).
    assert_eq!(existing(&[], RecordType::A).1, [46, 47]);
    assert_eq!(existing(&[257, 512, 65_535], RecordType::A).1, [46, 47, 257, 512, 65_535]);
    let absent = Nsec::absent(owner.as_name(), apex.as_name());
    assert_eq!(read(&absent).1, [46, 47, 128]);
    let Rdata::Other { bytes, .. } = absent.rdata() else { panic!() };
    assert_eq!(bytes[bytes.len() - 19..][..2], [0, 17], "one window: {bytes:?}");
}

/// Where names stand in the canonical order (RFC 4034, 6.1).
fn order(name: &NameBuf) -> Vec<Vec<u8>> {
    let mut labels: Vec<_> = name.as_name().labels().map(<[u8]>::to_ascii_lowercase).collect();
    labels.reverse();
    labels
}

/// The longest name below `example` that begins with some labels, its last byte as given.
fn longest(first: &[u8], last: u8) -> NameBuf {
    let mut wire = vec![u8::try_from(first.len()).unwrap()];
    wire.extend(first);
    let end = b"\x07example\0";
    while wire.len() + end.len() < 255 {
        let room = 255 - wire.len() - end.len();
        let length = if room == 65 { 62 } else { room.min(64) - 1 };
        wire.push(u8::try_from(length).unwrap());
        wire.extend(vec![last; length]);
    }
    wire.extend(end);
    Name::split_from(&wire).unwrap().0.to_buf()
}

#[test]
fn after_the_longest_names_come_others() {
    let apex = name("example");
    let next = |owner: &NameBuf| read(&Nsec::absent(owner.as_name(), apex.as_name())).0;
    for first in [&b"a"[..], b"@", b"az\xff", b"\xff", b"\xff\xff"] {
        let owner = longest(first, b'x');
        assert_eq!(owner.as_name().as_bytes().len(), 255);
        let next = next(&owner);
        assert!(order(&next) > order(&owner), "{first:?}");
        assert!(next.as_name().ends_with(apex.as_name()));
    }
    assert_eq!(order(&next(&longest(b"a@", b'x'))).last().map(Vec::as_slice), Some(&b"a["[..]));
    // After the last name of all comes the apex (RFC 4034, 4.1.1).
    assert_eq!(next(&longest(&[0xff; 63], 0xff)), apex);
}

proptest! {
    #[test]
    fn nothing_stands_between_a_name_and_the_next(
        owner in proptest::collection::vec("[a-c@\\[]{1,3}", 0..4),
        other in proptest::collection::vec("[a-c@\\[]{1,3}", 0..4),
    ) {
        let name_of = |labels: &[String]| name(&format!("{}.example", labels.join(".")).replace("..", "."));
        let (owner, other) = match (owner.is_empty(), other.is_empty()) {
            (false, false) => (name_of(&owner), name_of(&other)),
            _ => (name("example"), name("b.example")),
        };
        let apex = name("example");
        let next = read(&Nsec::absent(owner.as_name(), apex.as_name())).0;
        prop_assert!(order(&owner) < order(&next));
        prop_assert!(order(&other) <= order(&owner) || order(&other) >= order(&next));
    }

    #[test]
    fn types_read_back(
        numbers in proptest::collection::btree_set(1_u16..2_000, 0..40),
        denied in 1_u16..300,
    ) {
        let (owner, apex) = (name("a.example"), name("example"));
        let list = numbers.iter().map(|number| RecordType(*number));
        let nsec = Nsec::existing(owner.as_name(), apex.as_name(), list, RecordType(denied));
        let mut expect = numbers.clone();
        expect.remove(&denied);
        expect.extend([46, 47]);
        prop_assert_eq!(read(&nsec).1, expect.into_iter().collect::<Vec<_>>());
    }
}
