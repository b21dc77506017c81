//! The threads that read the kernel: one waits for destroy events, one dumps when it is asked to.
//!
//! ```text
//! kernel --destroy events--> thread --+
//!                                     +--(bounded)--> the agent's loop
//! kernel --dump--> thread <--(poll)---+
//! ```
//!
//! Where a queue is full the listening thread goes on reading and holds what it read, up to a limit: the
//! kernel's own buffer may be as small as for some hundred events, and it counts what it drops. Neither
//! thread ends before the agent does: a source that is missing or fails is tried again, and a panic
//! counts as a failure, since an agent that waits for a dead thread would learn nothing for ever.
//! Nothing is decided here: which readings count is `latency`'s.

mod source;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc as std_mpsc};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use model::Sample;
use tcpstat::{CollectError, Dump, DumpStats, Kernel, Sources, Unavailable};
use tokio::sync::mpsc;
use tracing::{info, warn};

use self::source::Source;
use crate::backoff::Backoff;
use crate::logs::chain;

/// How long a thread waits in the kernel before it looks whether it is to stop, or to hear about other ports.
const LOOK_UP: Duration = Duration::from_millis(500);
/// How long the listening thread rests after its first error, so that a lasting one is no busy loop.
const REST: Duration = Duration::from_millis(200);
/// The longest rest: a source that is there again is heard within a minute, and a missing one costs a look a
/// minute. What gave something for so long begins with the shortest rest again.
const REST_MAX: Duration = Duration::from_secs(60);
/// How soon the listening thread tries again to hand on what it holds.
const TRY_AGAIN: Duration = Duration::from_millis(5);
/// Readings that the listening thread holds while the queue is full: some seconds of a busy server, 4 MiB. At
/// the limit it waits for room.
const HELD_MAX: usize = 1 << 15;
/// Readings in one message: keeps a dump of a million sockets from being one allocation in the
/// queue, and costs one wake-up for each.
const CHUNK_SAMPLES: usize = 4096;

/// What the threads tell the agent.
#[derive(Debug)]
pub enum Collected {
    /// Readings.
    Samples(Vec<Sample>),
    /// The dump that was asked for is complete.
    DumpEnded,
    /// It failed.
    DumpFailed,
}

/// What a panic is called where a source is said to be lost; what it was is in a line of its own.
const PANICKED: &str = "a fault in this program";

/// The threads. Dropping it stops them.
#[derive(Debug)]
pub struct Collector {
    poll: std_mpsc::SyncSender<()>,
    listener: Thread,
    shared: Arc<Shared>,
}

/// What the threads and who holds them know together.
#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    /// Whose connections are wanted; another one where others are.
    ports: Mutex<Arc<BTreeSet<u16>>>,
    destroy_events: Source,
    dump: Source,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    events: AtomicU64,
    lost: AtomicU64,
    dumps: AtomicU64,
    dumped: AtomicU64,
    errors: AtomicU64,
}

/// What became of the kernel's words since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectorCounters {
    /// Closed connections that were seen.
    pub events: u64,
    /// Closed connections that the kernel could not tell, exactly.
    pub lost: u64,
    /// Dumps.
    pub dumps: u64,
    /// Open connections that dumps showed.
    pub dumped: u64,
    /// Failures of either source: of the whole, or to take one connection, since a kernel speaks an
    /// unknown dialect or a dump has more than [`tcpstat::Dump::SAMPLES_MAX`].
    pub errors: u64,
    /// Whether closed connections are told of now.
    pub has_destroy_events: bool,
    /// Whether open ones were listed when they were last asked for.
    pub has_dump: bool,
}

impl Collector {
    /// Finds out which sources there are, says so in one line, and starts to listen.
    ///
    /// # Errors
    ///
    /// A thread cannot be started.
    pub fn start(
        kernel: &Kernel,
        ports: BTreeSet<u16>,
        to: mpsc::Sender<Collected>,
    ) -> std::io::Result<Self> {
        let sources = kernel.probe();
        if sources.any_times() {
            info!("latency learning reads the kernel's connections: {sources}");
        } else if sources.any() {
            warn!("latency learning sees connections, and not their times: {sources}");
        } else {
            warn!("latency learning sees no connections here: {sources}");
        }
        Self::start_with(kernel, &sources, ports, to)
    }

