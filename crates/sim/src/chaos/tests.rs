//! Short runs of many seeds; and that a seed decides everything.

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
