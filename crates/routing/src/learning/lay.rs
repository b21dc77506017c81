//! The map of all that was judged: every address to its cell's ranking. Judges nothing.

use std::sync::Arc;

use model::RangeMap;

use super::Learning;
use super::cells::{Cell, CellId};
use crate::ranking::RankingId;

impl Learning {
    /// The blocks of the cells' rankings: one walk over all ranges.
    pub(super) fn lay_blocks(&mut self) {
        self.forget_rankings();
        let chosen = &self.made.chosen;
        let ranking = |id: CellId| chosen.get(id as usize).copied().unwrap_or(RankingId::NONE);
        let blocks = self.cells.map.overlay(&RangeMap::filled(()), |cell, ()| ranking(cell));
        self.made.blocks = Arc::new(blocks);
    }

    /// Every cell's ranking anew: what geography says of those that nobody judged.
    pub(super) fn choose_all(&mut self) {
        let baseline = &self.baseline;
        let ranking =
            |cell: &Cell| cell.ranking.or_else(|| Some(baseline.get(cell.base)?.unlearned));
        let rankings = self.cells.list.iter().map(|cell| ranking(cell).unwrap_or(RankingId::NONE));
        self.made.chosen.clear();
        self.made.chosen.extend(rankings);
    }

    /// The blocks of a domain that learns nothing.
    pub(super) fn lay_unlearned(&mut self) {
        let baseline = &self.baseline;
        let blocks = baseline.map.overlay(&RangeMap::filled(()), |base, ()| {
            baseline.get(base).map_or(RankingId::NONE, |base| base.unlearned)
        });
        self.made.blocks = Arc::new(blocks);
        self.made.rankings = Arc::new(baseline.rankings.clone());
    }

    /// Drops rankings that no cell has any more, once they are the greater part.
    fn forget_rankings(&mut self) {
        /// So few are not worth looking through.
        const KEPT_MIN: usize = 1_024;
        if self.made.rankings.len() < 2 * self.made.rankings_used + KEPT_MIN {
            return;
        }
        self.keep_rankings();
    }

    pub(super) fn keep_rankings(&mut self) {
        let mut kept = self.baseline.rankings.clone();
        for cell in &mut self.cells.list {
            cell.ranking = cell.ranking.map(|id| kept.id_of(self.made.rankings.get(id)));
        }
        self.made.rankings_used = kept.len();
        self.made.rankings = Arc::new(kept);
        self.choose_all();
    }
}
