//! The thread that writes what was learned, so that a slow or full disk holds up nothing but itself.
//!
//! ```text
//! loop: node --(steps of a second | a snapshot of the table)--> thread --> files
//!       state <----------------(how it goes)----------------+
//! ```
//!
//! Whatever goes wrong is healed by a snapshot of the whole table, which the thread asks for once it may
//! go well again. Nothing waits for it but the end of the process, and that not for long. See
//! `docs/decisions/0060-the-table-on-disk.md`.

mod anew;
mod state;

mod thread;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use ::overwatch::{Overwatch, Recalled, Replayed};
use latency::{Table, TableLimits, TableSnapshot};
use model::{AgentId, Time};
use store::{Found, TableCopy, TableError, TableFiles, TableLock};
use tracing::{error, info, warn};

use self::anew::Anew;
pub(super) use self::state::Kept;
use self::state::State;
use self::thread::{Disk, RESTS, Wanted};
use super::StartError;
use crate::backoff::Backoff;
use crate::logs::chain;

/// Seconds that wait for the disk. Past it they are not kept, and the whole table is once the disk is back.
const QUEUE_SECONDS: usize = 16;

/// How much may be noted before it is handed on within a second: some hundred thousand rows.
const STEPS_BYTES: usize = 1024 * 1024;

/// How long the end of the process waits for the disk. What it does not take by then is lost, as by a
/// power cut.
const STOP_MAX: Duration = Duration::from_secs(5);

/// How long it waits then for a snapshot to be given up, which takes a write of some megabytes.
const GIVING_UP_MAX: Duration = Duration::from_secs(1);

/// How long a start waits for whoever wrote the files before: as long as that one gives itself.
const LOCK_MAX: Duration = Duration::from_secs(6);

/// The thread and the way to it.
#[derive(Debug)]
pub(super) struct TableKeeper {
    wanted: SyncSender<Wanted>,
    state: Arc<State>,
    /// Whether steps are missing: then the whole table is next.
    has_gap: bool,
    /// Up to when all is written, as far as is known here.
    saved_at: Time,
    /// When something was last handed on.
    looked_at: Time,
    /// Ends with the thread.
    ended: Receiver<()>,
}

impl TableKeeper {
    /// Reads what was kept, and keeps what is learned from now on. What is left out is logged, a line each.
    ///
    /// # Errors
    ///
    /// The files cannot be used, or the system refuses a thread; then nothing is kept.
    pub(super) fn open(
        directory: &Path,
        limits: TableLimits,
        node: &mut Overwatch,
        now: Time,
    ) -> Result<Self, StartError> {
        let lock = lock(directory)?;
        let began = Instant::now();
        let (files, found) = TableFiles::open(directory, limits)?;
        let Found { mut table, replayed, incomplete, dropped, .. } = found;
        let Replayed { steps, refused, through } = replayed;
        dropped.iter().for_each(|line| warn!("the learned table: {line}"));
        let changed = table.wake(now);
        incomplete.iter().for_each(|agent| table.ask_again(agent));
        let rows = table.len();
        let unknown = node.recall(Recalled { table, through }, now);
        tell(&unknown, "are not enrolled, or by another key: their rows are dropped");
        let again: BTreeSet<&AgentId> = incomplete.iter().chain(&changed).collect();
        let again: Vec<AgentId> = again.into_iter().cloned().collect();
        tell(&again, "have rows missing or too old: they are asked for everything again");
        info!(
            "the learned table: {rows} rows read in {} ms, with {steps} steps since the snapshot ({refused} \
             of them refused)",
            began.elapsed().as_millis()
        );
        let mut keeper = Self::start((files, lock), RESTS, now)?;
        // What was left out is not in the files' steps.
        keeper.has_gap = !dropped.is_empty() || !again.is_empty();
        Ok(keeper)
    }

    /// Keeps what is learned behind whatever is there, from the whole table on; as soon as it can.
    ///
    /// # Errors
    ///
    /// The system refuses a thread.
    pub(super) fn anew(directory: &Path, now: Time) -> Result<Self, StartError> {
        let mut keeper = Self::start((Anew::new(directory), ()), RESTS, now)?;
        keeper.has_gap = true;
        Ok(keeper)
    }

