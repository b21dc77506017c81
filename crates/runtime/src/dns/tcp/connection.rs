//! One TCP connection: read, answer what is whole, write, until it ends.
//!
//! Queries may follow one another without waiting (RFC 7766, 6.2.1.1). An answer takes no longer
//! than its computing, so they are given in the order of the queries: RFC 7766, 7 allows any
//! order for the sake of those that must ask others first. A client that does not read waits for
//! itself alone: nothing is held here while its socket is full, but its own answers.
//!
//! A connection that waits for a query holds no buffer.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::places::Place;
use super::{Shared, count, lock};
use crate::dns::{Arrival, Handled, Handler, QUERY_BYTES_MAX, handle};

/// The length before each message (RFC 1035, 4.2.2).
const LENGTH_BYTES: usize = 2;
/// Answers are collected up to here before they are written: one packet for many small ones, and
/// no more than this and one answer in memory for a client that does not read.
const COLLECT_BYTES: usize = 16 * 1024;
/// What all connections together may hold for clients that do not read, beyond what the kernel
/// holds. A client gets here when its socket is full, so an honest one hardly ever does; past it,
/// the connection that wants more is closed.
const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a connection lives. A client can hold its place for ever with a question now and then;
/// and where several servers share an address, clients spread anew only as connections end. Its
/// client opens another one, every ten minutes at most.
const LIFETIME: Duration = Duration::from_secs(600);
/// How long, and how much, is still read from a client that we have said goodbye to. Closing with
/// unread bytes would be a reset, which can destroy answers that are still on their way
/// (RFC 1122, 4.2.2.13).
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 64 * 1024;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client ended it, or it broke.
    Client,
    /// No whole query came in time.
    Idle,
    /// It was as old as one may get.
    Lifetime,
    /// The client did not take its answers in time, or nobody did and there were too many.
    Unread,
    /// A query that is too long, or one without an answer.
    Unanswered,
    /// The handler panicked.
    Panic,
    /// It made room for one of the same address.
    EvictedForAddress,
    /// It made room for any other.
    EvictedForAll,
    /// It made room because the process had no file descriptor left.
    EvictedForDescriptors,
}

impl End {
    /// All of them, in the order of their counters.
    pub(super) const ALL: [Self; 9] = [
        Self::Client,
        Self::Idle,
        Self::Lifetime,
        Self::Unread,
        Self::Unanswered,
        Self::Panic,
        Self::EvictedForAddress,
        Self::EvictedForAll,
        Self::EvictedForDescriptors,
    ];

    /// Its name in the metrics.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Idle => "idle",
            Self::Lifetime => "lifetime",
            Self::Unread => "unread",
            Self::Unanswered => "unanswered",
            Self::Panic => "panic",
            Self::EvictedForAddress => "evicted_for_address",
            Self::EvictedForAll => "evicted_for_all",
            Self::EvictedForDescriptors => "evicted_for_descriptors",
        }
    }

    /// Whether the client may be in the middle of a sentence.
    const fn is_ours(self) -> bool {
        matches!(self, Self::Lifetime | Self::Unanswered | Self::Panic)
    }
}

