//! What the table takes, what it refuses untouched, and what it says about a region.

use model::Rtt;
use proptest::prelude::*;

use super::*;
use crate::report::{PortReport, RefreshRow, ReportRow};

const LIMITS: TableLimits = TableLimits { rows_per_agent_max: 4, rows_max: 6, ttl_ms: 100_000 };

fn agent(name: &str) -> AgentId {
    name.parse().unwrap()
}

fn service() -> Service {
    "app.demo.local".parse().unwrap()
}

fn at(ms: u64) -> Time {
    Time::from_unix_ms(1_000_000 + ms)
}

fn lane(region: &str) -> Lane {
    Lane { services: vec![service()], region: region.parse().unwrap() }
}

/// A table where `a` speaks for eu-west and `b` for ap-southeast, both on port 80.
fn table() -> Table {
    let mut table = Table::new(LIMITS);
    table.set_lane(&agent("a"), 80, lane("eu-west"));
    table.set_lane(&agent("b"), 80, lane("ap-southeast"));
    table.take_changes();
    table
}

fn row(subnet: &str, ms: u64) -> ReportRow {
    let rtt_us = Rtt::from_us(ms * 1000).unwrap();
    ReportRow {
        subnet: subnet.parse().unwrap(),
        rtt_us,
        deviation_us: 100,
        min_rtt: rtt_us,
        samples: 10,
        observed_at: at(0),
    }
}

/// What changed about the service, in words.
fn changed(table: &mut Table) -> Vec<String> {
    let changes = table.take_changes().remove(&service()).unwrap_or_default();
    let tell = |(subnet, region, estimate): RowChange| match estimate {
        None => format!("{subnet} {region} -"),
        Some(now) => format!("{subnet} {region} {}ms {}", now.rtt.ms_rounded(), now.samples),
    };
    changes.into_iter().map(tell).collect()
}

fn refresh(subnet: &str, samples: u32, ms: u64) -> RefreshRow {
    RefreshRow { subnet: subnet.parse().unwrap(), samples, observed_at: at(ms) }
}

fn report(after: u64, rows: Vec<ReportRow>) -> Report {
    let port = PortReport { port: 80, rows, refreshed: Vec::new() };
    Report { after, through: after + 1, ports: vec![port] }
}

fn refreshing(after: u64, refreshed: Vec<RefreshRow>) -> Report {
    let port = PortReport { port: 80, rows: Vec::new(), refreshed };
    Report { after, through: after + 1, ports: vec![port] }
}

/// What is known, as text.
fn known(table: &Table) -> Vec<String> {
    let line = |(subnet, region, estimate): (Subnet, Region, RegionEstimate)| {
        format!("{subnet} {region} {}ms {}", estimate.rtt.ms_rounded(), estimate.samples)
    };
    table.rows(&service()).into_iter().map(line).collect()
}

#[test]
fn rows_become_regions_in_the_order_of_subnet_and_region() {
    let mut table = table();
    let first = report(0, vec![row("10.1.2.0/24", 85), row("2001:db8::/48", 90)]);
    let applied = table.apply(&agent("a"), 1, &first, at(0)).unwrap();
    assert_eq!((applied.rows, applied.position), (2, Position { epoch: 1, sequence: 1 }));
    table.apply(&agent("b"), 1, &report(0, vec![row("10.1.2.0/24", 220)]), at(0)).unwrap();
    let expect = [
        "10.1.2.0/24 ap-southeast 220ms 10",
        "10.1.2.0/24 eu-west 85ms 10",
        "2001:db8::/48 eu-west 90ms 10",
    ];
    assert_eq!(known(&table), expect);
    assert_eq!(table.rows(&"other".parse().unwrap()), []);
    assert_eq!((table.len(), table.counters().rows), (3, 3));
}

#[test]
fn agents_of_one_region_have_one_value() {
    let mut table = table();
    table.set_lane(&agent("b"), 80, lane("eu-west"));
    for (name, ms) in [("a", 80), ("b", 90)] {
        let report = report(0, vec![row("10.1.2.0/24", ms)]);
        table.apply(&agent(name), 1, &report, at(0)).unwrap();
    }
    assert_eq!(known(&table), ["10.1.2.0/24 eu-west 85ms 20"]);
    assert_eq!(table.rows(&service())[0].2.agents, 2);
    // A liar's rows go without a trace.
    table.forget(&agent("b"));
    assert_eq!(known(&table), ["10.1.2.0/24 eu-west 80ms 10"]);
}

