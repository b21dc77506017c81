//! The thread that writes samples to whoever reads them, and looks for a reader while there is none.
//!
//! Must never hold up a worker: it takes from rings that workers fill without waiting.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rtrb::Consumer;
use socket2::{Domain, SockAddr, Socket, Type};
use tracing::{info, warn};

use super::frames::{Control, push, read_control, write_control};
use super::sample::Sample;
use super::{Shared, dnstap};
use crate::logs::chain;

/// How long the thread sleeps where nothing waits.
const REST: Duration = Duration::from_millis(20);
/// How often a reader is looked for.
const LOOK: Duration = Duration::from_secs(1);
/// For a reader to take what is written, or to answer. One that is slower is given up.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes that are written at once.
const BATCH_BYTES: usize = 64 * 1024;

/// The thread's own.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    path: PathBuf,
    identity: String,
    rings: Vec<Consumer<Sample>>,
    reader: Option<Socket>,
    look_at: Instant,
    /// Whether it was told that nobody reads: once, until somebody did.
    is_told: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, path: PathBuf, identity: &str) -> Self {
        let (identity, rings) = (identity.to_owned(), Vec::new());
        Self {
            shared,
            path,
            identity,
            rings,
            reader: None,
            look_at: Instant::now(),
            is_told: false,
        }
    }

    /// Writes until it is told to stop, and then what is left.
    pub(super) fn run(&mut self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            #[cfg(test)]
            crate::panics::faults::meet("query_log");
            self.look_for_reader();
            if !self.turn() {
                std::thread::park_timeout(REST);
            }
        }
        while self.turn() {}
        if let Some(mut reader) = self.reader.take() {
            // It may have gone.
            let last = write_control(&mut reader, Control::Stop);
            drop(last.and_then(|()| read_control(&mut reader)));
        }
    }

    fn look_for_reader(&mut self) {
        if self.reader.is_some() || Instant::now() < self.look_at {
            return;
        }
        self.look_at = Instant::now() + LOOK;
        match connect(&self.path) {
            Ok(reader) => {
                info!("the query log is read at {}", self.path.display());
                (self.reader, self.is_told) = (Some(reader), false);
            }
            Err(error) => self.tell(&error),
        }
    }

    fn tell(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.is_told, true) {
            warn!("nobody reads the query log at {}: {}", self.path.display(), chain(error));
        }
    }

    /// Takes what waits and writes it; says whether there was anything.
    fn turn(&mut self) -> bool {
        let mut newcomers = self.shared.newcomers.lock().unwrap_or_else(PoisonError::into_inner);
        self.rings.append(&mut newcomers);
        drop(newcomers);
        let (mut frames, mut samples) = (Vec::new(), 0);
        for ring in &mut self.rings {
            while let Some(sample) = (frames.len() < BATCH_BYTES).then(|| ring.pop().ok()).flatten()
            {
                samples += 1;
                push(&dnstap::encode(&sample, &self.identity), &mut frames);
            }
        }
        // A worker that has ended left what was in its ring.
        self.rings.retain(|ring| !(ring.is_abandoned() && ring.is_empty()));
        if samples > 0 {
            let counter =
                if self.write(&frames) { &self.shared.written } else { &self.shared.no_reader };
            add(counter, samples);
        }
        samples > 0
    }

    /// Whether somebody took it.
    fn write(&mut self, frames: &[u8]) -> bool {
        let Some(reader) = &mut self.reader else { return false };
        match reader.write_all(frames) {
            Ok(()) => true,
            Err(error) => {
                // What was cut in a frame cannot be mended: the next reader begins anew.
                self.reader = None;
                self.tell(&error);
                false
            }
        }
    }
}

/// Connects, and agrees on what is written.
fn connect(path: &Path) -> io::Result<Socket> {
    let mut reader = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    reader.set_write_timeout(Some(PATIENCE))?;
    reader.set_read_timeout(Some(PATIENCE))?;
    reader.connect(&SockAddr::unix(path)?)?;
    write_control(&mut reader, Control::Ready)?;
    match read_control(&mut reader)? {
        Control::Accept => {}
        _ => return Err(io::Error::other("the reader does not accept")),
    }
    write_control(&mut reader, Control::Start)?;
    Ok(reader)
}

/// This thread alone writes it.
fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}
