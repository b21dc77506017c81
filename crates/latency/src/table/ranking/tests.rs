//! What a search finds is the beginning of the whole table in that order, however it is cut.

use model::{Subnet, Time};
use proptest::prelude::*;

use super::*;
use crate::table::page::tests::{rows, table};

const ORDERS: [By; 3] = [By::Rtt, By::Samples, By::Observed];

type Row = (Subnet, Service, Region, RegionEstimate);

/// All rows that are wanted, in an order; the slow way.
fn sorted(table: &Table, wanted: &Wanted, order: Order) -> Vec<Row> {
    let mut all = table.page(wanted, usize::MAX).rows;
    all.sort_by_key(|row| Place { rank: order.rank(order.value_of(&row.3)), subnet: row.0 });
    all
}

/// A search to its end, by slices of so much work.
fn found(table: &Table, mut search: Search, work_max: usize) -> Vec<Row> {
    for _ in 0..1_000 {
        if table.search(&mut search, work_max) {
            return search.into_rows();
        }
    }
    panic!("no end");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_search_finds_the_beginning_of_the_order(
        rows in rows(),
        by in 0..ORDERS.len(),
        is_descending: bool,
        rows_max in 1..20usize,
        work_max in 0..400usize,
        is_narrow: bool,
    ) {
        let table = table(&rows);
        let order = Order { by: ORDERS[by], is_descending };
        let narrow = Wanted {
            services: vec!["b.example".parse().unwrap()],
            region: Some("us".parse().unwrap()),
            within: Some("10.16.0.0/12".parse().unwrap()),
            from: None,
        };
        let wanted = if is_narrow { narrow } else { Wanted::default() };
        let found = found(&table, Search::new(wanted.clone(), order, rows_max), work_max);
        let expect = sorted(&table, &wanted, order);
        prop_assert!(found.len() >= rows_max.min(expect.len()));
        prop_assert_eq!(&found[..], &expect[..found.len()]);
    }
}

#[test]
fn a_table_that_changes_under_a_search_does_not_stop_it() {
    let all: Vec<(u8, bool, u8, u8)> = (0..40).map(|host| (host % 3, false, host, 24)).collect();
    let mut table = table(&all);
    let order = Order { by: By::Rtt, is_descending: false };
    let mut search = Search::new(Wanted::default(), order, 5);
    assert!(!table.search(&mut search, 1), "the first agent's block alone is more than that");
    // The agent that it would go on with is gone, and its rows with it.
    table.forget(&"agent-1".parse().unwrap());
    table.expire(Time::from_unix_ms(1_000_000));
    let rows = found(&table, search, 1);
    assert_eq!(rows.len(), 5);
    assert!(rows.is_sorted_by_key(|row| row.3.rtt));
}

#[test]
fn what_moved_between_two_slices_is_there_once() {
    let table = table(&[(1, false, 1, 24), (2, false, 1, 24)]);
    let mut search = Search::new(Wanted::default(), Order { by: By::Rtt, is_descending: false }, 5);
    assert!(table.search(&mut search, usize::MAX));
    let mut again = search.found[0].clone();
    again.0.rank += 1;
    search.found.push(again);
    assert_eq!(search.into_rows().len(), 1);
}

/// A thousand networks of one agent, none like another; how much work it is to find the first ten.
#[test]
fn nearly_all_rows_are_only_looked_at() {
    let mut table = Table::new(crate::TableLimits {
        rows_per_agent_max: 10_000,
        rows_max: 10_000,
        ttl_ms: 1_000,
    });
    let (agent, now): (AgentId, _) = ("agent".parse().unwrap(), Time::from_unix_ms(1_000_000));
    let lane =
        crate::Lane { services: vec!["a.example".parse().unwrap()], region: "eu".parse().unwrap() };
    table.set_lane(&agent, 80, lane);
    let row = |number: u32| crate::ReportRow {
        subnet: Subnet::of(std::net::Ipv4Addr::from(0x0a00_0000 | number << 8).into(), 24),
        rtt_us: model::Rtt::from_us(u64::from(number * 7_919 % 10_007) * 50 + 1_000).unwrap(),
        deviation_us: 100,
        min_rtt: model::Rtt::from_us(1_000).unwrap(),
        samples: number * 31 % 997 + 1,
        observed_at: now,
    };
    let port =
        crate::PortReport { port: 80, rows: (0..10_000).map(row).collect(), refreshed: Vec::new() };
    let report = crate::Report { after: 0, through: 1, ports: vec![port] };
    table.apply(&agent, 1, &report, now).unwrap();
    for by in ORDERS {
        for is_descending in [false, true] {
            let order = Order { by, is_descending };
            let mut search = Search::new(Wanted::default(), order, 10);
            let mut slices = 1;
            while !table.search(&mut search, 2_048) {
                slices += 1;
            }
            assert_eq!(search.into_rows().len(), 10);
            // Looks alone are ten slices, a block of a thousand rows at a time.
            assert!(slices <= 20, "{order:?}: {slices}");
        }
    }
}
