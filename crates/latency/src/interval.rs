//! The connections of the running interval, kept until its end so that their median can be taken.
//!
//! Bounded twice and without chance, see `docs/decisions/0004-one-average-step-per-interval.md`:
//! each row keeps a number of values that grows with the logarithm of its connections, and all
//! rows together keep no more than [`VALUES_MAX`] beyond the first of each.

use model::Rtt;

/// A row keeps its first 32 connections of an interval, then 16 of each doubling.
const WHOLE: u32 = 32;

/// The most values kept in an interval, beside the first one of each row: 3 MiB, and 26,000
/// connections a second at 10 s. At the limit a row that has a value keeps no further one.
const VALUES_MAX: usize = 1 << 18;

/// The end of a row's chain of values.
const NONE: u32 = u32::MAX;

/// Values of all rows, each row's as a chain.
#[derive(Debug)]
pub(crate) struct Interval {
    values: Vec<Value>,
    /// Rows that have values, each once, or twice where its place was given to another.
    active: Vec<u32>,
    /// [`VALUES_MAX`]; smaller in tests.
    values_max: usize,
}

/// One kept connection.
#[derive(Clone, Copy, Debug)]
struct Value {
    rtt: Rtt,
    /// How many connections it stands for.
    weight: u32,
    /// The value before it in its row's chain.
    next: u32,
}

/// A row's part in the interval; lies in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Connections in this interval; stays at the type's maximum.
    count: u32,
    /// The newest value of its chain.
    newest: u32,
}

impl Pending {
    /// No connection yet.
    pub(crate) const NONE: Self = Self { count: 0, newest: NONE };
}

impl Interval {
    /// An interval without connections.
    pub(crate) const fn new() -> Self {
        Self { values: Vec::new(), active: Vec::new(), values_max: VALUES_MAX }
    }

    /// Adds a connection to the row at `place`.
    pub(crate) fn add(&mut self, place: u32, pending: &mut Pending, rtt: Rtt) {
        let number = pending.count;
        pending.count = number.saturating_add(1);
        let is_first = pending.newest == NONE;
        let Some(weight) = weight_of(number) else { return };
        if !is_first && self.values.len() >= self.values_max {
            return;
        }
        // No row count and no limit comes near: the marker of an end is never an index.
        let Ok(index) = u32::try_from(self.values.len()) else { return };
        self.values.push(Value { rtt, weight, next: pending.newest });
        pending.newest = index;
        if is_first {
            self.active.push(place);
        }
    }

    /// The rows that had connections. Forgets them; their values stay until [`Interval::clear`].
    pub(crate) fn take_active(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.active)
    }

    /// Collects a row's values with their weights and takes them off the row.
    pub(crate) fn take(&self, pending: &mut Pending, into: &mut Vec<(u32, u32)>) {
        into.clear();
        let mut at = std::mem::replace(pending, Pending::NONE).newest;
        while let Some(value) = self.values.get(at as usize) {
            into.push((value.rtt.us(), value.weight));
            at = value.next;
        }
    }

    /// Begins the next interval. Keeps the memory of an ordinary one only.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.values.shrink_to(VALUES_MAX / 64);
    }
}

/// How many connections the one with this number (from 0) stands for; `None` where another one
/// stands for it.
const fn weight_of(number: u32) -> Option<u32> {
    if number < WHOLE {
        return Some(1);
    }
    // 32..64 every second, 64..128 every fourth, and so on.
    let weight = 1 << (number.ilog2() - WHOLE.ilog2() + 1);
    if number.is_multiple_of(weight) { Some(weight) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rtt(us: u32) -> Rtt {
        Rtt::from_us(u64::from(us)).unwrap()
    }

    /// Adds `count` connections of 1, 2, 3 ... us to one row; what was kept.
    fn kept(interval: &mut Interval, place: u32, count: u32) -> Vec<(u32, u32)> {
        let mut pending = Pending::NONE;
        for us in 1..=count {
            interval.add(place, &mut pending, rtt(us));
        }
        let mut values = Vec::new();
        interval.take(&mut pending, &mut values);
        assert_eq!(pending, Pending::NONE);
        values
    }

    #[test]
    fn what_is_kept_grows_with_the_logarithm_and_stands_for_all() {
        for (count, expect) in [(0, 0), (1, 1), (32, 32), (64, 48), (128, 64), (1 << 20, 272)] {
            let values = kept(&mut Interval::new(), 0, count);
            assert_eq!(values.len(), expect, "{count}");
            let stands_for: u64 = values.iter().map(|(_, weight)| u64::from(*weight)).sum();
            assert_eq!(stands_for, u64::from(count));
        }
        assert_eq!(weight_of(u32::MAX), None);
        assert_eq!(weight_of(1 << 31), Some(1 << 27));
    }

    #[test]
    fn the_median_of_what_is_kept_is_near_that_of_all() {
        for count in [33, 100, 1000, 100_000] {
            let mut values = kept(&mut Interval::new(), 0, count);
            let median = crate::median::median(&mut values).unwrap();
            assert!(median.abs_diff(count / 2) <= count / 16 + 1, "{count}: {median}");
        }
    }

    #[test]
    fn at_the_limit_each_row_still_keeps_its_first() {
        let mut interval = Interval { values_max: 10, ..Interval::new() };
        assert_eq!(kept(&mut interval, 0, 100).len(), 10);
        assert_eq!(kept(&mut interval, 1, 100), [(1, 1)]);
        assert_eq!(kept(&mut interval, 2, 1), [(1, 1)]);
        assert_eq!(interval.take_active(), [0, 1, 2]);
        interval.clear();
        assert_eq!(kept(&mut interval, 0, 100).len(), 10);
    }
}
