//! The one clock of the process: the wall clock at start, and a monotonic clock on top of it.
//!
//! So time never goes back while the process lives, whatever NTP or an operator does to the wall
//! clock. The price: a wall clock that is set right later is only seen at the next start. Signing, which
//! cannot pay it, is told what the wall clock says (`wall`). Only this module reads a clock for the
//! pure crates.

use std::time::{Duration, Instant, SystemTime};

use model::Time;

/// The clock; a copy tells the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall_at_start: Time,
    started: Instant,
}

impl Clock {
    /// Reads the wall clock, once. One that stands before 1970 counts as 1970.
    #[must_use]
    pub fn start() -> Self {
        Self { wall_at_start: wall(), started: Instant::now() }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Time {
        self.wall_at_start.plus_ms(whole_ms(self.started.elapsed()))
    }

    /// The moment of the monotonic clock at which [`Clock::now`] reads `time`: what timers wait
    /// for. A time before the start is the start; one too far away to be told is a year from now.
    #[must_use]
    pub fn instant_at(&self, time: Time) -> Instant {
        const YEAR: Duration = Duration::from_secs(365 * 86_400);
        let since_start = Duration::from_millis(time.ms_since(self.wall_at_start));
        self.started.checked_add(since_start).unwrap_or_else(|| Instant::now() + YEAR)
    }
}

/// The wall clock as it stands: for signatures, and for log lines, which may be written before a
/// [`Clock`] is there.
pub(crate) fn wall() -> Time {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Time::from_unix_ms(since_epoch.map_or(0, whole_ms))
}

/// Whole milliseconds, the most there are where they do not fit.
fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_forward_from_the_wall_clock() {
        let before = wall();
        let clock = Clock::start();
        let (first, second) = (clock.now(), clock.now());
        assert!(before <= first && first <= second);
        assert!(second.ms_since(before) < 60_000);
    }

    #[test]
    fn moments_and_times_agree() {
        let clock = Clock::start();
        let later = clock.wall_at_start.plus_ms(5_000);
        assert_eq!(clock.instant_at(later), clock.started + Duration::from_secs(5));
        assert_eq!(clock.instant_at(Time::EPOCH), clock.started);
        assert!(clock.instant_at(Time::from_unix_ms(u64::MAX)) > clock.started);
    }
}
