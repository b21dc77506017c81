//! How much traffic a cell has, as a share of all: the agents' counts, the newer the heavier.
//!
//! Instead of letting every old count shrink, new ones are counted larger and larger. So a sum over
//! millions of cells is kept by additions alone, and shares come out the same.

use model::Time;

/// After this long a connection counts half: a day's busy and quiet hours both show.
const HALF_LIFE_MS: u64 = 6 * 3_600_000;

/// Beyond this many half-lives everything is divided down again; a double has room for 1,023.
const HALF_LIVES_MAX: u64 = 512;

/// What a connection counts at each moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scale {
    start: Option<Time>,
}

impl Scale {
    /// What a connection that is counted now counts.
    ///
    /// Doubles with each half-life, in straight lines between: additions and products alone, so
    /// that every machine has the same numbers.
    pub(crate) fn of(&mut self, now: Time) -> f64 {
        let elapsed_ms = now.ms_since(*self.start.get_or_insert(now));
        let whole = (elapsed_ms / HALF_LIFE_MS).min(HALF_LIVES_MAX);
        let part = (elapsed_ms % HALF_LIFE_MS) as f64 / HALF_LIFE_MS as f64;
        (0..whole).fold(1.0 + part, |scale, _| scale * 2.0)
    }

    /// By how much all volumes must be divided before the next is added, if they must be.
    pub(crate) fn restart(&mut self, now: Time) -> Option<f64> {
        let start = self.start?;
        if now.ms_since(start) / HALF_LIFE_MS < HALF_LIVES_MAX {
            return None;
        }
        let divisor = self.of(now);
        self.start = Some(now);
        Some(divisor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_counts_half_after_its_half_life() {
        let mut scale = Scale::default();
        let start = Time::from_unix_ms(1_000_000);
        assert_eq!(scale.of(start), 1.0);
        assert_eq!(scale.of(start.plus_ms(HALF_LIFE_MS / 2)), 1.5);
        assert_eq!(scale.of(start.plus_ms(HALF_LIFE_MS)), 2.0);
        assert_eq!(scale.of(start.plus_ms(3 * HALF_LIFE_MS)), 8.0);
        assert_eq!(scale.restart(start.plus_ms(511 * HALF_LIFE_MS)), None);
        let late = start.plus_ms(512 * HALF_LIFE_MS);
        assert!(scale.restart(late).is_some_and(|divisor| divisor.is_finite() && divisor > 1e100));
        assert_eq!(scale.of(late), 1.0);
    }
}
