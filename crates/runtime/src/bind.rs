//! Sockets bound to the address that something is served on.
//!
//! Must never leave to the system whether `[::]` is both families: systems differ, and hosts do.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// What the kernel may queue for one UDP socket: 4 MiB are some 5,000 small datagrams, 50 ms at
/// 100,000 a second. The kernel gives less where `net.core.rmem_max` is less.
const RECEIVE_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// Connections that wait to be accepted: a tenth of a second of DNS at 40,000 a second, half of the agents
/// that come back after a restart, and what the kernel allows by default (`somaxconn`). Past it, clients
/// must knock again a second later.
const BACKLOG: i32 = 4_096;
/// What the kernel holds of one connection for a client that does not read, and of queries that we
/// have not read; it doubles both for its own overhead. Left to itself it would give up to 4 and
/// 6 MiB (`tcp_wmem`, `tcp_rmem`) to each, for the sake of long transfers, of which DNS has none:
/// the longest answer is 64 KiB.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
const QUERIES_BUFFER_BYTES: usize = 16 * 1024;

#[cfg(unix)]
/// The first UDP socket on an address. Nobody else may be bound to it, so that a second process
/// on the same port is refused, and does not take a share of the queries; only then is it opened
/// to the sockets of [`udp_beside`].
pub(crate) fn udp_first(address: SocketAddr) -> io::Result<(Socket, SocketAddr)> {
    let (socket, local) = bound(address, Type::DGRAM, Protocol::UDP, prepare_udp)?;
    socket.set_reuse_port(true)?;
    Ok((socket, local))
}

#[cfg(unix)]
/// One more UDP socket on the address of the first (SO_REUSEPORT, socket(7)): the kernel spreads
/// the askers over them.
pub(crate) fn udp_beside(first: SocketAddr) -> io::Result<Socket> {
    let prepare = |socket: &Socket| {
        socket.set_reuse_port(true)?;
        prepare_udp(socket)
    };
    Ok(bound(first, Type::DGRAM, Protocol::UDP, prepare)?.0)
}

fn prepare_udp(socket: &Socket) -> io::Result<()> {
    // Best effort: a small queue serves as well, until it bursts.
    drop(socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES));
    Ok(())
}

/// A TCP socket for DNS that listens and does not block.
pub(crate) fn dns_tcp(address: SocketAddr) -> io::Result<Socket> {
    listening(address, |socket| {
        // Connections inherit these; the second must be set before the first one's handshake.
        socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
        socket.set_recv_buffer_size(QUERIES_BUFFER_BYTES)
    })
}

/// A TCP socket for anything else, which listens and does not block.
pub(crate) fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    Ok(listening(address, |_| Ok(()))?.into())
}

fn listening(
    address: SocketAddr,
    prepare: impl Fn(&Socket) -> io::Result<()>,
) -> io::Result<Socket> {
    let (socket, _) = bound(address, Type::STREAM, Protocol::TCP, |socket| {
        // Without it, connections of the process before us keep the port for a minute. On Windows they do
        // not, and it would let anybody in.
        socket.set_reuse_address(cfg!(unix))?;
        prepare(socket)?;
        socket.set_nonblocking(true)
    })?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// `[::]` takes both families, and falls back to IPv4 where the system has no IPv6.
fn bound(
    address: SocketAddr,
    kind: Type,
    protocol: Protocol,
    prepare: impl Fn(&Socket) -> io::Result<()>,
) -> io::Result<(Socket, SocketAddr)> {
    let is_any_ipv6 = address.is_ipv6() && address.ip().is_unspecified();
    let open = |address: SocketAddr| -> io::Result<(Socket, SocketAddr)> {
        let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
        if address.is_ipv6() {
            socket.set_only_v6(!is_any_ipv6)?;
        }
        prepare(&socket)?;
        socket.bind(&address.into())?;
        let local = socket.local_addr()?.as_socket();
        let local = local.ok_or_else(|| io::Error::other("bound to no Internet address"))?;
        Ok((socket, local))
    };
    match open(address) {
        Err(error) if is_any_ipv6 && has_no_ipv6(&error) => {
            open(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port()))
        }
        result => result,
    }
}

/// The kernel was built without IPv6, or `disable_ipv6` is set.
fn has_no_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(NO_FAMILY)
}

/// EAFNOSUPPORT, and what Windows calls it (WSAEAFNOSUPPORT).
#[cfg(unix)]
const NO_FAMILY: i32 = libc::EAFNOSUPPORT;
#[cfg(windows)]
const NO_FAMILY: i32 = 10_047;
