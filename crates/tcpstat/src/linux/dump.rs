//! The second source: the kernel lists the established TCP sockets of a set of local ports, which
//! it picks out itself. Sees nothing that opens and closes between two lists.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use model::Sample;

use super::socket::{DiagSocket, Inbox};
use crate::netlink::bytecode::{RANGES_MAX, port_filter};
use crate::netlink::dump_reply::{DumpReply, Progress, ReplyError};
use crate::netlink::ports::ranges;
use crate::netlink::request::dump_request;
use crate::netlink::{FAMILY_IPV4, FAMILY_IPV6};
use crate::{CollectError, DumpStats};

/// The kernel makes datagrams as long as the longest buffer it was offered, up to 32 KiB: some 80
/// sockets a call.
const DATAGRAM_BYTES_MAX: usize = 32 << 10;

/// How long the kernel may stay silent. It answers while it is asked; only a kernel in great
/// trouble takes longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Both families, as asked for and as named in errors. The second lists a dual-stack listener's
/// IPv4 clients too.
const FAMILIES: [(u8, &str); 2] = [(FAMILY_IPV4, "IPv4"), (FAMILY_IPV6, "IPv6")];

/// Lists the open connections to a set of local ports.
///
/// Only sockets of the network namespace in which it reads are listed.
#[derive(Debug)]
pub struct Dump {
    inbox: Inbox,
    sequence: u32,
}

impl Dump {
    /// The most samples that one read leaves in its vector: 2^20, about 120 MB. What is open
    /// beyond that is counted and left out.
    pub const SAMPLES_MAX: usize = 1 << 20;

    /// Checks that the kernel lists sockets at all.
    ///
    /// # Errors
    ///
    /// As [`Dump::read`].
    pub fn open() -> Result<Self, CollectError> {
        let mut dump = Self { inbox: Inbox::new(1, DATAGRAM_BYTES_MAX), sequence: 0 };
        // Port 0 is nobody's, so the answer is empty, but it is an answer.
        dump.read(&BTreeSet::from([0]), &mut Vec::new())?;
        Ok(dump)
    }

    /// Adds a sample to `samples` for each established connection whose local port is one of
    /// `ports`. Blocks for the kernel's time: about 1.1 us a socket of those ports and 0.1 us
    /// another.
    ///
    /// # Errors
    ///
    /// [`CollectError::NoTcpDiag`] where the kernel has no such lists, [`CollectError::Refused`]
    /// where it gives none, and those of the socket. What was read before an error is kept; the
    /// next read begins anew.
    pub fn read(
        &mut self,
        ports: &BTreeSet<u16>,
        samples: &mut Vec<Sample>,
    ) -> Result<DumpStats, CollectError> {
        let mut stats = DumpStats::default();
        // A new socket each time: whatever went wrong with the last one stays with it.
        let socket = DiagSocket::open()?;
        for ranges in ranges(ports).chunks(RANGES_MAX) {
            let filter = port_filter(ranges);
            for (family, name) in FAMILIES {
                self.sequence = self.sequence.wrapping_add(1);
                socket.send(&dump_request(family, self.sequence, &filter))?;
                self.read_reply(&socket, name, samples, &mut stats)?;
            }
        }
        Ok(stats)
    }

    fn read_reply(
        &mut self,
        socket: &DiagSocket,
        family: &'static str,
        samples: &mut Vec<Sample>,
        stats: &mut DumpStats,
    ) -> Result<(), CollectError> {
        let sequence = self.sequence;
        let mut reply = DumpReply { sequence, samples, samples_max: Self::SAMPLES_MAX, stats };
        loop {
            if socket.receive_now(&mut self.inbox)? == 0 && !socket.wait_readable(ANSWER_TIMEOUT)? {
                let waited_ms = u64::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(u64::MAX);
                return Err(CollectError::Silent { waited_ms });
            }
            for datagram in self.inbox.datagrams() {
                let datagram = datagram.ok_or(TOO_LONG)?;
                let progress = reply.read(datagram).map_err(|error| explain(error, family))?;
                if progress == Progress::Done {
                    return Ok(());
                }
            }
        }
    }
}

const TOO_LONG: CollectError =
    CollectError::Garbled { reason: "a datagram longer than the buffer the kernel was given" };

fn explain(error: ReplyError, family: &'static str) -> CollectError {
    match error {
        // What the kernel says where no handler for the family or the protocol can be loaded.
        ReplyError::Kernel(source) if source.kind() == io::ErrorKind::NotFound => {
            CollectError::NoTcpDiag
        }
        ReplyError::Kernel(source) => CollectError::Refused { family, source },
        ReplyError::Garbled(reason) => CollectError::Garbled { reason },
    }
}

#[cfg(test)]
mod tests;
