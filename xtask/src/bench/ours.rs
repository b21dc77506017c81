//! This server with a learned table: the built binary, and three agents' reports over the mesh.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::overwatch;
use super::process::Process;
use crate::steps::say;

/// As the agents' example has them.
const REGIONS: [&str; 3] = ["eu-west", "us-east", "ap-southeast"];

/// How long it must have been quiet to have worked off what it learned: longer than it waits between
/// two parts of that work.
const QUIET: Duration = Duration::from_secs(8);
/// Less than this share of one processor is quiet.
const QUIET_SHARE: f64 = 0.05;
const PATIENCE: Duration = Duration::from_secs(600);

/// The server, and those who hold its table up.
pub(super) struct Ours {
    pub(super) server: Process,
    agents: Child,
    /// They leave when it is closed.
    input: Option<ChildStdin>,
}

impl Ours {
    /// Starts the server with one worker, fills its table, and waits until it has taken all in.
    pub(super) fn start(
        directory: &Path,
        (program, feeder): (&Path, &Path),
        networks: &[[u8; 4]],
    ) -> anyhow::Result<Self> {
        let list = directory.join("networks");
        fs::write(&list, networks.concat())?;
        // It starts a worker for each processor that it may use; then it may use all, as the others.
        let (server, mesh) = overwatch::start(directory, program, &REGIONS.map(str::to_owned))?;
        let all = Command::new("taskset")
            .args(["-a", "-c", "-p", "0-1023", &server.id().to_string()])
            .stdout(Stdio::null())
            .status()?;
        ensure!(all.success(), "taskset does not set the server free");
        let mut agents = Command::new(feeder)
            .arg(format!("127.0.0.1:{mesh}"))
            .arg(&list)
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the agents")?;
        let input = agents.stdin.take();
        let output = agents.stdout.take().context("the agents say nothing")?;
        let ours = Self { server, agents, input };
        let began = Instant::now();
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        ensure!(line.trim() == "learned", "the agents could not report: see above");
        ours.wait_until_quiet()?;
        let (took, memory) = (began.elapsed(), ours.server.memory_kib()? / 1024);
        say(&format!("reported and compiled in {took:.0?}; {memory} MiB"));
        Ok(ours)
    }

    fn wait_until_quiet(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut before = self.server.used();
        loop {
            std::thread::sleep(QUIET);
            let now = self.server.used();
            let share = (now.user + now.system - before.user - before.system) / QUIET.as_secs_f64();
            if share < QUIET_SHARE {
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "the server does not come to rest: {share}");
            before = now;
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.agents.wait());
    }
}
