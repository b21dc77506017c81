//! Short runs of many seeds; and that a seed decides everything.

use super::partition::{Healed, Partition};
use super::*;

#[test]
fn twenty_short_seeds_break_nothing() {
    let check = |seed| {
        let summary = chaos(seed, ChaosSettings::SHORT).unwrap_or_else(|error| panic!("{error}"));
        assert!(summary.heals >= 2 && summary.faults > 10, "seed {seed}: {summary:?}");
        assert!(summary.steps > 4_000 && summary.answers > 1_000, "seed {seed}: {summary:?}");
    };
    std::thread::scope(|scope| {
        for part in 0..2 {
            scope.spawn(move || (1..=20).filter(|seed| seed % 2 == part).for_each(check));
        }
    });
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
    let heal = |rows, differing, minutes| {
        let partition = Partition { rows, differing, minutes };
        partition.heal().unwrap_or_else(|error| panic!("{partition:?}: {error}"))
    };
    let heals = [
        heal(500, 0, 2),
        heal(500, 10, 2),
        heal(500, 10, 60),
        heal(5_000, 0, 2),
        heal(5_000, 10, 2),
        heal(5_000, 1_000, 2),
    ];
    println!("{}", Healed::HEADER);
    heals.iter().for_each(|healed| println!("{healed}"));
    let [few_none, few, few_long, many_none, many, most] = heals;
    for healed in heals {
        let differing = healed.partition.differing as u64;
        // Two others tell what differs, each all of it.
        assert!((differing..=2 * differing).contains(&healed.rows_told), "{healed}");
    }
    assert_eq!(few.rows_told, few_long.rows_told, "however long it took");
    assert!(few_long.bytes_told < few.bytes_told + 1_000);
    // However much there is besides.
    assert!(many_none.bytes_told < few_none.bytes_told + 1_000);
    assert!(many.bytes_told < few.bytes_told + 1_000);
    assert!(few.bytes_told < few_none.bytes_told + 2 * 10 * 40 + 400);
    assert!(most.bytes_told < many_none.bytes_told + 2 * 1_000 * 16, "under 16 bytes a row");
}
