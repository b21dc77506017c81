//! Raw frames in and out of one interface, and its offloads.

#![expect(unsafe_code, reason = "libc calls that std does not wrap")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::checked;

/// The receive buffer asked for; the kernel gives at most `net.core.rmem_max`. Holds a burst while
/// the relay does not get to run.
const RECEIVE_BUFFER_BYTES: libc::c_int = 8 << 20;

/// The kernel time of the packet last read (linux/sockios.h, `SIOCGSTAMPNS_OLD`).
const SIOCGSTAMPNS: libc::Ioctl = 0x8907;

/// `struct ethtool_value` (linux/ethtool.h).
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// Offloads that make a packet socket see what no wire would carry (linux/ethtool.h): missing
/// checksums, and segments that are not cut yet or already joined.
const OFFLOADS: [u32; 5] = [
    0x15, // ETHTOOL_SRXCSUM
    0x17, // ETHTOOL_STXCSUM
    0x1f, // ETHTOOL_STSO
    0x24, // ETHTOOL_SGSO
    0x2c, // ETHTOOL_SGRO
];

/// All frames of one interface.
pub(crate) struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// Opens it on the interface with this index; what the machine itself sends is left out.
    pub(crate) fn open(interface_index: u32) -> io::Result<Self> {
        let all = (libc::ETH_P_ALL as u16).to_be();
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // Protocol 0: nothing arrives before the bind below says from where.
        // SAFETY: takes numbers only.
        let fd = checked(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
        // SAFETY: the descriptor is new and nobody else's.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        socket.set_option(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1)?;
        socket.set_option(libc::SOL_SOCKET, libc::SO_RCVBUF, RECEIVE_BUFFER_BYTES)?;
        // SAFETY: all zeros is a valid sockaddr_ll.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = all;
        address.sll_ifindex = interface_index.cast_signed();
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: `address` is a sockaddr_ll of `length` bytes.
        checked(unsafe { libc::bind(fd, (&raw const address).cast(), length) })?;
        // The first question switches time stamps on; its answer, that there is none yet, is not
        // of interest.
        let _ = socket.age();
        Ok(socket)
    }

    /// Reads one frame; `None` when there is none.
    pub(crate) fn receive(&self, frame: &mut [u8]) -> io::Result<Option<usize>> {
        // SAFETY: pointer and length are those of one live slice.
        let length = unsafe {
            libc::recv(self.0.as_raw_fd(), frame.as_mut_ptr().cast(), frame.len(), libc::MSG_TRUNC)
        };
        match usize::try_from(length) {
            Ok(length) => Ok(Some(length)),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                error => Err(error),
            },
        }
    }

    /// How long ago the kernel got the frame that was last read.
    pub(crate) fn age(&self) -> io::Result<Duration> {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the kernel writes one timespec.
        checked(unsafe { libc::ioctl(self.0.as_raw_fd(), SIOCGSTAMPNS, &raw mut time) })?;
        let since = Duration::new(
            u64::try_from(time.tv_sec).unwrap_or(0),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        );
        Ok((SystemTime::now()).duration_since(UNIX_EPOCH + since).unwrap_or_default())
    }

    /// Sends one frame.
    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: pointer and length are those of one live slice.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn set_option(
        &self,
        level: libc::c_int,
        name: libc::c_int,
        value: libc::c_int,
    ) -> io::Result<()> {
        let length = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: `value` is an int and `length` its size.
        checked(unsafe {
            libc::setsockopt(self.0.as_raw_fd(), level, name, (&raw const value).cast(), length)
        })
        .map(drop)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Switches off what would make frames unlike those on a wire. What a kernel does not know is off.
pub(crate) fn switch_offloads_off(interface: &str) -> io::Result<()> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    // SAFETY: takes numbers only.
    let fd = checked(unsafe { libc::socket(libc::AF_INET, kind, 0) })?;
    // SAFETY: the descriptor is new and nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    for command in OFFLOADS {
        let mut value = EthtoolValue { command, data: 0 };
        // SAFETY: all zeros is a valid ifreq.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        // One byte stays zero: the name's end.
        let room = request.ifr_name.len() - 1;
        for (to, from) in request.ifr_name.iter_mut().take(room).zip(interface.bytes()) {
            *to = from.cast_signed() as libc::c_char;
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: the request names an interface and points to an ethtool_value; both outlive the
        // call.
        let result =
            unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
        match checked(result) {
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => {}
            result => drop(result?),
        }
    }
    Ok(())
}
