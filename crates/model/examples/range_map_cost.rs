//! What a look-up in a map of a million client networks costs, as a multiple of one read from
//! memory: `cargo run --release -p model --example range_map_cost`, with another number of networks
//! behind `--` if wished. Says of each map whether it keeps within [`READS_MAX`], and ends with 1 if one
//! does not: it is for whoever changes the map.
//!
//! Each look-up waits for the one before it, and so does each read, so that neither hides behind
//! the next. The reads are of random lines of 64 bytes in an array as large as the map is. Both
//! take turns; a ratio is taken within a round, and the median of the rounds counts. Time is the
//! thread's own on a processor, where the system tells it (`/proc/thread-self/schedstat`, proc(5)), for
//! a busy machine makes it wait.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;

use model::{RangeMap, Subnet};
use testkit::{Random, took_s};

const NETWORKS: usize = 1_000_000;
const ROUNDS: usize = 15;
/// Some 50 ms: the system counts a thread's time in steps of a few.
const READS: usize = 300_000;
/// What a look-up may cost, in reads.
const READS_MAX: f64 = 1.5;

fn main() -> ExitCode {
    let given = std::env::args().nth(1).and_then(|count| count.parse().ok());
    let networks: usize = given.unwrap_or(NETWORKS);
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let bits = |random: &mut Random| u32::try_from(random.next() >> 32).unwrap_or(0);

    let anywhere: Vec<IpAddr> =
        (0..networks).map(|_| Ipv4Addr::from_bits(bits(&mut random)).into()).collect();
    let mut is_met = report("IPv4 /24, anywhere", &anywhere, 24, &mut random);

    // Sixteen neighbours each, as networks are given out.
    let starts: Vec<u32> = (0..networks / 16).map(|_| bits(&mut random)).collect();
    let in_crowds: Vec<IpAddr> = starts
        .iter()
        .flat_map(|start| (0..16).map(move |number| start.wrapping_add(number << 9)))
        .map(|bits| Ipv4Addr::from_bits(bits).into())
        .collect();
    is_met &= report("IPv4 /24, in crowds", &in_crowds, 24, &mut random);

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
    is_met &= report("IPv6 /48, of providers", &provided, 48, &mut random);
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures a map of these networks, asked for addresses in them, and prints a line; says whether the
/// goal is met.
fn report(name: &str, clients: &[IpAddr], length: u8, random: &mut Random) -> bool {
    let networks = clients.iter().map(|client| Subnet::of(*client, length));
    let map = RangeMap::from_prefixes(0, networks.zip(1u32..));
    let lines = vec![[1u64; 8]; map.bytes() / 64];
    let asked: Vec<IpAddr> = (0..READS + 2).map(|_| clients[random.below(clients.len())]).collect();
    let read: Vec<usize> = (0..READS + 2).map(|_| random.below(lines.len())).collect();

    let (mut reads, mut gets, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let read_ns = ns_each(|at| lines[read[at]][at % 8]);
        let get_ns = ns_each(|at| map.get(asked[at]).0.into());
        reads.push(read_ns);
        gets.push(get_ns);
        ratios.push(get_ns / read_ns);
    }
    let (read_ns, get_ns, ratio) = (median(reads), median(gets), median(ratios));
    let is_met = ratio <= READS_MAX;
    println!(
        "{name:24} {:8} ranges of {:4.1} bytes: a read {read_ns:5.0} ns, a look-up {get_ns:5.0} ns, {ratio:.2} reads, {}",
        map.len(),
        map.bytes() as f64 / map.len() as f64,
        if is_met { "PASS" } else { "FAIL" }
    );
    is_met
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The time of one step, where a bit of each result is needed to begin the next.
fn ns_each(mut step: impl FnMut(usize) -> u64) -> f64 {
    let ((), took) = took_s(|| {
        let mut last = 0;
        for number in 0..READS {
            last = step(number + usize::from(black_box(last) & 1 == 1));
        }
        black_box(last);
    });
    took * 1e9 / READS as f64
}
