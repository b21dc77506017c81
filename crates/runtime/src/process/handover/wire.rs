//! Messages over a local stream: a length of four bytes, JSON, and a socket with some of them
//! (SCM_RIGHTS, unix(7)).
//!
//! Both ends are processes of one user, so what comes is trusted to be meant; its length is not.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::super::sockets::Role;
use super::{HandoverError, MESSAGE_MAX};

/// The longest message: twenty thousand agents with names of the longest kind.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Sockets that came and were not taken yet; more is no hand-over of ours.
const SOCKETS_MAX: usize = 1_024;
/// Sockets that one call may bring: each message has one at most, and calls do not join messages
/// with sockets.
const SOCKETS_AT_ONCE: usize = 8;
/// Bytes read at once.
const READ_BYTES: usize = 16 * 1024;
/// Bytes of the length.
const LENGTH_BYTES: usize = 4;

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(crate) enum Message {
    /// New: I want to take over.
    Hello {
        /// Which messages it knows.
        protocol: u32,
        /// Its release.
        version: String,
        /// Its process id, for the log.
        pid: u32,
    },
    /// Old: a socket, which comes with it.
    Socket {
        /// What it is for.
        role: Role,
        /// What the configuration said about it.
        at: String,
    },
    /// Old: that was all of them.
    Offered {
        /// Its release.
        version: String,
        /// Its process id, for the log.
        pid: u32,
    },
    /// New: give me the rest; I am ready.
    Give,
    /// Old: the store is yours.
    Baton {
        /// The agents that were there.
        agents: Vec<Expected>,
    },
    /// New: I answer.
    Answering,
    /// Old: I answer again; end.
    TooLate,
    /// Old: no.
    Refused {
        /// Why.
        why: String,
    },
}

/// An agent that was there, and as far as it had told what it learned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expected {
    /// Its name.
    pub(crate) agent: String,
    /// Epoch and sequence; none of one that learns nothing.
    pub(crate) position: Option<(u64, u64)>,
}

/// Whether a process of user `uid` may take part where this one is `own`'s.
const fn is_ours(uid: u32, own: u32) -> bool {
    uid == own || uid == 0
}

/// One end.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: UnixStream,
    bytes: Vec<u8>,
    sockets: VecDeque<OwnedFd>,
}

impl Wire {
    /// The end of a stream; both ends must be this user's, or root's.
    pub(crate) fn new(stream: UnixStream) -> Result<Self, HandoverError> {
        let uid = stream.peer_cred().map_err(HandoverError::Broken)?.uid();
        if !is_ours(uid, rustix::process::geteuid().as_raw()) {
            return Err(HandoverError::Stranger { uid });
        }
        Ok(Self { stream, bytes: Vec::new(), sockets: VecDeque::new() })
    }

    /// Says something, and passes a socket with it.
    pub(crate) async fn send(
        &self,
        message: &Message,
        socket: Option<BorrowedFd<'_>>,
    ) -> Result<(), HandoverError> {
        let bytes = framed(message);
        let whole = timeout(MESSAGE_MAX, self.send_all(&bytes, socket));
        whole.await.map_err(|_| HandoverError::Silent)?.map_err(HandoverError::Broken)
    }

    async fn send_all(&self, bytes: &[u8], socket: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut sent = 0;
        while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
            self.stream.writable().await?;
            // The socket goes with the first byte.
            let socket = socket.filter(|_| sent == 0);
            match self.stream.try_io(Interest::WRITABLE, || self.send_some(rest, socket)) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn send_some(&self, bytes: &[u8], socket: Option<BorrowedFd<'_>>) -> io::Result<usize> {
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut room);
        let sockets: Vec<BorrowedFd<'_>> = socket.into_iter().collect();
        if !sockets.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
            return Err(io::Error::other("no room for a socket"));
        }
        let flags = SendFlags::NOSIGNAL;
        Ok(sendmsg(self.stream.as_fd(), &[IoSlice::new(bytes)], &mut control, flags)?)
    }

    /// The next message, and the socket that came with it. Waits as long as the caller does; what
    /// was read of a message that is not whole stays.
    pub(crate) async fn receive(&mut self) -> Result<(Message, Option<OwnedFd>), HandoverError> {
        loop {
            if let Some(message) = self.take_message()? {
                let has_socket = matches!(message, Message::Socket { .. });
                let socket = if has_socket { self.sockets.pop_front() } else { None };
                return Ok((message, socket));
            }
            self.stream.readable().await.map_err(HandoverError::Broken)?;
            match self.receive_some() {
                Ok(0) => {
                    let end = io::ErrorKind::UnexpectedEof.into();
                    return Err(HandoverError::Broken(end));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(HandoverError::Broken(error)),
            }
        }
    }

    fn receive_some(&mut self) -> io::Result<usize> {
        let mut read = [0; READ_BYTES];
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_AT_ONCE))];
        let mut control = RecvAncillaryBuffer::new(&mut room);
        let count = self.stream.try_io(Interest::READABLE, || {
            let mut parts = [IoSliceMut::new(&mut read)];
            let flags = RecvFlags::CMSG_CLOEXEC;
            Ok(recvmsg(self.stream.as_fd(), &mut parts, &mut control, flags)?.bytes)
        })?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(sockets) = message {
                self.sockets.extend(sockets);
            }
        }
        if self.sockets.len() > SOCKETS_MAX {
            return Err(io::Error::other("too many sockets"));
        }
        self.bytes.extend_from_slice(read.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn take_message(&mut self) -> Result<Option<Message>, HandoverError> {
        let Some((length, rest)) = self.bytes.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length > MESSAGE_BYTES_MAX {
            return Err(HandoverError::Unexpected);
        }
        let Some(json) = rest.get(..length) else { return Ok(None) };
        let message = serde_json::from_slice(json).map_err(|_| HandoverError::Unexpected)?;
        self.bytes.drain(..LENGTH_BYTES + length);
        Ok(Some(message))
    }
}

