//! What a network's time was for long: against it a row that falls is seen. Judges one row; what
//! many rows mean together is for [`held`](super::held).
//!
//! See `docs/decisions/0038-an-agent-is-held.md`.

use model::{Rtt, Time};

/// For so long a network must have been known before a fall of its row is one: younger rows are
/// still finding their value, and an agent that just started is believed.
const SETTLED_MS: u64 = 6 * 3_600_000;

/// Upwards the memory follows within about a day, so that the end of an outage of some hours, when
/// all times fall back to what they were, is no fall.
const UPWARDS_MS: u64 = 24 * 3_600_000;

/// Downwards it follows within hours: what fell and was believed is then what is usual.
pub(super) const DOWNWARDS_MS: u64 = 6 * 3_600_000;

/// Parts of a hundred of the usual time below which a row waits before it counts. A change of less
/// is everyday noise, and moves little.
const WAITS_PERCENT: u64 = 90;

/// The same below which the fall is deep: over 30 %, more than noise does to many networks at once.
const DEEP_PERCENT: u64 = 70;

/// A row that had fallen is back at this part of the usual time.
const BACK_PERCENT: u64 = 80;

/// A fall by less is none, whatever its part: under a millisecond moves nobody.
const FALL_US: u64 = 1_000;

/// The usual time of one network from one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    /// Microseconds.
    pub(super) usual_us: u32,
    /// Since when the network is known; later where an operator said that what is new counts.
    pub(crate) since: Time,
    /// Whether a deep fall was believed: the next is measured from where it led to.
    pub(super) is_fallen: bool,
}

/// What to do with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fall {
    /// It counts.
    None,
    /// It waits.
    Slight,
    /// It waits, and counts against its agent.
    Deep,
}

impl Level {
    /// Of a network that is new.
    pub(crate) const fn new(rtt: Rtt, now: Time) -> Self {
        Self { usual_us: rtt.us(), since: now, is_fallen: false }
    }

    /// Whether it says anything yet.
    pub(crate) const fn is_settled(&self, now: Time) -> bool {
        now.ms_since(self.since) >= SETTLED_MS
    }

    /// Whether a deep fall was believed that is not usual yet.
    pub(super) const fn is_fallen(&self) -> bool {
        self.is_fallen
    }

    /// How `told` compares with what is usual; `present` is the time that counts now.
    pub(crate) fn fall(&self, told: Rtt, present: Rtt, now: Time) -> Fall {
        let usual_us = if self.is_fallen { self.usual_us.min(present.us()) } else { self.usual_us };
        let (told, usual) = (u64::from(told.us()), u64::from(usual_us));
        if !self.is_settled(now) || told + FALL_US > usual || is_within(told, usual, WAITS_PERCENT)
        {
            Fall::None
        } else if is_within(told, usual, DEEP_PERCENT) {
            Fall::Slight
        } else {
            Fall::Deep
        }
    }

    /// A time counts from now on, so long after the last.
    ///
    /// Products and quotients of whole numbers: every machine has the same.
    pub(crate) fn follow(&mut self, rtt: Rtt, elapsed_ms: u64) {
        let (told, usual) = (u64::from(rtt.us()), u64::from(self.usual_us));
        let pace_ms = if told > usual { UPWARDS_MS } else { DOWNWARDS_MS };
        let elapsed_ms = elapsed_ms.min(UPWARDS_MS);
        let whole =
            u128::from(usual) * u128::from(pace_ms) + u128::from(told) * u128::from(elapsed_ms);
        let next = whole / u128::from(pace_ms + elapsed_ms);
        // Between the two, so it fits.
        self.usual_us = u32::try_from(next).unwrap_or(self.usual_us);
        self.is_fallen &= !is_within(told, u64::from(self.usual_us), BACK_PERCENT);
    }

    /// A row that waited counts now: where it fell deep, the next fall begins there.
    pub(crate) fn believe(&mut self, rtt: Rtt) {
        let is_deep = !is_within(rtt.us().into(), self.usual_us.into(), DEEP_PERCENT);
        self.is_fallen |= is_deep;
    }
}

/// Whether a time is at least so many hundredths of what is usual.
const fn is_within(told: u64, usual: u64, percent: u64) -> bool {
    told * 100 >= usual * percent
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    fn rtt(us: u64) -> Rtt {
        Rtt::from_us(us).unwrap()
    }

    fn at(hour: u64) -> Time {
        Time::from_unix_ms(hour * HOUR_MS)
    }

    #[test]
    fn a_fall_is_measured_from_what_is_usual() {
        let level = Level::new(rtt(80_000), at(0));
        for (told, hour, expect) in [
            (80_000, 24, Fall::None),
            (72_000, 24, Fall::None),
            (71_999, 24, Fall::Slight),
            (56_000, 24, Fall::Slight),
            (55_999, 24, Fall::Deep),
            (1_000, 24, Fall::Deep),
            (1_000, 5, Fall::None),
            (200_000, 24, Fall::None),
        ] {
            assert_eq!(level.fall(rtt(told), rtt(80_000), at(hour)), expect, "{told}");
        }
        // On the same wire nothing is a fall.
        assert_eq!(Level::new(rtt(900), at(0)).fall(rtt(10), rtt(900), at(24)), Fall::None);
    }

    #[test]
    fn the_end_of_an_outage_is_no_fall_and_a_slow_lie_is_learned() {
        let mut level = Level::new(rtt(80_000), at(0));
        (0..12 * 60).for_each(|_| level.follow(rtt(110_000), HOUR_MS / 60));
        assert!(level.fall(rtt(80_000), rtt(110_000), at(36)) != Fall::Deep, "{level:?}");
        (0..24 * 60).for_each(|_| level.follow(rtt(40_000), HOUR_MS / 60));
        assert_eq!(level.fall(rtt(40_000), rtt(40_000), at(60)), Fall::None, "{level:?}");
    }

    #[test]
    fn a_deep_fall_counts_once_and_the_next_begins_there() {
        let mut level = Level::new(rtt(80_000), at(0));
        level.believe(rtt(50_000));
        assert_eq!(level.fall(rtt(49_000), rtt(50_000), at(24)), Fall::None);
        assert_eq!(level.fall(rtt(30_000), rtt(50_000), at(24)), Fall::Deep);
        level.follow(rtt(79_000), 60_000);
        assert_eq!(level.fall(rtt(49_000), rtt(79_000), at(24)), Fall::Deep, "it was back");
        // Two steps, each too small to be deep, are deep together.
        let mut level = Level::new(rtt(80_000), at(0));
        level.believe(rtt(58_000));
        assert_eq!(level.fall(rtt(42_000), rtt(58_000), at(24)), Fall::Deep);
    }
}
