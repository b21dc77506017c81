//! Runs commands one after another and prints a table of minutes.

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

/// One command of a run, and how long it took.
pub(crate) struct Steps {
    done: Vec<(String, Duration)>,
    started: Instant,
}

impl Steps {
    pub(crate) fn start() -> Self {
        Self { done: Vec::new(), started: Instant::now() }
    }

    /// Runs one command, its words parted by blanks; its output goes where ours goes.
    ///
    /// # Errors
    ///
    /// The command cannot be started or does not succeed.
    pub(crate) fn run(&mut self, name: &str, line: &str) -> anyhow::Result<()> {
        say(&format!("\n== {name}: {line}"));
        let started = Instant::now();
        let mut words = line.split_whitespace();
        let program = words.next().unwrap_or_default();
        let status = Command::new(program).args(words).status();
        self.done.push((name.to_owned(), started.elapsed()));
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => anyhow::bail!("{name} failed ({status}); again with: {line}"),
            Err(error) => Err(anyhow::Error::new(error).context(format!("cannot start {program}"))),
        }
    }

    /// Prints the table of minutes.
    pub(crate) fn print_minutes(&self) {
        let mut table = String::from("\nstep            minutes\n");
        let total = ("all".to_owned(), self.started.elapsed());
        for (name, duration) in self.done.iter().chain([&total]) {
            table += &format!("{name:<15} {:>7.1}\n", duration.as_secs_f64() / 60.0);
        }
        say(&table);
    }
}

/// Writes a line; a closed pipe is not our problem.
pub(crate) fn say(text: &str) {
    // The reader may be gone (`| head`); then there is nobody left to tell.
    let _ = writeln!(std::io::stdout(), "{text}");
}
