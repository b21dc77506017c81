//! The file: one table for each kind of record, and the version of the format.
//!
//! Read once, then only written. One call to [`Store::write`] is one durable transaction: after it
//! returns, a power cut loses none of it; before, all of it. The call waits for the disk, so it has
//! no place on the path of a query. After an error of the disk the file is opened anew before anything
//! else is done with it: redb takes nothing more from there on (docs.rs/redb, `StorageError::PreviousIo`).

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use overwatch::{Change, Snapshot};
use redb::backends::FileBackend;
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    StorageError, TableDefinition, TableHandle, WriteTransaction,
};

use crate::change::Row;
use crate::error::StoreError;
use crate::{hand, keys, row, tokens};

/// The format that this release writes, and the highest it reads.
pub(crate) const FORMAT: u64 = 1;
/// The one row of [`META`].
const FORMAT_ROW: &str = "format";

/// Rows of one table; far above any fleet, and it bounds the memory of the next start to some
/// 100 MB. A change that would go beyond it is refused.
const ROWS_MAX: u64 = 100_000;
/// All of the file is read once, front to back, and later writes touch single rows: redb's default
/// of 1 GiB would only grow the process.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(crate) const BACKENDS: Rows<'_> = TableDefinition::new("backends");
pub(crate) const HEALTH: Rows<'_> = TableDefinition::new("health");
pub(crate) const PINS: Rows<'_> = TableDefinition::new("pins");
pub(crate) const HAND: Rows<'_> = TableDefinition::new("hand");
pub(crate) const WORDS: Rows<'_> = TableDefinition::new("words");
pub(crate) const KEYS: Rows<'_> = TableDefinition::new("keys");
pub(crate) const SERVER_WORDS: Rows<'_> = TableDefinition::new("server_words");
pub(crate) const TOKENS: Rows<'_> = TableDefinition::new("tokens");
pub(crate) const MADE: Rows<'_> = TableDefinition::new("made");
/// Words that others are still to see, in the form of [`WORDS`].
pub(crate) const UNSHARED_WORDS: Rows<'_> = TableDefinition::new("unshared_words");
/// The one row of [`MADE`].
pub(crate) const MADE_ROW: &str = "document";

/// Each table of records, and what is in it. A file of an earlier release may lack the last ones;
/// one that finds more than it knows passes over them.
pub(crate) const RECORDS: [(Rows<'_>, &str); 10] = [
    (BACKENDS, "backends"),
    (HEALTH, "standings"),
    (PINS, "pins"),
    (HAND, "pins of networks, drains and the like"),
    (WORDS, "operators' words"),
    (KEYS, "zones' keys"),
    (SERVER_WORDS, "words about servers"),
    (MADE, "documents"),
    (TOKENS, "tokens of the API"),
    (UNSHARED_WORDS, "words that wait to be shared"),
];

/// A table of records: name to JSON.
pub(crate) type Rows<'a> = TableDefinition<'a, &'static str, &'static [u8]>;
/// What a part below says, before it is known which of our errors it makes.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// How an open file becomes what redb reads and writes.
type Take = fn(&Builder, File) -> Result<Database, DatabaseError>;

/// The open file; no other process can open it meanwhile.
#[derive(Debug)]
pub struct Store {
    /// `None` once it was closed.
    database: Option<Database>,
    /// Whether the disk refused something: then the file is opened anew before the next word to it.
    is_failed: bool,
    path: PathBuf,
    mended: Option<Mended>,
    /// [`take_file`], but for the test of a disk that refuses.
    take: Take,
    /// [`ROWS_MAX`], but for the test of it.
    rows_max: u64,
}

/// What a power cut or a kill left, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Mended {
    /// It was in use to the last.
    #[error(
        "it was not closed the last time (a power cut, or a kill): all of it was checked, and all that was \
         confirmed is there"
    )]
    NotClosed,
    /// It was cut off in its first moments.
    #[error("it was cut off while it was made, before anything was in it: it was made anew")]
    NeverMade,
}

