//! What a map costs for a change of one row, of every hundredth and of all, for
//! `cargo xtask bench table`: `compile_cost NETWORKS`. Prints figures, a name and a number a line;
//! judges none.
//!
//! Networks are IPv4 /24s anywhere, each known in all of eight regions; a change makes another region the
//! best. Beside it limits of the same run: a read of 64 bytes anywhere in memory, and a copy of as many bytes as the
//! map's ranges are. All times are the processor's.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an example that prints")]

mod eight_regions;

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;

use latency::{RegionEstimate, RowChange};
use model::{Region, Rtt, Subnet, Time};
use routing::Learning;
use testkit::{copy_ms, read_ns, took_s};

use crate::eight_regions::{REGIONS, geography, settings};

/// About as much as is learned of a million networks.
const READ_BYTES: usize = 1 << 28;
/// Each is measured so often; the median counts.
const ROUNDS: u32 = 5;

struct Bench {
    learning: Learning,
    now: Time,
    networks: u32,
    regions: Vec<Region>,
}

fn main() {
    let networks = std::env::args().nth(1).and_then(|word| word.parse().ok());
    let networks: u32 = networks.unwrap_or_else(|| panic!("usage: compile_cost NETWORKS"));
    let geo = Arc::new(geography());
    let regions: Vec<Region> = REGIONS.iter().map(|name| name.parse().unwrap()).collect();
    let mut learning = Learning::new(&Arc::new(settings()), &geo);
    learning.report(regions.iter().cloned().collect());
    let now = Time::from_unix_ms(1_766_138_700_000);
    let mut bench = Bench { learning, now, networks, regions };
    let all_ms = bench.change(0..networks, 0);
    figure("compile_all_ms", all_ms);
    let ranges = bench.learning.map().ranges();
    figure("compile_ranges", ranges as f64);
    figure("copy_ms", copy_ms(ranges * 8));
    figure("compile_read_ns", read_ns(READ_BYTES));
    let part = networks / 100;
    for (name, changed) in [("all", networks), ("again", networks), ("hundredth", part)] {
        figure(&format!("compile_{name}_rows"), f64::from(changed) * REGIONS.len() as f64);
    }
    // Every other time back again: the same networks, and nothing is new about them.
    let mut of = |name: &str, change: &mut dyn FnMut(&mut Bench, u32) -> f64| {
        let mut took: Vec<f64> = (1..=ROUNDS).map(|round| change(&mut bench, round)).collect();
        took.sort_by(f64::total_cmp);
        figure(name, took.get(took.len() / 2).copied().unwrap_or(f64::MAX));
    };
    of("compile_none_ms", &mut |bench, _| bench.change(0..0, 0));
    of("compile_one_ms", &mut |bench, round| bench.change(7..8, round));
    of("compile_hundredth_ms", &mut |bench, round| bench.change(0..part, round));
    of("compile_again_ms", &mut |bench, round| bench.change(0..networks, round));
    of("compile_new_ms", &mut |bench, round| {
        let first = bench.networks + round;
        bench.change(first..first + 1, 0)
    });
}

impl Bench {
    /// The rows of these networks change: how long it takes until the map says so.
    fn change(&mut self, networks: std::ops::Range<u32>, round: u32) -> f64 {
        self.now = self.now.plus_ms(100);
        let rows =
            networks.flat_map(|network| (0..REGIONS.len()).map(move |region| (network, region)));
        let rows: Vec<RowChange> =
            rows.map(|(network, region)| self.row(network, region, round)).collect();
        let ((), took) = took_s(|| {
            self.learning.take(rows);
            self.learning.compile(self.now);
            while self.learning.is_behind() {
                self.now = self.now.plus_ms(100);
                self.learning.compile(self.now);
            }
            black_box(self.learning.map());
        });
        took * 1e3
    }

    /// The row of a network and a region: in each round another region is the best.
    fn row(&self, network: u32, region: usize, round: u32) -> RowChange {
        let mixed = network.wrapping_mul(0x9e37_79b1);
        let best = (mixed >> 16).wrapping_add(round) as usize % REGIONS.len();
        let far = (region + REGIONS.len() - best) % REGIONS.len();
        let rtt = Rtt::from_us(15_000 + far as u64 * 30_000 + u64::from(mixed >> 22)).unwrap();
        let estimate = RegionEstimate {
            rtt,
            deviation_us: 1_000,
            samples: 200,
            observed_at: self.now,
            agents: 1,
        };
        // An odd factor: each number has a /24 of its own, anywhere.
        let bits = network.wrapping_mul(0x9e_3779) << 8;
        (Subnet::of(IpAddr::V4(bits.into()), 24), self.regions[region].clone(), Some(estimate))
    }
}

fn figure(name: &str, value: f64) {
    println!("{name} {value}");
}
