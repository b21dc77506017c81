//! A sample of the queries and their answers, for an operator's own tools: dnstap over a local socket.
//! See decision 47.
//!
//! ```text
//! worker -> ring --+
//! worker -> ring --+--> one thread --> frames --> the reader's socket
//! worker -> ring --+
//! ```
//!
//! - `sample`: one query and its answer, copied,
//! - `dnstap`: a sample as a message,
//! - `frames`: messages as a stream,
//! - `writer`: the thread.
//!
//! A worker that finds its ring full counts that and goes on: no query waits for a reader. Where no
//! query log is configured there is no ring, and a query costs one look at an `Option`. Must never
//! decide what is answered.

mod sample;

mod dnstap;

mod frames;

mod writer;

use std::io;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use config::QueryLogSettings;
use model::Time;
use overwatch::Outcome;
use rtrb::{Consumer, Producer, RingBuffer};

pub(crate) use self::frames::read_any;
use self::sample::Sample;
use self::writer::Writer;
use crate::dns::Arrival;
use crate::panics::begun_anew_here;

/// Samples of one worker that wait for the thread, half a megabyte: what a worker takes in the time
/// in which the thread sleeps, at ten times the rate of anybody's reader.
const RING_SAMPLES: usize = 256;

/// The thread and what it reads from. Dropping it writes what waits, and ends it.
#[derive(Debug)]
pub(crate) struct QueryLog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What workers and the thread have in common.
#[derive(Debug)]
struct Shared {
    /// One query of so many is taken.
    sample: NonZeroU32,
    /// Of workers that the thread does not know yet.
    newcomers: Mutex<Vec<Consumer<Sample>>>,
    stop: AtomicBool,
    written: AtomicU64,
    full: AtomicU64,
    no_reader: AtomicU64,
}

/// One worker's end.
#[derive(Debug)]
pub(crate) struct Tap {
    shared: Arc<Shared>,
    ring: Producer<Sample>,
    /// Queries until the next one that is taken.
    left: u32,
}

/// What became of the samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct QueryLogCounters {
    /// Written to a reader.
    pub(crate) written: u64,
    /// Lost since a worker's ring was full.
    pub(crate) full: u64,
    /// Lost since nobody reads.
    pub(crate) no_reader: u64,
}

impl QueryLog {
    /// Starts the thread. Whether anybody reads may change while it runs.
    ///
    /// # Errors
    ///
    /// The system refuses a thread.
    pub(crate) fn start(settings: &QueryLogSettings, identity: &str) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            sample: settings.sample,
            newcomers: Mutex::default(),
            stop: AtomicBool::new(false),
            written: AtomicU64::new(0),
            full: AtomicU64::new(0),
            no_reader: AtomicU64::new(0),
        });
        let mut writer = Writer::new(Arc::clone(&shared), settings.socket.clone().into(), identity);
        let write = move || begun_anew_here(|| writer.run());
        let thread = std::thread::Builder::new().name("query-log".to_owned());
        Ok(Self { shared, thread: Some(thread.spawn(write)?) })
    }

    /// A worker's end.
    pub(crate) fn tap(&self) -> Tap {
        Tap::new(Arc::clone(&self.shared))
    }

    /// What became of the samples so far.
    pub(crate) fn counters(&self) -> QueryLogCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        QueryLogCounters {
            written: read(&self.shared.written),
            full: read(&self.shared.full),
            no_reader: read(&self.shared.no_reader),
        }
    }
}

impl Drop for QueryLog {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A thread that panicked has ended as well.
            drop(thread.join());
        }
    }
}

impl Tap {
    fn new(shared: Arc<Shared>) -> Self {
        let (ring, samples) = RingBuffer::new(RING_SAMPLES);
        shared.newcomers.lock().unwrap_or_else(PoisonError::into_inner).push(samples);
        Self { shared, ring, left: 0 }
    }

    /// Another worker's end.
    pub(crate) fn beside(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }

    /// A query was answered, or not: an empty answer is none. Takes one of so many.
    pub(crate) fn see(
        &mut self,
        (arrival, at): (Arrival, Time),
        query: &[u8],
        answer: &[u8],
        outcome: &Outcome<'_>,
    ) {
        if self.left > 0 {
            self.left -= 1;
            return;
        }
        self.left = self.shared.sample.get() - 1;
        let is_full = self.ring.is_full();
        if is_full || self.ring.push(Sample::of((arrival, at), query, answer, outcome)).is_err() {
            self.shared.full.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