impl Store {
    /// Opens the file, or makes it, and reads all of it. Checks each page's checksum.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, belongs to another process, is damaged, or comes from a later
    /// release.
    pub fn open(path: &Path) -> Result<(Self, Snapshot), StoreError> {
        Self::open_by(path, take_file)
    }

    fn open_by(path: &Path, take: Take) -> Result<(Self, Snapshot), StoreError> {
        let (database, mended) = open_database(path, take, true)?;
        let (database, path) = (Some(database), path.to_owned());
        let mut store = Self { database, is_failed: false, path, mended, take, rows_max: ROWS_MAX };
        store.look_at_format()?;
        if store.lacks_tables()? {
            store.initialise()?;
        }
        let snapshot = store.read()?;
        Ok((store, snapshot))
    }

    /// What an earlier life left undone; `None` where it ended as it should.
    #[must_use]
    pub const fn mended(&self) -> Option<Mended> {
        self.mended
    }

    /// Makes all changes, in their order, or none. Durable once it returns.
    ///
    /// # Errors
    ///
    /// The disk refuses, or a table is full. Nothing was changed then, and the next call begins with
    /// opening the file.
    pub fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.open_again()?;
        let written = self.write_all(changes);
        self.is_failed = matches!(written, Err(StoreError::Write { .. }));
        written
    }

    fn write_all(&self, changes: &[Change]) -> Result<(), StoreError> {
        let cannot = |cause| self.cannot_write(cause);
        let database = self.database().map_err(cannot)?;
        let mut transaction = database.begin_write().map_err(|error| cannot(error.into()))?;
        // One more wait for the disk, so that a damaged page is always an error: with one phase,
        // redb takes it for a torn commit and silently goes back to the one before, without the
        // pins made since.
        transaction.set_two_phase_commit(true);
        for change in changes {
            write_one(&transaction, change).map_err(cannot)?;
        }
        for (table, name) in RECORDS {
            let rows = count(&transaction, table).map_err(cannot)?;
            if rows > self.rows_max {
                let (path, rows_max) = (self.path.clone(), self.rows_max);
                return Err(StoreError::Full { path, table: name, rows_max });
            }
        }
        transaction.commit().map_err(|error| cannot(error.into()))
    }

    /// Closes the file: another process may open it. The next word to it opens it again.
    pub fn close(&mut self) {
        self.database = None;
    }

    /// Opens the file again where it is closed or failed, as it is there: it is not made anew.
    pub(crate) fn open_again(&mut self) -> Result<(), StoreError> {
        if self.database.is_some() && !self.is_failed {
            return Ok(());
        }
        // Kept until now, since it keeps others away.
        self.database = None;
        self.database = Some(open_database(&self.path, self.take, false)?.0);
        self.is_failed = false;
        self.look_at_format()
    }

    pub(crate) fn database(&self) -> Result<&Database, Cause> {
        self.database.as_ref().ok_or_else(|| "it is closed".into())
    }

    /// Whether this release knows what is in the file.
    fn look_at_format(&mut self) -> Result<(), StoreError> {
        let Some(found) = self.format()?.filter(|found| *found > FORMAT) else { return Ok(()) };
        self.database = None;
        Err(StoreError::NewerFormat { path: self.path.clone(), found, known: FORMAT })
    }

    /// The format in the file; nothing in a new one.
    fn format(&self) -> Result<Option<u64>, StoreError> {
        let read = || -> Result<Option<u64>, Cause> {
            let transaction = self.database()?.begin_read()?;
            if transaction.list_tables()?.next().is_none() {
                return Ok(None);
            }
            let format = transaction.open_table(META)?.get(FORMAT_ROW)?.map(|row| row.value());
            format.map(Some).ok_or_else(|| "it names no format".into())
        };
        read().map_err(|cause| self.damaged("the format", cause))
    }

    /// Whether the file is new, or of a release that kept less.
    fn lacks_tables(&self) -> Result<bool, StoreError> {
        let read = || -> Result<bool, Cause> {
            let transaction = self.database()?.begin_read()?;
            Ok(transaction.list_tables()?.count() <= RECORDS.len())
        };
        read().map_err(|cause| self.damaged("the list of tables", cause))
    }

    /// Makes the tables that there are not.
    fn initialise(&self) -> Result<(), StoreError> {
        let write = || -> Result<(), Cause> {
            let transaction = self.database()?.begin_write()?;
            transaction.open_table(META)?.insert(FORMAT_ROW, FORMAT)?;
            for (table, _) in RECORDS {
                transaction.open_table(table)?;
            }
            Ok(transaction.commit()?)
        };
        write().map_err(|cause| self.cannot_write(cause))
    }

    fn read(&self) -> Result<Snapshot, StoreError> {
        let mut snapshot = Snapshot::default();
        for (table, _) in RECORDS {
            self.each_row(table, |name, bytes| read_row(table, name, bytes, &mut snapshot))?;
        }
        Ok(snapshot)
    }

    /// Hands each row of a table to `take`.
    fn each_row(
        &self,
        table: Rows<'_>,
        mut take: impl FnMut(&str, &[u8]) -> Result<(), Cause>,
    ) -> Result<(), StoreError> {
        let mut at = None;
        let mut read = || -> Result<(), Cause> {
            let transaction = self.database()?.begin_read()?;
            for row in transaction.open_table(table)?.iter()? {
                let (name, bytes) = row?;
                at = Some(name.value().to_owned());
                take(name.value(), bytes.value())?;
            }
            Ok(())
        };
        let done = read();
        done.map_err(|cause| {
            let row = at.map_or_else(String::new, |name| format!(", at {name:?}"));
            self.damaged(&format!("table {}{row}", table.name()), cause)
        })
    }

    pub(crate) fn damaged(&self, what: &str, source: Cause) -> StoreError {
        let (path, what) = (self.path.clone(), what.to_owned());
        StoreError::Damaged { path, what, source: Some(source) }
    }

    pub(crate) fn cannot_write(&self, source: Cause) -> StoreError {
        StoreError::Write { path: self.path.clone(), source }
    }
}

