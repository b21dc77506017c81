//! Every key of the `latency_learning` block: each test fails when its key is ignored. Then the
//! way of a report from a learner to tables.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use model::{AgentId, Service, SocketState, SubnetWidths};
use proptest::prelude::*;

use super::*;
use crate::{Lane, Position, RttSource, Table, TableLimits, TableRefusal};

fn settings() -> LearningSettings {
    LearningSettings {
        poll_interval_ms: 10_000,
        min_connection_age_ms: 5_000,
        widths: SubnetWidths { ipv4: 24, ipv6: 48 },
        ewma_alpha: 0.3,
        averaging: crate::Averaging::Ewma,
        max_subnets: 100_000,
        subnet_ttl_ms: 604_800_000,
        min_samples: 1,
        report_interval_ms: 30_000,
        rtt_source: RttSource::Min,
        exclude: Vec::new(),
    }
}

/// A learner with one key changed, and the connections that come to it.
struct Bench {
    learner: Learner,
    now: Time,
    cookie: u64,
}

impl Bench {
    fn new(change: impl FnOnce(&mut LearningSettings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let learner = Learner::new(settings, BTreeSet::from([80, 443]));
        Self { learner, now: Time::from_unix_ms(1_000_000), cookie: 0 }
    }

    /// A connection with a minimum of `us`, smoothed 20 % higher, that closes now.
    fn closed(&mut self, client: &str, us: u32) {
        self.cookie += 1;
        let sample = reading(client, us, self.cookie, SocketState::Closed);
        self.learner.observe(&sample, self.now).unwrap();
    }

    fn wait_ms(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }

    fn end_interval(&mut self) {
        self.wait_ms(10_000);
        self.learner.end_interval(self.now);
    }

    /// Everything that is published, as (port, row).
    fn rows(&mut self) -> Vec<(u16, crate::ReportRow)> {
        self.learner.publish(self.now);
        let report = self.learner.report_after(0, usize::MAX);
        let ports = report.map(|report| report.ports).unwrap_or_default();
        ports.iter().flat_map(|p| p.rows.iter().map(|row| (p.port, *row))).collect()
    }

    /// The published networks with their averages in microseconds.
    fn learned(&mut self) -> Vec<(String, u32)> {
        let rows = self.rows();
        rows.iter().map(|(_, row)| (row.subnet.to_string(), row.rtt_us.us())).collect()
    }
}

fn reading(client: &str, us: u32, cookie: u64, state: SocketState) -> Sample {
    let client: IpAddr = client.parse().unwrap();
    let local: SocketAddr = if client.is_ipv4() {
        "192.0.2.1:80".parse().unwrap()
    } else {
        "[2001:db8:1::1]:80".parse().unwrap()
    };
    Sample {
        client,
        local,
        smoothed_rtt_us: us + us / 5,
        rtt_deviation_us: 0,
        min_rtt_us: Some(us),
        bytes_acked: 1000,
        data_segments_out: Some(1),
        cookie,
        state,
    }
}

fn names(learned: &[(String, u32)]) -> Vec<&str> {
    learned.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn poll_interval_is_one_step_of_the_average() {
    // Steady traffic of one connection a second: 100 ms for a minute, then 200 ms for 20 s.
    let average_after = |poll_interval_ms: u64| {
        let mut bench = Bench::new(|s| s.poll_interval_ms = poll_interval_ms);
        bench.learner.end_interval(bench.now);
        for second in 0..80 {
            if bench.learner.interval_due().is_none_or(|due| due <= bench.now) {
                bench.learner.end_interval(bench.now);
            }
            bench.closed("10.1.2.3", if second < 60 { 100_000 } else { 200_000 });
            bench.wait_ms(1000);
        }
        bench.learner.end_interval(bench.now);
        bench.learned()[0].1
    };
    assert_eq!(average_after(20_000), 130_000);
    assert_eq!(average_after(10_000), 151_000);
    assert_eq!(average_after(5_000), 175_990);
}

/// Twice the same connection, rows that make room for others, refusals in between: in any number at once.
#[test]
fn many_readings_at_once_are_as_one_after_another() {
    let [mut single, mut many] = [(); 2].map(|()| Bench::new(|settings| settings.max_subnets = 20));
    for round in 0..4u32 {
        let samples = (0..100u32).map(|number| {
            let state = if number % 3 == 0 { SocketState::Closed } else { SocketState::Open };
            let client = format!("10.1.{}.7", number * (round + 1) % 90);
            reading(&client, 100 + number + round, u64::from(number / 2 + round * 40), state)
        });
        let samples: Vec<Sample> = samples.collect();
        for sample in &samples {
            // Why it does not count is among the counters.
            let _ = single.learner.observe(sample, single.now);
        }
        many.learner.observe_all(&samples, many.now);
        single.end_interval();
        many.end_interval();
        assert_eq!(many.learner.counters(), single.learner.counters());
        assert_eq!(many.rows(), single.rows());
    }
    let counters = many.learner.counters();
    assert!(counters.evicted > 0 && counters.admitted > 100, "{counters:?}");
}

#[test]
fn one_busy_interval_is_one_step_and_its_median_counts() {
    let mut bench = Bench::new(|_| {});
    bench.closed("10.1.2.3", 100_000);
    bench.end_interval();
    for _ in 0..200 {
        bench.closed("10.1.2.4", 200_000);
    }
    bench.closed("10.1.2.5", 50_000_000);
    bench.end_interval();
    let (_, row) = bench.rows()[0];
    assert_eq!((row.rtt_us.us(), row.samples), (130_000, 202));
}

/// A count is told with its average: of two words of one life with one count the table takes any for the
/// later one.
#[test]
fn what_the_running_interval_counts_is_told_once_it_is_over() {
    let mut bench = Bench::new(|_| {});
    bench.closed("10.1.2.3", 100_000);
    bench.end_interval();
    let told = |bench: &mut Bench| {
        let (_, row) = bench.rows()[0];
        (row.rtt_us.us(), row.samples)
    };
    assert_eq!(told(&mut bench), (100_000, 1));
    bench.closed("10.1.2.3", 200_000);
    assert_eq!(told(&mut bench), (100_000, 1));
    bench.end_interval();
    assert_eq!(told(&mut bench), (130_000, 2));
}

#[test]
fn min_connection_age_holds_back_open_sockets_only() {
    let admitted = |min_connection_age_ms: u64| {
        let mut bench = Bench::new(|s| s.min_connection_age_ms = min_connection_age_ms);
        for _ in 0..3 {
            let _ =
                bench.learner.observe(&reading("10.1.2.3", 100, 9, SocketState::Open), bench.now);
            bench.end_interval();
        }
        bench.closed("10.1.2.3", 100);
        (bench.learner.counters().admitted, bench.learner.counters().refused)
    };
    for (age_ms, young) in [(0, 0), (5_000, 1), (20_000, 2), (20_001, 3)] {
        let (admitted, refused) = admitted(age_ms);
        assert_eq!(refused.get(Refusal::TooYoung), young, "{age_ms}");
        // The closed one, and the open one once where it became old enough: it said nothing new.
        assert_eq!(admitted, 1 + u64::from(young < 3), "{age_ms}");
    }
}

#[test]
fn ipv4_prefix_and_ipv6_prefix_group_clients() {
    let grouped = |ipv4: u8, ipv6: u8| {
        let mut bench = Bench::new(|s| s.widths = SubnetWidths { ipv4, ipv6 });
        for client in ["10.1.4.1", "10.1.5.1", "10.1.7.9", "2001:db8:1:1::1", "2001:db8:1:2ff::1"] {
            bench.closed(client, 100);
        }
        bench.end_interval();
        bench.learned().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(grouped(24, 48), ["10.1.4.0/24", "10.1.5.0/24", "10.1.7.0/24", "2001:db8:1::/48"]);
    assert_eq!(grouped(22, 56), ["10.1.4.0/22", "2001:db8:1::/56", "2001:db8:1:200::/56"]);
    assert_eq!(grouped(8, 128)[..2], ["10.0.0.0/8", "2001:db8:1:1::1/128"]);
}

#[test]
fn ewma_alpha_weighs_the_newest_interval() {
    for (ewma_alpha, expect) in [(0.3, 130_000), (0.5, 150_000), (1.0, 200_000)] {
        let mut bench = Bench::new(|s| s.ewma_alpha = ewma_alpha);
        for us in [100_000, 200_000] {
            bench.closed("10.1.2.3", us);
            bench.end_interval();
        }
        assert_eq!(bench.learned()[0].1, expect);
    }
}

#[test]
fn max_subnets_keeps_those_seen_last() {
    let kept = |max_subnets: usize| {
        let mut bench = Bench::new(|s| s.max_subnets = max_subnets);
        for client in ["10.0.1.1", "10.0.2.1", "10.0.3.1", "10.0.1.1", "10.0.4.1"] {
            bench.closed(client, 100);
            bench.wait_ms(1);
        }
        bench.end_interval();
        let evicted = bench.learner.counters().evicted;
        assert!(bench.learner.len() <= max_subnets);
        (names(&bench.learned()).join(" "), evicted)
    };
    assert_eq!(kept(4), ("10.0.1.0/24 10.0.2.0/24 10.0.3.0/24 10.0.4.0/24".into(), 0));
    assert_eq!(kept(3), ("10.0.1.0/24 10.0.3.0/24 10.0.4.0/24".into(), 1));
    // With room for two, the first one was gone when it came again.
    assert_eq!(kept(2), ("10.0.1.0/24 10.0.4.0/24".into(), 3));
}

#[test]
fn subnet_ttl_ends_a_row() {
    for (subnet_ttl_ms, left) in [(60_000, 1), (60_001, 2)] {
        let mut bench = Bench::new(|s| s.subnet_ttl_ms = subnet_ttl_ms);
        bench.closed("10.0.1.1", 100);
        bench.wait_ms(50_000);
        bench.closed("10.0.2.1", 100);
        bench.end_interval();
        assert_eq!(bench.learner.len(), left);
        assert_eq!(bench.learner.counters().expired, 2 - left as u64);
    }
}

#[test]
fn min_samples_holds_a_row_back() {
    let mut bench = Bench::new(|s| s.min_samples = 5);
    for count in 1..=5 {
        bench.closed("10.0.1.1", 100);
        bench.end_interval();
        assert_eq!(bench.learned().len(), usize::from(count == 5), "{count}");
    }
    assert_eq!(bench.rows()[0].1.samples, 5);
}

#[test]
fn who_follows_has_what_is_told_to_who_comes_late() {
    let mut bench = Bench::new(|s| (s.ewma_alpha, s.max_subnets) = (1.0, 6));
    let mut followed = BTreeMap::new();
    let mut sequence = 0;
    for step in 0..200u32 {
        // Some are in the running interval when it is published, some make room for others.
        for nth in 0..step % 4 {
            let client = format!("10.0.{}.1", step * 7 % (5 + nth) + nth);
            bench.closed(&client, 90_000 + step * 131 % 20_000);
        }
        if step % 3 != 0 {
            bench.end_interval();
        }
        bench.learner.publish(bench.now);
        // Every fifth time the follower is late by one publication.
        if step % 5 == 0 {
            continue;
        }
        let Some(report) = bench.learner.report_after(sequence, 100) else { continue };
        sequence = report.through;
        for port in report.ports {
            followed.extend(port.rows.iter().map(|row| (row.subnet, *row)));
            for row in port.refreshed {
                let known = followed.get_mut(&row.subnet).expect("told whole before");
                (known.samples, known.observed_at) = (row.samples, row.observed_at);
            }
        }
    }
    let all = bench.learner.report_after(0, 100).unwrap();
    // The row of the last number may have made room since.
    assert!(all.through <= sequence && all.ports[0].rows.len() == 6, "{all:?}");
    for row in &all.ports[0].rows {
        assert_eq!(followed.get(&row.subnet), Some(row));
    }
}

#[test]
fn what_was_held_back_is_told_when_fewer_samples_will_do() {
    let mut bench = Bench::new(|s| s.min_samples = 2);
    bench.closed("10.0.1.1", 100);
    bench.end_interval();
    assert_eq!(bench.learned(), []);
    let settings = LearningSettings { min_samples: 1, ..settings() };
    bench.learner.reconfigure(settings, BTreeSet::from([80, 443]));
    assert_eq!(bench.learned(), [("10.0.1.0/24".to_owned(), 100)]);
}

#[test]
fn report_interval_spaces_the_publications() {
    let publications = |report_interval_ms: u64| {
        let mut bench = Bench::new(|s| s.report_interval_ms = report_interval_ms);
        for _ in 0..60 {
            bench.closed("10.0.1.1", 100);
            bench.learner.end_interval(bench.now);
            if bench.learner.publish_due().is_none_or(|due| due <= bench.now) {
                bench.learner.publish(bench.now);
            }
            bench.wait_ms(1000);
        }
        bench.learner.counters().published + bench.learner.counters().refreshed
    };
    assert_eq!(publications(30_000), 2);
    assert_eq!(publications(10_000), 6);
}

#[test]
fn rtt_source_chooses_what_is_averaged() {
    for (rtt_source, expect) in [(RttSource::Min, 100_000), (RttSource::Smoothed, 120_000)] {
        let mut bench = Bench::new(|s| s.rtt_source = rtt_source);
        bench.closed("10.0.1.1", 100_000);
        bench.end_interval();
        assert_eq!(bench.learned()[0].1, expect);
        assert_eq!(bench.rows()[0].1.min_rtt.us(), 100_000);
    }
}

#[test]
fn excluded_clients_are_counted_and_never_learned() {
    let mut bench = Bench::new(|s| s.exclude = vec!["10.0.0.0/16".parse().unwrap()]);
    bench.learner.exclude(vec!["10.9.9.9".parse().unwrap()]);
    for client in ["10.0.1.1", "10.9.9.9"] {
        let sample = reading(client, 100, 1, SocketState::Closed);
        assert_eq!(bench.learner.observe(&sample, bench.now), Err(Refusal::Excluded));
    }
    assert_eq!(bench.learner.counters().refused.get(Refusal::Excluded), 2);
    assert!(bench.learner.is_empty());
}

#[test]
fn a_proxy_in_front_is_noticed() {
    let mut bench = Bench::new(|_| {});
    for number in 0..2000 {
        let client =
            if number % 4 == 0 { format!("10.0.{}.1", number % 200) } else { "10.7.7.7".into() };
        bench.closed(&client, 100);
    }
    let found = bench.learner.concentration().unwrap();
    assert_eq!(found.addresses[0], ("10.7.7.7".parse().unwrap(), 1500));
}

#[test]
fn only_what_moved_is_told_again_and_the_rest_is_refreshed() {
    let mut bench = Bench::new(|s| s.ewma_alpha = 1.0);
    for client in ["10.0.1.1", "10.0.2.1", "10.0.3.1"] {
        bench.closed(client, 100_000);
    }
    bench.end_interval();
    assert_eq!(bench.rows().len(), 3);
    bench.closed("10.0.1.1", 102_000);
    bench.closed("10.0.2.1", 97_999);
    bench.end_interval();
    bench.learner.publish(bench.now);
    let report = bench.learner.report_after(3, 10).unwrap();
    assert_eq!((report.after, report.through), (3, 5));
    let port = &report.ports[0];
    assert_eq!((port.port, port.rows.len(), port.refreshed.len()), (80, 1, 1));
    assert_eq!(
        (port.rows[0].subnet.to_string(), port.rows[0].rtt_us.us()),
        ("10.0.2.0/24".into(), 97_999)
    );
    assert_eq!(
        (port.refreshed[0].subnet.to_string(), port.refreshed[0].samples),
        ("10.0.1.0/24".into(), 2)
    );
    // Who has nothing gets every row whole, with the averages that were told.
    let all = bench.learner.report_after(0, 10).unwrap();
    let told: Vec<_> = all.ports[0].rows.iter().map(|r| (r.rtt_us.us(), r.samples)).collect();
    assert_eq!(told, [(100_000, 2), (97_999, 2), (100_000, 1)]);
    assert_eq!((all.through, all.len()), (5, 3));
    // Who has all gets nothing, nor does anybody when nothing happened.
    assert_eq!(bench.learner.report_after(5, 10), None);
    bench.learner.publish(bench.now);
    assert_eq!(bench.learner.report_after(5, 10), None);
    assert_eq!(bench.learner.report_after(u64::MAX, 10), None);
}

#[test]
fn a_number_means_one_value_though_the_row_has_moved_on() {
    let mut bench = Bench::new(|_| {});
    bench.closed("10.0.1.1", 100_000);
    bench.end_interval();
    bench.learner.publish(bench.now);
    let then = bench.learner.report_after(0, 10);
    bench.closed("10.0.1.1", 900_000);
    bench.end_interval();
    assert_eq!(bench.learner.report_after(0, 10), then);
}

/// Networks that are in use all the time and never move; after how long each is told whole again at most,
/// and how many in one publication.
fn check_whole_again(subnet_ttl_ms: u64, gap_ms_max: u64, at_once_max: usize) {
    let mut bench = Bench::new(|s| s.subnet_ttl_ms = subnet_ttl_ms);
    let clients: Vec<String> = (0..120).map(|n| format!("10.0.{n}.1")).collect();
    let mut whole_at: BTreeMap<model::Subnet, Time> = BTreeMap::new();
    let mut gap_ms = 0;
    let mut through = 0;
    for _ in 0..400 {
        clients.iter().for_each(|client| bench.closed(client, 100_000));
        bench.end_interval();
        bench.wait_ms(20_000);
        bench.learner.publish(bench.now);
        let report = bench.learner.report_after(through, usize::MAX).unwrap();
        let rows = &report.ports[0].rows;
        assert!(through == 0 || rows.len() <= at_once_max, "{} of 120 at once", rows.len());
        for row in rows {
            let before = whole_at.insert(row.subnet, bench.now).unwrap_or(bench.now);
            gap_ms = gap_ms.max(bench.now.ms_since(before));
        }
        assert_eq!(report.len(), 120);
        through = report.through;
    }
    let oldest = whole_at.values().min().unwrap();
    gap_ms = gap_ms.max(bench.now.ms_since(*oldest));
    assert!(gap_ms <= gap_ms_max, "{gap_ms} ms with a time to live of {subnet_ttl_ms}");
    assert!(gap_ms >= gap_ms_max / 2, "{gap_ms} ms: no more often than needed");
}

#[test]
fn a_row_in_use_is_told_whole_in_time_since_a_table_may_have_lost_it() {
    check_whole_again(7 * 86_400_000, 3_630_000, 8);
    check_whole_again(600_000, 600_000, 25);
}

#[test]
fn a_row_that_was_silent_for_an_hour_is_told_whole() {
    let mut bench = Bench::new(|_| {});
    bench.closed("10.0.1.1", 100);
    bench.end_interval();
    bench.learner.publish(bench.now);
    bench.wait_ms(3_600_000);
    bench.closed("10.0.1.1", 100);
    bench.end_interval();
    bench.learner.publish(bench.now);
    let report = bench.learner.report_after(1, 10).unwrap();
    assert_eq!((report.ports[0].rows.len(), report.len()), (1, 1));
}

//------------ From a learner to tables ----------------------------------------------------------

const EPOCH: u64 = 7;

fn table() -> Table {
    let limits = TableLimits { rows_per_agent_max: 1000, rows_max: 10_000, ttl_ms: 604_800_000 };
    let mut table = Table::new(limits);
    for port in [80, 443] {
        let services = vec!["app.demo.local".parse().unwrap()];
        table.set_lane(&agent(), port, Lane { services, region: "eu-west".parse().unwrap() });
    }
    table
}

fn agent() -> AgentId {
    "backend-eu-west".parse().unwrap()
}

/// What an agent's session does: ask where to go on, then send chunk after chunk. `lost` drops
/// that many acknowledgements; after each the session begins anew.
fn sync(learner: &Learner, table: &mut Table, rows_max: usize, mut lost: u32, now: Time) {
    let resume = |table: &Table| match table.position(&agent()) {
        Some(Position { epoch: EPOCH, sequence }) => sequence,
        _ => 0,
    };
    let mut acknowledged = resume(table);
    while let Some(report) = learner.report_after(acknowledged, rows_max) {
        assert!(report.len() <= rows_max);
        let applied = table.apply(&agent(), EPOCH, &report, now).unwrap();
        assert_eq!(applied.unknown, 0);
        let repeated = table.apply(&agent(), EPOCH, &report, now).unwrap_err();
        assert_eq!(repeated.resume(EPOCH), Some(applied.position));
        if lost > 0 {
            lost -= 1;
            acknowledged = resume(table);
        } else {
            acknowledged = applied.position.sequence;
        }
    }
}

fn rows_of(table: &Table) -> Vec<(model::Subnet, model::Region, crate::RegionEstimate)> {
    table.rows(&"app.demo.local".parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Three tables hear one learner: one after each publication in one piece, one in chunks with
    /// lost acknowledgements, one only now and then. And one that begins empty at the end.
    #[test]
    fn tables_agree_whatever_the_chunks(
        rounds in prop::collection::vec(
            (prop::collection::vec((0u8..20, 1u32..5), 0..12), any::<bool>(), 0u32..3), 1..12),
        rows_max in 1usize..9,
    ) {
        let mut bench = Bench::new(|_| {});
        let (mut whole, mut chunked, mut seldom) = (table(), table(), table());
        for (connections, hears, lost) in rounds {
            for (number, tens_ms) in connections {
                bench.closed(&format!("10.0.{number}.1"), tens_ms * 10_000);
            }
            bench.end_interval();
            bench.learner.publish(bench.now);
            sync(&bench.learner, &mut whole, usize::MAX, 0, bench.now);
            sync(&bench.learner, &mut chunked, rows_max, lost, bench.now);
            if hears {
                sync(&bench.learner, &mut seldom, rows_max, lost, bench.now);
            }
        }
        sync(&bench.learner, &mut seldom, rows_max, 0, bench.now);
        let mut restarted = table();
        sync(&bench.learner, &mut restarted, rows_max, 1, bench.now);
        let expect = rows_of(&whole);
        prop_assert_eq!(&rows_of(&chunked), &expect);
        prop_assert_eq!(&rows_of(&seldom), &expect);
        prop_assert_eq!(&rows_of(&restarted), &expect);
        prop_assert_eq!(expect.len(), bench.learner.len());
    }
}

#[test]
fn a_new_epoch_comes_whole() {
    let mut table = table();
    let mut bench = Bench::new(|_| {});
    bench.closed("10.0.1.1", 50_000);
    bench.closed("10.0.2.1", 50_000);
    bench.end_interval();
    bench.learner.publish(bench.now);
    sync(&bench.learner, &mut table, 1, 0, bench.now);

    let mut reborn = Bench::new(|_| {});
    reborn.now = bench.now;
    for client in ["10.0.2.1", "10.0.3.1"] {
        reborn.closed(client, 90_000);
    }
    reborn.end_interval();
    reborn.learner.publish(reborn.now);
    let next = EPOCH + 1;
    // Numbers of the old life mean nothing in the new one.
    let wrong = reborn.learner.report_after(1, 10).unwrap();
    let refused = table.apply(&agent(), next, &wrong, reborn.now).unwrap_err();
    assert_eq!(refused, TableRefusal::OutOfSequence { after: 1, expected: 0 });
    let report = reborn.learner.report_after(0, 10).unwrap();
    table.apply(&agent(), next, &report, reborn.now).unwrap();
    let ms: Vec<_> = rows_of(&table).iter().map(|(_, _, e)| e.rtt.ms_rounded()).collect();
    assert_eq!(ms, [50, 90, 90]);
    let old = bench.learner.report_after(0, 10).unwrap();
    let stale = table.apply(&agent(), EPOCH, &old, reborn.now).unwrap_err();
    assert_eq!(stale, TableRefusal::StaleEpoch { epoch: EPOCH, known: next });
}

#[test]
fn other_settings_keep_the_rows_of_ports_and_networks_that_stay() {
    let mut bench = Bench::new(|_| ());
    bench.closed("10.1.2.7", 85_000);
    bench.wait_ms(1_000);
    bench.closed("10.1.3.7", 90_000);
    bench.end_interval();
    assert_eq!(bench.rows().len(), 2);
    let other = |change: fn(&mut LearningSettings)| {
        let mut settings = settings();
        change(&mut settings);
        settings
    };
    // A port more, and the widths are what they were.
    let settings = other(|settings| {
        settings.report_interval_ms = 5_000;
        settings.widths.ipv4 = 16;
    });
    bench.learner.reconfigure(settings, BTreeSet::from([80, 443, 8080]));
    assert_eq!(bench.learner.publish_due(), Some(bench.now.plus_ms(5_000)));
    bench.closed("10.1.2.7", 85_000);
    bench.end_interval();
    assert_eq!(bench.learner.len(), 2, "it is the same network");
    // Fewer rows: the one seen longest ago goes.
    let one = other(|settings| settings.max_subnets = 1);
    bench.learner.reconfigure(one, BTreeSet::from([80]));
    let left: Vec<String> = bench.rows().iter().map(|(_, row)| row.subnet.to_string()).collect();
    assert_eq!((left, bench.learner.counters().evicted), (vec!["10.1.2.0/24".to_owned()], 1));
    bench.learner.reconfigure(other(|_| ()), BTreeSet::from([443]));
    assert!(bench.learner.is_empty(), "its port is gone");
}

#[test]
fn a_full_table_leaves_out_what_is_new_renews_what_it_knows_and_takes_the_rest_within_an_hour_of_room()
 {
    let mut bench = Bench::new(|_| {});
    let limits = TableLimits { rows_per_agent_max: 4, rows_max: 4, ttl_ms: 604_800_000 };
    let mut table = Table::new(limits);
    let [agent, other] = ["agent-1", "agent-2"].map(|name| name.parse::<AgentId>().unwrap());
    let service: Service = "app.demo.local".parse().unwrap();
    for (id, region) in [(&agent, "eu-west"), (&other, "us-east")] {
        let lane = Lane { services: vec![service.clone()], region: region.parse().unwrap() };
        table.set_lane(id, 80, lane);
    }
    // Another agent's row stands where the fourth one would.
    let mut rival = Bench::new(|_| {});
    rival.closed("198.51.100.1", 50_000);
    rival.end_interval();
    rival.learner.publish(rival.now);
    table.apply(&other, 1, &rival.learner.report_after(0, 100).unwrap(), rival.now).unwrap();

    let known = ["203.0.113.1", "203.0.112.1", "203.0.111.1"];
    let mut publish = |table: &mut Table, clients: &[&str]| {
        clients.iter().for_each(|client| bench.closed(client, 20_000));
        bench.end_interval();
        bench.wait_ms(20_000);
        bench.learner.publish(bench.now);
        let after = table.position(&agent).map_or(0, |position| position.sequence);
        let report = bench.learner.report_after(after, 100).unwrap();
        let applied = table.apply(&agent, 1, &report, bench.now).unwrap();
        assert_eq!(applied.position.sequence, report.through);
        applied.left_out
    };
    let observed = |table: &Table| {
        let rows = table.rows(&service).into_iter();
        let rows = rows.filter(|(_, region, _)| region.as_str() == "eu-west");
        rows.map(|(_, _, estimate)| estimate.observed_at).collect::<Vec<_>>()
    };
    assert_eq!(publish(&mut table, &known), 0);
    let with_new = [known[0], known[1], known[2], "192.0.2.200"];
    let mut before = observed(&table);
    let mut left_out = 0;
    for _ in 0..3 {
        left_out += publish(&mut table, &with_new);
        let now = observed(&table);
        assert_eq!(now.len(), 3);
        assert!(now.iter().zip(&before).all(|(now, before)| now > before), "{now:?}");
        before = now;
    }
    assert!(left_out > 0);
    assert_eq!((table.counters().left_out, table.len()), (left_out as u64, 4));
    table.forget(&other);
    // 121 publications, half a minute apart.
    let came = (0..=120).position(|_| {
        publish(&mut table, &with_new);
        observed(&table).len() == 4
    });
    assert!(came.is_some(), "within the hour");
}