#[test]
fn any_prefix_length_is_kept_as_it_is() {
    let mut table = table();
    let rows = ["10.0.0.0/8", "10.1.4.0/22", "10.1.4.0/24", "2001:db8:0:100::/56"];
    let rows = rows.map(|subnet| row(subnet, 85)).to_vec();
    table.apply(&agent("a"), 1, &report(0, rows), at(0)).unwrap();
    let subnets: Vec<_> = table.rows(&service()).iter().map(|r| r.0.to_string()).collect();
    assert_eq!(subnets, ["10.0.0.0/8", "10.1.4.0/22", "10.1.4.0/24", "2001:db8:0:100::/56"]);
}

#[test]
fn a_port_with_several_services_counts_for_each_and_one_without_for_none() {
    let mut table = table();
    table.apply(&agent("a"), 1, &report(0, vec![row("10.1.2.0/24", 85)]), at(0)).unwrap();
    let (api, region): (Service, Region) = ("api".parse().unwrap(), "eu-west".parse().unwrap());
    let both = Lane { services: vec![service(), api.clone()], region: region.clone() };
    table.set_lane(&agent("a"), 80, both);
    assert_eq!(table.rows(&api), table.rows(&service()));
    assert_eq!(table.take_changes().into_keys().collect::<Vec<_>>(), [api.clone(), service()]);
    table.set_lane(&agent("a"), 80, Lane { services: Vec::new(), region });
    assert_eq!((table.rows(&api).len(), table.rows(&service()).len(), table.len()), (0, 0, 1));
}

/// A report against a table at epoch 5, sequence 1 of agent `a`: refused, and nothing changed.
fn check_refused(name: &str, epoch: u64, report: &Report, expect: &TableRefusal) {
    let mut table = table();
    let good = Report { after: 0, through: 1, ..self::report(0, vec![row("10.1.2.0/24", 85)]) };
    table.apply(&agent("a"), 5, &good, at(0)).unwrap();
    table.take_changes();
    let before = (known(&table), table.len(), table.position(&agent("a")));
    assert_eq!(table.apply(&agent(name), epoch, report, at(0)).as_ref(), Err(expect));
    assert_eq!((known(&table), table.len(), table.position(&agent("a"))), before);
    assert_eq!(table.take_changes(), BTreeMap::new());
    assert_eq!(table.counters().refused, BTreeMap::from([(expect.as_str(), 1)]));
    assert!(TableRefusal::NAMES.contains(&expect.as_str()));
}

#[test]
fn who_and_when() {
    let good = || vec![row("10.9.9.0/24", 1)];
    check_refused("stranger", 5, &report(1, good()), &TableRefusal::UnknownAgent);
    check_refused("a", 4, &report(1, good()), &TableRefusal::StaleEpoch { epoch: 4, known: 5 });
    for (epoch, after, expected) in [(5, 0, 1), (5, 2, 1), (6, 1, 0)] {
        let refusal = TableRefusal::OutOfSequence { after, expected };
        check_refused("a", epoch, &report(after, good()), &refusal);
        assert_eq!(refusal.resume(epoch), Some(Position { epoch, sequence: expected }));
    }
    let backwards = Report { through: 1, ..report(1, good()) };
    check_refused("a", 5, &backwards, &TableRefusal::Backwards { after: 1, through: 1 });
}

