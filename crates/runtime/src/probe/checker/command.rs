//! A program of this machine.
//!
//! It gets no shell, nothing on its standard input, an environment of four words, a process group of
//! its own, and less rights than this process: its thread has given up gaining any (prctl(2),
//! PR_SET_NO_NEW_PRIVS), and all capabilities (capabilities(7)). When it ends, and at
//! its timeout, the whole group is killed: nothing that it left in the background stays.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use health::{CommandCheck, ErrorText, FailReason, Outcome, Phase};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities,
    set_no_new_privs,
};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use super::{CheckReport, text_of, to_rtt};

/// Programs at a time: each is a process, and a machine that answers DNS has better to do. Further
/// checks wait for their turn; their time begins with it.
pub(crate) const COMMANDS_MAX: usize = 16;
static PLACES: Semaphore = Semaphore::const_new(COMMANDS_MAX);

/// What is kept of what it says: more than is ever shown. The rest is thrown away.
const SAID_BYTES_MAX: u64 = 4_096;

/// Where it may look for other programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// With which rights a program would run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// All of this process's, and those that a file gives. Nothing is run.
    Kept,
    /// No more than this process's, for ever.
    GivenUp,
}

impl Rights {
    /// Gives up what a program could gain, for this thread and all that it starts.
    pub(crate) fn give_up() -> Self {
        let none = CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        };
        // Where the call itself is refused: nothing to give up is given up. What is not inheritable and
        // not permitted is not ambient either.
        let has_none = || capabilities(None).is_ok_and(|has| has == none);
        let has_given_up =
            || clear_ambient_capability_set().and_then(|()| set_capabilities(None, none)).is_ok();
        let is_given_up = set_no_new_privs(true).is_ok() && (has_given_up() || has_none());
        if is_given_up { Self::GivenUp } else { Self::Kept }
    }
}

/// Runs it and judges how it ended.
pub(super) async fn run(
    target: SocketAddr,
    check: &CommandCheck,
    rights: Rights,
    timeout: Duration,
) -> CheckReport {
    if rights == Rights::Kept {
        return fail("this process cannot give up its rights");
    }
    let Ok(_place) = PLACES.acquire().await else { return fail("no more programs are started") };
    let started = Instant::now();
    let child = Command::new(&check.program)
        .args(&check.arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .env("CHECK_ADDRESS", target.ip().to_string())
        .env("CHECK_PORT", target.port().to_string())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let mut group = match child {
        Ok(child) => Group(child),
        Err(error) => return fail(text_of(&error).as_str()),
    };
    let outcome = match timeout_at(started + timeout, group.end()).await {
        Err(_) => Outcome::Fail(FailReason::TimedOut(Phase::Command)),
        Ok(Err(error)) => return fail(text_of(&error).as_str()),
        Ok(Ok((status, said))) => match (status.success(), to_rtt(started.elapsed())) {
            (true, Ok(connect)) => Outcome::Pass { connect },
            (true, Err(reason)) => Outcome::Fail(reason),
            (false, _) => Outcome::Fail(FailReason::Command(describe(status, &said))),
        },
    };
    CheckReport { outcome, source: None, certificate_ends: None }
}

/// A program and all that it started.
struct Group(Child);

impl Group {
    /// Waits until it ends; what it said first. What it started ends with it.
    async fn end(&mut self) -> std::io::Result<(ExitStatus, Vec<u8>)> {
        let mut said = Vec::new();
        let output = self.0.stdout.take();
        let listen = async {
            if let Some(mut output) = output {
                (&mut output).take(SAID_BYTES_MAX).read_to_end(&mut said).await?;
                tokio::io::copy(&mut output, &mut tokio::io::sink()).await?;
            }
            std::io::Result::Ok(())
        };
        let pid = self.pid();
        let leave = async {
            let Some(pid) = pid else { return Ok(()) };
            // Looked at and not waited for (waitid(2), WNOWAIT): until then its number is its own.
            let look =
                move || waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            spawn_blocking(look).await.map_err(std::io::Error::other)??;
            kill(pid);
            Ok(())
        };
        tokio::try_join!(leave, listen)?;
        Ok((self.0.wait().await?, said))
    }

    /// Its number and that of its group; its own as long as nobody waited for it.
    fn pid(&self) -> Option<Pid> {
        self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
    }
}

/// Ends all of a group that is left.
fn kill(group: Pid) {
    // All of it may have ended this moment.
    let _ = kill_process_group(group, Signal::KILL);
}

impl Drop for Group {
    fn drop(&mut self) {
        // Once it was waited for nothing is killed: the number may be another's by now.
        if let Some(pid) = self.pid() {
            kill(pid);
        }
    }
}

/// How it ended, and its first line.
fn describe(status: ExitStatus, said: &[u8]) -> ErrorText {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().next().unwrap_or_default().trim();
    let colon = if line.is_empty() { "" } else { ": " };
    ErrorText::new(&format!("{status}{colon}{line}"))
}

fn fail(text: &str) -> CheckReport {
    CheckReport::fail(FailReason::Command(ErrorText::new(text)))
}
