//! What the kernel of one end of a connection measured.

#![expect(unsafe_code, reason = "libc calls that std does not wrap")]

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use super::checked;

/// Where `tcpi_min_rtt` stands in `struct tcp_info` (linux/tcp.h), in bytes.
const MIN_RTT_AT: usize = 148;

/// The smallest round-trip time of a connection, in microseconds; `None` where nothing was
/// measured or the kernel does not say.
pub(crate) fn min_rtt_us(stream: &TcpStream) -> io::Result<Option<u32>> {
    let mut info = [0u8; 256];
    let mut length = info.len() as libc::socklen_t;
    // SAFETY: buffer and length are one live array's; the kernel writes at most `length` bytes.
    checked(unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    })?;
    let bytes = info.get(..length as usize).and_then(|info| info.get(MIN_RTT_AT..MIN_RTT_AT + 4));
    let rtt = bytes.and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
    // The kernel starts with all bits set.
    Ok(rtt.filter(|rtt| *rtt != 0 && *rtt != u32::MAX))
}

/// Connects from a chosen local address; std can only let the kernel choose.
pub(crate) fn connect_from(
    local: IpAddr,
    remote: SocketAddr,
    timeout: Duration,
) -> io::Result<TcpStream> {
    let family = if remote.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // SAFETY: takes numbers only.
    let fd = checked(unsafe { libc::socket(family, kind, 0) })?;
    // SAFETY: the descriptor is new and nobody else's.
    let stream = TcpStream::from(unsafe { OwnedFd::from_raw_fd(fd) });
    stream.set_write_timeout(Some(timeout))?;
    stream.set_read_timeout(Some(timeout))?;
    if remote.is_ipv6() {
        // An address of a local network counts as one's own for IPv4 only.
        let (one, length) = (1, size_of::<libc::c_int>() as libc::socklen_t);
        let option: *const libc::c_int = &raw const one;
        // SAFETY: `option` points to an int and `length` is its size.
        checked(unsafe {
            libc::setsockopt(fd, libc::SOL_IPV6, libc::IPV6_FREEBIND, option.cast(), length)
        })?;
    }
    let (address, length) = socket_address(SocketAddr::new(local, 0));
    // SAFETY: `address` holds a socket address of `length` bytes.
    checked(unsafe { libc::bind(fd, (&raw const address).cast(), length) })?;
    let (address, length) = socket_address(remote);
    // A connect on Linux ends with the send timeout set above.
    // SAFETY: `address` holds a socket address of `length` bytes.
    checked(unsafe { libc::connect(fd, (&raw const address).cast(), length) })?;
    Ok(stream)
}

fn socket_address(address: SocketAddr) -> (libc::sockaddr_in6, libc::socklen_t) {
    // SAFETY: all zeros is a valid sockaddr_in6.
    let mut v6: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
    match address {
        SocketAddr::V6(address) => {
            v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            v6.sin6_port = address.port().to_be();
            v6.sin6_addr.s6_addr = address.ip().octets();
            (v6, size_of::<libc::sockaddr_in6>() as libc::socklen_t)
        }
        SocketAddr::V4(address) => {
            // sockaddr_in begins alike: family, port, then the address where flowinfo stands.
            v6.sin6_family = libc::AF_INET as libc::sa_family_t;
            v6.sin6_port = address.port().to_be();
            v6.sin6_flowinfo = u32::from_ne_bytes(address.ip().octets());
            (v6, size_of::<libc::sockaddr_in>() as libc::socklen_t)
        }
    }
}
