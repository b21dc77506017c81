//! The command line of `opengslb`.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use config::ModeName;
use opengslb::survey::words::Words;

/// A global server load balancer that learns from the kernels of the servers.
#[derive(Debug, Parser)]
#[command(
    name = "opengslb",
    version,
    disable_version_flag = true,
    after_help = "Examples:\n  \
        opengslb --config /etc/opengslb/config.yaml --mode overwatch\n  \
        opengslb --config /etc/opengslb/config.yaml --take-over\n  \
        opengslb check-config --config /etc/opengslb/config.yaml\n  \
        opengslb check-config --preflight\n  \
        opengslb lab demo6"
)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, default_value = "/etc/opengslb/config.yaml")]
    pub(crate) config: PathBuf,
    /// What to be; beats the file's own word.
    #[arg(long)]
    pub(crate) mode: Option<ModeArgument>,
    /// Take the place of the overwatch that runs on the same data directory, with no query lost: its
    /// sockets, its store, its agents. It ends once this one answers.
    #[arg(long)]
    pub(crate) take_over: bool,
    /// Print the settings in force, defaults included and secrets hidden, and end.
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Print the version and end.
    #[arg(long, short = 'V', action = clap::ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do besides running.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a configuration file: every fault with its place, exit code 64 if there is one.
    CheckConfig {
        /// The configuration file.
        #[arg(long)]
        config: Option<PathBuf>,
        /// Look whether resolvers will find its zones too; exit code 1 where they will not.
        #[arg(long)]
        preflight: bool,
        #[command(flatten)]
        words: Words,
    },
    /// Three regions on this one machine: `opengslb lab --help` tells more.
    #[command(disable_help_flag = true)]
    Lab {
        /// The lab's own words.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

/// What to be.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ModeArgument {
    /// Learns where connections end, and reports.
    Agent,
    /// Hears agents and answers DNS.
    Overwatch,
}

impl From<ModeArgument> for ModeName {
    fn from(mode: ModeArgument) -> Self {
        match mode {
            ModeArgument::Agent => Self::Agent,
            ModeArgument::Overwatch => Self::Overwatch,
        }
    }
}
