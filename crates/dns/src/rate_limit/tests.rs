//! Limits as an operator sees them, and the table against a map that forgets nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::name::NameBuf;

const SEED: [u8; 16] = [7; 16];

fn limits(rate: u32) -> RateLimits {
    let rate = NonZeroU32::new(rate);
    RateLimits {
        answers_per_s: rate,
        no_names_per_s: rate,
        referrals_per_s: rate,
        errors_per_s: rate,
        window_s: NonZeroU32::new(15).unwrap(),
        slip: NonZeroU32::new(2),
        widths: SubnetWidths { ipv4: 24, ipv6: 56 },
        exempt: Vec::new(),
        buckets: 1 << 12,
    }
}

fn name(text: &str) -> NameBuf {
    text.parse().unwrap()
}

fn at(ms: u64) -> Time {
    Time::from_unix_ms(1_700_000_000_000 + ms)
}

/// Asks for `app.example` as often as told within one millisecond.
fn ask(limiter: &mut RateLimiter, client: &str, times: u32, ms: u64) -> RateCounters {
    let before = limiter.counters();
    let app = name("app.example");
    for _ in 0..times {
        let account = Account::Answer(app.as_name());
        limiter.check(client.parse().unwrap(), CookieStanding::None, account, at(ms));
    }
    let after = limiter.counters();
    RateCounters {
        answered: after.answered - before.answered,
        truncated: after.truncated - before.truncated,
        dropped: after.dropped - before.dropped,
        exempt: after.exempt - before.exempt,
    }
}

fn counted(answered: u64, truncated: u64, dropped: u64) -> RateCounters {
    RateCounters { answered, truncated, dropped, exempt: 0 }
}

#[test]
fn a_flood_gets_one_seconds_answers_and_then_slips() {
    let mut limiter = RateLimiter::new(limits(5), SEED);
    assert_eq!(ask(&mut limiter, "192.0.2.1", 25, 0), counted(5, 10, 10));
    // A flood that goes on gets no answer at all: what a second gives is owed already.
    for second in 1..60 {
        assert_eq!(ask(&mut limiter, "192.0.2.1", 100, second * 1000), counted(0, 50, 50));
    }
}

#[test]
fn the_deepest_debt_is_gone_after_the_window() {
    let mut limiter = RateLimiter::new(limits(5), SEED);
    ask(&mut limiter, "192.0.2.1", 10_000, 0);
    // 75 are owed at most: after 15 seconds none is, and 200 ms give one.
    assert_eq!(ask(&mut limiter, "192.0.2.1", 1, 15_000 - 1).answered, 0);
    assert_eq!(ask(&mut limiter, "192.0.2.1", 1, 15_000 + 400).answered, 1);
    assert_eq!(ask(&mut limiter, "192.0.2.1", 9, 60_000).answered, 5);
}

#[test]
fn who_stays_within_the_rate_is_never_limited() {
    let mut limiter = RateLimiter::new(limits(5), SEED);
    for round in 0..1000 {
        assert_eq!(ask(&mut limiter, "192.0.2.1", 1, round * 200), counted(1, 0, 0));
    }
}

#[test]
fn networks_are_counted_apart_and_their_addresses_together() {
    let mut limiter = RateLimiter::new(limits(5), SEED);
    for (client, answered) in [
        ("192.0.2.1", 5),
        ("192.0.2.200", 0),
        ("192.0.3.1", 5),
        ("2001:db8:0:1200::1", 5),
        ("2001:db8:0:12ff::9", 0),
        ("2001:db8:0:1300::1", 5),
    ] {
        assert_eq!(ask(&mut limiter, client, 5, 0).answered, answered, "{client}");
    }
}

#[test]
fn accounts_are_counted_apart() {
    let names = [name("app.example"), name("APP.example"), name("web.example")];
    let [app, app_in_capitals, web] = names.each_ref().map(NameBuf::as_name);
    let mut limiter = RateLimiter::new(limits(1), SEED);
    for (account, expect) in [
        (Account::Answer(app), Verdict::Answer),
        (Account::Answer(app), Verdict::Drop),
        (Account::Answer(app_in_capitals), Verdict::Truncate),
        (Account::Answer(web), Verdict::Answer),
        (Account::NoName(app), Verdict::Answer),
        (Account::Referral(app), Verdict::Answer),
        (Account::Error, Verdict::Answer),
        (Account::Error, Verdict::Drop),
    ] {
        let client = "192.0.2.1".parse().unwrap();
        let verdict = limiter.check(client, CookieStanding::Bad, account, at(0));
        assert_eq!(verdict, expect, "{account:?}");
    }
}

