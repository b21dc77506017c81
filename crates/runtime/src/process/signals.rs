//! What a process is told by signals: to end (SIGTERM, SIGINT), to read its configuration again
//! (SIGHUP), or to be followed by a new process (SIGUSR2).

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::StartError;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To end.
    End,
    /// To read the configuration again.
    Reload,
    /// To start a process that takes over.
    HandOver,
}

/// The signals that are waited for. Until this is there, each of them ends the process.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    second_user: Signal,
}

impl Signals {
    /// Takes the signals from now on.
    pub(super) fn take() -> Result<Self, StartError> {
        let listen = |kind| signal(kind).map_err(StartError::System);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
            second_user: listen(SignalKind::user_defined2())?,
        })
    }

    /// The next one. Signals of one kind that come while nobody waits are one.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End,
            _ = self.interrupt.recv() => Asked::End,
            _ = self.hang_up.recv() => Asked::Reload,
            _ = self.second_user.recv() => Asked::HandOver,
        }
    }
}
