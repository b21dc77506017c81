//! The learned table's files: a snapshot, and the steps that followed it, in one directory.
//!
//! ```text
//! learned.7.rows    the table as generation 7 began, a frame for some thousand rows
//! learned.7.steps   what changed it since, a frame a second; each is on the disk when it counts as written
//! learned.8.steps   while learned.8.rows is being written
//! ```
//!
//! - `lock`: who may write,
//! - [`frame`]: bytes with a length and checksums,
//! - `read`: files to a table, whatever is left of them.
//!
//! Writes what it is given, in order, and never over what it could not read. Must not run on a thread
//! that anybody waits for. Which steps there are is `overwatch`'s to know, what a row is `latency`'s. See
//! `docs/decisions/0060-the-table-on-disk.md`.

mod lock;

pub mod frame;

pub(crate) mod read;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use latency::{TableLimits, TableSnapshot};
use model::Time;

use self::frame::{Header, put_frame};
pub use self::lock::TableLock;
pub use self::read::Found;

/// The format that this release writes, and the highest it reads.
pub(crate) const FORMAT: u32 = 1;

/// Steps of fewer bytes are no reason for a snapshot: a quarter of a million rows, done again in less than
/// half a second.
const STEPS_BYTES_MIN: u64 = 1024 * 1024;
/// Nor are those that are less than this part of the last one. To do a step again takes ten times as
/// long as to read a row, in four bytes instead of ten; so steps take three times as long as the snapshot
/// at most.
const STEPS_PART: u64 = 8;

/// A snapshot is handed to the disk in pieces of this size: the last wait is short, and steps are
/// written in between.
const SYNC_EVERY_BYTES: usize = 8 * 1024 * 1024;

/// The name of the file while it is no snapshot yet.
const UNFINISHED: &str = "learned.rows.new";

/// Why the files cannot be used. What was on the disk before is still there.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The disk refuses.
    #[error("the learned table: cannot {what} {path}")]
    Disk {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A later release wrote them.
    #[error(
        "the learned table: {path} is of format {found}, and this release knows {known}; run the later \
         release, or remove the file: agents tell again what they learned"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// That of this release.
        known: u32,
    },
    /// Another thread, or another process, writes them still.
    #[error("the learned table: somebody else holds {path}")]
    Held {
        /// The lock.
        path: PathBuf,
    },
    /// The writing of a snapshot was given up; steps go on as they did.
    #[error("the learned table: a snapshot was given up")]
    GivenUp,
    /// Steps that follow ones that are not on the disk: a snapshot has to come first.
    #[error("the learned table: nothing more is kept until a snapshot is written")]
    Closed,
}

/// The files, ready to be written.
#[derive(Debug)]
pub struct TableFiles {
    directory: PathBuf,
    /// That of the last steps.
    generation: u64,
    /// Where steps go; `None` where one is missing on the disk.
    steps: Option<File>,
    /// How long that file is.
    steps_bytes: u64,
    /// Frames in it.
    steps_number: u64,
    /// How long all files are beside it.
    other_bytes: u64,
    /// How long the last snapshot was.
    rows_bytes: u64,
}

/// A table that is to be written whole.
#[derive(Debug)]
pub struct TableCopy {
    /// As it is behind the last step.
    pub table: TableSnapshot,
    /// When it was so: up to then it says all.
    pub at: Time,
    /// Whether it can be had from the files too: no step that led to it is missing there.
    pub follows: bool,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Rows,
    Steps,
}

impl TableFiles {
    /// Reads what is there, and goes on behind it. Whatever is damaged is left out and said in
    /// [`Found::dropped`]; where that is more than the end of the last file, no step is written before
    /// the next snapshot.
    ///
    /// # Errors
    ///
    /// The directory cannot be read or written, or a later release wrote there.
    pub fn open(directory: &Path, limits: TableLimits) -> Result<(Self, Found), TableError> {
        let listed = List::of(directory)?;
        let found = read::read(directory, &listed, limits)?;
        let mut files = Self::behind(directory, &listed);
        files.rows_bytes = found.rows_bytes;
        match found.goes_on_at {
            Some((generation, length, number)) => files.go_on(generation, length, number)?,
            None if listed.files.is_empty() => files.begin(true)?,
            None => {}
        }
        Ok((files, found))
    }

