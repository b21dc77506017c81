//! Real connections on loopback, ports by the system.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::*;
use crate::dns::{Arrival, QUERY_BYTES_MAX};

const LIMITS: TcpLimits =
    TcpLimits { connections_max: 10, connections_per_address_max: 5, idle_timeout_ms: 60_000 };

/// Answers with the address that was asked and the query; big answers where asked for.
fn echo(query: &[u8], arrival: Arrival, answer: &mut [u8]) -> Option<usize> {
    let text = match query {
        b"nothing" => return None,
        b"panic" => panic!("as asked"),
        b"big" => return Some(answer.len()),
        query => format!("{} {}", arrival.local.ip(), String::from_utf8_lossy(query)),
    };
    answer[..text.len()].copy_from_slice(text.as_bytes());
    Some(text.len())
}

fn start(address: &str, limits: TcpLimits) -> TcpServer {
    TcpServer::start(address.parse().unwrap(), limits, echo).unwrap()
}

fn framed(query: &[u8]) -> Vec<u8> {
    let length = u16::try_from(query.len()).unwrap().to_be_bytes();
    [&length, query].concat()
}

async fn read(stream: &mut TcpStream) -> Vec<u8> {
    let length = stream.read_u16().await.unwrap();
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.unwrap();
    answer
}

async fn ask(stream: &mut TcpStream, query: &[u8]) -> String {
    stream.write_all(&framed(query)).await.unwrap();
    String::from_utf8(read(stream).await).unwrap()
}

fn closed(server: &TcpServer, why: &str) -> u64 {
    let closed = server.counters().closed;
    closed.iter().find(|(name, _)| *name == why).unwrap().1
}

/// Waits for what another task is to do.
async fn eventually(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

/// Whether the server ended the connection without another byte.
async fn is_ended(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.map_or(true, |length| length == 0)
}

#[tokio::test]
async fn queries_are_answered_in_order_however_they_are_cut() {
    let server = start("127.0.0.1:0", LIMITS);
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    assert_eq!(ask(&mut stream, b"one").await, "127.0.0.1 one");

    let many: Vec<u8> = (0..2_000).flat_map(|n| framed(format!("{n}").as_bytes())).collect();
    let (mut reader, mut writer) = stream.split();
    let write = async {
        let (front, back) = many.split_at(many.len() - 3);
        writer.write_all(front).await.unwrap();
        for byte in back {
            writer.write_all(&[*byte]).await.unwrap();
        }
    };
    let read = async {
        for n in 0..2_000 {
            let length = reader.read_u16().await.unwrap();
            let mut answer = vec![0; usize::from(length)];
            reader.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, format!("127.0.0.1 {n}").into_bytes());
        }
    };
    tokio::join!(write, read);
    assert_eq!(server.counters().answered, 2_001);
}

#[tokio::test]
async fn the_longest_messages_pass() {
    let server = start("127.0.0.1:0", LIMITS);
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let longest = [b'x'; QUERY_BYTES_MAX];
    assert_eq!(ask(&mut stream, &longest).await.len(), "127.0.0.1 ".len() + QUERY_BYTES_MAX);
    for _ in 0..3 {
        stream.write_all(&framed(b"big")).await.unwrap();
    }
    for _ in 0..3 {
        assert_eq!(read(&mut stream).await.len(), TCP_ANSWER_BYTES_MAX);
    }
}

#[tokio::test]
async fn a_wildcard_serves_both_families_and_says_which_address_was_asked() {
    let server = start("[::]:0", LIMITS);
    for (asked, expect) in [("127.0.0.2", "127.0.0.2 q"), ("::1", "::1 q")] {
        let to = SocketAddr::new(asked.parse().unwrap(), server.local_addr().port());
        let mut stream = TcpStream::connect(to).await.unwrap();
        assert_eq!(ask(&mut stream, b"q").await, expect);
    }
}

#[tokio::test]
async fn what_has_no_answer_ends_the_connection_after_the_answers_that_are_owed() {
    let server = start("127.0.0.1:0", LIMITS);
    let too_long = framed(&[0; QUERY_BYTES_MAX + 1]);
    for last in [framed(b"nothing"), framed(b"panic"), too_long[..2].to_vec()] {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(&[framed(b"a"), framed(b"b"), last].concat()).await.unwrap();
        assert_eq!(read(&mut stream).await, b"127.0.0.1 a");
        assert_eq!(read(&mut stream).await, b"127.0.0.1 b");
        assert!(is_ended(&mut stream).await);
    }
    eventually(|| closed(&server, "unanswered") == 2 && closed(&server, "panic") == 1).await;
    let counters = server.counters();
    assert_eq!((counters.answered, counters.panics), (6, 1));
}

/// A client at an address of loopback.
async fn connect(server: &TcpServer, from: &str) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let to = SocketAddr::new("127.0.0.1".parse().unwrap(), server.local_addr().port());
    socket.connect(to).await.unwrap()
}

#[tokio::test]
async fn newcomers_get_the_place_of_the_idlest() {
    let limits = TcpLimits { connections_max: 3, connections_per_address_max: 2, ..LIMITS };
    let server = start("0.0.0.0:0", limits);
    let mut of_one = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&server, "127.0.0.1").await;
        assert_eq!(ask(&mut stream, b"q").await, "127.0.0.1 q");
        tokio::time::sleep(Duration::from_millis(2)).await;
        of_one.push(stream);
    }
    // The older one asks again, so the other one is idler now.
    assert_eq!(ask(&mut of_one[0], b"q").await, "127.0.0.1 q");
    let mut third = connect(&server, "127.0.0.1").await;
    assert_eq!(ask(&mut third, b"q").await, "127.0.0.1 q");
    assert!(is_ended(&mut of_one[1]).await, "two of one address");
    assert_eq!(closed(&server, "evicted_for_address"), 1);

    let mut fourth = connect(&server, "127.0.0.2").await;
    assert_eq!(ask(&mut fourth, b"q").await, "127.0.0.1 q");
    let mut fifth = connect(&server, "127.0.0.3").await;
    assert_eq!(ask(&mut fifth, b"q").await, "127.0.0.1 q");
    assert!(is_ended(&mut of_one[0]).await, "three in all");
    for stream in [&mut third, &mut fourth, &mut fifth] {
        assert_eq!(ask(stream, b"q").await, "127.0.0.1 q");
    }
    assert_eq!(closed(&server, "evicted_for_all"), 1);
    let counters = server.counters();
    assert_eq!((counters.accepted, counters.open, counters.connections_max), (5, 3, 3));
}

