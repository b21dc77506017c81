//! One row for each port and client network: bounded, expiring, the row seen longest ago making
//! room in constant time.
//!
//! A slab of rows, a hash index into it and a chain through it in the order of last sight. Nothing
//! here knows what is reported.

mod chain;
mod index;
mod places;
mod row;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::hint::black_box;

use model::{Subnet, Time};

use self::chain::Chain;
use self::index::Index;
use crate::admission::Measured;
use crate::interval::{Interval, Pending};
use crate::settings::Averaging;

pub(crate) use self::places::Places;
pub(crate) use self::row::Row;

/// The rows of a learner.
#[derive(Debug)]
pub(crate) struct Aggregate {
    /// Rows at their places; `None` where a place is free.
    rows: Vec<Option<Row>>,
    /// Free places.
    free: Vec<u32>,
    index: Index,
    /// Places in the order of last sight.
    recency: Chain,
    interval: Interval,
    /// Places where a connection was counted since the last interval ended; that row may be gone.
    counted: Places,
    /// Places whose average took a step since they were last handed out to be told.
    stepped: Places,
    rows_max: usize,
    /// Working memory: the values of one row.
    values: Vec<(u32, u32)>,
}

/// What a row is found by, with its hash: it is worked out once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    port: u16,
    subnet: Subnet,
    hash: u64,
}

impl Key {
    /// That of a port's client network.
    pub(crate) fn new(port: u16, subnet: Subnet) -> Self {
        Self { port, subnet, hash: hash(port, subnet) }
    }
}

impl Aggregate {
    /// No rows, and never more than `rows_max`, which is at least 1.
    pub(crate) fn new(rows_max: usize) -> Self {
        Self {
            rows: Vec::new(),
            free: Vec::new(),
            index: Index::new(),
            recency: Chain::new(),
            interval: Interval::new(),
            counted: Places::new(),
            stepped: Places::new(),
            rows_max: clamped(rows_max),
            values: Vec::new(),
        }
    }

    /// Looks at where these rows lie, and makes nothing of it: the processor waits for several of them at
    /// once only where nothing else is to be done in between.
    pub(crate) fn touch(&self, keys: impl Iterator<Item = Key>) {
        let places = keys.flat_map(|key| self.index.first(key.hash));
        let rows = places.filter_map(|place| self.row(place));
        black_box(rows.fold(0, |sum: u32, row| sum.wrapping_add(row.samples)));
    }

    /// Counts a connection; tells whether another row had to make room.
    pub(crate) fn record(&mut self, key: Key, measured: Measured, now: Time) -> bool {
        let mut evicted = false;
        let place = self.find(key).unwrap_or_else(|| {
            evicted = self.len() >= self.rows_max && self.evict();
            self.insert(key.hash, Row::new(key.port, key.subnet, measured, now))
        });
        self.recency.touch(place);
        if let Some(Some(row)) = self.rows.get_mut(place as usize) {
            row.record(measured, now);
            self.interval.add(&mut row.pending, measured.rtt);
            self.counted.add(place);
        }
        evicted
    }

    /// Takes one step of the average for each row that had a connection since the last end. Walks
    /// those rows and no others.
    pub(crate) fn end_interval(&mut self, alpha: f64, averaging: Averaging) {
        // In the order in which they lie: memory is read ahead.
        for place in std::mem::take(&mut self.counted).iter() {
            let row = self.rows.get_mut(place as usize).and_then(Option::as_mut);
            if let Some(row) = row.filter(|row| row.pending != Pending::NONE) {
                self.interval.take(&mut row.pending, &mut self.values);
                row.step(&mut self.values, alpha, averaging);
                self.stepped.add(place);
            }
        }
        self.interval.clear();
    }

    /// The places of the rows that changed since this was last asked; a place may hold another row by
    /// now, or none.
    pub(crate) fn take_changed(&mut self) -> Places {
        let mut changed = std::mem::take(&mut self.stepped);
        self.counted.iter().for_each(|place| changed.add(place));
        changed
    }

