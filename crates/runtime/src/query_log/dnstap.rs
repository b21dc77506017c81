//! A sample as a message of dnstap (dnstap.info, `dnstap.proto`): what an authority heard and said.
//!
//! Must never hold more than a sample does.

use std::net::{IpAddr, SocketAddr};

use prost::Message;

use super::sample::Sample;
use crate::dns::Transport;

/// `Dnstap.Type.MESSAGE`.
const MESSAGE: i32 = 1;
/// `Message.Type`: a query that an authority heard and did not answer, and one that it answered.
const AUTH_QUERY: i32 = 1;
const AUTH_RESPONSE: i32 = 2;

/// `Dnstap`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dnstap {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(super) identity: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(super) version: Option<Vec<u8>>,
    /// Ours: `reason=... region=...`.
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(super) extra: Option<Vec<u8>>,
    #[prost(message, optional, tag = "14")]
    pub(super) message: Option<Exchange>,
    #[prost(int32, required, tag = "15")]
    pub(super) kind: i32,
}

/// `Message`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Exchange {
    #[prost(int32, required, tag = "1")]
    pub(super) kind: i32,
    /// 1 for IPv4, 2 for IPv6.
    #[prost(int32, optional, tag = "2")]
    pub(super) socket_family: Option<i32>,
    /// 1 for UDP, 2 for TCP.
    #[prost(int32, optional, tag = "3")]
    pub(super) socket_protocol: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(super) query_address: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "5")]
    pub(super) response_address: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "6")]
    pub(super) query_port: Option<u32>,
    #[prost(uint32, optional, tag = "7")]
    pub(super) response_port: Option<u32>,
    #[prost(uint64, optional, tag = "8")]
    pub(super) query_time_sec: Option<u64>,
    #[prost(fixed32, optional, tag = "9")]
    pub(super) query_time_nsec: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "10")]
    pub(super) query_message: Option<Vec<u8>>,
    #[prost(uint64, optional, tag = "12")]
    pub(super) response_time_sec: Option<u64>,
    #[prost(fixed32, optional, tag = "13")]
    pub(super) response_time_nsec: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "14")]
    pub(super) response_message: Option<Vec<u8>>,
}

/// The message of a sample that the server of this name took.
pub(super) fn encode(sample: &Sample, identity: &str) -> Vec<u8> {
    let version = concat!("opengslb ", env!("CARGO_PKG_VERSION"));
    let message = Dnstap {
        identity: Some(identity.as_bytes().to_vec()),
        version: Some(version.as_bytes().to_vec()),
        extra: extra(sample).map(String::into_bytes),
        message: Some(exchange(sample)),
        kind: MESSAGE,
    };
    message.encode_to_vec()
}

fn exchange(sample: &Sample) -> Exchange {
    let (peer, local) = (sample.arrival.peer, sample.arrival.local);
    let seconds = sample.at.unix_s();
    // Less than a second fits.
    let nanoseconds = u32::try_from(sample.at.unix_ms() % 1_000).unwrap_or(0) * 1_000_000;
    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    Exchange {
        kind: if sample.is_answered { AUTH_RESPONSE } else { AUTH_QUERY },
        socket_family: Some(if peer.ip().to_canonical().is_ipv4() { 1 } else { 2 }),
        socket_protocol: Some(match sample.arrival.transport {
            Transport::Udp => 1,
            Transport::Tcp => 2,
        }),
        query_address: Some(address(peer)),
        response_address: Some(address(local)),
        query_port: Some(peer.port().into()),
        response_port: Some(local.port().into()),
        query_time_sec: Some(seconds),
        query_time_nsec: Some(nanoseconds),
        query_message: owned(sample.query.get()),
        response_time_sec: sample.is_answered.then_some(seconds),
        response_time_nsec: sample.is_answered.then_some(nanoseconds),
        response_message: owned(sample.answer.get()),
    }
}

/// In network order.
fn address(of: SocketAddr) -> Vec<u8> {
    match of.ip().to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// What a decision adds that no DNS message says.
fn extra(sample: &Sample) -> Option<String> {
    let region = sample.region.get().and_then(|bytes| str::from_utf8(bytes).ok());
    Some(format!("reason={} region={}", sample.reason?, region.unwrap_or("-")))
}
