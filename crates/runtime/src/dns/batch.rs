//! Many datagrams in or out with one call of the kernel (recvmmsg(2), sendmmsg(2)).
//!
//! A batch is as many datagrams as wait, up to [`BATCH`]: a busy worker pays for a call once a
//! batch, and an idle one answers the first datagram at once. All memory is there from the start;
//! what the kernel is handed is made anew for each call, so that no pointer outlives one. Must
//! never look into a query.

#![expect(unsafe_code, reason = "recvmmsg and sendmmsg take pointers")]

use std::mem::MaybeUninit;
use std::os::fd::AsRawFd as _;
use std::{io, ptr};

use socket2::Socket;

use super::packet::{self, Addresses, CONTROL_BYTES, Control, length_of};
use super::{QUERY_BYTES_MAX, UDP_ANSWER_BYTES_MAX};

/// Most datagrams of one call. A call costs about as much as a fifth of one datagram's way through
/// the kernel, so at 32 it is under a hundredth of the whole and more would save nothing; and the
/// queries and answers of a batch stay in a processor's nearest cache. What waits beyond it is in
/// the next batch.
pub(super) const BATCH: usize = 32;

/// The datagrams of one call and their answers.
pub(super) struct Batch {
    slots: Box<[Slot]>,
    received: usize,
}

/// One datagram and its answer. Its size is no multiple of a page: else the first lines of all
/// slots would compete for the same few places of the cache.
pub(super) struct Slot {
    pub(super) addresses: Addresses,
    query_length: usize,
    /// Whether the datagram was longer than there is room for.
    pub(super) is_cut: bool,
    /// Bytes of answer; 0 where none is to be sent.
    answer_length: usize,
    query: [u8; QUERY_BYTES_MAX],
    answer: [u8; UDP_ANSWER_BYTES_MAX],
}

/// What became of the answers of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// The kernel took them.
    pub(super) taken: u64,
    /// It did not.
    pub(super) refused: u64,
}

impl Batch {
    /// Room for [`BATCH`] datagrams; all that is ever allocated.
    pub(super) fn new() -> Self {
        let slots = std::iter::repeat_with(Slot::new).take(BATCH).collect();
        Self { slots, received: 0 }
    }

    /// What came with the last [`Batch::receive`].
    pub(super) fn slots(&mut self) -> &mut [Slot] {
        self.slots.get_mut(..self.received).unwrap_or_default()
    }

    /// Waits for a datagram, at most for the socket's read timeout, and takes all that are there by
    /// then. After an error the batch is empty.
    ///
    /// A socket that somebody has shut (shutdown(2), which counts for all who have it) gives nothing, at
    /// once and for ever, and says no error; here it is one.
    pub(super) fn receive(&mut self, socket: &Socket, with_destination: bool) -> io::Result<()> {
        self.received = 0;
        let mut controls = [Control::EMPTY; BATCH];
        let mut vectors = [const { MaybeUninit::<libc::iovec>::uninit() }; BATCH];
        let mut messages = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BATCH];
        let places = vectors.iter_mut().zip(&mut controls).zip(&mut messages);
        for (slot, ((vector, control), message)) in self.slots.iter_mut().zip(places) {
            let query = slot.query.as_mut_ptr().cast();
            let vector = vector.write(libc::iovec { iov_base: query, iov_len: QUERY_BYTES_MAX });
            let mut header = empty_message();
            header.msg_name = ptr::from_mut(&mut slot.addresses.peer).cast();
            header.msg_namelen = length_of::<libc::sockaddr_storage>();
            header.msg_iov = vector;
            header.msg_iovlen = 1;
            if with_destination {
                header.msg_control = ptr::from_mut(control).cast();
                header.msg_controllen = CONTROL_BYTES as _;
            }
            message.write(libc::mmsghdr { msg_hdr: header, msg_len: 0 });
        }
        // SAFETY: all BATCH messages were written above, since there are as many slots. Each points
        // to live values of the lengths given beside them, which nothing else refers to during the
        // call.
        let count = unsafe {
            let (first, none) = (messages.as_mut_ptr().cast(), ptr::null_mut());
            let flags = libc::MSG_WAITFORONE;
            libc::recvmmsg(socket.as_raw_fd(), first, BATCH as _, flags, none)
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        for (slot, message) in self.slots.iter_mut().zip(&messages).take(count) {
            // SAFETY: written above, and by the kernel.
            let message = unsafe { message.assume_init_ref() };
            // A datagram of no bytes comes from somewhere; no datagram does not.
            if message.msg_hdr.msg_namelen == 0 {
                break;
            }
            slot.addresses.peer_length = message.msg_hdr.msg_namelen;
            slot.addresses.local =
                if with_destination { packet::destination(&message.msg_hdr) } else { None };
            slot.query_length = message.msg_len as usize;
            slot.is_cut = message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            slot.answer_length = 0;
            self.received += 1;
        }
        if self.received == 0 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }

