//! What is done before a process has a second thread: its limits, its directories, the sockets that
//! need a right, the process that starts its successor, and the sandbox.
//!
//! Must never be done later: threads take over what was given up, and do not give up what another one
//! does.

use std::path::{Path, PathBuf};

use config::{Config, Mode};
use health::{CheckKind, CheckSpec};

#[cfg(unix)]
use super::sockets::{Early, Wanted, open_early, open_metrics_early};
#[cfg(unix)]
use super::successor::Starter;
use super::{StartError, make_directory};
use crate::confine::{self, Needs};
#[cfg(unix)]
use crate::limits::{self, Limits};

/// What was done.
#[derive(Debug)]
pub struct Ground {
    #[cfg(unix)]
    limits: Limits,
    /// Opened before rights were given up.
    #[cfg(unix)]
    pub(super) sockets: Vec<Early>,
    /// None where the process starts its successor itself, or never has one. Or why there is none where
    /// there should be one: a root without `/proc`, for example.
    #[cfg(unix)]
    pub(super) starter: Option<Result<Starter, std::io::Error>>,
}

impl Ground {
    /// Does all of it, for the only thread of this process. `named` are the paths that the
    /// configuration names, its own files among them.
    ///
    /// # Errors
    ///
    /// A directory that cannot be made.
    pub fn lay(config: &Config, named: &[PathBuf]) -> Result<Self, StartError> {
        let needs = needs(config, named);
        for directory in &needs.writable {
            make_directory(directory)?;
        }
        let is_confined = config.sandbox.is_enabled;
        #[cfg(unix)]
        let ground = {
            let limits = limits::set(!is_confined);
            let (mut sockets, mut starter) = (Vec::new(), None);
            match &config.mode {
                _ if !is_confined || !cfg!(target_os = "linux") => {}
                Mode::Overwatch(overwatch) => {
                    sockets = open_early(&Wanted::new(overwatch, &config.metrics));
                    starter = Some(Starter::begin());
                }
                Mode::Agent(_) => sockets.extend(open_metrics_early(&config.metrics)),
            }
            Self { limits, sockets, starter }
        };
        #[cfg(not(unix))]
        let ground = Self {};
        if is_confined {
            confine::confine(&needs);
        }
        Ok(ground)
    }

    /// Says in the log what holds.
    pub fn tell(&self) {
        #[cfg(unix)]
        {
            self.limits.tell();
            if let Some(Err(error)) = &self.starter {
                tracing::warn!(
                    "no process can take over from this one, a new release needs a restart: \
                     what would start it does not start: {error}"
                );
            }
        }
        confine::in_force().tell();
    }
}

/// What is said where a file may be outside of the sandbox.
pub const OUTSIDE: &str = "with sandbox.enabled a process reads the directories that its configuration \
    named when it started, with the rights that it kept: a hand-over or a restart goes by other directories, \
    and a file that only root can read is to be readable for the user that this process runs as";

/// Whether a file could not be read that this process may have forbidden itself.
#[must_use]
pub fn may_be_outside(faults: &[String]) -> bool {
    let is_confined = confine::in_force().layers().any(|layer| layer == ("landlock", true));
    let denied = std::io::Error::from_raw_os_error(DENIED).to_string();
    is_confined && faults.iter().any(|fault| fault.contains(&denied))
}

/// What Landlock answers (EACCES).
const DENIED: i32 = 13;

/// What a role reads, writes and starts.
fn needs(config: &Config, named: &[PathBuf]) -> Needs {
    let is_program = |check: &CheckSpec| matches!(check.kind, CheckKind::Command(_));
    // A directory of its own, or of its files.
    let beside = |file: &str| match Path::new(file).parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let (writable, runs_programs, enlarges_buffers) = match &config.mode {
        Mode::Agent(agent) => {
            let identity = &agent.identity;
            let runs = agent.backends.iter().any(|backend| is_program(&backend.check));
            let files = [&identity.key_path, &identity.cert_path];
            (files.map(|file| beside(file)).to_vec(), runs, agent.learning.is_some())
        }
        Mode::Overwatch(overwatch) => {
            let identity = &overwatch.identity;
            let runs = overwatch.servers.iter().any(|server| is_program(&server.check));
            let files = [&identity.key_path, &identity.cert_path].map(|file| beside(file));
            let data = PathBuf::from(&overwatch.data_dir);
            (std::iter::once(data).chain(files).collect(), runs, false)
        }
    };
    let hears_all_namespaces =
        matches!(&config.mode, Mode::Agent(agent) if agent.hears_all_namespaces);
    let readable = named.to_vec();
    Needs { readable, writable, runs_programs, enlarges_buffers, hears_all_namespaces }
}
