//! What is saved comes back and goes on as if nothing had been; what is damaged is missing, and known to
//! be; nothing is made up.

use std::collections::BTreeSet;

use model::{AgentId, Rtt, Service, Subnet, Time};
use proptest::prelude::*;
use testkit::{Random, bend};

use super::super::{Lane, Position, Table, TableLimits};
use super::*;
use crate::report::{PortReport, RefreshRow, Report, ReportRow};

const LIMITS: TableLimits =
    TableLimits { rows_per_agent_max: 20_000, rows_max: 40_000, ttl_ms: 10 * DAY_MS };

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;

fn at(ms: u64) -> Time {
    Time::from_unix_ms(1_700_000_000_000 + ms)
}

fn agent(name: &str) -> AgentId {
    name.parse().unwrap()
}

fn service() -> Service {
    "app".parse().unwrap()
}

fn lane(region: &str) -> Lane {
    Lane { services: vec![service(), "other".parse().unwrap()], region: region.parse().unwrap() }
}

fn row(subnet: Subnet, us: u64, samples: u32, now: Time) -> ReportRow {
    let rtt_us = Rtt::from_us(us).unwrap();
    ReportRow { subnet, rtt_us, deviation_us: 900, min_rtt: rtt_us, samples, observed_at: now }
}

/// What one report says, of port 80.
fn report(after: u64, through: u64, mut rows: Vec<ReportRow>) -> Report {
    rows.sort_by_key(|row| row.subnet);
    rows.dedup_by_key(|row| row.subnet);
    Report { after, through, ports: vec![PortReport { port: 80, rows, refreshed: Vec::new() }] }
}

fn v4(n: u32) -> Subnet {
    Subnet::of(std::net::Ipv4Addr::from_bits(0x0a00_0000 + (n << 8)).into(), 24)
}

fn v6(n: u128) -> Subnet {
    Subnet::of(std::net::Ipv6Addr::from_bits(0x2001_0db8 << 96 | n << 80).into(), 48)
}

/// Two agents and a source, with all that a table can hold: both families, exact counts, rows that wait,
/// one that is held.
fn full() -> Table {
    let mut table = Table::new(LIMITS);
    let source = AgentId::of_source(&"probe".parse().unwrap());
    for (id, region) in [(agent("a"), "eu"), (agent("b"), "zz9"), (source.clone(), "eu")] {
        table.set_lane(&id, 80, lane(region));
    }
    table.set_ttl(&agent("a"), 7 * DAY_MS);
    let rows = |networks: u32, now: Time| {
        let v4 = (0..networks).map(move |n| row(v4(n), 40_000 + u64::from(n), n + 1, now));
        v4.chain((0..300).map(move |n| row(v6(n * 7), 80_000, 40, now))).collect::<Vec<_>>()
    };
    for (id, networks) in [("a", 4_200), ("b", 500)] {
        table.apply(&agent(id), 7, &report(0, 10, rows(networks, at(0))), at(0)).unwrap();
    }
    let later = at(DAY_MS);
    table.expire(later);
    table.apply(&source, 1, &report(0, 1, vec![row(v4(3), 9_000, 5, later)]), later).unwrap();
    // Few fall and wait; of the other agent so many that it is held.
    let fell = |count| (0..count).map(|n| row(v4(n), 9_000, n + 2, later)).collect::<Vec<_>>();
    table.apply(&agent("a"), 7, &report(10, 11, fell(20)), later).unwrap();
    table.apply(&agent("b"), 7, &report(10, 11, fell(400)), later).unwrap();
    assert!(table.held(&agent("b")).is_some() && table.rows_waiting(&agent("a")) == 20);
    table.take_changes();
    table
}

fn chunks(table: &Table) -> Vec<Vec<u8>> {
    table.saved().collect()
}

fn load<'a>(chunks: impl IntoIterator<Item = &'a Vec<u8>>) -> (Loaded, usize) {
    let mut loading = Loading::new(LIMITS);
    let faults = chunks.into_iter().filter(|chunk| loading.take(chunk).is_err()).count();
    (loading.finish(), faults)
}

/// Every row that answers could go by.
fn rows(table: &Table) -> BTreeSet<String> {
    table.rows(&service()).into_iter().map(|row| format!("{row:?}")).collect()
}

#[test]
fn a_table_comes_back_and_goes_on_as_it_was() {
    let mut before = full();
    let saved = chunks(&before);
    let (Loaded { table: mut after, incomplete }, faults) = load(&saved);
    assert_eq!((faults, incomplete.len()), (0, 0));
    assert!(after.wake(at(DAY_MS + MINUTE_MS)).is_empty());
    assert!(after.take_changes().is_empty(), "whoever loads asks for all of it");
    assert_eq!(chunks(&after), saved);
    for id in before.agents() {
        assert_eq!(after.position(id), before.position(id));
        assert_eq!(after.digest(id), before.digest(id));
        assert_eq!(after.held(id), before.held(id));
    }
    assert_eq!((after.len(), rows(&after)), (before.len(), rows(&before)));
    // The agent goes on where it was; what waits counts when it would have.
    let later = at(DAY_MS + 11 * MINUTE_MS);
    for table in [&mut before, &mut after] {
        let refreshed = RefreshRow { subnet: v4(4_100), samples: 9_000, observed_at: later };
        let mut next = report(11, 12, vec![row(v4(9_000), 5_000, 1, later)]);
        next.ports[0].refreshed.push(refreshed);
        table.apply(&agent("a"), 7, &next, later).unwrap();
        table.expire(later);
        table.accept(&agent("b"), later);
    }
    assert_eq!(chunks(&after), chunks(&before));
    assert_eq!(after.take_changes(), before.take_changes());
}

