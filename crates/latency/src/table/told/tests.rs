//! Two tables that tell each other what they heard end up with the same, whatever each missed.

use model::{Region, Rtt, Service, Subnet};
use proptest::prelude::*;

use super::*;
use crate::RefreshRow;
use crate::table::{Lane, TableLimits};

const LIMITS: TableLimits =
    TableLimits { rows_per_agent_max: 1_000, rows_max: 5_000, ttl_ms: 2_000_000 };

const NOW: Time = Time::from_unix_ms(2_000_000);

fn agent() -> AgentId {
    "a".parse().unwrap()
}

fn service() -> Service {
    "app".parse().unwrap()
}

fn table() -> Table {
    table_of(LIMITS)
}

fn table_of(limits: TableLimits) -> Table {
    let mut table = Table::new(limits);
    let region: Region = "eu".parse().unwrap();
    for port in [80, 443] {
        let lane = Lane { services: vec![service()], region: region.clone() };
        table.set_lane(&agent(), port, lane);
    }
    table
}

fn row(number: u8, ms: u64, seen_s: u64) -> ReportRow {
    let subnet: Subnet = format!("10.0.{number}.0/24").parse().unwrap();
    let rtt_us = Rtt::from_us(ms * 1_000).unwrap();
    let observed_at = Time::from_unix_ms(1_100_000 + seen_s * 1_000);
    ReportRow { subnet, rtt_us, deviation_us: 7, min_rtt: rtt_us, samples: 9, observed_at }
}

fn of(after: u64, through: u64, mut rows: Vec<ReportRow>) -> Report {
    rows.sort_by_key(|row| row.subnet);
    rows.dedup_by_key(|row| row.subnet);
    Report { after, through, ports: vec![PortReport { port: 80, rows, refreshed: Vec::new() }] }
}

/// Tells `to` all that it lacks; how many rows that took.
fn tell(from: &Table, to: &mut Table, rows_max: usize) -> usize {
    let mut told = 0;
    while let Some((epoch, report)) = from.report_after(&agent(), to.position(&agent()), rows_max) {
        told += report.len();
        to.apply(&agent(), epoch, &report, NOW).unwrap();
    }
    told
}

/// Tells `to` everything once more.
fn tell_again(from: &Table, to: &mut Table) {
    let mut at = None;
    while let Some((epoch, report)) = from.report_after(&agent(), at, 2) {
        at = Some(Position { epoch, sequence: report.through });
        to.mend(&agent(), epoch, report, NOW).unwrap();
    }
}

#[test]
fn what_is_told_is_what_differs() {
    let (mut ahead, mut behind) = (table(), table());
    let first = of(0, 40, (0..40).map(|n| row(n, 20, 1)).collect());
    for table in [&mut ahead, &mut behind] {
        table.apply(&agent(), 1, &first, NOW).unwrap();
    }
    assert_eq!(tell(&ahead, &mut behind, 8), 0);
    ahead.apply(&agent(), 1, &of(40, 43, (3..6).map(|n| row(n, 30, 2)).collect()), NOW).unwrap();
    assert_ne!(ahead.digest(&agent()), behind.digest(&agent()));
    assert_eq!(tell(&ahead, &mut behind, 8), 3);
    assert_eq!(ahead.digest(&agent()), behind.digest(&agent()));
    assert_eq!(ahead.position(&agent()), behind.position(&agent()));
    // A table that heard nothing gets all, in pieces that end between two numbers.
    let mut new = table();
    assert_eq!(tell(&ahead, &mut new, 8), 40);
    assert_eq!(ahead.digest(&agent()), new.digest(&agent()));
    assert_eq!(tell(&new, &mut ahead, 8), 0);
}

#[test]
fn rows_of_an_earlier_life_are_mended_and_never_replace_newer_ones() {
    let (mut old, mut new) = (table(), table());
    old.apply(&agent(), 1, &of(0, 9, (0..9).map(|n| row(n, 20, 1)).collect()), NOW).unwrap();
    for table in [&mut old, &mut new] {
        table.apply(&agent(), 2, &of(0, 1, vec![row(3, 33, 9)]), NOW).unwrap();
    }
    // Both are as far as can be, and not the same.
    assert_eq!(tell(&old, &mut new, 4), 0);
    assert_ne!(old.digest(&agent()), new.digest(&agent()));
    tell_again(&old, &mut new);
    assert_eq!(old.digest(&agent()), new.digest(&agent()));
    assert_eq!(new.rows_of(&agent()), 9);
    let rows = new.rows(&"app".parse().unwrap());
    assert_eq!(rows[3].2.rtt.ms_rounded(), 33);
    assert_eq!(new.position(&agent()), Some(Position { epoch: 2, sequence: 1 }));
}

