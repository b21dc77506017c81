//! `opengslb-cli completion`: what a shell has to know to complete its words.

use std::io::Write as _;

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::arguments::Arguments;

/// For which shell.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// The shell.
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(wanted: &Wanted) -> bool {
    let mut script = Vec::new();
    generate(wanted.shell, &mut Arguments::command(), "opengslb-cli", &mut script);
    // A closed pipe is not our problem.
    let _ = std::io::stdout().write_all(&script);
    true
}
