//! The writer at its edges: every buffer, every limit.

use std::net::Ipv4Addr;

use super::*;
use crate::cookie::Cookie;
use crate::extended_error::{ExtendedCode, ExtendedError};
use crate::query::{Fault, parse};
use crate::types::RecordType;

/// A query for `a.example` with an OPT record that carries a client's /24.
const QUERY: &[u8] = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\
    \x01a\x07example\x00\x00\x01\x00\x01\
    \x00\x00\x29\x10\x00\x00\x00\x80\x00\x00\x0b\
    \x00\x08\x00\x07\x00\x01\x18\x00\x0a\x01\x02";

/// Header, question, OPT record with the client subnet.
const LEAST_BYTES: usize = 12 + 15 + 11 + 11;

const HEAD: Head = Head { rcode: Rcode::NOERROR, authoritative: true, scope: 24 };

#[test]
fn no_buffer_is_overrun() {
    let query = parse(QUERY).unwrap();
    let addresses = [Rdata::A(Ipv4Addr::LOCALHOST); 2];
    for length in 0..600 {
        let mut buffer = vec![0; length];
        let limit = Limit::udp(query.edns.as_ref(), 1232);
        let mut answer = Answer::to_query(&query, HEAD, limit, &mut buffer);
        if length < LEAST_BYTES {
            assert!(answer.finish().is_empty());
            continue;
        }
        let fits = length >= LEAST_BYTES + 2 * 16;
        assert_eq!(answer.add(Section::Answer, query.question.name, 60, addresses), fits);
        assert_eq!(answer.is_truncated(), !fits);
        let expect = LEAST_BYTES + if fits { 2 * 16 } else { 0 };
        assert_eq!(answer.finish().len(), expect, "in {length} bytes");
    }
}

#[test]
fn refusals_fit_whatever_they_have_to_repeat() {
    let long =
        [&[0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1], &[1, b'a'].repeat(127)[..], &[0; 5]].concat();
    let Err(Fault::Refuse(refusal)) = parse(&long) else {
        panic!("a record is missing");
    };
    let mut buffer = [0; 512];
    let answer = Answer::to_refusal(&refusal, Limit::udp(None, 512), &mut buffer);
    assert_eq!(answer.finish().len(), 12 + 255 + 4);
}

/// The longest question with all that can be asked for, in the smallest answer: header, question,
/// OPT record, client subnet, cookie, idle time and identifier. That leaves 40 bytes for why.
#[test]
fn all_that_can_be_asked_for_fits_into_512_bytes() {
    const ERROR: ExtendedError = ExtendedError {
        code: ExtendedCode(0),
        text: "a text that would need more than forty letters",
    };
    const OPTIONS: [&[u8]; 4] = [
        b"\x00\x08\x00\x14\x00\x02\x80\x00\x20\x01\x0d\xb8abcdefghijkl",
        b"\x00\x0a\x00\x08abcdefgh",
        b"\x00\x0b\x00\x00",
        b"\x00\x03\x00\x00",
    ];
    let question = [&[1, b'a'].repeat(127)[..], &[0, 0, 1, 0, 1]].concat();
    let options = OPTIONS.concat();
    let opt =
        [&[0, 0, 41, 2, 0, 0, 0, 0, 0, 0, u8::try_from(options.len()).unwrap()], &options[..]];
    let packet = [&[0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1], &question[..], &opt.concat()].concat();
    let query = parse(&packet).unwrap();
    let extras = Extras {
        cookie: Some(Cookie([7; 24])),
        nsid: Some(&[b'n'; 200]),
        tcp_idle_ms: Some(10_000),
        error: Some(ERROR),
    };
    let kept = 12 + 259 + 11 + 24 + 28 + 6 + 132;
    for (limit, room, expect) in [
        (Limit::tcp(512), 512, kept + 6),
        (Limit::tcp(512), 600, kept + 6 + ERROR.text.len()),
        (Limit::tcp(512), kept + 5, kept),
        (Limit::tcp(512), kept - 1, kept - 132 + 6 + ERROR.text.len()),
        (Limit::udp(None, 512), 512, kept - 6 + 6),
    ] {
        let mut buffer = vec![0; room];
        let mut answer = Answer::to_query(&query, HEAD, limit, &mut buffer);
        answer.carry(&extras);
        assert_eq!(answer.finish().len(), expect, "in {room} bytes");
    }
}