#[test]
fn one_bad_row_refuses_the_whole_report() {
    let check = |bad: ReportRow, expect: &TableRefusal| {
        let mut rows = vec![row("10.9.9.0/24", 1), bad];
        rows.sort_by_key(|row| row.subnet);
        check_refused("a", 5, &report(1, rows), expect);
    };
    for wide in ["0.0.0.0/0", "8.0.0.0/7", "::/0", "2000::/15"] {
        let subnet = wide.parse().unwrap();
        check(row(wide, 1), &TableRefusal::TooWide { subnet });
    }
    let subnet = "10.1.2.0/24".parse().unwrap();
    let empty = ReportRow { samples: 0, ..row("10.1.2.0/24", 1) };
    check(empty, &TableRefusal::NoSamples { subnet });
    let deviation_us = 60_000_001;
    let absurd = ReportRow { deviation_us, ..row("10.1.2.0/24", 1) };
    check(absurd, &TableRefusal::DeviationTooLong { subnet, deviation_us });
    check(row("10.9.9.0/24", 2), &TableRefusal::Unordered { port: 80 });
}

#[test]
fn ports_and_order() {
    let mut other = report(1, vec![row("10.9.9.0/24", 1)]);
    other.ports.push(PortReport { port: 443, rows: Vec::new(), refreshed: Vec::new() });
    check_refused("a", 5, &other, &TableRefusal::UnknownPort { port: 443 });
    let mut twice = report(1, vec![row("10.9.9.0/24", 1)]);
    twice.ports.push(PortReport { port: 80, rows: Vec::new(), refreshed: Vec::new() });
    check_refused("a", 5, &twice, &TableRefusal::Unordered { port: 80 });
    let unordered = report(1, vec![row("10.9.9.0/24", 1), row("10.9.8.0/24", 1)]);
    check_refused("a", 5, &unordered, &TableRefusal::Unordered { port: 80 });
    let repeated = refreshing(1, vec![refresh("10.1.2.0/24", 1, 0), refresh("10.1.2.0/24", 2, 0)]);
    check_refused("a", 5, &repeated, &TableRefusal::Unordered { port: 80 });
    let wide = refreshing(1, vec![refresh("0.0.0.0/0", 1, 0)]);
    check_refused("a", 5, &wide, &TableRefusal::TooWide { subnet: Subnet::ALL_IPV4 });
}

/// Rows 10.0.`from`.0/24 up to `to`, each observed at eight times its number in seconds.
fn numbered(from: u64, to: u64) -> Vec<ReportRow> {
    let numbered =
        |n: u64| ReportRow { observed_at: at(n * 8_000), ..row(&format!("10.0.{n}.0/24"), 1) };
    (from..=to).map(numbered).collect()
}

#[test]
fn an_agent_at_its_limit_loses_the_rows_observed_longest_ago() {
    let mut table = table();
    table.apply(&agent("a"), 1, &report(0, numbered(1, 3)), at(72_000)).unwrap();
    let applied = table.apply(&agent("a"), 1, &report(1, numbered(3, 6)), at(72_000)).unwrap();
    assert_eq!((applied.rows, applied.evicted, table.len()), (4, 2, 4));
    assert_eq!(table.rows(&service())[0].0, "10.0.3.0/24".parse().unwrap());
    // So it is with a report of more rows than there is room for.
    let applied = table.apply(&agent("a"), 1, &report(2, numbered(3, 9)), at(72_000)).unwrap();
    assert_eq!((applied.rows, applied.evicted, table.len()), (7, 3, 4));
    assert_eq!(table.rows(&service())[0].0, "10.0.6.0/24".parse().unwrap());
    assert_eq!(table.position(&agent("a")), Some(Position { epoch: 1, sequence: 3 }));
}

#[test]
fn a_full_table_takes_no_new_row_and_renews_old_ones() {
    let mut table = table();
    table.apply(&agent("a"), 1, &report(0, numbered(1, 4)), at(72_000)).unwrap();
    let applied = table.apply(&agent("b"), 1, &report(0, numbered(1, 3)), at(72_000)).unwrap();
    assert_eq!((applied.rows, applied.left_out, table.len()), (2, 1, 6));
    assert_eq!(table.position(&agent("b")), Some(Position { epoch: 1, sequence: 1 }));
    let applied = table.apply(&agent("b"), 1, &report(1, numbered(1, 2)), at(72_000)).unwrap();
    assert_eq!((applied.rows, applied.left_out), (2, 0));
    // At its own limit an agent exchanges rows, and the table stays as full as it was.
    table.apply(&agent("a"), 1, &report(1, numbered(5, 8)), at(72_000)).unwrap();
    assert_eq!(table.len(), 6);
}

