//! Files to a table, whatever is left of them. Reads only, and makes no row up: what cannot be read is
//! missing, and said to be.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use latency::{Loaded, Loading, Table, TableLimits};
use model::AgentId;
use overwatch::Replayed;

use super::frame::{Frames, Header, HeaderFault, Next};
use super::{FORMAT, Kind, List, TableError, disk, path_of};

/// What the last frame of a snapshot holds: without it something is missing at the end.
pub(super) const LAST: [u8; 1] = [0xff];

/// Read at a time: a few frames.
const BUFFER_BYTES: usize = 256 * 1024;

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The table, as it was when the last step was written; not awake ([`Table::wake`]).
    pub table: Table,
    /// What was done again.
    pub replayed: Replayed,
    /// Agents of which something is missing.
    pub incomplete: BTreeSet<AgentId>,
    /// What was left out, a line each; empty where all was whole.
    pub dropped: Vec<String>,
    /// How long the snapshot is.
    pub rows_bytes: u64,
    /// Behind what steps go on: generation, length and frames; `None` where there is nothing whole.
    pub(super) goes_on_at: Option<(u64, u64, u64)>,
}

/// How the reading of one file went.
#[derive(Debug, Default)]
pub(crate) struct ReadOf {
    /// Frames whose payload is damaged, or means nothing.
    damaged: u64,
    /// Whether it ends before its end.
    is_cut: bool,
    /// Length and number of frames up to where it is whole.
    pub(crate) place: (u64, u64),
}

impl ReadOf {
    const fn is_whole(&self) -> bool {
        self.damaged == 0 && !self.is_cut
    }
}

/// Reads the newest snapshot that is whole, or else the newest, and what followed it.
pub(super) fn read(
    directory: &Path,
    listed: &List,
    limits: TableLimits,
) -> Result<Found, TableError> {
    let mut dropped = Vec::new();
    let rows = listed.files.iter().rev().filter(|(_, kind, _)| *kind == Kind::Rows);
    let mut best: Option<(u64, u64, Loaded, bool)> = None;
    for (generation, _, bytes) in rows {
        let path = path_of(directory, *generation, Kind::Rows);
        let Some((loaded, read)) = read_rows_of(&path, *generation, limits, &mut dropped)? else {
            continue;
        };
        let is_whole = read.is_whole() && loaded.incomplete.is_empty();
        if !is_whole {
            dropped.push(told_of_rows(&path, &read, &loaded, *bytes));
        }
        if is_whole || best.is_none() {
            best = Some((*generation, *bytes, loaded, is_whole));
        }
        if is_whole {
            break;
        }
    }
    let has_rows = best.is_some();
    let begins = best.as_ref().map(|(generation, ..)| *generation);
    let (rows_bytes, loaded, is_whole) = match best {
        Some((_, bytes, loaded, is_whole)) => (bytes, loaded, is_whole),
        None => (0, Loading::new(limits).finish(), true),
    };
    let Loaded { table, incomplete } = loaded;
    let replayed = Replayed::default();
    let mut found = Found { table, replayed, incomplete, dropped, rows_bytes, goes_on_at: None };
    found.read_steps(directory, listed, begins)?;
    if !is_whole || (has_rows && !found.incomplete.is_empty()) {
        found.goes_on_at = None;
    }
    Ok(found)
}

impl Found {
    /// Does the steps again that followed the snapshot of a generation, or the beginning.
    fn read_steps(
        &mut self,
        directory: &Path,
        listed: &List,
        begins: Option<u64>,
    ) -> Result<(), TableError> {
        let steps = listed.files.iter().filter(|(_, kind, _)| *kind == Kind::Steps);
        let first = begins.unwrap_or(1);
        let mut expected = first;
        let mut is_behind_a_gap = false;
        for (generation, _, bytes) in steps.filter(|(generation, ..)| *generation >= first) {
            let path = path_of(directory, *generation, Kind::Steps);
            let mut file = open(&path)?;
            let header = Header::read(&mut file, (Kind::Steps, *generation));
            let header = match header.map_err(disk("read", &path))? {
                Ok(header) => Some(header),
                Err(HeaderFault::Newer(found)) => return Err(newer(path, found)),
                Err(HeaderFault::Damaged) => None,
            };
            // Its own snapshot, or none is missing before it.
            let fits = |header: &Header| Some(*generation) == begins || header.follows;
            let is_damaged = header.is_none();
            let header = header.filter(|_| !is_behind_a_gap && *generation == expected);
            let Some(header) = header.filter(fits) else {
                (is_behind_a_gap, self.goes_on_at) = (true, None);
                let name = path.display();
                let why = if is_damaged {
                    "its beginning is damaged"
                } else {
                    "what came before is missing"
                };
                self.dropped.push(format!("{name}: left out, all {bytes} bytes: {why}"));
                continue;
            };
            let read = read_steps(file, header, &mut self.table, &mut self.replayed);
            let read = read.map_err(disk("read", &path))?;
            expected += 1;
            let (length, number) = read.place;
            self.goes_on_at = Some((*generation, length, number));
            if !read.is_whole() {
                is_behind_a_gap = true;
                let (name, rest) = (path.display(), bytes.saturating_sub(length));
                self.dropped
                    .push(format!("{name}: the last {rest} bytes are no whole step: cut off"));
            }
        }
        Ok(())
    }
}

