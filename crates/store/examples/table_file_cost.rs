//! What it costs to keep the learned table on disk, for `cargo xtask bench table`:
//! `table_file_cost NETWORKS AGENTS DIRECTORY`. Prints figures, a name and a number a line; judges none.
//!
//! Networks are IPv4 /24s drawn evenly of all there are; each agent tells of all of them. Beside the
//! time to read the table back stands a limit of the same run: to read the bytes of its file, twice over,
//! from memory that the kernel has them in. Beside the longest stop of the loop for a snapshot stands what a
//! slice of a search takes of it, over the same rows.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Instant;

use latency::table::page::Wanted;
use latency::table::ranking::{By, Order, Search};
use latency::{Lane, PortReport, Report, ReportRow, Table, TableLimits};
use model::{AgentId, Rtt, Subnet, Time};
use overwatch::learned::Learned;
use store::{TableCopy, TableFiles};
use testkit::Random;

/// As many as a report has at most.
const REPORT_ROWS: usize = 16_384;
/// As many as an agent sends at once.
const AGENT_ROWS: usize = 4_096;
/// As many as the node looks at before it does what else there is.
const SLICE_WORK: usize = 65_536;
/// Slices that are timed.
const SLICES: usize = 100;
const START: Time = Time::from_unix_ms(1_766_138_700_000);
const LIMITS: TableLimits =
    TableLimits { rows_per_agent_max: usize::MAX, rows_max: usize::MAX, ttl_ms: 7 * 86_400_000 };

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [networks, agents, directory] = words.as_slice() else {
        panic!("usage: table_file_cost NETWORKS AGENTS DIRECTORY");
    };
    let (networks, agents) = (networks.parse().unwrap_or(0), agents.parse().unwrap_or(0));
    let directory = Path::new(directory);
    let mut random = Random::new(7);
    let drawn = ipv4(networks, &mut random);
    let mut learned = Learned::new(Table::new(LIMITS));
    learned.keep(Table::new(LIMITS));
    let ids: Vec<AgentId> = (0..agents).filter_map(|n| format!("agent-{n}").parse().ok()).collect();
    for id in &ids {
        fill(&mut learned, id, &drawn, &mut random);
    }
    // What filled it is in the snapshot.
    let _ = learned.take_steps(START);
    let rows = learned.len();

    figure("slice_ms", slice_ms(&learned));
    stop(&mut learned, &ids, &drawn, &mut random);
    // What it told is in the snapshot too.
    let _ = learned.take_steps(START);
    let copy = TableCopy { table: learned.snapshot(), at: START, follows: true };
    let Ok((mut files, _)) = TableFiles::open(directory, LIMITS) else { panic!("no directory") };
    let began = Instant::now();
    assert!(files.snapshot(&copy, &mut |_| Ok(())).is_ok(), "the disk refuses");
    figure("snapshot_ms", ms(began));
    drop(copy);
    let snapshot_bytes = files.bytes();
    figure("snapshot_bytes_per_row", snapshot_bytes as f64 / rows as f64);

    read(directory, rows, "load");

    // A second in which a hundred thousand rows moved.
    let mut steps_bytes = 0;
    let mut seconds = Vec::new();
    for second in 1..=10u64 {
        let some = random.below(drawn.len().saturating_sub(100_000).max(1));
        let moved: Vec<Subnet> = drawn.iter().skip(some).take(100_000).copied().collect();
        let began = Instant::now();
        fill(&mut learned, &ids[second as usize % ids.len()], &moved, &mut random);
        let noted = ms(began);
        let batch = learned.take_steps(START.plus_ms(second * 1_000)).unwrap_or_default();
        let began = Instant::now();
        assert!(files.append(&batch).is_ok(), "the disk refuses");
        steps_bytes += batch.len();
        seconds.push((noted, ms(began)));
    }
    let mean = |of: fn(&(f64, f64)) -> f64| seconds.iter().map(of).sum::<f64>() / 10.0;
    figure("steps_bytes_per_row", steps_bytes as f64 / (10.0 * drawn.len().min(100_000) as f64));
    figure("steps_taken_and_noted_ms", mean(|second| second.0));
    figure("steps_write_ms", mean(|second| second.1));
    read(directory, rows, "load_with_steps");
    figure("kept_rows", rows as f64);
}

