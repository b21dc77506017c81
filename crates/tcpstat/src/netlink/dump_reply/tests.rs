//! Recorded answers, read datagram by datagram.

use super::*;
use crate::netlink::testdata;

/// The sequence number of all recorded answers.
const SEQUENCE: u32 = 7;

/// Reads datagrams until one ends the answer.
fn read(
    sequence: u32,
    samples_max: usize,
    datagrams: &[Vec<u8>],
) -> (Result<Progress, ReplyError>, DumpStats, Vec<Sample>) {
    let (mut samples, mut stats) = (Vec::new(), DumpStats::default());
    let mut reply = DumpReply { sequence, samples: &mut samples, samples_max, stats: &mut stats };
    let mut last = Ok(Progress::More);
    for datagram in datagrams {
        if !matches!(last, Ok(Progress::More)) {
            break;
        }
        last = reply.read(datagram);
    }
    (last, stats, samples)
}

fn recorded(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| testdata::bytes(name)).collect()
}

#[test]
fn a_whole_answer() {
    let datagrams = recorded(&[testdata::DUMP_SOCKETS, testdata::DUMP_DONE]);
    let (last, stats, samples) = read(SEQUENCE, 10, &datagrams);
    assert!(matches!(last, Ok(Progress::Done)));
    assert_eq!(stats, DumpStats { sockets_seen: 2, samples: 2, ..DumpStats::default() });
    let mut clients: Vec<_> = samples.iter().map(|sample| sample.client.to_string()).collect();
    clients.sort();
    assert_eq!(clients, ["127.0.0.7", "127.0.0.8"]);
    for sample in samples {
        assert_eq!(sample.local.to_string(), "127.0.0.1:8080");
        assert_eq!((sample.bytes_acked, sample.data_segments_out), (1000, Some(1)));
        assert_eq!((sample.min_rtt_us, sample.state), (Some(4), SocketState::Open));
    }
}

#[test]
fn both_parts_may_come_in_one_datagram() {
    let datagrams = [recorded(&[testdata::DUMP_SOCKETS, testdata::DUMP_DONE]).concat()];
    let (last, stats, _) = read(SEQUENCE, 10, &datagrams);
    assert!(matches!(last, Ok(Progress::Done)));
    assert_eq!(stats.samples, 2);
}

#[test]
fn samples_over_the_limit_are_counted_and_left_out() {
    let (_, stats, samples) = read(SEQUENCE, 1, &recorded(&[testdata::DUMP_SOCKETS]));
    assert_eq!((stats.sockets_seen, stats.samples, stats.over_limit), (2, 1, 1));
    assert_eq!(samples.len(), 1);
}

#[test]
fn an_earlier_requests_answer_is_passed_over() {
    let datagrams = recorded(&[testdata::DUMP_SOCKETS, testdata::DUMP_DONE]);
    let (last, stats, samples) = read(SEQUENCE + 1, 10, &datagrams);
    assert!(matches!(last, Ok(Progress::More)));
    assert_eq!((stats, samples), (DumpStats::default(), Vec::new()));
}

#[test]
fn an_interrupted_dump_is_noticed() {
    let mut done = testdata::bytes(testdata::DUMP_DONE);
    done[6..8].copy_from_slice(&(2 | INTERRUPTED).to_ne_bytes());
    let (last, stats, _) = read(SEQUENCE, 10, &[done]);
    assert!(matches!(last, Ok(Progress::Done)));
    assert!(stats.interrupted);
}

#[test]
fn the_kernels_errors_are_the_systems_errors() {
    for (recording, errno) in [
        (testdata::DUMP_NO_PROTOCOL, 2), // ENOENT, in NLMSG_DONE
        (testdata::DUMP_BAD_FILTER, 22), // EINVAL, in NLMSG_ERROR
    ] {
        let (last, _, _) = read(SEQUENCE, 10, &recorded(&[recording]));
        match last {
            Err(ReplyError::Kernel(error)) => assert_eq!(error.raw_os_error(), Some(errno)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_no_answer_is_garbled() {
    let mut cut = testdata::bytes(testdata::DUMP_SOCKETS);
    cut.truncate(500);
    let (last, stats, _) = read(SEQUENCE, 10, &[cut]);
    assert!(matches!(last, Err(ReplyError::Garbled(_))));
    assert_eq!(stats.samples, 1, "what came before is kept");
    // NLMSG_ERROR with 0 is an acknowledgement, which a dump does not get.
    let mut acknowledged = testdata::bytes(testdata::DUMP_BAD_FILTER);
    acknowledged[16..20].fill(0);
    let (last, _, _) = read(SEQUENCE, 10, &[acknowledged]);
    assert!(matches!(last, Err(ReplyError::Garbled(_))));
}
