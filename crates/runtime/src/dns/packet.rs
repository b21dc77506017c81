//! Who sent a datagram and where to, in the kernel's forms.
//!
//! A server on a wildcard socket must answer from the address that was asked: clients drop answers
//! from any other. So the kernel is made to say where each datagram was sent to (IP_PKTINFO, ip(7);
//! IPV6_RECVPKTINFO, RFC 3542, 6.2), and is told the same for the answer. It is not told the
//! interface: the answer takes the route the kernel finds. A socket bound to one address need not
//! ask: it gets nothing else, and sends from nowhere else.
//!
//! Nothing here may keep a pointer beyond a call.

#![expect(unsafe_code, reason = "addresses and control messages are read and written by pointers")]

use std::ffi::{c_int, c_void};
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd as _;
use std::{io, ptr};

use socket2::Socket;

/// Room for the one control message that is asked for, of either family, with room to spare: 40
/// bytes are needed on 64-bit Linux.
pub(super) const CONTROL_BYTES: usize = 64;

/// Who sent a datagram, and where to: all that an answer needs. Reused from one to the next.
pub(super) struct Addresses {
    pub(super) peer: libc::sockaddr_storage,
    pub(super) peer_length: libc::socklen_t,
    /// As the socket writes it: on an IPv6 socket, IPv4 is mapped into IPv6. `None` where the
    /// socket was not made to say.
    pub(super) local: Option<IpAddr>,
}

/// Control messages begin with a `cmsghdr` and must be aligned like one.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) union Control {
    bytes: [u8; CONTROL_BYTES],
    _align: libc::cmsghdr,
}

impl Control {
    /// Room for a control message.
    pub(super) const EMPTY: Self = Self { bytes: [0; CONTROL_BYTES] };
}

impl Addresses {
    /// Addresses of nothing yet.
    pub(super) const fn new() -> Self {
        // SAFETY: `sockaddr_storage` is integers only, for which zeros are valid.
        let peer = unsafe { std::mem::zeroed() };
        Self { peer, peer_length: 0, local: None }
    }

    /// Who sent the datagram; IPv4 is IPv4. Nothing if the kernel named no Internet address.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        let from = ptr::from_ref(&self.peer);
        let length = self.peer_length as usize;
        match c_int::from(self.peer.ss_family) {
            libc::AF_INET if length >= size_of::<libc::sockaddr_in>() => {
                // SAFETY: the family says which form it has, and `sockaddr_storage` is at least as
                // long and as aligned as each form.
                let peer = unsafe { &*from.cast::<libc::sockaddr_in>() };
                let address = Ipv4Addr::from_bits(u32::from_be(peer.sin_addr.s_addr));
                Some(SocketAddrV4::new(address, u16::from_be(peer.sin_port)).into())
            }
            libc::AF_INET6 if length >= size_of::<libc::sockaddr_in6>() => {
                // SAFETY: as above.
                let peer = unsafe { &*from.cast::<libc::sockaddr_in6>() };
                let (address, port) =
                    (Ipv6Addr::from(peer.sin6_addr.s6_addr), u16::from_be(peer.sin6_port));
                Some(match address.to_ipv4_mapped() {
                    Some(ipv4) => SocketAddrV4::new(ipv4, port).into(),
                    None => SocketAddrV6::new(address, port, 0, peer.sin6_scope_id).into(),
                })
            }
            _ => None,
        }
    }

    /// The address of ours that it was sent to; IPv4 is IPv4.
    pub(super) fn local(&self) -> Option<IpAddr> {
        self.local.map(|local| local.to_canonical())
    }
}

/// Makes the kernel say where each datagram was sent to.
pub(super) fn ask_for_destination(socket: &Socket, is_ipv6: bool) -> io::Result<()> {
    let (level, option) = if is_ipv6 {
        (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)
    } else {
        (libc::IPPROTO_IP, libc::IP_PKTINFO)
    };
    let on: c_int = 1;
    let length = length_of::<c_int>();
    // SAFETY: the pointer and the length are those of `on`, which outlives the call.
    let result = unsafe {
        let value = ptr::from_ref(&on).cast::<c_void>();
        libc::setsockopt(socket.as_raw_fd(), level, option, value, length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Where the kernel says that a received message was sent to.
pub(super) fn destination(message: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the kernel has filled the control buffer and set its length, and these macros stay
    // within it. The buffer is aligned for the headers; data is read unaligned, and only where
    // the header says that there is enough of it.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(message);
        while !next.is_null() {
            let (header, data) = (next.read(), libc::CMSG_DATA(next));
            match (header.cmsg_level, header.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) if holds::<libc::in_pktinfo>(&header) => {
                    let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                    // Not `ipi_addr`: for a broadcast that is no address one can answer from.
                    let address = u32::from_be(info.ipi_spec_dst.s_addr);
                    return Some(Ipv4Addr::from_bits(address).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if holds::<libc::in6_pktinfo>(&header) => {
                    let info = data.cast::<libc::in6_pktinfo>().read_unaligned();
                    return Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                }
                _ => next = libc::CMSG_NXTHDR(message, next),
            }
        }
    }
    None
}

/// Whether a control message is long enough for this data.
fn holds<T>(header: &libc::cmsghdr) -> bool {
    // SAFETY: arithmetic on a length.
    header.cmsg_len >= unsafe { libc::CMSG_LEN(length_of::<T>()) } as _
}

/// The length of a value that goes to the kernel, all of which are under 256 bytes.
pub(super) const fn length_of<T>() -> u32 {
    const { assert!(size_of::<T>() < 256) };
    #[expect(clippy::cast_possible_truncation, reason = "asserted just above")]
    let length = size_of::<T>() as u32;
    length
}

/// Writes the source address into a message's control buffer; returns the length written. On an
/// IPv6 socket a mapped IPv4 address is written as it is: the kernel takes it so.
pub(super) fn write_source(message: &libc::msghdr, local: IpAddr) -> usize {
    let unspecified = libc::in_addr { s_addr: 0 };
    match local {
        IpAddr::V4(address) => {
            let ipi_spec_dst = libc::in_addr { s_addr: address.to_bits().to_be() };
            let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst, ipi_addr: unspecified };
            write_control(message, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        }
        IpAddr::V6(address) => {
            let ipi6_addr = libc::in6_addr { s6_addr: address.octets() };
            let info = libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: 0 };
            write_control(message, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        }
    }
}

/// Writes the one control message `data`; returns the length written.
fn write_control<T: Copy>(message: &libc::msghdr, level: c_int, kind: c_int, data: T) -> usize {
    const { assert!(size_of::<T>() + 2 * size_of::<libc::cmsghdr>() <= CONTROL_BYTES) };
    let length = length_of::<T>();
    // SAFETY: the control buffer holds CONTROL_BYTES, which the assertion found to be enough for
    // a header, the data, and the padding of both. It is aligned for the header; the data is
    // written unaligned.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(message);
        if header.is_null() {
            return 0;
        }
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = libc::CMSG_LEN(length) as _;
        libc::CMSG_DATA(header).cast::<T>().write_unaligned(data);
        libc::CMSG_SPACE(length) as usize
    }
}
