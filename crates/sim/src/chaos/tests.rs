//! Short runs of many seeds; that a seed decides everything; and what a heal costs. That what must hold is
//! seen where it does not: `broken`. Machines that share a name: `clones`.

mod broken;

mod clones;

use std::sync::Mutex;

use super::partition::{Healed, Partition};
use super::*;

#[test]
fn twenty_short_seeds_break_nothing() {
    let all = Mutex::new(ChaosSummary::default());
    let check = |seed| {
        let summary = chaos(seed, ChaosSettings::SHORT).unwrap_or_else(|error| panic!("{error}"));
        assert!(summary.heals >= 2 && summary.faults > 10, "seed {seed}: {summary:?}");
        assert!(summary.steps > 4_000 && summary.answers > 1_000, "seed {seed}: {summary:?}");
        let mut all = all.lock().unwrap();
        all.checks += summary.checks;
        all.evicted += summary.evicted;
        all.no_room += summary.no_room;
        all.refused += summary.refused;
    };
    std::thread::scope(|scope| {
        for part in 0..2 {
            let check = &check;
            scope.spawn(move || (1..=20).filter(|seed| seed % 2 == part).for_each(check));
        }
    });
    // What is rare has happened: bounds that are never reached are never kept.
    let all = all.into_inner().unwrap();
    assert!(all.checks > 1_000 && all.evicted > 10, "{all:?}");
    assert!(all.no_room > 10 && all.refused > 0, "{all:?}");
}

#[test]
fn a_seed_decides_everything() {
    let settings = ChaosSettings { minutes: 2, ..ChaosSettings::SHORT };
    let run = |seed| chaos(seed, settings).map_err(|error| error.to_string());
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_partition_of_any_length_heals_within_ten_seconds_at_the_cost_of_what_differs() {
    let heal = |rows, differing, seconds| {
        let partition = Partition { rows, differing, seconds };
        partition.heal().unwrap_or_else(|error| panic!("{partition:?}: {error}"))
    };
    let heals = [
        heal(500, 0, 120),
        heal(500, 10, 120),
        heal(500, 10, 3_600),
        heal(5_000, 0, 10),
        heal(5_000, 10, 10),
        heal(5_000, 1_000, 120),
        heal(5_000, 5_000, 120),
    ];
    println!("{}", Healed::HEADER);
    heals.iter().for_each(|healed| println!("{healed}"));
    let [few_none, few, few_long, many_none, many, most, all] = heals;
    for healed in heals {
        let differing = healed.partition.differing as u64;
        // Two others tell what differs, each all of it at most, however long it took.
        assert!((differing..=2 * differing).contains(&healed.rows_told), "{healed}");
    }
    assert!(few_long.bytes_told < few.bytes_told + 1_000);
    // However much there is besides.
    assert!(many_none.bytes_told < few_none.bytes_told + 1_000);
    assert!(many.bytes_told < few.bytes_told + 1_000);
    assert!(few.bytes_told < few_none.bytes_told + 2 * 10 * 40 + 400);
    assert!(most.bytes_told < few_none.bytes_told + 2 * 1_000 * 16, "under 16 bytes a row");
    assert!(all.bytes_told < few_none.bytes_told + 2 * 5_000 * 16, "under 16 bytes a row");
}