fn read_rows_of(
    path: &Path,
    generation: u64,
    limits: TableLimits,
    dropped: &mut Vec<String>,
) -> Result<Option<(Loaded, ReadOf)>, TableError> {
    let mut file = open(path)?;
    match Header::read(&mut file, (Kind::Rows, generation)).map_err(disk("read", path))? {
        Ok(header) => {
            let read = read_rows(file, header, limits).map_err(disk("read", path))?;
            Ok(Some(read))
        }
        Err(HeaderFault::Newer(found)) => Err(newer(path.to_owned(), found)),
        Err(HeaderFault::Damaged) => {
            dropped.push(format!("{}: left out: its beginning is damaged", path.display()));
            Ok(None)
        }
    }
}

/// Refuses what a later release wrote.
pub(super) fn known(path: &Path, what: (Kind, u64)) -> Result<(), TableError> {
    match Header::read(&mut open(path)?, what).map_err(disk("read", path))? {
        Err(HeaderFault::Newer(found)) => Err(newer(path.to_owned(), found)),
        Ok(_) | Err(HeaderFault::Damaged) => Ok(()),
    }
}

/// A snapshot's frames, behind its header.
pub(crate) fn read_rows(
    from: impl Read,
    header: Header,
    limits: TableLimits,
) -> io::Result<(Loaded, ReadOf)> {
    let (mut frames, mut loading) = (Frames::behind(header, from), Loading::new(limits));
    let mut read = ReadOf { is_cut: true, ..ReadOf::default() };
    loop {
        match frames.next()? {
            Next::Whole(chunk) if chunk == LAST => read.is_cut = false,
            Next::Whole(chunk) => read.damaged += u64::from(loading.take(chunk).is_err()),
            Next::Damaged => read.damaged += 1,
            Next::End => break,
            Next::Cut => {
                read.is_cut = true;
                break;
            }
        }
    }
    read.place = frames.place();
    Ok((loading.finish(), read))
}

/// The frames of steps, behind their header: up to the first that is not whole.
pub(crate) fn read_steps(
    from: impl Read,
    header: Header,
    table: &mut Table,
    replayed: &mut Replayed,
) -> io::Result<ReadOf> {
    let mut frames = Frames::behind(header, from);
    let mut read = ReadOf { place: frames.place(), ..ReadOf::default() };
    loop {
        let is_step = match frames.next()? {
            Next::Whole(batch) => overwatch::replay(table, batch, replayed).is_ok(),
            Next::End => break,
            Next::Damaged | Next::Cut => false,
        };
        if !is_step {
            read.is_cut = true;
            break;
        }
        read.place = frames.place();
    }
    Ok(read)
}

fn told_of_rows(path: &Path, read: &ReadOf, loaded: &Loaded, bytes: u64) -> String {
    let rest = bytes.saturating_sub(read.place.0);
    let end = if read.is_cut { format!(", and the last {rest} bytes") } else { String::new() };
    format!(
        "{}: {} damaged pieces{end} are left out; {} agents are not whole",
        path.display(),
        read.damaged,
        loaded.incomplete.len(),
    )
}

fn open(path: &Path) -> Result<BufReader<File>, TableError> {
    let file = File::open(path).map_err(disk("open", path))?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, file))
}

const fn newer(path: PathBuf, found: u32) -> TableError {
    TableError::Newer { path, found, known: FORMAT }
}
