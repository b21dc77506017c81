//! What was published before, until nobody reads it: so that it is let go here, and never by a thread
//! that answers. To free a map of a million networks takes as long as thousands of answers.
//!
//! A worker holds what it read while it answers one batch. When something else is published meanwhile,
//! the worker is left as one of its owners, and might be the last. Must never wait for a worker.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// What some reader may still hold: at most as many as there are readers, and the last one, for each
/// reader holds one.
pub(super) struct Retired<T>(Vec<Arc<T>>);

impl<T> Retired<T> {
    /// Nothing was published before.
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Publishes something else.
    pub(super) fn publish(&mut self, place: &ArcSwap<T>, next: Arc<T>) {
        let before = place.swap(next);
        self.0.push(before);
        self.let_go();
    }

    /// Lets go what nobody reads any more. It is in no place where somebody could find it, so it has
    /// no new readers.
    pub(super) fn let_go(&mut self) {
        self.0.retain(|view| Arc::strong_count(view) > 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread::{self, ThreadId};

    use super::*;

    /// Knows where it may end.
    struct Map {
        home: ThreadId,
        astray: Arc<AtomicUsize>,
    }

    impl Drop for Map {
        fn drop(&mut self) {
            let is_astray = thread::current().id() != self.home;
            self.astray.fetch_add(is_astray.into(), Ordering::SeqCst);
        }
    }

    #[test]
    fn what_somebody_reads_is_kept_and_no_longer() {
        let place = ArcSwap::from_pointee(0);
        let mut retired = Retired::new();
        let reader = place.load();
        retired.publish(&place, Arc::new(1));
        assert_eq!(retired.0.len(), 1);
        retired.publish(&place, Arc::new(2));
        assert_eq!(retired.0.iter().map(|view| **view).collect::<Vec<_>>(), [0]);
        drop(reader);
        retired.let_go();
        assert!(retired.0.is_empty());
    }

    #[test]
    fn no_reader_is_the_last_owner() {
        let (astray, home) = (Arc::new(AtomicUsize::new(0)), thread::current().id());
        let map = || Arc::new(Map { home, astray: Arc::clone(&astray) });
        let (place, stop, reads) =
            (ArcSwap::new(map()), AtomicBool::new(false), AtomicUsize::new(0));
        let mut retired = Retired::new();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let view = place.load();
                        reads.fetch_add(1, Ordering::Relaxed);
                        thread::yield_now();
                        drop(view);
                    }
                });
            }
            for number in 1..2_000 {
                retired.publish(&place, map());
                assert!(retired.0.len() <= 3, "{} are kept", retired.0.len());
                // So that readers and what they read change in between.
                while reads.load(Ordering::Relaxed) < number {
                    thread::yield_now();
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        retired.let_go();
        assert!(retired.0.is_empty());
        assert_eq!(astray.load(Ordering::SeqCst), 0);
    }
}
