//! What a service manager is told: that the process is ready, reads its configuration again, ends,
//! is followed by another one, and that it still does its work (sd_notify(3)).
//!
//! Without `NOTIFY_SOCKET` nothing is told. A sign of life is given by the node's own loop, between
//! two events: one that hangs gives none, and is started anew. Must never be sent from a task of its
//! own.

use std::future::pending;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

/// How often a manager is told how things stand that asks for no signs of life.
const STATUS_EVERY: Duration = Duration::from_secs(10);
/// The fastest beat, for a manager that asks for one within milliseconds.
const BEAT_MIN: Duration = Duration::from_millis(10);

/// The process is ready, or ready again.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being read again, until it is [`ready`].
pub(crate) fn reloading() {
    // Without the time a manager cannot tell this from what it has yet to ask for.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => debug!("the monotonic clock cannot be read: {error}"),
    }
}

/// The process is about to end.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Another process is the service from now on.
pub(crate) fn followed_by(pid: u32) {
    tell(&[NotifyState::MainPid(pid)]);
}

/// How the signs of life come, to be given by a loop.
#[derive(Debug)]
pub(crate) struct Heart {
    /// None where nobody listens.
    every: Option<Duration>,
    next: Instant,
}

impl Heart {
    /// As the environment asks for it: twice in the time after which a silent process is taken for
    /// dead (`WATCHDOG_USEC`), and to show how things stand.
    pub(crate) fn of_this_process() -> Self {
        let is_heard = std::env::var_os("NOTIFY_SOCKET").is_some();
        let beat = sd_notify::watchdog_enabled().map(|dead_after| (dead_after / 2).max(BEAT_MIN));
        let every = beat.map_or(STATUS_EVERY, |beat| beat.min(STATUS_EVERY));
        Self { every: is_heard.then_some(every), next: Instant::now() }
    }

    /// Waits until a sign of life is due; for ever where nobody listens.
    pub(crate) async fn due(&self) {
        match self.every {
            Some(_) => sleep_until(self.next).await,
            None => pending().await,
        }
    }

    /// The loop has done its work: tells so, and how things stand.
    pub(crate) fn beat(&mut self, status: &str) {
        if let Some(every) = self.every {
            self.next = Instant::now() + every;
            tell(&[NotifyState::Status(status), NotifyState::Watchdog]);
        }
    }
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        debug!("the service manager cannot be told: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_beat_is_due_only_after_the_last_one() {
        let mut heart = Heart { every: Some(Duration::from_secs(3)), next: Instant::now() };
        let began = Instant::now();
        heart.due().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        heart.beat("");
        heart.due().await;
        assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn where_nobody_listens_nothing_is_due() {
        let heart = Heart { every: None, next: Instant::now() };
        let waited = tokio::time::timeout(Duration::from_secs(86_400), heart.due()).await;
        assert!(waited.is_err());
    }
}