/// One row of a table as what it means.
pub(crate) fn read_row(
    table: Rows<'_>,
    name: &str,
    bytes: &[u8],
    snapshot: &mut Snapshot,
) -> Result<(), Cause> {
    match table.name() {
        of if of == BACKENDS.name() => {
            let row = row::read_backend(bytes)?;
            snapshot.backends.insert(row.backend.key.clone(), row);
        }
        of if of == HEALTH.name() => {
            let (key, row) = row::read_health(bytes)?;
            snapshot.health.insert(key, row);
        }
        of if of == PINS.name() => {
            snapshot.pins.insert(name.parse()?, row::read_pin(bytes)?);
        }
        of if of == WORDS.name() => {
            snapshot.audit.insert(name.parse()?, hand::read_word(bytes)?);
        }
        of if of == UNSHARED_WORDS.name() => {
            snapshot.unshared.insert(name.parse()?, hand::read_word(bytes)?);
        }
        of if of == KEYS.name() => {
            snapshot.keys.insert(name.to_owned(), keys::read_keys(bytes)?);
        }
        of if of == TOKENS.name() => {
            let token = tokens::read_token(name.parse()?, bytes)?;
            snapshot.tokens.insert(token.name.clone(), token);
        }
        of if of == MADE.name() => str::from_utf8(bytes)?.clone_into(&mut snapshot.made),
        // Words about routing, and those about servers.
        _ => {
            snapshot.hand.insert(name.to_owned(), hand::read_hand(bytes)?);
        }
    }
    Ok(())
}

