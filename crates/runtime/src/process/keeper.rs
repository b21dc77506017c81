//! The thread that writes to the store, so that a slow disk holds up nothing but itself.
//!
//! What could not be written is kept and tried again: a revocation must not be forgotten by a restart.
//! Whoever has to know whether it is written waits for it: nothing is said to be done before. How it goes is
//! told; nobody waits for the disk without an end.
//!
//! - `writer`: the thread's side.

mod writer;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use ::overwatch::Change;
use store::Store;
use tokio::sync::oneshot;
use tracing::error;

use self::writer::{Disk, RESTS, State, Wanted};
use super::StartError;
use crate::backoff::Backoff;

/// Batches that wait to be taken; one for each event that changed something. Past it they are held
/// back until there is room.
const QUEUE_BATCHES: usize = 1024;
/// Changes that wait for a disk that refuses, and again for one that does not keep up: a row for
/// every backend and agent of a large mesh. Past it the oldest go, which is logged.
const CHANGES_MAX: usize = 100_000;
/// How long something may be on its way to the disk before that is told. A disk that is well takes
/// milliseconds.
const SLOW_AFTER: Duration = Duration::from_secs(10);
/// How long the end of the process waits for the disk. What it does not take by then is lost.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Whether something is written; or why not.
pub(super) type Written = Result<(), String>;

/// All that is in the store as a document; or why not.
pub(super) type Exported = Result<String, String>;

/// How it goes, for metrics and whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::process) struct StoreKept {
    /// Whether the disk takes what changes.
    pub(in crate::process) is_kept: bool,
    /// For how long something has not been on the disk, in seconds.
    pub(in crate::process) unsaved_s: u64,
    /// Writes that failed since the start.
    pub(in crate::process) failures: u64,
}

/// The thread and the way to it.
#[derive(Debug)]
pub(super) struct Keeper {
    wanted: SyncSender<Wanted>,
    /// Changes that found no room; nothing goes past them.
    held_back: Vec<Change>,
    state: Arc<State>,
    /// How often something was asked for.
    sent: u64,
    /// When all was written last, as far as is known here.
    saved_at: Instant,
    /// Ends with the thread.
    ended: Receiver<()>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system refuses it.
    pub(super) fn start(store: Store) -> Result<Self, StartError> {
        Self::start_on(store, RESTS)
    }

    fn start_on(disk: impl Disk, rests: Backoff) -> Result<Self, StartError> {
        let (wanted, waiting) = sync_channel(QUEUE_BATCHES);
        let (keeper, ends) = Self::by(wanted);
        let state = Arc::clone(&keeper.state);
        let thread = std::thread::Builder::new().name("store".to_owned());
        let run = move || {
            writer::write_all(disk, rests, &waiting, &state);
            drop(ends);
        };
        thread.spawn(run).map_err(StartError::System)?;
        Ok(keeper)
    }

    /// One that sends there; and what its thread drops at its end.
    fn by(wanted: SyncSender<Wanted>) -> (Self, SyncSender<()>) {
        let (ends, ended) = sync_channel(0);
        let (held_back, state, saved_at) = (Vec::new(), Arc::default(), Instant::now());
        (Self { wanted, held_back, state, sent: 0, saved_at, ended }, ends)
    }

    /// Keeps these changes over a restart.
    pub(super) fn keep(&mut self, changes: Vec<Change>) {
        if self.state.done() == self.sent && self.held_back.is_empty() {
            self.saved_at = Instant::now();
        }
        let is_first = self.held_back.is_empty();
        if is_first && changes.is_empty() {
            return;
        }
        self.held_back.extend(changes);
        let all = Wanted::Changes(std::mem::take(&mut self.held_back));
        let why = match self.send(all) {
            Ok(()) => return,
            Err(TrySendError::Full(Wanted::Changes(changes))) => {
                self.held_back = changes;
                "the disk does not keep up"
            }
            Err(_) => "the thread that writes to the store is gone",
        };
        if is_first {
            error!("{why}: a restart would not remember the last changes");
        }
        if drop_oldest(&mut self.held_back) > 0 {
            error!("{why} for too long: the oldest changes are not kept");
        }
    }

    fn send(&mut self, wanted: Wanted) -> Result<(), TrySendError<Wanted>> {
        self.wanted.try_send(wanted)?;
        self.sent += 1;
        Ok(())
    }

    /// Keeps these changes, and all before them, or says why these are not kept.
    fn keep_now(&mut self, changes: Vec<Change>) -> oneshot::Receiver<Written> {
        let (reply, written) = oneshot::channel();
        self.ask(Wanted::Now(changes, reply));
        written
    }

    fn export(&mut self) -> oneshot::Receiver<Exported> {
        let (reply, exported) = oneshot::channel();
        self.ask(Wanted::Export(reply));
        exported
    }

