//! One process of the built binary: what it says, how it ends. Ended with this value.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Everything here takes milliseconds to a few seconds; a loaded machine may need longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How often a condition is looked at that nobody announces.
const LOOK: Duration = Duration::from_millis(30);

/// Lines of the log, and a bell for each new one.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    bell: Condvar,
}

impl Log {
    /// A failed test holds the lock while it fails, and still shows the log.
    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running process.
pub(crate) struct Daemon {
    child: Child,
    log: Arc<Log>,
    /// Ends with the process.
    reader: Option<JoinHandle<()>>,
}

impl Daemon {
    pub(crate) fn start(config: &Path, words: &[&str]) -> Self {
        Self::start_with(config, words, &[])
    }

    /// One that has these variables in its environment.
    pub(crate) fn start_with(config: &Path, words: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb"));
        command.envs(environment.iter().copied());
        command.arg("--config").arg(config).args(words);
        Self::started(command)
    }

    /// One by a command line of the caller's own, which may begin with another program.
    pub(crate) fn started(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let log = Arc::new(Log::default());
        let written = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                written.lines().push(line);
                written.bell.notify_all();
            }
        });
        Self { child, log, reader: Some(reader) }
    }

    /// Everything it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lines().join("\n")
    }

    /// Whether it has logged a line that contains `part`.
    pub(crate) fn has(&self, part: &str) -> bool {
        self.count(part) > 0
    }

    /// Waits, if it has ended, until all that it has logged was read.
    pub(crate) fn hear_out(&mut self) {
        if !self.is_running()
            && let Some(reader) = self.reader.take()
        {
            reader.join().unwrap();
        }
    }

    /// How many lines contain `part`.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.log.lines().iter().filter(|line| line.contains(part)).count()
    }

    /// Waits for a line that contains `part`, the first one.
    #[track_caller]
    pub(crate) fn line(&self, part: &str) -> String {
        self.lines(part, 1).remove(0)
    }

    /// Waits for so many lines that contain `part`.
    #[track_caller]
    pub(crate) fn lines(&self, part: &str, count: usize) -> Vec<String> {
        let until = Instant::now() + PATIENCE;
        let mut lines = self.log.lines();
        loop {
            let found: Vec<String> =
                lines.iter().filter(|line| line.contains(part)).cloned().collect();
            if found.len() >= count {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{} of {count} {part:?} in\n{}",
                found.len(),
                lines.join("\n")
            );
            lines = self.log.bell.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// What follows `part` in its line, up to the next space.
    #[track_caller]
    pub(crate) fn word_after(&self, part: &str) -> String {
        let line = self.line(part);
        let rest = line.split_once(part).unwrap().1;
        rest.split_whitespace().next().unwrap().to_owned()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its number.
    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Sends a signal by its short name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.log());
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "--- process {}\n{}", self.child.id(), self.log());
        }
    }
}

/// Waits until something is so that no log line tells of.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "not in {PATIENCE:?}: {what}");
        std::thread::sleep(LOOK);
    }
}