    /// Sends each answer back where its datagram came from, from where that was sent to. An answer
    /// that the kernel does not take is not tried again: the asker asks again, and other queries
    /// wait.
    pub(super) fn send(&mut self, socket: &Socket) -> Sent {
        let mut controls = [Control::EMPTY; BATCH];
        let mut vectors = [const { MaybeUninit::<libc::iovec>::uninit() }; BATCH];
        let mut messages = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BATCH];
        let mut count = 0;
        let places = vectors.iter_mut().zip(&mut controls).zip(&mut messages);
        let slots = self.slots.iter_mut().take(self.received).filter(|slot| slot.answer_length > 0);
        for (slot, ((vector, control), message)) in slots.zip(places) {
            let answer = slot.answer.as_mut_ptr().cast();
            let vector =
                vector.write(libc::iovec { iov_base: answer, iov_len: slot.answer_length });
            let mut header = empty_message();
            header.msg_name = ptr::from_mut(&mut slot.addresses.peer).cast();
            header.msg_namelen = slot.addresses.peer_length;
            header.msg_iov = vector;
            header.msg_iovlen = 1;
            if let Some(local) = slot.addresses.local {
                header.msg_control = ptr::from_mut(control).cast();
                header.msg_controllen = CONTROL_BYTES as _;
                header.msg_controllen = packet::write_source(&header, local) as _;
            }
            message.write(libc::mmsghdr { msg_hdr: header, msg_len: 0 });
            count += 1;
        }
        deliver(count, |done, left| {
            let first = messages.get_mut(done..).unwrap_or_default().as_mut_ptr();
            // SAFETY: the first `count` messages were written above, and `deliver` asks for some of
            // those only. Each points to live values of the lengths given beside them, which the
            // kernel only reads, but for the lengths in the messages.
            let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), first.cast(), left as _, 0) };
            usize::try_from(sent).map_err(|_| io::Error::last_os_error())
        })
    }
}

impl Slot {
    const fn new() -> Self {
        Self {
            addresses: Addresses::new(),
            query_length: 0,
            is_cut: false,
            answer_length: 0,
            query: [0; QUERY_BYTES_MAX],
            answer: [0; UDP_ANSWER_BYTES_MAX],
        }
    }

    /// The datagram.
    pub(super) fn query(&self) -> &[u8] {
        self.query.get(..self.query_length).unwrap_or_default()
    }

    /// The datagram, and room for its answer.
    pub(super) fn query_and_room(&mut self) -> (&[u8], &mut [u8]) {
        (self.query.get(..self.query_length).unwrap_or_default(), &mut self.answer)
    }

    /// That so many bytes of the room are the answer.
    pub(super) fn set_answer(&mut self, length: usize) {
        self.answer_length = length.min(UDP_ANSWER_BYTES_MAX);
    }
}

/// Sends `count` messages by `send(how many are done, how many are left)`, which says how many it
/// sent, or why not the first. One that cannot be sent is left out, and the rest goes on, unless the
/// device takes nothing at all: then waiting for it once is enough.
fn deliver(count: usize, mut send: impl FnMut(usize, usize) -> io::Result<usize>) -> Sent {
    let (mut done, mut sent) = (0, Sent::default());
    while done < count {
        match send(done, count - done) {
            // The kernel does not say that it sent none.
            Ok(taken) => {
                let taken = taken.clamp(1, count - done);
                sent.taken += taken as u64;
                done += taken;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                sent.refused += (count - done) as u64;
                return sent;
            }
            Err(_) => {
                sent.refused += 1;
                done += 1;
            }
        }
    }
    sent
}

fn empty_message() -> libc::msghdr {
    // SAFETY: `msghdr` is integers and pointers, for which zeros are valid.
    unsafe { std::mem::zeroed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each call says, and what comes of `count` messages.
    fn check(count: usize, calls: &[Result<usize, i32>], taken: u64, refused: u64) {
        let mut calls = calls.iter();
        let mut expect_done = 0;
        let sent = deliver(count, |done, left| {
            assert_eq!((done, left), (expect_done, count - expect_done));
            match calls.next().unwrap() {
                Ok(number) => {
                    expect_done += number;
                    Ok(*number)
                }
                Err(code) => {
                    expect_done += usize::from(*code != libc::EINTR);
                    Err(io::Error::from_raw_os_error(*code))
                }
            }
        });
        assert_eq!((sent, calls.next()), (Sent { taken, refused }, None));
    }

    #[test]
    fn what_is_left_is_sent_and_what_cannot_be_is_left_out() {
        check(0, &[], 0, 0);
        check(3, &[Ok(3)], 3, 0);
        check(3, &[Ok(1), Ok(2)], 3, 0);
        check(3, &[Ok(1), Err(libc::ENETUNREACH), Ok(1)], 2, 1);
        check(2, &[Err(libc::EINTR), Ok(2)], 2, 0);
        check(5, &[Ok(1), Err(libc::EAGAIN)], 1, 4);
        check(2, &[Err(libc::EPERM), Err(libc::EPERM)], 0, 2);
    }

    #[test]
    fn slots_do_not_share_the_places_of_the_cache() {
        const { assert!(!size_of::<Slot>().is_multiple_of(4096)) };
        const { assert!(size_of::<Slot>() % 4096 >= 64) };
    }
}
