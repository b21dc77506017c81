//! What must hold for any packet from anybody: an answer fits, reads back, says what was counted, and
//! says the same when it is asked for again.
//!
//! The entry for fuzzers; a seeded loop in the tests calls the same one. The whole way of a query,
//! from its bytes to the answer's; the parser alone has an entry of its own in [`dns`].

mod fixture;
mod reading;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use dns::{Fault, Query, Rcode, RecordType, Refusal, Verdict, parse};
use model::Time;

use crate::{Asker, Outcome, Reply, Transport, resolve};
use crate::{View, Worker};
use reading::Message;

/// For other crates' tests.
pub use fixture::view;

/// Built once: a packet is looked at in microseconds.
static VIEW: LazyLock<Option<Arc<View>>> = LazyLock::new(view);

/// What the fixture says is its longest answer by UDP.
const UDP_SIZE: usize = 1232;

/// Takes `data` for a packet: by UDP and by TCP, over IPv4 and IPv6, with and without limits.
///
/// # Panics
///
/// Where a promise of the query path is broken.
pub fn fuzz(data: &[u8]) {
    let Some(view) = &*VIEW else {
        unreachable!("the fixture can be built");
    };
    for transport in [Transport::Udp, Transport::Tcp] {
        for address in [Ipv4Addr::new(10, 9, 9, 9).into(), Ipv6Addr::LOCALHOST.into()] {
            check(view, &asker(address, transport), data);
        }
    }
    check_limited(view, data);
}

const fn asker(address: IpAddr, transport: Transport) -> Asker {
    let local = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(10, 1, 1, 10)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    Asker { address, local, transport, now: Time::from_unix_ms(1_766_138_700_000) }
}

/// One question, twice.
fn check(view: &View, asker: &Asker, packet: &[u8]) {
    let (mut first, mut second) = (vec![0; 65_535], vec![0xff; 65_535]);
    let reply = resolve(view, asker, packet, &mut Worker::new(None), &mut first);
    let again = resolve(view, asker, packet, &mut Worker::new(None), &mut second);
    assert_eq!(reply.bytes, again.bytes, "an answer depends on what was in the buffer before");
    if matches!(reply.outcome, Outcome::Dropped) {
        return assert!(reply.bytes.is_empty());
    }
    assert_eq!(reply.verdict, Verdict::Answer, "nothing is limited here");
    let Some(message) = Message::read(reply.bytes) else {
        unreachable!("what is sent can be read");
    };
    check_head(&message, &reply, packet);
    match parse(packet) {
        Ok(query) => check_answer(&message, &reply, &query, asker),
        Err(Fault::Refuse(refusal)) => check_refusal(&message, &reply, &refusal),
        Err(Fault::Drop(_)) => unreachable!("what is dropped has no answer"),
    }
}

/// The identifier and the opcode are the asker's, and RD in a query; the rest is not for an
/// authority to set.
fn check_head(message: &Message, reply: &Reply<'_, '_>, packet: &[u8]) {
    let asked = packet.get(..4).unwrap_or_default();
    assert_eq!(reply.bytes.get(..2), asked.get(..2));
    let flags = asked.get(2).copied().unwrap_or_default();
    let opcode = flags & 0b0111_1000;
    let desired = if opcode == 0 { flags & 1 } else { 0 };
    let high = reply.bytes.get(2).copied().unwrap_or_default();
    assert_eq!(high & 0b1111_1001, 0b1000_0000 | opcode | desired, "QR, opcode, RD");
    let low = reply.bytes.get(3).copied().unwrap_or_default();
    assert_eq!(low & 0xf0, 0, "RA, Z, AD, CD");
    let sayable = match message.has_opt {
        false if reply.outcome.rcode().0 > 15 => Rcode::SERVFAIL,
        _ => reply.outcome.rcode(),
    };
    assert_eq!(message.rcode, sayable.0, "what is counted is what is said");
}

fn check_answer(message: &Message, reply: &Reply<'_, '_>, query: &Query<'_>, asker: &Asker) {
    let udp_max = query.edns.map_or(512, |edns| usize::from(edns.udp_size).min(UDP_SIZE));
    let bytes_max = if asker.transport == Transport::Udp { udp_max } else { 65_535 };
    assert!(reply.bytes.len() <= bytes_max);
    assert_eq!(message.questions, 1);
    assert_eq!(message.has_opt, query.edns.is_some(), "an OPT record for an OPT record");
    let asked = query.edns.and_then(|edns| edns.client_subnet);
    assert_eq!(message.scope.is_some(), asked.is_some(), "a client subnet for a client subnet");
    let network = asked.and_then(|asked| asked.network());
    let is_steered = matches!(reply.outcome, Outcome::Steered { .. });
    let scope_max = network
        .filter(|_| is_steered)
        .map_or(0, |network| if network.address().is_ipv4() { 32 } else { 128 });
    assert!(message.scope.unwrap_or_default() <= scope_max, "only what looked has a scope");
    let is_absence = matches!(reply.outcome, Outcome::NoName(_) | Outcome::NoData);
    if is_absence && !message.is_cut {
        assert!(message.authority.contains(&RecordType::SOA), "an absence has its SOA");
    }
    assert!(message.is_authoritative || !is_absence);
    if matches!(reply.outcome, Outcome::Refused | Outcome::Faulty(_)) {
        assert!(!message.is_authoritative && message.records == 0, "an error says nothing else");
    }
}

fn check_refusal(message: &Message, reply: &Reply<'_, '_>, refusal: &Refusal<'_>) {
    assert_eq!(message.questions, u16::from(refusal.question.is_some()));
    assert_eq!((message.records, message.is_authoritative), (0, false));
    assert_eq!(message.has_opt, refusal.edns.is_some());
    assert!(message.rcode != Rcode::NOERROR.0 || matches!(reply.outcome, Outcome::Cookie(_)));
}

/// Of many answers to one network some are kept back, and what is sent is no longer than the whole.
fn check_limited(view: &View, packet: &[u8]) {
    let mut worker = fixture::limited_worker();
    let asker = asker(Ipv4Addr::new(10, 9, 9, 9).into(), Transport::Udp);
    let (mut buffer, mut longest) = (vec![0; 65_535], None);
    for _ in 0..4 {
        let reply = resolve(view, &asker, packet, &mut worker, &mut buffer);
        let longest = *longest.get_or_insert(reply.bytes.len());
        match reply.verdict {
            Verdict::Drop => assert!(reply.bytes.is_empty()),
            Verdict::Truncate => assert!(reply.bytes.len() <= longest),
            Verdict::Answer => {}
        }
    }
}
