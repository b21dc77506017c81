//! What is implausible, what being held means, and what an operator's word does.

use model::Rtt;

use super::*;
use crate::quantise::{rtt_code, rtt_of_code};
use crate::report::{PortReport, RefreshRow, Report, ReportRow};
use crate::{Lane, TableLimits};

const LIMITS: TableLimits =
    TableLimits { rows_per_agent_max: 2_000, rows_max: 4_000, ttl_ms: 10 * 86_400_000 };

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;

fn id() -> AgentId {
    "liar".parse().unwrap()
}

fn at(ms: u64) -> Time {
    Time::from_unix_ms(1_000_000 + ms)
}

fn subnet(n: usize) -> Subnet {
    format!("10.{}.{}.0/24", n / 256, n % 256).parse().unwrap()
}

/// An honest time: none like another.
fn honest_us(n: usize) -> u64 {
    40_000 + 37 * n as u64
}

/// A time as the table keeps it.
fn kept_us(us: u64) -> u32 {
    rtt_of_code(rtt_code(Rtt::from_us(us).unwrap())).unwrap().us()
}

/// One agent's report by and by.
struct Bench {
    table: Table,
    sequence: u64,
}

impl Bench {
    /// An agent that told of so many networks, a day ago.
    fn honest(networks: usize) -> Self {
        Self::honest_within(LIMITS, networks)
    }

    fn honest_within(limits: TableLimits, networks: usize) -> Self {
        let mut table = Table::new(limits);
        let lane = Lane { services: vec!["app".parse().unwrap()], region: "eu".parse().unwrap() };
        table.set_lane(&id(), 80, lane);
        let mut bench = Self { table, sequence: 0 };
        bench.tell((0..networks).map(|n| (n, honest_us(n))), at(0));
        bench.tell((0..networks).map(|n| (n, honest_us(n))), at(DAY_MS - MINUTE_MS));
        bench
    }

    fn tell(&mut self, rows: impl Iterator<Item = (usize, u64)>, now: Time) -> Option<Held> {
        let row = |(n, us): (usize, u64)| {
            let rtt_us = Rtt::from_us(us).unwrap();
            let (min_rtt, observed_at) = (rtt_us, now);
            ReportRow {
                subnet: subnet(n),
                rtt_us,
                deviation_us: 9,
                min_rtt,
                samples: 9,
                observed_at,
            }
        };
        self.report(rows.map(row).collect(), Vec::new(), now)
    }

    fn report(
        &mut self,
        rows: Vec<ReportRow>,
        refreshed: Vec<RefreshRow>,
        now: Time,
    ) -> Option<Held> {
        let ports = vec![PortReport { port: 80, rows, refreshed }];
        let report = Report { after: self.sequence, through: self.sequence + 1, ports };
        self.sequence += 1;
        self.table.apply(&id(), 1, &report, now).unwrap().newly_held
    }

    /// The times that count, in microseconds.
    fn in_force(&self) -> Vec<u32> {
        let rows = self.table.rows(&"app".parse().unwrap());
        rows.into_iter().map(|(.., row)| row.rtt.us()).collect()
    }
}

/// `falling` of `networks` are told at `percent` of what they were, the others as they were; says
/// what the agent is then held for.
fn check(networks: usize, falling: usize, percent: u64, expect: Option<usize>) {
    let mut bench = Bench::honest(networks);
    let before = bench.in_force();
    let told = |n| if n < falling { honest_us(n) * percent / 100 } else { honest_us(n) };
    let held = bench.tell((0..networks).map(|n| (n, told(n))), at(DAY_MS));
    let what = format!("{falling} of {networks} to {percent} %");
    assert_eq!(
        held.map(|held| (held.why, held.networks)),
        expect.map(|n| (Suspicion::Fell, n)),
        "{what}"
    );
    if percent < 90 {
        assert_eq!(bench.in_force(), before, "nothing that fell counts yet: {what}");
    }
}