/// One connection and what came of it so far.
pub(super) struct Connection {
    stream: TcpStream,
    arrival: Arrival,
    idle_timeout: Duration,
    /// What has come in and is not yet answered; shorter than one query with its length whenever
    /// more is read.
    input: Vec<u8>,
    /// Answers that are not yet written.
    output: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, arrival: Arrival, idle_timeout: Duration) -> Self {
        // Best effort: without it, small answers wait for acknowledgements.
        drop(stream.set_nodelay(true));
        Self { stream, arrival, idle_timeout, input: Vec::new(), output: Vec::new() }
    }

    /// Serves until the connection ends; says why it did.
    pub(super) async fn serve<H: Handler>(mut self, shared: &Shared<H>, place: &Place) -> End {
        let end = self.exchange(shared, place).await;
        if end.is_ours() {
            self.linger().await;
        }
        end
    }

    async fn exchange<H: Handler>(&mut self, shared: &Shared<H>, place: &Place) -> End {
        let old = Instant::now() + LIFETIME;
        let mut idle = Instant::now() + self.idle_timeout;
        loop {
            if let Err(end) = self.read(idle.min(old)).await {
                let is_old = end == End::Idle && old <= idle;
                return if is_old { End::Lifetime } else { end };
            }
            let (progress, end) = self.answer_whole_queries(shared).await;
            // What was answered before the end is owed.
            if let Err(end) = self.write(shared).await {
                return end;
            }
            if let Some(end) = end {
                return end;
            }
            if progress {
                // Half a query is no sign of life: a byte a second does not keep a connection.
                idle = Instant::now() + self.idle_timeout;
                place.busy();
            }
            // A client that never pauses never lets `read` run out of time.
            if Instant::now() >= old {
                return End::Lifetime;
            }
            // Others may have waited while this one was answered.
            tokio::task::yield_now().await;
        }
    }

    /// Waits for bytes and reads them behind what is there. A client that has said all and closed
    /// its side is at its end once it has its answers, which it has when this is called.
    async fn read(&mut self, deadline: Instant) -> Result<(), End> {
        loop {
            match timeout_at(deadline, self.stream.readable()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(End::Client),
                Err(_) => return Err(End::Idle),
            }
            // Room for one query at least; given back below if that was not needed.
            let whole = LENGTH_BYTES + QUERY_BYTES_MAX;
            self.input.reserve_exact(whole.saturating_sub(self.input.len()));
            match self.stream.try_read_buf(&mut self.input) {
                Ok(0) => return Err(End::Client),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.give_back(),
                Err(_) => return Err(End::Client),
            }
        }
    }

    /// Answers every query that has come in whole; says whether there was one, and whether the
    /// connection is to end.
    async fn answer_whole_queries<H: Handler>(
        &mut self,
        shared: &Shared<H>,
    ) -> (bool, Option<End>) {
        let mut done = 0;
        let end = loop {
            let query = match message(&self.input, done) {
                Message::Whole(query) => query,
                Message::Partial => break None,
                Message::TooLong => break Some(End::Unanswered),
            };
            if self.output.len() >= COLLECT_BYTES
                && let Err(end) = self.write(shared).await
            {
                break Some(end);
            }
            done = query.end;
            match self.answer(query, shared) {
                Handled::Answer(_) => count(&shared.counts.answered),
                Handled::Nothing => break Some(End::Unanswered),
                Handled::Panic => break Some(End::Panic),
            }
        };
        self.input.drain(..done);
        self.give_back();
        (done > 0, end)
    }

    /// Asks the handler for one answer and puts it behind those that wait to be written.
    fn answer<H: Handler>(&mut self, query: Range<usize>, shared: &Shared<H>) -> Handled {
        let Some(query) = self.input.get(query) else {
            return Handled::Nothing;
        };
        let mut answerer = lock(&shared.answerer);
        let by = &mut *answerer;
        let handled = handle(&mut by.handler.batch(), query, self.arrival, &mut by.answer);
        if let Handled::Answer(length) = handled {
            let prefix = u16::try_from(length).ok().map(u16::to_be_bytes);
            let (Some(prefix), Some(answer)) = (prefix, by.answer.get(..length)) else {
                return Handled::Nothing;
            };
            self.output.extend_from_slice(&prefix);
            self.output.extend_from_slice(answer);
        }
        handled
    }

    /// Writes what was collected: as a rule one call, since the kernel has room for it.
    async fn write<H: Handler>(&mut self, shared: &Shared<H>) -> Result<(), End> {
        let output = std::mem::take(&mut self.output);
        if output.is_empty() {
            return Ok(());
        }
        let written = match self.stream.try_write(&output) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => return Err(End::Client),
        };
        let rest = output.get(written..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        let _waiting = Waiting::of(&shared.waiting, output.capacity()).ok_or(End::Unread)?;
        match timeout(self.idle_timeout, self.stream.write_all(rest)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Client),
            Err(_) => Err(End::Unread),
        }
    }

    /// Keeps no more memory than what waits in it.
    fn give_back(&mut self) {
        self.input.shrink_to_fit();
    }

    /// Says goodbye, and reads on until the client has understood.
    async fn linger(&mut self) {
        // It may have gone already.
        drop(self.stream.shutdown().await);
        let until = Instant::now() + LINGER;
        let mut left = LINGER_BYTES_MAX;
        self.input = Vec::new();
        while left > 0 && self.read(until).await.is_ok() {
            left = left.saturating_sub(self.input.len());
            self.input.clear();
        }
    }
}

/// What stands at a place of the input.
#[derive(Debug, PartialEq, Eq)]
enum Message {
    /// A message, at this place.
    Whole(Range<usize>),
    /// A part of one, or nothing.
    Partial,
    /// One that is longer than any is read.
    TooLong,
}

fn message(input: &[u8], at: usize) -> Message {
    let bytes = input.get(at..).unwrap_or_default();
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        return Message::Partial;
    };
    let length = usize::from(u16::from_be_bytes(*length));
    if length > QUERY_BYTES_MAX {
        return Message::TooLong;
    }
    if rest.len() < length {
        return Message::Partial;
    }
    let start = at + LENGTH_BYTES;
    Message::Whole(start..start + length)
}

/// A part of [`WAITING_BYTES_MAX`]; given back when dropped.
pub(super) struct Waiting<'a> {
    all: &'a AtomicUsize,
    bytes: usize,
}

impl<'a> Waiting<'a> {
    pub(super) fn of(all: &'a AtomicUsize, bytes: usize) -> Option<Self> {
        let waiting = Self { all, bytes };
        let before = all.fetch_add(bytes, Ordering::Relaxed);
        (before.saturating_add(bytes) <= WAITING_BYTES_MAX).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
