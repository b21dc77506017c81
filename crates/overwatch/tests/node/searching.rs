//! The first rows of an order are those of the whole table in that order.

use api::latency::LatencyEntry;
use latency::table::ranking::{By, Order};
use overwatch::{Event, LatencySearch, LatencyWanted, OutsideRow, OutsideSource};

use crate::bench::Bench;
use crate::settings::{APP, parsed};

/// A table of forty networks, each from both regions, of which several have the same times and counts.
fn learned() -> Bench {
    let mut bench = Bench::new();
    let regions = vec![parsed("eu-west"), parsed("ap-southeast")];
    let source = OutsideSource { name: parsed("probe"), service: parsed(APP), regions };
    bench.tell(Event::OutsideSources(vec![source]));
    let row = |(network, region): (u32, &str)| OutsideRow {
        region: Some(parsed(region)),
        subnet: parsed(&format!("10.1.{network}.0/24")),
        rtt: model::Rtt::from_us(u64::from(network * 7 % 10 + 1) * 10_000).unwrap(),
        samples: network * 3 % 5 * 20 + 1,
    };
    let rows =
        (0..40).flat_map(|network| ["eu-west", "ap-southeast"].map(|region| (network, region)));
    bench.tell(Event::OutsideReport { source: parsed("probe"), rows: rows.map(row).collect() });
    bench
}

/// A search to its end: a slice of so small a table.
fn found(
    bench: &Bench,
    wanted: &LatencyWanted,
    order: Order,
    rows_max: usize,
) -> Vec<LatencyEntry> {
    let mut search = LatencySearch::new(wanted.clone(), order, rows_max);
    assert_eq!(bench.overwatch.latency_search(&mut search), Ok(true));
    search.into_entries()
}

#[test]
fn the_first_rows_are_those_of_the_whole_table() {
    let bench = learned();
    let all = bench.overwatch.latency_page(&LatencyWanted::default(), usize::MAX).unwrap().entries;
    assert_eq!(all.len(), 80);
    for (by, key) in [
        (By::Rtt, (|row| row.rtt_us.into()) as fn(&LatencyEntry) -> u64),
        (By::Samples, |row| row.samples),
    ] {
        for is_descending in [false, true] {
            let order = Order { by, is_descending };
            let mut expect = all.clone();
            expect.sort_by_key(|row| if is_descending { u64::MAX - key(row) } else { key(row) });
            for rows_max in [1, 3, all.len(), all.len() + 5] {
                let found = found(&bench, &LatencyWanted::default(), order, rows_max);
                assert_eq!(found, expect[..rows_max.min(all.len())], "{order:?}");
            }
        }
    }
    let wanted = LatencyWanted { domain: Some("nobody.example".to_owned()), ..Default::default() };
    let mut search = LatencySearch::new(wanted, Order { by: By::Rtt, is_descending: false }, 5);
    assert!(bench.overwatch.latency_search(&mut search).is_err());
}
