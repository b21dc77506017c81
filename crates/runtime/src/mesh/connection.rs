//! One session: frames in, frames out, whoever opened it.
//!
//! A session is **established** once a `Welcome` was said: sent on an accepted connection, received
//! on a dialled one. Until then it has a deadline. Long frames are taken from the moment this side
//! trusts the peer, which it shows by sending `Proof` or `Welcome`. That is all that is read from
//! the frames here.
//!
//! Back-pressure, never growth: a node that is slow to take events stops the reading, by their number and by
//! their bytes, and nothing is lost; a peer that is
//! slow to read fills a bounded queue, and then the connection is cut.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mesh::{Frame, FrameDecoder, Peer, Refusal};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

use super::server::UnprovenSeat;
use super::{CloseReason, ConnectionId, Event, Origin};
use crate::panics::caught;

/// Bytes read at once: a TLS record (RFC 8446, 5.1).
const READ_BYTES: usize = 16 * 1024;

/// Bytes of frames that wait for this process's node, of all sessions together: thirty of the longest, or
/// thousands of the usual ones. In memory a frame takes up to some ten times that. At the limit sessions are not
/// read until the node has taken some.
pub const WAITING_BYTES_MAX: usize = 32 << 20;

/// What is left of them. One for the process, as its node is.
pub(super) static WAITING: Semaphore = Semaphore::const_new(WAITING_BYTES_MAX);

/// How long a closing connection waits for the peer to take the last words and close too. Longer
/// helps nobody: the peer has gone or does not listen.
const LINGER: Duration = Duration::from_millis(500);

/// The limits of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// From the first packet to `Welcome`; then the peer is refused.
    pub handshake_timeout: Duration,
    /// A peer that does not acknowledge data or probes for this long is dead (TCP_USER_TIMEOUT,
    /// RFC 5482). At least 2 s: probes go out once a second.
    pub dead_peer_timeout: Duration,
    /// A frame that cannot be written within this time: the peer lives but does not read.
    pub write_timeout: Duration,
    /// Frames that wait to be written; one more and the connection is cut.
    pub queue_frames: usize,
}

impl SessionLimits {
    /// What a node uses, with agents and other overwatches. Ten seconds are twenty round trips of the worst
    /// satellite path, also where a thousand agents come at once; five seconds of silence are short
    /// enough that answers move before users give up. 64 frames are ten minutes of heartbeats.
    pub const STANDARD: Self = Self {
        handshake_timeout: Duration::from_secs(10),
        dead_peer_timeout: Duration::from_secs(5),
        write_timeout: Duration::from_secs(10),
        queue_frames: 64,
    };
}

/// A session to send on. Dropping it closes the session in good order.
#[derive(Debug)]
pub struct Connection {
    id: ConnectionId,
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
enum Command {
    Send(Box<Frame>),
    Close,
}

/// What the two halves of a session and its handle know together.
#[derive(Debug, Default)]
struct Shared {
    takes_long_frames: AtomicBool,
    is_established: AtomicBool,
    /// The queue overflowed.
    overflow: Notify,
    /// An accepted connection's place among the strangers.
    seat: Mutex<Option<UnprovenSeat>>,
}

/// A session as it begins.
pub(super) struct Beginning {
    pub(super) peer: Peer,
    pub(super) origin: Origin,
    /// When it must be established.
    pub(super) deadline: Instant,
    /// An accepted connection's place among the strangers.
    pub(super) seat: Option<UnprovenSeat>,
}

impl Connection {
    /// Its number.
    #[must_use]
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    /// Queues a frame. Where the queue is full the connection is cut; where it is gone already
    /// nothing happens: its `Closed` is on its way.
    pub fn send(&self, frame: Frame) {
        match frame {
            Frame::Proof(_) => self.shared.takes_long_frames.store(true, Ordering::Release),
            Frame::Welcome(_) => {
                self.shared.takes_long_frames.store(true, Ordering::Release);
                self.shared.establish();
            }
            _ => (),
        }
        self.command(Command::Send(Box::new(frame)));
    }

    /// Sends what is queued, then closes.
    pub fn close(&self) {
        self.command(Command::Close);
    }

