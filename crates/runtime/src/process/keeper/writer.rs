//! The thread's side: writes what comes, and rests after a failure. Must never lose what waits, and never tell
//! anybody that something is written which is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use ::overwatch::Change;
use store::{Store, StoreError};
use tokio::sync::oneshot;
use tracing::{error, info};

use super::{Exported, Written, drop_oldest};
use crate::backoff::Backoff;
use crate::logs::chain;
use crate::panics::begun_anew_here;

/// What the thread is asked for.
#[derive(Debug)]
pub(super) enum Wanted {
    /// These are to be written, at once or later.
    Changes(Vec<Change>),
    /// These are to be written now or never, with what was asked for before.
    Now(Vec<Change>, oneshot::Sender<Written>),
    /// All that is in the store, with what was asked for before.
    Export(oneshot::Sender<Exported>),
    /// The store is closed, once everything is written; with what came of it.
    Close(SyncSender<Written>),
}

/// Where it is written. The other one is the tests': a disk that is slow, or refuses.
pub(super) trait Disk: Send + 'static {
    /// [`Store::write`].
    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError>;
    /// [`Store::export`].
    fn export(&mut self) -> Result<String, StoreError>;
    /// [`Store::close`].
    fn close(&mut self);
}

impl Disk for Store {
    fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        Self::write(self, changes)
    }

    fn export(&mut self) -> Result<String, StoreError> {
        Self::export(self)
    }

    fn close(&mut self) {
        Self::close(self);
    }
}

/// How long the thread rests after a failure. To try is to open the file and read all of it. Who waits for an
/// answer is not made to wait for the end of a rest.
pub(super) const RESTS: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

/// How it goes, as the thread tells it. Each number by itself is right, and a moment old at most.
#[derive(Debug, Default)]
pub(super) struct State {
    /// What was asked for and is written, or answered.
    done: AtomicU64,
    failures: AtomicU64,
    is_failing: AtomicBool,
}

impl State {
    pub(super) fn done(&self) -> u64 {
        self.done.load(Ordering::Acquire)
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Acquire)
    }
}

/// Writes until nobody can send any more. A fault of this program loses nothing of what waits: it is
/// tried again, as if the disk had refused.
pub(super) fn write_all(
    disk: impl Disk,
    rests: Backoff,
    waiting: &Receiver<Wanted>,
    state: &Arc<State>,
) {
    let mut writer = Writer {
        disk,
        rests,
        rests_until: None,
        changes: Vec::new(),
        taken: 0,
        state: Arc::clone(state),
        is_ending: false,
    };
    begun_anew_here(|| while writer.turn(waiting) {});
    if !writer.changes.is_empty() {
        let count = writer.changes.len();
        error!("the disk refuses to the end: the last {count} changes are not kept");
    }
}

/// The thread's own.
struct Writer<D> {
    disk: D,
    rests: Backoff,
    /// Until when nothing is tried that nobody waits for.
    rests_until: Option<Instant>,
    /// What is not written yet.
    changes: Vec<Change>,
    /// How often something was asked for.
    taken: u64,
    state: Arc<State>,
    /// Nobody can send any more: one turn is left.
    is_ending: bool,
}

/// Those who wait for an answer.
#[derive(Default)]
struct Asking {
    now: Vec<(Vec<Change>, oneshot::Sender<Written>)>,
    exports: Vec<oneshot::Sender<Exported>>,
    closings: Vec<SyncSender<Written>>,
}

impl<D: Disk> Writer<D> {
    /// Waits for something and writes it; says whether there may be more.
    fn turn(&mut self, waiting: &Receiver<Wanted>) -> bool {
        if self.is_ending {
            return false;
        }
        #[cfg(test)]
        crate::panics::faults::meet("store");
        let more = match self.rests_until {
            Some(until) => waiting.recv_timeout(until.saturating_duration_since(Instant::now())),
            None if self.changes.is_empty() => {
                waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
            }
            // What a fault of this program left.
            None => waiting.recv_timeout(self.rests.next_pause()),
        };
        self.is_ending = matches!(more, Err(RecvTimeoutError::Disconnected));
        let mut asking = Asking::default();
        let before = self.changes.len();
        // What came meanwhile goes into the same transaction.
        for wanted in more.into_iter().chain(waiting.try_iter()) {
            self.taken += 1;
            match wanted {
                Wanted::Changes(more) => self.changes.extend(more),
                Wanted::Now(more, reply) => asking.now.push((more, reply)),
                Wanted::Export(reply) => asking.exports.push(reply),
                Wanted::Close(reply) => asking.closings.push(reply),
            }
        }
        let dropped = drop_oldest(&mut self.changes);
        if dropped > 0 {
            error!("the disk refuses for too long: the oldest changes are not kept");
        }
        if dropped > before {
            // Somebody would be told that what was just dropped is written: nobody is told anything.
            asking.now.clear();
        }
        let is_resting = self.rests_until.is_some_and(|until| Instant::now() < until);
        if !is_resting || self.is_ending || asking.is_somebody() {
            self.write(asking);
        }
        !self.is_ending
    }

    /// Writes what waits, and tells those who wait for theirs. What is wanted now is dropped where it cannot
    /// be written, and is in nobody else's way.
    fn write(&mut self, Asking { now, exports, closings }: Asking) {
        let written = self.disk.write(&self.changes).map_err(|fault| chain(&fault));
        self.see(&written);
        for (more, reply) in now {
            let each = match &written {
                Ok(()) => self.disk.write(&more).map_err(|fault| chain(&fault)),
                Err(why) => Err(why.clone()),
            };
            // Who asked may have gone.
            let _ = reply.send(each);
        }
        for reply in exports {
            let _ = reply.send(self.disk.export().map_err(|fault| chain(&fault)));
        }
        for reply in closings {
            if written.is_ok() {
                self.disk.close();
            }
            // Whoever waits no longer goes on with this store: the next write opens it again.
            let _ = reply.send(written.clone());
        }
    }

    fn see(&mut self, written: &Written) {
        let Err(why) = written else {
            self.changes.clear();
            self.rests.reset();
            self.rests_until = None;
            self.state.done.store(self.taken, Ordering::Release);
            if self.state.is_failing.swap(false, Ordering::AcqRel) {
                info!("the store is written again");
            }
            return;
        };
        self.state.failures.fetch_add(1, Ordering::Relaxed);
        if !self.state.is_failing.swap(true, Ordering::AcqRel) {
            error!("{why}; trying on, a restart would forget the last changes");
        }
        self.rests_until = Some(Instant::now() + self.rests.next_pause());
    }
}

impl Asking {
    fn is_somebody(&self) -> bool {
        !(self.now.is_empty() && self.exports.is_empty() && self.closings.is_empty())
    }
}
