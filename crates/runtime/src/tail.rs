//! Decisions for whoever watches them now.
//!
//! A worker that answers never waits for a watcher and takes no lock: it looks at one number, and only
//! where that is not zero it puts a decision together, so many a second, and offers it to each
//! watcher's queue. A queue that is full loses it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use api::decisions::DecisionMade;
use arc_swap::ArcSwap;
use model::{Subnet, Time};
use overwatch::Asker;
use routing::Decision;
use tokio::sync::mpsc;

/// Decisions a second that one worker shows: more than anybody reads, and too few to be felt.
const SHOWN_PER_SECOND: u64 = 50;
/// Who may watch at a time. At the limit one more is refused.
const WATCHERS_MAX: usize = 16;
/// The same of one network, so that nobody alone can shut out the others.
const WATCHERS_PER_NETWORK_MAX: usize = 8;
/// Decisions that wait for one watcher: some seconds of all workers.
const WAITING_MAX: usize = 512;

/// One that is shown.
type Shown = Arc<DecisionMade>;

/// Where decisions go: shared by all workers and watchers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    watchers: AtomicUsize,
    queues: ArcSwap<Vec<Queue>>,
    /// Held while somebody comes or goes; the number of the next one.
    next: Mutex<u64>,
}

/// What waits for one watcher.
#[derive(Clone, Debug)]
struct Queue {
    number: u64,
    /// Where the watcher is; none for who is on this machine.
    network: Option<Subnet>,
    decisions: mpsc::Sender<Shown>,
}

/// Somebody who watches, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    tail: Tail,
    number: u64,
    decisions: mpsc::Receiver<Shown>,
}

/// A worker's end.
#[derive(Debug)]
pub(crate) struct Showing {
    tail: Tail,
    second: Time,
    left: u64,
    left_out: u64,
}

impl Tail {
    /// Begins to watch from a network, or from this machine; `None` where too many do.
    pub(crate) fn watch(&self, network: Option<Subnet>) -> Option<Watcher> {
        let mut next = self.0.next.lock().unwrap_or_else(PoisonError::into_inner);
        let mut queues = Vec::clone(&self.0.queues.load());
        let here = queues.iter().filter(|queue| network.is_some() && queue.network == network);
        if queues.len() >= WATCHERS_MAX || here.count() >= WATCHERS_PER_NETWORK_MAX {
            return None;
        }
        let (queue, decisions) = mpsc::channel(WAITING_MAX);
        let number = *next;
        *next += 1;
        queues.push(Queue { number, network, decisions: queue });
        self.set(queues);
        Some(Watcher { tail: self.clone(), number, decisions })
    }

    fn set(&self, queues: Vec<Queue>) {
        let watchers = queues.len();
        self.0.queues.store(Arc::new(queues));
        self.0.watchers.store(watchers, Ordering::Relaxed);
    }

    /// A worker's end.
    pub(crate) fn showing(&self) -> Showing {
        Showing { tail: self.clone(), second: Time::EPOCH, left: 0, left_out: 0 }
    }
}

impl Watcher {
    /// The next decision; pends for ever where there is none.
    pub(crate) async fn next(&mut self) -> Option<Shown> {
        self.decisions.recv().await
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _coming_or_going = self.tail.0.next.lock().unwrap_or_else(PoisonError::into_inner);
        let mut queues = Vec::clone(&self.tail.0.queues.load());
        queues.retain(|queue| queue.number != self.number);
        self.tail.set(queues);
    }
}

impl Showing {
    /// The end of another worker.
    pub(crate) fn beside(&self) -> Self {
        self.tail.showing()
    }

    /// Whether anybody watches.
    pub(crate) fn is_watched(&self) -> bool {
        self.tail.0.watchers.load(Ordering::Relaxed) > 0
    }

    /// Shows a decision to all who watch, if it is one of those of this second.
    pub(crate) fn show(&mut self, decision: &Decision<'_>, client: Subnet, asker: &Asker) {
        if asker.now.ms_since(self.second) >= 1_000 {
            (self.second, self.left) = (asker.now, SHOWN_PER_SECOND);
        }
        if self.left == 0 {
            self.left_out += 1;
            return;
        }
        self.left -= 1;
        let server = decision.ipv4.first().or_else(|| decision.ipv6.first());
        let shown = Arc::new(DecisionMade {
            at: asker.now.to_rfc3339(),
            client: client.to_string(),
            asker: asker.address.to_string(),
            domain: decision.domain().to_string(),
            region: decision.region.map(ToString::to_string),
            server: server.map(|server| server.address.to_string()),
            reason: decision.reason.to_string(),
            rtt_us: decision.rtt().map(model::Rtt::us),
            scope: decision.scope.to_string(),
            left_out: std::mem::take(&mut self.left_out),
        });
        for queue in self.tail.0.queues.load().iter() {
            // One that is full is read by nobody at the moment.
            let _ = queue.decisions.try_send(Arc::clone(&shown));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_watches_is_counted_and_limited() {
        let tail = Tail::default();
        let showing = tail.showing();
        assert!(!showing.is_watched());
        let mut watchers: Vec<Watcher> =
            (0..WATCHERS_MAX).filter_map(|_| tail.watch(None)).collect();
        assert_eq!(watchers.len(), WATCHERS_MAX);
        assert!(tail.watch(None).is_none());
        watchers.swap_remove(3);
        watchers.push(tail.watch(None).unwrap());
        assert!(tail.watch(None).is_none() && showing.beside().is_watched());
        watchers.clear();
        assert!(!showing.is_watched());
        assert!(tail.0.queues.load().is_empty());
    }

    #[test]
    fn one_network_does_not_shut_out_the_others() {
        let tail = Tail::default();
        let (one, other) = ("192.0.2.1/32".parse().ok(), "192.0.2.2/32".parse().ok());
        let from_one = || tail.watch(one);
        let mut watchers: Vec<Watcher> = (0..WATCHERS_MAX).filter_map(|_| from_one()).collect();
        assert_eq!(watchers.len(), WATCHERS_PER_NETWORK_MAX);
        watchers.extend(tail.watch(other));
        watchers.extend(tail.watch(None));
        assert_eq!(watchers.len(), WATCHERS_PER_NETWORK_MAX + 2);
    }
}
