//! Many checks, for as long as the process lives.
//!
//! ```text
//! set_targets --(watch, latest only)--> one task: health::Schedule --(results, bounded)--> caller
//!                                          |  ^
//!                                          v  | at most `in_flight_max`
//!                                        checks
//! ```
//!
//! Nothing here grows: of the target lists only the latest is kept, a target has at most one check
//! under way, and a caller that does not take its results slows the checks down. At the limit of
//! checks under way the others wait their turn: late, never lost.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::Arc;

use health::{CheckSpec, Schedule, ScheduleFull};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinHandle, JoinSet};

use super::checker::{CheckReport, Checker};
use crate::clock::Clock;

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

/// The task that runs the checks; dropping it ends them all.
#[derive(Debug)]
pub struct Prober<K> {
    targets: watch::Sender<Arc<BTreeMap<K, ProbeTarget>>>,
    targets_max: usize,
    task: JoinHandle<()>,
}

impl<K: Ord + Clone + Hash + Send + Sync + 'static> Prober<K> {
    /// Starts without targets, on the current tokio runtime. It ends by itself when the receiver
    /// of the results is gone.
    #[must_use]
    pub fn start(
        checker: Checker,
        limits: ProbeLimits,
        clock: Clock,
        results: mpsc::Sender<ProbeResult<K>>,
    ) -> Self {
        let (targets, changes) = watch::channel(Arc::default());
        let rounds = Rounds {
            schedule: Schedule::new(limits.targets_max),
            targets: Arc::default(),
            running: HashMap::new(),
            keys: HashMap::new(),
            in_flight: JoinSet::new(),
            in_flight_max: limits.in_flight_max.max(1),
            checker,
            clock,
            results,
        };
        let task = tokio::spawn(rounds.run(changes));
        Self { targets, targets_max: limits.targets_max, task }
    }

    /// Says what is to be checked from now on. Targets that stay the same keep their place in
    /// time; new and changed ones are checked within a second.
    ///
    /// # Errors
    ///
    /// There are more targets than the limit; the first ones are checked all the same.
    pub fn set_targets(&self, targets: BTreeMap<K, ProbeTarget>) -> Result<(), ScheduleFull> {
        let is_full = targets.len() > self.targets_max;
        self.targets.send_replace(Arc::new(targets));
        if is_full { Err(ScheduleFull { keys_max: self.targets_max }) } else { Ok(()) }
    }
}

impl<K> Drop for Prober<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task's own state. Dropping it ends the checks under way.
struct Rounds<K> {
    schedule: Schedule<K>,
    targets: Arc<BTreeMap<K, ProbeTarget>>,
    /// The check under way of each key.
    running: HashMap<K, AbortHandle>,
    /// Whose each check under way is.
    keys: HashMap<Id, K>,
    in_flight: JoinSet<()>,
    in_flight_max: usize,
    checker: Checker,
    clock: Clock,
    results: mpsc::Sender<ProbeResult<K>>,
}

impl<K: Ord + Clone + Hash + Send + Sync + 'static> Rounds<K> {
    async fn run(mut self, mut changes: watch::Receiver<Arc<BTreeMap<K, ProbeTarget>>>) {
        loop {
            let due = self.schedule.next_due().map(|due| self.clock.instant_at(due));
            let has_room = self.in_flight.len() < self.in_flight_max;
            tokio::select! {
                changed = changes.changed() => match changed {
                    Ok(()) => self.replace_targets(Arc::clone(&changes.borrow_and_update())),
                    Err(_) => return,
                },
                Some(ended) = self.in_flight.join_next_with_id() => {
                    self.forget(ended.map_or_else(|error| error.id(), |(id, ())| id));
                }
                () = until(due), if has_room => self.start_next(),
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
                // What it would say is about a target that is no more.
                if let Some(check) = self.running.remove(key) {
                    check.abort();
                }
            }
        }
        let now = self.clock.now();
        for (key, target) in &*self.targets {
            let is_known = self.schedule.contains(key);
            let interval_ms = target.spec.interval_ms;
            if !is_known && self.schedule.insert(key.clone(), interval_ms, now).is_err() {
                break;
            }
        }
    }

    /// Starts the check that has been due for longest.
    fn start_next(&mut self) {
        let Some(key) = self.schedule.pop_due(self.clock.now()) else {
            return;
        };
        let Some(target) = self.targets.get(&key).cloned() else {
            return;
        };
        // Its last check is still under way, since its result was not taken: this one is left out.
        if self.running.contains_key(&key) {
            return;
        }
        let (checker, results, whose) = (self.checker.clone(), self.results.clone(), key.clone());
        let check = self.in_flight.spawn(async move {
            let report = checker.check(target.address, &target.spec).await;
            // Fails only when nobody listens any more, which ends the task above as well.
            drop(results.send(ProbeResult { key: whose, report }).await);
        });
        self.keys.insert(check.id(), key.clone());
        self.running.insert(key, check);
    }

    /// A check has ended, whichever way.
    fn forget(&mut self, id: Id) {
        let Some(key) = self.keys.remove(&id) else {
            return;
        };
        // Unless its place was taken by the check of a target that was changed meanwhile.
        if self.running.get(&key).is_some_and(|check| check.id() == id) {
            self.running.remove(&key);
        }
    }
}

/// Waits for a moment; for ever where there is none.
async fn until(moment: Option<std::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
