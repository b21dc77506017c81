//! Which reports told the rows of a store, each by a small number. Where there are too many of them,
//! some count as one: as the last of them, so that whoever is told what came after a position hears
//! some rows twice and misses none.

use std::collections::BTreeMap;

use super::super::Position;
use super::super::row::TELLINGS_MAX;

/// Past so many it is time to make some one.
const CROWDED: usize = TELLINGS_MAX / 4 * 3;

/// Tellings that are made one have so many rows together at most: what fits one report.
const TOGETHER_ROWS_MAX: usize = 16_384;

/// Tellings by number, and numbers by telling.
#[derive(Clone, Debug, Default)]
pub(super) struct Tellings {
    list: Vec<Position>,
    numbers: BTreeMap<Position, u16>,
}

impl Tellings {
    /// None yet.
    pub(super) const NONE: Self = Self { list: Vec::new(), numbers: BTreeMap::new() };

    /// All of them, in the order of their numbers.
    pub(super) fn all(&self) -> &[Position] {
        &self.list
    }

    /// The telling of a number.
    pub(super) fn position(&self, number: u16) -> Option<Position> {
        self.list.get(usize::from(number)).copied()
    }

    /// The number of a telling, a new one where it is new; `None` where there is no more.
    pub(super) fn number_of(&mut self, told: Position) -> Option<u16> {
        // Rows come a report at a time.
        let newest = self.list.len().checked_sub(1).filter(|at| self.list.get(*at) == Some(&told));
        if let Some(newest) = newest {
            return u16::try_from(newest).ok();
        }
        if let Some(number) = self.numbers.get(&told) {
            return Some(*number);
        }
        let number = u16::try_from(self.list.len()).ok();
        let number = number.filter(|number| usize::from(*number) < TELLINGS_MAX)?;
        self.list.push(told);
        self.numbers.insert(told, number);
        Some(number)
    }

    pub(super) const fn is_crowded(&self) -> bool {
        self.list.len() >= CROWDED
    }

    /// Every other telling, the last one always: for when nobody made them fewer in time.
    pub(super) fn halved(&self) -> Vec<Position> {
        let all: Vec<Position> = self.numbers.keys().copied().collect();
        let mut halved: Vec<Position> = all.iter().rev().step_by(2).copied().collect();
        halved.reverse();
        halved
    }

    /// Leaves these alone; the new number of each old one. One behind the last of them stays.
    pub(super) fn round_up(&mut self, left: &[Position]) -> Vec<u16> {
        let old = std::mem::take(self);
        let up = |told: &Position| {
            let at = left.partition_point(|one| one < told);
            left.get(at).copied().unwrap_or(*told)
        };
        old.list.iter().map(|told| self.number_of(up(told)).unwrap_or_default()).collect()
    }
}

/// Of the tellings of an agent's stores, each with its rows, those to be left: the last one of as many
/// as fit one report, lives apart.
pub(in super::super) fn left_of(counts: &BTreeMap<Position, usize>) -> Vec<Position> {
    let mut left: Vec<Position> = Vec::new();
    let mut together = 0;
    for (told, rows) in counts {
        let joins = left.last().is_some_and(|last| last.epoch == told.epoch)
            && together + rows <= TOGETHER_ROWS_MAX;
        if joins {
            left.pop();
        } else {
            together = 0;
        }
        together += rows;
        left.push(*told);
    }
    left
}
