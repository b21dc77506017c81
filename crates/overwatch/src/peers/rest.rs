//! How long what was told in vain is not told again: longer each time. Must never rest longer than its most.

use model::Time;

/// A pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    pub(super) since: Time,
    for_ms: u64,
}

impl Rest {
    /// The one that begins now: `least_ms` after the first time, then twice as long as the one before, up
    /// to `most_ms`.
    pub(super) fn after(before: Option<Self>, now: Time, (least_ms, most_ms): (u64, u64)) -> Self {
        let twice = |rest: Self| rest.for_ms.saturating_mul(2).min(most_ms);
        Self { since: now, for_ms: before.map_or(least_ms, twice) }
    }

    pub(super) fn is_over(self, now: Time) -> bool {
        now.ms_since(self.since) >= self.for_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_twice_as_long_as_the_one_before_up_to_the_most() {
        let at = |ms: u64| Time::from_unix_ms(1_766_138_700_000 + ms);
        let (mut rest, mut now) = (None, 0);
        for expect in [4_000, 8_000, 16_000, 20_000, 20_000] {
            let next = Rest::after(rest, at(now), (4_000, 20_000));
            assert!(!next.is_over(at(now + expect - 1)), "{expect}");
            now += expect;
            assert!(next.is_over(at(now)), "{expect}");
            rest = Some(next);
        }
        // A clock that goes back ends nothing.
        assert!(rest.is_some_and(|rest| !rest.is_over(at(0))));
    }
}
