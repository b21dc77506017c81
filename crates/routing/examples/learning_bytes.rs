//! What a network costs in memory that a domain learned, for `cargo xtask bench table`:
//! `learning_bytes NETWORKS [dense] [eight]`. Prints figures, a name and a number a line; judges none.
//!
//! Networks are IPv4 /24s, each with rows of three regions, which are all that the domain has, or three of
//! `eight`. They lie anywhere in the address space, with as few neighbours as there can be; or `dense`, three
//! /24s of four, as all of the Internet has them. The rows come region by region, as agents do after a start. Counted are the bytes that were asked of the
//! heap, and what the process has in memory.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an example that prints")]

mod eight_regions;

use std::net::IpAddr;
use std::sync::Arc;

use latency::{RegionEstimate, RowChange};
use model::{Region, Rtt, Subnet, Time};
use routing::{Beliefs, DomainSettings, Learning};
use testkit::{CountingHeap, heap_bytes};

use crate::eight_regions::{REGIONS, geography, settings};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

/// The regions of each network, and of the domain.
const MEASURED: usize = 3;

fn main() {
    let mut words = std::env::args().skip(1);
    let networks = words.next().and_then(|word| word.parse().ok());
    let networks: u32 =
        networks.unwrap_or_else(|| panic!("usage: learning_bytes NETWORKS [dense] [eight]"));
    let rest: Vec<String> = words.collect();
    let has = |word: &str| rest.iter().any(|given| given == word);
    let (is_dense, regions) = (has("dense"), if has("eight") { REGIONS.len() } else { MEASURED });
    let geo = Arc::new(geography());
    let mut settings = settings();
    settings.regions.truncate(regions);
    let settings: Arc<DomainSettings> = Arc::new(settings);
    let names: Vec<Region> = REGIONS.iter().map(|name| name.parse().unwrap()).collect();
    let mut now = Time::from_unix_ms(1_766_138_700_000);
    let row = |number: u32, region: usize, now| row((number, is_dense), region, &names, now);

    let (start, _) = heap_bytes();
    let mut beliefs = Beliefs::new(&settings, &geo);
    for region in 0..MEASURED {
        for number in 0..networks {
            let (subnet, _, estimate) = row(number, region, now);
            beliefs.take(subnet, region as u16, estimate);
        }
    }
    figure("beliefs_bytes", heap_bytes().0 - start, networks);
    drop(beliefs);

    let (start, _) = heap_bytes();
    let resident = resident_bytes();
    let mut learning = Learning::new(&settings, &geo);
    learning.report(names.iter().cloned().collect());
    for region in 0..MEASURED {
        for first in (0..networks).step_by(10_000) {
            let rows = first..networks.min(first + 10_000);
            learning.take(rows.map(|number| row(number, region, now)));
            now = now.plus_ms(100);
            learning.compile(now);
        }
        while learning.is_behind() {
            now = now.plus_ms(1_000);
            learning.compile(now);
        }
    }
    for _ in 0..3 {
        now = now.plus_ms(30_000);
        learning.compile(now);
    }
    let (bytes, most) = heap_bytes();
    figure("learned_bytes", bytes - start, networks);
    figure("learned_most_bytes", most - start, networks);
    figure("learned_resident_bytes", resident_bytes() - resident, networks);
    println!("learned_ranges {}", learning.map().ranges() as f64 / f64::from(networks));
}

/// A network's row of a region; each network has another one that is the best.
fn row((number, is_dense): (u32, bool), region: usize, names: &[Region], now: Time) -> RowChange {
    let mixed = number.wrapping_mul(0x9e37_79b1);
    let far = ((mixed >> 20) as usize + region) % MEASURED;
    let rtt = Rtt::from_us(12_000 + far as u64 * 35_000 + u64::from(mixed >> 19)).unwrap();
    let samples = 40 + u64::from(mixed >> 27);
    let estimate =
        RegionEstimate { rtt, deviation_us: 1_500, samples, observed_at: now, agents: 1 };
    // Neighbours come one after another where they are many, anywhere where they are few.
    let block = if is_dense { number + number / 3 } else { number.wrapping_mul(769) };
    (Subnet::of(IpAddr::V4((block << 8).into()), 24), names[region].clone(), Some(estimate))
}

/// What this process has in memory; 0 where nobody says.
fn resident_bytes() -> i64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0i64) * 4_096
}

#[expect(clippy::cast_precision_loss, reason = "figures")]
fn figure(name: &str, bytes: i64, networks: u32) {
    println!("{name} {:.1}", bytes as f64 / f64::from(networks));
}
