//! The connections of the running interval, kept until its end so that their median can be taken.
//!
//! Bounded twice and without chance, see `docs/decisions/0004-one-average-step-per-interval.md`:
//! each row keeps a number of values that grows with the logarithm of its connections, and all
//! rows together keep no more than [`VALUES_MAX`] beyond the first of each. What a row leaves
//! behind when it makes room is used again.

use model::Rtt;

/// A row keeps its first 32 connections of an interval, then 16 of each doubling.
const WHOLE: u32 = 32;

/// The most values kept in an interval, beside the first one of each row: 3 MiB, and 26,000
/// connections a second at 10 s. At the limit a row that has a value keeps no further one.
const VALUES_MAX: usize = 1 << 18;

/// The end of a row's chain of values.
const NONE: u32 = u32::MAX;

/// Values of all rows, each row's as a chain; free ones as another.
#[derive(Debug)]
pub(crate) struct Interval {
    values: Vec<Value>,
    /// The first of the free values.
    free: u32,
    /// How many values are not free.
    used: usize,
    /// [`VALUES_MAX`]; smaller in tests.
    values_max: usize,
}

/// One kept connection.
#[derive(Clone, Copy, Debug)]
struct Value {
    rtt: Rtt,
    /// How many connections it stands for.
    weight: u32,
    /// The value behind it in its chain.
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

    /// Connections in this interval.
    pub(crate) const fn count(self) -> u32 {
        self.count
    }
}

impl Interval {
    /// An interval without connections.
    pub(crate) const fn new() -> Self {
        Self { values: Vec::new(), free: NONE, used: 0, values_max: VALUES_MAX }
    }

    /// Adds a connection to a row.
    pub(crate) fn add(&mut self, pending: &mut Pending, rtt: Rtt) {
        let number = pending.count;
        pending.count = number.saturating_add(1);
        let Some(weight) = weight_of(number) else { return };
        if pending.newest != NONE && self.used >= self.values_max {
            return;
        }
        let value = Value { rtt, weight, next: pending.newest };
        match self.values.get_mut(self.free as usize) {
            Some(free) => {
                pending.newest = self.free;
                self.free = free.next;
                *free = value;
            }
            None => {
                // Rows and limit keep this below the marker of an end.
                let Ok(place) = u32::try_from(self.values.len()) else { return };
                pending.newest = place;
                self.values.push(value);
            }
        }
        self.used += 1;
    }

    /// Takes a row's values off it, with their weights.
    pub(crate) fn take(&mut self, pending: &mut Pending, into: &mut Vec<(u32, u32)>) {
        into.clear();
        let mut at = std::mem::replace(pending, Pending::NONE).newest;
        while let Some(value) = self.values.get_mut(at as usize) {
            into.push((value.rtt.us(), value.weight));
            let next = std::mem::replace(&mut value.next, self.free);
            self.free = std::mem::replace(&mut at, next);
            self.used = self.used.saturating_sub(1);
        }
    }

    /// Values that memory is held for.
    #[cfg(test)]
    pub(crate) const fn values_len(&self) -> usize {
        self.values.len()
    }

    /// Begins the next interval, all values taken. Keeps the memory of an ordinary one only.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.values.shrink_to(VALUES_MAX / 64);
        (self.free, self.used) = (NONE, 0);
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

    /// Adds connections of 1, 2, 3 ... us to one row.
    fn add(interval: &mut Interval, count: u32) -> Pending {
        let mut pending = Pending::NONE;
        for us in 1..=count {
            interval.add(&mut pending, rtt(us));
        }
        pending
    }

    /// What was kept of a row.
    fn taken(interval: &mut Interval, mut pending: Pending) -> Vec<(u32, u32)> {
        let mut values = Vec::new();
        interval.take(&mut pending, &mut values);
        assert_eq!(pending, Pending::NONE);
        values
    }

    fn kept(count: u32) -> Vec<(u32, u32)> {
        let mut interval = Interval::new();
        let pending = add(&mut interval, count);
        taken(&mut interval, pending)
    }

    #[test]
    fn what_is_kept_grows_with_the_logarithm_and_stands_for_all() {
        for (count, expect) in [(0, 0), (1, 1), (32, 32), (64, 48), (128, 64), (1 << 20, 272)] {
            let values = kept(count);
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
            let median = crate::median::median(&mut kept(count)).unwrap();
            assert!(median.abs_diff(count / 2) <= count / 16 + 1, "{count}: {median}");
        }
    }

    #[test]
    fn at_the_limit_each_row_still_keeps_its_first() {
        let mut interval = Interval { values_max: 10, ..Interval::new() };
        let rows = [100, 100, 1].map(|count| add(&mut interval, count));
        let kept = rows.map(|pending| taken(&mut interval, pending).len());
        assert_eq!(kept, [10, 1, 1]);
        interval.clear();
        let row = add(&mut interval, 100);
        assert_eq!(taken(&mut interval, row).len(), 10);
    }

    #[test]
    fn what_is_taken_makes_room_at_once() {
        let mut interval = Interval { values_max: 10, ..Interval::new() };
        let stays = add(&mut interval, 3);
        for _ in 0..1000 {
            let goes = add(&mut interval, 7);
            assert_eq!(taken(&mut interval, goes).len(), 7);
        }
        assert_eq!((interval.values.len(), interval.used), (10, 3));
        assert_eq!(taken(&mut interval, stays), [(3, 1), (2, 1), (1, 1)]);
    }
}
