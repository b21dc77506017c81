//! What a row taken and a belief asked for cost among a million networks, as multiples of one read
//! from memory: `cargo run --release -p routing --example belief_cost`. Decides nothing and fails
//! nothing: the figures are for whoever changes the beliefs.
//!
//! The reads are of random lines of 64 bytes in an array of 512 MiB; each waits for the one before
//! it. The best of some rounds counts, taken in turns, since a busy machine disturbs all of them.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use geo::{Geo, Place, Placed};
use latency::RegionEstimate;
use model::{Rtt, Subnet, Time};
use routing::{Beliefs, Spot};
use testkit::Random;

const NETWORKS: usize = 1_000_000;
const REGIONS: u16 = 8;
const ROUNDS: usize = 7;
const STEPS: usize = 100_000;

fn main() {
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let geo = Arc::new(geography(&mut random));
    let regions: Vec<Option<Place>> = (0..REGIONS).map(|_| place(&mut random)).collect();
    let mut beliefs = Beliefs::of_places(regions.into_iter(), &geo);
    // Crowds of sixteen neighbours, as networks are given out.
    let networks: Vec<Subnet> = (0..NETWORKS / 16)
        .map(|_| u32::try_from(random.next() >> 32).unwrap_or(0) & 0xffff_f000)
        .flat_map(|start| (0..16).map(move |number| start + (number << 8)))
        .map(|bits| Subnet::of(Ipv4Addr::from_bits(bits).into(), 24))
        .collect();
    let began = Instant::now();
    for network in &networks {
        beliefs.take(*network, region(&mut random), Some(estimate(&mut random)));
    }
    let filled_ns = began.elapsed().as_secs_f64() * 1e9 / NETWORKS as f64;
    let began = Instant::now();
    beliefs.refit();
    let refit_ns = began.elapsed().as_secs_f64() * 1e9 / NETWORKS as f64;

    let lines = vec![[1u64; 8]; (512 << 20) / 64];
    let reads: Vec<usize> = (0..STEPS + 2).map(|_| random.below(lines.len())).collect();
    let asked: Vec<Spot> = (0..STEPS + 2)
        .map(|_| networks[random.below(networks.len())])
        .map(|subnet| Spot { subnet, class: geo.locate(subnet.address()).class, has_rows: true })
        .collect();
    let (mut read, mut one, mut all, mut take) = (f64::MAX, f64::MAX, f64::MAX, f64::MAX);
    let mut found = Vec::new();
    for _ in 0..ROUNDS {
        read = read.min(ns_each(|at| lines[reads[at]][at % 8]));
        one = one.min(ns_each(|at| beliefs.belief(&asked[at], 3, NOW).rtt_us.into()));
        all = all.min(ns_each(|at| {
            beliefs.all(&asked[at], NOW, &mut found);
            found[0].rtt_us.into()
        }));
        take = take.min(ns_each(|at| {
            beliefs.take(asked[at].subnet, region(&mut random), Some(estimate(&mut random)));
            0
        }));
    }
    println!("{NETWORKS} networks, {REGIONS} regions: a read {read:.0} ns");
    for (what, ns) in [
        ("a new network's row taken", filled_ns),
        ("a known network's row taken", take),
        ("a belief of one region", one),
        ("beliefs of all regions", all),
        ("a refit, each row", refit_ns),
    ] {
        println!("{what:28} {ns:6.0} ns, {:5.2} reads", ns / read);
    }
}

const NOW: Time = Time::from_unix_ms(1_766_138_700_000);

fn region(random: &mut Random) -> u16 {
    u16::try_from(random.below(usize::from(REGIONS))).unwrap_or(0)
}

fn estimate(random: &mut Random) -> RegionEstimate {
    let us = 150_000 + random.next() % 100_000;
    RegionEstimate {
        rtt: Rtt::from_us(us).unwrap_or_else(|error| panic!("{error}")),
        deviation_us: 2_000,
        samples: 1 + random.next() % 50,
        observed_at: NOW.minus_ms(random.next() % 86_400_000),
        agents: 1,
    }
}

fn place(random: &mut Random) -> Option<Place> {
    let degrees = |random: &mut Random, end| random.below(end) as f64 - end as f64 / 2.0;
    Place::new(degrees(random, 120), degrees(random, 360)).ok()
}

/// A quarter of a million networks, each of one of 5,000 places and 20,000 autonomous systems.
fn geography(random: &mut Random) -> Geo {
    let places: Vec<Option<Place>> = (0..5_000).map(|_| place(random)).collect();
    let countries = ["DE", "US", "JP", "BR", "ZA", "IN", "FR", "GB", "CN", "AU"];
    let placed: Vec<Placed> = (0..1 << 18)
        .map(|number: u32| {
            let place = random.below(places.len());
            Placed {
                subnet: Subnet::of(Ipv4Addr::from_bits(number << 14).into(), 18),
                country: countries[place % countries.len()].parse().ok(),
                asn: NonZeroU32::new(u32::try_from(1 + random.below(20_000)).unwrap_or(1)),
                place: places[place],
            }
        })
        .collect();
    Geo::from_placed(&placed, &[]).unwrap_or_else(|error| panic!("{error}"))
}

/// The time of one step, where a bit of each result is needed to begin the next.
fn ns_each(mut step: impl FnMut(usize) -> u64) -> f64 {
    let began = Instant::now();
    let mut last = 0;
    for number in 0..STEPS {
        last = step(number + usize::from(black_box(last) == u64::MAX));
    }
    black_box(last);
    began.elapsed().as_secs_f64() * 1e9 / STEPS as f64
}
