//! One datagram in or out, with the address of ours that it was sent to.
//!
//! A server on a wildcard socket must answer from the address that was asked: clients drop answers
//! from any other. So the kernel is made to say where each datagram was sent to (IP_PKTINFO, ip(7);
//! IPV6_RECVPKTINFO, RFC 3542, 6.2), and is told the same for the answer. It is not told the
//! interface: the answer takes the route the kernel finds.
//!
//! The only unsafe code of this crate. Nothing here may keep a pointer beyond a call.

#![expect(unsafe_code, reason = "recvmsg, sendmsg and setsockopt take pointers")]

use std::ffi::{c_int, c_void};
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd as _;
use std::{io, ptr};

use socket2::Socket;

/// Room for the one control message that is asked for, of either family, with room to spare: 40
/// bytes are needed on 64-bit Linux.
const CONTROL_BYTES: usize = 64;

/// Who sent a datagram, and where to: all that an answer needs. Reused from one to the next.
pub(super) struct Addresses {
    peer: libc::sockaddr_storage,
    peer_length: libc::socklen_t,
    /// As the socket writes it: on an IPv6 socket, IPv4 is mapped into IPv6.
    local: Option<IpAddr>,
}

/// The length of a datagram that came in.
pub(super) struct Received {
    /// Bytes in the buffer.
    pub(super) length: usize,
    /// Whether there were more than the buffer holds.
    pub(super) is_cut: bool,
}

/// Control messages begin with a `cmsghdr` and must be aligned like one.
#[repr(C)]
union Control {
    bytes: [u8; CONTROL_BYTES],
    _align: libc::cmsghdr,
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

/// Waits for a datagram, at most for the socket's read timeout.
pub(super) fn receive(
    socket: &Socket,
    buffer: &mut [u8],
    addresses: &mut Addresses,
) -> io::Result<Received> {
    let mut control = Control { bytes: [0; CONTROL_BYTES] };
    let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut message = empty_message();
    message.msg_name = ptr::from_mut(&mut addresses.peer).cast();
    message.msg_namelen = length_of::<libc::sockaddr_storage>();
    message.msg_iov = &raw mut vector;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = CONTROL_BYTES as _;
    // SAFETY: every pointer in `message` is to a live value of the length given beside it, and
    // nothing else refers to these values during the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    addresses.peer_length = message.msg_namelen;
    addresses.local = destination(&message);
    Ok(Received { length, is_cut: message.msg_flags & libc::MSG_TRUNC != 0 })
}

/// Sends an answer back where the datagram came from, from where it was sent to.
pub(super) fn send(socket: &Socket, answer: &[u8], addresses: &Addresses) -> io::Result<()> {
    let mut control = Control { bytes: [0; CONTROL_BYTES] };
    let mut vector =
        libc::iovec { iov_base: answer.as_ptr().cast_mut().cast(), iov_len: answer.len() };
    let mut message = empty_message();
    message.msg_name = ptr::from_ref(&addresses.peer).cast_mut().cast();
    message.msg_namelen = addresses.peer_length;
    message.msg_iov = &raw mut vector;
    message.msg_iovlen = 1;
    if let Some(local) = addresses.local {
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = CONTROL_BYTES as _;
        message.msg_controllen = write_source(&message, local) as _;
    }
    // SAFETY: every pointer in `message` is to a live value of the length given beside it; the
    // kernel only reads them.
    let length = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, 0) };
    if length >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn empty_message() -> libc::msghdr {
    // SAFETY: `msghdr` is integers and pointers, for which zeros are valid.
    unsafe { std::mem::zeroed() }
}

/// Where the kernel says that a received message was sent to.
fn destination(message: &libc::msghdr) -> Option<IpAddr> {
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
const fn length_of<T>() -> u32 {
    const { assert!(size_of::<T>() < 256) };
    #[expect(clippy::cast_possible_truncation, reason = "asserted just above")]
    let length = size_of::<T>() as u32;
    length
}

/// Writes the source address into a message's control buffer; returns the length written. On an
/// IPv6 socket a mapped IPv4 address is written as it is: the kernel takes it so.
fn write_source(message: &libc::msghdr, local: IpAddr) -> usize {
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
