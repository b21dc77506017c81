//! The process that takes this one's place: the same command line, with `--take-over`, from the
//! binary that lies there now. Started by this one, it is in the same service.
//!
//! What a confined process starts is confined as it is, for ever; a new release may need more. So it
//! is started by another one, a [`Starter`], which is begun before and does nothing else: it is told
//! one command line at its start, and later only when. See decision 61.
//!
//! Must never end anything: whether the new process gets the sockets is the hand-over's affair.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tracing::{error, info, warn};

/// The word that makes a process ask for the place of another.
const TAKE_OVER: &str = "--take-over";
/// The word that makes a process a starter; what follows is the command line that it starts.
pub const STARTER: &str = "start-successors";

/// A process that starts others. It ends with this one.
#[derive(Debug)]
pub struct Starter {
    stream: StdStream,
    /// Waited for when it ends: nobody else does.
    process: std::process::Child,
}

impl Starter {
    /// Begins it; from this very binary, whatever lies at its path by then.
    ///
    /// # Errors
    ///
    /// The system cannot start it.
    pub(super) fn begin() -> io::Result<Self> {
        let (ours, its) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut words = std::env::args_os();
        let program = words.next().ok_or_else(no_name)?;
        let mut command = std::process::Command::new("/proc/self/exe");
        command.arg0(&program).arg(STARTER).arg("--").arg(&program).args(words);
        let command = command.stdin(Stdio::from(OwnedFd::from(its))).stdout(Stdio::null());
        Ok(Self { stream: ours, process: command.spawn()? })
    }
}

/// What starts the next process.
#[derive(Debug)]
pub(super) enum Successors {
    /// This process itself, which is not confined.
    Here,
    /// Its starter.
    There(mpsc::Sender<()>),
    /// Nobody, and why: this process is confined, and what it starts would be.
    Nobody(io::Error),
}

impl Successors {
    /// By the starter, where there is one.
    ///
    /// # Errors
    ///
    /// The runtime does not take the way to it.
    pub(super) fn by(starter: Option<io::Result<Starter>>) -> io::Result<Self> {
        let Starter { stream, mut process } = match starter {
            None => return Ok(Self::Here),
            Some(Err(error)) => return Ok(Self::Nobody(error)),
            Some(Ok(starter)) => starter,
        };
        let stream = UnixStream::from_std(stream)?;
        // One more wish than the one under way changes nothing.
        let (ask, asked) = mpsc::channel(1);
        tokio::spawn(async move {
            talk(stream, asked).await;
            // Its end of the way is closed, or it ends by that ours is.
            let _ = tokio::task::spawn_blocking(move || process.wait()).await;
        });
        Ok(Self::There(ask))
    }

    /// Starts the next process. How it ends, if it ends before this one, is logged.
    pub(super) fn start(&self) {
        match self {
            Self::Here => {
                let words = std::env::args_os().collect();
                tokio::spawn(run(words, |said| told(&said)));
            }
            Self::Nobody(error) => {
                error!(
                    "no process can be started to take over: what would start it does not: {error}"
                );
            }
            Self::There(ask) => {
                if let Err(TrySendError::Closed(())) = ask.try_send(()) {
                    error!("no process can be started to take over: what starts it is gone");
                }
            }
        }
    }
}

/// Asks the starter, and logs what it says.
async fn talk(stream: UnixStream, mut asked: mpsc::Receiver<()>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    loop {
        tokio::select! {
            wish = asked.recv() => {
                if wish.is_none() || write.write_all(b"\n").await.is_err() {
                    return;
                }
            }
            line = lines.next_line() => match line {
                Ok(Some(line)) => told(&line),
                _ => return,
            },
        }
    }
}

/// What became of a process that was started, in the words of [`run`].
fn told(said: &str) {
    if let Some(pid) = said.strip_prefix("started ") {
        info!("started process {pid} to take over");
    } else {
        warn!("the process that was to take over {said}");
    }
}

/// The starter's own life: it starts `words` each time that a line comes on standard input, and ends
/// with that. It is the whole of a process.
///
/// # Errors
///
/// Its standard input is no socket, or it cannot wait.
pub fn serve(words: Vec<OsString>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Meant for the process that it belongs to, where all of a service are sent one.
        let _deaf =
            [SignalKind::hangup(), SignalKind::user_defined1(), SignalKind::user_defined2()]
                .map(signal);
        let input = StdStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        input.set_nonblocking(true)?;
        let (read, mut write) = UnixStream::from_std(input)?.into_split();
        let mut wishes = BufReader::new(read).lines();
        let (say, mut said) = mpsc::unbounded_channel::<String>();
        loop {
            tokio::select! {
                wish = wishes.next_line() => match wish {
                    Ok(Some(_)) => {
                        let (words, say) = (words.clone(), say.clone());
                        tokio::spawn(run(words, move |line| drop(say.send(line))));
                    }
                    // Nobody is left to start one for; what was started lives on.
                    _ => return Ok(()),
                },
                Some(mut line) = said.recv() => {
                    line.push('\n');
                    if write.write_all(line.as_bytes()).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    })
}

/// Starts a process from a command line, and says how it began and ended.
async fn run(words: Vec<OsString>, say: impl Fn(String)) {
    match begin(words) {
        Ok(mut child) => {
            say(format!("started {}", child.id().unwrap_or_default()));
            match child.wait().await {
                Ok(status) => say(format!("has ended: {status}")),
                Err(error) => say(format!("is lost: {error}")),
            }
        }
        Err(error) => say(format!("cannot be started: {error}")),
    }
}

fn begin(words: Vec<OsString>) -> io::Result<Child> {
    let mut words = words.into_iter();
    let program = words.next().ok_or_else(no_name)?;
    let mut command = Command::new(&program);
    command.args(successors(words)).stdin(Stdio::null());
    // The signs of life are the new process's once it is the service; this names the old one.
    command.env_remove("WATCHDOG_PID");
    command.spawn()
}

fn no_name() -> io::Error {
    io::Error::other("this process has no name")
}

/// The command line, once with the word.
fn successors(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let others = words.filter(|word| word != TAKE_OVER);
    others.chain([TAKE_OVER.into()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_stands_there_once() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        for given in [&["--config", "a"][..], &["--take-over", "--config", "a"]] {
            let found = successors(words(given).into_iter());
            assert_eq!(found, words(&["--config", "a", "--take-over"]));
        }
    }
}
