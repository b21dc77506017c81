//! Reading a query and writing its answer never touches the heap: an allocator that counts.

#![expect(clippy::unwrap_used, reason = "a test may stop where it is surprised")]

use std::net::Ipv4Addr;

use std::num::NonZeroU32;

use dns::{
    Account, Answer, Cookie, CookieKeys, CookieStanding, ExtendedCode, ExtendedError, Extras,
    Fault, Head, Limit, NameBuf, RateLimiter, RateLimits, Rcode, Rdata, Section, ServerFact, Soa,
    Verdict, parse,
};
use model::{SubnetWidths, Time};
use testkit::{CountingHeap, allocations};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

/// A query for `App.demo.local` with DO, a client's /24 and a cookie.
const QUERY: &[u8] = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\
    \x03App\x04demo\x05local\x00\x00\x01\x00\x01\
    \x00\x00\x29\x10\x00\x00\x00\x80\x00\x00\x17\
    \x00\x08\x00\x07\x00\x01\x18\x00\x0a\x01\x02\
    \x00\x0a\x00\x08\x01\x02\x03\x04\x05\x06\x07\x08";

#[test]
fn the_count_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn a_query_is_read_looked_up_and_answered_without_the_heap() {
    let zone: NameBuf = "demo.local".parse().unwrap();
    let mailbox: NameBuf = "hostmaster.example.net".parse().unwrap();
    let mut buffer = [0; 1232];
    let mut length = 0;
    let count = allocations(|| {
        let query = parse(QUERY).unwrap();
        let name = query.question.name;
        let key = name.key();
        assert!(name.ends_with(zone.as_name()) && !key.as_bytes().is_empty());
        assert!(name.wildcard().is_some());
        let head = Head { rcode: Rcode::NOERROR, authoritative: true, scope: 24 };
        let limit = Limit::udp(query.edns.as_ref(), 1232);
        let mut answer = Answer::to_query(&query, head, limit, &mut buffer);
        let addresses = (1..20).map(|last| Rdata::A(Ipv4Addr::new(10, 2, 1, last)));
        assert!(answer.add(Section::Answer, name, 60, addresses));
        let soa = Soa {
            primary: name,
            mailbox: mailbox.as_name(),
            serial: 1,
            refresh_s: 3600,
            retry_s: 600,
            expire_s: 86_400,
            minimum_s: 60,
        };
        assert!(answer.add(Section::Authority, zone.as_name(), 60, [Rdata::Soa(soa)]));
        assert!(!answer.add(Section::Additional, name, 60, [Rdata::Txt(&[b'x'; 1000])]));
        length = answer.finish().len();
    });
    assert_eq!(count, 0);
    assert!(length > 400);
}

/// All that an answer may carry.
const EXTRAS: Extras<'_> = Extras {
    cookie: Some(Cookie([7; 24])),
    nsid: Some(b"overwatch-1.eu"),
    tcp_idle_ms: Some(10_000),
    error: Some(ExtendedError { code: ExtendedCode::NOT_READY, text: "learning" }),
};

/// Two a second of anything.
fn limits() -> RateLimits {
    let rate = NonZeroU32::new(2);
    RateLimits {
        answers_per_s: rate,
        no_names_per_s: rate,
        referrals_per_s: rate,
        errors_per_s: rate,
        window_s: NonZeroU32::MIN,
        slip: rate,
        widths: SubnetWidths { ipv4: 24, ipv6: 56 },
        exempt: vec!["192.0.2.0/24".parse().unwrap()],
        buckets: 64,
    }
}

#[test]
fn cookies_and_limits_are_judged_without_the_heap() {
    let keys = CookieKeys::new([1; 16], Some([2; 16]));
    let mut limiter = RateLimiter::new(limits(), [3; 16]);
    let now = Time::from_unix_ms(1_700_000_000_000);
    let mut verdicts = [Verdict::Answer; 5];
    let mut buffer = [0; 1232];
    let count = allocations(|| {
        let query = parse(QUERY).unwrap();
        assert_eq!(ServerFact::asked_by(&query.question), None);
        let client = Ipv4Addr::new(198, 51, 100, 1).into();
        let cookie = query.edns.unwrap().cookie;
        let standing = keys.judge(cookie, client, now);
        assert_eq!(standing, CookieStanding::ClientOnly);
        let cookie = keys.issue(cookie.unwrap().client, client, now);
        let account = Account::Answer(query.question.name);
        verdicts = verdicts.map(|_| limiter.check(client, standing, account, now));
        let head = Head { rcode: Rcode::NOERROR, authoritative: true, scope: 0 };
        let limit = Limit::udp(query.edns.as_ref(), 1232);
        let mut answer = Answer::to_query(&query, head, limit, &mut buffer);
        answer.carry(&Extras { cookie: Some(cookie), ..EXTRAS });
        answer.truncate();
        assert!(answer.finish().len() > 90);
    });
    assert_eq!(count, 0);
    let limited = [Verdict::Drop, Verdict::Truncate, Verdict::Drop];
    assert_eq!(verdicts[2..], limited);
}

/// Reads a packet and writes what it deserves.
fn handle(packet: &[u8], buffer: &mut [u8]) {
    let head = Head { rcode: Rcode::REFUSED, authoritative: false, scope: 0 };
    let limit = Limit::udp(None, 1232);
    match parse(packet) {
        Ok(query) => {
            let mut answer = Answer::to_query(&query, head, limit, buffer);
            answer.carry(&EXTRAS);
            assert!(answer.finish().len() >= 12);
        }
        Err(Fault::Refuse(refusal)) => {
            let mut answer = Answer::to_refusal(&refusal, limit, buffer);
            answer.carry(&EXTRAS);
            assert!(answer.finish().len() >= 12);
        }
        Err(Fault::Drop(_)) => (),
    }
}

#[test]
fn no_fault_costs_an_allocation() {
    let mut buffer = [0; 512];
    for at in 0..QUERY.len() {
        assert_eq!(allocations(|| handle(&QUERY[..at], &mut buffer)), 0, "cut to {at} bytes");
        for byte in [0, 1, 16, 0xc0, 0xff] {
            let mut packet = QUERY.to_vec();
            packet[at] = byte;
            assert_eq!(allocations(|| handle(&packet, &mut buffer)), 0, "{byte} at {at}");
        }
    }
}
