//! DNS over TCP (RFC 7766): each message behind two bytes of length.
//!
//! - `places`: who has which connection, and who makes room for a newcomer,
//! - `accept`: newcomers, and what is done where the system has no room for them,
//! - `connection`: one connection, from its first query to its end.
//!
//! What a client can hold of ours is bounded: connections, connections of one address, the length
//! of a query, the time to the next whole query, the time to take answers, answers that wait to be
//! taken, and the age of a connection. The two idle times are one, and it is the one that
//! edns-tcp-keepalive tells (RFC 7828); only who makes room for a newcomer has less.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::Socket;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Handler, TCP_ANSWER_BYTES_MAX};
use crate::bind;

mod places;

mod accept;

mod connection;

use accept::Accepting;
use connection::End;
use places::Places;

/// How much longer than the idle time connections may take that are to end: for the answers that
/// are on their way.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What connections may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpLimits {
    /// Connections at a time; for the next one, the one that was idle longest makes room.
    pub connections_max: usize,
    /// Connections of one client address at a time, of one /64 for IPv6; for its next one, its
    /// idlest makes room.
    pub connections_per_address_max: usize,
    /// Milliseconds for the next query to arrive whole, and for a client to take its answers.
    pub idle_timeout_ms: u64,
}

/// The task that serves one address; dropping it closes all connections.
#[derive(Debug)]
pub struct TcpServer {
    local: SocketAddr,
    limits: TcpLimits,
    counts: Arc<Counts>,
    places: Arc<Places>,
    leave: Arc<Notify>,
    task: JoinHandle<()>,
}

/// What became of the connections since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpCounters {
    /// Connections that were served.
    pub accepted: u64,
    /// Connections that are served now.
    pub open: u64,
    /// As many as there may be.
    pub connections_max: u64,
    /// Connections that ended, by why.
    pub closed: [(&'static str, u64); End::ALL.len()],
    /// Failures to accept for want of file descriptors. Each time the idlest connection is closed.
    pub without_descriptor: u64,
    /// Other failures to accept.
    pub accept_errors: u64,
    /// Queries that were answered.
    pub answered: u64,
    /// Handlers that panicked, and connections; a fault in this program. It ends the connection.
    pub panics: u64,
}

impl TcpCounters {
    /// Why connections end: every word there is in [`TcpCounters::closed`].
    #[must_use]
    pub fn ends() -> Vec<&'static str> {
        End::ALL.map(End::as_str).to_vec()
    }
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    closed: [AtomicU64; End::ALL.len()],
    without_descriptor: AtomicU64,
    accept_errors: AtomicU64,
    answered: AtomicU64,
}

impl TcpServer {
    /// Serves `address` on the current tokio runtime; port 0 lets the system choose one. `[::]`
    /// serves all addresses of both families.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub fn start<H: Handler>(
        address: SocketAddr,
        limits: TcpLimits,
        handler: H,
    ) -> io::Result<Self> {
        Self::serve(Self::bind(address)?, limits, handler)
    }

    /// A socket that newcomers can knock at; they wait until it is served.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub fn bind(address: SocketAddr) -> io::Result<Socket> {
        bind::dns_tcp(address)
    }

    /// Serves such a socket on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// The runtime does not take it.
    pub fn serve<H: Handler>(socket: Socket, limits: TcpLimits, handler: H) -> io::Result<Self> {
        let listener = TcpListener::from_std(socket.into())?;
        let local = listener.local_addr()?;
        let (counts, places) = (Arc::new(Counts::default()), Places::new(limits));
        let answer = vec![0; TCP_ANSWER_BYTES_MAX].into();
        let shared = Shared {
            answerer: Mutex::new(Answerer { handler, answer }),
            waiting: AtomicUsize::new(0),
            counts: Arc::clone(&counts),
        };
        let leave = Arc::new(Notify::new());
        let accepting = Accepting::new(listener, limits, Arc::clone(&places), Arc::new(shared));
        let task = tokio::spawn(accepting.run(Arc::clone(&leave)));
        Ok(Self { local, limits, counts, places, leave, task })
    }

    /// The address that is served, with the port the system chose.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> TcpCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let closed = |end: End| (end.as_str(), read(&self.counts.closed[end as usize]));
        TcpCounters {
            accepted: read(&self.counts.accepted),
            open: self.places.len() as u64,
            connections_max: self.limits.connections_max as u64,
            closed: End::ALL.map(closed),
            without_descriptor: read(&self.counts.without_descriptor),
            accept_errors: read(&self.counts.accept_errors),
            answered: read(&self.counts.answered),
            panics: read(&self.counts.closed[End::Panic as usize]),
        }
    }

    /// Takes no newcomers any more, serves the connections there are until their clients have been
    /// silent for the idle time, and waits for the last: for a little longer than that time. For a
    /// socket that another process serves too.
    pub async fn leave(mut self) {
        self.leave.notify_one();
        let most = Duration::from_millis(self.limits.idle_timeout_ms) + LAST_WORDS;
        // Who is still asking then asks again elsewhere (RFC 7766, 6.2.4).
        drop(timeout(most, &mut self.task).await);
    }

    /// Closes all connections and waits until the port is free.
    pub async fn stop(mut self) {
        self.task.abort();
        // It ends as aborted, which is what was asked for.
        drop((&mut self.task).await);
    }
}

impl Drop for TcpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What all connections share.
struct Shared<H> {
    /// Locked for one answer at a time, never while anybody waits for a socket.
    answerer: Mutex<Answerer<H>>,
    /// Bytes of answers that clients do not take.
    waiting: AtomicUsize,
    counts: Arc<Counts>,
}

/// The handler, and room for one answer.
struct Answerer<H> {
    handler: H,
    answer: Box<[u8]>,
}

/// Locks; what a panic left behind is whole: nothing in here panics between two of its steps, and
/// a handler's panic stays in `handle`.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
