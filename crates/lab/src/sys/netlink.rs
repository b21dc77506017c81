//! Interfaces, addresses and routes over rtnetlink (RFC 3549; linux/rtnetlink.h), without `ip`.
//!
//! Messages are built as plain bytes; only opening, sending and receiving touch the kernel.

#![expect(unsafe_code, reason = "libc calls that std does not wrap")]

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use model::Subnet;

use super::checked;

/// A hardware address.
pub(crate) type Mac = [u8; 6];

/// `VETH_INFO_PEER` (linux/veth.h).
const VETH_INFO_PEER: u16 = 1;
/// Interface flag `IFF_UP` and, so that nobody asks for hardware addresses, `IFF_NOARP`.
const UP_NOARP: u32 = (libc::IFF_UP | libc::IFF_NOARP) as u32;
/// `RTNH_F_ONLINK` (linux/rtnetlink.h): the gateway is reachable without a route to it.
const ONLINK: u32 = 4;
/// The longest answer to a single request: an acknowledgement with a text.
const ANSWER_BYTES: usize = 8192;

/// A conversation with the kernel about the network namespace it was opened in.
pub(crate) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    pub(crate) fn open() -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: takes numbers only.
        let fd = checked(unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE) })?;
        // SAFETY: the descriptor is new and nobody else's.
        Ok(Self { socket: unsafe { OwnedFd::from_raw_fd(fd) }, sequence: 0 })
    }

    /// A cable between `near`, here, and `far`, in another namespace.
    pub(crate) fn add_veth(
        &mut self,
        (near, near_mac): (&str, Mac),
        (far, far_mac): (&str, Mac),
        far_namespace: &File,
    ) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_NEWLINK, CREATE);
        message.link_header(0, 0);
        message.text(libc::IFLA_IFNAME, near);
        message.attribute(libc::IFLA_ADDRESS, &near_mac);
        message.nest(libc::IFLA_LINKINFO, |message| {
            message.text(libc::IFLA_INFO_KIND, "veth");
            message.nest(libc::IFLA_INFO_DATA, |message| {
                message.nest(VETH_INFO_PEER, |message| {
                    message.link_header(0, 0);
                    message.text(libc::IFLA_IFNAME, far);
                    message.attribute(libc::IFLA_ADDRESS, &far_mac);
                    let namespace = far_namespace.as_raw_fd().to_ne_bytes();
                    message.attribute(libc::IFLA_NET_NS_FD, &namespace);
                });
            });
        });
        self.ask(message)
    }

    /// Switches an interface on, without address resolution.
    pub(crate) fn set_up(&mut self, index: u32) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_NEWLINK, 0);
        message.link_header(index, UP_NOARP);
        self.ask(message)
    }

    /// Gives an interface an address of its own, ready at once (no duplicate detection).
    pub(crate) fn add_address(&mut self, index: u32, address: IpAddr) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_NEWADDR, CREATE);
        // struct ifaddrmsg: family, prefix length, flags, scope, index.
        let (family, bits) = family(address);
        message.push(&[family, bits, libc::IFA_F_NODAD as u8, libc::RT_SCOPE_UNIVERSE]);
        message.push(&index.to_ne_bytes());
        message.address(libc::IFA_LOCAL, address);
        message.address(libc::IFA_ADDRESS, address);
        self.ask(message)
    }

    /// Sends all that is not local through `gateway`; `source` is the address of what has none.
    pub(crate) fn add_default_route(
        &mut self,
        index: u32,
        gateway: IpAddr,
        source: IpAddr,
    ) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_NEWROUTE, CREATE);
        message.route_header(gateway, 0, libc::RTN_UNICAST, libc::RT_TABLE_MAIN);
        message.attribute(libc::RTA_OIF, &index.to_ne_bytes());
        message.address(libc::RTA_GATEWAY, gateway);
        message.address(libc::RTA_PREFSRC, source);
        self.ask(message)
    }

    /// Makes every address of a network one of this machine's own.
    pub(crate) fn add_local_network(&mut self, index: u32, network: Subnet) -> io::Result<()> {
        let mut message = Message::new(libc::RTM_NEWROUTE, CREATE);
        let kind = libc::RTN_LOCAL;
        message.route_header(network.address(), network.length(), kind, libc::RT_TABLE_LOCAL);
        message.attribute(libc::RTA_OIF, &index.to_ne_bytes());
        message.address(libc::RTA_DST, network.address());
        self.ask(message)
    }

    /// Sends one request and waits for the kernel's verdict.
    fn ask(&mut self, message: Message) -> io::Result<()> {
        self.sequence += 1;
        let bytes = message.finish(self.sequence);
        // SAFETY: pointer and length are those of one live slice.
        let sent =
            unsafe { libc::send(self.socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut answer = [0u8; ANSWER_BYTES];
        // SAFETY: pointer and length are those of one live slice.
        let received = unsafe {
            libc::recv(self.socket.as_raw_fd(), answer.as_mut_ptr().cast(), answer.len(), 0)
        };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        verdict(answer.get(..received).unwrap_or_default())
    }
}

/// The index of an interface in this network namespace.
pub(crate) fn interface_index(name: &str) -> io::Result<u32> {
    let name = std::ffi::CString::new(name)?;
    // SAFETY: the C string lives through the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

/// Reads `NLMSG_ERROR`: 16 bytes of header, then the negated error number, 0 for success.
fn verdict(answer: &[u8]) -> io::Result<()> {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    let code = answer.get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
    match (kind, code) {
        (Some(kind), Some(0)) if i32::from(kind) == libc::NLMSG_ERROR => Ok(()),
        (Some(kind), Some(code)) if i32::from(kind) == libc::NLMSG_ERROR => {
            Err(io::Error::from_raw_os_error(code.wrapping_neg()))
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "not an answer of rtnetlink")),
    }
}

const CREATE: u16 = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;

const fn family(address: IpAddr) -> (u8, u8) {
    match address {
        IpAddr::V4(_) => (libc::AF_INET as u8, 32),
        IpAddr::V6(_) => (libc::AF_INET6 as u8, 128),
    }
}

/// A request in the making.
struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: u16) -> Self {
        let flags = flags | (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        // struct nlmsghdr: length and sequence are filled in by `finish`; port 0 is the kernel.
        let mut bytes = vec![0; 16];
        bytes.splice(4..8, [kind.to_ne_bytes(), flags.to_ne_bytes()].concat());
        Self(bytes)
    }

    fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.splice(0..4, length.to_ne_bytes());
        self.0.splice(8..12, sequence.to_ne_bytes());
        self.0
    }

    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// `struct ifinfomsg`: family, type, index, flags, and which flags are meant.
    fn link_header(&mut self, index: u32, flags: u32) {
        self.push(&[0; 4]);
        for word in [index, flags, flags] {
            self.push(&word.to_ne_bytes());
        }
    }

    /// `struct rtmsg`. A default route is `onlink`: its gateway is in no network of the host.
    fn route_header(&mut self, of: IpAddr, prefix: u8, kind: u8, table: u8) {
        let local = kind == libc::RTN_LOCAL;
        let scope = if local { libc::RT_SCOPE_HOST } else { libc::RT_SCOPE_UNIVERSE };
        let scope = if of.is_ipv6() { libc::RT_SCOPE_UNIVERSE } else { scope };
        self.push(&[family(of).0, prefix, 0, 0, table, libc::RTPROT_STATIC, scope, kind]);
        let flags = if local { 0 } else { ONLINK };
        self.push(&flags.to_ne_bytes());
    }

    /// One `struct rtattr` with its value, padded to four bytes.
    fn attribute(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
        self.push(&length.to_ne_bytes());
        self.push(&kind.to_ne_bytes());
        self.push(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn text(&mut self, kind: u16, text: &str) {
        self.attribute(kind, &[text.as_bytes(), &[0]].concat());
    }

    fn address(&mut self, kind: u16, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.attribute(kind, &address.octets()),
            IpAddr::V6(address) => self.attribute(kind, &address.octets()),
        }
    }

    /// An attribute whose value is what `fill` adds.
    fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.attribute(kind, &[]);
        fill(self);
        let length = u16::try_from(self.0.len() - start).unwrap_or(u16::MAX);
        self.0.splice(start..start + 2, length.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_nest_and_are_padded() {
        let mut message = Message::new(libc::RTM_NEWLINK, 0);
        message.nest(18, |message| message.text(1, "veth"));
        let bytes = message.finish(7);
        assert_eq!(bytes.len(), 32);
        assert_eq!(bytes[0..4], 32u32.to_ne_bytes());
        assert_eq!(bytes[8..12], 7u32.to_ne_bytes());
        assert_eq!(bytes[16..18], 16u16.to_ne_bytes());
        assert_eq!(bytes[20..22], 9u16.to_ne_bytes());
        assert_eq!(&bytes[24..32], b"veth\0\0\0\0");
    }

    #[test]
    fn a_refusal_is_the_error_it_names() {
        let mut answer = vec![0; 36];
        answer[4] = 2;
        assert!(verdict(&answer).is_ok());
        answer[16..20].copy_from_slice(&(-libc::EEXIST).to_ne_bytes());
        assert_eq!(verdict(&answer).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(verdict(&[]).is_err());
    }
}
