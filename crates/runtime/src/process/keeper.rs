//! The thread that writes to the store, so that a slow disk holds up nothing but itself.
//!
//! What could not be written is kept and tried again: a revocation that was said to be done must not
//! be forgotten by a restart.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ::overwatch::Change;
use store::Store;
use tracing::{error, info};

use super::StartError;
use crate::logs::chain;

/// Batches that wait to be taken; one for each event that changed something. Past it a batch is
/// lost, which is logged.
const QUEUE_BATCHES: usize = 1024;
/// Changes that wait for a disk that refuses: a row for every backend and agent of a large mesh.
/// Past it the oldest go, which is logged.
const CHANGES_MAX: usize = 100_000;
/// How long to wait before a refused write is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The thread and the way to it.
#[derive(Debug)]
pub(super) struct Keeper {
    batches: SyncSender<Vec<Change>>,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system refuses it.
    pub(super) fn start(store: Store) -> Result<Self, StartError> {
        let (batches, waiting) = sync_channel(QUEUE_BATCHES);
        let thread = std::thread::Builder::new().name("store".to_owned());
        let thread =
            thread.spawn(move || write_all(store, &waiting)).map_err(StartError::System)?;
        Ok(Self { batches, thread })
    }

    /// Keeps these changes over a restart.
    pub(super) fn keep(&self, changes: Vec<Change>) {
        let why = match self.batches.try_send(changes) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => "the disk does not keep up",
            Err(TrySendError::Disconnected(_)) => "the thread that writes to the store is gone",
        };
        error!("{why}: a restart would not remember the last changes");
    }

    /// Waits until everything is written.
    pub(super) fn stop(self) {
        drop(self.batches);
        if self.thread.join().is_err() {
            error!("the thread that writes to the store panicked");
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

    /// Closes the store, once everything is written.
    pub(super) fn give(&mut self) {
        if let Self::Open(keeper) = std::mem::replace(self, Self::Away(Vec::new())) {
            keeper.stop();
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
}

/// Writes until nobody can send any more.
fn write_all(mut store: Store, waiting: &Receiver<Vec<Change>>) {
    let mut changes: Vec<Change> = Vec::new();
    let mut is_failing = false;
    loop {
        let more = if changes.is_empty() {
            waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            waiting.recv_timeout(AGAIN_AFTER)
        };
        let is_last = matches!(more, Err(RecvTimeoutError::Disconnected));
        changes.extend(more.into_iter().flatten());
        // What came meanwhile goes into the same transaction.
        changes.extend(waiting.try_iter().flatten());
        if changes.len() > CHANGES_MAX {
            error!("the disk refuses for too long: the oldest changes are not kept");
            changes.drain(..changes.len() - CHANGES_MAX);
        }
        match store.write(&changes) {
            Ok(()) => {
                changes.clear();
                if std::mem::take(&mut is_failing) {
                    info!("the store is written again");
                }
            }
            Err(fault) if !is_failing => {
                is_failing = true;
                error!("{}; trying on, a restart would forget the last changes", chain(&fault));
            }
            Err(_) => {}
        }
        if is_last {
            return;
        }
    }
}
