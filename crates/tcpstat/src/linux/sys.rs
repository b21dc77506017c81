//! The system calls that std lacks, each as a safe function. Nothing else of the crate is unsafe.
//!
//! No decision is taken here: an error is the system's own, a length is the kernel's.

#![expect(unsafe_code, reason = "std has no netlink sockets, no poll and no recvmmsg")]

use std::ffi::c_int;
use std::io;
use std::mem::{size_of, size_of_val, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use crate::netlink::socket_filter::Instruction;

/// How many numbers SO_MEMINFO gives (SK_MEMINFO_VARS, include/uapi/linux/sock_diag.h).
const MEMINFO_LEN: usize = 9;

/// A new netlink socket of the SOCK_DIAG protocol, closed on exec.
pub(super) fn netlink_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_SOCK_DIAG) };
    check(fd)?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Binds a netlink socket and joins the groups whose bits are set.
pub(super) fn bind(socket: &OwnedFd, groups: u32) -> io::Result<()> {
    // SAFETY: zeros are a valid sockaddr_nl (all integers).
    let mut address: libc::sockaddr_nl = unsafe { zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address.nl_groups = groups;
    let length = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
    // SAFETY: the pointer is to a sockaddr_nl that lives through the call, and the length is its.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) })
}

/// Sets an option whose value is an int.
pub(super) fn set_option(
    socket: &OwnedFd,
    level: c_int,
    name: c_int,
    value: c_int,
) -> io::Result<()> {
    set_option_bytes(socket, level, name, &value)
}

/// Attaches a classic BPF filter, in place of an earlier one. The kernel checks the program.
pub(super) fn attach_filter(socket: &OwnedFd, program: &[Instruction]) -> io::Result<()> {
    let mut instructions: Vec<libc::sock_filter> = program
        .iter()
        .map(|i| libc::sock_filter { code: i.code, jt: i.jump_true, jf: i.jump_false, k: i.value })
        .collect();
    let len = u16::try_from(instructions.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // The kernel copies the program before setsockopt returns; `instructions` outlives the call.
    let program = libc::sock_fprog { len, filter: instructions.as_mut_ptr() };
    set_option_bytes(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

fn set_option_bytes<T>(socket: &OwnedFd, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    let pointer = ptr::from_ref(value).cast();
    // SAFETY: the pointer is to a T that lives through the call, and the length is T's.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, pointer, length) })
}

/// A socket's memory, as SO_MEMINFO gives it (since Linux 4.12).
#[derive(Clone, Copy, Debug)]
pub(super) struct MemoryInfo {
    /// SK_MEMINFO_RCVBUF: the size of the receive buffer in the kernel's own count, bytes.
    pub(super) receive_buffer_bytes: u32,
    /// SK_MEMINFO_DROPS: messages for which there was no room; wraps.
    pub(super) drops: u32,
}

/// Reads SO_MEMINFO.
pub(super) fn memory_info(socket: &OwnedFd) -> io::Result<MemoryInfo> {
    let mut values = [0u32; MEMINFO_LEN];
    let mut length = size_of_val(&values) as libc::socklen_t;
    let (fd, pointer) = (socket.as_raw_fd(), values.as_mut_ptr().cast());
    // SAFETY: the kernel writes at most `length` bytes, which is what `values` has.
    check(unsafe {
        libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, pointer, &raw mut length)
    })?;
    Ok(MemoryInfo {
        receive_buffer_bytes: values[libc::SK_MEMINFO_RCVBUF as usize],
        drops: values[libc::SK_MEMINFO_DROPS as usize],
    })
}

/// Sends one message to the kernel.
pub(super) fn send(socket: &OwnedFd, message: &[u8]) -> io::Result<()> {
    // SAFETY: pointer and length are those of the slice.
    let sent = unsafe { libc::send(socket.as_raw_fd(), message.as_ptr().cast(), message.len(), 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Waits until something can be received on one of these, at most as long as `timeout` (in whole milliseconds,
/// rounded up). A signal ends the wait early, as if something
/// were there.
pub(super) fn wait_readable<'a>(
    sockets: impl Iterator<Item = &'a OwnedFd>,
    timeout: Duration,
) -> io::Result<bool> {
    let timeout_ms = c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX);
    let entry = |socket: &OwnedFd| libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let mut polls: Vec<libc::pollfd> = sockets.map(entry).collect();
    // SAFETY: as many pollfds as are said, which live through the call.
    match check(unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, timeout_ms) })
    {
        Ok(()) => Ok(polls.iter().any(|poll| poll.revents != 0)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
        Err(error) => Err(error),
    }
}

/// One datagram as it was received.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Arrival {
    /// How many bytes of the slot are filled.
    pub(super) length: usize,
    /// It was longer than the slot: the end is missing.
    pub(super) truncated: bool,
    /// The sender's netlink port; 0 is the kernel.
    pub(super) sender_port: u32,
}

/// Receives what is there, at most one datagram a slot, without waiting. `slots` must be cut from
/// `buffer` in equal parts of `slot_bytes`. Returns the arrivals in the order of the slots; none
/// if there was nothing.
pub(super) fn receive_now(
    socket: &OwnedFd,
    buffer: &mut [u8],
    slot_bytes: usize,
) -> io::Result<Vec<Arrival>> {
    let mut parts: Vec<libc::iovec> = buffer
        .chunks_exact_mut(slot_bytes)
        .map(|slot| libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: slot.len() })
        .collect();
    // SAFETY: zeros are a valid sockaddr_nl (all integers).
    let mut senders = vec![unsafe { zeroed::<libc::sockaddr_nl>() }; parts.len()];
    let mut headers: Vec<libc::mmsghdr> = parts
        .iter_mut()
        .zip(&mut senders)
        .map(|(part, sender)| {
            // SAFETY: zeros are a valid mmsghdr (integers and null pointers).
            let mut header: libc::mmsghdr = unsafe { zeroed() };
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = ptr::from_mut(sender).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
            header
        })
        .collect();
    let count = u32::try_from(headers.len()).unwrap_or(u32::MAX);
    let (fd, pointer) = (socket.as_raw_fd(), headers.as_mut_ptr());
    // SAFETY: `count` headers, each with one part of `buffer` and one sender of its own; all of
    // them live through the call, and nothing else touches them meanwhile.
    let received =
        unsafe { libc::recvmmsg(fd, pointer, count, libc::MSG_DONTWAIT as _, ptr::null_mut()) };
    if received < 0 {
        return none_if_empty(io::Error::last_os_error());
    }
    let filled = headers.iter().zip(&senders).take(received.unsigned_abs() as usize);
    Ok(filled
        .map(|(header, sender)| Arrival {
            length: (header.msg_len as usize).min(slot_bytes),
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            sender_port: sender.nl_pid,
        })
        .collect())
}

/// An empty queue is no error, nor is a signal.
fn none_if_empty(error: io::Error) -> io::Result<Vec<Arrival>> {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(Vec::new()),
        _ => Err(error),
    }
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
