//! SOCK_DIAG's bytes, both ways: requests and filters to the kernel, messages from it.
//!
//! Pure: no socket, no clock. What the kernel says is still foreign bytes: every read is checked
//! against the length, nothing here can panic, and nothing is allocated in proportion to a number
//! that was read.
//!
//! All numbers are in the machine's order but for ports and addresses, which are in the network's
//! (include/uapi/linux/netlink.h, include/uapi/linux/inet_diag.h).

// Asking: which ports, as ranges; the ranges as the two languages of filters; the request.
pub(crate) mod ports;

pub(crate) mod bytecode;

pub(crate) mod socket_filter;

pub(crate) mod request;

// Reading, from the inside out of a datagram.
pub(crate) mod message;

pub(crate) mod tcp_info;

pub(crate) mod inet_diag;

// The two kinds of datagram that arrive.
pub(crate) mod event;

pub(crate) mod dump_reply;

#[cfg(test)]
pub(crate) mod testdata;

/// The kernel's protocol number inside SOCK_DIAG for TCP (`IPPROTO_TCP`).
pub(crate) const PROTOCOL_TCP: u8 = 6;

/// `AF_INET`, as Linux numbers it on every machine.
pub(crate) const FAMILY_IPV4: u8 = 2;

/// `AF_INET6`, as Linux numbers it on every machine.
pub(crate) const FAMILY_IPV6: u8 = 10;

/// `SOCK_DIAG_BY_FAMILY` (include/uapi/linux/sock_diag.h): a request by family, and every socket
/// that is told of, in a dump or in an event.
pub(crate) const SOCK_DIAG_BY_FAMILY: u16 = 20;

/// The `N` bytes at an offset, if they are there.
pub(crate) fn bytes_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

/// A `__u32` in the machine's order, if it is there.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes_at(bytes, offset).map(u32::from_ne_bytes)
}

/// A `__u64` in the machine's order, if it is there.
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes_at(bytes, offset).map(u64::from_ne_bytes)
}
