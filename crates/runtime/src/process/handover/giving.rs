//! The old process's end of a hand-over: one at a time.

use std::os::fd::AsFd as _;
use std::sync::Arc;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::{info, warn};

use super::super::sockets::Sockets;
use super::wire::{Expected, Message, Wire};
use super::{HandoverError, MESSAGE_MAX, PROTOCOL, READING_MAX, TAKING_MAX};
use crate::logs::chain;
use crate::panics::caught;

/// The process whose end is that of all others in its namespace (pid_namespaces(7)): whoever took over
/// from it would be killed with it.
const FIRST_PROCESS: u32 = 1;

/// What the loop is to do.
#[derive(Debug)]
pub(crate) enum Request {
    /// Stop all but DNS, and say which agents were there; or why nothing is given up.
    Give(oneshot::Sender<Result<Vec<Expected>, String>>),
    /// Take it back: there is nobody who goes on.
    Resume,
    /// Answer what was taken, then end. Who dropped the sender is told so.
    Leave(oneshot::Sender<()>),
}

/// Waits for whoever wants to take over.
pub(crate) async fn serve(
    listener: UnixListener,
    sockets: Arc<Sockets>,
    requests: mpsc::Sender<Request>,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(MESSAGE_MAX).await;
            continue;
        };
        let mut giving = Giving { sockets: &sockets, requests: &requests, has_given: false };
        // A fault of this program is a hand-over that came to nothing.
        let handed = caught(giving.hand_over(stream)).await;
        if let Err(error) = handed.unwrap_or(Err(HandoverError::Unexpected)) {
            warn!("nothing was handed over: {}", chain(&error));
            if giving.has_given && requests.send(Request::Resume).await.is_err() {
                return;
            }
        }
    }
}

struct Giving<'a> {
    sockets: &'a Sockets,
    requests: &'a mpsc::Sender<Request>,
    /// Whether the loop gave up what has to be taken back if this fails.
    has_given: bool,
}

impl Giving<'_> {
    async fn hand_over(&mut self, stream: UnixStream) -> Result<(), HandoverError> {
        let mut wire = Wire::new(stream)?;
        let hello = timeout(MESSAGE_MAX, wire.receive()).await;
        let Ok(Ok((Message::Hello { protocol, version, pid }, _))) = hello else {
            return Err(HandoverError::Unexpected);
        };
        if protocol != PROTOCOL {
            let why = format!("it speaks version {PROTOCOL} of the hand-over, not {protocol}");
            wire.send(&Message::Refused { why: why.clone() }, None).await?;
            return Err(HandoverError::Refused { why });
        }
        if std::process::id() == FIRST_PROCESS {
            let why = "it is process 1 of a container, which ends with it: restart that instead";
            wire.send(&Message::Refused { why: why.to_owned() }, None).await?;
            return Err(HandoverError::Refused { why: why.to_owned() });
        }
        info!("process {pid} (opengslb {version}) wants to take over");
        for passed in self.sockets.pass().map_err(HandoverError::Broken)? {
            let message = Message::Socket { role: passed.role, at: passed.at };
            wire.send(&message, Some(passed.socket.as_fd())).await?;
        }
        let (version, pid) = (env!("CARGO_PKG_VERSION").to_owned(), std::process::id());
        wire.send(&Message::Offered { version, pid }, None).await?;
        expect(&mut wire, READING_MAX, &Message::Give).await?;

        let (reply, given) = oneshot::channel();
        self.has_given = true;
        self.ask(Request::Give(reply)).await?;
        let agents = match given.await.map_err(|_| HandoverError::Silent)? {
            Ok(agents) => agents,
            Err(why) => {
                self.has_given = false;
                wire.send(&Message::Refused { why: why.clone() }, None).await?;
                return Err(HandoverError::Refused { why });
            }
        };
        wire.send(&Message::Baton { agents }, None).await?;
        if let Err(error) = expect(&mut wire, TAKING_MAX, &Message::Answering).await {
            // It may have gone; one that has not must not go on.
            let _ = wire.send(&Message::TooLate, None).await;
            return Err(error);
        }
        // While this process is the service, its word about that counts.
        crate::notify::followed_by(pid);
        let (reply, left) = oneshot::channel();
        self.ask(Request::Leave(reply)).await?;
        // The stream ends with the last answer.
        let _ = left.await;
        Ok(())
    }

    async fn ask(&self, request: Request) -> Result<(), HandoverError> {
        self.requests.send(request).await.map_err(|_| HandoverError::Silent)
    }
}

/// Waits for one message, and no other.
async fn expect(
    wire: &mut Wire,
    most: std::time::Duration,
    expected: &Message,
) -> Result<(), HandoverError> {
    let received = timeout(most, wire.receive()).await;
    match received.map_err(|_| HandoverError::Silent)?? {
        (message, _) if message == *expected => Ok(()),
        _ => Err(HandoverError::Unexpected),
    }
}