    /// Every row is among those that changed: what is told of rows is another thing from now on.
    pub(crate) fn change_all(&mut self) {
        self.stepped = Places::first(self.rows.len());
    }

    /// Drops the rows last seen `ttl_ms` ago or earlier; tells how many.
    pub(crate) fn expire(&mut self, ttl_ms: u64, now: Time) -> u64 {
        let mut expired = 0;
        while let Some(place) = self.recency.oldest() {
            let row = self.rows.get(place as usize).and_then(Option::as_ref);
            if row.is_some_and(|row| now.ms_since(row.last_seen.time()) < ttl_ms) {
                break;
            }
            self.remove(place);
            expired += 1;
        }
        expired
    }

    /// Drops the rows of all other ports.
    pub(crate) fn retain_ports(&mut self, ports: &BTreeSet<u16>) {
        let gone = (0..).zip(&self.rows).filter_map(|(place, row)| {
            row.as_ref().filter(|row| !ports.contains(&row.port)).map(|_| place)
        });
        let gone: Vec<u32> = gone.collect();
        gone.into_iter().for_each(|place| self.remove(place));
    }

    /// Keeps `rows_max` rows at most from now on; tells how many had to go.
    pub(crate) fn set_max(&mut self, rows_max: usize) -> u64 {
        self.rows_max = clamped(rows_max);
        let mut evicted = 0;
        while self.len() > self.rows_max && self.evict() {
            evicted += 1;
        }
        evicted
    }

    /// All rows, in no order that means anything; the same for the same history.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().flatten()
    }

    /// The row at a place.
    pub(crate) fn row(&self, place: u32) -> Option<&Row> {
        self.rows.get(place as usize)?.as_ref()
    }

    /// The same, to be published.
    pub(crate) fn row_mut(&mut self, place: u32) -> Option<&mut Row> {
        self.rows.get_mut(place as usize)?.as_mut()
    }

    /// How many rows there are.
    pub(crate) const fn len(&self) -> usize {
        self.index.len()
    }

    fn find(&self, Key { port, subnet, hash }: Key) -> Option<u32> {
        self.index.find(hash, |place| {
            let row = self.rows.get(place as usize).and_then(Option::as_ref);
            row.is_some_and(|row| (row.port, row.subnet) == (port, subnet))
        })
    }

    fn insert(&mut self, hash: u64, row: Row) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.rows.push(None);
            self.recency.add_place()
        });
        if let Some(slot) = self.rows.get_mut(place as usize) {
            *slot = Some(row);
        }
        let rows = &self.rows;
        self.index.insert(hash, place, |place| hash_at(rows, place));
        place
    }

    /// Drops the row seen longest ago; tells whether there was one.
    fn evict(&mut self) -> bool {
        self.recency.oldest().inspect(|place| self.remove(*place)).is_some()
    }

    fn remove(&mut self, place: u32) {
        let rows = &self.rows;
        self.index.remove(hash_at(rows, place), place, |place| hash_at(rows, place));
        self.recency.remove(place);
        if let Some(mut row) = self.rows.get_mut(place as usize).and_then(Option::take) {
            self.interval.take(&mut row.pending, &mut self.values);
        }
        self.free.push(place);
    }
}

/// Places are 32 bits wide with one value taken: 400 GB of rows.
fn clamped(rows_max: usize) -> usize {
    rows_max.clamp(1, (u32::MAX - 1) as usize)
}

/// A row's place in the index. The hash is fixed, so that a run can be repeated; a stranger who
/// wants collisions needs completed connections from addresses of their choice, and gets no more
/// than a slow look-up among `rows_max`.
pub(crate) fn hash(port: u16, subnet: Subnet) -> u64 {
    let mut hasher = DefaultHasher::new();
    (port, subnet).hash(&mut hasher);
    hasher.finish()
}

fn hash_at(rows: &[Option<Row>], place: u32) -> u64 {
    let row = rows.get(place as usize).and_then(Option::as_ref);
    row.map_or(0, |row| hash(row.port, row.subnet))
}

#[cfg(test)]
mod tests;
