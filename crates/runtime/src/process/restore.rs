//! A backup in the place of the store, while no process runs on it.
//!
//! Read and checked whole first: its rows by the readers of the store, what was made through the API
//! together with the configuration. Then written in one transaction.

use std::path::Path;

use config::Made;
use store::{Backup, Store};

use super::overwatch::STORE;
use super::reload::Files;
use crate::logs::chain;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What somebody should know.
    pub warnings: Vec<String>,
}

/// Restores a backup to the store of a data directory.
///
/// # Errors
///
/// Everything that is wrong with it, a line each; or a process runs on the store. Nothing was changed then.
pub fn restore(text: &str, data: &Path, files: &Files) -> Result<Restored, Vec<String>> {
    let line = |error: &dyn std::error::Error| vec![chain(error)];
    let (backup, snapshot) = Backup::read(text).map_err(|error| line(&error))?;
    let (made, unread) = match snapshot.made.as_str() {
        "" => (Made::none(), Vec::new()),
        document => Made::from_document(document),
    };
    if !unread.is_empty() {
        return Err(unread.iter().map(|fault| chain(fault)).collect());
    }
    let checked = files.check(&made);
    let lines = |faults: Vec<config::Fault>| -> Vec<String> {
        faults.iter().map(ToString::to_string).collect()
    };
    let warnings = checked.map_err(lines)?.warnings;
    std::fs::create_dir_all(data).map_err(|error| line(&error))?;
    let (mut store, _) = Store::open(&data.join(STORE)).map_err(|error| line(&error))?;
    store.replace(&backup).map_err(|error| line(&error))?;
    Ok(Restored { warnings })
}