    /// The same, where these sources were found. Those that were not are looked for again.
    fn start_with(
        kernel: &Kernel,
        sources: &Sources,
        ports: BTreeSet<u16>,
        to: mpsc::Sender<Collected>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            ports: Mutex::new(Arc::new(ports)),
            destroy_events: Source::new("destroy events", sources.destroy_events.is_ok()),
            dump: Source::new("dump", sources.dump.is_ok()),
            counts: Counts::default(),
        });
        let listening =
            Listening { kernel: kernel.clone(), to: to.clone(), shared: Arc::clone(&shared) };
        let thread = thread::Builder::new().name("tcp-destroyed".to_owned());
        let listener = thread.spawn(move || listening.run())?.thread().clone();
        // One more request than the one under way changes nothing.
        let (poll, polls) = std_mpsc::sync_channel(1);
        let collector = Self { poll, listener, shared: Arc::clone(&shared) };
        let kernel = kernel.clone();
        let thread = thread::Builder::new().name("tcp-dump".to_owned());
        thread.spawn(move || dump_when_asked(&polls, &kernel, &to, &shared))?;
        Ok(collector)
    }

    /// Listens about these ports from now on, and no others. Readings of others may still be on their way.
    pub fn set_ports(&self, ports: BTreeSet<u16>) {
        self.shared.set_ports(ports);
        self.listener.unpark();
    }

    /// Asks for a dump of the open connections.
    pub fn poll(&self) {
        // The thread lives as long as this value does; where a request waits already, that one will
        // do.
        let _ = self.poll.try_send(());
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> CollectorCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Shared { destroy_events, dump, counts, .. } = &*self.shared;
        CollectorCounters {
            events: read(&counts.events),
            lost: read(&counts.lost),
            dumps: read(&counts.dumps),
            dumped: read(&counts.dumped),
            errors: read(&counts.errors),
            has_destroy_events: destroy_events.is_active(),
            has_dump: dump.is_active(),
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.listener.unpark();
    }
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn ports(&self) -> Arc<BTreeSet<u16>> {
        Arc::clone(&self.ports.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_ports(&self, ports: BTreeSet<u16>) {
        let mut known = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        if **known != ports {
            *known = Arc::new(ports);
        }
    }
}

/// The listening thread's own.
struct Listening {
    kernel: Kernel,
    to: mpsc::Sender<Collected>,
    shared: Arc<Shared>,
}

impl Listening {
    /// Listens until it is to stop. A source that is missing or fails is tried again, for ever.
    fn run(self) {
        self.keep_trying(Backoff::new(REST, REST_MAX), || self.listen());
    }

    /// Calls `listen` until it is to stop; after an error not at once.
    fn keep_trying(&self, mut rest: Backoff, mut listen: impl FnMut() -> Result<(), Unavailable>) {
        while !self.shared.is_stopped() && !self.to.is_closed() {
            let began = Instant::now();
            // Nothing of this is used after a panic but counters.
            let why = match catch_unwind(AssertUnwindSafe(&mut listen)) {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => chain(&error),
                Err(_) => PANICKED.to_owned(),
            };
            self.shared.destroy_events.lost(&why);
            self.shared.counts.errors.fetch_add(1, Ordering::Relaxed);
            if began.elapsed() >= REST_MAX {
                rest.reset();
            }
            thread::park_timeout(rest.next_pause());
        }
    }

    /// Listens until it is to stop, or to hear about other ports.
    fn listen(&self) -> Result<(), Unavailable> {
        if !self.shared.destroy_events.is_active() {
            // A kernel that lacks its module lets anybody listen, and says nothing.
            self.kernel.probe().destroy_events?;
        }
        let ports = self.shared.ports();
        let mut events = self.kernel.destroy_events(&ports).map_err(Unavailable::Failed)?;
        self.shared.destroy_events.found();
        let counts = &self.shared.counts;
        let lost_before = counts.lost.load(Ordering::Relaxed);
        let mut held = Vec::new();
        loop {
            let is_last = self.shared.is_stopped() || !Arc::ptr_eq(&ports, &self.shared.ports());
            let known = held.len();
            let wait = match (is_last, held.is_empty()) {
                (true, _) => Duration::ZERO,
                (false, true) => LOOK_UP,
                (false, false) => TRY_AGAIN,
            };
            let received = events.receive(wait, &mut held);
            counts.lost.store(lost_before + events.lost(), Ordering::Relaxed);
            // What came before an error counts.
            counts.events.fetch_add((held.len() - known) as u64, Ordering::Relaxed);
            let is_last = is_last || received.is_err();
            if !held.is_empty() && self.hand_on(&mut held, is_last).is_err() {
                return Ok(());
            }
            let received = received.map_err(Unavailable::Failed)?;
            counts.errors.fetch_add(received.unreadable, Ordering::Relaxed);
            if is_last {
                return Ok(());
            }
        }
    }

    /// Gives the agent's loop all that is held, where it has room for a message; waits for that only where
    /// too much is held, or nothing is held any longer.
    fn hand_on(&self, held: &mut Vec<Sample>, is_last: bool) -> Result<(), Gone> {
        let must_wait = is_last || held.len() >= HELD_MAX;
        let collected = Collected::Samples(std::mem::take(held));
        match self.to.try_send(collected) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(collected)) if must_wait => {
                self.to.blocking_send(collected).map_err(|_| Gone)
            }
            Err(mpsc::error::TrySendError::Full(Collected::Samples(samples))) => {
                *held = samples;
                Ok(())
            }
            Err(_) => Err(Gone),
        }
    }
}

