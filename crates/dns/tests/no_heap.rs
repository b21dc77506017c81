//! Reading a query and writing its answer never touches the heap: an allocator that counts.

#![expect(unsafe_code, reason = "a global allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::Ipv4Addr;

use dns::{Answer, Fault, Head, Limit, NameBuf, Rcode, Rdata, Section, Soa, parse};

thread_local! {
    /// The allocations of this thread: other tests and the test runner have their own.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, and a count.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the promises that this call needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises that this call needs.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often `work` allocates.
fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

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
        let mut answer = Answer::to_query(&query, head, limit, &mut buffer).unwrap();
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

/// Reads a packet and writes what it deserves.
fn handle(packet: &[u8], buffer: &mut [u8]) {
    let head = Head { rcode: Rcode::REFUSED, authoritative: false, scope: 0 };
    let limit = Limit::udp(None, 1232);
    match parse(packet) {
        Ok(query) => {
            let answer = Answer::to_query(&query, head, limit, buffer);
            assert!(answer.is_ok_and(|answer| answer.finish().len() >= 12));
        }
        Err(Fault::Refuse(refusal)) => {
            let answer = Answer::to_refusal(&refusal, limit, buffer);
            assert!(answer.is_ok_and(|answer| answer.finish().len() >= 12));
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