/// What one slice of a search takes.
fn slice_ms(table: &Table) -> f64 {
    let order = Order { by: By::Rtt, is_descending: true };
    let mut search = Search::new(Wanted::default(), order, 50);
    let (began, mut slices) = (Instant::now(), 0);
    while slices < SLICES {
        slices += 1;
        if table.search(&mut search, SLICE_WORK) {
            break;
        }
    }
    ms(began) / slices as f64
}

/// How long the loop stands for a snapshot: while it is taken, and for what a report of each agent takes longer while
/// there is one. Its rows lie as far apart as they can, so each finds its block shared.
fn stop(learned: &mut Learned, ids: &[AgentId], drawn: &[Subnet], random: &mut Random) {
    let apart = drawn.len().div_ceil(AGENT_ROWS).max(1);
    let far: Vec<Subnet> = drawn.iter().step_by(apart).copied().collect();
    let mut told = |learned: &mut Learned, id| {
        let began = Instant::now();
        fill(learned, id, &far, random);
        ms(began)
    };
    let began = Instant::now();
    let snapshot = learned.snapshot();
    let taken = ms(began);
    let beside: Vec<f64> = ids.iter().map(|id| told(learned, id)).collect();
    drop(snapshot);
    let alone: Vec<f64> = ids.iter().map(|id| told(learned, id)).collect();
    let longer = beside.iter().zip(&alone).map(|(beside, alone)| beside - alone);
    figure("snapshot_taken_ms", taken);
    figure("snapshot_stop_ms", longer.fold(taken, f64::max));
}

/// Reads the table back, and the bytes of its files.
fn read(directory: &Path, rows: usize, name: &str) {
    let bytes = || -> usize {
        let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
        entries
            .flatten()
            .map(|entry| std::fs::read(entry.path()).map_or(0, |all| black_box(all).len()))
            .sum()
    };
    let read = bytes();
    let began = Instant::now();
    black_box(bytes() + bytes());
    let read_ms = ms(began) / 2.0;
    let began = Instant::now();
    let Ok((_, found)) = TableFiles::open(directory, LIMITS) else { panic!("it does not open") };
    let mut table = found.table;
    table.wake(START.plus_ms(60_000));
    let load_ms = ms(began);
    assert_eq!((table.len(), found.dropped.len()), (rows, 0));
    figure(&format!("{name}_ms"), load_ms);
    figure(&format!("{name}_ms_per_million_rows"), load_ms * 1e6 / rows as f64);
    figure(&format!("{name}_read_ms"), read_ms);
    figure(&format!("{name}_per_read"), load_ms / read_ms);
    figure(&format!("{name}_file_bytes"), read as f64);
}

fn fill(learned: &mut Learned, id: &AgentId, drawn: &[Subnet], random: &mut Random) {
    if let (Ok(region), Ok(service)) = ("eu-west".parse(), "app".parse()) {
        learned.set_lane(id, 443, Lane { services: vec![service], region });
    }
    for subnets in drawn.chunks(REPORT_ROWS) {
        let row = |subnet: &Subnet| {
            let rtt_us = Rtt::from_us(1_000 + random.below(200_000) as u64).ok()?;
            let (deviation_us, samples) = (rtt_us.us() / 8, 1 + random.below(200) as u32);
            let subnet = *subnet;
            Some(ReportRow {
                subnet,
                rtt_us,
                deviation_us,
                min_rtt: rtt_us,
                samples,
                observed_at: START,
            })
        };
        let rows = subnets.iter().filter_map(row).collect();
        let after = learned.position(id).map_or(0, |position| position.sequence);
        let ports = vec![PortReport { port: 443, rows, refreshed: Vec::new() }];
        let report = Report { after, through: after + 1, ports };
        assert!(learned.apply(id, 1, &report, START).is_ok(), "refused");
    }
}

/// So many networks of all /24s, ascending.
fn ipv4(count: usize, random: &mut Random) -> Vec<Subnet> {
    let all = 0x0001_0000..0x00df_ffff_u32;
    let mut left = all.len();
    let mut wanted = count;
    let mut drawn = Vec::with_capacity(count);
    for network in all {
        if random.below(left) < wanted {
            drawn.push(Subnet::of(Ipv4Addr::from_bits(network << 8).into(), 24));
            wanted -= 1;
        }
        left -= 1;
    }
    drawn
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

fn figure(name: &str, value: f64) {
    println!("{name} {value}");
}
