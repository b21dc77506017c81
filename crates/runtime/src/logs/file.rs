//! A log in a file, for a process whose standard error nobody reads. When it is full it is put aside
//! under a second name, and the one before goes. Must never hold up a line for long, nor fill a disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The longest file: with the one put aside, at most twice that. Some hundred thousand lines each.
pub(super) const BYTES_MAX: u64 = 64 << 20;

/// A file that lines go to.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl LogFile {
    /// Goes on with the file, or begins it; makes its directory, if need be.
    pub(super) fn open(path: &Path, bytes_max: u64) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, bytes, bytes_max })
    }

    /// Puts the file aside and begins it anew. Where the system refuses, it goes on as it is.
    fn turn(&mut self) {
        let mut aside = self.path.as_os_str().to_owned();
        aside.push(".1");
        if fs::rename(&self.path, aside).is_ok()
            && let Ok(next) = Self::open(&self.path, self.bytes_max)
        {
            *self = next;
        }
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.bytes >= self.bytes_max {
            self.turn();
        }
        let written = self.file.write(line)?;
        self.bytes = self.bytes.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_put_aside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("logs/agent.log");
        let read = |name: &str| fs::read_to_string(path.with_file_name(name)).unwrap_or_default();
        let mut log = LogFile::open(&path, 8).unwrap();
        log.write_all(b"one\n").unwrap();
        drop(log);
        let mut log = LogFile::open(&path, 8).unwrap();
        for line in ["two\n", "three\n", "four\n", "five\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(read("agent.log"), "five\n");
        assert_eq!(read("agent.log.1"), "three\nfour\n");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
    }
}
