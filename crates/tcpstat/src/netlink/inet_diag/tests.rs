//! One recorded socket, whole, cut and changed.

use model::Sample;

use super::*;
use crate::netlink::message::HEADER_BYTES;
use crate::netlink::testdata;

/// The payload of a recorded event.
fn payload(recording: &str) -> Vec<u8> {
    testdata::bytes(recording).split_off(HEADER_BYTES)
}

fn sample(payload: &[u8]) -> Sample {
    match read_socket(payload, SocketState::Closed) {
        Ok(Socket::Connection(sample)) => sample,
        other => panic!("no connection: {other:?}"),
    }
}

#[test]
fn a_recorded_socket_is_read_field_by_field() {
    let expected = Sample {
        client: "127.0.0.7".parse().unwrap(),
        local: "127.0.0.1:8080".parse().unwrap(),
        smoothed_rtt_us: 19,
        rtt_deviation_us: 8,
        min_rtt_us: Some(5),
        bytes_acked: 1001,
        data_segments_out: Some(1),
        cookie: 1,
        state: SocketState::Closed,
    };
    let found = sample(&payload(testdata::DESTROY_IPV4));
    // The recording's own cookie is whatever the kernel had come to.
    assert_eq!(Sample { cookie: 1, ..found }, expected);
}

#[test]
fn both_families_and_the_mapped_one() {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let ipv6 = sample(&payload(testdata::DESTROY_IPV6));
    assert_eq!((ipv6.client, ipv6.local.ip()), (address("::1"), address("::1")));
    let mapped = sample(&payload(testdata::DESTROY_MAPPED));
    assert_eq!(mapped.client, address("127.0.0.7"), "folded");
    assert_eq!(mapped.local.ip(), address("127.0.0.1"), "folded");
}

#[test]
fn a_listener_is_no_connection() {
    let listener = payload(testdata::DESTROY_LISTENER);
    assert_eq!(read_socket(&listener, SocketState::Closed), Ok(Socket::Unconnected));
}

#[test]
fn the_cookies_low_word_comes_first() {
    let mut payload = payload(testdata::DESTROY_IPV4);
    payload[COOKIE..COOKIE + 4].copy_from_slice(&7u32.to_ne_bytes());
    payload[COOKIE + 4..COOKIE + 8].copy_from_slice(&1u32.to_ne_bytes());
    assert_eq!(sample(&payload).cookie, (1 << 32) + 7);
}

/// The recorded socket with its `tcp_info` cut to a length, as an older kernel sends it.
fn with_tcp_info_of(length: u16) -> Vec<u8> {
    let mut payload = payload(testdata::DESTROY_IPV4);
    // Behind the fixed part: 8 bytes of INET_DIAG_PROTOCOL, then INET_DIAG_INFO.
    let attribute = SOCKET_BYTES + 8;
    payload[attribute..attribute + 2].copy_from_slice(&(length + 4).to_ne_bytes());
    payload.truncate(attribute + 4 + usize::from(length));
    payload
}

#[test]
fn an_older_kernels_socket_lacks_what_it_did_not_measure() {
    let whole = sample(&payload(testdata::DESTROY_IPV4));
    assert_eq!(sample(&with_tcp_info_of(160)), whole, "Linux 4.6");
    let no_segments = Sample { min_rtt_us: None, data_segments_out: None, ..whole };
    assert_eq!(sample(&with_tcp_info_of(144)), no_segments, "Linux 4.2");
    let no_bytes = Sample { bytes_acked: 0, ..no_segments };
    assert_eq!(sample(&with_tcp_info_of(104)), no_bytes, "Linux 3.10");
    assert_eq!(read_socket(&with_tcp_info_of(60), SocketState::Open), Err(Unreadable));
}

#[test]
fn what_is_cut_short_or_of_another_family_is_unreadable() {
    let whole = payload(testdata::DESTROY_IPV4);
    // Up to the end of `tcpi_rttvar` nothing may be missing; a length that promises more than is
    // there spoils the whole attribute.
    for length in 0..whole.len() {
        assert_eq!(read_socket(&whole[..length], SocketState::Open), Err(Unreadable), "{length}");
    }
    let mut unix = whole;
    unix[FAMILY] = 1;
    assert_eq!(read_socket(&unix, SocketState::Open), Err(Unreadable));
}
