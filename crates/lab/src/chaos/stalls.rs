//! Whether the machine itself stood still: a thread that does nothing but look at the clock. A host that takes
//! its processors away, or a disk that holds up all who write, looks like a fault of every process at once.
//! Says so; changes no verdict.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::sys::process;

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// A look this late, in microseconds, is told: as long as clients wait before they ask again. A busy machine
/// with as many processors as here is late by tenths.
const LATE_US: u64 = 1_000_000;
/// So many are kept; more are a machine on which nothing can be tried.
const STALLS_MAX: usize = 100;

/// A look that came late; times in microseconds of the system's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stall {
    pub(super) at_us: u64,
    pub(super) length_us: u64,
}

/// The thread that looks; it ends with this.
pub(super) struct Stalls {
    found: Arc<Mutex<Vec<Stall>>>,
    is_over: Arc<AtomicBool>,
}

impl Stalls {
    pub(super) fn start() -> Self {
        let (found, is_over) = (Arc::<Mutex<Vec<Stall>>>::default(), Arc::<AtomicBool>::default());
        let (to, until) = (Arc::clone(&found), Arc::clone(&is_over));
        thread::spawn(move || {
            let mut last_us = process::monotonic_us();
            while !until.load(Ordering::Relaxed) {
                thread::sleep(LOOK);
                let now_us = process::monotonic_us();
                if let Some(stall) = stall(last_us, now_us) {
                    let mut found = to.lock().unwrap_or_else(PoisonError::into_inner);
                    found.truncate(STALLS_MAX - 1);
                    found.push(stall);
                }
                last_us = now_us;
            }
        });
        Self { found, is_over }
    }

    /// Those so far.
    pub(super) fn found(&self) -> Vec<Stall> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// What lies between two looks, where it is more than it should be.
fn stall(last_us: u64, now_us: u64) -> Option<Stall> {
    let length_us = now_us.saturating_sub(last_us);
    (length_us >= LATE_US).then_some(Stall { at_us: last_us, length_us })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_comes_late_is_a_stall() {
        assert_eq!(stall(5_000_000, 5_100_100), None);
        assert_eq!(stall(5_000_000, 5_999_999), None);
        let late = Stall { at_us: 5_000_000, length_us: 7_000_000 };
        assert_eq!(stall(5_000_000, 12_000_000), Some(late));
    }
}
