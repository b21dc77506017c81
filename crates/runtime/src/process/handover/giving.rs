//! The old process's end of a hand-over: one at a time.

use std::os::fd::AsFd as _;
use std::sync::Arc;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::{info, warn};

use super::super::keeper::{Keeper, Written};
use super::super::sockets::Sockets;
use super::wire::{Expected, Message, Wire};
use super::{DISK_MAX, HandoverError, MESSAGE_MAX, PROTOCOL, READING_MAX, TAKING_MAX};
use crate::logs::chain;
use crate::panics::caught;

/// The process whose end is that of all others in its namespace (pid_namespaces(7)): whoever took over
/// from it would be killed with it.
const FIRST_PROCESS: u32 = 1;

/// What the loop is to do.
#[derive(Debug)]
pub(crate) enum Request {
    /// Say once all so far is in the store, or why it is not.
    Write(oneshot::Sender<Written>),
    /// Stop all but DNS, and say what is given; or why nothing is.
    Give(oneshot::Sender<Result<Given, String>>),
    /// Take it back, the store where it is still this process's: there is nobody who goes on.
    Resume(Option<Keeper>),
    /// Answer what was taken, then end. Who dropped the sender is told so.
    Leave(oneshot::Sender<()>),
}

/// What the loop gave up.
#[derive(Debug)]
pub(crate) struct Given {
    /// The agents that were there.
    pub(crate) agents: Vec<Expected>,
    /// The store, which is still to be closed.
    pub(crate) keeper: Keeper,
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
        let from = GivingLoop { requests: &requests, has_given: false, keeper: None };
        let mut giving = Giving { sockets: &sockets, from };
        // A fault of this program is a hand-over that came to nothing.
        let handed = caught(giving.hand_over(stream)).await;
        if let Err(error) = handed.unwrap_or(Err(HandoverError::Unexpected)) {
            warn!("nothing was handed over: {}", chain(&error));
            let back = Request::Resume(giving.from.keeper.take());
            if giving.from.has_given && requests.send(back).await.is_err() {
                return;
            }
        }
    }
}

struct Giving<'a> {
    sockets: &'a Sockets,
    from: GivingLoop<'a>,
}

/// The loop, and what it gave up.
struct GivingLoop<'a> {
    requests: &'a mpsc::Sender<Request>,
    /// Whether the loop gave up, or may have, what has to be taken back if this fails.
    has_given: bool,
    /// The store, where it could not be closed.
    keeper: Option<Keeper>,
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
            return refuse(&wire, why).await;
        }
        if std::process::id() == FIRST_PROCESS {
            let why = "it is process 1 of a container, which ends with it: restart that instead";
            return refuse(&wire, why.to_owned()).await;
        }
        info!("process {pid} (opengslb {version}) wants to take over");
        for passed in self.sockets.pass().map_err(HandoverError::Broken)? {
            let message = Message::Socket { role: passed.role, at: passed.at };
            wire.send(&message, Some(passed.socket.as_fd())).await?;
        }
        let (version, pid) = (env!("CARGO_PKG_VERSION").to_owned(), std::process::id());
        wire.send(&Message::Offered { version, pid }, None).await?;
        expect(&mut wire, READING_MAX, &Message::Give).await?;
        let agents = match self.from.give().await? {
            Ok(agents) => agents,
            Err(why) => return refuse(&wire, why).await,
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
        self.from.ask(Request::Leave(reply)).await?;
        // The stream ends with the last answer.
        let _ = left.await;
        Ok(())
    }
}

