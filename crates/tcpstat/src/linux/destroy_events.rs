//! The first source: the kernel announces each TCP socket at the moment it is gone, to whoever
//! has joined the multicast groups that `ss -E` joins. Never asks for anything.
//!
//! Since Linux 4.2; its losses can be counted since 4.12, and older kernels are refused.

use std::collections::BTreeSet;
use std::time::Duration;

use model::Sample;

use super::socket::{DiagSocket, Inbox, wait_readable};
use super::sys;
use crate::netlink::event::read_event;
use crate::netlink::ports::{PortRange, ranges};
use crate::netlink::socket_filter::{Share, port_filter};
use crate::{CollectError, Received};

/// SKNLGRP_INET_TCP_DESTROY (1) and SKNLGRP_INET6_TCP_DESTROY (3) as the bits of `nl_groups`
/// (include/uapi/linux/sock_diag.h). A dual-stack listener's IPv4 clients come in the second.
const DESTROY_GROUPS: u32 = 1 << 0 | 1 << 2;

/// What is asked of the kernel for the receive buffer. It doubles that for its bookkeeping, and an
/// event takes 1,280 bytes of it: room for 26,000, five seconds of 5,000 closes each. Without
/// CAP_NET_ADMIN the kernel cuts it to `net.core.rmem_max`. What does not fit is lost and counted.
const RECEIVE_BUFFER_BYTES: i32 = 16 << 20;

/// Where a socket gets less than this, several share the connections, each with a buffer of its own: room for
/// 2,600 events, half a second of 5,000 closes each. A reader on a busy machine waits longer for its turn
/// than the 332 events last that Debian's `net.core.rmem_max` has room for.
const ROOM_BYTES: u64 = 3_328_000;

/// The most sockets, as a power of two: eight. The kernel offers each event to each of them, some 100 ns a
/// time. What they have no room for together is lost and counted.
const EARS_BITS_MAX: u32 = 3;

/// One event has 380 bytes today, and the `tcp_info` in it grows by a few each year. A longer one
/// is counted as unreadable.
const EVENT_BYTES_MAX: usize = 1024;

/// Events taken in one system call: 64 KiB of buffer.
const BATCH: usize = 64;

/// Batches of one receive, so that it ends under any flood: 8,192 events.
const BATCHES_MAX: usize = 128;

/// Hears of every connection to a set of local ports at the moment it is gone.
///
/// Blocks in [`DestroyEvents::receive`], so it wants a thread of its own. Only sockets of the
/// network namespace it was opened in are announced, unless others are asked for
/// ([`crate::Kernel::hearing_all_namespaces`]).
#[derive(Debug)]
pub struct DestroyEvents {
    /// Each hears of a share of all connections.
    ears: Vec<Ear>,
    ports: BTreeSet<u16>,
    inbox: Inbox,
    lost: u64,
}

/// A socket that has joined the groups.
#[derive(Debug)]
struct Ear {
    socket: DiagSocket,
    buffer_bytes: u64,
    /// The kernel's counter when it was last read; it wraps.
    drops_seen: u32,
}

impl DestroyEvents {
    /// Begins to listen for closed connections whose local port is one of `ports`. Every one that
    /// closes from now on is received or counted as lost.
    ///
    /// # Errors
    ///
    /// [`CollectError::Open`] and [`CollectError::Call`], the latter also on kernels before 4.12.
    /// That the kernel announces anything at all is not known until it does: see [`crate::Kernel::probe`].
    pub fn open(ports: &BTreeSet<u16>) -> Result<Self, CollectError> {
        Self::open_with_buffer(ports, RECEIVE_BUFFER_BYTES)
    }

    /// The same for the sockets of every network namespace that this one has an id for, as a node has
    /// for its containers' (`NETLINK_LISTEN_ALL_NSID`, since Linux 4.2).
    ///
    /// # Errors
    ///
    /// As [`DestroyEvents::open`]; also without CAP_NET_BROADCAST.
    pub(super) fn open_in_all_namespaces(ports: &BTreeSet<u16>) -> Result<Self, CollectError> {
        let events = Self::open(ports)?;
        let option = (libc::SOL_NETLINK, libc::NETLINK_LISTEN_ALL_NSID);
        for ear in &events.ears {
            sys::set_option(ear.socket.descriptor(), option.0, option.1, 1).map_err(|source| {
                CollectError::Call {
                    action: "hear other network namespaces (NETLINK_LISTEN_ALL_NSID, which needs \
                             CAP_NET_BROADCAST)",
                    source,
                }
            })?;
        }
        Ok(events)
    }

