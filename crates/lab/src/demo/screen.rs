//! What the demo shows: commands, what came back, ticks and crosses, and that it is still waiting.
//!
//! Colour and lines that are written over only on a terminal; `NO_COLOR` is honoured
//! (no-color.org).

use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// More lines of one command's output than this are left out, and counted. Four rows of the
/// learned table fit.
const LINES_MAX: usize = 40;
/// Longer lines are cut.
const COLUMNS_MAX: usize = 220;
/// What is written over must fit in one line of a small terminal.
const WAIT_COLUMNS_MAX: usize = 76;
/// How often a wait says so where lines cannot be written over.
const WAIT_LINE: Duration = Duration::from_secs(10);

const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const RED: &str = "31";
const BLUE: &str = "36";

/// The demo's output.
pub(crate) struct Screen {
    terminal: bool,
    colour: bool,
    said: Instant,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { terminal, colour: terminal && wanted, said: Instant::now() }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(crate) fn title(&self, text: &str) {
        crate::say(&self.paint(BOLD, text));
    }

    pub(crate) fn note(&self, text: &str) {
        crate::say(&format!("  {}", self.paint(DIM, text)));
    }

    pub(crate) fn line(&self, text: &str) {
        crate::say(&format!("  {text}"));
    }

    pub(crate) fn step(&self, number: usize, title: &str) {
        crate::say(&format!("\n{}", self.paint(BOLD, &format!("Step {number}: {title}"))));
    }

    /// A command as it is typed on a host.
    pub(crate) fn command(&self, host: &str, command: &str) {
        crate::say(&format!("  {} {command}", self.paint(BLUE, &format!("{host}$"))));
    }

    /// What a command printed, without what is too much.
    pub(crate) fn output(&self, text: &str) {
        let lines: Vec<&str> = text.trim_end().lines().collect();
        for line in lines.iter().take(LINES_MAX) {
            let cut: String = line.chars().take(COLUMNS_MAX).collect();
            let more = if cut.len() < line.len() { "…" } else { "" };
            crate::say(&format!("    {cut}{more}"));
        }
        if let Some(left) = lines.len().checked_sub(LINES_MAX).filter(|left| *left > 0) {
            crate::say(&format!("    {}", self.paint(DIM, &format!("… {left} more lines"))));
        }
    }

    pub(crate) fn tick(&self, text: &str) {
        crate::say(&format!("  {} {text}", self.paint(GREEN, "✓")));
    }

    pub(crate) fn cross(&self, text: &str) {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        crate::say(&format!("  {} {first}", self.paint(RED, "✗")));
        lines.for_each(|line| crate::say(&format!("    {line}")));
    }

    /// Says what is waited for, over itself on a terminal.
    pub(crate) fn waiting(&mut self, text: &str) {
        if self.terminal {
            let text: String = text.chars().take(WAIT_COLUMNS_MAX).collect();
            crate::say_raw(format!("\r  {}\x1b[K", self.paint(DIM, &text)).as_bytes());
        } else if self.said.elapsed() >= WAIT_LINE {
            self.said = Instant::now();
            crate::say(&format!("  {text}"));
        }
    }

    /// Takes the last [`Self::waiting`] away.
    pub(crate) fn waited(&mut self) {
        self.said = Instant::now();
        if self.terminal {
            crate::say_raw(b"\r\x1b[K");
        }
    }
}
