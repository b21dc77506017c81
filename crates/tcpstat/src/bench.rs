//! The door for benches: the parts of a reading by themselves, to be compared with the whole. The
//! product never comes through here.

use std::collections::BTreeSet;

use model::Sample;

use crate::Received;
use crate::netlink::bytecode::{RANGES_MAX, port_filter};
use crate::netlink::ports::ranges;
use crate::netlink::request::dump_request;
use crate::netlink::{FAMILY_IPV4, FAMILY_IPV6, event};

/// A destroy event as a kernel sent it, in annotated hex.
pub const DESTROY_IPV4: &str = include_str!("../testdata/destroy_ipv4.hex");

/// Where the client's IPv4 address stands in [`DESTROY_IPV4`], and where its cookie: behind the
/// netlink header, at 24 and 44 of `struct inet_diag_msg`.
pub const CLIENT_AT: usize = 16 + 24;
/// See [`CLIENT_AT`].
pub const COOKIE_AT: usize = 16 + 44;

/// What [`crate::DestroyEvents::receive`] does with each datagram.
pub fn read_event(
    datagram: &[u8],
    ports: &BTreeSet<u16>,
    samples: &mut Vec<Sample>,
    received: &mut Received,
) {
    event::read_event(datagram, ports, samples, received);
}

/// What [`crate::Dump::read`] asks the kernel about these ports, one request after the other.
#[must_use]
pub fn dump_requests(ports: &BTreeSet<u16>) -> Vec<Vec<u8>> {
    let ranges = ranges(ports);
    let chunks = ranges.chunks(RANGES_MAX).map(port_filter);
    let both = chunks.flat_map(|filter| {
        [FAMILY_IPV4, FAMILY_IPV6].map(|family| dump_request(family, 1, &filter))
    });
    both.collect()
}
