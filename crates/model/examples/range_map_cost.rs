//! What a look-up in a map of a million client networks costs, as a multiple of one read from
//! memory: `cargo run --release -p model --example range_map_cost`, with another number of networks
//! behind `--` if wished. Decides nothing and fails nothing: the figures are for whoever changes
//! the map.
//!
//! Each look-up waits for the one before it, and so does each read, so that neither hides behind
//! the next. The reads are of random lines of 64 bytes in an array as large as the ranges are. The
//! best of some rounds counts, taken in turns, since a busy machine disturbs all of them.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use model::{RangeMap, Subnet};

const NETWORKS: usize = 1_000_000;
const ROUNDS: usize = 9;
const READS: usize = 300_000;

/// xorshift64: repeatable, and cheap beside what is measured.
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or(0)
    }
}

fn main() {
    let given = std::env::args().nth(1).and_then(|count| count.parse().ok());
    let networks: usize = given.unwrap_or(NETWORKS);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let bits = |random: &mut Random| u32::try_from(random.next() >> 32).unwrap_or(0);

    let anywhere: Vec<IpAddr> =
        (0..networks).map(|_| Ipv4Addr::from_bits(bits(&mut random)).into()).collect();
    report("IPv4 /24, anywhere", 8, &anywhere, 24, &mut random);

    // Sixteen neighbours each, as networks are given out.
    let starts: Vec<u32> = (0..networks / 16).map(|_| bits(&mut random)).collect();
    let in_crowds: Vec<IpAddr> = starts
        .iter()
        .flat_map(|start| (0..16).map(move |number| start.wrapping_add(number << 9)))
        .map(|bits| Ipv4Addr::from_bits(bits).into())
        .collect();
    report("IPv4 /24, in crowds", 8, &in_crowds, 24, &mut random);

    // Some /48s of each of 30,000 providers' /32s, which lie in the registries' few blocks.
    let registries = [0x2001, 0x2003, 0x2400, 0x2409, 0x2600, 0x2607, 0x2804, 0x2a02, 0x2c0f];
    let providers: Vec<u128> = (0..30_000)
        .map(|_| {
            registries[random.below(registries.len())] << 112
                | u128::from(bits(&mut random) >> 16) << 96
        })
        .collect();
    let provided: Vec<IpAddr> = (0..networks)
        .map(|_| providers[random.below(providers.len())] | u128::from(bits(&mut random)) << 64)
        .map(|bits| Ipv6Addr::from_bits(bits).into())
        .collect();
    report("IPv6 /48, of providers", 20, &provided, 48, &mut random);
}

/// Measures a map of these networks, asked for addresses in them, and prints a line.
fn report(name: &str, bytes_each: usize, clients: &[IpAddr], length: u8, random: &mut Random) {
    let networks = clients.iter().map(|client| Subnet::of(*client, length));
    let map = RangeMap::from_prefixes(0, networks.zip(1u32..));
    let lines = vec![[1u64; 8]; map.len() * bytes_each / 64];
    let asked: Vec<IpAddr> = (0..READS + 2).map(|_| clients[random.below(clients.len())]).collect();
    let read: Vec<usize> = (0..READS + 2).map(|_| random.below(lines.len())).collect();

    let (mut read_ns, mut get_ns) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        read_ns = read_ns.min(ns_each(|at| lines[read[at]][at % 8]));
        get_ns = get_ns.min(ns_each(|at| map.get(asked[at]).0.into()));
    }
    println!(
        "{name:24} {:8} ranges: a read {read_ns:5.0} ns, a look-up {get_ns:5.0} ns, {:.2} reads",
        map.len(),
        get_ns / read_ns
    );
}

/// The time of one step, where a bit of each result is needed to begin the next.
fn ns_each(mut step: impl FnMut(usize) -> u64) -> f64 {
    let began = Instant::now();
    let mut last = 0;
    for number in 0..READS {
        last = step(number + usize::from(black_box(last) & 1 == 1));
    }
    black_box(last);
    began.elapsed().as_secs_f64() * 1e9 / READS as f64
}