#[test]
fn what_has_no_rate_or_proves_itself_is_not_limited() {
    let app = name("app.example");
    let client = "192.0.2.1".parse().unwrap();
    let app = Account::Answer(app.as_name());
    let exempt = vec!["192.0.2.0/25".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    for (limits, cookie, account, expect) in [
        (limits(1), CookieStanding::Good, app, 0),
        (limits(1), CookieStanding::ClientOnly, app, 9),
        (RateLimits { exempt, ..limits(1) }, CookieStanding::None, app, 0),
        (RateLimits { errors_per_s: None, ..limits(1) }, CookieStanding::None, Account::Error, 0),
        (RateLimits { errors_per_s: None, ..limits(1) }, CookieStanding::None, app, 9),
    ] {
        let mut limiter = RateLimiter::new(limits, SEED);
        for _ in 0..10 {
            limiter.check(client, cookie, account, at(0));
        }
        let counters = limiter.counters();
        assert_eq!(counters.truncated + counters.dropped, expect, "{cookie:?} {account:?}");
        assert_eq!(counters.exempt, if expect == 0 { 10 } else { 0 });
    }
}

#[test]
fn a_slip_of_one_cuts_all_and_none_keeps_all_back() {
    for (slip, truncated, dropped) in [(None, 0, 12), (Some(1), 12, 0), (Some(3), 4, 8)] {
        let slip = slip.and_then(NonZeroU32::new);
        let mut limiter = RateLimiter::new(RateLimits { slip, ..limits(1) }, SEED);
        assert_eq!(ask(&mut limiter, "192.0.2.1", 13, 0), counted(1, truncated, dropped));
    }
}

#[test]
fn a_share_is_rounded_up() {
    let whole = RateLimits { errors_per_s: None, ..limits(20) };
    let share = whole.share_of(NonZeroU32::new(8).unwrap());
    assert_eq!((share.answers_per_s, share.errors_per_s), (NonZeroU32::new(3), None));
    assert_eq!(share.buckets, whole.buckets);
}

/// Settings at their ends: nothing overflows, and a second's worth is answered.
#[test]
fn extreme_limits_hold() {
    for rate in [1, 1_000_000, u32::MAX] {
        for buckets in [0, 1, 4, 5] {
            let window_s = NonZeroU32::MAX;
            let limits = RateLimits { window_s, buckets, ..limits(rate) };
            let mut limiter = RateLimiter::new(limits, SEED);
            let expect = u64::from(rate.min(20));
            assert_eq!(ask(&mut limiter, "192.0.2.1", 20, 0).answered, expect);
            assert_eq!(ask(&mut limiter, "192.0.2.1", 20, u64::MAX / 2).answered > 0, rate > 1);
        }
    }
}

/// A clock that goes back gives nothing and takes nothing; the next second counts again.
#[test]
fn a_clock_that_goes_back_is_survived() {
    let mut limiter = RateLimiter::new(limits(5), SEED);
    assert_eq!(ask(&mut limiter, "192.0.2.1", 5, 10_000).answered, 5);
    assert_eq!(ask(&mut limiter, "192.0.2.1", 1, 0).answered, 0);
    assert_eq!(ask(&mut limiter, "192.0.2.1", 5, 2_000).answered, 5);
}

/// Others do not make a small table forget a flood: its bucket is never the one left alone longest.
#[test]
fn many_names_do_not_wash_a_flood_away() {
    let mut limiter = RateLimiter::new(RateLimits { buckets: 64, ..limits(5) }, SEED);
    let mut answered = 0;
    for round in 0..20_000_u32 {
        // Sixteen sets: in each round fewer than four others come into the flood's own, mostly.
        for other in 0..8 {
            let client = IpAddr::from((round * 8 + other).to_be_bytes());
            let account = Account::Error;
            limiter.check(client, CookieStanding::None, account, at(u64::from(round)));
        }
        answered += ask(&mut limiter, "192.0.2.1", 1, u64::from(round)).answered;
    }
    // In 20 seconds 5 a second are 100; without the table's order it would be nearly all.
    assert!(answered < 300, "{answered}");
}

/// One step of a random run.
#[derive(Clone, Debug)]
struct Step {
    client: [u8; 4],
    kind: u8,
    name: usize,
    pause_ms: u64,
}

fn any_step() -> impl Strategy<Value = Step> {
    let pause = prop_oneof![5 => Just(0), 3 => 0..400_u64, 1 => 0..40_000_u64];
    (0..3_u8, 0..4_u8, 0..2_usize, pause).prop_map(|(client, kind, name, pause_ms)| Step {
        client: [192, 0, client, 1],
        kind,
        name,
        pause_ms,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// A table with room for all accounts does what a map does that forgets nothing.
    #[test]
    fn the_table_is_a_map_while_it_has_room(
        steps in prop::collection::vec(any_step(), 1..400),
        (rate, window_s) in (1..20_u32, 1..20_u32),
        (slip, seed) in (0..4_u32, any::<[u8; 16]>()),
    ) {
        let names = [name("a.example"), name("b.example")];
        let window = NonZeroU32::new(window_s).unwrap();
        let slip_after = NonZeroU32::new(slip);
        let limits = RateLimits { window_s: window, slip: slip_after, ..limits(rate) };
        let mut limiter = RateLimiter::new(limits, seed);
        // Saved or owed, in thousandths, when, and how many were limited.
        let mut map: BTreeMap<_, (i64, u64, u32)> = BTreeMap::new();
        let mut ms = 0;
        for Step { client, kind, name, pause_ms } in steps {
            ms += pause_ms;
            let asked = names[name].as_name();
            let (account, name) = match kind {
                0 => (Account::Answer(asked), name),
                1 => (Account::NoName(asked), name),
                2 => (Account::Referral(asked), name),
                _ => (Account::Error, 0),
            };
            let full = i64::from(rate) * 1000;
            let (balance, since, limited) =
                map.entry((client, kind, name)).or_insert((full, ms, 0));
            let earned = i64::try_from(ms - *since).unwrap() * i64::from(rate);
            let left = (*balance + earned).min(full) - 1000;
            *balance = left.max(-i64::from(window_s) * full);
            *since = ms;
            *limited += u32::from(left < 0);
            let expect = match (left < 0, slip) {
                (false, _) => Verdict::Answer,
                (true, 0) => Verdict::Drop,
                (true, slip) if *limited % slip == 0 => Verdict::Truncate,
                (true, _) => Verdict::Drop,
            };
            let verdict = limiter.check(client.into(), CookieStanding::None, account, at(ms));
            prop_assert_eq!(verdict, expect);
        }
    }
}
