//! Whose turn it is to be looked at with nothing new: rows age, savings come in, neighbours learn. Knows
//! when, and which cells; judges none.

use model::Time;

use super::REFIT_EVERY_MS;
use super::cells::CellId;

/// What is done now and then.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rounds {
    /// When the last map was made.
    pub(super) compiled_at: Option<Time>,
    pub(super) refitted_at: Option<Time>,
    /// The next cell to be looked at without a reason.
    cursor: usize,
    /// Whether something else than rows changed since.
    pub(super) is_due: bool,
}

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

impl Rounds {
    /// Those of a domain that learns nothing, whose map was made now.
    pub(super) fn of(now: Time) -> Self {
        Self { compiled_at: Some(now), ..Self::default() }
    }

    /// The cells of `all` whose turn it is now.
    pub(super) fn next(&mut self, all: usize, now: Time) -> impl Iterator<Item = CellId> + use<> {
        let since_ms = self.compiled_at.map_or(ROUND_MS, |at| now.ms_since(at)).min(ROUND_MS);
        let part = (all as u64 * since_ms / ROUND_MS).min(LOOKS_PER_S_MAX * since_ms / 1_000);
        let count = usize::try_from(part).unwrap_or(all).max(LOOKED_AT_MIN).min(all);
        let first = if self.cursor < all { self.cursor } else { 0 };
        self.cursor = first + count;
        let turn = (first..first + count).map(move |at| if at < all { at } else { at - all });
        turn.filter_map(|id| CellId::try_from(id).ok())
    }
}
