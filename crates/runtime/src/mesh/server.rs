//! The overwatch's door: accepts sessions, within limits on those who have proven nothing.
//!
//! A stranger costs a place until the node says `Welcome` to him. The places are few, fewer still
//! for one address, and each has a deadline, so that nobody can keep the agents out.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mesh::KeyHash;
use model::Subnet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::connection::{self, Beginning, SessionLimits};
use super::identity::Identity;
use super::{Event, FailReason, Origin, TlsSetupError, tls};
use crate::panics::{caught, rest};

/// How long the door stays shut when the system cannot accept: long enough not to spin, short
/// enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The limits of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Those of each session.
    pub session: SessionLimits,
    /// Connections in all; more are turned away.
    pub connections_max: usize,
    /// Connections that are not established; more are turned away.
    pub unproven_max: usize,
    /// The same from one IPv4 address or one IPv6 /64.
    pub unproven_per_address_max: usize,
    /// The same from one IPv4 /24 or one IPv6 /48: what a stranger may have many addresses of.
    pub unproven_per_network_max: usize,
}

impl ServerLimits {
    /// What an overwatch uses: far more agents than any known site. Those who have proven nothing share
    /// few places, fewer still from one address, so that strangers cannot take them all; an agent holds one
    /// for some milliseconds, and who is turned away comes again.
    pub const STANDARD: Self = Self {
        session: SessionLimits::STANDARD,
        connections_max: 10_000,
        unproven_max: 256,
        unproven_per_address_max: 16,
        unproven_per_network_max: 32,
    };
}

/// Why there is no door.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("cannot listen for agents on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The socket is none to listen on.
    #[error("cannot listen for agents on the socket at hand")]
    Socket(#[source] io::Error),
    /// TLS does not take this identity.
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
}

/// An open door. Dropping it shuts it and cuts all of its connections, without further events.
#[derive(Debug)]
pub struct Server {
    local_address: SocketAddr,
    task: JoinHandle<()>,
}

/// Listens for sessions; what happens on them goes to `events`.
///
/// # Errors
///
/// An address that cannot be had; an identity that TLS does not take.
pub async fn listen(
    address: SocketAddr,
    identity: &Identity,
    limits: ServerLimits,
    events: mpsc::Sender<Event>,
) -> Result<Server, ListenError> {
    let failed = |source| ListenError::Bind { address, source };
    serve(TcpListener::bind(address).await.map_err(failed)?, identity, limits, events)
}

/// The same on a socket that listens already.
///
/// # Errors
///
/// A socket without an address; an identity that TLS does not take.
pub fn serve(
    listener: TcpListener,
    identity: &Identity,
    limits: ServerLimits,
    events: mpsc::Sender<Event>,
) -> Result<Server, ListenError> {
    let acceptor = TlsAcceptor::from(tls::server_config(identity)?);
    let local_address = listener.local_addr().map_err(ListenError::Socket)?;
    let seats = Seats::new(&limits);
    let door = Arc::new(Door { acceptor, own_key: identity.key(), limits, events, seats });
    let task = tokio::spawn(async move {
        let mut sessions = JoinSet::new();
        while caught(accept_all(&listener, &mut sessions, &door)).await.is_err() {
            rest().await;
        }
    });
    Ok(Server { local_address, task })
}

