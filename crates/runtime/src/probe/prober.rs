//! Many checks, for as long as the process lives, on a thread of their own.
//!
//! ```text
//! set_targets --(watch, latest only)--> one thread: health::Schedule --(results, bounded)--> caller
//!                                          |  ^
//!                                          v  | at most `in_flight_max`
//!                                        checks
//! ```
//!
//! Nothing here grows: of the target lists only the latest is kept, a target has at most one check
//! under way, and a caller that does not take its results slows the checks down. At the limit of
//! checks under way the others wait their turn: late, never lost. Programs have a smaller limit of
//! their own, so that slow ones keep no other check waiting.
//!
//! The thread has given up gaining rights, for the commands that it starts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use health::{CheckKind, CheckSpec, FailReason, Outcome, Schedule, ScheduleFull};
use model::Time;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinSet};

use super::checker::{COMMANDS_MAX, CheckReport, Checker, Rights};
use crate::clock::Clock;
use crate::panics::begun_anew_here;

/// Checks that are due within this time begin together: what the thread is woken for costs more than
/// five milliseconds of punctuality are worth.
const ROUND: Duration = Duration::from_millis(5);
/// A check that begins later than this is counted as late.
const LATE_MS: u64 = 1_000;

/// What is checked under one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeTarget {
    /// Where the check connects to.
    pub address: SocketAddr,
    /// What it asks, and how often.
    pub spec: CheckSpec,
}

/// One check's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult<K> {
    /// Whose it is. May be a key that was taken out a moment ago.
    pub key: K,
    /// What came of it.
    pub report: CheckReport,
}

/// What the checks may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeLimits {
    /// Targets. Those beyond it, in the order of their keys, are not checked.
    pub targets_max: usize,
    /// Checks under way at a time, each with one socket.
    pub in_flight_max: usize,
}

/// What came of all checks so far. Only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeCounters {
    /// Checks that passed.
    pub passed: u64,
    /// Checks that did not, by [`FailReason::as_str`].
    pub failed: [(&'static str, u64); FailReason::WORDS.len()],
    /// Checks that began more than a second after they were due.
    pub late: u64,
    /// Milliseconds between the moments when checks were due and when they began, together.
    pub lateness_ms: u64,
}

/// The same, while it is counted.
#[derive(Debug, Default)]
struct Counting {
    passed: AtomicU64,
    failed: [AtomicU64; FailReason::WORDS.len()],
    late: AtomicU64,
    lateness_ms: AtomicU64,
}

/// The thread that runs the checks; dropping it ends them all.
#[derive(Debug)]
pub struct Prober<K> {
    /// None only while it is dropped.
    targets: Option<watch::Sender<Arc<BTreeMap<K, ProbeTarget>>>>,
    targets_max: usize,
    counting: Arc<Counting>,
    thread: Option<JoinHandle<()>>,
}

impl<K: Ord + Clone + Hash + Send + Sync + 'static> Prober<K> {
    /// Starts without targets. It ends by itself when the receiver of the results is gone.
    ///
    /// # Errors
    ///
    /// The system gives no thread, or no means to wait for sockets.
    pub fn start(
        checker: Checker,
        limits: ProbeLimits,
        clock: Clock,
        results: mpsc::Sender<ProbeResult<K>>,
    ) -> io::Result<Self> {
        let (targets, changes) = watch::channel(Arc::default());
        let counting = Arc::new(Counting::default());
        let counted = Arc::clone(&counting);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            // Before anything is started: what is given up here is given up for each of them.
            let checker = checker.with(Rights::give_up());
            // A fault of this program ends the checks under way, and all begin anew.
            begun_anew_here(|| {
                let rounds = Rounds {
                    schedule: Schedule::new(limits.targets_max),
                    targets: Arc::default(),
                    running: HashMap::new(),
                    owed: HashMap::new(),
                    keys: HashMap::new(),
                    commands: HashSet::new(),
                    in_flight: JoinSet::new(),
                    in_flight_max: limits.in_flight_max.max(1),
                    checker: checker.clone(),
                    clock,
                    results: results.clone(),
                    counting: Arc::clone(&counted),
                };
                let mut changes = changes.clone();
                changes.mark_changed();
                runtime.block_on(rounds.run(changes));
            });
        };
        let thread = std::thread::Builder::new().name("checks".to_owned()).spawn(run)?;
        let (targets, thread) = (Some(targets), Some(thread));
        Ok(Self { targets, targets_max: limits.targets_max, counting, thread })
    }

    /// What came of all checks so far.
    #[must_use]
    pub fn counters(&self) -> ProbeCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut failed = FailReason::WORDS.map(|word| (word, 0));
        for ((_, count), counter) in failed.iter_mut().zip(&self.counting.failed) {
            *count = read(counter);
        }
        ProbeCounters {
            passed: read(&self.counting.passed),
            failed,
            late: read(&self.counting.late),
            lateness_ms: read(&self.counting.lateness_ms),
        }
    }

    /// Says what is to be checked from now on. Targets that stay the same keep their place in
    /// time; new and changed ones are checked at once, or as soon as there is room for so many.
    ///
    /// # Errors
    ///
    /// There are more targets than the limit; the first ones are checked all the same.
    pub fn set_targets(&self, targets: BTreeMap<K, ProbeTarget>) -> Result<(), ScheduleFull> {
        let is_full = targets.len() > self.targets_max;
        if let Some(sender) = &self.targets {
            sender.send_replace(Arc::new(targets));
        }
        if is_full { Err(ScheduleFull { keys_max: self.targets_max }) } else { Ok(()) }
    }
}

