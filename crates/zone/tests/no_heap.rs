//! A look-up never touches the heap, whatever it ends in: an allocator that counts.

#![expect(unsafe_code, reason = "a global allocator cannot be written without it")]
#![expect(clippy::unwrap_used, reason = "a test may stop where it is surprised")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use dns::{NameBuf, RecordType};
use zone::{SoaValues, Source, SteeredName, Steering, Zone, Zones, zone_file};

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

fn zones() -> Zones {
    let apex: NameBuf = "example".parse().unwrap();
    let text = "host A 192.0.2.1\nal CNAME host\nal2 CNAME al\n*.w CNAME al2\nmx MX 1 host\n\
                a.b.c TXT x\ndel NS ns.del\ndel NS ns.example.org.\nns.del A 192.0.2.2\n";
    let records = zone_file::parse(text, apex.as_name(), 60).unwrap();
    let steered = SteeredName {
        name: "app.example".parse().unwrap(),
        index: 0,
        steering: Steering::ONE_ADDRESS,
    };
    let values = SoaValues {
        nameservers: Vec::new(),
        mailbox: None,
        serial: 1,
        refresh_s: 2,
        retry_s: 3,
        expire_s: 4,
        minimum_s: 5,
        ttl_s: 6,
    };
    let source = Source { apex, authority: Some(values), records, steered: vec![steered] };
    Zones::new(vec![Zone::build(source).unwrap().0]).unwrap()
}

#[test]
fn the_count_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn no_look_up_allocates() {
    let zones = zones();
    let long = format!("{}example", "a.".repeat(123));
    let names = [
        "example",
        "host.example",
        "al2.example",
        "X.w.example",
        "mx.example",
        "b.c.example",
        "no.example",
        "www.del.example",
        "app.example",
        "ns1.example",
        "example.org",
        ".",
        &long,
    ];
    for text in names {
        let name: NameBuf = text.parse().unwrap();
        for qtype in ["A", "MX", "NS", "SOA", "ANY", "DS"].map(|text| text.parse::<RecordType>()) {
            let qtype = qtype.unwrap();
            let mut seen = 0;
            let count = allocations(|| {
                let lookup = zones.lookup(name.as_name(), qtype);
                seen += lookup.chain.iter().count() + lookup.additional(&zones).count();
            });
            assert_eq!(count, 0, "{text} {qtype} with {seen} aliases and addresses");
        }
    }
}