impl Server {
    /// Where it listens; tells the port where 0 was asked for.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddr {
        self.local_address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What all connections of a server share.
struct Door {
    acceptor: TlsAcceptor,
    own_key: KeyHash,
    limits: ServerLimits,
    events: mpsc::Sender<Event>,
    seats: Seats,
}

/// Accepts until the node is gone. The sessions die with their set.
async fn accept_all(listener: &TcpListener, sessions: &mut JoinSet<()>, door: &Arc<Door>) {
    loop {
        #[cfg(test)]
        crate::panics::faults::meet("mesh");
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = sessions.join_next() => continue,
            () = door.events.closed() => return,
        };
        match accepted {
            Ok((stream, address)) if sessions.len() < door.limits.connections_max => {
                match door.seats.take(address.ip()) {
                    Some(seat) => {
                        sessions.spawn(converse(stream, address, seat, Arc::clone(door)));
                    }
                    None => door.fail(Some(address), FailReason::TooManyUnproven).await,
                }
            }
            Ok((_, address)) => door.fail(Some(address), FailReason::TooManyConnections).await,
            Err(error) => {
                door.fail(None, FailReason::Accept(error)).await;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, from its first packet to its end.
async fn converse(stream: TcpStream, address: SocketAddr, seat: UnprovenSeat, door: Arc<Door>) {
    let deadline = Instant::now() + door.limits.session.handshake_timeout;
    if let Err(error) = connection::tune(&stream, &door.limits.session) {
        return door.fail(Some(address), FailReason::Accept(error)).await;
    }
    let stream = match timeout_at(deadline, door.acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return door.fail(Some(address), FailReason::Tls(error)).await,
        Err(_) => return door.fail(Some(address), FailReason::Timeout).await,
    };
    let peer = match tls::peer_of(stream.get_ref().1, address, door.own_key) {
        Ok(peer) => peer,
        Err(fault) => return door.fail(Some(address), FailReason::Certificate(fault)).await,
    };
    let beginning = Beginning { peer, origin: Origin::Accepted, deadline, seat: Some(seat) };
    connection::run(stream, beginning, &door.limits.session, &door.events).await;
}

impl Door {
    /// Tells the node of a connection that did not come about.
    async fn fail(&self, address: Option<SocketAddr>, reason: FailReason) {
        let event = Event::Failed { origin: Origin::Accepted, address, reason };
        // Where the node has gone there is nobody to tell.
        let _ = self.events.send(event).await;
    }
}

/// The places of those who have proven nothing.
#[derive(Clone, Debug)]
struct Seats(Arc<Mutex<SeatsTaken>>);

#[derive(Debug)]
struct SeatsTaken {
    max: usize,
    per_address_max: usize,
    per_network_max: usize,
    taken: usize,
    /// By address and by network. Never more than two entries for each of `taken`.
    by_subnet: BTreeMap<Subnet, usize>,
}

/// One place among the strangers; dropping it gives it back.
#[derive(Debug)]
pub(super) struct UnprovenSeat {
    /// The address and the network that it counts for.
    subnets: [Subnet; 2],
    seats: Seats,
}

impl Seats {
    fn new(limits: &ServerLimits) -> Self {
        Self(Arc::new(Mutex::new(SeatsTaken {
            max: limits.unproven_max,
            per_address_max: limits.unproven_per_address_max,
            per_network_max: limits.unproven_per_network_max,
            taken: 0,
            by_subnet: BTreeMap::new(),
        })))
    }

    /// A place for a connection from this address, if there is one.
    fn take(&self, address: IpAddr) -> Option<UnprovenSeat> {
        let address = address.to_canonical();
        // A host has a whole /64 to choose its IPv6 address from, and whoever rents machines a /48.
        let lengths = if address.is_ipv4() { [32, 24] } else { [64, 48] };
        let subnets = lengths.map(|length| Subnet::of(address, length));
        let mut seats = self.lock();
        let taken = subnets.map(|subnet| seats.by_subnet.get(&subnet).copied().unwrap_or(0));
        let [of_address, of_network] = taken;
        if seats.taken >= seats.max
            || of_address >= seats.per_address_max
            || of_network >= seats.per_network_max
        {
            return None;
        }
        seats.taken += 1;
        seats.by_subnet.extend(subnets.into_iter().zip(taken.map(|taken| taken + 1)));
        drop(seats);
        Some(UnprovenSeat { subnets, seats: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, SeatsTaken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnprovenSeat {
    fn drop(&mut self) {
        let mut seats = self.seats.lock();
        seats.taken = seats.taken.saturating_sub(1);
        for subnet in &self.subnets {
            match seats.by_subnet.get_mut(subnet) {
                Some(here) if *here > 1 => *here -= 1,
                _ => {
                    seats.by_subnet.remove(subnet);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes seats for strangers until one is turned away; how many of them sit.
    fn seated(seats: &Seats, strangers: impl Iterator<Item = String>) -> Vec<UnprovenSeat> {
        let seat = |address: String| seats.take(address.parse().unwrap());
        strangers.filter_map(seat).collect()
    }

    #[test]
    fn nobody_takes_all_places_with_many_addresses() {
        let limits = ServerLimits::STANDARD;
        let check = |strangers: &dyn Fn(u32) -> String, expect: usize| {
            let seats = Seats::new(&limits);
            let sitting = seated(&seats, (0..1_000).map(strangers));
            assert_eq!(sitting.len(), expect, "{}", strangers(0));
            // An agent from elsewhere finds one, where not everybody else does too.
            let is_free = seats.take("203.0.113.1".parse().unwrap()).is_some();
            assert_eq!(is_free, expect < limits.unproven_max, "{}", strangers(0));
            drop(sitting);
            assert!(seats.lock().by_subnet.is_empty() && seats.lock().taken == 0);
        };
        check(&|_| "192.0.2.1".to_owned(), 16);
        check(&|n| format!("192.0.2.{}", n % 256), 32);
        check(&|n| format!("::ffff:192.0.2.{}", n % 256), 32);
        check(&|n| format!("198.51.{}.{}", n % 4, n % 256), 128);
        check(&|n| format!("2001:db8:1:1::{n:x}"), 16);
        check(&|n| format!("2001:db8:1:{n:x}::1"), 32);
        check(&|n| format!("2001:db8:{n:x}::1"), 256);
    }
}