    fn command(&self, command: Command) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.commands.try_send(command) {
            self.shared.overflow.notify_one();
        }
    }
}

impl Shared {
    fn establish(&self) {
        self.is_established.store(true, Ordering::Release);
        self.free_seat();
    }

    /// Gives an accepted connection's place to the next stranger.
    fn free_seat(&self) {
        drop(self.seat.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn is_established(&self) -> bool {
        self.is_established.load(Ordering::Acquire)
    }
}

/// Makes a dead peer known within the limit, and small frames fast.
#[cfg_attr(
    not(target_os = "linux"),
    expect(
        unused_variables,
        reason = "only Linux limits how long sent bytes may go unacknowledged"
    )
)]
pub(super) fn tune(stream: &TcpStream, limits: &SessionLimits) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let second = Duration::from_secs(1); // the kernel's smallest
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(second).with_interval(second))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(limits.dead_peer_timeout))?;
    Ok(())
}

/// Runs a session to its end. Says whether it was established.
pub(super) async fn run(
    stream: impl AsyncRead + AsyncWrite,
    beginning: Beginning,
    limits: &SessionLimits,
    events: &mpsc::Sender<Event>,
) -> bool {
    run_until(stream, beginning, limits, events, std::future::pending()).await
}

/// The same; `until` ends it from this side.
pub(super) async fn run_until(
    stream: impl AsyncRead + AsyncWrite,
    beginning: Beginning,
    limits: &SessionLimits,
    events: &mpsc::Sender<Event>,
    until: impl Future<Output = ()>,
) -> bool {
    /// Zero is nobody's, so that it can stand out in a log.
    static NEXT_ID: AtomicU64 = AtomicU64::new(1);

    let Beginning { peer, origin, deadline, seat } = beginning;
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    let shared = Arc::new(Shared { seat: Mutex::new(seat), ..Shared::default() });
    let (commands, mut queue) = mpsc::channel(limits.queue_frames.max(1));
    let connection = Connection { id, commands, shared: Arc::clone(&shared) };
    let is_dialled = matches!(origin, Origin::Dialled { .. });
    if events.send(Event::Opened { connection, peer, origin }).await.is_err() {
        return false;
    }
    let (half, mut write_half) = tokio::io::split(stream);
    let mut reader = Reader { half, shared: &shared, id, is_dialled, deadline, events };
    let conversation = async {
        tokio::select! {
            reason = reader.run() => reason,
            reason = write_frames(&mut write_half, &mut queue, limits.write_timeout) => reason,
            () = shared.overflow.notified() => CloseReason::Backlog,
            () = until => CloseReason::Local,
        }
    };
    // The node is told of each end, of this one too: else it would wait for a dead session for ever.
    let reason = caught(conversation).await.unwrap_or(CloseReason::Fault);
    say_last_words(&mut reader.half, &mut write_half, &reason).await;
    shared.free_seat();
    // Where the node has gone there is nobody to tell.
    let _ = events.send(Event::Closed { id, reason }).await;
    shared.is_established()
}

/// The receiving half.
struct Reader<'a, Half> {
    half: Half,
    shared: &'a Shared,
    id: ConnectionId,
    is_dialled: bool,
    deadline: Instant,
    events: &'a mpsc::Sender<Event>,
}

