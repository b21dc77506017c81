//! The answer to a dump: many datagrams, each with many sockets, until one says that it is done.

use std::io;

use model::{Sample, SocketState};

use super::inet_diag::{Socket, read_socket};
use super::message::{Message, Messages};
use super::{SOCK_DIAG_BY_FAMILY, bytes_at};
use crate::DumpStats;

/// `NLMSG_NOOP`: to be skipped.
const NOOP: u16 = 1;
/// `NLMSG_ERROR`: a negative errno, then the request it answers.
const ERROR: u16 = 2;
/// `NLMSG_DONE`: the end; since Linux 4.13 with a negative errno or zero.
const DONE: u16 = 3;
/// `NLM_F_DUMP_INTR`: the tables changed under the dump.
const INTERRUPTED: u16 = 0x10;

/// The answer to one request, as it comes in.
#[derive(Debug)]
pub(crate) struct DumpReply<'a> {
    /// The sequence number of the request; what carries another belongs to an earlier one.
    pub(crate) sequence: u32,
    /// Where samples go.
    pub(crate) samples: &'a mut Vec<Sample>,
    /// How many `samples` may hold; sockets beyond are counted and left out.
    pub(crate) samples_max: usize,
    /// What was counted so far.
    pub(crate) stats: &'a mut DumpStats,
}

/// Whether more will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Another datagram.
    More,
    /// That was all.
    Done,
}

/// Why an answer ends early.
#[derive(Debug)]
pub(crate) enum ReplyError {
    /// The kernel said so.
    Kernel(io::Error),
    /// It is no netlink.
    Garbled(&'static str),
}

impl DumpReply<'_> {
    /// Reads one datagram of the answer.
    pub(crate) fn read(&mut self, datagram: &[u8]) -> Result<Progress, ReplyError> {
        for message in Messages::of(datagram) {
            let message =
                message.map_err(|_| ReplyError::Garbled("a message of an impossible length"))?;
            if message.sequence != self.sequence {
                continue;
            }
            if self.read_message(&message)? == Progress::Done {
                return Ok(Progress::Done);
            }
        }
        Ok(Progress::More)
    }

    fn read_message(&mut self, message: &Message<'_>) -> Result<Progress, ReplyError> {
        self.stats.interrupted |= message.flags & INTERRUPTED != 0;
        match message.kind {
            SOCK_DIAG_BY_FAMILY => self.read_socket(message.payload),
            DONE => {
                check_errno(message.payload)?;
                return Ok(Progress::Done);
            }
            ERROR => {
                check_errno(message.payload)?;
                return Err(ReplyError::Garbled("an acknowledgement in place of a dump"));
            }
            NOOP => {}
            _ => self.stats.unreadable += 1,
        }
        Ok(Progress::More)
    }

    fn read_socket(&mut self, payload: &[u8]) {
        self.stats.sockets_seen += 1;
        match read_socket(payload, SocketState::Open) {
            Ok(Socket::Connection(_)) if self.samples.len() >= self.samples_max => {
                self.stats.over_limit += 1;
            }
            Ok(Socket::Connection(sample)) => {
                self.stats.samples += 1;
                self.samples.push(sample);
            }
            // An established socket has a far end; one that lost it since has become nothing.
            Ok(Socket::Unconnected) => {}
            Err(_) => self.stats.unreadable += 1,
        }
    }
}

/// The errno at the head of NLMSG_ERROR and NLMSG_DONE. Older kernels end without one.
fn check_errno(payload: &[u8]) -> Result<(), ReplyError> {
    let errno = bytes_at(payload, 0).map_or(0, i32::from_ne_bytes);
    if errno == 0 {
        return Ok(());
    }
    Err(ReplyError::Kernel(io::Error::from_raw_os_error(errno.saturating_neg())))
}

#[cfg(test)]
mod tests;
