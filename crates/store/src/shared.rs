//! What operators made, as several overwatches share it: which rows there are, which version of each
//! was seen last, and what a change has to find there.
//!
//! The rows are those of the file, byte for byte; a row is called `<table>/<name>`. Wherever they are kept, each
//! row has the number of the change that made it (`mod_revision` in etcd), and a change is taken only if
//! each row that it touches still has the number that was seen here. Pure: must never do I/O, and must never
//! hold back a row that it can read.

use std::collections::BTreeMap;

use overwatch::{Change, Snapshot};
use redb::TableHandle as _;
use zeroize::Zeroizing;

use crate::change::Row;
use crate::store::{Cause, FORMAT, HAND, KEYS, MADE, Rows, SERVER_WORDS, TOKENS, WORDS, read_row};

/// The tables that operators write.
const SHARED: [Rows<'_>; 6] = [MADE, HAND, SERVER_WORDS, TOKENS, KEYS, WORDS];

/// The version of the rows, as it is written beside them.
#[must_use]
pub fn format() -> String {
    FORMAT.to_string()
}

/// Whether rows of this version can be read.
///
/// # Errors
///
/// A later release wrote them, or it is no version.
pub fn check_format(text: &str) -> Result<(), FormatError> {
    let found = text.parse::<u64>().ok();
    found.filter(|found| *found <= FORMAT).map(|_| ()).ok_or_else(|| FormatError(text.to_owned()))
}

/// Rows that this release cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rows there have format {0:?}, and this release knows formats up to {FORMAT}")]
pub struct FormatError(String);

/// A row as it is where it is shared.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedRow {
    /// `<table>/<name>`.
    pub name: String,
    /// The number of the change that made it so.
    pub revision: u64,
    /// What it says; `None` where it is gone.
    pub bytes: Option<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for SharedRow {
    /// Without the bytes: there are secrets among them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, revision, .. } = self;
        f.debug_struct("SharedRow").field("name", name).field("revision", revision).finish()
    }
}

/// What a change wants of the rows: all of it, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What they are to say; the revisions are those that they must have now, 0 where there must be none.
    pub rows: Vec<SharedRow>,
    /// The same as changes.
    pub changes: Vec<Change>,
}

impl Proposal {
    /// Whether all that another one was first at is lines of the list of changes: they only take the
    /// next number.
    #[must_use]
    pub fn is_only_late<'n>(&self, mut lost: impl Iterator<Item = &'n str>) -> bool {
        lost.all(|name| table_of(name).is_some_and(|(table, _)| table.name() == WORDS.name()))
    }
}

/// What came of rows that were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// What is otherwise than it was known.
    pub changes: Vec<Change>,
    /// Rows that mean nothing here, each with why; they are passed over.
    pub faults: Vec<String>,
}

/// What is known of the shared rows.
#[derive(Clone, Debug, Default)]
pub struct Known {
    rows: Snapshot,
    /// The number of each row as it was seen last. Bounded as the rows are.
    seen: BTreeMap<String, u64>,
    /// Rows that this overwatch removed, and as which change; until that much was heard. What is heard of them
    /// from before is over. Bounded by what is done within the delay of a watch.
    removed: BTreeMap<String, u64>,
    /// Up to where all changes are known.
    revision: u64,
}

impl Known {
    /// What was kept of an earlier life. Nothing can be changed by it before all rows were read.
    #[must_use]
    pub fn new(kept: &Snapshot) -> Self {
        Self { rows: kept.of_operators(), ..Self::default() }
    }

    /// The rows.
    #[must_use]
    pub const fn rows(&self) -> &Snapshot {
        &self.rows
    }

    /// Up to where all changes are known.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// All rows were read, as they were at `revision`: they count, whatever was known. Of one that means nothing
    /// here that counts which was known.
    pub fn take_all(&mut self, rows: Vec<SharedRow>, revision: u64) -> Taken {
        let (mut wanted, mut taken) = (Snapshot::default(), Taken::default());
        self.seen.clear();
        self.removed.clear();
        for row in rows {
            if let Some(bytes) = &row.bytes
                && let Err(fault) = read(&row.name, bytes, &mut wanted)
            {
                taken.faults.push(format!("{}: {fault}", row.name));
                self.stay(&row.name, &mut wanted);
            }
            self.seen.insert(row.name, row.revision);
        }
        self.revision = revision;
        taken.changes = self.rows.changes_to(&wanted);
        // Keys that are not there are missing there, whoever has them.
        self.rows = wanted;
        taken
    }

    /// A row was changed, as one hears it in the order of the changes. One that is known already changes
    /// nothing.
    pub fn take(&mut self, row: SharedRow) -> Taken {
        let mut taken = Taken::default();
        self.revision = self.revision.max(row.revision);
        let is_over = |known: Option<&u64>| known.is_some_and(|known| *known >= row.revision);
        let is_over = is_over(self.seen.get(&row.name)) || is_over(self.removed.get(&row.name));
        self.removed.retain(|_, at| *at > row.revision);
        if is_over {
            return taken;
        }
        let change = match &row.bytes {
            Some(bytes) => {
                let mut one = Snapshot::default();
                match read(&row.name, bytes, &mut one) {
                    // An empty document is one that was taken back.
                    Ok(()) => {
                        Snapshot::default().changes_to(&one).pop().or_else(|| removal(&row.name))
                    }
                    Err(fault) => {
                        taken.faults.push(format!("{}: {fault}", row.name));
                        None
                    }
                }
            }
            None => removal(&row.name),
        };
        taken.changes = change.into_iter().filter(|change| self.is_news(change)).collect();
        self.apply(&taken.changes);
        self.see(row, None);
        taken
    }

