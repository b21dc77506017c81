//! Whose turn it is to be looked at with nothing new: rows age, savings come in, neighbours learn. Knows
//! when, and which cells; judges none.

use model::Time;

use super::REFIT_EVERY_MS;
use super::cells::CellId;

/// What is done now and then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounds {
    /// At most so many cells are judged for one map: [`JUDGED_MAX`].
    pub(super) judged_max: usize,
    /// When the last map was made.
    pub(super) compiled_at: Option<Time>,
    pub(super) refitted_at: Option<Time>,
    /// The next cell to be looked at without a reason.
    cursor: usize,
    /// Whether what may be tried changed since: the next map says so, whoever is judged for it.
    pub(super) is_switched: bool,
    /// Cells that wait for no round, since what all are judged by is another: as many as are left.
    hurried: usize,
}

/// At most so many cells are judged at once, half a second's work: events wait for it. After a restart
/// a large table comes back at once; the rest has its turn in the next rounds, one a second, and
/// geography's order until then. So has the rest where an operator changes what all are judged by.
const JUDGED_MAX: usize = 65_536;

/// Within this time every cell is looked at, whether or not their own rows changed: what is known of
/// its neighbours moves slowly, as what all rows have in common does. A cell with clients has rows
/// that change, and does not wait. Of a large table the round takes longer ([`LOOKS_PER_S_MAX`]).
pub(super) const ROUND_MS: u64 = REFIT_EVERY_MS;

/// At most so many cells a second are looked at without a reason of their own, a hundredth of a
/// core: looking must cost next to nothing beside answering. A million learned networks make a
/// round of a quarter of an hour.
const LOOKS_PER_S_MAX: u64 = 2_048;

/// At least so many cells are looked at for each map: it takes less than a millisecond.
const LOOKED_AT_MIN: usize = 256;

/// A map of so many ranges waits a millisecond more for the next: making one takes a tenth of that.
const RANGES_PER_MS: u64 = 1_000;

/// The same where the next has nothing but rows to wait for: so many milliseconds for a range. A map
/// costs up to 200 ns a range, new networks included, however few rows changed; so this is a
/// twenty-thousandth of a core.
const ROWS_PAUSE_MS_PER_RANGE: u64 = 4;

/// But rows wait no longer than this for a map that is made faster: agents tell of them every half
/// minute, and as long again at most makes no decision a worse one.
const ROWS_PAUSE_MS_MAX: u64 = 20_000;

impl Rounds {
    /// Those of a domain that learns nothing, whose map was made now.
    pub(super) fn of(now: Time) -> Self {
        Self { compiled_at: Some(now), ..Self::default() }
    }

    /// All of so many cells are looked at as soon as can be.
    pub(super) const fn hurry(&mut self, all: usize) {
        self.hurried = all;
    }

    /// Whether some of them are left.
    pub(super) const fn is_hurried(&self) -> bool {
        self.hurried > 0
    }

    /// The cells of `all` whose turn it is now, beside so many that are judged anyway.
    pub(super) fn next(
        &mut self,
        all: usize,
        judged: usize,
        now: Time,
    ) -> impl Iterator<Item = CellId> + use<> {
        let since_ms = self.compiled_at.map_or(ROUND_MS, |at| now.ms_since(at)).min(ROUND_MS);
        let part = (all as u64 * since_ms / ROUND_MS).min(LOOKS_PER_S_MAX * since_ms / 1_000);
        let count = usize::try_from(part).unwrap_or(all).max(LOOKED_AT_MIN).max(self.hurried);
        let count = count.min(self.judged_max.saturating_sub(judged)).min(all);
        self.hurried = self.hurried.min(all).saturating_sub(count);
        let first = if self.cursor < all { self.cursor } else { 0 };
        // Where the round begins anew in the midst of a turn, the next goes on behind that turn.
        self.cursor = (first + count).checked_rem(all).unwrap_or(0);
        let turn = (first..first + count).map(move |at| if at < all { at } else { at - all });
        turn.filter_map(|id| CellId::try_from(id).ok())
    }
}

impl Default for Rounds {
    fn default() -> Self {
        Self {
            judged_max: JUDGED_MAX,
            compiled_at: None,
            refitted_at: None,
            cursor: 0,
            is_switched: false,
            hurried: 0,
        }
    }
}

/// How long after a map of so many ranges the next is made, in milliseconds: for what is left of that
/// one, and for rows that changed since.
pub(super) fn pauses_ms(ranges: usize) -> (u64, u64) {
    let ranges = ranges as u64;
    let pause_ms = ranges / RANGES_PER_MS;
    (pause_ms, (ranges * ROWS_PAUSE_MS_PER_RANGE).min(ROWS_PAUSE_MS_MAX).max(pause_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::NOW;

    /// How often each of `all` cells is looked at in so many maps, one every `step_ms`.
    fn looks(all: usize, maps: u64, step_ms: u64) -> Vec<u32> {
        let mut rounds = Rounds::of(NOW);
        let mut looks = vec![0; all];
        for map in 1..=maps {
            let now = NOW.plus_ms(map * step_ms);
            rounds.next(all, 0, now).for_each(|cell| looks[cell as usize] += 1);
            rounds.compiled_at = Some(now);
        }
        looks
    }

    #[test]
    fn every_cell_has_its_turn_before_any_has_two() {
        // A turn is as large as it must be at least, and no divisor of all.
        assert_eq!(looks(1_000, 1_000, 1_000), vec![256; 1_000]);
        // A round of 60 turns.
        assert_eq!(looks(60_000, 60, 5_000), vec![1; 60_000]);
        // Of a large table no more than is looked at in a second.
        assert_eq!(looks(1 << 20, 512, 1_000), vec![1; 1 << 20]);
        // Few are looked at each time, and of none nobody.
        assert_eq!(looks(3, 7, 1_000), [7, 7, 7]);
        assert_eq!(looks(0, 7, 1_000), [0; 0]);
    }

    #[test]
    fn a_round_in_a_hurry_goes_on_until_all_are_judged_and_never_judges_more_at_once() {
        let all = 700_000;
        let mut rounds = Rounds::of(NOW);
        let (mut looks, mut maps) = (vec![0; all], 0);
        rounds.hurry(all);
        while rounds.is_hurried() {
            let judged = maps % 2 * 30_000;
            let turn: Vec<CellId> = rounds.next(all, judged, NOW).collect();
            assert_eq!(turn.len(), (JUDGED_MAX - judged).min(all - looks.iter().sum::<usize>()));
            turn.into_iter().for_each(|cell| looks[cell as usize] += 1);
            maps += 1;
            assert!(maps < 20);
        }
        assert_eq!(looks, vec![1; all]);
        // Whoever is judged for a reason of his own may leave no room, and nothing is lost.
        rounds.hurry(3);
        assert_eq!(rounds.next(all, JUDGED_MAX + 1, NOW).count(), 0);
        assert!(rounds.is_hurried());
        // The first map of a large table is no other.
        assert_eq!(Rounds::default().next(all, 0, NOW).count(), JUDGED_MAX);
    }

    #[test]
    fn the_larger_a_map_is_the_longer_the_next_waits() {
        let check = |ranges, pauses| assert_eq!(pauses_ms(ranges), pauses, "{ranges}");
        check(4, (0, 16));
        check(1_000, (1, 4_000));
        check(25_000, (25, 20_000));
        check(1_000_000, (1_000, 20_000));
        check(30_000_000, (30_000, 30_000));
    }
}
