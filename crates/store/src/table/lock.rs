//! Who may write the table's files: one thread of one process. Guards nobody who does not ask for it, and
//! waits for nobody.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::{TableError, create, disk};

/// Held by whoever writes, until it is dropped or the process ends.
#[derive(Debug)]
pub struct TableLock {
    _file: File,
}

impl TableLock {
    /// Takes it.
    ///
    /// # Errors
    ///
    /// [`TableError::Held`] where somebody else has it; or the disk refuses.
    pub fn take(directory: &Path) -> Result<Self, TableError> {
        let path = path_of(directory);
        let file = create(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(TableError::Held { path }),
            Err(TryLockError::Error(source)) => Err(disk("lock", &path)(source)),
        }
    }

    /// Removes it where there is one, for a directory in which nothing is kept any more.
    pub(super) fn remove(directory: &Path) {
        let _ = std::fs::remove_file(path_of(directory));
    }
}

fn path_of(directory: &Path) -> PathBuf {
    directory.join("learned.lock")
}
