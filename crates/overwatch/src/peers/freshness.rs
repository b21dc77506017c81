//! Whether rows that an agent told here are still to be held back from another overwatch: mostly the agent
//! tells that one too, and a moment later they need not travel twice.
//!
//! Goes by how far the other one is, not by how lately the agent told something: one that tells rows
//! without a pause is told on all the same.

use latency::Position;
use model::Time;

/// Rows that an agent told less than this ago are not told on yet to who has those before.
const HOLD_BACK_MS: u64 = 1_000;

/// When an agent told how much. Two marks stand for all that it ever told.
#[derive(Clone, Debug)]
pub(super) struct Freshness {
    told_at: Time,
    /// Told at least [`HOLD_BACK_MS`] ago.
    settled: Option<Position>,
    /// Told since; settles next.
    settling: Option<(Time, Position)>,
}

impl Freshness {
    /// An agent came and told nothing yet.
    pub(super) const fn new(now: Time) -> Self {
        Self { told_at: now, settled: None, settling: None }
    }

    /// It told rows up to here.
    pub(super) fn told(&mut self, through: Position, now: Time) {
        self.told_at = now;
        match self.settling {
            Some((at, _)) if now.ms_since(at) < HOLD_BACK_MS => {}
            before => {
                self.settled = before.map(|(_, settled)| settled).or(self.settled);
                self.settling = Some((now, through));
            }
        }
    }

    /// Whether another overwatch that has rows up to `has` is to wait: it lacks none but those that were
    /// told just now.
    pub(super) fn holds_back(&self, has: Option<Position>, now: Time) -> bool {
        if now.ms_since(self.told_at) >= HOLD_BACK_MS {
            return false;
        }
        let settling = self.settling.filter(|(at, _)| now.ms_since(*at) >= HOLD_BACK_MS);
        has >= settling.map(|(_, settled)| settled).or(self.settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_unix_ms(1_766_138_700_000);

    fn at(sequence: u64) -> Position {
        Position { epoch: 1, sequence }
    }

    /// An agent tells rows every `every_ms`, one number each, for ten seconds; another overwatch hears so
    /// many of the last ones too late or not at all. Whether it is told then.
    fn check(every_ms: u64, misses: u64, expect: bool) {
        let mut rows = Freshness::new(START);
        let count = 10_000 / every_ms;
        for number in 1..=count {
            rows.told(at(number), START.plus_ms(number * every_ms));
        }
        let now = START.plus_ms(count * every_ms + 10);
        let is_told = !rows.holds_back(Some(at(count - misses)), now);
        assert_eq!(is_told, expect, "every {every_ms} ms, {misses} missed");
    }

    #[test]
    fn only_what_was_told_just_now_is_held_back() {
        check(100, 1, false);
        check(100, 30, true);
        check(100, 99, true);
        check(500, 1, false);
        check(500, 5, true);
        check(5_000, 1, false);
        check(5_000, 2, true);
    }

    #[test]
    fn who_tells_no_more_is_told_on() {
        let mut rows = Freshness::new(START);
        (1..=9).for_each(|number| rows.told(at(number), START.plus_ms(number * 100)));
        assert!(rows.holds_back(Some(at(8)), START.plus_ms(1_850)));
        assert!(!rows.holds_back(Some(at(8)), START.plus_ms(1_900)));
        assert!(!rows.holds_back(None, START.plus_ms(1_900)));
    }
}
