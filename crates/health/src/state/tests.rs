//! Sequences of results and the verdicts they make.

use super::*;
use crate::outcome::Phase;

const THRESHOLDS: Thresholds = Thresholds { failure: 3, success: 2 };

/// `results` is one letter a check, `+` or `-`; `expect` the verdict after each, as `u`p, `d`own.
fn check(thresholds: Thresholds, start: CheckStatus, results: &str, expect: &str) {
    let mut state = CheckState::resumed(thresholds, 0.3, start);
    let mut verdicts = String::new();
    for (index, result) in results.chars().enumerate() {
        let outcome = match result {
            '+' => Outcome::Pass { connect: Rtt::from_us(1_000).unwrap() },
            _ => Outcome::Fail(FailReason::TimedOut(Phase::Connect)),
        };
        let before = state.status();
        let transition = state.record(outcome, Time::from_unix_ms(index as u64));
        let changed = Transition { from: before, to: state.status() };
        assert_eq!(transition, (before != state.status()).then_some(changed), "{results}");
        verdicts.push(match state.status() {
            CheckStatus::Unknown => '?',
            CheckStatus::Up => 'u',
            CheckStatus::Down => 'd',
        });
    }
    assert_eq!(verdicts, expect, "{results} from {start:?}");
}

#[test]
fn the_first_result_of_an_unknown_backend_decides_at_once() {
    check(THRESHOLDS, CheckStatus::Unknown, "+", "u");
    check(THRESHOLDS, CheckStatus::Unknown, "-", "d");
    check(THRESHOLDS, CheckStatus::Unknown, "-++", "ddu");
    check(THRESHOLDS, CheckStatus::Unknown, "+---", "uuud");
}

#[test]
fn later_results_need_their_number_in_a_row() {
    check(THRESHOLDS, CheckStatus::Up, "--+--+---", "uuuuuuuud");
    check(THRESHOLDS, CheckStatus::Down, "+-+-++", "dddddu");
    check(Thresholds { failure: 1, success: 1 }, CheckStatus::Up, "-+-", "dud");
}

#[test]
fn a_remembered_verdict_is_a_verdict() {
    check(THRESHOLDS, CheckStatus::Up, "---", "uud");
    check(THRESHOLDS, CheckStatus::Down, "++", "du");
}

#[test]
fn a_threshold_of_zero_counts_as_one() {
    check(Thresholds { failure: 0, success: 0 }, CheckStatus::Up, "-+", "du");
}

#[test]
fn the_last_error_and_the_times_stay_readable() {
    let mut state = CheckState::new(THRESHOLDS, 0.5);
    assert_eq!((state.connect_rtt(), state.last_error(), state.last_checked()), (None, None, None));
    let at = Time::from_unix_ms;
    let pass = |us| Outcome::Pass { connect: Rtt::from_us(us).unwrap() };
    state.record(pass(1_000), at(1));
    state.record(Outcome::Fail(FailReason::Status(503)), at(2));
    assert_eq!((state.passes, state.failures), (0, 1));
    state.record(pass(3_000), at(3));
    assert_eq!((state.passes, state.failures), (1, 0));
    assert_eq!(state.last_error(), Some(&FailReason::Status(503)));
    assert_eq!((state.last_checked(), state.last_passed()), (Some(at(3)), Some(at(3))));
    assert_eq!(state.connect_rtt().map(Rtt::us), Some(2_000));
    assert_eq!(state.connect.samples(), 2, "a failure has no connect time");
}
