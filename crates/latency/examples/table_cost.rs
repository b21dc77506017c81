//! What the table costs at full size, for `cargo xtask bench table`:
//! `table_cost NETWORKS AGENTS [SECONDS]`. Prints figures, a name and a number a line; judges none.
//!
//! Networks are IPv4 /24s drawn evenly of all there are; each agent tells of all of them in reports as
//! large as they may be, then of ones drawn anywhere, as fast as they are taken. Beside each cost stands
//! a limit of the same run: reads of 64 bytes anywhere in as much memory, each waiting for the last. Times are the
//! processor's.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use latency::{Lane, PortReport, Report, ReportRow, Table, TableLimits};
use model::{AgentId, Rtt, Subnet, Time};
use testkit::{Random, read_ns, took_s};

/// As many as a report has at most.
const REPORT_ROWS: usize = 16_384;
const START: Time = Time::from_unix_ms(1_766_138_700_000);

/// A table and how far each agent has told it.
struct Bench {
    table: Table,
    agents: Vec<(AgentId, u64)>,
    random: Random,
    now: Time,
}

fn main() {
    let mut words = std::env::args().skip(1).map(|word| word.parse::<usize>().ok());
    let (Some(Some(networks)), Some(Some(agents))) = (words.next(), words.next()) else {
        panic!("usage: table_cost NETWORKS AGENTS [SECONDS]");
    };
    let seconds = words.next().flatten().unwrap_or(3);
    let before = resident();
    let mut bench = Bench::new(agents);
    let drawn = ipv4(networks, &mut bench.random);
    let lists = resident() - before;
    let rows = drawn.len() * agents;
    let took = bench.fill(&drawn);
    figure("rows", rows as f64);
    figure("filled_rows_per_s", rows as f64 / took);
    figure("bytes_per_row", bench.table.heap_bytes() as f64 / rows as f64);
    figure("resident_bytes_per_row", (resident() - before - lists) as f64 / rows as f64);
    let (apply_ns, learn_ns) = bench.update(&drawn, seconds);
    let read_ns = read_ns((rows * 10).clamp(1 << 26, 1 << 30));
    figure("update_apply_ns", apply_ns);
    figure("update_changes_ns", learn_ns);
    figure("updates_per_s", 1e9 / (apply_ns + learn_ns));
    figure("read_ns", read_ns);
    figure("resident_bytes_per_row_after", (resident() - before - lists) as f64 / rows as f64);
    let began = Instant::now();
    let digests = bench.agents.iter().map(|(agent, _)| bench.table.digest(agent));
    black_box(digests.fold(0, u64::wrapping_add));
    figure("digest_ns", began.elapsed().as_secs_f64() * 1e9 / agents as f64);
    let (_, took) = took_s(|| bench.table.expire(bench.now));
    figure("expire_none_ms", took * 1e3);
    let (agent, _) = bench.agents.remove(0);
    let (_, took) = took_s(|| bench.table.forget(&agent));
    figure("withdraw_ns_per_row", took * 1e9 / drawn.len() as f64);
    drop(bench);
    others();
}

/// What draws a network.
type Draw<'a> = &'a dyn Fn(&mut Random) -> Subnet;

