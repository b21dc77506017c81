//! The distance between hosts: each packet is held for half of the pair's round-trip time.
//!
//! One thread, one heap. The kernel's own time stamp says when a packet arrived, so that a late
//! wake-up is not added to the way. Packets of one pair never overtake each other. Never looks
//! further into a packet than its destination address.
//!
//! `links`: ways that are cut or slow for a while; a datagram to the relay's socket says which.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

mod links;
pub(crate) use links::Order;
use links::{Fault, Links};

use crate::addresses::{self, Directory};
use crate::files::Layout;
use crate::random::Random;
use crate::sys::netlink::Mac;
use crate::sys::packet::PacketSocket;
use crate::sys::{netlink, process};
use crate::topology::Topology;

/// Packets on their way at once; 64 MB of full frames. More are dropped, as a router would.
const QUEUE_MAX: usize = 40_000;
/// Longer frames than a veth's MTU of 1500 and the Ethernet header do not occur with offloads off.
const FRAME_BYTES: usize = 2048;
/// Frames read from one interface before the others and the due packets get their turn.
const BATCH: usize = 32;
/// A time stamp older than this is wrong (the clock was set); the packet counts as new.
const AGE_MAX: Duration = Duration::from_millis(50);
/// Longer orders are cut off, and then refused; the longest names all hosts.
const ORDER_BYTES: usize = 4096;
/// Any number will do: the same lab loses the same packets.
const SEED: u64 = 1;

/// Runs in the wan namespace until it is killed. Says `ready` once it relays.
pub(crate) fn run(directory: &Path) -> anyhow::Result<()> {
    process::die_with_parent()?;
    process::exact_timers().context("setting the timer slack")?;
    let topology = crate::files::read_topology(directory)?;
    let mut sockets = Vec::new();
    for index in 0..topology.hosts.len() {
        let name = addresses::wan_interface(index);
        let interface = netlink::interface_index(&name)?;
        sockets.push(PacketSocket::open(interface).context("opening a packet socket")?);
    }
    let orders =
        UnixDatagram::bind(Layout::new(directory).relay()).context("the relay's socket")?;
    orders.set_nonblocking(true)?;
    crate::say("ready");
    let mut wan = Wan::new(&topology);
    loop {
        wait(&sockets, &orders, wan.next_due())?;
        take_orders(&orders, &topology, &mut wan.links);
        for (from, socket) in sockets.iter().enumerate() {
            drain(socket, from, &mut wan)?;
        }
        while let Some(packet) = wan.take_due(Instant::now()) {
            let Some(socket) = sockets.get(packet.to) else { continue };
            // A full device queue or a host that is gone loses the packet, as a wire would.
            let _ = socket.send(&packet.frame);
        }
    }
}

/// What is not understood was refused by whoever was to send it.
fn take_orders(orders: &UnixDatagram, topology: &Topology, links: &mut Links) {
    let mut text = [0; ORDER_BYTES];
    while let Ok(length) = orders.recv(&mut text) {
        let text = String::from_utf8_lossy(text.get(..length).unwrap_or_default());
        if let Ok(order) = Order::parse(&text, topology) {
            links.apply(&order);
        }
    }
}

fn wait(sockets: &[PacketSocket], orders: &UnixDatagram, due: Option<Instant>) -> io::Result<()> {
    let fds: Vec<_> = sockets.iter().map(AsFd::as_fd).chain([orders.as_fd()]).collect();
    let timeout = due.map(|due| due.saturating_duration_since(Instant::now()));
    process::wait_readable(&fds, timeout).map(drop)
}

fn drain(socket: &PacketSocket, from: usize, wan: &mut Wan) -> io::Result<()> {
    let mut frame = [0; FRAME_BYTES];
    for _ in 0..BATCH {
        let Some(length) = socket.receive(&mut frame)? else { return Ok(()) };
        let age = socket.age().ok().filter(|age| *age < AGE_MAX).unwrap_or_default();
        let arrived = Instant::now().checked_sub(age).unwrap_or_else(Instant::now);
        if let Some(frame) = frame.get(..length) {
            wan.accept(from, frame, arrived);
        }
    }
    Ok(())
}

/// A packet on its way. Ordered by when it is due, then by when it came.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    due: Instant,
    number: u64,
    to: usize,
    frame: Vec<u8>,
}

/// All packets on their way, and the rules that put them there. Knows no socket.
struct Wan {
    directory: Directory,
    one_way: Vec<Vec<Duration>>,
    jitter_us: u32,
    loss_ppm: u32,
    queue: BinaryHeap<Reverse<Packet>>,
    /// When the last packet of a pair is due: later ones are not due earlier.
    last_due: HashMap<(usize, usize), Instant>,
    links: Links,
    packets: u64,
    random: Random,
}

impl Wan {
    fn new(topology: &Topology) -> Self {
        let hosts = topology.hosts.len();
        let one_way = |from, to| {
            Duration::from_micros(topology.one_way_us(from, to).unwrap_or_default().into())
        };
        Self {
            directory: Directory::new(topology),
            one_way: (0..hosts)
                .map(|from| (0..hosts).map(|to| one_way(from, to)).collect())
                .collect(),
            jitter_us: topology.jitter_us,
            loss_ppm: topology.loss_ppm,
            queue: BinaryHeap::new(),
            last_due: HashMap::new(),
            links: Links::default(),
            packets: 0,
            random: Random::new(SEED),
        }
    }