fn open_database(
    path: &Path,
    take: Take,
    is_made: bool,
) -> Result<(Database, Option<Mended>), StoreError> {
    let open = |source| StoreError::Open { path: path.to_owned(), source };
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    let mut file = open_private(path, is_made).map_err(open)?;
    let was_open = was_open(&mut file).map_err(open)?;
    let taken = take(&builder, file);
    // Another process that is making it would have been in the way.
    if taken.is_err() && is_made {
        let mut file = open_private(path, false).map_err(open)?;
        if is_unfinished(&mut file).map_err(open)? {
            file.set_len(0).map_err(open)?;
            let database = take(&builder, file).map_err(|error| cannot_open(path, error))?;
            return Ok((database, Some(Mended::NeverMade)));
        }
    }
    let database = taken.map_err(|error| cannot_open(path, error))?;
    Ok((database, was_open.then_some(Mended::NotClosed)))
}

/// What a file of redb's begins with; written last when one is made (`page_manager.rs`, `MAGICNUMBER`).
const MAGIC: [u8; 9] = *b"redb\x1a\n\xa9\r\n";
/// The bit of the next byte that stands while somebody has it open (`header.rs`, `RECOVERY_REQUIRED`).
const OPEN_BIT: u8 = 2;
/// Behind this there is nothing in a file that is being made: its header is shorter.
const HEADER_MAX: usize = 512;

/// Whether whoever had the file last did not close it.
fn was_open(file: &mut File) -> std::io::Result<bool> {
    let mut head = Vec::new();
    file.take(MAGIC.len() as u64 + 1).read_to_end(&mut head)?;
    file.rewind()?;
    let flags = head.strip_prefix(&MAGIC).and_then(|rest| rest.first());
    Ok(flags.is_some_and(|flags| flags & OPEN_BIT != 0))
}

/// Whether a file is one that was never made to its end: its beginning is not there, or not all of it, and
/// nothing was ever written behind its header.
fn is_unfinished(file: &mut File) -> std::io::Result<bool> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let magic = bytes.get(..MAGIC.len().min(bytes.len())).unwrap_or_default();
    let there = magic.iter().zip(&MAGIC).take_while(|(byte, expected)| byte == expected).count();
    let is_cut = there < MAGIC.len() && magic.iter().skip(there).all(|byte| *byte == 0);
    let is_empty = bytes.iter().skip(HEADER_MAX).all(|byte| *byte == 0);
    Ok(!bytes.is_empty() && is_cut && is_empty)
}

fn take_file(builder: &Builder, file: File) -> Result<Database, DatabaseError> {
    builder.create_with_backend(FileBackend::new(file)?)
}

/// Opens the file, or makes it, so that only its owner can read it: it says who is trusted.
fn open_private(path: &Path, is_made: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(is_made).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        // A file that was copied here may have come with wider rights.
        file.set_permissions(PermissionsExt::from_mode(0o600))?;
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

/// Sorts out why the file could not be opened.
fn cannot_open(path: &Path, error: DatabaseError) -> StoreError {
    let path = path.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            StoreError::InUse { path }
        }
        // These two are a file that does not begin as redb's files do, and one that is cut short.
        DatabaseError::Storage(StorageError::Io(source))
            if !matches!(source.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
        {
            StoreError::Open { path, source }
        }
        other => {
            StoreError::Damaged { path, what: "the file".to_owned(), source: Some(other.into()) }
        }
    }
}

/// Makes one change within a transaction.
fn write_one(transaction: &WriteTransaction, change: &Change) -> Result<(), Cause> {
    match Row::of(change)? {
        Row { table, name, bytes: Some(bytes) } => put(transaction, table, &name, &bytes),
        Row { table, name, bytes: None } => remove(transaction, table, &name),
    }
}

pub(crate) fn put(
    transaction: &WriteTransaction,
    table: Rows<'_>,
    name: &str,
    bytes: &[u8],
) -> Result<(), Cause> {
    transaction.open_table(table)?.insert(name, bytes)?;
    Ok(())
}

fn remove(transaction: &WriteTransaction, table: Rows<'_>, name: &str) -> Result<(), Cause> {
    transaction.open_table(table)?.remove(name)?;
    Ok(())
}

fn count(transaction: &WriteTransaction, table: Rows<'_>) -> Result<u64, Cause> {
    Ok(transaction.open_table(table)?.len()?)
}

#[cfg(test)]
mod tests;