#[test]
fn fifty_networks_that_fall_by_over_thirty_percent_hold_their_agent() {
    check(60, 50, 67, Some(50));
    check(60, 49, 67, None);
    check(60, 60, 73, None);
    check(200, 200, 50, Some(200));
    check(200, 200, 2, Some(200));
    check(200, 200, 150, None);
    // Of very many, fifty may fall by chance.
    check(1_000, 50, 50, Some(50));
    check(1_001, 50, 50, None);
}

#[test]
fn what_fell_and_made_room_meanwhile_finds_no_more_room_than_there_is() {
    for (limits, evicted, left_out) in [
        (TableLimits { rows_per_agent_max: 3, ..LIMITS }, 3, 0),
        (TableLimits { rows_max: 3, ..LIMITS }, 0, 2),
    ] {
        let mut bench = Bench::honest_within(limits, 3);
        bench.tell([(0, 20_000)].into_iter(), at(DAY_MS));
        assert_eq!(bench.table.rows_waiting(&id()), 1);
        bench.tell([(3, 40_000), (4, 40_000)].into_iter(), at(DAY_MS + MINUTE_MS));
        bench.table.expire(at(DAY_MS + WAIT_MS));
        let counters = bench.table.counters();
        assert_eq!((counters.evicted, counters.left_out), (evicted, left_out));
        assert_eq!((bench.table.len(), bench.table.rows_waiting(&id())), (3, 0));
    }
}

#[test]
fn what_fell_alone_counts_after_a_while() {
    let mut bench = Bench::honest(100);
    let falls = |bench: &mut Bench, n, now| bench.tell([(n, 20_000)].into_iter(), now);
    assert_eq!(falls(&mut bench, 7, at(DAY_MS)), None);
    bench.table.expire(at(DAY_MS + WAIT_MS - 1));
    assert_eq!((bench.in_force()[7], bench.table.rows_waiting(&id())), (kept_us(honest_us(7)), 1));
    bench.table.take_changes();
    bench.table.expire(at(DAY_MS + WAIT_MS));
    assert_eq!((bench.in_force()[7], bench.table.rows_waiting(&id())), (kept_us(20_000), 0));
    assert_eq!(bench.table.take_changes().into_values().map(|rows| rows.len()).sum::<usize>(), 1);
    // From then on it is followed at once.
    bench.tell([(7, 19_500)].into_iter(), at(DAY_MS + WAIT_MS + 1));
    assert_eq!(bench.in_force()[7], kept_us(19_500));
    // What comes back while it waits counts at once.
    falls(&mut bench, 8, at(DAY_MS + WAIT_MS));
    bench.tell([(8, honest_us(8))].into_iter(), at(DAY_MS + WAIT_MS + 1));
    assert_eq!(bench.table.rows_waiting(&id()), 0);
    // One network an hour is a better path each time.
    let one = |n: usize| {
        let now = at(2 * DAY_MS + n as u64 * 60 * MINUTE_MS);
        bench.table.expire(now);
        falls(&mut bench, 10 + n, now)
    };
    assert_eq!((0..80).filter_map(one).count(), 0);
}

#[test]
fn an_average_that_sinks_step_by_step_is_seen() {
    let mut bench = Bench::honest(100);
    let mut us: Vec<f64> = (0..100).map(|n| honest_us(n) as f64).collect();
    let mut steps = 0;
    let held = (0..20).find_map(|step| {
        steps = step;
        // A new average has three tenths of each half; a few networks are heard at a time.
        (0..100)
            .filter(|n| n % 3 == step % 3)
            .for_each(|n| us[n] = 0.7 * us[n] + 0.15 * honest_us(n) as f64);
        let heard: Vec<_> = (0..100).filter(|n| n % 3 == step % 3).collect();
        let rows = heard.into_iter().map(|n| (n, us[n] as u64));
        let now = at(DAY_MS + step as u64 * MINUTE_MS / 2);
        bench.table.expire(now);
        bench.tell(rows, now)
    });
    assert_eq!(held.unwrap().why, Suspicion::Fell);
    assert_eq!(steps, 7);
    assert!(bench.in_force().iter().all(|us| *us >= 40_000), "none of it ever counted");
}

