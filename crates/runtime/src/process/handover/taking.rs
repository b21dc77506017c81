//! The new process's end of a hand-over.

use std::path::Path;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::info;

use super::super::sockets::{Passed, Wanted};
use super::wire::{Expected, Message, Wire};
use super::{BATON_MAX, HandoverError, MESSAGE_MAX, PROTOCOL};

/// A hand-over that has begun: the other process still has all but copies of its sockets.
#[derive(Debug)]
pub(crate) struct Taking {
    wire: Wire,
    /// The process that gives.
    pid: u32,
}

/// What comes of it once the baton was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The other process is gone.
    IsGone,
    /// The other process answers again: this one has to end.
    TooLate,
}

impl Taking {
    /// Finds the process that serves a data directory, and takes copies of its sockets.
    pub(crate) async fn begin(data: &Path) -> Result<(Self, Vec<Passed>), HandoverError> {
        let path = Wanted::handover_path(data);
        let stream = UnixStream::connect(&path).await;
        let stream = stream.map_err(|source| HandoverError::Nobody { path, source })?;
        let mut wire = Wire::new(stream)?;
        let (version, pid) = (env!("CARGO_PKG_VERSION").to_owned(), std::process::id());
        wire.send(&Message::Hello { protocol: PROTOCOL, version, pid }, None).await?;
        let mut passed = Vec::new();
        loop {
            match next(&mut wire, MESSAGE_MAX).await? {
                (Message::Socket { role, at }, Some(socket)) => {
                    passed.push(Passed { role, at, socket });
                }
                (Message::Offered { version, pid }, _) => {
                    info!("taking over from process {pid} (opengslb {version})");
                    return Ok((Self { wire, pid }, passed));
                }
                (Message::Refused { why }, _) => return Err(HandoverError::Refused { why }),
                _ => return Err(HandoverError::Unexpected),
            }
        }
    }

    /// Asks for the store; from now on the other process only answers DNS. The agents that were there.
    pub(crate) async fn baton(&mut self) -> Result<Vec<Expected>, HandoverError> {
        self.wire.send(&Message::Give, None).await?;
        match next(&mut self.wire, BATON_MAX).await? {
            (Message::Baton { agents }, _) => Ok(agents),
            (Message::Refused { why }, _) => Err(HandoverError::Refused { why }),
            _ => Err(HandoverError::Unexpected),
        }
    }

    /// Listens to the other process from now on. What the caller sends, or drops, is the word that
    /// this process answers: then the other one ends.
    pub(crate) fn watch(mut self, outcomes: mpsc::Sender<Outcome>) -> oneshot::Sender<()> {
        let (answering, is_answering) = oneshot::channel();
        tokio::spawn(async move {
            let outcome = tokio::select! {
                // A caller that is gone has failed; the stream ends with it.
                Ok(()) = is_answering => {
                    // Where it is gone already there is nobody to tell.
                    let _ = self.wire.send(&Message::Answering, None).await;
                    match self.wire.receive().await {
                        Ok((Message::TooLate, _)) => Outcome::TooLate,
                        _ => Outcome::IsGone,
                    }
                }
                message = self.wire.receive() => match message {
                    Ok((Message::TooLate, _)) => Outcome::TooLate,
                    _ => Outcome::IsGone,
                },
            };
            // The loop may have ended.
            let _ = outcomes.send(outcome).await;
        });
        answering
    }

    /// The other process, for the log.
    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }
}

async fn next(
    wire: &mut Wire,
    most: Duration,
) -> Result<(Message, Option<std::os::fd::OwnedFd>), HandoverError> {
    timeout(most, wire.receive()).await.map_err(|_| HandoverError::Silent)?
}
