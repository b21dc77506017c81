//! A backup in the place of the store, while no process runs on it.
//!
//! Read and checked whole first: its rows by the readers of the store, what was made through the API
//! together with the configuration. Where operators' rows are shared in etcd, those there are made the
//! backup's, and the other overwatches follow; then the file is written in one transaction.

use std::path::Path;

use config::{EtcdSettings, Made, OverwatchConfig};
use overwatch::Snapshot;
use store::{Backup, Store};

use super::overwatch::STORE;
use super::reload::Files;
use crate::etcd::Etcd;
use crate::etcd::commit::bring_to;
use crate::logs::chain;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What somebody should know.
    pub warnings: Vec<String>,
    /// How many rows were changed in etcd; `None` where nothing is shared.
    pub shared_rows: Option<usize>,
}

/// Restores a backup to the store of a data directory.
///
/// # Errors
///
/// Everything that is wrong with it, a line each; or a process runs on the store, or etcd is not reached.
/// Nothing was changed then, but for rows that are in etcd already where that went meanwhile: restored again,
/// the rest follows.
pub fn restore(
    text: &str,
    config: &OverwatchConfig,
    files: &Files,
) -> Result<Restored, Vec<String>> {
    let data = Path::new(&config.data_dir);
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
    let shared_rows =
        config.etcd.as_ref().map(|etcd| share(etcd, config, &snapshot)).transpose()?;
    store.replace(&backup).map_err(|error| line(&error))?;
    Ok(Restored { warnings, shared_rows })
}

/// Makes the rows in etcd those of a backup. Says how many were others.
fn share(
    settings: &EtcdSettings,
    config: &OverwatchConfig,
    rows: &Snapshot,
) -> Result<usize, Vec<String>> {
    let line = |error: &dyn std::error::Error| vec![chain(error)];
    let etcd = Etcd::new(settings, &config.identity.node_id).map_err(|error| line(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| line(&error))?;
    runtime.block_on(bring_to(&etcd, &rows.of_operators())).map_err(|error| line(&error))
}
