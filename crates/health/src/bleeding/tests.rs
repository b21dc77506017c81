//! Shares over virtual time.

use super::*;
use proptest::prelude::*;

const START: Time = Time::from_unix_ms(1_766_138_700_000);

fn limits() -> Limits {
    let limit = |threshold| Limit { threshold, bleed_ms: 30_000 };
    [(Signal::Cpu, limit(90.0)), (Signal::Memory, limit(80.0))].into()
}

/// The share after each of these readings of the processors, ten seconds apart.
fn check(cpu: &[f64], expect: &[u16]) {
    let mut bleeding = Bleeding::default();
    let mut shares = Vec::new();
    for (nth, value) in (0u64..).zip(cpu) {
        let now = START.plus_ms(nth * 10_000);
        bleeding.read(&[(Signal::Cpu, *value)].into(), &limits(), now);
        shares.push(bleeding.share_permille());
    }
    assert_eq!(shares, expect, "{cpu:?}");
}

#[test]
fn a_share_goes_down_in_steps_and_comes_back_in_steps() {
    // A step each three seconds: at once, then as many as fit before the next reading.
    check(&[95.0; 6], &[1_000, 900, 600, 300, 0, 0]);
    check(&[95.0, 95.0, 95.0, 10.0, 10.0, 10.0, 10.0], &[1_000, 900, 600, 300, 400, 700, 1_000]);
}

#[test]
fn one_reading_is_chance() {
    check(&[99.0, 10.0, 99.0, 10.0, 99.0, 10.0], &[1_000; 6]);
    // On the way down, the first that is not over the limit stops it.
    check(&[95.0, 95.0, 95.0, 10.0, 95.0, 10.0, 95.0], &[1_000, 900, 600, 300, 300, 300, 300]);
}

#[test]
fn between_relief_and_limit_the_share_is_held() {
    check(&[95.0, 95.0, 85.0, 85.0, 85.0, 81.1], &[1_000, 900, 600, 600, 600, 600]);
    check(&[85.0; 5], &[1_000; 5]);
    check(&[95.0, 95.0, 85.0, 10.0, 10.0, 85.0, 85.0], &[1_000, 900, 600, 600, 700, 1_000, 1_000]);
}

#[test]
fn it_says_what_strains_most_until_it_is_whole() {
    let mut bleeding = Bleeding::default();
    let read = |bleeding: &mut Bleeding, cpu, memory, s: u64| {
        let values = [(Signal::Cpu, cpu), (Signal::Memory, memory), (Signal::Load, 99.0)].into();
        bleeding.read(&values, &limits(), START.plus_ms(s * 1_000))
    };
    assert!(!read(&mut bleeding, 91.0, 88.0, 0));
    assert_eq!((bleeding.strain(), bleeding.next_step()), (None, None));
    assert!(read(&mut bleeding, 91.0, 88.0, 10));
    let memory = Strain { signal: Signal::Memory, value: 88.0, threshold: 80.0 };
    assert_eq!(bleeding.strain(), Some(memory));
    assert_eq!(bleeding.next_step(), Some(START.plus_ms(13_000)));
    assert!(bleeding.advance(START.plus_ms(13_000)));
    assert!(!bleeding.advance(START.plus_ms(15_999)));
    assert!(read(&mut bleeding, 99.0, 88.0, 16) && bleeding.is_going_down());
    read(&mut bleeding, 1.0, 1.0, 17);
    assert!(bleeding.strain().is_some() && !bleeding.is_going_down());
    read(&mut bleeding, 1.0, 1.0, 18);
    assert!(bleeding.advance(START.plus_ms(60_000)));
    assert_eq!((bleeding.share_permille(), bleeding.strain()), (1_000, None));
    assert_eq!(bleeding.next_step(), None);
}

#[test]
fn without_a_reading_the_share_comes_back() {
    let mut bleeding = Bleeding::default();
    let over: BTreeMap<Signal, f64> = [(Signal::Cpu, 99.0)].into();
    for s in [0, 10, 20, 30, 40] {
        bleeding.read(&over, &limits(), START.plus_ms(s * 1_000));
    }
    assert_eq!(bleeding.share_permille(), 0);
    for s in [50, 60, 70, 80, 90] {
        let nothing: BTreeMap<Signal, f64> = [(Signal::Cpu, f64::NAN)].into();
        bleeding.read(&nothing, &limits(), START.plus_ms(s * 1_000));
    }
    assert_eq!(bleeding.share_permille(), 1_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever is read, a share moves by whole steps, never beyond its ends, and never faster than
    /// the limit says.
    #[test]
    fn a_share_never_jumps(readings in prop::collection::vec((0.0..120.0_f64, 100_u64..20_000), 1..80)) {
        let mut bleeding = Bleeding::default();
        let mut now = START;
        for (cpu, ms) in readings {
            let before = bleeding.share_permille();
            now = now.plus_ms(ms);
            bleeding.read(&[(Signal::Cpu, cpu)].into(), &limits(), now);
            let after = bleeding.share_permille();
            prop_assert!(after <= WHOLE_PERMILLE && after.is_multiple_of(STEP_PERMILLE));
            let steps = u64::from(before.abs_diff(after) / STEP_PERMILLE);
            prop_assert!(steps <= ms / 3_000 + 2, "{before} to {after} in {ms} ms");
            prop_assert!(after == WHOLE_PERMILLE || bleeding.strain().is_some());
        }
    }
}
