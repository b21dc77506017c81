//! What it costs a table to tell all rows of one agent to who has none: `first_sync ROWS`.
//! Prints figures, a name and a number a line.
//!
//! Twice: with a cursor, as overwatches do; and by walking all rows for each report, of which some are
//! measured and all are counted.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::net::Ipv4Addr;
use std::time::Instant;

use latency::{Cursor, Lane, PortReport, Position, Report, ReportRow, Table, TableLimits};
use model::{AgentId, Rtt, Subnet, Time};

/// As an agent's own.
const REPORT_ROWS: usize = 4_096;
const NOW: Time = Time::from_unix_ms(1_766_138_700_000);
/// Reports that are told by walking.
const WALKED: usize = 4;

fn main() {
    let rows = std::env::args().nth(1).and_then(|rows| rows.parse().ok());
    let Some(rows) = rows else { panic!("usage: first_sync ROWS") };
    let agent: AgentId = name("agent");
    let mut full = table(&agent, rows);
    let lists: Vec<Subnet> = (0..rows).map(network).collect();
    for (number, chunk) in (0u64..).zip(lists.chunks(REPORT_ROWS)) {
        apply(&mut full, &agent, &report(number, chunk));
    }
    let began = Instant::now();
    let (mut cursor, mut from) = (Cursor::new(), None);
    let (mut reports, mut told, mut slowest) = (0, 0, 0.0_f64);
    loop {
        let asked = Instant::now();
        let Some((epoch, report)) = full.next_report(&agent, from, REPORT_ROWS, &mut cursor) else {
            break;
        };
        slowest = slowest.max(asked.elapsed().as_secs_f64());
        from = Some(Position { epoch, sequence: report.through });
        reports += 1;
        told += report.len();
    }
    println!("rows {told}");
    println!("reports {reports}");
    println!("with_a_cursor_s {:.2}", began.elapsed().as_secs_f64());
    println!("slowest_report_ms {:.1}", slowest * 1e3);
    let began = Instant::now();
    let mut from = None;
    for _ in 0..WALKED {
        let Some((epoch, report)) = full.report_after(&agent, from, REPORT_ROWS) else { break };
        from = Some(Position { epoch, sequence: report.through });
    }
    let each = began.elapsed().as_secs_f64() / WALKED as f64;
    println!("walk_each_ms {:.1}", each * 1e3);
    println!("walks_of_all_s {:.1}", each * f64::from(reports));
}

fn apply(table: &mut Table, agent: &AgentId, report: &Report) {
    assert!(table.apply(agent, 1, report, NOW).is_ok(), "it follows the last");
}

/// A /24 far from the one before, as popular networks are.
fn network(number: usize) -> Subnet {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    let address = number.wrapping_mul(0x9e37_79b1) >> 8 << 8;
    Subnet::of(Ipv4Addr::from_bits(address).into(), 24)
}

fn report(number: u64, networks: &[Subnet]) -> Report {
    let Ok(rtt_us) = Rtt::from_us(20_000 + number * 13 % 90_000) else { panic!("it is a time") };
    let row = |subnet: &Subnet| ReportRow {
        subnet: *subnet,
        rtt_us,
        deviation_us: 700,
        min_rtt: rtt_us,
        samples: 9,
        observed_at: NOW,
    };
    let mut rows: Vec<ReportRow> = networks.iter().map(row).collect();
    rows.sort_unstable_by_key(|row| row.subnet);
    rows.dedup_by_key(|row| row.subnet);
    let ports = vec![PortReport { port: 80, rows, refreshed: Vec::new() }];
    Report { after: number, through: number + 1, ports }
}

fn table(agent: &AgentId, rows: usize) -> Table {
    let rows_max = rows + 1;
    let mut table =
        Table::new(TableLimits { rows_per_agent_max: rows_max, rows_max, ttl_ms: 86_400_000 });
    let lane = Lane { services: vec![name("app")], region: name("eu") };
    table.set_lane(agent, 80, lane);
    table
}

fn name<T: std::str::FromStr>(text: &str) -> T {
    match text.parse() {
        Ok(name) => name,
        Err(_) => panic!("{text} is a name"),
    }
}
