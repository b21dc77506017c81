//! When checks are due, over virtual time.

use super::*;
use proptest::prelude::*;

const START: Time = Time::from_unix_ms(1_766_138_700_000);

/// The moments, in ms after the start, at which each key is due in the first `until_ms`.
fn run(schedule: &mut Schedule<u32>, until_ms: u64) -> BTreeMap<u32, Vec<u64>> {
    let mut seen: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    while let Some(due) = schedule.next_due() {
        if due.ms_since(START) > until_ms {
            break;
        }
        let (key, since) = schedule.pop_due(due).expect("it is due");
        assert_eq!(since, due);
        seen.entry(key).or_default().push(due.ms_since(START));
    }
    seen
}

#[test]
fn a_thousand_checks_start_within_a_moment_and_then_spread_over_the_interval() {
    let mut schedule = Schedule::new(1_000);
    for key in 0..1_000 {
        schedule.insert(key, (30_000, 1_000), START).unwrap();
    }
    let seen = run(&mut schedule, 300_000);
    assert_eq!(seen.len(), 1_000);
    let mut per_tenth = [0; 10];
    let mut per_second = [0; 30];
    for moments in seen.values() {
        assert!(moments[0] < 1_000);
        per_tenth[usize::try_from(moments[0] / 100).unwrap()] += 1;
        assert!((15_000..46_000).contains(&(moments[1] - moments[0])));
        assert!(moments[1..].windows(2).all(|pair| pair[1] - pair[0] == 30_000));
        per_second[usize::try_from(moments[1] % 30_000 / 1_000).unwrap()] += 1;
    }
    // A hundred a tenth of a second, and 33 a second, on average; twice that would be a beat.
    assert!(per_tenth.iter().all(|count| (50..200).contains(count)), "{per_tenth:?}");
    assert!(per_second.iter().all(|count| (10..67).contains(count)), "{per_second:?}");
}

#[test]
fn a_late_check_is_done_once_and_keeps_its_place() {
    let mut schedule = Schedule::new(1);
    schedule.insert(7, (10_000, 1_000), START).unwrap();
    let moments = run(&mut schedule, 60_000).remove(&7).unwrap();
    let late = START.plus_ms(moments.last().unwrap() + 35_000);
    assert_eq!(schedule.pop_due(late).map(|(key, _)| key), Some(7));
    assert_eq!(schedule.pop_due(late), None, "the missed ones are not made up for");
    let next = schedule.next_due().unwrap().ms_since(START);
    assert_eq!(next, moments.last().unwrap() + 40_000);
}

#[test]
fn a_full_schedule_refuses_new_keys_only() {
    let mut schedule = Schedule::new(2);
    schedule.insert(1, (1_000, 1_000), START).unwrap();
    schedule.insert(2, (1_000, 1_000), START).unwrap();
    assert_eq!(schedule.insert(3, (1_000, 1_000), START), Err(ScheduleFull { keys_max: 2 }));
    schedule.insert(2, (5_000, 1_000), START).unwrap();
    assert!(schedule.remove(&1));
    assert!(!schedule.remove(&1));
    assert_eq!(schedule.insert(3, (1_000, 1_000), START), Ok(()));
    assert_eq!(run(&mut schedule, 100_000).keys().copied().collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn few_begin_at_once_and_many_do_not_leave_in_one_burst() {
    for (keys, expect_ms) in [(0, 1), (1, 1), (10, 2), (1_000, 200), (10_000, 2_000)] {
        assert_eq!(Schedule::<u32>::first_within_ms(keys), expect_ms, "{keys}");
    }
}

#[test]
fn nothing_is_due_before_its_time() {
    let mut schedule = Schedule::new(10);
    assert_eq!((schedule.next_due(), schedule.pop_due(START)), (None, None));
    schedule.insert(1, (0, 1_000), START).unwrap();
    assert_eq!(schedule.next_due(), Some(START), "an interval of zero counts as 1 ms");
    assert_eq!(schedule.pop_due(START.minus_ms(1)), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever comes and goes, both views of the schedule agree, and time never goes back.
    #[test]
    fn both_views_agree(steps in prop::collection::vec((0_u8..4, 0_u32..20, 0_u64..90_000), 1..200)) {
        let mut schedule = Schedule::new(15);
        let mut now = START;
        for (what, key, ms) in steps {
            match what {
                0 => drop(schedule.insert(key, (ms, ms / 7), now)),
                1 => drop(schedule.remove(&key)),
                _ => {
                    now = now.plus_ms(ms);
                    while schedule.pop_due(now).is_some() {}
                    prop_assert!(schedule.next_due().is_none_or(|due| due > now));
                }
            }
            prop_assert!(schedule.len() <= 15);
            prop_assert_eq!(schedule.len(), schedule.due.len());
            prop_assert_eq!(schedule.is_empty(), schedule.next_due().is_none());
        }
    }
}