#[test]
fn a_long_telling_goes_on_while_rows_change() {
    let mut source = table();
    let of_number = |number: u8| of(number.into(), u64::from(number) + 1, vec![row(number, 20, 1)]);
    for number in 0..200 {
        source.apply(&agent(), 1, &of_number(number), NOW).unwrap();
    }
    let mut new = table();
    let mut cursor = Cursor::of(64);
    let mut told = Vec::new();
    let mut at = 200;
    let walks = std::iter::from_fn(|| {
        let from = new.position(&agent());
        let (epoch, report) = source.next_report(&agent(), from, 8, &mut cursor)?;
        new.apply(&agent(), epoch, &report, NOW).unwrap();
        told.push(report.len());
        // A row that is listed is told anew, behind all that is.
        if at < 203 {
            let news = of(at, at + 1, vec![row(u8::try_from(at - 150).unwrap(), 90, 2)]);
            source.apply(&agent(), 1, &news, NOW).unwrap();
            at += 1;
        }
        Some(())
    });
    assert!(walks.count() <= 27);
    assert_eq!(source.digest(&agent()), new.digest(&agent()));
    assert_eq!(source.position(&agent()), new.position(&agent()));
    assert_eq!(told.iter().sum::<usize>(), 200, "each row once: {told:?}");
}

#[test]
fn a_number_is_never_cut() {
    let mut source = table();
    let first = of(0, 7, (0..40).map(|n| row(n, 20, 1)).collect());
    source.apply(&agent(), 1, &first, NOW).unwrap();
    source.apply(&agent(), 1, &of(7, 9, (40..50).map(|n| row(n, 20, 1)).collect()), NOW).unwrap();
    for (listed, rows_max) in [(1, 1), (8, 3), (64, 3), (64, 40), (8, 45)] {
        let (mut new, mut cursor) = (table(), Cursor::of(listed));
        let mut next = || {
            let from = new.position(&agent());
            let (epoch, report) = source.next_report(&agent(), from, rows_max, &mut cursor)?;
            new.apply(&agent(), epoch, &report, NOW).unwrap();
            Some((report.through, report.len()))
        };
        let told = [next(), next(), next()];
        assert_eq!(told, [Some((7, 40)), Some((9, 10)), None], "{listed} {rows_max}");
    }
}

#[test]
fn what_is_lost_when_rows_are_told_again_is_counted() {
    let limits = [
        (TableLimits { rows_per_agent_max: 4, ..LIMITS }, (0, 2)),
        (TableLimits { rows_max: 4, ..LIMITS }, (2, 0)),
    ];
    type Again = fn(&mut Table, Report) -> Result<Applied, TableRefusal>;
    let again: [Again; 2] = [
        |table, report| table.mend(&agent(), 1, report, NOW),
        |table, report| table.repeat(&agent(), 1, report, NOW),
    ];
    for (limits, expect) in limits {
        for again in again {
            let mut table = table_of(limits);
            table
                .apply(&agent(), 1, &of(0, 9, (0..4).map(|n| row(n, 20, 1)).collect()), NOW)
                .unwrap();
            again(&mut table, of(0, 9, (0..6).map(|n| row(n, 20, 2)).collect())).unwrap();
            let counters = table.counters();
            assert_eq!((counters.left_out, counters.evicted), expect);
            let of_agent = table.evicted().map(|(_, evicted)| evicted).sum::<u64>();
            assert_eq!(of_agent, counters.evicted);
        }
    }
}

