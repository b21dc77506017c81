//! `opengslb-cli backup` and `restore`: all that survives a restart, as a file and back.
//!
//! A backup is read from the process that runs. It is restored where none runs: read and checked whole
//! first, together with the configuration, then taken in one step.

#![cfg_attr(not(unix), expect(unused_imports, reason = "a store is restored on Linux only"))]

use std::fs::{self, OpenOptions};
use std::io::Write as _;
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use config::Mode;
#[cfg(unix)]
use runtime::process::restore;

use super::client::Client;
use super::failure::Failure;
use super::output::{Output, tell};
use crate::configuration;

/// Where to.
#[derive(Debug, Args)]
pub(super) struct BackUp {
    /// The file; it is made new, for its owner only: zones' keys are in it.
    file: PathBuf,
}

/// From where.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The file that `backup` wrote.
    file: PathBuf,
    /// The overwatch's configuration: it says where the store is, and what was made has to fit to it.
    #[arg(long, default_value = "/etc/opengslb/config.yaml")]
    config: PathBuf,
}

/// Writes the store of a process that runs to a file.
pub(super) fn back_up(client: &Client, output: &Output, to: &BackUp) -> Result<bool, Failure> {
    let text = client.text("/api/v1/overwatch/store")?;
    let wrong = |error: std::io::Error| Failure::Refused(format!("{}: {error}", to.file.display()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&to.file).map_err(wrong)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)?;
    output.done(&format!("{}: {} bytes, with the keys of zones", to.file.display(), text.len()));
    Ok(true)
}

/// There is no store to restore to.
#[cfg(not(unix))]
pub(super) fn restore(_output: &Output, _from: &Restore) -> Result<bool, Failure> {
    Err(Failure::Usage("a store is restored where its overwatch runs: on Linux".to_owned()))
}

/// Puts a file in the store's place.
#[cfg(unix)]
pub(super) fn restore(output: &Output, from: &Restore) -> Result<bool, Failure> {
    let file = &from.file;
    let refused = |line: &dyn std::fmt::Display| {
        Failure::Refused(format!("{}: {line}; nothing was changed", file.display()))
    };
    let text = fs::read_to_string(file).map_err(|error| refused(&error))?;
    let loaded = configuration::load(&from.config, None);
    let loaded = loaded.map_err(|faults| Failure::Refused(faults.join("\n")))?;
    let Mode::Overwatch(config) = &loaded.config.mode else {
        return Err(refused(&"an agent has no store: --config names an overwatch's file"));
    };
    let data = Path::new(&config.data_dir);
    match restore::restore(&text, config, &loaded.files) {
        Ok(restored) => {
            restored.warnings.iter().for_each(|warning| tell(&format!("warning: {warning}")));
            let shared = restored.shared_rows.map_or_else(String::new, |rows| {
                format!(", and {rows} rows to etcd: the other overwatches follow")
            });
            output.done(&format!("{}: restored to {}{shared}", file.display(), data.display()));
            Ok(true)
        }
        Err(not) if not.is_unchanged => Err(refused(&not.lines.join("\n"))),
        Err(not) => {
            let lines = not.lines.join("\n");
            Err(Failure::Refused(format!(
                "{}: {lines}; the store here is as it was",
                file.display()
            )))
        }
    }
}
