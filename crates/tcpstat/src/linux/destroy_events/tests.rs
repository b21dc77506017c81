//! The real kernel's announcements of real connections.

use std::net::{Ipv6Addr, SocketAddr};

use model::SocketState;

use super::*;
use crate::linux::loopback::{PAYLOAD_BYTES, Server};

const WAIT: Duration = Duration::from_millis(200);
/// Ten seconds in all: the kernel announces from a work queue, which a busy machine may delay.
const EMPTY_WAITS: u32 = 50;

/// Receives until `expected` events are accounted for, then once more for what should not be.
fn receive_all(events: &mut DestroyEvents, expected: u64) -> (Vec<Sample>, Received) {
    let (mut samples, mut total) = (Vec::new(), Received::default());
    let mut empty_waits = 0;
    while total.events + events.lost() < expected && empty_waits < EMPTY_WAITS {
        let received = events.receive(WAIT, &mut samples).unwrap();
        empty_waits += u32::from(received.events == 0);
        add(&mut total, received);
    }
    add(&mut total, events.receive(Duration::from_millis(50), &mut samples).unwrap());
    assert_eq!(samples.len() as u64, total.samples);
    assert_eq!(total.unreadable, 0);
    (samples, total)
}

fn add(total: &mut Received, more: Received) {
    total.events += more.events;
    total.samples += more.samples;
    total.other_sockets += more.other_sockets;
    total.unreadable += more.unreadable;
}

fn open(servers: &[&Server]) -> DestroyEvents {
    DestroyEvents::open(&servers.iter().map(|server| server.port()).collect()).unwrap()
}

#[test]
fn a_short_connection_is_seen_whole() {
    let server = Server::ipv4();
    let mut events = open(&[&server]);
    server.short_connection();
    // One, though both ends are on this machine: the client's end has our port as its remote one.
    let (samples, total) = receive_all(&mut events, 1);
    assert_eq!((total.events, total.samples, events.lost()), (1, 1, 0));
    let sample = samples[0];
    assert_eq!(sample.client, sample.local.ip());
    assert_eq!(sample.local, SocketAddr::from(([127, 0, 0, 1], server.port())));
    assert_eq!(sample.bytes_acked, PAYLOAD_BYTES as u64 + 1, "the payload and the FIN");
    assert_eq!(sample.data_segments_out, Some(1));
    assert!(sample.smoothed_rtt_us > 0);
    assert!((1..1_000_000).contains(&sample.min_rtt_us.unwrap()), "{sample:?}");
    assert_eq!(sample.state, SocketState::Closed);
}

#[test]
fn ipv4_clients_of_a_dual_stack_listener_are_ipv4_clients() {
    let Some(server) = Server::dual_stack() else { return };
    let mut events = open(&[&server]);
    server.short_connection();
    let (samples, _) = receive_all(&mut events, 1);
    assert_eq!(samples.len(), 1);
    assert_eq!(samples[0].client.to_string(), "127.0.0.1");
    assert_eq!(samples[0].local.ip().to_string(), "127.0.0.1");
    server.connect(Ipv6Addr::LOCALHOST.into()).close();
    let (samples, _) = receive_all(&mut events, 1);
    assert_eq!(samples[0].client.to_string(), "::1");
}

#[test]
fn other_ports_do_not_even_arrive() {
    let (ours, also_ours, other) = (Server::ipv4(), Server::ipv4(), Server::ipv4());
    let mut events = open(&[&ours, &also_ours]);
    for server in [&ours, &other, &also_ours, &other, &ours] {
        server.short_connection();
    }
    let (samples, total) = receive_all(&mut events, 3);
    assert_eq!((total.events, total.samples), (3, 3));
    let at = |server: &Server| samples.iter().filter(|s| s.local.port() == server.port()).count();
    assert_eq!((at(&ours), at(&also_ours), at(&other)), (2, 1, 0));
}

#[test]
fn a_listener_that_closes_is_no_connection() {
    let server = Server::ipv4();
    let mut events = open(&[&server]);
    server.short_connection();
    drop(server);
    let (samples, total) = receive_all(&mut events, 2);
    assert_eq!((samples.len(), total.other_sockets), (1, 1));
}

