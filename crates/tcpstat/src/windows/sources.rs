//! Both sources, out of one watch: connections that ended, and those that are open.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use model::Sample;

use super::kernel::Kernel;
use super::watch::{CONNECTIONS_MAX, Which};
use crate::{CollectError, DumpStats, Received};

/// How often the table is looked at. A connection must live through two looks to be timed, so
/// shorter is better; a look costs some milliseconds on a machine with ten thousand connections.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A look rests for so many times as long as it took: looking takes at most a twentieth of one core,
/// however many connections there are.
const REST: u32 = 19;

/// Tells of connections that ended.
#[derive(Debug)]
pub struct DestroyEvents {
    kernel: Kernel,
    ports: BTreeSet<u16>,
    next_look: Instant,
    never_read: u64,
}

impl DestroyEvents {
    /// Looks for the first time, so that connections of now are timed from now on.
    pub(super) fn open(kernel: Kernel, ports: BTreeSet<u16>) -> Result<Self, CollectError> {
        let mut events = Self { kernel, ports, next_look: Instant::now(), never_read: 0 };
        events.look(&mut Vec::new())?;
        Ok(events)
    }

    /// Waits for the next look, at most `timeout`, and adds a sample for each connection that ended
    /// since the look before.
    ///
    /// # Errors
    ///
    /// [`CollectError::NoTable`]. What was found before is kept, and the next call looks again.
    pub fn receive(
        &mut self,
        timeout: Duration,
        samples: &mut Vec<Sample>,
    ) -> Result<Received, CollectError> {
        let wait = self.next_look.saturating_duration_since(Instant::now());
        thread::sleep(wait.min(timeout));
        if wait > timeout {
            return Ok(Received::default());
        }
        self.look(samples)
    }

    /// Connections that ended before they were ever read, since this was opened. Those that came and
    /// went between two looks are not among them: nobody saw them.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.never_read
    }

    fn look(&mut self, samples: &mut Vec<Sample>) -> Result<Received, CollectError> {
        let began = Instant::now();
        let looked = {
            let mut watch = self.kernel.watch();
            watch.look(&self.kernel.functions, &self.ports, Which::Young, samples)
        };
        self.next_look = began + LOOK_EVERY.max(began.elapsed().saturating_mul(REST + 1));
        let look = looked?;
        self.never_read += look.never_read;
        Ok(Received { events: look.ended, samples: look.ended, ..Received::default() })
    }
}

/// Lists the open connections to a set of local ports.
#[derive(Debug)]
pub struct Dump {
    kernel: Kernel,
}

impl Dump {
    /// The most samples that one read leaves in its vector, beside connections that ended. What is
    /// open beyond that is counted and left out.
    pub const SAMPLES_MAX: usize = CONNECTIONS_MAX;

    pub(super) const fn of(kernel: Kernel) -> Self {
        Self { kernel }
    }

    /// Adds a sample for each established connection whose local port is one of `ports`, and for
    /// each that ended since anybody looked. A connection that is not timed is listed all the same,
    /// without times: it is load.
    ///
    /// # Errors
    ///
    /// [`CollectError::NoTable`]. What was read before an error is kept.
    pub fn read(
        &mut self,
        ports: &BTreeSet<u16>,
        samples: &mut Vec<Sample>,
    ) -> Result<DumpStats, CollectError> {
        let mut watch = self.kernel.watch();
        let look = watch.look(&self.kernel.functions, ports, Which::All, samples)?;
        let untimed = watch.open(samples);
        Ok(DumpStats {
            sockets_seen: look.open,
            samples: look.open.saturating_sub(look.over_limit),
            over_limit: look.over_limit,
            untimed,
            ..DumpStats::default()
        })
    }
}