fn framed(message: &Message) -> Vec<u8> {
    // Plain data: there is nothing in it that JSON cannot say.
    let json = serde_json::to_vec(message).unwrap_or_default();
    let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), json.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::io::Read as _;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::fs::PermissionsExt as _;

    use tokio::net::UnixListener;

    use super::*;

    fn pair() -> (Wire, Wire) {
        let (one, other) = UnixStream::pair().unwrap();
        (Wire::new(one).unwrap(), Wire::new(other).unwrap())
    }

    #[test]
    fn only_this_user_and_root_are_heard() {
        let heard = [(1_000, 1_000), (0, 1_000), (0, 0), (1_001, 1_000), (1_000, 0), (u32::MAX, 7)];
        let heard = heard.map(|(uid, own)| is_ours(uid, own));
        assert_eq!(heard, [true, true, true, false, false, false]);
    }

    /// The one who asks is another user here: it is known by its process, and turned away.
    #[tokio::test]
    async fn another_user_is_turned_away() {
        /// `nobody` nearly everywhere; here it is only a number.
        const NOBODY: u32 = 65_534;
        if !rustix::process::geteuid().is_root() {
            return eprintln!("SKIPPED: only root can be another user");
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("handover.sock");
        let listener = UnixListener::bind(&path).unwrap();
        for (path, mode) in [(directory.path(), 0o755), (&path, 0o777)] {
            std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        // Of this thread alone, which ends with it.
        let ask = move || {
            let nobody = rustix::process::Uid::from_raw(NOBODY);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            std::os::unix::net::UnixStream::connect(path).unwrap()
        };
        let _asking = std::thread::spawn(ask).join().unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let heard = Wire::new(stream);
        assert!(matches!(heard, Err(HandoverError::Stranger { uid: NOBODY })), "{heard:?}");
    }

    #[tokio::test]
    async fn sockets_arrive_with_their_messages_in_order() {
        let (old, mut new) = pair();
        let listeners: Vec<TcpListener> =
            (0..20).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        for (number, listener) in listeners.iter().enumerate() {
            let message = Message::Socket { role: Role::DnsTcp, at: number.to_string() };
            old.send(&message, Some(listener.as_fd())).await.unwrap();
        }
        old.send(&Message::Give, None).await.unwrap();
        for (number, listener) in listeners.iter().enumerate() {
            let (message, socket) = new.receive().await.unwrap();
            let expect = Message::Socket { role: Role::DnsTcp, at: number.to_string() };
            assert_eq!(message, expect);
            let passed = TcpListener::from(socket.unwrap());
            assert_eq!(passed.local_addr().unwrap(), listener.local_addr().unwrap());
        }
        assert!(matches!(new.receive().await, Ok((Message::Give, None))));
        // Whoever knocks at a socket is heard by the process that has the last copy of it.
        let address = listeners[0].local_addr().unwrap();
        old.send(
            &Message::Socket { role: Role::Mesh, at: String::new() },
            Some(listeners[0].as_fd()),
        )
        .await
        .unwrap();
        drop(listeners);
        let (_, socket) = new.receive().await.unwrap();
        let mut knocking = TcpStream::connect(address).unwrap();
        drop(TcpListener::from(socket.unwrap()).accept().unwrap());
        assert_eq!(knocking.read(&mut [0]).unwrap(), 0);
    }

    #[tokio::test]
    async fn long_messages_arrive_whole_and_longer_ones_are_refused() {
        let (old, mut new) = pair();
        let agent = |number: u64| Expected {
            agent: format!("agent-{number}"),
            position: Some((number, u64::MAX)),
        };
        let baton = Message::Baton { agents: (0..20_000).map(agent).collect() };
        let (sent, received) = tokio::join!(old.send(&baton, None), new.receive());
        sent.unwrap();
        assert_eq!(received.unwrap().0, baton);
        old.send_all(&u32::MAX.to_be_bytes(), None).await.unwrap();
        assert!(matches!(new.receive().await, Err(HandoverError::Unexpected)));
        drop(old);
        let (old, mut new) = pair();
        drop(old);
        assert!(matches!(new.receive().await, Err(HandoverError::Broken(_))));
    }
}