    /// Asks for something that is answered, unless something before it is held back. Where it cannot
    /// be asked the sender is dropped, which says so.
    fn ask(&mut self, wanted: Wanted) {
        self.keep(Vec::new());
        if self.held_back.is_empty() {
            let _ = self.send(wanted);
        }
    }

    /// How it goes.
    fn kept(&self) -> StoreKept {
        let is_saved = self.state.done() == self.sent && self.held_back.is_empty();
        let unsaved = if is_saved { Duration::ZERO } else { self.saved_at.elapsed() };
        StoreKept {
            is_kept: !self.state.is_failing() && unsaved < SLOW_AFTER,
            unsaved_s: unsaved.as_secs(),
            failures: self.state.failures(),
        }
    }

    /// Writes everything and closes the file; or says why it stays open. Waits for the disk: on a thread that may.
    pub(super) fn close(&mut self, most: Duration) -> Written {
        let (reply, closed) = sync_channel(1);
        self.ask(Wanted::Close(reply));
        match closed.recv_timeout(most) {
            Ok(written) => written,
            Err(RecvTimeoutError::Timeout) => Err("the disk takes too long".to_owned()),
            Err(RecvTimeoutError::Disconnected) => Err("the disk does not keep up".to_owned()),
        }
    }

    /// Waits until everything is written, but not for ever.
    fn stop(self, most: Duration) {
        let Self { wanted, mut held_back, ended, .. } = self;
        let until = Instant::now() + most;
        while !held_back.is_empty() && Instant::now() < until {
            match wanted.try_send(Wanted::Changes(held_back)) {
                Err(TrySendError::Full(Wanted::Changes(changes))) => held_back = changes,
                _ => held_back = Vec::new(),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(wanted);
        let rest = until.saturating_duration_since(Instant::now());
        let is_late = ended.recv_timeout(rest) == Err(RecvTimeoutError::Timeout);
        if is_late || !held_back.is_empty() {
            error!(
                "the disk does not take the last changes; going without: a restart forgets them"
            );
        }
    }
}

/// The store, or what is to be written once it is open again.
#[derive(Debug)]
pub(super) enum Keeping {
    /// It is open.
    Open(Keeper),
    /// Another process has it.
    Away(Vec<Change>),
}

impl Keeping {
    /// Keeps these changes over a restart; or until the store is back.
    pub(super) fn keep(&mut self, changes: Vec<Change>) {
        match self {
            Self::Open(keeper) => keeper.keep(changes),
            // A hand-over takes seconds: this is far above what comes in them.
            Self::Away(waiting) if waiting.len() < CHANGES_MAX => waiting.extend(changes),
            Self::Away(_) => {
                error!("the store is away for too long: the last changes are not kept");
            }
        }
    }

    /// Keeps these changes, and all before them, now or never; nobody answers where another process
    /// has the store.
    pub(super) fn keep_now(&mut self, changes: Vec<Change>) -> oneshot::Receiver<Written> {
        match self {
            Self::Open(keeper) => keeper.keep_now(changes),
            Self::Away(_) => oneshot::channel().1,
        }
    }

    /// All that is in the store; nobody answers where another process has it.
    pub(super) fn export(&mut self) -> oneshot::Receiver<Exported> {
        match self {
            Self::Open(keeper) => keeper.export(),
            Self::Away(_) => oneshot::channel().1,
        }
    }

    /// Hands out what writes, to be closed for another process; nothing where it is not here. What changes
    /// meanwhile waits for [`Keeping::take_back`].
    pub(super) fn give(&mut self) -> Option<Keeper> {
        match std::mem::replace(self, Self::Away(Vec::new())) {
            Self::Open(keeper) => Some(keeper),
            away @ Self::Away(_) => {
                *self = away;
                None
            }
        }
    }

    /// Writes the last of it, and closes the store.
    pub(super) fn stop(&mut self) {
        if let Self::Open(keeper) = std::mem::replace(self, Self::Away(Vec::new())) {
            keeper.stop(STOP_MAX);
        }
    }

    /// Has the store back, and writes what waits.
    pub(super) fn take_back(&mut self, keeper: Keeper) {
        if let Self::Away(waiting) = std::mem::replace(self, Self::Open(keeper))
            && !waiting.is_empty()
        {
            self.keep(waiting);
        }
    }

    /// Whether it is open.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// How it goes; `None` where another process has it.
    pub(super) fn kept(&self) -> Option<StoreKept> {
        match self {
            Self::Open(keeper) => Some(keeper.kept()),
            Self::Away(_) => None,
        }
    }
}

/// What came from one oneshot: whether it was written.
pub(super) fn written(answer: Result<Written, oneshot::error::RecvError>) -> Written {
    answer.unwrap_or_else(|_| Err("the store is not open, or busy".to_owned()))
}

/// Drops the oldest beyond [`CHANGES_MAX`]; says how many.
fn drop_oldest(changes: &mut Vec<Change>) -> usize {
    changes.drain(..changes.len().saturating_sub(CHANGES_MAX)).count()
}

#[cfg(test)]
mod tests;
