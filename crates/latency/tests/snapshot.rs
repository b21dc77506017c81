//! What a snapshot of the table costs whoever waits for it: no more for a table that is eight times as
//! large.

#![expect(clippy::unwrap_used, reason = "a test may stop where it is surprised")]

use std::net::Ipv4Addr;

use latency::{Lane, PortReport, Report, ReportRow, Table, TableLimits};
use model::{AgentId, Rtt, Subnet, Time};
use testkit::{CountingHeap, allocations};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

const NOW: Time = Time::from_unix_ms(1_766_138_700_000);
const LIMITS: TableLimits =
    TableLimits { rows_per_agent_max: 1_000_000, rows_max: 1_000_000, ttl_ms: 7 * 86_400_000 };

fn agent() -> AgentId {
    "web".parse().unwrap()
}

fn tell(table: &mut Table, networks: std::ops::Range<u32>) {
    let row = |n: u32| {
        let rtt_us = Rtt::from_us(20_000).unwrap();
        let subnet = Subnet::of(Ipv4Addr::from_bits(0x0a00_0000 + (n << 8)).into(), 24);
        let (min_rtt, observed_at) = (rtt_us, NOW);
        ReportRow { subnet, rtt_us, deviation_us: 900, min_rtt, samples: 40, observed_at }
    };
    let after = table.position(&agent()).map_or(0, |position| position.sequence);
    let ports =
        vec![PortReport { port: 80, rows: networks.map(row).collect(), refreshed: Vec::new() }];
    table.apply(&agent(), 1, &Report { after, through: after + 1, ports }, NOW).unwrap();
}

/// A table of so many rows in which nothing waits to be read.
fn table(rows: u32) -> Table {
    let mut table = Table::new(LIMITS);
    let services = vec!["app".parse().unwrap()];
    table.set_lane(&agent(), 80, Lane { services, region: "eu".parse().unwrap() });
    for from in (0..rows).step_by(10_000) {
        tell(&mut table, from..from + 10_000);
    }
    table.take_changes();
    table
}

/// What the heap is asked for by a snapshot, by the first report after it, and by one that finds nothing
/// shared.
fn costs(rows: u32) -> [u64; 3] {
    let mut table = table(rows);
    let mut snapshot = None;
    let to_take = allocations(|| snapshot = Some(table.snapshot()));
    let after = allocations(|| tell(&mut table, 0..1));
    drop(snapshot);
    let alone = allocations(|| tell(&mut table, 0..1));
    assert_eq!(table.len(), rows as usize);
    [to_take, after, alone]
}

#[test]
fn the_loop_waits_no_longer_for_a_large_table() {
    let (small, large) = (costs(10_000), costs(80_000));
    assert_eq!(small[0], large[0], "the rows are shared");
    assert!(large[0] <= 2, "{large:?}");
    // A tree of eighty blocks is copied, and one of them.
    assert!(large[1] - large[2] <= 40, "{large:?}");
}
