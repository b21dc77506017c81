//! Where a reader of an agent's rows stands, and what comes next: so that who is told a million rows in
//! reports of some thousands costs a few walks over them, not one for each report.
//!
//! Keeps names of rows, not rows: what is told is what stands in the table when it is told. A row that
//! was told anew meanwhile, behind all that is listed, comes under its new number.

use model::{AgentId, Subnet};

use super::super::Position;
use super::super::agent::AgentRows;
use crate::report::ReportRow;

/// Rows that are listed in one walk: eight MB for a reader that is behind, and a walk over ten million rows
/// for each quarter of a million of them.
const LISTED_MAX: usize = 1 << 18;

/// Most rows of one number: as many as the longest report brings (`mesh` takes no longer one). What is
/// beyond is not told on; its agent tells it again within the hour.
const NUMBER_ROWS_MAX: usize = 16_384;

/// Where a reader stands.
#[derive(Debug)]
pub struct Cursor {
    listed_max: usize,
    list: Option<List>,
}

/// What comes next of one agent.
#[derive(Debug)]
struct List {
    agent: AgentId,
    /// The reader stands here.
    at: Option<Position>,
    /// The life that the list is of.
    epoch: u64,
    /// All of it up to this number is listed, or was told.
    through: u64,
    /// By number; whole numbers alone. Those before `next` were told.
    rows: Vec<Listed>,
    next: usize,
}

/// The number that told a row, the row's port and network.
type Listed = (u64, u16, Subnet);

/// A life, up to which number of it, and the rows with their ports.
type Piece = (u64, u64, Vec<(u16, ReportRow)>);

/// A row was told under another number that is listed too: numbers were made one.
struct Rounded;

impl Cursor {
    /// That of a new reader.
    #[must_use]
    pub const fn new() -> Self {
        Self { listed_max: LISTED_MAX, list: None }
    }

    /// One that lists no more than one report tells.
    pub(super) fn of(rows_max: usize) -> Self {
        Self { listed_max: rows_max.max(1), list: None }
    }

    /// Nothing comes next.
    pub(super) fn clear(&mut self) {
        self.list = None;
    }

    /// What comes next after `from`: at most `rows_max` rows, but whole numbers.
    pub(super) fn next(
        &mut self,
        (agent, known): (&AgentId, &AgentRows),
        from: Option<Position>,
        rows_max: usize,
    ) -> Option<Piece> {
        let is_at = |list: &List| list.agent == *agent && list.at == from && !list.is_over();
        if !self.list.as_ref().is_some_and(is_at) {
            self.list = Some(List::find(agent, known, from, self.listed_max)?);
        }
        if let Ok(piece) = self.list.as_mut()?.take(known, rows_max) {
            return Some(piece);
        }
        self.list = Some(List::find(agent, known, from, self.listed_max)?);
        self.list.as_mut()?.take(known, rows_max).ok()
    }
}

impl Default for Cursor {
    fn default() -> Self {
        Self::new()
    }
}

impl List {
    /// Walks all rows of an agent; lists those of the first life after `from`, at most `max` but whole
    /// numbers.
    fn find(
        agent: &AgentId,
        known: &AgentRows,
        from: Option<Position>,
        max: usize,
    ) -> Option<Self> {
        let end = known.position?;
        let mut rows = First::new(max);
        known.told().filter(|(told, ..)| Some(*told) > from).for_each(|row| rows.add(row));
        // Where the last rows are gone the position still has to be told.
        let epoch = rows.epoch.unwrap_or(end.epoch);
        let (is_cut, rows) = rows.finish();
        let last = rows.last().map(|(sequence, ..)| *sequence);
        let through = if is_cut || epoch < end.epoch { last? } else { end.sequence };
        Some(Self { agent: agent.clone(), at: from, epoch, through, rows, next: 0 })
    }

    const fn is_over(&self) -> bool {
        self.next >= self.rows.len()
    }

    /// The next rows: whole numbers.
    fn take(&mut self, known: &AgentRows, rows_max: usize) -> Result<Piece, Rounded> {
        let rest = self.rows.get(self.next..).unwrap_or_default();
        let first = rest.first().map(|(sequence, ..)| *sequence);
        let beyond = rest.get(rows_max.max(1)).map(|(sequence, ..)| *sequence);
        let count = beyond.map_or(rest.len(), |beyond| {
            let of_first = rest.partition_point(|(sequence, ..)| Some(*sequence) <= first);
            rest.partition_point(|(sequence, ..)| *sequence < beyond).max(of_first)
        });
        let piece = rest.get(..count).unwrap_or_default();
        let through = match piece.last() {
            Some((sequence, ..)) if count < rest.len() => *sequence,
            _ => self.through,
        };
        // What a report of the largest size brought and was mended since may be more than fits one.
        let piece = piece.get(..NUMBER_ROWS_MAX.max(rows_max)).unwrap_or(piece);
        let mut rows = Vec::with_capacity(piece.len());
        for (sequence, port, subnet) in piece {
            let Some((told, row)) = known.last_told(*port, *subnet) else { continue };
            if told == (Position { epoch: self.epoch, sequence: *sequence }) {
                rows.push((*port, row));
            } else if told <= (Position { epoch: self.epoch, sequence: self.through }) {
                return Err(Rounded);
            }
        }
        self.next += count;
        self.at = Some(Position { epoch: self.epoch, sequence: through });
        Ok((self.epoch, through, rows))
    }
}

/// The first rows of the first life, as they are found in any order: all those of some numbers.
struct First {
    epoch: Option<u64>,
    max: usize,
    /// So many are too many.
    crowd: usize,
    /// The first number that is not listed.
    beyond: Option<u64>,
    /// Whether there was a row of it or a later one.
    is_cut: bool,
    rows: Vec<Listed>,
}

impl First {
    fn new(max: usize) -> Self {
        let (epoch, beyond, rows) = (None, None, Vec::new());
        Self { epoch, max, crowd: 2 * max, beyond, is_cut: false, rows }
    }

    fn add(&mut self, (told, port, subnet): (Position, u16, Subnet)) {
        if self.epoch.is_some_and(|epoch| told.epoch > epoch) {
            return;
        }
        if self.epoch != Some(told.epoch) {
            self.rows.clear();
            (self.epoch, self.beyond, self.is_cut) = (Some(told.epoch), None, false);
        }
        if self.beyond.is_some_and(|beyond| told.sequence >= beyond) {
            self.is_cut = true;
            return;
        }
        self.rows.push((told.sequence, port, subnet));
        if self.rows.len() > self.crowd {
            self.cut();
        }
    }

    /// Leaves the first `max`, or all of the first number where those are more.
    fn cut(&mut self) {
        if self.rows.len() > self.max {
            let (_, (at_max, ..), _) = self.rows.select_nth_unstable(self.max);
            let at_max = *at_max;
            let first = self.rows.iter().map(|(sequence, ..)| *sequence).min();
            let beyond = if first == Some(at_max) { at_max.saturating_add(1) } else { at_max };
            let before = self.rows.len();
            self.rows.retain(|(sequence, ..)| *sequence < beyond);
            self.is_cut |= self.rows.len() < before;
            self.beyond = Some(beyond);
        }
        self.crowd = 2 * self.rows.len().max(self.max);
    }

    /// Whether something is left out, and the rows by number.
    fn finish(mut self) -> (bool, Vec<Listed>) {
        self.cut();
        self.rows.sort_unstable();
        (self.is_cut, self.rows)
    }
}