#[test]
fn a_cut_answer_has_no_record_and_says_so() {
    let query = parse(QUERY).unwrap();
    let mut buffer = [0; 512];
    let limit = Limit::udp(None, 512);
    let mut answer = Answer::to_query(&query, HEAD, limit, &mut buffer);
    answer.truncate();
    let addresses = [Rdata::A(Ipv4Addr::LOCALHOST)];
    assert!(!answer.add(Section::Answer, query.question.name, 60, addresses));
    assert!(answer.is_truncated());
    assert_eq!(answer.finish().len(), LEAST_BYTES);
}

#[test]
fn limits_are_the_smaller_of_both_sizes_and_never_below_512() {
    let edns = |udp_size| Edns {
        udp_size,
        version: 0,
        dnssec_ok: false,
        compact_ok: false,
        client_subnet: None,
        cookie: None,
        nsid: false,
        tcp_keepalive: false,
    };
    for (asked, ours, expect) in [
        (None, 1232, 512),
        (Some(512), 1232, 512),
        (Some(1232), 1232, 1232),
        (Some(4096), 1232, 1232),
        (Some(1000), 4096, 1000),
        (Some(4096), 100, 512),
        (Some(0), 1232, 512),
        (Some(65_535), 65_535, 65_535),
    ] {
        let limit = Limit::udp(asked.map(edns).as_ref(), ours);
        assert_eq!(limit.bytes(), expect, "asked {asked:?}, ours {ours}");
    }
    assert_eq!(Limit::tcp(1232).bytes(), 65_535);
}

#[test]
fn an_answer_by_tcp_ends_at_the_length_that_can_be_said() {
    let query = parse(QUERY).unwrap();
    let mut buffer = vec![0; 100_000];
    let mut answer = Answer::to_query(&query, HEAD, Limit::tcp(1232), &mut buffer);
    let mut sets = 0;
    while answer.add(Section::Answer, query.question.name, 60, [Rdata::A(Ipv4Addr::LOCALHOST)]) {
        sets += 1;
    }
    assert_eq!(sets, (65_535 - LEAST_BYTES) / 16);
    assert!(answer.is_truncated());
    assert!(answer.finish().len() > 65_535 - 16);
}

#[test]
fn data_that_no_length_can_say_does_not_fit() {
    let query = parse(QUERY).unwrap();
    let mut buffer = vec![0; 100_000];
    let mut answer = Answer::to_query(&query, HEAD, Limit::tcp(1232), &mut buffer);
    let bytes = vec![0; 65_536];
    let rdata = Rdata::Other { record_type: RecordType(65_280), bytes: &bytes };
    assert!(!answer.add(Section::Answer, query.question.name, 60, [rdata]));
    assert_eq!(answer.finish().len(), LEAST_BYTES);
}

#[test]
fn what_was_left_out_leaves_no_trace() {
    let query = parse(QUERY).unwrap();
    let write = |dropped: usize| {
        let mut buffer = [0; 512];
        let limit = Limit::udp(None, 512);
        let mut answer = Answer::to_query(&query, HEAD, limit, &mut buffer);
        for number in 0..dropped {
            let owner: crate::NameBuf = format!("n{number}.else{number}").parse().unwrap();
            let text = [Rdata::Txt(&[b'x'; 500])];
            assert!(!answer.add(Section::Additional, owner.as_name(), 60, text));
        }
        // Names that stand nowhere yet: the second points at the first.
        let name: crate::NameBuf = "other.example.net".parse().unwrap();
        let records = [Rdata::Ns(name.as_name()); 2];
        assert!(answer.add(Section::Additional, name.as_name(), 60, records));
        answer.finish().to_vec()
    };
    assert_eq!(write(100), write(0));
}
