//! The machine's clock beside the time that the process counts.
//!
//! What is signed goes by the machine's clock, as the world does: one that is set right after the start,
//! or slept with its machine, is followed at once. A clock that jumps was wrong before or is wrong
//! now, and nobody here can know which. So a jump is a fault for a while, for whoever watches; then
//! what the clock has said all the while is believed. Must never change the time of anything but
//! signing: what is learned, and who is alive, is counted without jumps.

use dnssec::{Correction, Fault, compare_clocks};
use model::Time;

/// A clock that differs by less, in milliseconds, was not set: it is read once a second, by a loop that
/// may be busy.
const SET_MIN_MS: u64 = 1_000;
/// For how long a jump is a fault, in milliseconds: ten minutes, so that whatever looks at health or
/// metrics has seen it. Beyond it nothing more would be known.
pub(super) const DOUBT_MS: u64 = 600_000;

/// What is known of the machine's clock. The default: it is the process's own.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// What it says.
    current: Correction,
    /// What it has said for long enough.
    believed: Correction,
    /// Since when, in the process's time, it says what it says.
    since: Time,
}

impl Clock {
    /// What makes the process's time into that of the machine.
    pub(crate) const fn correction(&self) -> Correction {
        self.current
    }

    /// The time that signing goes by.
    pub(crate) const fn time(&self, now: Time) -> Time {
        self.current.of(now)
    }

    /// The earlier of what it says and what it said before it was in doubt.
    pub(crate) fn earliest(&self, now: Time) -> Time {
        self.time(now).min(self.believed.of(now))
    }

    /// The machine's clock says `wall`. Whether it was set.
    pub(crate) fn read(&mut self, wall: Time, now: Time) -> bool {
        let expected = self.time(now);
        let is_set = expected.ms_since(wall).max(wall.ms_since(expected)) >= SET_MIN_MS;
        if is_set {
            (self.current, self.since) = (Correction::between(now, wall), now);
        }
        if self.fault(now).is_none() || now.ms_since(self.since) >= DOUBT_MS {
            self.trust();
        }
        is_set
    }

    /// Believes it: something else says that it is right.
    pub(crate) const fn trust(&mut self) {
        self.believed = self.current;
    }

    /// What is wrong with it.
    pub(crate) fn fault(&self, now: Time) -> Option<Fault> {
        compare_clocks(self.believed.of(now), self.time(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_unix_ms(1_766_138_700_000);
    const HOUR_MS: u64 = 3_600_000;

    fn name(clock: &Clock, now: Time) -> Option<&'static str> {
        clock.fault(now).map(|fault| fault.name())
    }

    #[test]
    fn a_clock_that_is_read_late_was_not_set() {
        let mut clock = Clock::default();
        assert!(!clock.read(START.plus_ms(SET_MIN_MS - 1), START));
        assert_eq!((clock.time(START), name(&clock, START)), (START, None));
    }

    #[test]
    fn a_small_step_is_followed_and_no_fault() {
        let mut clock = Clock::default();
        let wall = START.minus_ms(HOUR_MS / 2);
        assert!(clock.read(wall, START));
        assert!(!clock.read(wall.plus_ms(5_000), START.plus_ms(5_000)));
        assert_eq!((clock.time(START), name(&clock, START)), (wall, None));
    }

    #[test]
    fn a_jump_is_followed_at_once_and_a_fault_for_a_while() {
        for (wall, expect) in [
            (START.plus_ms(2 * HOUR_MS), "clock_wrong"),
            (START.minus_ms(2 * HOUR_MS), "clock_wrong"),
            (START.plus_ms(9 * 24 * HOUR_MS), "signatures_invalid"),
            (Time::from_unix_ms(5), "signatures_invalid"),
        ] {
            let mut clock = Clock::default();
            assert!(clock.read(wall, START));
            assert_eq!((clock.time(START), name(&clock, START)), (wall, Some(expect)));
            let mut later = |ms| {
                let now = START.plus_ms(ms);
                assert!(!clock.read(wall.plus_ms(ms), now));
                (clock.time(now), name(&clock, now))
            };
            assert_eq!(later(DOUBT_MS - 1), (wall.plus_ms(DOUBT_MS - 1), Some(expect)));
            assert_eq!(later(DOUBT_MS), (wall.plus_ms(DOUBT_MS), None));
        }
    }

    #[test]
    fn a_clock_that_is_set_back_is_well_again() {
        let mut clock = Clock::default();
        assert!(clock.read(START.plus_ms(9 * 24 * HOUR_MS), START));
        assert!(clock.read(START.plus_ms(1_000), START.plus_ms(1_000)));
        assert_eq!(name(&clock, START.plus_ms(1_000)), None);
    }
}
