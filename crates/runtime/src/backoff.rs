//! How long to wait before something that failed is tried again. Must know no clock and draw no lots: who
//! waits does that.

use std::time::Duration;

/// Pauses of which each is twice as long as the one before, up to a limit.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    next: Duration,
    min: Duration,
    max: Duration,
}

impl Backoff {
    /// The first pause, and the longest.
    pub(crate) const fn new(min: Duration, max: Duration) -> Self {
        Self { next: min, min, max }
    }

    /// It went well: the next pause is the first again.
    pub(crate) const fn reset(&mut self) {
        self.next = self.min;
    }

    pub(crate) fn next_pause(&mut self) -> Duration {
        let pause = self.next.min(self.max);
        self.next = pause.saturating_mul(2);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_limit_and_start_again() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(200), ms(5_000));
        for pause in [200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
            assert_eq!(backoff.next_pause(), ms(pause));
        }
        backoff.reset();
        assert_eq!(backoff.next_pause(), ms(200));
        assert_eq!(backoff.next_pause(), ms(400));
        assert_eq!(Backoff::new(ms(2), ms(1)).next_pause(), ms(1), "the limit is one for all");
    }
}