/// IPv6, crowds and widths beside one another: a million of each.
fn others() {
    let mut random = Random::new(0x1357_9bdf_0246_8ace);
    let providers: Vec<u128> = (0..30_000).map(|_| u128::from(random.next() >> 35)).collect();
    let crowds = |random: &mut Random| {
        let provider = providers.get(random.below(30_000)).copied().unwrap_or(0);
        let bits = (1 << 125) | provider << 96 | u128::from(random.next() >> 48) << 80;
        Subnet::of(Ipv6Addr::from_bits(bits).into(), 48)
    };
    let anywhere = |random: &mut Random| {
        let bits = (1 << 125) | u128::from(random.next() >> 3) << 64;
        Subnet::of(Ipv6Addr::from_bits(bits).into(), 48)
    };
    let widths = |random: &mut Random| {
        let bits = u32::try_from(random.next() >> 32).unwrap_or(0);
        let length = [20, 22, 24, 28, 32].get(random.below(5)).copied().unwrap_or(24);
        Subnet::of(Ipv4Addr::from_bits(bits).into(), length)
    };
    let draw: [(&str, Draw<'_>); 3] =
        [("ipv6_providers", &crowds), ("ipv6_anywhere", &anywhere), ("ipv4_widths", &widths)];
    for (name, draw) in draw {
        let mut bench = Bench::new(1);
        let mut drawn: Vec<Subnet> = (0..1_000_000).map(|_| draw(&mut random)).collect();
        drawn.sort_unstable();
        drawn.dedup();
        let took = bench.fill(&drawn);
        let rows = drawn.len() as f64;
        figure(&format!("{name}_rows"), rows);
        figure(&format!("{name}_bytes_per_row"), bench.table.heap_bytes() as f64 / rows);
        figure(&format!("{name}_filled_rows_per_s"), rows / took);
    }
}

impl Bench {
    fn new(agents: usize) -> Self {
        let limits =
            TableLimits { rows_per_agent_max: 1 << 24, rows_max: 1 << 28, ttl_ms: 7 * 86_400_000 };
        let mut table = Table::new(limits);
        let names = (0..agents).map(|number| {
            let agent: AgentId = name(&format!("agent-{number}"));
            let lane = Lane {
                services: vec![name("app.demo.local")],
                region: name(&format!("region-{number}")),
            };
            table.set_lane(&agent, 80, lane);
            (agent, 0)
        });
        let agents = names.collect();
        Self { table, agents, random: Random::new(0x9e37_79b9_7f4a_7c15), now: START }
    }

    /// All agents tell of all networks; the seconds it took to take them.
    fn fill(&mut self, networks: &[Subnet]) -> f64 {
        let mut took = 0.0;
        for agent in 0..self.agents.len() {
            for chunk in networks.chunks(REPORT_ROWS) {
                took += self.tell(agent, chunk);
                took += took_s(|| black_box(self.table.take_changes())).1;
            }
        }
        took
    }

    /// One report of an agent; the seconds it took to take it.
    fn tell(&mut self, agent: usize, networks: &[Subnet]) -> f64 {
        let rows: Vec<ReportRow> = networks.iter().map(|subnet| self.row(*subnet)).collect();
        let Some((agent, sequence)) = self.agents.get_mut(agent) else { return 0.0 };
        let through = *sequence + rows.len() as u64;
        let ports = vec![PortReport { port: 80, rows, refreshed: Vec::new() }];
        let report = Report { after: *sequence, through, ports };
        *sequence = through;
        self.now = self.now.plus_ms(20);
        let (taken, took) = took_s(|| self.table.apply(agent, 1, &report, self.now));
        if let Err(refusal) = taken {
            panic!("a report was refused: {refusal}");
        }
        took
    }

    /// Rows anywhere for so many seconds; nanoseconds of one for taking it, and for reading what
    /// changed once for each report.
    fn update(&mut self, networks: &[Subnet], seconds: usize) -> (f64, f64) {
        let (mut rows, mut apply, mut learn) = (0, 0.0, 0.0);
        while apply + learn < seconds as f64 {
            let mut drawn: Vec<Subnet> = (0..REPORT_ROWS)
                .filter_map(|_| networks.get(self.random.below(networks.len())).copied())
                .collect();
            drawn.sort_unstable();
            drawn.dedup();
            let agent = self.random.below(self.agents.len());
            apply += self.tell(agent, &drawn);
            learn += took_s(|| black_box(self.table.take_changes())).1;
            rows += drawn.len();
        }
        (apply * 1e9 / rows as f64, learn * 1e9 / rows as f64)
    }

    fn row(&mut self, subnet: Subnet) -> ReportRow {
        let us = 5_000 + self.random.next() % 200_000;
        let rtt = Rtt::from_us(us).unwrap_or_else(|error| panic!("{error}"));
        let samples = u32::try_from(1 + self.random.next() % 500).unwrap_or(1);
        let observed_at = self.now.minus_ms(self.random.next() % 60_000);
        ReportRow { subnet, rtt_us: rtt, deviation_us: 700, min_rtt: rtt, samples, observed_at }
    }
}

/// So many /24s of all there are, ascending.
fn ipv4(count: usize, random: &mut Random) -> Vec<Subnet> {
    let all = 1_usize << 24;
    let mut left = count;
    let mut drawn = Vec::with_capacity(count);
    for number in 0..all {
        if random.below(all - number) < left {
            left -= 1;
            let bits = u32::try_from(number << 8).unwrap_or(0);
            drawn.push(Subnet::of(Ipv4Addr::from_bits(bits).into(), 24));
        }
    }
    drawn
}

/// Bytes of memory that this process has.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn figure(name: &str, value: f64) {
    println!("{name} {value}");
}
