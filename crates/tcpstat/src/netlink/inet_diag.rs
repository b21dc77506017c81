//! `struct inet_diag_msg` (include/uapi/linux/inet_diag.h): one socket, from a dump or from a
//! destroy event, made a [`Sample`].
//!
//! Never judges whether the sample is worth anything; that is `latency`'s.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use model::{Sample, SocketState};

use super::message::attribute;
use super::tcp_info::TcpInfo;
use super::{FAMILY_IPV4, FAMILY_IPV6, bytes_at};

/// The fixed part; attributes follow.
pub(crate) const SOCKET_BYTES: usize = 72;

// Offsets within `struct inet_diag_msg`, whose `struct inet_diag_sockid` begins at 4.
const FAMILY: usize = 0;
const LOCAL_PORT: usize = 4;
const REMOTE_PORT: usize = 6;
const LOCAL_ADDRESS: usize = 8;
const REMOTE_ADDRESS: usize = 24;
const COOKIE: usize = 44;

/// The attribute that carries `struct tcp_info`; also the number of its bit (less one) in a
/// request's extensions.
pub(crate) const INET_DIAG_INFO: u16 = 2;

/// What a socket turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Socket {
    /// A connection.
    Connection(Sample),
    /// A listener, or one that never connected: nothing at its far end.
    Unconnected,
}

/// A socket message that lacks something a sample needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Reads the payload of one SOCK_DIAG_BY_FAMILY message.
pub(crate) fn read_socket(payload: &[u8], state: SocketState) -> Result<Socket, Unreadable> {
    read(payload, state).ok_or(Unreadable)
}

fn read(payload: &[u8], state: SocketState) -> Option<Socket> {
    let attributes = payload.get(SOCKET_BYTES..)?;
    let family = *payload.get(FAMILY)?;
    let client = address_at(payload, REMOTE_ADDRESS, family)?;
    let local = address_at(payload, LOCAL_ADDRESS, family)?;
    let [cookie_low, cookie_high] =
        [super::u32_at(payload, COOKIE)?, super::u32_at(payload, COOKIE + 4)?];
    if port_at(payload, REMOTE_PORT)? == 0 {
        return Some(Socket::Unconnected);
    }
    let info = TcpInfo::read(attribute(attributes, INET_DIAG_INFO)?)?;
    Some(Socket::Connection(Sample {
        client,
        local: SocketAddr::new(local, port_at(payload, LOCAL_PORT)?),
        smoothed_rtt_us: info.smoothed_rtt_us,
        rtt_deviation_us: info.rtt_deviation_us,
        min_rtt_us: info.min_rtt_us,
        // A kernel too old to count them (before 4.1) has shown none to be acknowledged.
        bytes_acked: info.bytes_acked.unwrap_or(0),
        data_segments_out: info.data_segments_out,
        // The low word comes first on every machine (sock_diag_save_cookie).
        cookie: u64::from(cookie_high) << 32 | u64::from(cookie_low),
        state,
    }))
}

fn port_at(payload: &[u8], offset: usize) -> Option<u16> {
    bytes_at(payload, offset).map(u16::from_be_bytes)
}

/// An address of the socket's family; a v4-mapped one, as a dual-stack listener's IPv4 clients
/// have it, folds to IPv4 (RFC 4291, 2.5.5.2).
fn address_at(payload: &[u8], offset: usize, family: u8) -> Option<IpAddr> {
    match family {
        FAMILY_IPV4 => bytes_at::<4>(payload, offset).map(|b| Ipv4Addr::from(b).into()),
        FAMILY_IPV6 => {
            bytes_at::<16>(payload, offset).map(|b| IpAddr::from(Ipv6Addr::from(b)).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
