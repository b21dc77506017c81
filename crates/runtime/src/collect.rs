//! The threads that read the kernel: one waits for destroy events, one dumps when it is asked to.
//!
//! ```text
//! kernel --destroy events--> thread --+
//!                                     +--(bounded)--> the agent's loop
//! kernel --dump--> thread <--(poll)---+
//! ```
//!
//! Where a queue is full the listening thread goes on reading and holds what it read, up to a limit: the
//! kernel's own buffer may be as small as for some hundred events, and it counts what it drops. Neither thread ends before the agent does: a source that fails is tried again, and a panic
//! counts as a failure, since an agent that waits for a dead thread would learn nothing for ever.
//! Nothing is decided here: which readings count is `latency`'s.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc as std_mpsc;
use std::thread;
use std::time::Duration;

use model::Sample;
use tcpstat::{CollectError, Dump, DumpStats, Kernel};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::logs::chain;

/// How long a thread waits in the kernel before it looks whether it is to stop.
const LOOK_UP: Duration = Duration::from_millis(500);
/// How long the listening thread rests after an error, so that a lasting one is no busy loop.
const REST: Duration = Duration::from_millis(200);
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

/// The threads. Dropping it stops them.
#[derive(Debug)]
pub struct Collector {
    poll: std_mpsc::SyncSender<()>,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
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
        // One more request than the one under way changes nothing.
        let (poll, polls) = std_mpsc::sync_channel(1);
        let collector = Self { poll, stop: Arc::default(), counts: Arc::default() };
        if sources.destroy_events.is_ok() {
            let listening = Listening {
                kernel: kernel.clone(),
                ports: ports.clone(),
                to: to.clone(),
                stop: Arc::clone(&collector.stop),
                counts: Arc::clone(&collector.counts),
            };
            let thread = thread::Builder::new().name("tcp-destroyed".to_owned());
            thread.spawn(move || listening.run())?;
        }
        let counts = Arc::clone(&collector.counts);
        let kernel = kernel.clone();
        let thread = thread::Builder::new().name("tcp-dump".to_owned());
        thread.spawn(move || dump_when_asked(&polls, (&kernel, &ports), &to, &counts))?;
        Ok(collector)
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
        CollectorCounters {
            events: read(&self.counts.events),
            lost: read(&self.counts.lost),
            dumps: read(&self.counts.dumps),
            dumped: read(&self.counts.dumped),
            errors: read(&self.counts.errors),
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The listening thread's own.
struct Listening {
    kernel: Kernel,
    ports: BTreeSet<u16>,
    to: mpsc::Sender<Collected>,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
}

impl Listening {
    /// Listens until it is to stop. A socket that fails is opened anew, for ever.
    fn run(self) {
        let mut is_known_to_fail = false;
        while !self.stop.load(Ordering::Relaxed) && !self.to.is_closed() {
            // Nothing of this is used after a panic but counters.
            match catch_unwind(AssertUnwindSafe(|| self.listen())) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => {
                    if !is_known_to_fail {
                        warn!("latency learning lost the kernel's events: {}", chain(&error));
                        is_known_to_fail = true;
                    }
                }
                Err(_) => error!("latency learning: the reader of the kernel's events panicked"),
            }
            self.counts.errors.fetch_add(1, Ordering::Relaxed);
            thread::sleep(REST);
        }
    }

    fn listen(&self) -> Result<(), CollectError> {
        let mut events = self.kernel.destroy_events(&self.ports)?;
        let lost_before = self.counts.lost.load(Ordering::Relaxed);
        let mut held = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let known = held.len();
            let wait = if held.is_empty() { LOOK_UP } else { TRY_AGAIN };
            let received = events.receive(wait, &mut held);
            self.counts.lost.store(lost_before + events.lost(), Ordering::Relaxed);
            // What came before an error counts.
            self.counts.events.fetch_add((held.len() - known) as u64, Ordering::Relaxed);
            if !held.is_empty() && self.hand_on(&mut held, received.is_err()).is_err() {
                return Ok(());
            }
            self.counts.errors.fetch_add(received?.unreadable, Ordering::Relaxed);
        }
        Ok(())
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
    (kernel, ports): (&Kernel, &BTreeSet<u16>),
    to: &mpsc::Sender<Collected>,
    counts: &Counts,
) {
    let mut is_known_to_fail = false;
    // What lists connections is kept: to make one is to ask the kernel for a list of nothing first.
    let mut kept = None;
    while polls.recv().is_ok() {
        counts.dumps.fetch_add(1, Ordering::Relaxed);
        let mut samples = Vec::new();
        let mut end = Collected::DumpFailed;
        // After a panic or an error a new one is made, and the samples that were whole are there.
        match catch_unwind(AssertUnwindSafe(|| dump(kernel, &mut kept, ports, &mut samples))) {
            Ok(Ok(stats)) => {
                let missed = stats.unreadable + stats.over_limit;
                counts.errors.fetch_add(missed, Ordering::Relaxed);
                end = Collected::DumpEnded;
            }
            Ok(Err(error)) => {
                counts.errors.fetch_add(1, Ordering::Relaxed);
                if !is_known_to_fail {
                    warn!("latency learning cannot dump open connections: {}", chain(&error));
                    is_known_to_fail = true;
                }
            }
            Err(_) => {
                counts.errors.fetch_add(1, Ordering::Relaxed);
                error!("latency learning: the dump of open connections panicked");
            }
        }
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
mod tests {
    use std::net::Ipv4Addr;

    use model::SocketState;

    use super::*;

    fn sample(cookie: u64) -> Sample {
        Sample {
            client: Ipv4Addr::new(10, 1, 2, 3).into(),
            local: (Ipv4Addr::LOCALHOST, 80).into(),
            smoothed_rtt_us: 1_000,
            rtt_deviation_us: 0,
            min_rtt_us: Some(1_000),
            bytes_acked: 100,
            data_segments_out: Some(1),
            cookie,
            state: SocketState::Closed,
        }
    }

    fn cookies(collected: Option<Collected>) -> Vec<u64> {
        match collected {
            Some(Collected::Samples(samples)) => samples.iter().map(|s| s.cookie).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn while_the_loop_is_busy_readings_are_held_in_their_order() {
        let (to, mut from) = mpsc::channel(1);
        let listening = Listening {
            kernel: Kernel::new(),
            ports: BTreeSet::new(),
            to,
            stop: Arc::default(),
            counts: Arc::default(),
        };
        let mut held = vec![sample(1)];
        assert!(listening.hand_on(&mut held, false).is_ok() && held.is_empty());
        held.push(sample(2));
        assert!(
            listening.hand_on(&mut held, false).is_ok() && held.len() == 1,
            "the queue is full"
        );
        held.push(sample(3));
        assert_eq!(cookies(from.blocking_recv()), [1]);
        assert!(listening.hand_on(&mut held, false).is_ok() && held.is_empty());
        assert_eq!(cookies(from.blocking_recv()), [2, 3]);
        // Too much waits for room, and does not grow.
        held.push(sample(4));
        assert!(listening.hand_on(&mut held, false).is_ok());
        held.resize(HELD_MAX, sample(5));
        let loop_goes_on = thread::spawn(move || {
            let first = cookies(from.blocking_recv());
            (first, cookies(from.blocking_recv()).len(), cookies(from.blocking_recv()))
        });
        assert!(listening.hand_on(&mut held, false).is_ok() && held.is_empty());
        // So does what came before an error.
        held.push(sample(6));
        assert!(listening.hand_on(&mut held, true).is_ok() && held.is_empty());
        assert_eq!(loop_goes_on.join().unwrap(), (vec![4], HELD_MAX, vec![6]));
        held.push(sample(7));
        assert!(listening.hand_on(&mut held, false).is_err(), "nobody is there any more");
    }
}