#[test]
fn what_was_only_seen_again_is_taken_of_the_agents_own_word() {
    let mut table = table();
    table.apply(&agent(), 1, &of(0, 9, vec![row(1, 20, 1)]), NOW).unwrap();
    let subnet = row(1, 20, 1).subnet;
    let seen = |samples, seen_s| {
        let observed_at = row(1, 20, seen_s).observed_at;
        let refreshed = vec![RefreshRow { subnet, samples, observed_at }];
        Report {
            after: 0,
            through: 9,
            ports: vec![PortReport { port: 80, rows: Vec::new(), refreshed }],
        }
    };
    let known = |table: &Table| {
        let known = table.rows(&service())[0].2;
        (known.samples, known.observed_at)
    };
    let before = known(&table);
    // Counted as often it is an earlier word, and another table tells none.
    table.repeat(&agent(), 1, seen(9, 8), NOW).unwrap();
    table.mend(&agent(), 1, seen(12, 8), NOW).unwrap();
    assert_eq!(known(&table), before);
    table.repeat(&agent(), 1, seen(12, 8), NOW).unwrap();
    let after = known(&table);
    assert!(after.0 == 12 && after.1 > before.1, "{before:?} {after:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// An agent whose clock is ahead has more networks than may be kept of it. Two tables hear it at other
    /// moments and now and then not at all. Once they told each other what they hold, both hold the same.
    #[test]
    fn at_an_agents_limit_both_keep_the_same(
        steps in proptest::collection::vec(
            (proptest::collection::vec((0u8..24, any::<bool>()), 1..8), 0u64..20, 0u64..20, 0u8..8),
            1..40,
        ),
        ahead_s in 0u64..400,
    ) {
        let limits = TableLimits { rows_per_agent_max: 10, ..LIMITS };
        let [mut a, mut b] = [table_of(limits), table_of(limits)];
        let (mut now_s, mut samples) = (0, 9);
        for (sequence, (networks, late_a, late_b, missing)) in (0u64..).zip(steps) {
            now_s += 21;
            samples += 1;
            let seen = |number| ReportRow { samples, ..row(number, 20, now_s + ahead_s) };
            let (whole, again): (Vec<_>, Vec<_>) = networks.into_iter().partition(|(_, is)| *is);
            let mut report = of(sequence, sequence + 1, whole.iter().map(|(n, _)| seen(*n)).collect());
            let again: std::collections::BTreeSet<_> =
                again.iter().map(|(n, _)| seen(*n).subnet).collect();
            let told = &mut report.ports[0];
            let refreshed = again.into_iter().filter(|s| !told.rows.iter().any(|r| r.subnet == *s));
            let observed_at = seen(0).observed_at;
            let refreshed = refreshed.map(|subnet| RefreshRow { subnet, samples, observed_at });
            told.refreshed = refreshed.collect();
            for (table, late_s, misses) in [(&mut a, late_a, 1), (&mut b, late_b, 2)] {
                let now = Time::from_unix_ms(1_100_000 + (now_s + late_s) * 1_000);
                let is_next = table.position(&agent()).map_or(0, |at| at.sequence) == sequence;
                if is_next && missing != misses {
                    table.apply(&agent(), 1, &report, now).unwrap();
                }
            }
            tell(&a, &mut b, 4);
            tell(&b, &mut a, 4);
        }
        let mut times = 0;
        while a.digest(&agent()) != b.digest(&agent()) {
            times += 1;
            prop_assert!(times <= 10, "{:?} {:?}", a.rows(&service()), b.rows(&service()));
            tell_again(&a, &mut b);
            tell_again(&b, &mut a);
        }
        prop_assert_eq!((a.len(), a.position(&agent())), (b.len(), b.position(&agent())));
    }

    /// An agent lives some lives; each of two tables hears it only now and then, from where it
    /// stands. Whichever of them told the other, in whichever pieces, both hold the same.
    #[test]
    fn whatever_each_missed_both_hold_the_same(
        steps in proptest::collection::vec(
            (0u8..8, 0u8..24, 10u64..300, any::<bool>(), any::<bool>()), 1..60,
        ),
        rows_max in 1usize..9,
        listed in 1usize..40,
    ) {
        let mut cursor = Cursor::of(listed);
        let (mut a, mut b, mut source) = (table(), table(), table());
        let (mut epoch, mut sequence) = (1, 0);
        for (at, (step, network, ms, tells_a, tells_b)) in (0u64..).zip(steps) {
            if step == 0 {
                (epoch, sequence) = (epoch + 1, 0);
                source = table();
            }
            sequence += 1;
            let told = of(sequence - 1, sequence, vec![row(network, ms, 8 * at)]);
            source.apply(&agent(), epoch, &told, NOW).unwrap();
            for (table, is_told) in [(&mut a, tells_a), (&mut b, tells_b)] {
                let from = table.position(&agent()).filter(|position| position.epoch == epoch);
                if !is_told {
                    continue;
                }
                // Two readers with one cursor between them.
                let next = source.next_report(&agent(), from, rows_max, &mut cursor);
                if let Some((epoch, report)) = next {
                    table.apply(&agent(), epoch, &report, NOW).unwrap();
                }
            }
        }
        tell(&a, &mut b, rows_max);
        tell(&b, &mut a, rows_max);
        tell_again(&a, &mut b);
        tell_again(&b, &mut a);
        prop_assert_eq!(a.position(&agent()), b.position(&agent()));
        prop_assert_eq!(a.digest(&agent()), b.digest(&agent()));
    }
}