impl<K> Drop for Prober<K> {
    fn drop(&mut self) {
        // Without it the thread ends; it never waits for anything but this and checks, which it drops.
        self.targets = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was told by its own words.
            drop(thread.join());
        }
    }
}

impl Counting {
    fn count(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Pass { .. } => Some(&self.passed),
            Outcome::Fail(reason) => {
                let mut words = FailReason::WORDS.iter().zip(&self.failed);
                words.find(|(word, _)| **word == reason.as_str()).map(|(_, counter)| counter)
            }
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn begin(&self, late_ms: u64) {
        self.lateness_ms.fetch_add(late_ms, Ordering::Relaxed);
        self.late.fetch_add(u64::from(late_ms > LATE_MS), Ordering::Relaxed);
    }
}

/// The thread's own state. Dropping it ends the checks under way.
struct Rounds<K> {
    schedule: Schedule<K>,
    targets: Arc<BTreeMap<K, ProbeTarget>>,
    /// The check under way of each key.
    running: HashMap<K, AbortHandle>,
    /// Of those, whose next check is due already, and since when: one that takes its whole timeout
    /// ends when the next is due, or a moment later.
    owed: HashMap<K, Time>,
    /// Whose each check under way is.
    keys: HashMap<Id, K>,
    /// Those of them that run a program, or wait to.
    commands: HashSet<Id>,
    in_flight: JoinSet<()>,
    in_flight_max: usize,
    checker: Checker,
    clock: Clock,
    results: mpsc::Sender<ProbeResult<K>>,
    counting: Arc<Counting>,
}

impl<K: Ord + Clone + Hash + Send + Sync + 'static> Rounds<K> {
    async fn run(mut self, mut changes: watch::Receiver<Arc<BTreeMap<K, ProbeTarget>>>) {
        let mut next_round = Instant::now();
        loop {
            let due = self.schedule.next_due().map(|due| self.clock.instant_at(due));
            let due = due.map(|due| due.max(next_round));
            let has_room = self.has_room();
            tokio::select! {
                changed = changes.changed() => match changed {
                    Ok(()) => self.replace_targets(Arc::clone(&changes.borrow_and_update())),
                    Err(_) => return,
                },
                Some(ended) = self.in_flight.join_next_with_id() => {
                    self.forget(ended.map_or_else(|error| error.id(), |(id, ())| id));
                }
                () = until(due), if has_room => {
                    next_round = Instant::now() + ROUND;
                    self.start_due();
                }
                () = self.results.closed() => return,
            }
        }
    }

    /// Moves from one list of targets to the next.
    fn replace_targets(&mut self, targets: Arc<BTreeMap<K, ProbeTarget>>) {
        let before = std::mem::replace(&mut self.targets, targets);
        for (key, target) in &*before {
            if self.targets.get(key) != Some(target) {
                self.schedule.remove(key);
                self.owed.remove(key);
                // What it would say is about a target that is no more.
                if let Some(check) = self.running.remove(key) {
                    check.abort();
                }
            }
        }
        let now = self.clock.now();
        let new = self.targets.iter().filter(|(key, _)| !self.schedule.contains(key));
        let new: Vec<(&K, u64)> = new.map(|(key, target)| (key, target.spec.interval_ms)).collect();
        let within_ms = Schedule::<K>::first_within_ms(new.len());
        for (key, interval_ms) in new {
            if self.schedule.insert(key.clone(), (interval_ms, within_ms), now).is_err() {
                break;
            }
        }
    }

    /// Whether one more check may begin. Commands that wait for their turn have no socket and are in
    /// nobody's way: they are as many as there are targets at most.
    fn has_room(&self) -> bool {
        let waiting = self.commands.len().saturating_sub(COMMANDS_MAX);
        self.in_flight.len() - waiting < self.in_flight_max
    }

    /// Starts the checks that are due, those that have been for longest first, while there is room.
    fn start_due(&mut self) {
        let now = self.clock.now();
        while self.has_room() {
            let Some((key, due)) = self.schedule.pop_due(now) else { return };
            if self.running.contains_key(&key) {
                self.owed.entry(key).or_insert(due);
            } else {
                self.counting.begin(now.ms_since(due));
                self.start(key);
            }
        }
    }

    fn start(&mut self, key: K) {
        let Some(target) = self.targets.get(&key).cloned() else {
            return;
        };
        let (checker, results, whose) = (self.checker.clone(), self.results.clone(), key.clone());
        let counting = Arc::clone(&self.counting);
        let is_command = matches!(target.spec.kind, CheckKind::Command(_));
        let check = self.in_flight.spawn(async move {
            let report = checker.check(target.address, &target.spec).await;
            counting.count(&report.outcome);
            // Fails only when nobody listens any more, which ends the thread as well.
            drop(results.send(ProbeResult { key: whose, report }).await);
        });
        self.keys.insert(check.id(), key.clone());
        if is_command {
            self.commands.insert(check.id());
        }
        self.running.insert(key, check);
    }

    /// A check has ended, whichever way.
    fn forget(&mut self, id: Id) {
        self.commands.remove(&id);
        let Some(key) = self.keys.remove(&id) else {
            return;
        };
        // Unless its place was taken by the check of a target that was changed meanwhile.
        if self.running.get(&key).is_none_or(|check| check.id() != id) {
            return;
        }
        self.running.remove(&key);
        // Where others have waited for longer it is left out.
        if let Some(due) = self.owed.remove(&key)
            && self.schedule.next_due().is_none_or(|next| next >= due)
        {
            self.counting.begin(self.clock.now().ms_since(due));
            self.start(key);
        }
    }
}

/// Waits for a moment; for ever where there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
