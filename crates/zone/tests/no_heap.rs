//! A look-up never touches the heap, whatever it ends in: an allocator that counts.

#![expect(clippy::unwrap_used, reason = "a test may stop where it is surprised")]

use dns::{NameBuf, RecordType};
use testkit::{CountingHeap, allocations};
use zone::{Chain, SoaValues, Source, SteeredName, Steering, Zone, Zones, zone_file};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

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
                let mut chain = Chain::default();
                let lookup = zones.lookup(name.as_name(), qtype, &mut chain);
                seen += chain.iter().count();
                lookup.additional(&zones, |_| seen += 1);
            });
            assert_eq!(count, 0, "{text} {qtype} with {seen} aliases and addresses");
        }
    }
}
