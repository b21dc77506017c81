//! What must hold for any bytes whatever: nothing panics, an answer fits its limit, and what is
//! written reads back as it was meant.
//!
//! The entry for fuzzers; a seeded loop in the tests calls the same one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::Time;

use crate::answer::{Answer, Extras, Head, Limit, Section};
use crate::chaos::ServerFact;
use crate::cookie::{Cookie, CookieKeys, CookieOption, CookieStanding};
use crate::edns::Edns;
use crate::extended_error::{ExtendedCode, ExtendedError};
use crate::header::Flags;
use crate::name::{Name, NameBuf};
use crate::query::{Fault, Query, parse, peek_network};
use crate::rdata::{Rdata, Soa};
use crate::types::{Class, Rcode};

/// Our own size limit here: what a server says by default.
const UDP_SIZE: u16 = 1232;

/// Takes `data` for a packet, a name and a text in turn.
///
/// # Panics
///
/// Where a promise of the crate is broken.
pub fn fuzz(data: &[u8]) {
    // The places behind a header, where a packet's first names stand, and the first byte.
    for start in [0, 12, 13, 14, 15, 16] {
        if let Ok((name, end)) = NameBuf::read(data, start) {
            assert!(end <= data.len());
            check_name(name.as_name());
        }
    }
    if let Some(name) = std::str::from_utf8(data).ok().and_then(|text| text.parse().ok()) {
        check_name(NameBuf::as_name(&name));
    }
    match parse(data) {
        Ok(query) => {
            let told = query.edns.and_then(|edns| edns.client_subnet?.network());
            assert!(peek_network(data).is_none_or(|peeked| Some(peeked) == told));
            check_cookie(query.edns.and_then(|edns| edns.cookie));
            let is_chaos = query.question.qclass == Class::CH;
            assert!(is_chaos || ServerFact::asked_by(&query.question).is_none());
            let limits = [Limit::udp(None, 0), Limit::udp(query.edns.as_ref(), UDP_SIZE)];
            for limit in limits.into_iter().chain([Limit::tcp(UDP_SIZE)]) {
                check_answer(&query, limit);
            }
        }
        Err(Fault::Refuse(refusal)) => {
            let limit = Limit::udp(refusal.edns.as_ref(), UDP_SIZE);
            let mut buffer = [0; 512];
            let mut answer = Answer::to_refusal(&refusal, limit, &mut buffer);
            answer.carry(&EXTRAS);
            let length = answer.finish().len();
            assert!(length > 0 && length <= limit.bytes(), "512 bytes hold any refusal");
        }
        Err(Fault::Drop(_)) => (),
    }
}

/// All that an answer may carry.
const EXTRAS: Extras<'_> = Extras {
    cookie: Some(Cookie([7; 24])),
    nsid: Some(&[b'n'; 200]),
    tcp_idle_ms: Some(10_000),
    error: Some(ExtendedError { code: ExtendedCode::OTHER, text: "a text" }),
};

/// No cookie of a stranger's is good; the one we give it is, and only at its address.
fn check_cookie(cookie: Option<CookieOption<'_>>) {
    let keys = CookieKeys::new([1; 16], Some([2; 16]));
    let (client, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
    let now = Time::from_unix_ms(1_700_000_000_000);
    let standing = keys.judge(cookie, client, now);
    let expect = match cookie {
        None => CookieStanding::None,
        Some(CookieOption { server: None, .. }) => CookieStanding::ClientOnly,
        Some(_) => CookieStanding::Bad,
    };
    assert!(standing == expect);
    let Some(cookie) = cookie else {
        return;
    };
    let Cookie(ours) = keys.issue(cookie.client, client, now);
    let ours = CookieOption { client: cookie.client, server: ours.get(8..) };
    assert!(keys.judge(Some(ours), client, now) == CookieStanding::Good);
    assert!(keys.judge(Some(ours), other, now) == CookieStanding::Bad);
}

/// A name is well-formed, its text is safe and reads back, its key is one for every case.
fn check_name(name: Name<'_>) {
    let again = Name::split_from(name.as_bytes());
    assert!(again.is_ok_and(|(again, rest)| again == name && rest.is_empty()));
    let text = name.to_string();
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(text.parse().is_ok_and(|read: NameBuf| read.as_name().as_bytes() == name.as_bytes()));
    let key = name.key();
    assert!(key == key.as_name().key() && key.as_name() == name);
    assert!(name.parent().is_none_or(|parent| name.ends_with(parent)));
    assert!(name.wildcard().is_none_or(|wildcard| wildcard.as_name().parent() == name.parent()));
}

/// An answer with records of every kind fits, and its form is that of a message we would take.
fn check_answer(query: &Query<'_>, limit: Limit) {
    let mut buffer = [0; 2048];
    let mut copy = [0; 2048];
    let head = Head { rcode: Rcode::NOERROR, authoritative: true, scope: 0 };
    let mut answer = Answer::to_query(query, head, limit, &mut buffer);
    answer.carry(&EXTRAS);
    let name = query.question.name;
    let zone = name.parent().unwrap_or(name);
    let addresses = [Rdata::A(Ipv4Addr::LOCALHOST), Rdata::Aaaa(Ipv6Addr::LOCALHOST)];
    let soa = Soa {
        primary: name,
        mailbox: zone,
        serial: 1,
        refresh_s: 2,
        retry_s: 3,
        expire_s: 4,
        minimum_s: 5,
    };
    answer.add(Section::Answer, name, 60, addresses);
    answer.add(Section::Answer, name, u32::MAX, [Rdata::Txt(name.as_bytes()), Rdata::Cname(zone)]);
    answer.add(Section::Authority, zone, 60, [Rdata::Soa(soa), Rdata::Ns(name)]);
    let added = answer.add(Section::Additional, zone, 60, [Rdata::Txt(&[b'x'; 700])]);
    assert!(!(added && answer.is_truncated()));
    let bytes = answer.finish();
    assert!(bytes.len() <= limit.bytes());
    let Some(copy) = copy.get_mut(..bytes.len()) else {
        unreachable!("the buffers are equally long");
    };
    copy.copy_from_slice(bytes);
    if let Some(flags) = copy.get_mut(2) {
        *flags &= !((Flags::RESPONSE >> 8) as u8);
    }
    let read = parse(copy);
    // The size in the answer is our own, and so is the server's part of the cookie. What is said of
    // the idle time depends on the transport.
    let kept = |edns: Edns<'_>| {
        let has_cookie = edns.cookie.is_some();
        (edns.version, edns.dnssec_ok, edns.client_subnet, has_cookie, edns.nsid)
    };
    assert!(read.is_ok_and(|read| {
        let question = (read.question.qtype, read.question.qclass, read.question.name.as_bytes());
        let asked = (query.question.qtype, query.question.qclass, name.as_bytes());
        let edns_kept = read.edns.map(kept) == query.edns.map(kept);
        question == asked && read.header.id == query.header.id && edns_kept
    }));
}