#[test]
fn a_chunk_that_is_lost_takes_nothing_else_and_is_missed() {
    let before = full();
    let all = rows(&before);
    let saved = chunks(&before);
    for lost in 0..saved.len() {
        let left = saved.iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, chunk)| chunk);
        let (Loaded { table, incomplete }, _) = load(left);
        let missing = before.agents().filter(|id| table.position(id) != before.position(id));
        let known: BTreeSet<&AgentId> = missing.chain(&incomplete).collect();
        // Which of a saved table's chunks were for the exact counts alone is not promised.
        if saved[lost][0] != Part::Counts as u8 {
            assert_eq!(known.len(), 1, "chunk {lost}");
        }
        if saved[lost][0] == Part::Rows as u8 {
            assert!(before.len() - table.len() <= CHUNK_ROWS_MAX);
            assert!(table.len() >= before.len() - CHUNK_ROWS_MAX);
        }
        let of_both = |rows: &BTreeSet<String>| rows.is_subset(&all);
        // Where only one of two rows of a network is left the estimate is that one's: compared where
        // agents share no region.
        let only_b = |rows: BTreeSet<String>| -> BTreeSet<String> {
            rows.into_iter().filter(|row| row.contains("zz9")).collect()
        };
        if saved[lost][0] != Part::Counts as u8 {
            assert!(of_both(&only_b(rows(&table))), "chunk {lost}");
        }
    }
}

#[test]
fn a_chunk_that_is_cut_is_none() {
    let mut table = Table::new(LIMITS);
    table.set_lane(&agent("a"), 80, lane("eu"));
    let told = report(0, 1, vec![row(v4(1), 5_000, 77, at(0)), row(v6(1), 6_000, 1, at(0))]);
    table.apply(&agent("a"), 1, &told, at(0)).unwrap();
    table.hold(&agent("a"), at(0));
    let saved = chunks(&table);
    for (nth, chunk) in saved.iter().enumerate() {
        for end in 0..chunk.len() {
            let mut loading = Loading::new(LIMITS);
            saved[..nth].iter().for_each(|chunk| loading.take(chunk).unwrap());
            let before = loading.len();
            let taken = loading.take(&chunk[..end]);
            // A list that ends early between two of its entries is one that is shorter.
            let is_list = chunk[0] >= Part::Counts as u8;
            assert!(is_list || taken.is_err(), "chunk {nth} cut at {end}");
            assert_eq!(loading.len(), before);
        }
    }
}

#[test]
fn any_bytes_are_taken_or_refused() {
    let saved = chunks(&full());
    for seed in 1..200 {
        let mut random = Random::new(seed);
        let mut loading = Loading::new(LIMITS);
        for chunk in &saved {
            let mut chunk = chunk.clone();
            chunk.truncate(2_000);
            if random.below(2) == 0 {
                bend(&mut random, &mut chunk, |random| u8::try_from(random.below(256)).unwrap());
            }
            let _ = loading.take(&chunk);
        }
        let mut table = loading.finish().table;
        table.wake(at(DAY_MS));
        // Whatever it is, it is a table: it can be saved, and comes back the same.
        let again = load(&chunks(&table)).0.table;
        assert_eq!(again.len(), table.len(), "seed {seed}");
        assert_eq!(table.rows(&service()).len(), again.rows(&service()).len());
    }
}

#[test]
fn times_to_come_and_times_long_gone() {
    let saved = chunks(&full());
    // The clock was set back by a year: rows live for one time to live from now, and no longer.
    let past = Time::from_unix_ms(at(0).unix_ms() - 365 * DAY_MS);
    let (Loaded { mut table, .. }, _) = load(&saved);
    let before = table.len();
    let again = table.wake(past);
    assert_eq!((again.len(), table.len()), (3, before));
    for id in again {
        assert_eq!(table.position(&id).map(|position| position.sequence), Some(0));
        assert!(table.held(&id).is_none_or(|held| held.since <= past));
    }
    table.expire(past.plus_ms(10 * DAY_MS + MINUTE_MS));
    assert_eq!(table.len(), 0);
    // A long way down: what is too old is gone, and asked for.
    let (Loaded { mut table, .. }, _) = load(&saved);
    assert_eq!(table.wake(at(30 * DAY_MS)).len(), 3);
    assert_eq!(table.len(), 0);
    // Only the agent's own time to live is over.
    let (Loaded { mut table, .. }, _) = load(&saved);
    assert_eq!(table.wake(at(8 * DAY_MS)), BTreeSet::from([agent("a")]));
}

