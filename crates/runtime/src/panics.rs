//! Panics: counted and told, each by the thread that it was in, and never more than that thread's
//! loop can bear.
//!
//! Whoever runs a loop that must not end catches its panics and goes on with what it has; nobody counts
//! there: one hook sees all of them. Which of them is needed where:
//!
//! - a step of a loop: `survived`,
//! - a task that is the loop, or that somebody waits for: `caught`, and whoever waits is told,
//! - a thread that is the loop: `begun_anew_here`,
//! - a task nobody waits for, and one whose reply says by its end that nobody answers: nothing.
//!
//! A packet that finds a fault may come again and again, so only some are told. Must never panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use tracing::error;

/// Lines about panics in a minute; the others are only counted. Enough to find a fault by, and no load.
const LINES_PER_MINUTE: u64 = 10;
/// How long a loop rests before it begins anew, so that a lasting fault burns no processor.
const REST: Duration = Duration::from_millis(50);

/// The threads there are, by the begin of their names; the last one stands for all others.
const THREADS: [(&str, &str); 8] = [
    ("main", "node"),
    ("dns-udp", "dns_udp"),
    (TASKS, "tasks"),
    ("checks", "checks"),
    ("tcp-", "collector"),
    ("store", "store"),
    ("query-log", "query_log"),
    ("", "other"),
];

/// The name of the threads that carry everything that is asynchronous: DNS over TCP, the mesh, the API,
/// metrics, readings of the configuration.
pub const TASKS: &str = "tasks";

static COUNTS: [AtomicU64; THREADS.len()] = [const { AtomicU64::new(0) }; THREADS.len()];
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
/// The minute of the last line, counted from [`BEGAN`], and the lines in it: `minute << 32 | lines`.
static LINES: AtomicU64 = AtomicU64::new(0);

/// Counts and tells panics from now on, in this process.
pub fn watch() {
    LazyLock::force(&BEGAN);
    std::panic::set_hook(Box::new(see));
}

/// How many there were since the start, by thread.
pub(crate) fn counters() -> [(&'static str, u64); THREADS.len()] {
    let mut counters = THREADS.map(|(_, word)| (word, 0));
    for ((_, to), from) in counters.iter_mut().zip(&COUNTS) {
        *to = from.load(Ordering::Relaxed);
    }
    counters
}

/// The words of [`counters`].
pub(crate) fn words() -> Vec<&'static str> {
    THREADS.map(|(_, word)| word).to_vec()
}

fn see(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or_default();
    let found = THREADS.iter().zip(&COUNTS).find(|((begin, _), _)| name.starts_with(begin));
    if let Some((_, count)) = found {
        count.fetch_add(1, Ordering::Relaxed);
    }
    if may_tell(BEGAN.elapsed().as_secs() / 60) {
        let place = info.location().map_or_else(String::new, ToString::to_string);
        let message = message_of(info.payload());
        error!("a fault in this program, in thread {name} at {place}: {message}");
    }
}

/// Whether one more line may be written in this minute.
fn may_tell(minute: u64) -> bool {
    let next = |last: u64| {
        let lines = if last >> 32 == minute { last & u64::from(u32::MAX) } else { 0 };
        (lines < LINES_PER_MINUTE).then_some(minute << 32 | (lines + 1))
    };
    LINES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}

/// What a panic said.
fn message_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// A future panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

/// What a step yields; nothing where it panicked. What it has changed by then stays changed.
pub(crate) fn survived<T>(step: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(step)).ok()
}

/// The future, or that it panicked. What it has borrowed is as it was left.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    })
    .await
}

/// What a loop does before it begins anew.
pub(crate) async fn rest() {
    tokio::time::sleep(REST).await;
}

/// Runs a loop to its end, on a thread of its own, and begins it anew, after a rest, each time that it
/// panics.
pub(crate) fn begun_anew_here<T>(mut run: impl FnMut() -> T) -> T {
    loop {
        if let Ok(value) = catch_unwind(AssertUnwindSafe(&mut run)) {
            return value;
        }
        std::thread::park_timeout(REST);
    }
}

/// Where tests have this program fail.
#[cfg(test)]
pub(crate) mod faults {
    use std::sync::{Mutex, PoisonError};

    static NEXT: Mutex<&str> = Mutex::new("");

    /// The next one who passes there fails, once. Of the whole process: for tests that have one of their own.
    #[cfg(unix)]
    pub(crate) fn put(place: &'static str) {
        *NEXT.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// Whether somebody failed there.
    #[cfg(unix)]
    pub(crate) fn was_met() -> bool {
        NEXT.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Somebody passes there.
    pub(crate) fn meet(place: &str) {
        let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
        let is_here = *next == place;
        if is_here {
            *next = "";
        }
        drop(next);
        assert!(!is_here, "as asked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_begins_anew_until_it_ends_by_itself() {
        let mut tries = 0;
        let mut run = async || {
            tries += 1;
            tokio::task::yield_now().await;
            assert!(tries > 3, "as asked");
        };
        while caught(run()).await.is_err() {
            rest().await;
        }
        assert_eq!(tries, 4);
        let mut tries = 0;
        let ended = begun_anew_here(|| {
            tries += 1;
            assert!(tries > 2, "as asked");
            tries
        });
        assert_eq!(ended, 3);
    }

    #[test]
    fn lines_are_limited_and_panics_are_not() {
        let told = |minute: u64| (0..100).filter(|_| may_tell(minute)).count() as u64;
        assert_eq!([7, 7, 8].map(told), [LINES_PER_MINUTE, 0, LINES_PER_MINUTE]);
    }
}
