//! All rows of a store as one JSON document, and back.
//!
//! The document is the file in another form: the same tables, names and rows. What comes back is read
//! whole, by the readers of the file, before anything is written. Zones' keys are in it: it is a secret.

use std::collections::BTreeMap;

use model::Time;
use overwatch::Snapshot;
use redb::{ReadableDatabase, ReadableTable, TableHandle};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::store::{Cause, FORMAT, KEYS, RECORDS, Store, put, read_row};

/// What a backup is known by.
const KIND: &str = "opengslb store";

/// Everything that a store holds.
#[derive(Serialize, Deserialize)]
pub struct Backup {
    kind: String,
    format: u64,
    /// By table and name. A row that is no JSON is a string.
    tables: BTreeMap<String, BTreeMap<String, Value>>,
}

/// Why a document is no backup that this release can take.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It is another kind of file.
    #[error("it is no backup of a store")]
    NoBackup(#[source] Option<serde_json::Error>),
    /// A later release wrote it.
    #[error("it has format {found}, and this release knows formats up to {FORMAT}")]
    NewerFormat {
        /// The version in it.
        found: u64,
    },
    /// It has a table that this release does not know.
    #[error("it has a table {0:?}, which this release does not know")]
    Table(String),
    /// A row means nothing.
    #[error("the row {row:?} of table {table} means nothing")]
    Row {
        /// Which table.
        table: String,
        /// Which row.
        row: String,
        /// Why.
        source: Cause,
    },
}

impl Backup {
    /// Reads a document, each row of it.
    ///
    /// # Errors
    ///
    /// It is none, or a row of it means nothing.
    pub fn read(text: &str) -> Result<(Self, Snapshot), BackupError> {
        let backup: Self =
            serde_json::from_str(text).map_err(|why| BackupError::NoBackup(Some(why)))?;
        if backup.kind != KIND {
            return Err(BackupError::NoBackup(None));
        }
        if backup.format > FORMAT {
            return Err(BackupError::NewerFormat { found: backup.format });
        }
        let mut snapshot = Snapshot::default();
        for (name, rows) in &backup.tables {
            let known = RECORDS.iter().find(|(table, _)| table.name() == name);
            let (table, _) = known.ok_or_else(|| BackupError::Table(name.clone()))?;
            for (row, value) in rows {
                let fault =
                    |source| BackupError::Row { table: name.clone(), row: row.clone(), source };
                let bytes = bytes_of(value).map_err(fault)?;
                read_row(*table, row, &bytes, &mut snapshot).map_err(fault)?;
            }
        }
        Ok((backup, snapshot))
    }
}

impl Backup {
    /// Its zones' keys are to be in the place of others, whatever an overwatch has that shares them: in the rows
    /// too that were read of it.
    pub fn replace_keys(&mut self, rows: &mut Snapshot, now: Time) {
        let table = self.tables.entry(KEYS.name().to_owned()).or_default();
        for (zone, ring) in &mut rows.keys {
            ring.replace(now);
            table.insert(zone.clone(), Value::String(ring.to_text().to_string()));
        }
    }
}

impl Store {
    /// All rows as one document.
    ///
    /// # Errors
    ///
    /// The file is damaged, or cannot be opened again.
    pub fn export(&mut self) -> Result<String, StoreError> {
        self.open_again()?;
        let read = || -> Result<String, Cause> {
            let transaction = self.database()?.begin_read()?;
            let mut tables = BTreeMap::new();
            for (table, _) in RECORDS {
                let mut rows = BTreeMap::new();
                for row in transaction.open_table(table)?.iter()? {
                    let (name, bytes) = row?;
                    let value = serde_json::from_slice(bytes.value());
                    let value = value.or_else(|_| -> Result<Value, Cause> {
                        Ok(Value::String(str::from_utf8(bytes.value())?.to_owned()))
                    });
                    rows.insert(name.value().to_owned(), value?);
                }
                tables.insert(table.name().to_owned(), rows);
            }
            let backup = Backup { kind: KIND.to_owned(), format: FORMAT, tables };
            Ok(serde_json::to_string_pretty(&backup)?)
        };
        read().map_err(|cause| self.damaged("its rows", cause))
    }

    /// Holds what a backup holds, and nothing else: in one transaction, or not at all.
    ///
    /// # Errors
    ///
    /// The disk refuses. Nothing was changed then.
    pub fn replace(&mut self, backup: &Backup) -> Result<(), StoreError> {
        self.open_again()?;
        let write = || -> Result<(), Cause> {
            let mut transaction = self.database()?.begin_write()?;
            transaction.set_two_phase_commit(true);
            for (table, _) in RECORDS {
                transaction.delete_table(table)?;
                transaction.open_table(table)?;
                for (name, value) in backup.tables.get(table.name()).into_iter().flatten() {
                    put(&transaction, table, name, &bytes_of(value)?)?;
                }
            }
            Ok(transaction.commit()?)
        };
        write().map_err(|cause| self.cannot_write(cause))
    }
}

/// A row as it stands in the file.
fn bytes_of(value: &Value) -> Result<Vec<u8>, Cause> {
    match value {
        Value::String(text) => Ok(text.clone().into_bytes()),
        value => Ok(serde_json::to_vec(value)?),
    }
}

impl std::fmt::Debug for Backup {
    /// Without the rows: there are secrets among them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backup").field("format", &self.format).finish_non_exhaustive()
    }
}
