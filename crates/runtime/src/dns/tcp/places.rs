//! Who has which connection, and who is to leave when there are too many.
//!
//! A newcomer always gets a place: at a limit, the connection that has been idle longest makes
//! room, among those of the newcomer's address if that is the limit. A client that has just asked
//! is in the middle of something; one that was answered a while ago loses nothing but the time of
//! a new connection (RFC 7766, 6.2.3 lets a server close at any time). Refusing newcomers instead
//! would let strangers who only connect keep everybody out.
//!
//! Nothing here reads or writes a socket.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use model::Subnet;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{TcpLimits, lock};

/// An IPv6 host can use all of its /64, so a /64 counts as one address.
const IPV6_HOST_BITS: u8 = 64;

/// All places of a server.
#[derive(Debug)]
pub(super) struct Places {
    started: Instant,
    limits: TcpLimits,
    taken: Mutex<Taken>,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    id: u64,
    sign: Arc<Sign>,
}

/// Why somebody had to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Its address had as many connections as one may have.
    Address,
    /// There were as many as there may be.
    All,
}

/// What a connection and the places tell each other.
#[derive(Debug)]
struct Sign {
    /// Milliseconds from the server's start to the last whole query, or to the connection's begin.
    busy_ms: AtomicU64,
    leave: Notify,
}

/// Never more entries in any of these than connections.
#[derive(Debug, Default)]
struct Taken {
    next_id: u64,
    all: HashMap<u64, Seat>,
    by_network: HashMap<Subnet, Vec<u64>>,
    /// By when they were last busy, as far as was noted: a connection that was busy since then is
    /// put right when its turn would come. So being busy costs one atomic write, and no lock.
    by_time: BTreeSet<(u64, u64)>,
}

#[derive(Debug)]
struct Seat {
    network: Subnet,
    noted_ms: u64,
    sign: Arc<Sign>,
}

impl Places {
    pub(super) fn new(limits: TcpLimits) -> Arc<Self> {
        Arc::new(Self { started: Instant::now(), limits, taken: Mutex::default() })
    }

    /// Connections that have a place.
    pub(super) fn len(&self) -> usize {
        lock(&self.taken).all.len()
    }

    /// A place for a newcomer, and why somebody else had to leave for it, if so.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> (Place, Option<Full>) {
        let network = Subnet::of(peer, if peer.is_ipv4() { u8::MAX } else { IPV6_HOST_BITS });
        let mut taken = lock(&self.taken);
        let of_network = taken.by_network.get(&network).map_or(0, Vec::len);
        let full = if of_network >= self.limits.connections_per_address_max {
            taken.idlest_of(network).map(|id| (id, Full::Address))
        } else if taken.all.len() >= self.limits.connections_max {
            taken.idlest().map(|id| (id, Full::All))
        } else {
            None
        };
        if let Some((id, _)) = full {
            taken.send_away(id);
        }
        let now_ms = self.now_ms();
        let sign = Arc::new(Sign { busy_ms: AtomicU64::new(now_ms), leave: Notify::new() });
        let id = taken.seat(network, now_ms, Arc::clone(&sign));
        drop(taken);
        (Place { places: Arc::clone(self), id, sign }, full.map(|(_, full)| full))
    }

    /// Sends the idlest connection away; says whether there was one.
    pub(super) fn send_idlest_away(&self) -> bool {
        let mut taken = lock(&self.taken);
        let idlest = taken.idlest();
        idlest.is_some_and(|id| taken.send_away(id))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Place {
    /// A whole query came.
    pub(super) fn busy(&self) {
        self.sign.busy_ms.store(self.places.now_ms(), Ordering::Relaxed);
    }

    /// Comes back when the connection is to leave.
    pub(super) async fn asked_to_leave(&self) {
        self.sign.leave.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.places.taken).remove(self.id);
    }
}

impl Taken {
    fn seat(&mut self, network: Subnet, noted_ms: u64, sign: Arc<Sign>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.all.insert(id, Seat { network, noted_ms, sign });
        self.by_network.entry(network).or_default().push(id);
        self.by_time.insert((noted_ms, id));
        id
    }

    /// The place is free at once; the connection that had it ends when it next looks.
    fn send_away(&mut self, id: u64) -> bool {
        let seat = self.remove(id);
        seat.inspect(|seat| seat.sign.leave.notify_one()).is_some()
    }

