//! What a query costs of our own code, by what it asks for:
//! `cargo run --release -p overwatch --example query_cost`, with a kind's name behind `--` if wished.
//!
//! The query path alone, without sockets: the least time of some rounds, so that a busy machine disturbs
//! it little. Not at all are instructions disturbed; on the built example,
//! `valgrind --tool=callgrind --toggle-collect='query_cost::ask' query_cost steered` counts those of
//! [`ROUNDS`] times [`QUESTIONS`].

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "an example shows, and stops where it is surprised"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use dns::{NameBuf, RecordType};
use geo::Geo;
use latency::RegionEstimate;
use model::{Rtt, Subnet, Time};
use overwatch::{Asker, DomainView, Transport, View, Worker, foresee, resolve};

const ROUNDS: u32 = 20;
const QUESTIONS: u32 = 5_000;
/// So many /24s are known, each second one of all behind 10.0.0.0: their map has an index.
const NETWORKS: u32 = 20_000;
/// The time of the fixture, within which its signatures are good.
const NOW: Time = Time::from_unix_ms(1_766_138_700_000);

/// What is asked: a name, a type, whether for a client's network, whether for signatures.
type Kind = (&'static str, &'static str, RecordType, bool, bool);

const KINDS: [Kind; 8] = [
    ("steered", "app.demo.local", RecordType::A, true, false),
    ("static", "deep.er.still.demo.local", RecordType::A, false, false),
    ("alias", "www.demo.local", RecordType::A, true, false),
    ("absent", "no.such.demo.local", RecordType::A, false, false),
    ("refused", "www.example.org", RecordType::A, false, false),
    ("signed", "app.demo.local", RecordType::A, true, true),
    ("signed-static", "deep.er.still.demo.local", RecordType::A, false, true),
    ("foresee", "app.demo.local", RecordType::A, true, false),
];

/// The world of the fuzz tests, with many networks learned for its first domain.
fn world() -> View {
    let small = overwatch::fuzz::view().unwrap();
    let mut domains = small.domains.clone();
    let first = domains.first().unwrap();
    let settings = first.map.settings().clone();
    let regions: Vec<_> = settings.regions.iter().map(|region| region.name.clone()).collect();
    let rows: Vec<_> = (0..NETWORKS)
        .flat_map(|number| {
            let subnet = Subnet::of(network(number), 24);
            (0..2).zip(regions.clone()).map(move |(place, region)| {
                // Neighbours have another order of regions each.
                let rtt =
                    Rtt::from_us(u64::from(10_000 + 20_000 * ((number + place) % 2))).unwrap();
                let row = RegionEstimate {
                    rtt,
                    deviation_us: 0,
                    samples: 9,
                    observed_at: NOW,
                    agents: 1,
                };
                (subnet, region, row)
            })
        })
        .collect();
    let geo = Arc::new(Geo::build(None, None, &[]).unwrap());
    let map = Arc::new(routing::compile(&Arc::new(settings), &geo, &rows, NOW));
    let pool = Arc::clone(&first.pool);
    *domains.first_mut().unwrap() = DomainView { map, pool };
    let (zones, terms) = (Arc::clone(&small.zones), Arc::clone(&small.terms));
    View { zones, domains, terms, signers: Arc::clone(&small.signers) }
}

fn network(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + (number << 9)).into()
}

/// A question, from one network after another.
fn query((_, name, qtype, has_network, dnssec_ok): Kind, number: u32) -> Vec<u8> {
    let name: NameBuf = name.parse().unwrap();
    let mut bytes = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    bytes.extend(name.as_name().as_bytes());
    bytes.extend([qtype.0, 1].map(u16::to_be_bytes).concat());
    let option = if has_network { 11 } else { 0 };
    bytes.extend([0, 0, 41, 4, 208, 0, 0, if dnssec_ok { 0x80 } else { 0 }, 0, 0, option]);
    if has_network {
        let IpAddr::V4(network) = network(number.wrapping_mul(0x9e37_79b9) % NETWORKS) else {
            unreachable!("it is made of 32 bits")
        };
        bytes.extend([0, 8, 0, 7, 0, 1, 24, 0]);
        bytes.extend(&network.octets()[..3]);
    }
    bytes
}

/// What is counted.
#[inline(never)]
fn ask(view: &View, worker: &mut Worker, packets: &[Vec<u8>], buffer: &mut [u8]) {
    let address = Ipv4Addr::new(10, 1, 2, 3).into();
    let local = Ipv4Addr::new(10, 1, 1, 10).into();
    let asker = Asker { address, local, transport: Transport::Udp, now: NOW };
    for packet in packets {
        black_box(resolve(view, &asker, packet, worker, buffer));
    }
}

/// What a worker asks of memory before it answers a batch.
#[inline(never)]
fn ask_memory(view: &View, worker: &Worker, packets: &[Vec<u8>]) {
    let address = Ipv4Addr::new(10, 1, 2, 3).into();
    for packet in packets {
        foresee(view, worker, (packet, address)).for_each(|place| _ = black_box(place));
    }
}

fn main() {
    let view = world();
    let wanted = std::env::args().nth(1);
    let is_wanted = |kind: &&Kind| wanted.as_deref().is_none_or(|wanted| wanted == kind.0);
    let mut buffer = vec![0; 1_232];
    for kind in KINDS.iter().filter(is_wanted) {
        let mut worker = Worker::new(None);
        let packets: Vec<Vec<u8>> = (0..QUESTIONS).map(|number| query(*kind, number)).collect();
        let rounds = (0..ROUNDS).map(|_| {
            let began = Instant::now();
            match kind.0 {
                "foresee" => ask_memory(&view, &worker, &packets),
                _ => ask(&view, &mut worker, &packets, &mut buffer),
            }
            began.elapsed().as_secs_f64() * 1e9 / f64::from(QUESTIONS)
        });
        println!("{:14} {:6.0} ns", kind.0, rounds.fold(f64::INFINITY, f64::min));
    }
}
