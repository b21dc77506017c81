//! Newcomers: each gets a place, its own task and nothing before it has asked.
//!
//! This task must never end and never spin: an error either was one newcomer's, or it rests; a fault
//! of this program begins it anew with the connections that it has.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};

use super::connection::{Connection, End};
use super::places::{Full, Places};
use super::{Shared, TcpLimits, count};
use crate::dns::{Arrival, Handler, Transport};
use crate::panics::{caught, rest};

/// How long accepting rests after the system refused it: a lack of memory does not pass at once.
const REST: Duration = Duration::from_millis(50);

/// The accepting task's own. Dropping it ends the connections.
pub(super) struct Accepting<H> {
    listener: TcpListener,
    limits: TcpLimits,
    places: Arc<Places>,
    shared: Arc<Shared<H>>,
    connections: JoinSet<()>,
}

impl<H: Handler> Accepting<H> {
    pub(super) fn new(
        listener: TcpListener,
        limits: TcpLimits,
        places: Arc<Places>,
        shared: Arc<Shared<H>>,
    ) -> Self {
        Self { listener, limits, places, shared, connections: JoinSet::new() }
    }

    /// Accepts until it is asked to leave, then waits for the connections there are.
    pub(super) async fn run(mut self, leave: Arc<Notify>) {
        while caught(self.accept(&leave)).await.is_err() {
            rest().await;
        }
        let Self { listener, mut connections, .. } = self;
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    async fn accept(&mut self, leave: &Notify) {
        loop {
            #[cfg(test)]
            crate::panics::faults::meet("dns_tcp");
            tokio::select! {
                () = leave.notified() => return,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.admit(stream, canonical(peer)).await,
                    Err(error) => self.on_error(&error).await,
                },
                Some(ended) = self.connections.join_next() => self.on_end(ended),
            }
        }
    }

    /// Serves a connection; another one may have to end first.
    async fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        // A connection that broke before it was accepted has no address any more.
        let Ok(local) = stream.local_addr().map(canonical) else {
            return;
        };
        let (place, full) = self.places.take(peer.ip());
        match full {
            Some(Full::Address) => self.count_end(End::EvictedForAddress),
            Some(Full::All) => self.count_end(End::EvictedForAll),
            None => {}
        }
        // Those who were sent away end when they next run. So there are never more than allowed,
        // however fast newcomers come.
        while self.connections.len() >= self.limits.connections_max {
            self.wait_for_an_end().await;
        }
        count(&self.shared.counts.accepted);
        let arrival = Arrival { transport: Transport::Tcp, peer, local };
        let idle_timeout = Duration::from_millis(self.limits.idle_timeout_ms);
        let shared = Arc::clone(&self.shared);
        self.connections.spawn(async move {
            let connection = Connection::new(stream, arrival, idle_timeout);
            tokio::select! {
                // Counted where it was decided.
                () = place.asked_to_leave() => {}
                end = connection.serve(&shared, &place) => count(&shared.counts.closed[end as usize]),
            }
        });
    }

    async fn on_error(&mut self, error: &io::Error) {
        match error.raw_os_error() {
            // Of the process or of the system. The newcomer stays in the kernel's queue and gets
            // the descriptor of the idlest.
            Some(libc::EMFILE | libc::ENFILE) => {
                count(&self.shared.counts.without_descriptor);
                if self.places.send_idlest_away() {
                    self.count_end(End::EvictedForDescriptors);
                    self.wait_for_an_end().await;
                } else {
                    tokio::time::sleep(REST).await;
                }
            }
            // One newcomer's own trouble (accept(2)); it is gone with its error.
            Some(
                libc::ECONNABORTED
                | libc::EPROTO
                | libc::EPERM
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH,
            ) => count(&self.shared.counts.accept_errors),
            _ => {
                count(&self.shared.counts.accept_errors);
                tokio::time::sleep(REST).await;
            }
        }
    }

    async fn wait_for_an_end(&mut self) {
        if let Some(ended) = self.connections.join_next().await {
            self.on_end(ended);
        }
    }

    /// A connection's panic is its own end only.
    fn on_end(&self, ended: Result<(), JoinError>) {
        if ended.is_err() {
            self.count_end(End::Panic);
        }
    }

    fn count_end(&self, end: End) {
        count(&self.shared.counts.closed[end as usize]);
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