#[test]
fn rows_age_by_when_they_were_observed() {
    let mut table = table();
    table.apply(&agent("a"), 1, &report(0, numbered(1, 3)), at(72_000)).unwrap();
    table.take_changes();
    table.expire(at(107_999));
    assert_eq!((table.len(), changed(&mut table)), (3, vec![]));
    table.expire(at(116_000));
    let gone = ["10.0.1.0/24 eu-west -", "10.0.2.0/24 eu-west -"];
    assert_eq!((table.len(), changed(&mut table)), (1, gone.map(String::from).to_vec()));
    // What was too old when it came is not taken, and the report is.
    let applied = table.apply(&agent("a"), 1, &report(1, numbered(1, 4)), at(116_500)).unwrap();
    assert_eq!((applied.rows, applied.expired, table.len()), (2, 2, 2));
    assert_eq!(table.counters().expired, 4);
}

#[test]
fn a_clock_that_is_ahead_makes_nothing_fresher() {
    let mut table = table();
    let ahead = ReportRow { observed_at: at(50_000), ..row("10.1.2.0/24", 85) };
    table.apply(&agent("a"), 1, &report(0, vec![ahead]), at(8_000)).unwrap();
    assert_eq!(table.rows(&service())[0].2.observed_at, at(8_000));
    let refreshed = vec![refresh("10.1.2.0/24", 11, 90_000)];
    table.apply(&agent("a"), 1, &refreshing(1, refreshed), at(16_000)).unwrap();
    assert_eq!(table.rows(&service())[0].2.observed_at, at(16_000));
}

#[test]
fn a_refresh_renews_count_and_time_of_a_known_row_only() {
    let mut table = table();
    table.apply(&agent("a"), 1, &report(0, vec![row("10.1.2.0/24", 85)]), at(0)).unwrap();
    table.take_changes();
    let both = vec![refresh("10.1.2.0/24", 25, 24_000), refresh("10.1.3.0/24", 7, 24_000)];
    let applied = table.apply(&agent("a"), 1, &refreshing(1, both), at(24_000)).unwrap();
    assert_eq!((applied.refreshed, applied.unknown), (1, 1));
    assert_eq!(known(&table), ["10.1.2.0/24 eu-west 85ms 25"]);
    assert_eq!(table.rows(&service())[0].2.observed_at, at(24_000));
    let renewed = ["10.1.2.0/24 eu-west 85ms 25", "10.1.3.0/24 eu-west -"];
    assert_eq!(changed(&mut table), renewed);
}

#[test]
fn lanes_that_change_mark_what_they_touch() {
    let mut table = table();
    table.apply(&agent("a"), 1, &report(0, vec![row("10.1.2.0/24", 85)]), at(0)).unwrap();
    assert_eq!(changed(&mut table), ["10.1.2.0/24 eu-west 85ms 10"]);
    table.set_lane(&agent("a"), 80, lane("eu-west"));
    assert_eq!(table.take_changes(), BTreeMap::new());
    table.set_lane(&agent("a"), 80, lane("eu-north"));
    assert_eq!(changed(&mut table), ["10.1.2.0/24 eu-north 85ms 10", "10.1.2.0/24 eu-west -"]);
    table.remove_lane(&agent("a"), 80);
    assert_eq!((table.len(), changed(&mut table)), (0, vec!["10.1.2.0/24 eu-north -".into()]));
    // The rows come again from the beginning if the port does.
    assert_eq!(table.position(&agent("a")), Some(Position { epoch: 1, sequence: 0 }));
    table.set_lane(&agent("a"), 80, lane("eu-west"));
    table.apply(&agent("a"), 1, &report(0, vec![row("10.1.2.0/24", 85)]), at(0)).unwrap();
    assert_eq!(table.len(), 1);
    table.forget(&agent("a"));
    assert_eq!((table.len(), table.position(&agent("a"))), (0, None));
    table.forget(&agent("a"));
    table.remove_lane(&agent("a"), 80);
}

