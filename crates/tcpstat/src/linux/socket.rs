//! A netlink socket with its buffer: datagrams in and out. Hands on only what the kernel itself
//! sent and what arrived whole.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::sys;
use crate::CollectError;

/// A SOCK_DIAG socket.
#[derive(Debug)]
pub(super) struct DiagSocket {
    descriptor: OwnedFd,
}

/// Room for several datagrams at once.
#[derive(Debug)]
pub(super) struct Inbox {
    buffer: Vec<u8>,
    slot_bytes: usize,
    arrivals: Vec<sys::Arrival>,
}

impl Inbox {
    /// Room for `slots` datagrams of at most `slot_bytes`.
    pub(super) fn new(slots: usize, slot_bytes: usize) -> Self {
        Self { buffer: vec![0; slots * slot_bytes], slot_bytes, arrivals: Vec::new() }
    }

    /// What the last receive brought: each datagram whole, or `None` where it was longer than its
    /// slot. Datagrams from other processes are left out.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let slots = self.buffer.chunks_exact(self.slot_bytes);
        slots.zip(&self.arrivals).filter(|(_, arrival)| arrival.sender_port == 0).map(
            |(slot, arrival)| {
                if arrival.truncated { None } else { slot.get(..arrival.length) }
            },
        )
    }
}

impl DiagSocket {
    /// Opens one.
    ///
    /// # Errors
    ///
    /// [`CollectError::Open`].
    pub(super) fn open() -> Result<Self, CollectError> {
        let descriptor = sys::netlink_socket().map_err(CollectError::Open)?;
        Ok(Self { descriptor })
    }

    /// For the calls that only one of the sources makes.
    pub(super) const fn descriptor(&self) -> &OwnedFd {
        &self.descriptor
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// [`CollectError::Call`].
    pub(super) fn send(&self, request: &[u8]) -> Result<(), CollectError> {
        let sent = sys::send(&self.descriptor, request);
        sent.map_err(|source| CollectError::Call { action: "ask the kernel for sockets", source })
    }

    /// Whether something can be received within `timeout`.
    ///
    /// # Errors
    ///
    /// [`CollectError::Call`].
    pub(super) fn wait_readable(&self, timeout: Duration) -> Result<bool, CollectError> {
        wait_readable([self].into_iter(), timeout)
    }

    /// Fills the inbox with what is there, and says how many datagrams that was: none if there
    /// was nothing, at most one a slot.
    ///
    /// # Errors
    ///
    /// [`CollectError::Call`]. An overflow (ENOBUFS) is none: it is counted elsewhere.
    pub(super) fn receive_now(&self, inbox: &mut Inbox) -> Result<usize, CollectError> {
        inbox.arrivals =
            match sys::receive_now(&self.descriptor, &mut inbox.buffer, inbox.slot_bytes) {
                Ok(arrivals) => arrivals,
                Err(error) if is_overflow(&error) => Vec::new(),
                Err(source) => {
                    return Err(CollectError::Call { action: "receive from the kernel", source });
                }
            };
        Ok(inbox.arrivals.len())
    }
}

/// Whether something can be received on any of these within `timeout`.
///
/// # Errors
///
/// [`CollectError::Call`].
pub(super) fn wait_readable<'a>(
    sockets: impl Iterator<Item = &'a DiagSocket>,
    timeout: Duration,
) -> Result<bool, CollectError> {
    let readable = sys::wait_readable(sockets.map(|socket| &socket.descriptor), timeout);
    readable.map_err(|source| CollectError::Call { action: "wait for the kernel", source })
}

fn is_overflow(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_kernel_sent_and_what_is_whole_is_handed_on() {
        let mut inbox = Inbox::new(4, 3);
        inbox.buffer.copy_from_slice(b"abcdefghijkl");
        let arrival =
            |length, truncated, sender_port| sys::Arrival { length, truncated, sender_port };
        inbox.arrivals = vec![arrival(3, false, 0), arrival(3, false, 4711), arrival(3, true, 0)];
        let datagrams: Vec<_> = inbox.datagrams().collect();
        assert_eq!(datagrams, [Some(&b"abc"[..]), None]);
        inbox.arrivals = vec![arrival(1, false, 0), arrival(0, false, 0)];
        let datagrams: Vec<_> = inbox.datagrams().collect();
        assert_eq!(datagrams, [Some(&b"a"[..]), Some(&[])]);
    }
}
