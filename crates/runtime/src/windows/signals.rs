//! What a process is told to do: by Ctrl-C in a console, or by the service manager. The same face as
//! the signals of other systems.

use std::sync::{LazyLock, Mutex, PoisonError};

use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};
use tokio::sync::mpsc;

use crate::process::StartError;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To end.
    End,
    /// To read the configuration again.
    Reload,
    /// Never asked here: there are no overwatches on Windows.
    HandOver,
}

/// Requests that wait; more of them ask for nothing else.
const WAITING_MAX: usize = 8;

/// What the service manager's thread asked, from the moment the program starts.
static REQUESTS: LazyLock<Requests> = LazyLock::new(|| {
    let (ask, asked) = mpsc::channel(WAITING_MAX);
    Requests { ask, asked: Mutex::new(Some(asked)) }
});

struct Requests {
    ask: mpsc::Sender<Asked>,
    asked: Mutex<Option<mpsc::Receiver<Asked>>>,
}

/// Asks this process, from whatever thread.
pub fn ask(what: Asked) {
    // Where so many wait already, one of them is the same.
    let _ = REQUESTS.ask.try_send(what);
}

/// What is waited for.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: CtrlC,
    end: CtrlBreak,
    asked: mpsc::Receiver<Asked>,
}

impl Signals {
    /// Takes them from now on, once in a process.
    pub(crate) fn take() -> Result<Self, StartError> {
        let mut asked = REQUESTS.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = || StartError::System(std::io::Error::other("somebody else waits for signals"));
        Ok(Self {
            interrupt: ctrl_c().map_err(StartError::System)?,
            end: ctrl_break().map_err(StartError::System)?,
            asked: asked.take().ok_or_else(taken)?,
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::End,
            _ = self.end.recv() => Asked::End,
            // Its other end is never dropped.
            asked = self.asked.recv() => asked.unwrap_or(Asked::End),
        }
    }
}
