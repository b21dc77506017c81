//! Real connections on loopback, ports by the system.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::dns::QUERY_BYTES_MAX;

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
    let counters = server.counters();
    assert_eq!((counters.answered, counters.unanswered, counters.panics), (6, 2, 1));
}

#[tokio::test]
async fn connections_are_limited_for_each_address_and_in_all() {
    let limits = TcpLimits { connections_max: 3, connections_per_address_max: 2, ..LIMITS };
    let server = start("0.0.0.0:0", limits);
    let connect = async |from: &str| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        let to = SocketAddr::new("127.0.0.1".parse().unwrap(), server.local_addr().port());
        socket.connect(to).await.unwrap()
    };
    let mut first = connect("127.0.0.1").await;
    let mut second = connect("127.0.0.1").await;
    assert!(is_ended(&mut connect("127.0.0.1").await).await, "two of one address");
    let mut third = connect("127.0.0.2").await;
    assert!(is_ended(&mut connect("127.0.0.3").await).await, "three in all");
    for stream in [&mut first, &mut second, &mut third] {
        assert_eq!(ask(stream, b"q").await, "127.0.0.1 q");
    }
    drop(first);
    // A place comes free as soon as the server has seen the end of a connection.
    let mut fourth = loop {
        let mut stream = connect("127.0.0.1").await;
        stream.write_all(&framed(b"q")).await.unwrap();
        if stream.read_u16().await.is_ok() {
            break stream;
        }
    };
    fourth.read_exact(&mut [0; 11]).await.unwrap();
    let counters = server.counters();
    assert_eq!(counters.accepted, 4);
    assert!(counters.refused_per_address >= 1 && counters.refused >= 1);
}

#[test]
fn an_ipv6_host_is_its_network() {
    let places = Arc::default();
    let limits = TcpLimits { connections_per_address_max: 2, ..LIMITS };
    let take = |peer: &str| Place::take(&places, peer.parse().unwrap(), limits);
    let first = take("2001:db8::1");
    let _second = take("2001:db8::2");
    assert!(take("2001:db8::3").is_none());
    let other = take("2001:db8:0:1::3");
    assert!(other.is_some());
    drop((first, other));
    assert!(take("2001:db8::3").is_some());
    assert_eq!(lock(&places).len(), 1, "no entry is left behind");
}

/// Nothing at all, half a query, or answers that nobody reads: the time is up all the same.
#[tokio::test(start_paused = true)]
async fn the_idle_are_let_go() {
    let server = start("127.0.0.1:0", LIMITS);
    for start in [&b""[..], b"\x00", b"\x00\x05abc"] {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(start).await.unwrap();
        assert!(is_ended(&mut stream).await);
    }
    assert_eq!(server.counters().idle, 3);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let server = start("127.0.0.1:0", TcpLimits { idle_timeout_ms: 50, ..LIMITS });
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    // 64 KiB of answer for each 5 bytes: no socket buffer holds this much.
    let asked = framed(b"big").repeat(2_000);
    let _cut_short = stream.write_all(&asked).await;
    while server.counters().idle == 0 {
        tokio::task::yield_now().await;
    }
    assert!(server.counters().answered < 2_000);
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
