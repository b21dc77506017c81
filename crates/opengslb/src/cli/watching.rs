//! Showing the same again and again: on a terminal in one place, else one below the other.

use std::time::Duration;

use clap::Args;

use super::failure::Failure;
use super::output::{Output, say};
use super::words::seconds;

/// How often.
#[derive(Debug, Args)]
pub(super) struct Watching {
    /// Show it again and again, until interrupted.
    #[arg(long)]
    watch: bool,
    /// How long to wait in between: seconds, or with a unit as in 10s or 1m.
    #[arg(long, value_name = "TIME", value_parser = seconds, default_value = "2s", requires = "watch")]
    every: u64,
    /// Show it so often and no more.
    #[arg(long, value_name = "N", requires = "watch")]
    times: Option<u32>,
}

/// To the upper left corner, and everything gone (ECMA-48, 8.3.21 and 8.3.39).
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

impl Watching {
    /// Shows it as often as is wanted. What fails ends it.
    pub(super) fn show(
        &self,
        output: &Output,
        mut once: impl FnMut() -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        if !self.watch {
            return once();
        }
        let mut shown = 0;
        loop {
            if output.is_terminal && !output.is_json {
                say(CLEAR);
            }
            let is_well = once()?;
            shown += 1;
            if self.times.is_some_and(|times| shown >= times) {
                return Ok(is_well);
            }
            std::thread::sleep(Duration::from_secs(self.every.max(1)));
        }
    }
}
