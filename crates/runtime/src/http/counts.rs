//! What became of requests, counted for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use api::Kind;

/// Requests, and refusals by kind.
#[derive(Debug, Default)]
pub struct Counts {
    answered: AtomicU64,
    refused: [AtomicU64; Kind::ALL.len()],
}

/// The counts of a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiCounters {
    /// Requests that were answered, refusals among them.
    pub answered: u64,
    /// Refusals by kind.
    pub refused: Vec<(&'static str, u64)>,
}

impl Counts {
    pub(super) fn answer(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self, kind: Kind) {
        if let Some(count) = self.refused.get(kind as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts of this moment.
    #[must_use]
    pub fn counters(&self) -> ApiCounters {
        let refused = Kind::ALL.iter().zip(&self.refused);
        ApiCounters {
            answered: self.answered.load(Ordering::Relaxed),
            refused: refused
                .map(|(kind, count)| (kind.as_str(), count.load(Ordering::Relaxed)))
                .collect(),
        }
    }
}