/// Nobody handles events any more.
struct Gone;

/// Dumps each time it is asked to, until nobody can ask any more.
fn dump_when_asked(
    polls: &std_mpsc::Receiver<()>,
    kernel: &Kernel,
    to: &mpsc::Sender<Collected>,
    shared: &Shared,
) {
    let counts = &shared.counts;
    // What lists connections is kept: to make one is to ask the kernel for a list of nothing first.
    let mut kept = None;
    while polls.recv().is_ok() {
        counts.dumps.fetch_add(1, Ordering::Relaxed);
        let mut samples = Vec::new();
        let ports = shared.ports();
        // After a panic or an error a new one is made, and the samples that were whole are there.
        let dumped =
            catch_unwind(AssertUnwindSafe(|| dump(kernel, &mut kept, &ports, &mut samples)));
        let (errors, end) = match dumped {
            Ok(Ok(stats)) => {
                shared.dump.found();
                (stats.unreadable + stats.over_limit, Collected::DumpEnded)
            }
            Ok(Err(error)) => {
                shared.dump.lost(&chain(&error));
                (1, Collected::DumpFailed)
            }
            Err(_) => {
                shared.dump.lost(PANICKED);
                (1, Collected::DumpFailed)
            }
        };
        counts.errors.fetch_add(errors, Ordering::Relaxed);
        counts.dumped.fetch_add(samples.len() as u64, Ordering::Relaxed);
        let chunks = samples.chunks(CHUNK_SAMPLES).map(|c| Collected::Samples(c.to_vec()));
        for collected in chunks.chain([end]) {
            if to.blocking_send(collected).is_err() {
                return;
            }
        }
    }
}

fn dump(
    kernel: &Kernel,
    kept: &mut Option<Dump>,
    ports: &BTreeSet<u16>,
    samples: &mut Vec<Sample>,
) -> Result<DumpStats, CollectError> {
    let mut dump = match kept.take() {
        Some(dump) => dump,
        None => kernel.dump()?,
    };
    let stats = dump.read(ports, samples)?;
    *kept = Some(dump);
    Ok(stats)
}

#[cfg(test)]
mod tests;
