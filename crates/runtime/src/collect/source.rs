//! Whether one of the kernel's two sources gives anything: said when that changes, and only then. Must never try
//! anything itself.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{info, warn};

/// A source as it was last said to be.
#[derive(Debug)]
pub(super) struct Source {
    name: &'static str,
    is_active: AtomicBool,
}

impl Source {
    pub(super) const fn new(name: &'static str, is_active: bool) -> Self {
        Self { name, is_active: AtomicBool::new(is_active) }
    }

    pub(super) fn is_active(&self) -> bool {
        self.is_active.load(Ordering::Relaxed)
    }

    /// It gave something. Tells whether that was said.
    pub(super) fn found(&self) -> bool {
        let is_news = !self.is_active.swap(true, Ordering::Relaxed);
        if is_news {
            info!("latency learning has a source of connections back: {} active", self.name);
        }
        is_news
    }

    /// It failed. Tells whether that was said.
    pub(super) fn lost(&self, why: &str) -> bool {
        let is_news = self.is_active.swap(false, Ordering::Relaxed);
        if is_news {
            warn!(
                "latency learning lost a source of connections, and tries on: {} not active: {why}",
                self.name
            );
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_said_once_and_so_is_the_return() {
        let source = Source::new("dump", true);
        let said = [source.found(), source.lost("a"), source.lost("b"), source.found()];
        assert_eq!(said, [false, true, false, true]);
        assert!(!source.found() && source.is_active());
    }
}
