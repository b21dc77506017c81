//! What a map costs, per row that changed: to be run by hand, in release.
//!
//! Prints, for tables of three sizes, nanoseconds per changed row where times move and no ranking
//! does, where one ranking in a hundred rows changes too, and for a map of everything at once.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an example that prints")]

mod eight_regions;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use latency::{RegionEstimate, RowChange};
use model::{Region, Rtt, Subnet, Time};
use routing::Learning;

use crate::eight_regions::{REGIONS, geography, settings};

/// The row of a network; `shift_ms` moves its time.
fn row(network: u32, shift_ms: u64, now: Time) -> RowChange {
    let mixed = network.wrapping_mul(0x9e37_79b1);
    let region: Region = REGIONS[mixed as usize % REGIONS.len()].parse().unwrap();
    let rtt = Rtt::from_us(u64::from(mixed >> 12) % 200_000 + 5_000 + shift_ms * 1_000).unwrap();
    let estimate =
        RegionEstimate { rtt, deviation_us: 2_000, samples: 20, observed_at: now, agents: 1 };
    // Every third /24 of the address space, spread.
    (Subnet::of(IpAddr::V4((network.wrapping_mul(769) << 8).into()), 24), region, Some(estimate))
}

fn main() {
    let geo = Arc::new(geography());
    println!(
        "{:>9} {:>8} {:>9} {:>12} {:>12}",
        "networks", "changed", "ranges", "ns a row", "ms a map"
    );
    for networks in [10_000u32, 100_000, 1_000_000] {
        let mut now = Time::from_unix_ms(1_766_138_700_000);
        let mut learning = Learning::new(&Arc::new(settings()), &geo);
        learning.report(REGIONS.iter().map(|name| name.parse().unwrap()).collect());
        for (changed, shift_ms) in [(networks, 0), (100, 1), (10_000, 1), (100, 60), (10_000, 60)] {
            now = now.plus_ms(1_000);
            let rows: Vec<RowChange> = (0..changed).map(|i| row(i, shift_ms, now)).collect();
            let start = Instant::now();
            learning.take(rows);
            learning.compile(now);
            let map = learning.map();
            let took = start.elapsed();
            let per_row = took.as_nanos() / u128::from(changed);
            let (ranges, ms) = (map.ranges(), took.as_secs_f64() * 1e3);
            println!("{networks:>9} {changed:>8} {ranges:>9} {per_row:>12} {ms:>12.1}");
        }
    }
}
