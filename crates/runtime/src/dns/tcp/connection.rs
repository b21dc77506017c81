//! One TCP connection: read, answer what is whole, write, until it ends.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Answerer, count, lock};
use crate::dns::{Arrival, Handled, Handler, QUERY_BYTES_MAX, handle};

/// The length before each message (RFC 1035, 4.2.2).
const LENGTH_BYTES: usize = 2;
/// Answers are collected up to here before they are written: one packet for many small ones, and
/// no more than this and one answer in memory for a client that does not read.
const COLLECT_BYTES: usize = 16 * 1024;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client ended it, or it broke.
    Closed,
    /// Nothing, or too little, came or was taken in time.
    Idle,
    /// A query that is too long, or one without an answer.
    Unanswered,
    /// The handler panicked.
    Panic,
}

/// One connection and what came of it so far.
pub(super) struct Connection {
    stream: TcpStream,
    arrival: Arrival,
    idle_timeout: Duration,
    input: Input,
    output: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, arrival: Arrival, idle_timeout: Duration) -> Self {
        // Best effort: without it, small answers wait for acknowledgements.
        drop(stream.set_nodelay(true));
        let input = Input { bytes: vec![0; LENGTH_BYTES + QUERY_BYTES_MAX].into(), filled: 0 };
        Self { stream, arrival, idle_timeout, input, output: Vec::new() }
    }

    /// Serves until the connection ends; says why it did.
    pub(super) async fn serve<H: Handler>(
        mut self,
        answerer: &Mutex<Answerer<H>>,
        answered: &AtomicU64,
    ) -> End {
        let mut deadline = Instant::now() + self.idle_timeout;
        loop {
            let (progress, end) = self.answer_whole_queries(answerer, answered).await;
            // What was answered before the end is owed.
            if let Err(end) = self.write().await {
                return end;
            }
            if let Some(end) = end {
                return end;
            }
            if progress {
                deadline = Instant::now() + self.idle_timeout;
            }
            match timeout_at(deadline, self.stream.read(self.input.room())).await {
                Ok(Ok(0) | Err(_)) => return End::Closed,
                Ok(Ok(length)) => self.input.filled += length,
                Err(_) => return End::Idle,
            }
        }
    }

    /// Answers every query that has come in whole; says whether there was one, and whether the
    /// connection is to end.
    async fn answer_whole_queries<H: Handler>(
        &mut self,
        answerer: &Mutex<Answerer<H>>,
        answered: &AtomicU64,
    ) -> (bool, Option<End>) {
        let mut done = 0;
        let end = loop {
            let query = match self.input.message(done) {
                Message::Whole(query) => query,
                Message::Partial => break None,
                Message::TooLong => break Some(End::Unanswered),
            };
            if self.output.len() >= COLLECT_BYTES
                && let Err(end) = self.write().await
            {
                break Some(end);
            }
            done = query.end;
            match self.answer(query, &mut lock(answerer)) {
                Handled::Answer(_) => count(answered),
                Handled::Nothing => break Some(End::Unanswered),
                Handled::Panic => break Some(End::Panic),
            }
        };
        self.input.consume(done);
        (done > 0, end)
    }

    /// Asks the handler for one answer and puts it behind those that wait to be written.
    fn answer<H: Handler>(&mut self, query: Range<usize>, by: &mut Answerer<H>) -> Handled {
        let Some(query) = self.input.bytes.get(query) else {
            return Handled::Nothing;
        };
        let handled = handle(&mut by.handler, query, self.arrival, &mut by.answer);
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

    async fn write(&mut self) -> Result<(), End> {
        if self.output.is_empty() {
            return Ok(());
        }
        match timeout(self.idle_timeout, self.stream.write_all(&self.output)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(End::Closed),
            Err(_) => return Err(End::Idle),
        }
        self.output.clear();
        self.output.shrink_to(COLLECT_BYTES);
        Ok(())
    }
}

/// What has come in and is not yet answered.
struct Input {
    bytes: Box<[u8]>,
    filled: usize,
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

impl Input {
    /// Where the next bytes go; never empty after whole messages were consumed, since a partial
    /// message is shorter than the longest one.
    fn room(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.filled..).unwrap_or_default()
    }

    fn message(&self, at: usize) -> Message {
        let bytes = self.bytes.get(at..self.filled).unwrap_or_default();
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

    /// Drops the first `length` bytes.
    fn consume(&mut self, length: usize) {
        self.bytes.copy_within(length..self.filled, 0);
        self.filled -= length;
    }
}
