//! DNS over TCP (RFC 7766): each message behind two bytes of length.
//!
//! Queries of a connection may be sent without waiting for answers; they are answered in order.
//! Everything is bounded: connections, connections of one address, the length of a query, the time
//! between two queries, the time a client may take to read its answers. At a limit the newest
//! connection is closed at once, since the older ones may be in the middle of something.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Subnet;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::{Arrival, Handler, TCP_ANSWER_BYTES_MAX, Transport, bind};

mod connection;

use connection::{Connection, End};

/// How long accepting rests after it failed: where the process has no file descriptor left, the
/// failure stays until a connection ends.
const REST: Duration = Duration::from_millis(50);
/// An IPv6 host can use all of its /64, so a /64 counts as one address.
const IPV6_HOST_BITS: u8 = 64;

/// What connections may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpLimits {
    /// Connections at a time.
    pub connections_max: usize,
    /// Connections of one client address at a time; of one /64 for IPv6.
    pub connections_per_address_max: usize,
    /// Milliseconds for the next query to arrive whole, and for a client to take its answers.
    pub idle_timeout_ms: u64,
}

/// The task that serves one address; dropping it closes all connections.
#[derive(Debug)]
pub struct TcpServer {
    local: SocketAddr,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

/// What became of the connections since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpCounters {
    /// Connections that were served.
    pub accepted: u64,
    /// Connections closed at once because there were too many.
    pub refused: u64,
    /// Connections closed at once because their address had too many.
    pub refused_per_address: u64,
    /// Failures to accept, as for want of file descriptors.
    pub accept_errors: u64,
    /// Queries that were answered.
    pub answered: u64,
    /// Connections that ended because nothing, or too little, came or was taken in time.
    pub idle: u64,
    /// Connections that ended because a query was too long or the handler had no answer.
    pub unanswered: u64,
    /// Handlers that panicked; a fault in this program. It ends the connection.
    pub panics: u64,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    refused: AtomicU64,
    refused_per_address: AtomicU64,
    accept_errors: AtomicU64,
    answered: AtomicU64,
    idle: AtomicU64,
    unanswered: AtomicU64,
    panics: AtomicU64,
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
        let (socket, local) = bind::tcp(address)?;
        let listener = TcpListener::from_std(socket.into())?;
        let counts = Arc::new(Counts::default());
        let answer = vec![0; TCP_ANSWER_BYTES_MAX].into();
        let accepting = Accepting {
            listener,
            limits,
            answerer: Arc::new(Mutex::new(Answerer { handler, answer })),
            counts: Arc::clone(&counts),
            places: Arc::default(),
            connections: JoinSet::new(),
        };
        Ok(Self { local, counts, task: tokio::spawn(accepting.run()) })
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
        TcpCounters {
            accepted: read(&self.counts.accepted),
            refused: read(&self.counts.refused),
            refused_per_address: read(&self.counts.refused_per_address),
            accept_errors: read(&self.counts.accept_errors),
            answered: read(&self.counts.answered),
            idle: read(&self.counts.idle),
            unanswered: read(&self.counts.unanswered),
            panics: read(&self.counts.panics),
        }
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

/// What all connections share: the handler, and room for one answer.
struct Answerer<H> {
    handler: H,
    answer: Box<[u8]>,
}

/// The accepting task's own. Dropping it ends the connections.
struct Accepting<H> {
    listener: TcpListener,
    limits: TcpLimits,
    answerer: Arc<Mutex<Answerer<H>>>,
    counts: Arc<Counts>,
    places: Arc<Mutex<Places>>,
    connections: JoinSet<()>,
}

/// How many connections each client address has; never one with none, so never more entries than
/// connections.
type Places = HashMap<Subnet, usize>;

impl<H: Handler> Accepting<H> {
    async fn run(mut self) {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.admit(stream, peer),
                    Err(_) => {
                        count(&self.counts.accept_errors);
                        tokio::time::sleep(REST).await;
                    }
                },
                Some(_) = self.connections.join_next() => {}
            }
        }
    }

    /// Serves a connection, or closes it at once where a limit is reached.
    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        if self.connections.len() >= self.limits.connections_max {
            count(&self.counts.refused);
            return;
        }
        let peer = canonical(peer);
        let Some(place) = Place::take(&self.places, peer.ip(), self.limits) else {
            count(&self.counts.refused_per_address);
            return;
        };
        // A connection that broke before it was accepted has no address any more.
        let Ok(local) = stream.local_addr().map(canonical) else {
            return;
        };
        count(&self.counts.accepted);
        let arrival = Arrival { transport: Transport::Tcp, peer, local };
        let idle_timeout = Duration::from_millis(self.limits.idle_timeout_ms);
        let connection = Connection::new(stream, arrival, idle_timeout);
        let (answerer, counts) = (Arc::clone(&self.answerer), Arc::clone(&self.counts));
        self.connections.spawn(async move {
            let end = connection.serve(&answerer, &counts.answered).await;
            match end {
                End::Closed => {}
                End::Idle => count(&counts.idle),
                End::Unanswered => count(&counts.unanswered),
                End::Panic => count(&counts.panics),
            }
            drop(place);
        });
    }
}

/// One connection's place among those of its address; given back when dropped.
struct Place {
    places: Arc<Mutex<Places>>,
    network: Subnet,
}

impl Place {
    fn take(places: &Arc<Mutex<Places>>, peer: IpAddr, limits: TcpLimits) -> Option<Self> {
        let network = Subnet::of(peer, if peer.is_ipv4() { u8::MAX } else { IPV6_HOST_BITS });
        let mut counts = lock(places);
        let taken = counts.get(&network).copied().unwrap_or(0);
        if taken >= limits.connections_per_address_max {
            return None;
        }
        counts.insert(network, taken + 1);
        Some(Self { places: Arc::clone(places), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.places);
        match counts.get_mut(&self.network) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => drop(counts.remove(&self.network)),
        }
    }
}

/// Locks; what a panic left behind is whole, since nothing here is changed in more than one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(ipv6) => match ipv6.ip().to_ipv4_mapped() {
            Some(ipv4) => SocketAddr::new(ipv4.into(), ipv6.port()),
            None => address,
        },
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
