//! How it goes with the writing, as the loop and the thread tell each other. No lock: each number by
//! itself is right, and all of them are a moment old at most.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// What both know.
#[derive(Debug)]
pub(super) struct State {
    /// What was sent and is not done.
    waiting: AtomicUsize,
    /// The thread asks for the whole table.
    wants_table: AtomicBool,
    /// The last attempt failed, and it is too early for another one.
    is_resting: AtomicBool,
    /// What is sent is written.
    is_keeping: AtomicBool,
    /// No snapshot is needed any more of what the files hold as well.
    is_ending: AtomicBool,
    /// Nor any other.
    is_over: AtomicBool,
    bytes: AtomicU64,
    snapshots: AtomicU64,
    failures: AtomicU64,
}

/// How it goes, for metrics and whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::process) struct Kept {
    /// Whether what is learned is kept.
    pub(in crate::process) is_kept: bool,
    /// For how long something has not been on the disk, in milliseconds.
    pub(in crate::process) unsaved_ms: u64,
    /// Bytes of all files.
    pub(in crate::process) bytes: u64,
    /// Snapshots written since the start.
    pub(in crate::process) snapshots: u64,
    /// Writes that failed since the start.
    pub(in crate::process) failures: u64,
}

impl State {
    pub(super) const fn new(bytes: u64) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            wants_table: AtomicBool::new(false),
            is_resting: AtomicBool::new(false),
            is_keeping: AtomicBool::new(true),
            is_ending: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            bytes: AtomicU64::new(bytes),
            snapshots: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }

    pub(super) fn is_sent(&self) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn is_done(&self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }

    pub(super) fn wants_table(&self) -> bool {
        self.wants_table.load(Ordering::Acquire)
    }

    pub(super) fn want_table(&self) {
        self.wants_table.store(true, Ordering::Release);
    }

    pub(super) fn table_is_sent(&self) {
        self.wants_table.store(false, Ordering::Release);
    }

    /// Whether it is not too early for another attempt.
    pub(super) fn may_try(&self) -> bool {
        !self.is_resting.load(Ordering::Acquire)
    }

    pub(super) fn rest(&self, is_resting: bool) {
        self.is_resting.store(is_resting, Ordering::Release);
    }

    pub(super) fn is_keeping(&self) -> bool {
        self.is_keeping.load(Ordering::Acquire)
    }

    /// All that is to be written was sent.
    pub(super) fn end(&self) {
        self.is_ending.store(true, Ordering::Release);
    }

    /// There is no more time.
    pub(super) fn be_over(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Whether a snapshot is not to be finished.
    pub(super) fn gives_up(&self, follows: bool) -> bool {
        (follows && self.is_ending.load(Ordering::Acquire)) || self.is_over.load(Ordering::Acquire)
    }

    /// An attempt went well; says whether the one before had not.
    pub(super) fn went_well(&self, bytes: u64, is_snapshot: bool) -> bool {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.snapshots.fetch_add(is_snapshot.into(), Ordering::Relaxed);
        !self.is_keeping.swap(true, Ordering::AcqRel)
    }

    /// An attempt failed; says whether the one before had not.
    pub(super) fn failed(&self, bytes: u64) -> bool {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.is_keeping.swap(false, Ordering::AcqRel)
    }

    pub(super) fn kept(&self, is_whole: bool, unsaved_ms: u64) -> Kept {
        Kept {
            is_kept: is_whole && self.is_keeping(),
            unsaved_ms,
            bytes: self.bytes.load(Ordering::Relaxed),
            snapshots: self.snapshots.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}