#[test]
fn a_narrower_table_takes_what_it_has_room_for() {
    let saved = chunks(&full());
    for limits in [
        TableLimits { rows_max: 4_700, ..LIMITS },
        TableLimits { rows_per_agent_max: 4_300, ..LIMITS },
        TableLimits { rows_max: 0, ..LIMITS },
    ] {
        let mut loading = Loading::new(limits);
        for chunk in &saved {
            let _ = loading.take(chunk);
        }
        let Loaded { table, incomplete } = loading.finish();
        assert!(table.len() <= limits.rows_max && !incomplete.is_empty());
        for id in table.agents() {
            assert!(table.rows_of(id) <= limits.rows_per_agent_max);
        }
    }
}

/// Reports of whatever networks, as they may come one after another.
fn reports() -> impl Strategy<Value = Vec<Vec<(u32, bool, u64, u32)>>> {
    let row = (0u32..3_000, any::<bool>(), 500u64..300_000, 1u32..5_000);
    prop::collection::vec(prop::collection::vec(row, 1..60), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// At whatever moment it is saved: what is loaded takes what comes next as the one that ran on.
    #[test]
    fn whenever_it_is_saved(reports in reports(), cut in 0usize..8) {
        let mut table = Table::new(LIMITS);
        table.set_lane(&agent("a"), 80, lane("eu"));
        let mut loaded: Option<Table> = None;
        for (nth, rows) in (0u64..).zip(&reports) {
            let now = at(nth * 3_600_000);
            let rows = rows.iter().map(|(n, is_v4, us, samples)| {
                row(if *is_v4 { v4(*n) } else { v6((*n).into()) }, *us, *samples, now)
            });
            let told = report(nth, nth + 1, rows.collect());
            if u64::try_from(cut) == Ok(nth) {
                let mut again = load(&chunks(&table)).0.table;
                again.wake(now);
                loaded = Some(again);
            }
            for table in std::iter::once(&mut table).chain(&mut loaded) {
                prop_assert!(table.apply(&agent("a"), 7, &told, now).is_ok());
                table.expire(now);
            }
        }
        if let Some(loaded) = loaded {
            prop_assert_eq!(chunks(&loaded), chunks(&table));
            let end = Position { epoch: 7, sequence: reports.len() as u64 };
            prop_assert_eq!(loaded.position(&agent("a")), Some(end));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever becomes of the table: rows that come, fall and wait, move to other blocks, grow too old,
    /// agents that are held, believed, withdrawn and come back.
    #[test]
    fn a_snapshot_stays_what_it_was(steps in prop::collection::vec(step(), 1..16)) {
        let (mut table, mut now) = (full(), at(DAY_MS));
        let mut taken: Vec<(TableSnapshot, Vec<Vec<u8>>)> = Vec::new();
        for step in steps {
            taken.push((table.snapshot(), chunks(&table)));
            now = now.plus_ms(MINUTE_MS);
            step.done(&mut table, &mut now);
        }
        for (snapshot, then) in taken {
            prop_assert!(snapshot.saved().eq(then));
        }
    }
}

/// Something that changes a table.
#[derive(Clone, Debug)]
enum Step {
    /// One of the two agents tells of so many neighbours from a network on.
    Tell(bool, u32, u32, u64),
    Expire(u64),
    Hold,
    Accept,
    Forget,
    NoLane,
}

fn step() -> impl Strategy<Value = Step> {
    let networks = (0u32..3_000, prop_oneof![3 => 1u32..50, 1 => 1_000u32..1_500]);
    let told = (any::<bool>(), networks, 500u64..90_000);
    prop_oneof![
        4 => told.prop_map(|(is_a, (first, count), us)| Step::Tell(is_a, first, count, us)),
        2 => (1u64..240).prop_map(Step::Expire),
        1 => Just(Step::Hold),
        1 => Just(Step::Accept),
        1 => Just(Step::Forget),
        1 => Just(Step::NoLane),
    ]
}

impl Step {
    fn done(self, table: &mut Table, now: &mut Time) {
        let a = agent("a");
        match self {
            Self::Tell(is_a, first, count, us) => {
                let id = if is_a { a } else { agent("b") };
                table.set_lane(&id, 80, lane("eu"));
                let rows = (first..first + count).map(|n| {
                    let subnet = if n % 3 == 0 { v6(n.into()) } else { v4(n) };
                    row(subnet, us + u64::from(n % 7), n + 30, *now)
                });
                let after = table.position(&id).map_or(0, |position| position.sequence);
                table.apply(&id, 7, &report(after, after + 1, rows.collect()), *now).unwrap();
            }
            Self::Expire(hours) => {
                *now = now.plus_ms(hours * 60 * MINUTE_MS);
                table.expire(*now);
            }
            Self::Hold => table.hold(&a, *now),
            Self::Accept => drop(table.accept(&a, *now)),
            Self::Forget => table.forget(&a),
            Self::NoLane => table.remove_lane(&agent("b"), 80),
        }
    }
}
