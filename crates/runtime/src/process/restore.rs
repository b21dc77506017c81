//! A backup in the place of the store, while no process runs on it.
//!
//! Read and checked whole first: its rows by the readers of the store, what was made through the API
//! together with the configuration. Then it is written to a new file beside the old one. Where operators' rows are
//! shared in etcd, those there are made the backup's, and the other overwatches follow; at last the new file takes
//! the name of the old one. So what the old one is does not matter: one that is damaged, or of a later release, is
//! put aside. Must never touch a store that a process has open.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use config::{EtcdSettings, Made, OverwatchConfig};
use overwatch::Snapshot;
use store::{Backup, Store, StoreError};

use super::overwatch::STORE;
use super::reload::Files;
use crate::clock;
use crate::etcd::commit::bring_to;
use crate::etcd::{Etcd, EtcdError};
use crate::logs::chain;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What somebody should know.
    pub warnings: Vec<String>,
    /// How many rows were changed in etcd; `None` where nothing is shared.
    pub shared_rows: Option<usize>,
}

/// Why it was not restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRestored {
    /// Everything that is wrong, a line each.
    pub lines: Vec<String>,
    /// Whether nothing was changed, in etcd neither.
    pub is_unchanged: bool,
}

/// Restores a backup to the store of a data directory.
///
/// # Errors
///
/// Everything that is wrong with it, a line each; or a process runs on the store, or etcd is not reached.
/// Nothing was changed then, but for rows that are in etcd already where that went meanwhile, which is said:
/// restored again, the rest follows.
pub fn restore(
    text: &str,
    config: &OverwatchConfig,
    files: &Files,
) -> Result<Restored, NotRestored> {
    let data = Path::new(&config.data_dir);
    let (mut backup, mut snapshot) = Backup::read(text).map_err(|error| unchanged(&error))?;
    let (made, unread) = match snapshot.made.as_str() {
        "" => (Made::none(), Vec::new()),
        document => Made::from_document(document),
    };
    let not = |lines: Vec<String>| NotRestored { lines, is_unchanged: true };
    if !unread.is_empty() {
        return Err(not(unread.iter().map(|fault| chain(fault)).collect()));
    }
    let checked = files.check(&made);
    let lines = |faults: Vec<config::Fault>| not(faults.iter().map(ToString::to_string).collect());
    let mut warnings = checked.map_err(lines)?.warnings;
    // Somebody wants these keys, whatever others have.
    backup.replace_keys(&mut snapshot, clock::wall());
    fs::create_dir_all(data).map_err(|error| unchanged(&error))?;
    // Held until the end: nobody starts on it meanwhile.
    let old = Old::open(&data.join(STORE)).map_err(|error| unchanged(&error))?;
    let new = New::write(data, &backup).map_err(|error| unchanged(error.as_ref()))?;
    let shared = config.etcd.as_ref().map(|etcd| share(etcd, config, &snapshot));
    let shared_rows = shared.transpose()?;
    let is_unchanged = shared_rows.is_none_or(|rows| rows == 0);
    let named = old.put_aside().and_then(|aside| new.name().map(|()| aside));
    let aside = named.map_err(|error| NotRestored { lines: vec![chain(&error)], is_unchanged })?;
    warnings.extend(aside);
    Ok(Restored { warnings, shared_rows })
}

fn unchanged(error: &(dyn std::error::Error + 'static)) -> NotRestored {
    NotRestored { lines: vec![chain(error)], is_unchanged: true }
}

/// The store that was there.
struct Old {
    path: PathBuf,
    /// Open, so that nobody else opens it; or why it cannot be read.
    store: Result<Option<Store>, StoreError>,
}

impl Old {
    /// # Errors
    ///
    /// A process has it open, or it cannot be told.
    fn open(path: &Path) -> Result<Self, StoreError> {
        let path = path.to_owned();
        let store = match fs::exists(&path) {
            Ok(false) => Ok(None),
            _ => Store::open(&path).map(|(store, _)| Some(store)),
        };
        match store {
            Err(StoreError::Damaged { .. } | StoreError::NewerFormat { .. }) | Ok(_) => {
                Ok(Self { path, store })
            }
            Err(error) => Err(error),
        }
    }

    /// One that could not be read is kept under another name, which is said.
    fn put_aside(&self) -> std::io::Result<Option<String>> {
        let Err(why) = &self.store else { return Ok(None) };
        let aside = self.path.with_extension("redb.aside");
        fs::rename(&self.path, &aside)?;
        let what = match why {
            StoreError::NewerFormat { found, .. } => format!("has format {found}"),
            _ => "is damaged".to_owned(),
        };
        Ok(Some(format!("the store that was there {what}: it is kept as {}", aside.display())))
    }
}

/// The store that a backup makes, beside the old one. Gone where it does not get its name.
struct New {
    path: PathBuf,
    name: PathBuf,
}

impl New {
    fn write(data: &Path, backup: &Backup) -> Result<Self, Box<dyn std::error::Error>> {
        let (path, name) = (data.join(format!("{STORE}.new")), data.join(STORE));
        // What one that was ended left.
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error.into());
        }
        let new = Self { path, name };
        let (mut store, _) = Store::open(&new.path)?;
        store.replace(backup)?;
        drop(store);
        // Whoever runs on this directory has to open it.
        let (of, is) = (fs::metadata(data)?, fs::metadata(&new.path)?);
        if (of.uid(), of.gid()) != (is.uid(), is.gid()) && is.uid() == 0 {
            chown(&new.path, Some(of.uid()), Some(of.gid()))?;
        }
        Ok(new)
    }

    fn name(self) -> std::io::Result<()> {
        fs::rename(&self.path, &self.name)?;
        // The name too is there after a power cut.
        self.name.parent().map_or(Ok(()), |data| File::open(data)?.sync_all())
    }
}

impl Drop for New {
    fn drop(&mut self) {
        // Where it has its name there is nothing to remove.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes the rows in etcd those of a backup. Says how many were others.
fn share(
    settings: &EtcdSettings,
    config: &OverwatchConfig,
    rows: &Snapshot,
) -> Result<usize, NotRestored> {
    let etcd = Etcd::new(settings, &config.identity.node_id).map_err(|error| unchanged(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unchanged(&error))?;
    runtime.block_on(bring_to(&etcd, &rows.of_operators())).map_err(|error| {
        let is_unchanged = match &error {
            EtcdError::Partly { .. }
            | EtcdError::Silent { .. }
            | EtcdError::Nonsense { .. }
            | EtcdError::Fault => false,
            EtcdError::Refused { is_certain, .. } => *is_certain,
            _ => true,
        };
        NotRestored { lines: vec![chain(&error)], is_unchanged }
    })
}
