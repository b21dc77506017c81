//! From a worker's hand to a reader's socket, and what is lost on the way.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use ::dns::Rcode;
use prost::Message as _;
use tempfile::TempDir;

use super::dnstap::Dnstap;
use super::frames::{Control, read_control, write_control};
use super::*;
use crate::dns::Transport;

const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03app\x04test\0\0\x01\0\x01";

fn log(socket: &Path, sample: u32) -> QueryLog {
    let socket = socket.display().to_string();
    let settings = QueryLogSettings { socket, sample: NonZeroU32::new(sample).unwrap() };
    QueryLog::start(&settings, "overwatch-1").unwrap()
}

/// Somebody who can be reached, and a log of one of so many.
fn reader(sample: u32) -> (TempDir, UnixListener, QueryLog) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dnstap.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let log = log(&path, sample);
    (directory, listener, log)
}

fn arrival(peer: &str, transport: Transport) -> Arrival {
    let peer: SocketAddr = peer.parse().unwrap();
    let local = if peer.is_ipv4() { "192.0.2.53:53" } else { "[2001:db8::53]:53" };
    Arrival { transport, peer, local: local.parse().unwrap() }
}

const AT: Time = Time::from_unix_ms(1_766_138_700_125);

fn see(tap: &mut Tap, query: &[u8], answer: &[u8]) {
    let arrival = arrival("198.51.100.7:5353", Transport::Udp);
    tap.see((arrival, AT), query, answer, &Outcome::NoName(Rcode::NXDOMAIN));
}

/// Waits for what the thread does.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("not in ten seconds: {what}");
}

/// Accepts a writer, as a reader of dnstap does.
fn accept(listener: &UnixListener) -> UnixStream {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(read_control(&mut stream).unwrap(), Control::Ready);
    write_control(&mut stream, Control::Accept).unwrap();
    assert_eq!(read_control(&mut stream).unwrap(), Control::Start);
    stream
}

/// The next message; `None` at the end of the stream, which is confirmed.
fn next(stream: &mut UnixStream) -> Option<Dnstap> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let length = u32::from_be_bytes(length);
    if length == 0 {
        let mut stop = [0; 8];
        stream.read_exact(&mut stop).unwrap();
        assert_eq!(stop, [0, 0, 0, 4, 0, 0, 0, 3]);
        write_control(stream, Control::Finish).unwrap();
        return None;
    }
    let mut message = vec![0; length as usize];
    stream.read_exact(&mut message).unwrap();
    Some(Dnstap::decode(&message[..]).unwrap())
}

#[test]
fn a_reader_gets_query_and_answer_and_a_clean_end() {
    let (_directory, listener, log) = reader(1);
    let mut tap = log.tap();
    see(&mut tap, QUERY, b"an answer");
    let unanswered = arrival("[2001:db8::7]:53000", Transport::Tcp);
    tap.see((unanswered, AT), QUERY, b"", &Outcome::Dropped);
    see(&mut tap, &[0; 600], &[0; 2_000]);
    let mut stream = accept(&listener);

    let first = next(&mut stream).unwrap();
    assert_eq!(first.identity.as_deref(), Some(&b"overwatch-1"[..]));
    assert!(first.version.unwrap().starts_with(b"opengslb "));
    assert_eq!((first.kind, first.extra), (1, None));
    let message = first.message.unwrap();
    assert_eq!(
        (message.kind, message.socket_family, message.socket_protocol),
        (2, Some(1), Some(1))
    );
    assert_eq!(message.query_address.as_deref(), Some(&[198, 51, 100, 7][..]));
    assert_eq!(message.response_address.as_deref(), Some(&[192, 0, 2, 53][..]));
    assert_eq!((message.query_port, message.response_port), (Some(5353), Some(53)));
    assert_eq!(message.query_time_sec, Some(1_766_138_700));
    assert_eq!(message.query_time_nsec, Some(125_000_000));
    assert_eq!(message.query_message.as_deref(), Some(QUERY));
    assert_eq!(message.response_message.as_deref(), Some(&b"an answer"[..]));

    let message = next(&mut stream).unwrap().message.unwrap();
    assert_eq!(
        (message.kind, message.socket_family, message.socket_protocol),
        (1, Some(2), Some(2))
    );
    assert_eq!(message.query_address.map(|address| address.len()), Some(16));
    assert_eq!((message.response_message, message.response_time_sec), (None, None));

    // What is too long is left out, and nothing is cut.
    let message = next(&mut stream).unwrap().message.unwrap();
    assert_eq!((message.kind, message.query_message, message.response_message), (2, None, None));

    eventually("all are counted", || log.counters().written == 3);
    drop(tap);
    let end = std::thread::spawn(move || next(&mut stream).is_none());
    drop(log);
    assert!(end.join().unwrap());
}

#[test]
fn one_of_so_many_is_taken_by_each_worker() {
    let (_directory, listener, log) = reader(10);
    let mut first = log.tap();
    let mut second = first.beside();
    for _ in 0..100 {
        see(&mut first, QUERY, b"x");
        see(&mut second, QUERY, b"x");
    }
    let _stream = accept(&listener);
    eventually("ten of each are written", || log.counters().written == 20);
    assert_eq!(log.counters(), QueryLogCounters { written: 20, full: 0, no_reader: 0 });
}

/// Nobody reads, or somebody who does not take anything: what does not fit is counted, and the
/// worker goes on.
#[test]
fn without_a_reader_samples_are_lost_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let log = log(&directory.path().join("nobody.sock"), 1);
    let mut tap = log.tap();
    let count = 4 * RING_SAMPLES as u64;
    for _ in 0..count {
        see(&mut tap, QUERY, b"x");
    }
    eventually("all are lost", || {
        let QueryLogCounters { written, full, no_reader } = log.counters();
        written == 0 && full + no_reader == count && no_reader > 0
    });
}

#[test]
fn a_reader_that_goes_is_followed_by_the_next() {
    let (_directory, listener, log) = reader(1);
    let mut tap = log.tap();
    drop(accept(&listener));
    eventually("its end is noticed", || {
        see(&mut tap, QUERY, b"x");
        log.counters().no_reader > 0
    });
    let mut stream = accept(&listener);
    see(&mut tap, QUERY, b"again");
    loop {
        let message = next(&mut stream).unwrap().message.unwrap();
        if message.response_message.as_deref() == Some(b"again") {
            return;
        }
    }
}

/// A reader of something else is not written to.
#[test]
fn who_does_not_take_dnstap_is_no_reader() {
    let (_directory, listener, log) = reader(1);
    let mut tap = log.tap();
    let (mut stream, _) = listener.accept().unwrap();
    assert_eq!(read_control(&mut stream).unwrap(), Control::Ready);
    stream.write_all(b"\0\0\0\0\0\0\0\x0d\0\0\0\x01\0\0\0\x01\0\0\0\x01x").unwrap();
    let mut rest = Vec::new();
    assert_eq!(stream.read_to_end(&mut rest).unwrap(), 0);
    see(&mut tap, QUERY, b"x");
    eventually("it is lost", || log.counters().no_reader == 1);
}
