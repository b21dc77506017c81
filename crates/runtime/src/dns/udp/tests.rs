//! Real sockets on loopback, ports by the system.

use std::net::{IpAddr, UdpSocket};

use super::*;
use crate::dns::QUERY_BYTES_MAX;

/// A client that can only hear from whom it asked, as real resolvers do.
fn client(from: &str, to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(from).unwrap();
    socket.connect(to).unwrap();
    // Far longer than any answer takes; only a failing test waits for it.
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

fn ask(socket: &UdpSocket, query: &[u8]) -> Vec<u8> {
    socket.send(query).unwrap();
    let mut answer = [0; 8_192];
    let length = socket.recv(&mut answer).unwrap();
    answer[..length].to_vec()
}

/// Answers with what it was told of the arrival, and the query.
fn echo(query: &[u8], arrival: Arrival, answer: &mut [u8]) -> Option<usize> {
    let text = match query {
        b"nothing" => return None,
        b"panic" => panic!("as asked"),
        b"too much" => return Some(answer.len() + 1),
        query => format!("{} {} {}", arrival.local, arrival.peer, query.len()),
    };
    answer[..text.len()].copy_from_slice(text.as_bytes());
    Some(text.len())
}

fn start(address: &str, workers: usize) -> UdpServer {
    UdpServer::start(address.parse().unwrap(), NonZeroUsize::new(workers).unwrap(), &echo).unwrap()
}

/// Asks at `asked`, from `from`; the server must see both and answer from there.
fn check(server: &UdpServer, from: &str, asked: &str) {
    let to = SocketAddr::new(asked.parse::<IpAddr>().unwrap(), server.local_addr().port());
    let socket = client(from, to);
    let me = socket.local_addr().unwrap();
    let expect = format!("{to} {me} 5");
    assert_eq!(String::from_utf8(ask(&socket, b"query")).unwrap(), expect);
}

#[test]
fn a_bound_address_answers() {
    check(&start("127.0.0.1:0", 1), "127.0.0.1:0", "127.0.0.1");
    check(&start("[::1]:0", 1), "[::1]:0", "::1");
}

#[test]
fn a_wildcard_answers_from_the_address_that_was_asked() {
    let server = start("0.0.0.0:0", 2);
    for asked in ["127.0.0.1", "127.0.0.2", "127.9.8.7"] {
        check(&server, "127.0.0.1:0", asked);
    }
}

#[test]
fn a_wildcard_for_both_families_does_so_for_both() {
    let server = start("[::]:0", 2);
    for asked in ["127.0.0.1", "127.0.0.2"] {
        check(&server, "127.0.0.3:0", asked);
    }
    check(&server, "[::1]:0", "::1");
}

#[test]
fn what_gets_no_answer_is_counted_and_the_next_query_is_answered() {
    let server = start("127.0.0.1:0", 1);
    let socket = client("127.0.0.1:0", server.local_addr());
    for query in [&b"nothing"[..], b"too much", b"panic", &[7; QUERY_BYTES_MAX + 1]] {
        socket.send(query).unwrap();
    }
    assert!(ask(&socket, &[7; QUERY_BYTES_MAX]).ends_with(b" 4096"));
    assert!(ask(&socket, b"").ends_with(b" 0"));
    let expect = UdpCounters {
        received: 6,
        unanswered: 2,
        panics: 1,
        too_long: 1,
        sent: 2,
        ..UdpCounters::default()
    };
    // An answer may be here before the thread has counted it.
    let timed = |counters: UdpCounters| counters.durations.ranges.iter().sum::<u64>();
    while timed(server.counters()) < 6 {
        std::thread::yield_now();
    }
    let counters = server.counters();
    assert_eq!(UdpCounters { durations: DurationCounters::default(), ..counters }, expect);
    assert_eq!(timed(counters), 6);
    assert!(counters.durations.sum_ns > 0);
}

/// A handler that cannot bear a certain packet, neither when it is shown nor when it answers.
#[derive(Clone)]
struct Fragile;

impl Handler for Fragile {
    fn foresee<'q>(&mut self, mut queries: impl Iterator<Item = (&'q [u8], SocketAddr)>) {
        assert!(queries.all(|(query, _)| query != b"poison"), "as asked");
    }

    fn batch(&mut self) -> impl FnMut(&[u8], Arrival, &mut [u8]) -> Option<usize> {
        |query: &[u8], _, answer: &mut [u8]| {
            assert!(query != b"poison", "as asked");
            answer[..query.len()].copy_from_slice(query);
            Some(query.len())
        }
    }
}