impl GivingLoop<'_> {
    /// Gives all up, and says which agents were there; or why it is kept.
    async fn give(&mut self) -> Result<Result<Vec<Expected>, String>, HandoverError> {
        let unwritten =
            |why| Ok(Err(format!("the store is not written, a restart would forget: {why}")));
        // While all is served: what is left for later is little.
        let (reply, written) = oneshot::channel();
        self.ask(Request::Write(reply)).await?;
        match timeout(DISK_MAX, written).await {
            Ok(written) => match written.map_err(|_| HandoverError::Silent)? {
                Ok(()) => {}
                Err(why) => return unwritten(why),
            },
            Err(_) => return unwritten("the disk takes too long".to_owned()),
        }
        let (reply, given) = oneshot::channel();
        // A fault in the midst of giving says nothing: some of it is given then.
        self.has_given = true;
        self.ask(Request::Give(reply)).await?;
        let Given { agents, mut keeper } = match given.await.map_err(|_| HandoverError::Silent)? {
            Ok(given) => given,
            Err(why) => {
                self.has_given = false;
                return Ok(Err(why));
            }
        };
        let closing = spawn_blocking(move || (keeper.close(DISK_MAX), keeper));
        match closing.await.map_err(|_| HandoverError::Unexpected)? {
            (Ok(()), _) => Ok(Ok(agents)),
            (Err(why), keeper) => {
                self.keeper = Some(keeper);
                unwritten(why)
            }
        }
    }

    async fn ask(&mut self, request: Request) -> Result<(), HandoverError> {
        self.requests.send(request).await.map_err(|_| HandoverError::Silent)
    }
}

/// Says no, and that it did.
async fn refuse(wire: &Wire, why: String) -> Result<(), HandoverError> {
    wire.send(&Message::Refused { why: why.clone() }, None).await?;
    Err(HandoverError::Refused { why })
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

#[cfg(test)]
mod tests {
    use store::Store;

    use super::*;

    /// What the loop says when it is asked to give.
    #[derive(Clone, Copy)]
    enum Gives {
        All,
        Nothing,
        /// Some of it: it meets a fault.
        Some,
    }

    /// What a hand-over comes to where the loop is told that its store is written so, and gives so; and whether
    /// anything has to be taken back.
    async fn check(told: Option<Written>, gives: Gives) -> (Result<Vec<Expected>, String>, bool) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        let mut store = Some(Store::open(&path).unwrap().0);
        let (requests, mut asked) = mpsc::channel(1);
        let mut from = GivingLoop { requests: &requests, has_given: false, keeper: None };
        let mut waiting = Vec::new();
        let answer = async {
            while let Some(request) = asked.recv().await {
                match (request, &told, gives) {
                    (Request::Write(reply), Some(told), _) => drop(reply.send(told.clone())),
                    (Request::Write(reply), None, _) => waiting.push(reply),
                    (Request::Give(reply), _, Gives::All) => {
                        let keeper = Keeper::start(store.take().unwrap()).unwrap();
                        assert!(reply.send(Ok(Given { agents: Vec::new(), keeper })).is_ok());
                    }
                    (Request::Give(reply), _, Gives::Nothing) => {
                        assert!(reply.send(Err("it has not got the store".to_owned())).is_ok());
                    }
                    (Request::Give(reply), _, Gives::Some) => drop(reply),
                    (request, ..) => panic!("{request:?}"),
                }
            }
        };
        let given = tokio::select! {
            given = from.give() => given.unwrap_or_else(|error| Err(error.to_string())),
            () = answer => unreachable!("there is somebody who asks"),
        };
        // Another process can have it where it was given, and not otherwise.
        assert_eq!(Store::open(&path).is_ok(), given.is_ok());
        (given, from.has_given)
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_given_up_for_a_disk_that_is_slow_or_refuses() {
        assert_eq!(check(Some(Ok(())), Gives::All).await, (Ok(Vec::new()), true));
        for (told, why) in [
            (None, "the disk takes too long"),
            (Some(Err("is the disk full?".to_owned())), "is the disk full?"),
        ] {
            let (given, has_given) = check(told, Gives::All).await;
            let said = given.unwrap_err();
            assert!(said.ends_with(why) && said.contains("a restart would forget"), "{said}");
            assert!(!has_given, "agents are served on");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_fault_left_half_given_is_taken_back() {
        let silent = HandoverError::Silent.to_string();
        assert_eq!(check(Some(Ok(())), Gives::Some).await, (Err(silent), true));
        let refused = "it has not got the store".to_owned();
        assert_eq!(check(Some(Ok(())), Gives::Nothing).await, (Err(refused), false));
    }
}
