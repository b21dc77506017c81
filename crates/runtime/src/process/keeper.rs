//! The thread that writes to the store, so that a slow disk holds up nothing but itself.
//!
//! What could not be written is kept and tried again: a revocation must not be forgotten by a restart.
//! Whoever has to know whether it is written waits for it: nothing is said to be done before.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ::overwatch::Change;
use store::Store;
use tokio::sync::oneshot;
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

/// Whether something is written; or why not.
pub(super) type Written = Result<(), String>;

/// What the thread is asked for.
#[derive(Debug)]
enum Wanted {
    /// These are to be written, at once or later.
    Changes(Vec<Change>),
    /// These are to be written now or never, with what was asked for before.
    Now(Vec<Change>, oneshot::Sender<Written>),
    /// All that is in the store, with what was asked for before.
    Export(oneshot::Sender<Exported>),
}

/// All that is in the store as a document; or why not.
pub(super) type Exported = Result<String, String>;

/// The thread and the way to it.
#[derive(Debug)]
pub(super) struct Keeper {
    wanted: SyncSender<Wanted>,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system refuses it.
    pub(super) fn start(store: Store) -> Result<Self, StartError> {
        let (wanted, waiting) = sync_channel(QUEUE_BATCHES);
        let thread = std::thread::Builder::new().name("store".to_owned());
        let thread =
            thread.spawn(move || write_all(store, &waiting)).map_err(StartError::System)?;
        Ok(Self { wanted, thread })
    }

    /// Keeps these changes over a restart.
    pub(super) fn keep(&self, changes: Vec<Change>) {
        if let Err(why) = self.ask(Wanted::Changes(changes)) {
            error!("{why}: a restart would not remember the last changes");
        }
    }

    /// Keeps these changes, and all before them, or says why these are not kept.
    fn keep_now(&self, changes: Vec<Change>) -> oneshot::Receiver<Written> {
        let (reply, written) = oneshot::channel();
        // Where it cannot be asked the sender is gone, which says so.
        let _ = self.ask(Wanted::Now(changes, reply));
        written
    }

    fn export(&self) -> oneshot::Receiver<Exported> {
        let (reply, exported) = oneshot::channel();
        // As above.
        let _ = self.ask(Wanted::Export(reply));
        exported
    }

    fn ask(&self, wanted: Wanted) -> Result<(), &'static str> {
        self.wanted.try_send(wanted).map_err(|error| match error {
            TrySendError::Full(_) => "the disk does not keep up",
            TrySendError::Disconnected(_) => "the thread that writes to the store is gone",
        })
    }

    /// Waits until everything is written.
    pub(super) fn stop(self) {
        drop(self.wanted);
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

    /// Keeps these changes, and all before them, now or never; nobody answers where another process
    /// has the store.
    pub(super) fn keep_now(&self, changes: Vec<Change>) -> oneshot::Receiver<Written> {
        match self {
            Self::Open(keeper) => keeper.keep_now(changes),
            Self::Away(_) => oneshot::channel().1,
        }
    }

    /// All that is in the store; nobody answers where another process has it.
    pub(super) fn export(&self) -> oneshot::Receiver<Exported> {
        match self {
            Self::Open(keeper) => keeper.export(),
            Self::Away(_) => oneshot::channel().1,
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

/// What came from one oneshot: whether it was written.
pub(super) fn written(answer: Result<Written, oneshot::error::RecvError>) -> Written {
    answer.unwrap_or_else(|_| Err("the store is not open, or busy".to_owned()))
}

/// Writes until nobody can send any more.
fn write_all(mut store: Store, waiting: &Receiver<Wanted>) {
    let mut changes: Vec<Change> = Vec::new();
    let mut is_failing = false;
    loop {
        let more = if changes.is_empty() {
            waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            waiting.recv_timeout(AGAIN_AFTER)
        };
        let is_last = matches!(more, Err(RecvTimeoutError::Disconnected));
        let (mut now, mut exports) = (Vec::new(), Vec::new());
        // What came meanwhile goes into the same transaction.
        for wanted in more.into_iter().chain(waiting.try_iter()) {
            match wanted {
                Wanted::Changes(more) => changes.extend(more),
                Wanted::Now(more, reply) => now.push((more, reply)),
                Wanted::Export(reply) => exports.push(reply),
            }
        }
        if changes.len() > CHANGES_MAX {
            error!("the disk refuses for too long: the oldest changes are not kept");
            changes.drain(..changes.len() - CHANGES_MAX);
        }
        match write(&mut store, &changes, now) {
            Ok(()) => {
                changes.clear();
                if std::mem::take(&mut is_failing) {
                    info!("the store is written again");
                }
            }
            Err(why) if !is_failing => {
                is_failing = true;
                error!("{why}; trying on, a restart would forget the last changes");
            }
            Err(_) => {}
        }
        for reply in exports {
            // Who asked may have gone.
            let _ = reply.send(store.export().map_err(|fault| chain(&fault)));
        }
        if is_last {
            return;
        }
    }
}

/// Writes what waits, and tells those who wait for theirs. What is wanted now is dropped where it
/// cannot be written, and is in nobody else's way.
fn write(
    store: &mut Store,
    changes: &[Change],
    now: Vec<(Vec<Change>, oneshot::Sender<Written>)>,
) -> Written {
    let written = store.write(changes).map_err(|fault| chain(&fault));
    for (more, reply) in now {
        let each = match &written {
            Ok(()) => store.write(&more).map_err(|fault| chain(&fault)),
            Err(why) => Err(why.clone()),
        };
        // Who asked may have gone.
        let _ = reply.send(each);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_said_to_be_written_is_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        let keeper = Keeper::start(Store::open(&path).unwrap().0).unwrap();
        keeper.keep(vec![Change::PutMade("first".to_owned())]);
        let answer = keeper.keep_now(vec![Change::PutMade("second".to_owned())]).await;
        assert_eq!(written(answer), Ok(()));
        keeper.stop();
        assert_eq!(Store::open(&path).unwrap().1.made, "second");
        // Nobody promises anything while another process has the file.
        let away = Keeping::Away(Vec::new());
        assert!(written(away.keep_now(Vec::new()).await).is_err());
    }
}