    /// Begins the thread. What guards the disk is held until nothing more is written.
    fn start(
        (disk, guard): (impl Disk, impl Send + 'static),
        rests: Backoff,
        now: Time,
    ) -> Result<Self, StartError> {
        let (wanted, waiting) = sync_channel(QUEUE_SECONDS);
        let (ends, ended) = sync_channel::<()>(0);
        let state = Arc::new(State::new(disk.bytes()));
        let (of_thread, mut disk) = (Arc::clone(&state), disk);
        // By its name its panics count as the store's.
        let builder = std::thread::Builder::new().name("store-rows".to_owned());
        let run = move || {
            thread::write_all(&mut disk, rests, &waiting, &of_thread);
            // Before it is said: the next one may write at once.
            drop((disk, guard));
            drop(ends);
        };
        builder.spawn(run).map_err(StartError::System)?;
        Ok(Self { wanted, state, has_gap: false, saved_at: now, looked_at: now, ended })
    }

    /// Hands on what changed. Expected once a second, and where [`TableKeeper::is_due`] says so.
    pub(super) fn look(&mut self, node: &mut Overwatch, now: Time) {
        let steps = node.take_steps(now);
        self.keep(steps, || node.table().snapshot(), now);
    }

    /// Whether so much changed that it does not wait for the end of the second.
    pub(super) fn is_due(node: &Overwatch) -> bool {
        node.steps_len() >= STEPS_BYTES
    }

    fn keep(&mut self, steps: Option<Vec<u8>>, table: impl FnOnce() -> TableSnapshot, now: Time) {
        let is_idle = self.state.is_idle();
        self.has_gap |= steps.is_none();
        let steps = steps.unwrap_or_default();
        if is_idle && (self.has_gap || self.state.wants_table()) && self.state.may_try() {
            self.send_table(steps, table, now);
            return;
        }
        if is_idle && !self.has_gap && self.state.is_keeping() {
            // What is sent now is not written yet.
            self.saved_at = if steps.is_empty() { now } else { self.looked_at };
        }
        self.looked_at = now;
        if !self.has_gap && !steps.is_empty() && !self.send(Wanted::Steps(steps)) {
            self.has_gap = true;
            error!(
                "the disk does not keep up: what is learned is not kept until it does; answering goes on"
            );
        }
    }

    /// Hands on a snapshot of all, and before it what leads to it, where that is known.
    fn send_table(&mut self, steps: Vec<u8>, table: impl FnOnce() -> TableSnapshot, now: Time) {
        self.state.table_is_sent();
        let mut follows = !self.has_gap && self.state.is_keeping();
        if follows && !steps.is_empty() {
            follows = self.send(Wanted::Steps(steps));
        }
        let copy = TableCopy { table: table(), at: now, follows };
        self.has_gap = !self.send(Wanted::Table(Box::new(copy)));
    }

    /// Whether there was room for it.
    fn send(&self, wanted: Wanted) -> bool {
        self.state.is_sent();
        match self.wanted.try_send(wanted) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.state.is_done();
                false
            }
        }
    }

    /// What was noted may not be all: the whole table is next.
    pub(super) const fn doubt(&mut self) {
        self.has_gap = true;
    }

    /// How it goes.
    pub(super) fn kept(&self, now: Time) -> Kept {
        self.state.kept(!self.has_gap, now.ms_since(self.saved_at))
    }

    /// Hands on the last of it, and waits for the disk, but not for ever.
    pub(super) fn stop(mut self, node: &mut Overwatch, now: Time) {
        self.look(node, now);
        self.end();
    }

    /// A snapshot of what the files hold as well is given up at once, any other one when time is over.
    fn end(self) {
        let Self { wanted, state, ended, .. } = self;
        state.end();
        drop(wanted);
        if ended.recv_timeout(STOP_MAX) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        state.be_over();
        if ended.recv_timeout(GIVING_UP_MAX) == Err(RecvTimeoutError::Timeout) {
            error!("the disk does not take the last of what was learned; going without");
        }
    }
}

/// Waits for whoever writes the files still, but not for ever.
fn lock(directory: &Path) -> Result<TableLock, TableError> {
    let began = Instant::now();
    loop {
        match TableLock::take(directory) {
            Err(TableError::Held { .. }) if began.elapsed() < LOCK_MAX => {
                std::thread::sleep(Duration::from_millis(10));
            }
            taken => return taken,
        }
    }
}

/// What is said of some agents, in one line.
fn tell(agents: &[AgentId], what: &str) {
    /// Of more only the number is told.
    const NAMES_MAX: usize = 10;
    if agents.is_empty() {
        return;
    }
    let names: Vec<&str> = agents.iter().take(NAMES_MAX).map(AgentId::as_str).collect();
    let more = agents.len().saturating_sub(NAMES_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    warn!("the learned table: {}{more} {what}", names.join(", "));
}

/// Opens the files where they are to be kept, and removes them where they are not. Whatever goes wrong
/// is logged: an overwatch without them is as good as one that just began.
pub(super) fn open(
    directory: &Path,
    (is_kept, limits): (bool, TableLimits),
    node: &mut Overwatch,
    now: Time,
) -> Option<TableKeeper> {
    if is_kept {
        return match TableKeeper::open(directory, limits, node, now) {
            Ok(keeper) => Some(keeper),
            Err(fault) => {
                warn!("{}; going on without what was kept", chain(&fault));
                // What changes from here on is noted all the same.
                node.recall(Recalled { table: Table::new(limits), through: None }, now);
                open_again(directory, is_kept, now)
            }
        };
    }
    match TableFiles::remove(directory) {
        Ok(0) => {}
        Ok(files) => {
            info!("latency_table.persist is off: removed {files} files of what was learned");
        }
        Err(fault) => warn!("{}", chain(&fault)),
    }
    None
}

/// Goes on behind what another process kept, or what could not be read.
pub(super) fn open_again(directory: &Path, is_kept: bool, now: Time) -> Option<TableKeeper> {
    let opened = is_kept.then(|| TableKeeper::anew(directory, now))?;
    opened.map_err(|fault| tell_unkept(&fault)).ok()
}

fn tell_unkept(fault: &StartError) {
    error!("{}; what is learned is not kept", chain(fault));
}

impl From<TableError> for StartError {
    fn from(error: TableError) -> Self {
        Self::Table(error)
    }
}

#[cfg(test)]
mod tests;