    fn remove(&mut self, id: u64) -> Option<Seat> {
        let seat = self.all.remove(&id)?;
        self.by_time.remove(&(seat.noted_ms, id));
        if let Some(of_network) = self.by_network.get_mut(&seat.network) {
            of_network.retain(|other| *other != id);
            if of_network.is_empty() {
                self.by_network.remove(&seat.network);
            }
        }
        Some(seat)
    }

    fn idlest_of(&self, network: Subnet) -> Option<u64> {
        let seats = self.by_network.get(&network)?.iter().copied();
        seats.min_by_key(|id| (self.busy_ms(*id), *id))
    }

    /// Each turn puts one connection right, so there are no more turns than connections; those
    /// that are busy meanwhile cannot make it more.
    fn idlest(&mut self) -> Option<u64> {
        for _ in 0..self.by_time.len() {
            let (noted_ms, id) = *self.by_time.first()?;
            let busy_ms = self.busy_ms(id)?;
            if busy_ms == noted_ms {
                break;
            }
            self.by_time.remove(&(noted_ms, id));
            self.by_time.insert((busy_ms, id));
            if let Some(seat) = self.all.get_mut(&id) {
                seat.noted_ms = busy_ms;
            }
        }
        self.by_time.first().map(|(_, id)| *id)
    }

    fn busy_ms(&self, id: u64) -> Option<u64> {
        self.all.get(&id).map(|seat| seat.sign.busy_ms.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    fn places(connections_max: usize, connections_per_address_max: usize) -> Arc<Places> {
        Places::new(TcpLimits { connections_max, connections_per_address_max, idle_timeout_ms: 1 })
    }

    fn take(places: &Arc<Places>, peer: &str) -> (Place, Option<Full>) {
        places.take(peer.parse().unwrap())
    }

    /// Whether a connection was told to leave.
    async fn must_leave(place: &Place) -> bool {
        tokio::time::timeout(Duration::ZERO, place.asked_to_leave()).await.is_ok()
    }

    async fn pass() {
        advance(Duration::from_millis(10)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_idlest_of_all_makes_room() {
        let places = places(3, 3);
        let (first, _) = take(&places, "192.0.2.1");
        pass().await;
        let (second, _) = take(&places, "192.0.2.2");
        pass().await;
        let (third, full) = take(&places, "192.0.2.3");
        assert_eq!((full, places.len()), (None, 3));
        pass().await;
        first.busy();
        let (_fourth, full) = take(&places, "192.0.2.4");
        assert_eq!((full, places.len()), (Some(Full::All), 3));
        assert!(must_leave(&second).await);
        assert!(!must_leave(&first).await && !must_leave(&third).await);
        // It ends after its place was given away: that frees nothing twice.
        drop(second);
        assert_eq!(places.len(), 3);
        assert!(places.send_idlest_away());
        assert!(must_leave(&third).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_has_its_share_makes_room_for_itself() {
        let places = places(10, 2);
        let (other, _) = take(&places, "192.0.2.9");
        pass().await;
        let (first, _) = take(&places, "192.0.2.1");
        pass().await;
        let (second, _) = take(&places, "192.0.2.1");
        pass().await;
        first.busy();
        let (_third, full) = take(&places, "192.0.2.1");
        assert_eq!(full, Some(Full::Address));
        assert!(must_leave(&second).await);
        assert!(!must_leave(&first).await && !must_leave(&other).await);
    }

    #[test]
    fn an_ipv6_host_is_its_network() {
        let places = places(10, 2);
        let first = take(&places, "2001:db8::1");
        let _second = take(&places, "2001:db8::2");
        let (_third, full) = take(&places, "2001:db8::3");
        assert_eq!(full, Some(Full::Address));
        assert_eq!(take(&places, "2001:db8:0:1::3").1, None);
        drop(first);
        assert_eq!(places.len(), 2);
    }

    #[test]
    fn no_entry_is_left_behind() {
        let places = places(10, 2);
        let many: Vec<_> = (0..100).map(|n| take(&places, &format!("192.0.2.{}", n % 7))).collect();
        assert_eq!(places.len(), 10);
        drop(many);
        let taken = lock(&places.taken);
        assert!(taken.all.is_empty() && taken.by_network.is_empty() && taken.by_time.is_empty());
    }
}