/// Whoever only connects cannot keep out who asks, however often it connects.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_newcomers_keeps_nobody_out() {
    let limits = TcpLimits { connections_max: 50, connections_per_address_max: 10, ..LIMITS };
    let server = start("0.0.0.0:0", limits);
    let mut held = Vec::new();
    for round in 0..40 {
        for _ in 0..20 {
            let from = format!("127.1.{}.{}", round % 8, held.len() % 7 + 1);
            held.push(connect(&server, &from).await);
        }
        let mut honest = connect(&server, "127.0.0.1").await;
        assert_eq!(ask(&mut honest, b"q").await, "127.0.0.1 q");
        assert!(server.counters().open <= 50);
    }
    let counters = server.counters();
    let evicted = closed(&server, "evicted_for_all") + closed(&server, "evicted_for_address");
    assert_eq!(counters.accepted, 840);
    assert!(evicted >= 750, "{counters:?}");
}

#[tokio::test]
async fn who_closes_its_side_still_gets_every_answer() {
    let server = start("127.0.0.1:0", LIMITS);
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let write = async {
        for _ in 0..40 {
            writer.write_all(&framed(b"big")).await.unwrap();
        }
        writer.write_all(&framed(b"last")).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let mut answers = Vec::new();
    let (read, ()) = tokio::join!(reader.read_to_end(&mut answers), write);
    assert_eq!(read.unwrap(), 40 * (2 + TCP_ANSWER_BYTES_MAX) + 2 + "127.0.0.1 last".len());
    assert!(answers.ends_with(b"127.0.0.1 last"));
    eventually(|| closed(&server, "client") == 1).await;
}

/// Nothing at all, half a length, half a query: the time is up all the same.
#[tokio::test(start_paused = true)]
async fn the_idle_are_let_go() {
    let server = start("127.0.0.1:0", LIMITS);
    for start in [&b""[..], b"\x00", b"\x00\x05abc"] {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(start).await.unwrap();
        assert!(is_ended(&mut stream).await);
    }
    assert_eq!(closed(&server, "idle"), 3);
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_keep_a_connection() {
    let server = start("127.0.0.1:0", TcpLimits { idle_timeout_ms: 100, ..LIMITS });
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let begun = std::time::Instant::now();
    let slowly = async {
        for byte in framed(&[b'x'; 1_000]) {
            if stream.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    slowly.await;
    // Whole, it would have taken five seconds.
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!((closed(&server, "idle"), server.counters().answered), (1, 0));
}

/// With a question every nine seconds of ten, one could stay for ever.
#[tokio::test(start_paused = true)]
async fn nobody_stays_for_ever() {
    let server = start("127.0.0.1:0", LIMITS);
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let begun = Instant::now();
    let mut answered = 0;
    while stream.write_all(&framed(b"q")).await.is_ok() && stream.read_u16().await.is_ok() {
        stream.read_exact(&mut [0; 11]).await.unwrap();
        answered += 1;
        tokio::time::sleep(Duration::from_secs(50)).await;
    }
    assert!((11..=13).contains(&answered), "{answered} in {:?}", begun.elapsed());
    // The server has said goodbye, and waits a moment for the client's.
    drop(stream);
    eventually(|| closed(&server, "lifetime") == 1).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go_and_holds_up_nobody() {
    let server = start("127.0.0.1:0", TcpLimits { idle_timeout_ms: 300, ..LIMITS });
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    // 64 KiB of answer for each 5 bytes: no socket buffer holds this much.
    let asked = framed(b"big").repeat(2_000);
    let cut_short = tokio::spawn(async move {
        let _ = stream.write_all(&asked).await;
        stream
    });
    eventually(|| server.counters().answered > 0).await;
    let mut other = TcpStream::connect(server.local_addr()).await.unwrap();
    while closed(&server, "unread") == 0 {
        assert_eq!(ask(&mut other, b"q").await, "127.0.0.1 q");
    }
    assert!(server.counters().answered >= 10, "others are answered meanwhile");
    drop(cut_short.await);
}

/// The third of those who do not read is one too many for what all may hold.
#[tokio::test]
async fn what_waits_for_those_who_do_not_read_is_limited_in_all() {
    let (waiting, half) = (AtomicUsize::new(0), 8 << 20);
    let first = connection::Waiting::of(&waiting, half);
    let second = connection::Waiting::of(&waiting, half);
    assert!(first.is_some() && second.is_some());
    assert!(connection::Waiting::of(&waiting, 1).is_none());
    drop(first);
    assert!(connection::Waiting::of(&waiting, half).is_some());
    drop(second);
    assert_eq!(waiting.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn stopping_ends_connections_and_frees_the_port() {
    let server = start("127.0.0.1:0", LIMITS);
    let address = server.local_addr();
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut stream, b"q").await, "127.0.0.1 q");
    server.stop().await;
    assert!(is_ended(&mut stream).await);
    assert!(TcpStream::connect(address).await.is_err());
}