    /// Takes a frame of host `from` on its way, unless it goes nowhere or gets lost.
    fn accept(&mut self, from: usize, frame: &[u8], arrived: Instant) {
        let Some(to) = destination(frame).and_then(|address| self.directory.find(address)) else {
            return;
        };
        let more = match self.links.between(from, to) {
            Some(Fault::Cut) => return,
            Some(Fault::Slow(more)) => more,
            None => Duration::ZERO,
        };
        let way = self.one_way.get(from).and_then(|row| row.get(to)).copied().unwrap_or_default();
        if self.queue.len() >= QUEUE_MAX || self.random.below(1_000_000) < self.loss_ppm {
            return;
        }
        let jitter = self.random.below(self.jitter_us.saturating_add(1));
        let mut due = arrived + way + more + Duration::from_micros(jitter.into());
        let last = self.last_due.entry((from, to)).or_insert(due);
        due = due.max(*last);
        *last = due;
        self.packets += 1;
        let frame = readdressed(frame, addresses::wan_mac(to), addresses::host_mac(to));
        self.queue.push(Reverse(Packet { due, number: self.packets, to, frame }));
    }

    fn next_due(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse(packet)| packet.due)
    }

    fn take_due(&mut self, now: Instant) -> Option<Packet> {
        if self.next_due()? > now {
            return None;
        }
        self.queue.pop().map(|Reverse(packet)| packet)
    }
}

/// Where an Ethernet frame with IPv4 (RFC 791) or IPv6 (RFC 8200) is addressed to.
fn destination(frame: &[u8]) -> Option<IpAddr> {
    match frame.get(12..14)? {
        [0x08, 0x00] => {
            let octets: [u8; 4] = frame.get(30..34)?.try_into().ok()?;
            Some(IpAddr::from(octets))
        }
        [0x86, 0xdd] => {
            let octets: [u8; 16] = frame.get(38..54)?.try_into().ok()?;
            Some(IpAddr::from(octets))
        }
        _ => None,
    }
}

/// The frame with the hardware addresses of the cable that it leaves on.
fn readdressed(frame: &[u8], source: Mac, destination: Mac) -> Vec<u8> {
    [&destination, &source, frame.get(12..).unwrap_or_default()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::DEMO6;

    /// An IPv4 frame to `to` of which only what the relay reads is filled in.
    fn frame(to: [u8; 4]) -> Vec<u8> {
        let mut frame = vec![0; 60];
        frame[12] = 8;
        frame[30..34].copy_from_slice(&to);
        frame
    }

    fn wan(change: impl FnOnce(&mut Topology)) -> Wan {
        let mut topology: Topology = DEMO6.parse().unwrap();
        change(&mut topology);
        Wan::new(&topology)
    }

    #[test]
    fn a_packet_is_due_after_half_of_the_round_trip() {
        let (mut wan, now) = (wan(|_| ()), Instant::now());
        // From traffic-eastus to Singapore, then to West Europe: the nearer one is due first.
        wan.accept(1, &frame([10, 3, 1, 10]), now);
        wan.accept(1, &frame([10, 2, 1, 10]), now);
        wan.accept(1, &frame([8, 8, 8, 8]), now);
        assert_eq!(wan.next_due(), Some(now + Duration::from_micros(42_500)));
        assert!(wan.take_due(now).is_none());
        let later = now + Duration::from_millis(200);
        let first = wan.take_due(later).unwrap();
        assert_eq!((first.to, &first.frame[..6]), (2, &addresses::host_mac(2)[..]));
        assert_eq!(wan.take_due(later).unwrap().due, now + Duration::from_millis(110));
        assert!(wan.take_due(later).is_none());
    }

    #[test]
    fn jitter_never_reorders_and_loss_is_a_share() {
        let mut wan = wan(|topology| {
            topology.jitter_us = 5000;
            topology.loss_ppm = 100_000;
        });
        let now = Instant::now();
        for _ in 0..10_000 {
            wan.accept(1, &frame([10, 2, 1, 10]), now);
        }
        let left = wan.queue.len();
        assert!((8_700..9_300).contains(&left), "{left} of 10,000 at 10 % loss");
        let mut number = 0;
        while let Some(packet) = wan.take_due(now + Duration::from_secs(1)) {
            assert!(packet.number > number && packet.due <= now + Duration::from_micros(47_500));
            number = packet.number;
        }
    }

    #[test]
    fn what_is_cut_gets_lost_and_what_is_slow_is_late() {
        let (mut wan, now) = (wan(|_| ()), Instant::now());
        let topology: Topology = DEMO6.parse().unwrap();
        let order = |text: &str| Order::parse(text, &topology).unwrap();
        wan.links.apply(&order("backend-eu-west traffic-eastus cut"));
        wan.links.apply(&order("backend-ap-southeast traffic-eastus slow 100"));
        wan.accept(1, &frame([10, 2, 1, 10]), now);
        assert_eq!(wan.next_due(), None);
        wan.accept(1, &frame([10, 3, 1, 10]), now);
        assert_eq!(wan.next_due(), Some(now + Duration::from_millis(160)));
        wan.links.apply(&order("backend-eu-west traffic-eastus mended"));
        wan.accept(1, &frame([10, 2, 1, 10]), now);
        assert_eq!(wan.next_due(), Some(now + Duration::from_micros(42_500)));
    }

    #[test]
    fn frames_of_strangers_are_nothing() {
        assert_eq!(destination(&[]), None);
        assert_eq!(destination(&[0; 60]), None);
        assert_eq!(destination(&frame([1, 2, 3, 4])[..33]), None);
        let mut v6 = vec![0; 54];
        v6[12..14].copy_from_slice(&[0x86, 0xdd]);
        v6[53] = 1;
        assert_eq!(destination(&v6), Some("::1".parse().unwrap()));
    }
}