/// The rows of one report: which networks, and their milliseconds.
type Rows = Vec<(u8, u64)>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Three agents' reports, each agent's in its order, woven together in two ways.
    #[test]
    fn replicas_agree_whatever_the_order_among_agents(
        reports in prop::collection::vec(
            (0usize..3, prop::collection::vec((0u8..30, 1u64..400), 0..8)), 0..30),
    ) {
        let names = ["a", "b", "c"];
        let replica = |reports: &[(usize, Rows)]| {
            let limits = TableLimits { rows_per_agent_max: 100, rows_max: 300, ttl_ms: 100_000 };
            let mut table = Table::new(limits);
            for name in names {
                table.set_lane(&agent(name), 80, lane(if name == "c" { "west" } else { "east" }));
            }
            let mut sequences = [0; 3];
            for (who, rows) in reports {
                let rows: BTreeMap<u8, u64> = rows.iter().copied().collect();
                let rows = rows.into_iter().map(|(n, ms)| row(&format!("10.0.{n}.0/24"), ms));
                let mut rows: Vec<_> = rows.collect();
                rows.sort_by_key(|row| row.subnet);
                let report = report(sequences[*who], rows);
                table.apply(&agent(names[*who]), 1, &report, at(0)).unwrap();
                sequences[*who] += 1;
            }
            (table.rows(&service()), table.len(), names.map(|name| table.position(&agent(name))))
        };
        // Whoever follows the changes knows the same as who reads all rows.
        let follow = |reports: &[(usize, Rows)]| {
            let limits = TableLimits { rows_per_agent_max: 10, rows_max: 30, ttl_ms: 100_000 };
            let mut table = Table::new(limits);
            let mut known = BTreeMap::new();
            let mut sequences = [0; 3];
            for (number, (who, rows)) in reports.iter().enumerate() {
                table.set_lane(&agent(names[*who]), 80, lane(["east", "west"][number % 2]));
                let rows: BTreeMap<u8, u64> = rows.iter().copied().collect();
                let rows = rows.into_iter().map(|(n, ms)| row(&format!("10.0.{n}.0/24"), ms));
                let mut rows: Vec<_> = rows.collect();
                rows.sort_by_key(|row| row.subnet);
                table.apply(&agent(names[*who]), 1, &report(sequences[*who], rows), at(0)).unwrap();
                sequences[*who] += 1;
                if number % 7 == 6 {
                    table.forget(&agent(names[*who]));
                    sequences[*who] = 0;
                }
                for (subnet, region, estimate) in table.take_changes().into_values().flatten() {
                    known.remove(&(subnet, region.clone()));
                    known.extend(estimate.map(|estimate| ((subnet, region), estimate)));
                }
            }
            let rows = table.rows(&service()).into_iter();
            let rows: BTreeMap<_, _> = rows.map(|(s, r, estimate)| ((s, r), estimate)).collect();
            (known, rows)
        };
        let (known, rows) = follow(&reports);
        prop_assert_eq!(known, rows);
        let mut regrouped = reports.clone();
        regrouped.sort_by_key(|(who, _)| std::cmp::Reverse(*who));
        prop_assert_eq!(replica(&reports), replica(&regrouped));
    }
}

#[test]
fn an_agent_may_ask_for_less_time_and_not_for_more() {
    for (ttl_ms, lives_ms) in [(40_000, 40_000), (u64::MAX, 100_000)] {
        let mut table = table();
        table.set_ttl(&agent("a"), ttl_ms);
        for name in ["a", "b"] {
            table.apply(&agent(name), 1, &report(0, vec![row("10.1.2.0/24", 85)]), at(0)).unwrap();
        }
        table.expire(at(lives_ms - 1));
        assert_eq!((table.rows_of(&agent("a")), table.rows_of(&agent("b"))), (1, 1), "{ttl_ms}");
        table.expire(at(lives_ms));
        let left = usize::from(lives_ms < LIMITS.ttl_ms);
        assert_eq!((table.rows_of(&agent("a")), table.rows_of(&agent("b"))), (0, left), "{ttl_ms}");
        // A row that is too old already is not taken.
        let late = report(1, vec![row("10.1.3.0/24", 85)]);
        assert_eq!(table.apply(&agent("a"), 1, &late, at(lives_ms)).unwrap().expired, 1);
    }
}