    /// Writes behind what is there, whatever it is: a snapshot first.
    ///
    /// # Errors
    ///
    /// The directory cannot be read, or a later release wrote there.
    pub fn anew(directory: &Path) -> Result<Self, TableError> {
        let listed = List::of(directory)?;
        for (generation, kind, _) in &listed.files {
            read::known(&path_of(directory, *generation, *kind), (*kind, *generation))?;
        }
        Ok(Self::behind(directory, &listed))
    }

    fn behind(directory: &Path, listed: &List) -> Self {
        Self {
            directory: directory.to_owned(),
            generation: listed.files.iter().map(|(generation, ..)| *generation).max().unwrap_or(0),
            steps: None,
            steps_bytes: 0,
            steps_number: 0,
            other_bytes: listed.files.iter().map(|(.., bytes)| bytes).sum(),
            rows_bytes: 0,
        }
    }

    /// Goes on behind the last whole frame of the last steps.
    fn go_on(&mut self, generation: u64, length: u64, number: u64) -> Result<(), TableError> {
        let path = path_of(&self.directory, generation, Kind::Steps);
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(disk("open", &path))?;
        let before = file.metadata().map_err(disk("read", &path))?.len();
        if before != length {
            // On the disk with the next step; until then a cut finds the same end again.
            file.set_len(length).map_err(disk("cut", &path))?;
        }
        self.other_bytes = self.other_bytes.saturating_sub(before);
        (self.steps, self.steps_bytes, self.steps_number) = (Some(file), length, number);
        Ok(())
    }

    /// Keeps what happened since the last call. On the disk once it returns.
    ///
    /// # Errors
    ///
    /// The disk refuses; then this and all that follows is not kept until a snapshot is.
    pub fn append(&mut self, batch: &[u8]) -> Result<(), TableError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(frame::HEAD_BYTES + batch.len());
        put_frame(&mut bytes, (self.generation, self.steps_number), batch);
        let path = path_of(&self.directory, self.generation, Kind::Steps);
        let Some(file) = &mut self.steps else { return Err(TableError::Closed) };
        if let Err(source) = file.write_all(&bytes).and_then(|()| file.sync_data()) {
            // What is left of it is no frame. That it is cut off is better, but not needed.
            let _ = file.set_len(self.steps_bytes);
            self.steps = None;
            return Err(TableError::Disk { what: "write", path, source });
        }
        self.steps_bytes += bytes.len() as u64;
        self.steps_number += 1;
        Ok(())
    }

    /// Whether steps are kept.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.steps.is_some()
    }

    /// Whether it is time for a snapshot.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        !self.is_open() || self.steps_bytes > STEPS_BYTES_MIN.max(self.rows_bytes / STEPS_PART)
    }

    /// How many bytes the files have.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.other_bytes + self.steps_bytes
    }

    /// Writes a table whole; then earlier files go. `between` is called again and again meanwhile, to write
    /// steps that follow.
    ///
    /// # Errors
    ///
    /// The disk refuses, or `between` does; then nothing more is kept until this succeeds, but for
    /// [`TableError::GivenUp`] of a table that follows.
    pub fn snapshot(
        &mut self,
        copy: &TableCopy,
        between: &mut dyn FnMut(&mut Self) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let follows = copy.follows && self.is_open();
        let written = self.try_snapshot(copy, follows, between);
        let Err(fault) = &written else { return Ok(()) };
        // A disk that is full has its room back.
        let _ = std::fs::remove_file(self.directory.join(UNFINISHED));
        if follows && matches!(fault, TableError::GivenUp) {
            return written;
        }
        self.steps = None;
        // So that a disk that stays full has not one more file with each attempt.
        if !follows || self.steps_number <= 1 {
            let path = path_of(&self.directory, self.generation, Kind::Steps);
            if std::fs::remove_file(path).is_ok() {
                self.steps_bytes = 0;
            }
        }
        written
    }

    fn try_snapshot(
        &mut self,
        copy: &TableCopy,
        follows: bool,
        between: &mut dyn FnMut(&mut Self) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        self.begin(follows)?;
        // Rows have no time. With this each snapshot that has its name has one, whenever power is cut.
        self.append(&overwatch::batch_of_none(copy.at))?;
        let (generation, path) = (self.generation, self.directory.join(UNFINISHED));
        let mut file = create(&path)?;
        let mut bytes = Header { kind: Kind::Rows, generation, follows: false }.to_bytes();
        let (mut number, mut length) = (0, 0);
        for chunk in copy.table.saved() {
            put_frame(&mut bytes, (generation, number), &chunk);
            number += 1;
            if bytes.len() >= SYNC_EVERY_BYTES {
                length += bytes.len() as u64;
                file.write_all(&bytes)
                    .and_then(|()| file.sync_data())
                    .map_err(disk("write", &path))?;
                bytes.clear();
            }
            between(self)?;
        }
        put_frame(&mut bytes, (generation, number), &read::LAST);
        length += bytes.len() as u64;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(disk("write", &path))?;
        let whole = path_of(&self.directory, generation, Kind::Rows);
        std::fs::rename(&path, &whole).map_err(disk("rename", &path))?;
        sync_directory(&self.directory)?;
        self.rows_bytes = length;
        self.remove_before(generation);
        Ok(())
    }

    /// Begins steps of the next generation; `follows` where none is missing before them.
    fn begin(&mut self, follows: bool) -> Result<(), TableError> {
        self.other_bytes += self.steps_bytes;
        self.generation += 1;
        (self.steps, self.steps_bytes, self.steps_number) = (None, 0, 0);
        let path = path_of(&self.directory, self.generation, Kind::Steps);
        let mut file = create(&path)?;
        let header = Header { kind: Kind::Steps, generation: self.generation, follows };
        let header = header.to_bytes();
        file.write_all(&header).and_then(|()| file.sync_all()).map_err(disk("write", &path))?;
        sync_directory(&self.directory)?;
        (self.steps, self.steps_bytes) = (Some(file), header.len() as u64);
        Ok(())
    }

    /// Earlier files go. One that stays is in nobody's way: a later generation is read first.
    fn remove_before(&mut self, generation: u64) {
        let Ok(listed) = List::of(&self.directory) else { return };
        for (of, kind, _) in listed.files.iter().filter(|(of, ..)| *of < generation) {
            let _ = std::fs::remove_file(path_of(&self.directory, *of, *kind));
        }
        self.other_bytes = self.rows_bytes;
    }

    /// Removes all files of a table from a directory; says how many there were.
    ///
    /// # Errors
    ///
    /// The directory cannot be read, or the disk refuses.
    pub fn remove(directory: &Path) -> Result<usize, TableError> {
        let listed = List::of(directory)?;
        for (generation, kind, _) in &listed.files {
            let path = path_of(directory, *generation, *kind);
            std::fs::remove_file(&path).map_err(disk("remove", &path))?;
        }
        // Usually there is none.
        let _ = std::fs::remove_file(directory.join(UNFINISHED));
        TableLock::remove(directory);
        Ok(listed.files.len())
    }
}

