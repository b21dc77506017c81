//! Files that are opened with the first snapshot, and tried again with each until they open: behind
//! another process that may still write, or on a disk that did not let them be read. Reads nothing that
//! was learned.

use std::path::{Path, PathBuf};

use store::{TableCopy, TableError, TableFiles, TableLock};

use super::thread::{Between, Disk};

/// The files of a directory, once they are open.
#[derive(Debug)]
pub(super) struct Anew {
    directory: PathBuf,
    open: Option<(TableFiles, TableLock)>,
}

impl Anew {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), open: None }
    }

    /// Opens them. Whatever they hold is left as it is until a snapshot stands.
    fn open(&self) -> Result<(TableFiles, TableLock), TableError> {
        let lock = TableLock::take(&self.directory)?;
        Ok((TableFiles::anew(&self.directory)?, lock))
    }
}

impl Disk for Anew {
    fn append(&mut self, batch: &[u8]) -> Result<(), TableError> {
        let Some((files, _)) = &mut self.open else { return Err(TableError::Closed) };
        files.append(batch)
    }

    fn snapshot(&mut self, copy: &TableCopy, between: &mut Between<'_>) -> Result<(), TableError> {
        let mut open = self.open.take().map_or_else(|| self.open(), Ok)?;
        let written = Disk::snapshot(&mut open.0, copy, between);
        self.open = Some(open);
        written
    }

    fn wants_snapshot(&self) -> bool {
        self.open.as_ref().is_none_or(|(files, _)| files.wants_snapshot())
    }

    fn bytes(&self) -> u64 {
        self.open.as_ref().map_or(0, |(files, _)| files.bytes())
    }
}