#[test]
fn new_networks_that_are_all_alike_hold_an_agent_that_is_known() {
    let mut bench = Bench::honest(60);
    let told = (100..160).map(|n| (n, if n < 150 { 1_000 } else { honest_us(n) }));
    let held = bench.tell(told, at(DAY_MS)).unwrap();
    assert_eq!((held.why, held.networks), (Suspicion::Alike, 50));
    assert_eq!(bench.in_force().len(), 60, "they do not count");
    assert_eq!((bench.table.len(), bench.table.rows_waiting(&id())), (60, 60));
    // An agent that nobody knows yet may stand behind one wire.
    let mut bench = Bench::honest(40);
    assert_eq!(bench.tell((100..160).map(|n| (n, 1_000)), at(DAY_MS)), None);
    assert_eq!(bench.in_force().len(), 100);
}

#[test]
fn what_a_held_agent_says_is_kept_apart_until_an_operator_accepts_it() {
    let mut bench = Bench::honest(60);
    bench.tell((0..60).map(|n| (n, honest_us(n) / 2)), at(DAY_MS)).unwrap();
    let refreshed = vec![RefreshRow { subnet: subnet(1), samples: 50, observed_at: at(DAY_MS) }];
    assert_eq!(bench.report(Vec::new(), refreshed, at(DAY_MS)), None);
    assert_eq!(bench.tell((60..62).map(|n| (n, 5_000)), at(DAY_MS)), None, "acknowledged");
    assert_eq!(bench.table.position(&id()).unwrap().sequence, bench.sequence);
    bench.table.expire(at(DAY_MS + 10 * WAIT_MS));
    assert_eq!(bench.in_force(), (0..60).map(|n| kept_us(honest_us(n))).collect::<Vec<_>>());
    assert!(bench.table.held(&id()).is_some());
    // What counted ages by when it was measured.
    assert_eq!(bench.table.counters().held, 1);
    let later = at(DAY_MS + 20 * WAIT_MS);
    bench.table.take_changes();
    assert!(bench.table.accept(&id(), later));
    assert!(!bench.table.accept(&id(), later), "nothing is left to accept");
    assert_eq!((bench.table.held(&id()), bench.table.rows_waiting(&id())), (None, 0));
    let halves = (0..60).map(|n| kept_us(honest_us(n) / 2)).chain([kept_us(5_000); 2]);
    assert_eq!(bench.in_force(), halves.collect::<Vec<_>>());
    assert_eq!(bench.table.len(), 62);
    // And what is usual begins anew: it may go on falling.
    assert_eq!(bench.tell((0..60).map(|n| (n, honest_us(n) / 4)), later), None);
    assert_eq!(bench.in_force()[59], kept_us(honest_us(59) / 4));
}

#[test]
fn an_agent_held_before_a_restart_is_held_after_it() {
    let mut bench = Bench::honest(0);
    bench.table.hold(&id(), at(0));
    assert_eq!(bench.tell((0..60).map(|n| (n, 1_000)), at(DAY_MS)), None);
    let held = bench.table.held(&id()).unwrap();
    assert_eq!((held.since, held.why), (at(0), Suspicion::Before));
    assert_eq!((bench.table.len(), bench.table.rows_waiting(&id())), (0, 60));
    assert!(bench.table.accept(&id(), at(DAY_MS)));
    assert_eq!(bench.table.len(), 60);
    assert!(!bench.table.accept(&"nobody".parse().unwrap(), at(DAY_MS)));
}

#[test]
fn what_is_kept_apart_has_the_limits_of_what_counts() {
    let mut bench = Bench::honest(60);
    bench.table.hold(&id(), at(DAY_MS));
    bench.tell((0..2_000).map(|n| (n, 1_000)), at(DAY_MS));
    bench.tell((1_000..3_000).map(|n| (n, 1_000)), at(DAY_MS));
    assert_eq!((bench.table.len(), bench.table.rows_waiting(&id())), (60, 2_000));
    bench.table.accept(&id(), at(DAY_MS));
    assert_eq!(bench.table.len(), 2_000);
}
