//! The servers of the root: where the way to every name begins.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Their addresses, a to m (IANA's root hints of 2024, "named.root"). They change once in some years, one
/// at a time, and a former address goes on answering for at least one.
const ROOTS: [[u8; 4]; 13] = [
    [198, 41, 0, 4],
    [170, 247, 170, 2],
    [192, 33, 4, 12],
    [199, 7, 91, 13],
    [192, 203, 230, 10],
    [192, 5, 5, 241],
    [192, 112, 36, 4],
    [198, 97, 190, 53],
    [192, 36, 148, 17],
    [192, 58, 128, 30],
    [193, 0, 14, 129],
    [199, 7, 83, 42],
    [202, 12, 27, 33],
];

/// All of them, on the port of DNS.
#[must_use]
pub fn roots() -> Vec<SocketAddr> {
    let ips = ROOTS.into_iter().map(|octets| IpAddr::V4(Ipv4Addr::from(octets)));
    ips.map(|ip| SocketAddr::new(ip, super::words::DNS_PORT)).collect()
}