    /// The same, with another limit than [`RECEIVE_BUFFER_BYTES`].
    pub(super) fn open_with_buffer(
        ports: &BTreeSet<u16>,
        buffer_bytes: i32,
    ) -> Result<Self, CollectError> {
        let first = Ear::open(buffer_bytes)?;
        let missing = ROOM_BYTES.div_ceil(first.buffer_bytes.max(1)).next_power_of_two();
        let share_bits = missing.trailing_zeros().min(EARS_BITS_MAX);
        let mut ears = vec![first];
        while ears.len() < 1 << share_bits {
            ears.push(Ear::open(buffer_bytes)?);
        }
        let (ranges, mut lost) = (ranges(ports), 0);
        for (ear, share) in ears.iter_mut().zip(Share::each(share_bits)) {
            lost += ear.join(&ranges, share)?;
        }
        let inbox = Inbox::new(BATCH, EVENT_BYTES_MAX);
        Ok(Self { ears, ports: ports.clone(), inbox, lost })
    }

    /// Waits until connections close, at most as long as `timeout` (a signal may end it earlier),
    /// and adds a sample for each to `samples`, at most 8,192. Says what came; nothing is no
    /// error. Brings [`DestroyEvents::lost`] up to date.
    ///
    /// # Errors
    ///
    /// [`CollectError::Call`]. An overflow is none.
    pub fn receive(
        &mut self,
        timeout: Duration,
        samples: &mut Vec<Sample>,
    ) -> Result<Received, CollectError> {
        let mut received = Received::default();
        let batches_max = BATCHES_MAX / self.ears.len().max(1);
        if wait_readable(self.ears.iter().map(|ear| &ear.socket), timeout)? {
            for ear in &self.ears {
                for _ in 0..batches_max {
                    let filled = ear.socket.receive_now(&mut self.inbox)?;
                    read_inbox(&self.inbox, &self.ports, samples, &mut received);
                    if filled < BATCH {
                        break;
                    }
                }
            }
        }
        for ear in &mut self.ears {
            self.lost += ear.count_losses()?;
        }
        Ok(received)
    }

    /// How many announcements found no room since this was opened, exactly, as of the last
    /// [`DestroyEvents::receive`]. With more than 1,000 separate ranges of ports, other ports'
    /// announcements may be among them.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// The receive buffers together, in the kernel's own count: 1,280 bytes an event.
    #[must_use]
    pub fn buffer_bytes(&self) -> u64 {
        self.ears.iter().map(|ear| ear.buffer_bytes).sum()
    }
}

impl Ear {
    /// Hears nothing yet.
    fn open(buffer_bytes: i32) -> Result<Self, CollectError> {
        let socket = DiagSocket::open()?;
        let descriptor = socket.descriptor();
        let failed = |action| move |source| CollectError::Call { action, source };
        let forced =
            sys::set_option(descriptor, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, buffer_bytes);
        if forced.is_err() {
            sys::set_option(descriptor, libc::SOL_SOCKET, libc::SO_RCVBUF, buffer_bytes)
                .map_err(failed("set the receive buffer of the destroy events"))?;
        }
        // An overflow would otherwise close the socket's ears until its buffer is empty.
        sys::set_option(descriptor, libc::SOL_NETLINK, libc::NETLINK_NO_ENOBUFS, 1)
            .map_err(failed("set NETLINK_NO_ENOBUFS"))?;
        let memory = sys::memory_info(descriptor).map_err(failed(
            "count the destroy events that get lost (SO_MEMINFO, needs Linux 4.12)",
        ))?;
        Ok(Self { socket, buffer_bytes: memory.receive_buffer_bytes.into(), drops_seen: 0 })
    }

    /// Hears of a share of the connections to these ports from now on; how many were lost already.
    fn join(&mut self, ranges: &[PortRange], share: Share) -> Result<u64, CollectError> {
        let descriptor = self.socket.descriptor();
        let failed = |action| move |source| CollectError::Call { action, source };
        // Before the groups are joined, so that nothing passes unfiltered.
        sys::attach_filter(descriptor, &port_filter(ranges, share))
            .map_err(failed("attach the port filter to the destroy events"))?;
        sys::bind(descriptor, DESTROY_GROUPS).map_err(failed("join the TCP destroy groups"))?;
        self.count_losses()
    }

    /// How many were lost since this was last asked.
    fn count_losses(&mut self) -> Result<u64, CollectError> {
        let memory = sys::memory_info(self.socket.descriptor())
            .map_err(|source| CollectError::Call { action: "count the losses", source })?;
        let lost = memory.drops.wrapping_sub(self.drops_seen);
        self.drops_seen = memory.drops;
        Ok(lost.into())
    }
}

fn read_inbox(
    inbox: &Inbox,
    ports: &BTreeSet<u16>,
    samples: &mut Vec<Sample>,
    received: &mut Received,
) {
    for datagram in inbox.datagrams() {
        match datagram {
            Some(datagram) => read_event(datagram, ports, samples, received),
            None => {
                received.events += 1;
                received.unreadable += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
