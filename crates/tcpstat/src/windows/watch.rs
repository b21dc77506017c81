//! Connections from look to look: a new one is asked to be timed, one that is there is read, one
//! that is gone has ended with what was last read of it.
//!
//! Knows no clock: it is told when to look. Only connections to the own ports are kept, and only those are
//! asked about.

use std::collections::{BTreeMap, BTreeSet};

use model::{Sample, SocketState};

use super::estats::{Reading, read, switch_on};
use super::functions::{Functions, Subject};
use super::rows::{ESTABLISHED, Family, Key, Row};
use super::table::Table;
use crate::{CollectError, NoTimes};

/// A connection is read at each look for so many looks, which is ten seconds. Later only when all are read: its
/// times have settled, and the last reading of one that ends is at most a poll interval old.
const YOUNG_LOOKS: u32 = 40;

/// The most connections that are watched, some 30 MB. Those beyond are counted and left out.
pub(crate) const CONNECTIONS_MAX: usize = 1 << 17;

/// Which connections a look reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that may be gone soon.
    Young,
    /// Every one.
    All,
}

/// What one look found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Open connections to the own ports.
    pub(crate) open: u64,
    /// Connections that ended since the look before.
    pub(crate) ended: u64,
    /// Those of them that ended before they were ever read.
    pub(crate) never_read: u64,
    /// Open connections that are not watched, for there are too many.
    pub(crate) over_limit: u64,
}

/// All that is remembered.
#[derive(Debug)]
pub(crate) struct Watch {
    connections: BTreeMap<Key, Connection>,
    tables: [Table; 2],
    /// The number of this look; wraps.
    look: u32,
    /// The name of the next connection. Windows has none of its own.
    next_cookie: u64,
}

#[derive(Debug)]
struct Connection {
    row: Row,
    cookie: u64,
    /// The look at which it appeared, and the last one that saw it.
    since: u32,
    seen: u32,
    /// Where its times are, or why nowhere.
    times: Result<Subject, NoTimes>,
    last: Option<Reading>,
}

impl Watch {
    pub(crate) const fn new() -> Self {
        let tables = [Table::new(Family::Ipv4), Table::new(Family::Ipv6)];
        Self { connections: BTreeMap::new(), tables, look: 0, next_cookie: 1 }
    }

    /// Looks at the tables now. Connections that ended are added to `samples`, with their last
    /// reading, or with no times where there was none.
    ///
    /// # Errors
    ///
    /// A family's table could not be had; the connections of that family stay as they were, and what
    /// was found of the other one stands. A function that is missing altogether is no error here.
    pub(crate) fn look(
        &mut self,
        functions: &Functions,
        ports: &BTreeSet<u16>,
        which: Which,
        samples: &mut Vec<Sample>,
    ) -> Result<Look, CollectError> {
        self.look = self.look.wrapping_add(1);
        // Somebody else's from now on.
        self.connections.retain(|_, connection| ports.contains(&connection.row.local().port()));
        let mut found = Look::default();
        let mut result = Ok(());
        let mut tables = std::mem::replace(
            &mut self.tables,
            [Table::new(Family::Ipv4), Table::new(Family::Ipv6)],
        );
        for (family, table) in Family::BOTH.into_iter().zip(&mut tables) {
            if functions.of(family).list.is_none() {
                continue;
            }
            if let Err(error) = table.ask(functions) {
                result = Err(error);
                continue;
            }
            for row in table.rows().filter(|row| ports.contains(&row.local().port())) {
                self.see(functions, row, which, (&mut found, samples));
            }
            self.end_unseen(family, &mut found, samples);
        }
        self.tables = tables;
        result.map(|()| found)
    }

    /// What is open now, as of the last look. Returns how many of them have no times.
    pub(crate) fn open(&self, samples: &mut Vec<Sample>) -> u64 {
        let open = self.connections.values();
        samples.extend(open.clone().map(|connection| connection.sample(SocketState::Open)));
        open.filter(|connection| connection.last.is_none()).count() as u64
    }

    /// One row of the table.
    fn see(
        &mut self,
        functions: &Functions,
        row: Row,
        which: Which,
        (found, samples): (&mut Look, &mut Vec<Sample>),
    ) {
        let look = self.look;
        let known = self.connections.get_mut(&row.key());
        if row.state() != ESTABLISHED {
            // It is ending, but may still be asked: a last reading is the best one. What is left of
            // it then is not seen any more, and so it ends.
            if let Some(connection) = known {
                connection.row = row;
                let _ = connection.read(functions);
            }
            return;
        }
        found.open += 1;
        let Some(connection) = known else {
            self.begin(functions, row, found);
            return;
        };
        connection.seen = look;
        let is_due = which == Which::All || look.wrapping_sub(connection.since) <= YOUNG_LOOKS;
        if is_due && connection.read(functions) == Err(NoTimes::NotYetEnabled) {
            // It was switched on, and is off: another connection has the same addresses and ports.
            found.note_end(connection, samples);
            self.connections.remove(&row.key());
            self.begin(functions, row, found);
        }
    }

    /// A connection that was not there before.
    fn begin(&mut self, functions: &Functions, row: Row, found: &mut Look) {
        if self.connections.len() >= CONNECTIONS_MAX {
            found.over_limit += 1;
            return;
        }
        let (cookie, look) = (self.next_cookie, self.look);
        self.next_cookie += 1;
        let times = switch_on(functions, &row);
        let connection = Connection { row, cookie, since: look, seen: look, times, last: None };
        self.connections.insert(row.key(), connection);
    }

    /// Connections of the family that this look has not seen open.
    fn end_unseen(&mut self, family: Family, found: &mut Look, samples: &mut Vec<Sample>) {
        let look = self.look;
        self.connections.retain(|_, connection| {
            let is_there = connection.row.family() != family || connection.seen == look;
            if !is_there {
                found.note_end(connection, samples);
            }
            is_there
        });
    }
}

impl Look {
    fn note_end(&mut self, connection: &Connection, samples: &mut Vec<Sample>) {
        self.ended += 1;
        self.never_read += u64::from(connection.last.is_none());
        samples.push(connection.sample(SocketState::Closed));
    }
}

impl Connection {
    /// Reads it, where it is timed. Whatever cannot be read leaves the last reading as it was.
    fn read(&mut self, functions: &Functions) -> Result<(), NoTimes> {
        let reading = read(functions, &self.row, self.times?)?;
        self.last = Some(reading);
        Ok(())
    }

    fn sample(&self, state: SocketState) -> Sample {
        let reading = self.last.unwrap_or_default();
        Sample {
            client: self.row.remote(),
            local: self.row.local(),
            smoothed_rtt_us: reading.smoothed_us,
            rtt_deviation_us: reading.deviation_us,
            min_rtt_us: self.last.map(|reading| reading.min_us),
            bytes_acked: reading.bytes_acked,
            data_segments_out: self.last.map(|reading| reading.data_segments_out),
            cookie: self.cookie,
            state,
        }
    }
}

#[cfg(test)]
mod tests;
