//! The thread's side: writes what comes, and rests after a failure. Decides nothing about rows.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use store::{TableCopy, TableError, TableFiles};
use tracing::{error, info};

use super::state::State;
use crate::backoff::Backoff;
use crate::logs::chain;
use crate::panics::begun_anew_here;

/// What the thread is sent.
#[derive(Debug)]
pub(super) enum Wanted {
    /// What changed.
    Steps(Vec<u8>),
    /// All of it, behind everything that was sent before.
    Table(Box<TableCopy>),
}

/// Writes a batch of steps.
pub(super) type Append<'a> = dyn FnMut(&[u8]) -> Result<(), TableError> + 'a;

/// What is done between the pieces of a snapshot.
pub(super) type Between<'a> = dyn FnMut(&mut Append<'_>) -> Result<(), TableError> + 'a;

/// Where it is written. The other one is the tests': a disk that is slow, or full.
pub(super) trait Disk: Send + 'static {
    /// [`TableFiles::append`].
    fn append(&mut self, batch: &[u8]) -> Result<(), TableError>;
    /// [`TableFiles::snapshot`].
    fn snapshot(&mut self, copy: &TableCopy, between: &mut Between<'_>) -> Result<(), TableError>;
    /// [`TableFiles::wants_snapshot`].
    fn wants_snapshot(&self) -> bool;
    /// [`TableFiles::bytes`].
    fn bytes(&self) -> u64;
}

impl Disk for TableFiles {
    fn append(&mut self, batch: &[u8]) -> Result<(), TableError> {
        Self::append(self, batch)
    }

    fn snapshot(&mut self, copy: &TableCopy, between: &mut Between<'_>) -> Result<(), TableError> {
        Self::snapshot(self, copy, &mut |files| between(&mut |batch| files.append(batch)))
    }

    fn wants_snapshot(&self) -> bool {
        Self::wants_snapshot(self)
    }

    fn bytes(&self) -> u64 {
        Self::bytes(self)
    }
}

/// How long the thread rests after a failure. A large table is not written every second to a disk that
/// stays full.
pub(super) const RESTS: Backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(300));

/// Writes until nobody can send any more and all is written.
pub(super) fn write_all<D: Disk>(
    disk: &mut D,
    rests: Backoff,
    waiting: &Receiver<Wanted>,
    state: &State,
) {
    let mut writer = Writer { rests, rests_until: None, waiting, state };
    begun_anew_here(|| writer.run(disk));
}

struct Writer<'a> {
    rests: Backoff,
    /// Until when nothing is tried.
    rests_until: Option<Instant>,
    waiting: &'a Receiver<Wanted>,
    state: &'a State,
}

impl Writer<'_> {
    fn run<D: Disk>(&mut self, disk: &mut D) {
        loop {
            let rest =
                self.rests_until.map(|until| until.saturating_duration_since(Instant::now()));
            let wanted = match rest {
                None => self.waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(rest) => self.waiting.recv_timeout(rest),
            };
            let wanted = match wanted {
                Ok(wanted) => wanted,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    self.rests_until = None;
                    self.state.rest(false);
                    self.state.want_table();
                    continue;
                }
            };
            // Done whatever becomes of it, a panic too.
            let _done = Done(self.state);
            match wanted {
                Wanted::Steps(batch) => {
                    let written = disk.append(&batch);
                    self.see(disk, written, false);
                }
                Wanted::Table(copy) => {
                    let follows = copy.follows;
                    let mut between =
                        |append: &mut Append<'_>| self.append_waiting(append, follows);
                    let written = disk.snapshot(&copy, &mut between);
                    drop(copy);
                    self.see(disk, written, true);
                }
            }
        }
    }

    /// Writes the steps that came meanwhile, and gives up what there is no time for.
    fn append_waiting(&self, append: &mut Append<'_>, follows: bool) -> Result<(), TableError> {
        // Looked at first: what was sent before the end was said is written in any case.
        let is_given_up = self.state.gives_up(follows);
        for wanted in self.waiting.try_iter() {
            let _done = Done(self.state);
            // Only what is idle is sent a table.
            if let Wanted::Steps(batch) = wanted {
                append(&batch)?;
            }
        }
        if is_given_up { Err(TableError::GivenUp) } else { Ok(()) }
    }

    fn see<D: Disk>(&mut self, disk: &D, written: Result<(), TableError>, is_table: bool) {
        let Err(fault) = written else {
            if self.state.went_well(disk.bytes(), is_table) {
                info!("what is learned is kept again");
            }
            self.rests.reset();
            if disk.wants_snapshot() {
                self.state.want_table();
            } else if is_table {
                self.state.table_is_sent();
            }
            return;
        };
        if matches!(fault, TableError::GivenUp) {
            return;
        }
        // Steps behind one that was not written.
        if matches!(fault, TableError::Closed) && !is_table {
            if self.rests_until.is_none() {
                self.state.want_table();
            }
            return;
        }
        if self.state.failed(disk.bytes()) {
            error!(
                "{}; what is learned is not kept until it goes well again; answering goes on",
                chain(&fault)
            );
        }
        self.state.rest(true);
        self.rests_until = Some(Instant::now() + self.rests.next_pause());
    }
}

/// Something that was sent is done.
struct Done<'a>(&'a State);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.is_done();
    }
}