#[test]
fn more_ports_than_the_filter_holds_are_sorted_out_after_it() {
    let (ours, other) = (Server::ipv4(), Server::ipv4());
    // Every other port but the other server's: more ranges than one filter holds.
    let mut ports: BTreeSet<u16> = (0..=u16::MAX).step_by(2).collect();
    ports.insert(ours.port());
    ports.remove(&other.port());
    let mut events = DestroyEvents::open(&ports).unwrap();
    other.short_connection();
    ours.short_connection();
    let mut samples = Vec::new();
    let ours_is_in = |samples: &[Sample]| samples.iter().any(|s| s.local.port() == ours.port());
    let mut empty_waits = 0;
    while !ours_is_in(&samples) && empty_waits < EMPTY_WAITS {
        let received = events.receive(WAIT, &mut samples).unwrap();
        empty_waits += u32::from(received.events == 0);
    }
    // Other tests' sockets may be among them, for the set is wide; the other server's are not.
    assert!(ours_is_in(&samples));
    assert!(samples.iter().all(|sample| ports.contains(&sample.local.port())));
}

/// As many closes as `closes` while nobody receives, then all at once.
fn check_burst(mut events: DestroyEvents, server: &Server, closes: u64) -> u64 {
    for _ in 0..closes {
        server.short_connection();
    }
    let (samples, _) = receive_all(&mut events, closes);
    assert_eq!(samples.len() as u64 + events.lost(), closes, "each is seen or counted as lost");
    let mut cookies: Vec<u64> = samples.iter().map(|sample| sample.cookie).collect();
    cookies.sort_unstable();
    cookies.dedup();
    assert_eq!(cookies.len(), samples.len(), "each is another socket");
    events.lost()
}

#[test]
fn in_a_burst_every_close_is_seen_or_counted() {
    let server = Server::ipv4();
    let events = open(&[&server]);
    let room = events.buffer_bytes() / 1280;
    let lost = check_burst(events, &server, 3000);
    println!("room for {room} events: 3000 closes, {lost} lost");
    assert!(room < 6000 || lost == 0, "there was room for {room}");
}

#[test]
fn an_overflow_is_counted_and_survived() {
    let server = Server::ipv4();
    let ports = BTreeSet::from([server.port()]);
    let small = DestroyEvents::open_with_buffer(&ports, 8 << 10).unwrap();
    assert_eq!(small.buffer_bytes(), 8 * (16 << 10), "the kernel doubles it, and there are eight");
    let lost = check_burst(small, &server, 3_000);
    // Eight times 16 KiB hold no more than 104. The kernel announces a little after the fact, so some more
    // come when somebody listens again.
    assert!(lost > 0, "all found room");
    // And the next one is heard again.
    let mut small = DestroyEvents::open_with_buffer(&ports, 8 << 10).unwrap();
    for _ in 0..300 {
        server.short_connection();
    }
    let (seen, _) = receive_all(&mut small, 300);
    let lost_before = small.lost();
    assert_eq!(seen.len() as u64 + lost_before, 300);
    server.short_connection();
    let (samples, _) = receive_all(&mut small, lost_before + 1);
    assert_eq!((samples.len(), small.lost()), (1, lost_before));
}

#[test]
fn nothing_is_no_error() {
    let server = Server::ipv4();
    let mut events = open(&[&server]);
    let received = events.receive(Duration::ZERO, &mut Vec::new()).unwrap();
    assert_eq!(received, Received::default());
    let mut deaf = DestroyEvents::open(&BTreeSet::new()).unwrap();
    server.short_connection();
    receive_all(&mut events, 1);
    let received = deaf.receive(Duration::ZERO, &mut Vec::new()).unwrap();
    assert_eq!(received, Received::default(), "no ports, no events");
}

#[test]
fn the_sources_may_move_to_a_thread_of_their_own() {
    fn is_send<T: Send + 'static>() {}
    is_send::<DestroyEvents>();
    is_send::<crate::Dump>();
}

#[test]
fn where_buffers_are_small_several_hold_what_one_could_not() {
    let server = Server::ipv4();
    let ports = BTreeSet::from([server.port()]);
    // What Debian allows where nobody has changed it: 332 events a buffer.
    let events = DestroyEvents::open_with_buffer(&ports, 212_992).unwrap();
    assert_eq!(events.buffer_bytes(), 8 * 425_984);
    assert_eq!(check_burst(events, &server, 1_500), 0);
    let large = DestroyEvents::open_with_buffer(&ports, RECEIVE_BUFFER_BYTES).unwrap();
    let is_one = large.ears.len() == 1;
    assert_eq!(is_one, large.ears[0].buffer_bytes >= ROOM_BYTES, "as few as will do");
}