/// Each poisoned packet is dropped, none beside it in its batch is, and no thread rests for it.
#[test]
fn a_poisoned_packet_costs_no_other_one() {
    const ROUNDS: u64 = 500;
    let one = NonZeroUsize::new(1).unwrap();
    let server = UdpServer::start("127.0.0.1:0".parse().unwrap(), one, &Fragile).unwrap();
    let (poisoner, client) =
        (client("127.0.0.1:0", server.local_addr()), client("127.0.0.1:0", server.local_addr()));
    std::panic::set_hook(Box::new(|_| {}));
    for round in 0..ROUNDS {
        for _ in 0..3 {
            poisoner.send(b"poison").unwrap();
        }
        assert_eq!(ask(&client, &round.to_be_bytes()), round.to_be_bytes());
    }
    drop(std::panic::take_hook());
    while server.counters().received < 4 * ROUNDS || server.counters().sent < ROUNDS {
        std::thread::yield_now();
    }
    assert!(server.counters().panics >= 3 * ROUNDS, "{:?}", server.counters());
}

#[test]
fn many_clients_are_spread_over_the_threads() {
    let server = start("127.0.0.1:0", 4);
    for _ in 0..100 {
        check(&server, "127.0.0.1:0", "127.0.0.1");
    }
    let busy = |worker: &&Worker| worker.counts.received.load(Ordering::Relaxed) > 0;
    assert!(server.workers.iter().filter(busy).count() > 1);
    assert_eq!(server.counters().received, 100);
}

#[test]
fn each_thread_has_a_handler_of_its_own() {
    let mut turn = 0_u8;
    let counting = move |_: &[u8], _: Arrival, answer: &mut [u8]| {
        turn += 1;
        *answer.first_mut()? = turn;
        Some(1)
    };
    let address = "127.0.0.1:0".parse().unwrap();
    let server = UdpServer::start(address, NonZeroUsize::MIN, &counting).unwrap();
    let socket = client("127.0.0.1:0", server.local_addr());
    assert_eq!([ask(&socket, b"a"), ask(&socket, b"b")], [[1], [2]]);
}

#[test]
fn stopping_frees_the_port() {
    let server = start("127.0.0.1:0", 3);
    let address = server.local_addr();
    check(&server, "127.0.0.1:0", "127.0.0.1");
    server.stop();
    // Without SO_REUSEPORT: nobody else may be bound.
    UdpSocket::bind(address).unwrap();
}

/// As two processes have one socket during a hand-over.
#[test]
fn whoever_ends_leaves_the_sockets_to_the_other_who_has_them() {
    let any = "127.0.0.1:0".parse().unwrap();
    let sockets = UdpServer::bind(any, NonZeroUsize::new(2).unwrap()).unwrap();
    let copies = || sockets.iter().map(|socket| socket.try_clone().unwrap()).collect();
    let serve = || UdpServer::serve(copies(), &echo).unwrap();
    let (stopped, dropped, other) = (serve(), serve(), serve());
    stopped.stop();
    drop(dropped);
    for _ in 0..20 {
        check(&other, "127.0.0.1:0", "127.0.0.1");
    }
    assert_eq!((other.counters().received, other.counters().receive_errors), (20, 0));
}

#[test]
fn a_socket_that_somebody_shut_is_counted_and_is_no_busy_loop() {
    let mut sockets = UdpServer::bind("127.0.0.1:0".parse().unwrap(), NonZeroUsize::MIN).unwrap();
    let copy = sockets[0].try_clone().unwrap();
    let server = UdpServer::serve(std::mem::take(&mut sockets), &echo).unwrap();
    check(&server, "127.0.0.1:0", "127.0.0.1");
    let before = Instant::now();
    // Linux says "not connected" and does it all the same.
    drop(copy.shutdown(std::net::Shutdown::Both));
    while server.counters().receive_errors < 10 {
        std::thread::yield_now();
    }
    assert!(before.elapsed() >= REST * 5, "{:?}", before.elapsed());
    let UdpCounters { received, unanswered, .. } = server.counters();
    assert_eq!((received, unanswered), (1, 0));
}

#[test]
fn a_datagram_of_no_bytes_is_one() {
    let server = start("127.0.0.1:0", 1);
    let socket = client("127.0.0.1:0", server.local_addr());
    assert!(!ask(&socket, b"").is_empty());
    assert_eq!(server.counters().receive_errors, 0);
}

#[test]
fn a_second_server_on_the_same_address_is_refused() {
    for address in ["127.0.0.1:0", "[::]:0"] {
        let first = start(address, 2);
        let second = UdpServer::start(first.local_addr(), NonZeroUsize::MIN, &echo);
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}

#[test]
fn an_address_that_is_not_ours_is_refused() {
    let address = "192.0.2.1:0".parse().unwrap();
    assert!(UdpServer::start(address, NonZeroUsize::MIN, &echo).is_err());
}
