//! Recorded events, and what is none.

use super::*;
use crate::netlink::testdata;

fn check(datagram: &[u8], ports: &[u16], expected: Received) -> Vec<Sample> {
    let (mut samples, mut received) = (Vec::new(), Received::default());
    read_event(datagram, &ports.iter().copied().collect(), &mut samples, &mut received);
    assert_eq!(received, expected);
    assert_eq!(samples.len() as u64, expected.samples);
    samples
}

const SAMPLE: Received = Received { events: 1, samples: 1, other_sockets: 0, unreadable: 0 };
const OTHER: Received = Received { events: 1, samples: 0, other_sockets: 1, unreadable: 0 };
const UNREADABLE: Received = Received { events: 1, samples: 0, other_sockets: 0, unreadable: 1 };

#[test]
fn a_closed_connection_is_a_sample() {
    for recording in [testdata::DESTROY_IPV4, testdata::DESTROY_IPV6, testdata::DESTROY_MAPPED] {
        let samples = check(&testdata::bytes(recording), &[80, 8080], SAMPLE);
        assert_eq!(samples[0].state, SocketState::Closed);
    }
}

#[test]
fn other_ports_and_listeners_are_counted_apart() {
    check(&testdata::bytes(testdata::DESTROY_IPV4), &[80], OTHER);
    check(&testdata::bytes(testdata::DESTROY_LISTENER), &[8080], OTHER);
}

#[test]
fn what_is_no_event_is_counted_too() {
    check(&[], &[8080], Received::default());
    check(&[1, 2, 3], &[8080], UNREADABLE);
    check(&testdata::bytes(testdata::DUMP_DONE), &[8080], UNREADABLE);
}
