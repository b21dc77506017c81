//! Running a play's commands on the lab's hosts, at once or beside the demo.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::screen::Screen;
use crate::files::Layout;
use crate::supervisor::Attached;
use crate::sys::process;

/// Why the demo ends before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// Ctrl-C, or somebody else's signal.
    #[error("stopped")]
    Stopped,
}

/// What a command did.
pub(crate) struct Outcome {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) ok: bool,
}

impl Outcome {
    /// The last thing it said, for a reason.
    pub(crate) fn last_words(&self) -> String {
        let all = format!("{}\n{}", self.stderr, self.stdout);
        all.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no output").to_owned()
    }
}

/// The lab and the screen.
pub(crate) struct Stage {
    pub(crate) lab: Attached,
    pub(crate) screen: Screen,
    /// What runs on, in the order in which it was started.
    pub(crate) background: Vec<Background>,
}

impl Stage {
    pub(crate) const fn new(lab: Attached, screen: Screen) -> Self {
        Self { lab, screen, background: Vec::new() }
    }

    /// The end of everything on it.
    pub(crate) fn down(self) {
        drop(self.background);
        self.lab.down();
    }

    /// Runs a command and shows both it and what came back.
    pub(crate) fn show(&mut self, host: &str, command: &str) -> anyhow::Result<Outcome> {
        self.screen.command(host, command);
        let outcome = self.run(host, command)?;
        self.screen.output(&outcome.stdout);
        if !outcome.ok {
            self.screen.output(&outcome.stderr);
        }
        Ok(outcome)
    }

    /// Runs a command with a shell on a host.
    pub(crate) fn run(&mut self, host: &str, command: &str) -> anyhow::Result<Outcome> {
        let output = self.command(host, command)?.output().context("running a command")?;
        self.look()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Outcome {
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            ok: output.status.success(),
        })
    }

    /// Starts a command that goes on while the play does.
    pub(crate) fn start(&mut self, host: &str, command: &str) -> anyhow::Result<()> {
        self.background.push(self.beside(host, command)?);
        Ok(())
    }

    /// The same, for the caller to end.
    pub(crate) fn beside(&self, host: &str, command: &str) -> anyhow::Result<Background> {
        let mut command = self.command(host, command)?;
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let last_line = Arc::new(Mutex::new(String::new()));
        if let Some(stdout) = child.stdout.take() {
            let last_line = Arc::clone(&last_line);
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    *last_line.lock().unwrap_or_else(PoisonError::into_inner) = line;
                }
            });
        }
        Ok(Background { child, last_line })
    }

    /// Asks again and again until `ask` has an answer. `Err` holds what it said last.
    pub(crate) fn wait<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut ask: impl FnMut(&mut Self) -> anyhow::Result<Result<T, String>>,
    ) -> anyhow::Result<Result<T, String>> {
        let (began, mut so_far) = (Instant::now(), String::new());
        loop {
            let seconds = began.elapsed().as_secs();
            self.screen.waiting(&format!("waiting for {what} … {seconds} s{so_far}"));
            let answer = ask(self)?;
            if let Err(reason) = &answer {
                so_far = format!(" ({reason})");
            }
            if answer.is_ok() || began.elapsed() > limit {
                self.screen.waited();
                return Ok(answer);
            }
            self.pause(Duration::from_millis(500))?;
        }
    }

    pub(crate) fn pause(&mut self, length: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + length;
        while Instant::now() < until {
            self.look()?;
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Ends the demo if it was stopped or the lab is gone.
    fn look(&mut self) -> anyhow::Result<()> {
        if process::stop_requested() {
            self.screen.waited();
            return Err(Ended::Stopped.into());
        }
        if self.lab.ended() {
            bail!("the lab ended by itself");
        }
        Ok(())
    }

    /// A command with a shell on a host, not yet started.
    pub(crate) fn command(&self, host: &str, command: &str) -> anyhow::Result<Command> {
        let binary = std::env::current_exe()?;
        let mut exec = Command::new(&binary);
        // `opengslb-cli` is where we are, if it is anywhere.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places =
            binary.parent().map(Into::into).into_iter().chain(std::env::split_paths(&path));
        exec.env("PATH", std::env::join_paths(places)?);
        exec.args(["lab", "exec", "--lab", &self.lab.lab.record.name, host, "--"]);
        exec.args(["sh", "-c", command]).stdin(Stdio::null());
        Ok(exec)
    }

    /// Copies the hosts' logs to where they outlive the lab.
    pub(crate) fn keep_logs(&self) -> anyhow::Result<std::path::PathBuf> {
        let lab = &self.lab.lab;
        let target = lab.directory.with_file_name(format!("{}-logs", lab.record.name));
        std::fs::create_dir_all(&target)?;
        let layout = Layout::new(&lab.directory);
        for host in &lab.topology()?.hosts {
            let log = lab.seen_from_outside(&layout.log(&host.name));
            std::fs::copy(log, target.join(format!("{}.log", host.name)))?;
        }
        Ok(target)
    }
}

/// A command beside the demo.
pub(crate) struct Background {
    child: Child,
    last_line: Arc<Mutex<String>>,
}

impl Background {
    pub(crate) fn last_line(&self) -> String {
        self.last_line.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Background {
    /// The command on the host dies with the process that started it there.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
