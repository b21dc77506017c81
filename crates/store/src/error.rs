//! What can go wrong with the file, and what to do then.

use std::path::PathBuf;

/// What a start without the file has not.
const LOST: &str = "lost are then zones' keys, what was made through the API, its tokens, what operators \
    said and the list of it (where etcd has them these come back), and agents' pins and how servers last \
    stood (these come back with their agents)";

/// Why the file cannot be used. Each text ends with what the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or created.
    #[error(
        "cannot open the store {path}; does its directory exist, and may this user write there?"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another process has it.
    #[error("the store {path} is in use by another process; stop that one first")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is no store, or is damaged.
    #[error(
        "the store {path} is damaged: {what}; `opengslb-cli restore` puts a backup in its place. \
         Without one, move it away and start again: {LOST}"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which part.
        what: String,
        /// What the parts below said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A later release wrote it.
    #[error(
        "the store {path} has format {found}, and this release knows formats up to {known}; run \
         the release that wrote it, or put a backup of before in its place: `opengslb-cli restore`. \
         Without one, move the file away and start again: {LOST}"
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The version in it.
        found: u64,
        /// The highest version known here.
        known: u64,
    },
    /// Nothing was written.
    #[error("cannot write to the store {path}; is the disk full?")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the parts below said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing was written: the table holds as many rows as it may.
    #[error("the store {path} holds {rows_max} {table}, which is its limit; remove some first")]
    Full {
        /// The file.
        path: PathBuf,
        /// What there is too much of.
        table: &'static str,
        /// The limit.
        rows_max: u64,
    },
}