impl<Half: AsyncRead + Unpin> Reader<'_, Half> {
    /// Hands frames to the node until there are no more.
    async fn run(&mut self) -> CloseReason {
        let mut decoder = FrameDecoder::new();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let bytes = match self.read(&mut buffer).await {
                Ok(0) => return CloseReason::Peer,
                Ok(count) => buffer.get(..count).unwrap_or_default(),
                Err(reason) => return reason,
            };
            decoder.push(bytes);
            loop {
                if self.shared.takes_long_frames.load(Ordering::Acquire) {
                    decoder.prove();
                }
                match decoder.next_frame() {
                    Ok(Some(frame)) => {
                        if !self.hand_over(frame, decoder.last_bytes()).await {
                            return CloseReason::Local;
                        }
                    }
                    Ok(None) => break,
                    Err(error) => return CloseReason::Malformed(error),
                }
            }
        }
    }

    /// Reads some bytes, in time.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, CloseReason> {
        loop {
            tokio::select! {
                read = self.half.read(buffer) => return read.map_err(CloseReason::Lost),
                () = sleep_until(self.deadline), if !self.shared.is_established() => {
                    if !self.shared.is_established() {
                        return Err(CloseReason::HandshakeTimeout);
                    }
                }
            }
        }
    }

    /// Gives a frame to the node; `false` where there is none any more.
    async fn hand_over(&self, frame: Frame, bytes: usize) -> bool {
        if self.is_dialled && matches!(frame, Frame::Welcome(_)) {
            self.shared.establish();
        }
        let bytes = u32::try_from(bytes.min(WAITING_BYTES_MAX)).unwrap_or(u32::MAX);
        let held = tokio::select! {
            held = WAITING.acquire_many(bytes) => held,
            () = self.events.closed() => return false,
        };
        // It is never closed.
        let Ok(held) = held else { return false };
        self.events.send(Event::Frame { id: self.id, frame, held }).await.is_ok()
    }
}

/// The sending half: until the node closes, or nothing more can be sent.
async fn write_frames(
    half: &mut (impl AsyncWrite + Unpin),
    queue: &mut mpsc::Receiver<Command>,
    write_timeout: Duration,
) -> CloseReason {
    let mut bytes = Vec::new();
    while let Some(Command::Send(frame)) = queue.recv().await {
        bytes.clear();
        if let Err(error) = mesh::encode(&frame, &mut bytes) {
            return CloseReason::Unsendable(error);
        }
        match timeout(write_timeout, write(half, &bytes)).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => return CloseReason::Lost(error),
            Err(_) => return CloseReason::Backlog,
        }
    }
    CloseReason::Local
}

async fn write(half: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    half.write_all(bytes).await?;
    half.flush().await
}

/// Tells the peer why, if it was at fault, and closes in good order.
async fn say_last_words(
    read_half: &mut (impl AsyncRead + Unpin),
    write_half: &mut (impl AsyncWrite + Unpin),
    reason: &CloseReason,
) {
    if matches!(reason, CloseReason::Lost(_) | CloseReason::Backlog | CloseReason::Fault) {
        return; // nobody listens
    }
    let last_words = async {
        let mut bytes = Vec::new();
        if let Some(reason) = reason.refusal()
            && mesh::encode(&Frame::Refused(Refusal::from(reason)), &mut bytes).is_ok()
        {
            write(write_half, &bytes).await?;
        }
        write_half.shutdown().await?;
        // Closing before all is read would reset the connection, and the last words be lost.
        let mut unread = [0; 1024];
        while read_half.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    // It is over either way.
    let _ = timeout(LINGER, last_words).await;
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use mesh::{Exporter, KeyHash};
    use tokio::io::ReadBuf;

    use super::*;

    /// A stream whose bytes the reader cannot bear.
    struct Poisoned;

    impl AsyncRead for Poisoned {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            panic!("as asked")
        }
    }

    impl AsyncWrite for Poisoned {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// A node that is not told would wait for a session that is no more.
    #[tokio::test]
    async fn a_fault_in_a_session_is_its_end_and_the_node_is_told() {
        let (to, mut events) = mpsc::channel(4);
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
        let peer = Peer {
            address,
            name: "peer".to_owned(),
            key: KeyHash::from_bytes([1; 32]),
            own_key: KeyHash::from_bytes([2; 32]),
            exporter: Exporter::from_bytes([3; 32]),
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        let beginning = Beginning { peer, origin: Origin::Accepted, deadline, seat: None };
        assert!(!run(Poisoned, beginning, &SessionLimits::STANDARD, &to).await);
        let Some(Event::Opened { connection, .. }) = events.recv().await else { panic!() };
        let closed = events.recv().await;
        let Some(Event::Closed { id, reason: CloseReason::Fault }) = closed else {
            panic!("{closed:?}");
        };
        assert_eq!(id, connection.id());
    }
}
