//! The command line of `opengslb`.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use config::ModeName;
use opengslb::survey::words::Words;

/// Where the configuration is looked for.
const CONFIG_FILE: &str =
    if cfg!(windows) { r"C:\opengslb\config.yaml" } else { "/etc/opengslb/config.yaml" };

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
    #[arg(long, default_value = CONFIG_FILE)]
    pub(crate) config: PathBuf,
    /// What to be; beats the file's own word.
    #[arg(long)]
    pub(crate) mode: Option<ModeArgument>,
    /// Take the place of the overwatch that runs on the same data directory, with no query lost: its
    /// sockets, its store, its agents. It ends once this one answers.
    #[arg(long)]
    pub(crate) take_over: bool,
    /// Log to this file instead of standard error. At 64 MiB it is put aside, with `.1` behind its name.
    #[cfg(windows)]
    #[arg(long)]
    pub(crate) log_file: Option<PathBuf>,
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
    /// The process that starts another one's successors: what that one begins for itself.
    #[cfg(unix)]
    #[command(name = runtime::process::successor::STARTER, hide = true)]
    StartSuccessors {
        /// The command line that it starts.
        #[arg(last = true)]
        words: Vec<std::ffi::OsString>,
    },
    /// The agent as a Windows service; the configuration file of this command line is the service's.
    #[cfg(windows)]
    Service {
        /// What to do.
        word: ServiceWord,
    },
    /// Three regions on this one machine: `opengslb lab --help` tells more.
    #[cfg(unix)]
    #[command(disable_help_flag = true)]
    Lab {
        /// The lab's own words.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

/// What becomes of the service.
#[cfg(windows)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ServiceWord {
    /// Have Windows start it, with the machine and after failures.
    Install,
    /// Stop it and take it away.
    Remove,
    /// Start it now.
    Start,
    /// Stop it and wait for its end.
    Stop,
    /// Be it: what Windows does.
    Run,
}

#[cfg(windows)]
impl ServiceWord {
    /// That it was done.
    pub(crate) const fn done(self) -> &'static str {
        match self {
            Self::Install => "installed",
            Self::Remove => "removed",
            Self::Start => "started",
            Self::Stop => "stopped",
            Self::Run => "ended",
        }
    }
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
