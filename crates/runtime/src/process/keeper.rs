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
use crate::panics::begun_anew_here;

/// Batches that wait to be taken; one for each event that changed something. Past it they are held
/// back until there is room.
const QUEUE_BATCHES: usize = 1024;
/// Changes that wait for a disk that refuses, and again for one that does not keep up: a row for
/// every backend and agent of a large mesh. Past it the oldest go, which is logged.
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
    /// Changes that found no room; nothing goes past them.
    held_back: Vec<Change>,
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
        Ok(Self { wanted, held_back: Vec::new(), thread })
    }

    /// Keeps these changes over a restart.
    pub(super) fn keep(&mut self, changes: Vec<Change>) {
        let is_first = self.held_back.is_empty();
        if is_first && changes.is_empty() {
            return;
        }
        self.held_back.extend(changes);
        let why = match self.wanted.try_send(Wanted::Changes(std::mem::take(&mut self.held_back))) {
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
            let _ = self.wanted.try_send(wanted);
        }
    }

    /// Waits until everything is written.
    pub(super) fn stop(self) {
        // Waits for room; fails only where the thread is gone, which it says itself.
        let _ = self.wanted.send(Wanted::Changes(self.held_back));
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

/// Writes until nobody can send any more. A fault of this program loses nothing of what waits: it is
/// tried again, as if the disk had refused.
fn write_all(store: Store, waiting: &Receiver<Wanted>) {
    let mut writer = Writer { store, changes: Vec::new(), is_failing: false, is_ending: false };
    begun_anew_here(|| while writer.turn(waiting) {});
}

/// The thread's own.
struct Writer {
    store: Store,
    /// What is not written yet.
    changes: Vec<Change>,
    is_failing: bool,
    /// Nobody can send any more: one turn is left.
    is_ending: bool,
}

impl Writer {
    /// Waits for something and writes it; says whether there may be more.
    fn turn(&mut self, waiting: &Receiver<Wanted>) -> bool {
        if self.is_ending {
            return false;
        }
        let more = if self.changes.is_empty() {
            waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            waiting.recv_timeout(AGAIN_AFTER)
        };
        self.is_ending = matches!(more, Err(RecvTimeoutError::Disconnected));
        let (mut now, mut exports) = (Vec::new(), Vec::new());
        let before = self.changes.len();
        // What came meanwhile goes into the same transaction.
        for wanted in more.into_iter().chain(waiting.try_iter()) {
            match wanted {
                Wanted::Changes(more) => self.changes.extend(more),
                Wanted::Now(more, reply) => now.push((more, reply)),
                Wanted::Export(reply) => exports.push(reply),
            }
        }
        let dropped = drop_oldest(&mut self.changes);
        if dropped > 0 {
            error!("the disk refuses for too long: the oldest changes are not kept");
        }
        if dropped > before {
            // Somebody would be told that what was just dropped is written: nobody is told anything.
            now.clear();
        }
        match write(&mut self.store, &self.changes, now) {
            Ok(()) => {
                self.changes.clear();
                if std::mem::take(&mut self.is_failing) {
                    info!("the store is written again");
                }
            }
            Err(why) if !self.is_failing => {
                self.is_failing = true;
                error!("{why}; trying on, a restart would forget the last changes");
            }
            Err(_) => {}
        }
        for reply in exports {
            // Who asked may have gone.
            let _ = reply.send(self.store.export().map_err(|fault| chain(&fault)));
        }
        !self.is_ending
    }
}

/// Drops the oldest beyond [`CHANGES_MAX`]; says how many.
fn drop_oldest(changes: &mut Vec<Change>) -> usize {
    changes.drain(..changes.len().saturating_sub(CHANGES_MAX)).count()
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
        let mut keeper = Keeper::start(Store::open(&path).unwrap().0).unwrap();
        keeper.keep(vec![Change::PutMade("first".to_owned())]);
        let answer = keeper.keep_now(vec![Change::PutMade("second".to_owned())]).await;
        assert_eq!(written(answer), Ok(()));
        keeper.stop();
        assert_eq!(Store::open(&path).unwrap().1.made, "second");
        // Nobody promises anything while another process has the file.
        let mut away = Keeping::Away(Vec::new());
        assert!(written(away.keep_now(Vec::new()).await).is_err());
    }

    /// What found no room is neither lost nor overtaken: who waits is not told that it is written.
    #[tokio::test]
    async fn a_full_queue_makes_nobody_believe_anything() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        let store = Store::open(&path).unwrap().0;
        let (wanted, waiting) = sync_channel(1);
        // A disk that is busy until the test says so.
        let (go, may_go) = sync_channel::<()>(0);
        let thread = std::thread::spawn(move || {
            let _ = may_go.recv();
            write_all(store, &waiting);
        });
        let mut keeper = Keeper { wanted, held_back: Vec::new(), thread };
        let made = |text: &str| vec![Change::PutMade(text.to_owned())];
        keeper.keep(made("taken"));
        keeper.keep(made("held back"));
        assert!(written(keeper.keep_now(Vec::new()).await).is_err());
        assert!(written(keeper.keep_now(made("refused")).await).is_err());
        drop(go);
        // Once the disk is free again what was held back comes first.
        loop {
            if written(keeper.keep_now(Vec::new()).await).is_ok() {
                break;
            }
            tokio::task::yield_now().await;
        }
        keeper.stop();
        assert_eq!(Store::open(&path).unwrap().1.made, "held back");
    }
}
