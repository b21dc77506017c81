//! How long queries are in a worker's hands: from when it has taken a batch from the kernel until it has
//! handed the answers back.
//!
//! All queries of a batch go back together, so each takes as long as the batch does: two looks at the
//! clock and two additions for all of them. What a query waits for in the kernel before is not in it.
//! Must never allocate or lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper ends of the ranges in nanoseconds, each as seconds on the page. A lone query takes some
/// microseconds, a full batch some tenths of a millisecond; what is beyond a millisecond waited for a
/// processor.
pub(crate) const BOUNDS: [(&str, u64); 11] = [
    ("0.00001", 10_000),
    ("0.000025", 25_000),
    ("0.00005", 50_000),
    ("0.0001", 100_000),
    ("0.00025", 250_000),
    ("0.0005", 500_000),
    ("0.001", 1_000_000),
    ("0.0025", 2_500_000),
    ("0.005", 5_000_000),
    ("0.01", 10_000_000),
    ("0.1", 100_000_000),
];

/// One worker's counters, by range; the last one is of those beyond all ends.
#[derive(Debug, Default)]
pub(super) struct Durations {
    ranges: [AtomicU64; BOUNDS.len() + 1],
    sum_ns: AtomicU64,
}

/// What all workers counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DurationCounters {
    /// Queries by how long they took: the ranges of `BOUNDS`, then those beyond.
    pub(crate) ranges: [u64; BOUNDS.len() + 1],
    /// What they took together, in nanoseconds.
    pub(crate) sum_ns: u64,
}

impl Durations {
    /// So many queries took so long each.
    pub(super) fn count(&self, queries: u64, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let at = BOUNDS.iter().take_while(|(_, bound)| ns > *bound).count();
        if let Some(range) = self.ranges.get(at) {
            super::udp::add(range, queries);
        }
        super::udp::add(&self.sum_ns, ns.saturating_mul(queries));
    }
}

impl DurationCounters {
    /// Adds what a worker counted.
    pub(super) fn add(&mut self, worker: &Durations) {
        for (sum, range) in self.ranges.iter_mut().zip(&worker.ranges) {
            *sum += range.load(Ordering::Relaxed);
        }
        self.sum_ns = self.sum_ns.wrapping_add(worker.sum_ns.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_query_is_in_the_range_of_its_batch() {
        let durations = Durations::default();
        for (queries, us) in [(1, 5), (32, 10), (7, 11), (2, 200_000)] {
            durations.count(queries, Duration::from_micros(us));
        }
        let mut counters = DurationCounters::default();
        counters.add(&durations);
        counters.add(&Durations::default());
        let mut ranges = [0; BOUNDS.len() + 1];
        (ranges[0], ranges[1], ranges[BOUNDS.len()]) = (33, 7, 2);
        assert_eq!(counters.ranges, ranges);
        assert_eq!(counters.sum_ns, 1_000 * (5 + 320 + 77 + 400_000));
    }

    #[test]
    fn the_ends_ascend_and_are_said_as_they_are() {
        assert!(BOUNDS.is_sorted_by_key(|(_, ns)| *ns));
        for (seconds, ns) in BOUNDS {
            let said = seconds.parse::<f64>().unwrap() * 1e9;
            assert_eq!(said.round() as u64, ns);
        }
    }
}
