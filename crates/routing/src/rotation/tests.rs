//! Who is named beside the one whose turn it is.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::fixture::server;

/// Servers of these weights, of one family.
fn servers(weights: &[u32]) -> Vec<Server> {
    let server = |(host, weight): (usize, &u32)| Server {
        weight: *weight,
        ..server("eu-west", &format!("192.0.{}.{}", host / 250, host % 250 + 1))
    };
    weights.iter().enumerate().map(server).collect()
}

/// The places of those whom an answer names.
fn named(weights: &[u32], count: usize, turn: u64) -> Vec<usize> {
    let servers = servers(weights);
    let rotation = Rotation::new(&servers, Algorithm::Failover, |_| true);
    let place = |one: &Server| servers.iter().position(|server| server == one).unwrap();
    rotation.pick(&servers, turn).servers(count).map(place).collect()
}

fn check(weights: &[u32], count: usize, expect: &[&[usize]]) {
    let found = (0..).take(expect.len()).map(|turn| named(weights, count, turn));
    assert_eq!(found.collect::<Vec<_>>(), expect, "{weights:?} {count}");
}

#[test]
fn servers_of_one_weight_follow_one_another() {
    check(&[1, 1, 1], 1, &[&[0], &[1], &[2], &[0]]);
    check(&[1, 1, 1], 2, &[&[0, 1], &[1, 2], &[2, 0], &[0, 1]]);
    check(&[1, 1, 1], 9, &[&[0, 1, 2], &[1, 2, 0]]);
    check(&[1, 1, 1, 1], 2, &[&[0, 2], &[1, 3], &[2, 0], &[3, 1]]);
    check(&[], 3, &[&[]]);
    check(&[0], 3, &[&[]]);
}

#[test]
fn a_heavy_server_is_in_more_answers() {
    check(&[2, 1, 0, 1], 2, &[&[0, 1], &[1, 0], &[3, 0], &[0, 3]]);
    // It cannot be in one answer twice: the others share what it leaves.
    check(&[1000, 1, 1], 3, &[&[0, 1, 2]]);
    let mut times = [0; 4];
    (0..13).for_each(|turn| named(&[10, 1, 1, 1], 2, turn).iter().for_each(|at| times[*at] += 1));
    assert_eq!(times[0], 13);
    assert!(times[1..].iter().all(|times| (3..=6).contains(times)), "{times:?}");
}

#[test]
fn an_answer_names_so_many_and_no_more() {
    assert_eq!(named(&[1; 40], 40, 39).len(), ANSWERS_MAX);
}

#[test]
fn each_is_named_as_often_as_its_weight_says() {
    for weights in [&[3, 1, 1, 1][..], &[2, 1, 1, 2], &[1; 6], &[5, 4, 3, 3]] {
        let total: u32 = weights.iter().sum();
        let mut times = BTreeMap::new();
        for turn in 0..total.into() {
            named(weights, 2, turn).into_iter().for_each(|at| *times.entry(at).or_insert(0) += 1);
        }
        let expect = weights.iter().map(|weight| 2 * weight).enumerate();
        // Half a turn may be rounded away.
        for (at, expect) in expect {
            assert!(
                times[&at] >= expect - total % 2 && times[&at] <= expect + total % 2,
                "{times:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nobody_is_named_twice_and_nobody_is_missing(
        weights in proptest::collection::vec(0u32..2_000, 0..40),
        count in 0usize..40,
        turn: u64,
    ) {
        let mut places = named(&weights, count, turn);
        let serving = weights.iter().filter(|weight| **weight > 0).count();
        prop_assert_eq!(places.len(), count.min(serving).min(ANSWERS_MAX));
        prop_assert!(places.iter().all(|place| weights[*place] > 0));
        let first = named(&weights, count.min(1), turn);
        prop_assert_eq!(places.first(), first.first());
        places.sort_unstable();
        places.dedup();
        prop_assert_eq!(places.len(), count.min(serving).min(ANSWERS_MAX));
    }
}
