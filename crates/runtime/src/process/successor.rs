//! The process that takes this one's place: the same command line, with `--take-over`, from the
//! binary that lies there now. Started by this one, it is in the same service.
//!
//! Must never end anything: whether the new process gets the sockets is the hand-over's affair.

use std::ffi::OsString;
use std::io;

use tokio::process::Command;
use tracing::{info, warn};

/// The word that makes a process ask for the place of another.
const TAKE_OVER: &str = "--take-over";

/// Starts it. How it ends, if it ends before this one, is logged.
///
/// # Errors
///
/// The system cannot start it.
pub(super) fn start() -> io::Result<()> {
    let mut words = std::env::args_os();
    let program = words.next().ok_or_else(|| io::Error::other("this process has no name"))?;
    let mut command = Command::new(&program);
    command.args(successors(words));
    // The signs of life are the new process's once it is the service; this names the old one.
    command.env_remove("WATCHDOG_PID");
    let mut child = command.spawn()?;
    info!("started process {} to take over", child.id().unwrap_or_default());
    tokio::spawn(async move {
        match child.wait().await {
            Ok(status) => warn!("the process that was to take over has ended: {status}"),
            Err(error) => warn!("the process that was to take over is lost: {error}"),
        }
    });
    Ok(())
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