    /// Leaves a row as it is known.
    fn stay(&self, name: &str, wanted: &mut Snapshot) {
        let (rows, Some((table, name))) = (&self.rows, table_of(name)) else { return };
        match table.name() {
            of if of == MADE.name() => wanted.made.clone_from(&rows.made),
            of if of == KEYS.name() => {
                let known = rows.keys.get_key_value(name);
                wanted.keys.extend(known.map(|(name, ring)| (name.clone(), ring.clone())));
            }
            of if of == WORDS.name() => {
                let known = name.parse().ok().and_then(|number| rows.audit.get_key_value(&number));
                wanted.audit.extend(known.map(|(number, line)| (*number, line.clone())));
            }
            of if of == TOKENS.name() => {
                let known = rows.tokens.values().find(|token| token.name.as_str() == name);
                wanted.tokens.extend(known.map(|token| (token.name.clone(), token.clone())));
            }
            _ => {
                let known = rows.hand.get_key_value(name);
                wanted.hand.extend(known.map(|(name, row)| (name.clone(), row.clone())));
            }
        }
    }

    /// Whether a change changes anything.
    fn is_news(&self, change: &Change) -> bool {
        let rows = &self.rows;
        match change {
            Change::PutHand(row) => rows.hand.get(&row.item.name()) != Some(row),
            Change::RemoveHand(name) => rows.hand.contains_key(name),
            Change::PutAudit(number, line) => rows.audit.get(number) != Some(line),
            Change::RemoveAudit(number) => rows.audit.contains_key(number),
            Change::PutToken(token) => rows.tokens.get(&token.name) != Some(token),
            Change::RemoveToken(name) => rows.tokens.contains_key(name),
            Change::PutMade(document) => rows.made != *document,
            Change::PutKeys(ring) => !rows.keys.values().any(|known| known == ring),
            _ => false,
        }
    }

    /// Remembers which version of a row was seen.
    fn see(&mut self, row: SharedRow, revision: Option<u64>) {
        if row.bytes.is_some() {
            self.seen.insert(row.name, revision.unwrap_or(row.revision));
            return;
        }
        self.seen.remove(&row.name);
        if let Some((table, zone)) = table_of(&row.name)
            && table.name() == KEYS.name()
        {
            // They are missing there, whoever has them.
            self.rows.keys.remove(zone);
        }
    }

    /// What changes want of the rows, each as it is known here.
    ///
    /// # Errors
    ///
    /// One of them cannot be written down.
    pub fn propose(&self, changes: Vec<Change>) -> Result<Proposal, Cause> {
        let row = |change: &Change| {
            let Row { table, name, bytes } = Row::of(change)?;
            let name = format!("{}/{name}", table.name());
            let revision = self.seen.get(&name).copied().unwrap_or(0);
            Ok(SharedRow { name, revision, bytes })
        };
        let rows = changes.iter().map(row).collect::<Result<_, Cause>>()?;
        Ok(Proposal { rows, changes })
    }

    /// A proposal was taken, as change number `revision`: what follows for this overwatch. Nothing where that
    /// change was heard of before its answer came: its rows may be others by now.
    pub fn committed(&mut self, proposal: Proposal, revision: u64) -> Vec<Change> {
        if self.revision >= revision {
            return Vec::new();
        }
        for row in proposal.rows {
            if row.bytes.is_none() {
                self.removed.insert(row.name.clone(), revision);
            } else {
                self.removed.remove(&row.name);
            }
            self.see(row, Some(revision));
        }
        self.apply(&proposal.changes);
        proposal.changes
    }

    fn apply(&mut self, changes: &[Change]) {
        changes.iter().for_each(|change| self.rows.apply(change.clone()));
    }
}

fn table_of(name: &str) -> Option<(Rows<'static>, &str)> {
    let (table, name) = name.split_once('/')?;
    Some((SHARED.into_iter().find(|known| known.name() == table)?, name))
}

fn read(name: &str, bytes: &[u8], rows: &mut Snapshot) -> Result<(), Cause> {
    let (table, name) = table_of(name).ok_or("no such table is shared")?;
    read_row(table, name, bytes, rows)
}

/// What it means that a row is gone. Zones' keys never go.
fn removal(name: &str) -> Option<Change> {
    let (table, name) = table_of(name)?;
    match table.name() {
        of if of == MADE.name() => Some(Change::PutMade(String::new())),
        of if of == WORDS.name() => Some(Change::RemoveAudit(name.parse().ok()?)),
        of if of == TOKENS.name() => Some(Change::RemoveToken(name.parse().ok()?)),
        of if of == KEYS.name() => None,
        _ => Some(Change::RemoveHand(name.to_owned())),
    }
}

#[cfg(test)]
mod tests;