/// Which files there are, ascending by generation, each with its length.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) files: Vec<(u64, Kind, u64)>,
}

impl List {
    fn of(directory: &Path) -> Result<Self, TableError> {
        let entries = std::fs::read_dir(directory).map_err(disk("list", directory))?;
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(disk("list", directory))?;
            let name = entry.file_name();
            if let Some((generation, kind)) = name.to_str().and_then(kind_of) {
                files.push((generation, kind, entry.metadata().map_or(0, |about| about.len())));
            }
        }
        files.sort_unstable();
        Ok(Self { files })
    }
}

pub(crate) fn path_of(directory: &Path, generation: u64, kind: Kind) -> PathBuf {
    let end = match kind {
        Kind::Rows => "rows",
        Kind::Steps => "steps",
    };
    directory.join(format!("learned.{generation}.{end}"))
}

fn kind_of(name: &str) -> Option<(u64, Kind)> {
    let (generation, end) = name.strip_prefix("learned.")?.split_once('.')?;
    let kind = match end {
        "rows" => Kind::Rows,
        "steps" => Kind::Steps,
        _ => return None,
    };
    Some((generation.parse().ok()?, kind))
}

/// Makes a file that only its owner can read: it says whose clients there are.
fn create(path: &Path) -> Result<File, TableError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(disk("create", path))
}

/// A name is on the disk once its directory is.
fn sync_directory(directory: &Path) -> Result<(), TableError> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(disk("write", directory))
}

pub(crate) fn disk(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TableError {
    move |source| TableError::Disk { what, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
