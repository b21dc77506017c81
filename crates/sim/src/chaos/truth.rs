//! What agents really saw, kept apart from the product: what each learner should have, and what each row
//! that an overwatch holds may say. Computed here a second time, from the samples alone.

use std::collections::BTreeMap;

use latency::{Cursor, Position, Report, Table};
use model::{AgentId, Subnet};

/// The weight of the newest interval, as agents here are told.
pub(super) const ALPHA: f64 = 0.3;
/// Rows in one report when a table is read: all that there are.
const READ_ROWS: usize = 1 << 17;

/// What one agent saw.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// In its present life, as far as its learner still has it.
    now: BTreeMap<Subnet, Seen>,
    /// The least and the most that each network ever took, in microseconds, in any life.
    ever: BTreeMap<Subnet, (u32, u32)>,
    /// What it said last: its life, and up to which number.
    pub(super) told: Option<Position>,
    sights: u64,
}

/// One network.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// In microseconds; `None` until the interval ends.
    average_us: Option<f64>,
    /// Of this interval.
    last_us: Option<u32>,
    /// The number of the last sight: who was seen longest ago makes room.
    sight: u64,
}

impl Learned {
    /// A connection from a network took so long; at most `rows_max` networks are kept.
    pub(super) fn saw(&mut self, client: Subnet, rtt_us: u32, rows_max: usize) {
        if !self.now.contains_key(&client) && self.now.len() >= rows_max {
            let oldest = self.now.iter().min_by_key(|(_, seen)| seen.sight);
            if let Some(oldest) = oldest.map(|(subnet, _)| *subnet) {
                self.now.remove(&oldest);
            }
        }
        self.sights += 1;
        let seen = self.now.entry(client).or_default();
        (seen.last_us, seen.sight) = (Some(rtt_us), self.sights);
        let (least, most) = self.ever.entry(client).or_insert((rtt_us, rtt_us));
        (*least, *most) = ((*least).min(rtt_us), (*most).max(rtt_us));
    }

    /// An interval ends: one step of each average.
    pub(super) fn end_interval(&mut self) {
        for seen in self.now.values_mut() {
            let Some(last_us) = seen.last_us.take().map(f64::from) else { continue };
            let average_us = seen.average_us.unwrap_or(last_us);
            seen.average_us = Some(ALPHA * last_us + (1.0 - ALPHA) * average_us);
        }
    }

    /// It said something of what it learned.
    pub(super) fn tells(&mut self, epoch: u64, report: &Report) {
        let through = Position { epoch, sequence: report.through };
        self.told = self.told.max(Some(through));
    }

    /// Its life is over.
    pub(super) fn ends(&mut self) {
        self.now.clear();
        self.told = None;
    }

    /// The networks that its learner has.
    pub(super) fn networks(&self) -> impl Iterator<Item = Subnet> {
        self.now.keys().copied()
    }

    /// Why a row cannot be what this agent said; `None` where it can. One of its present life says the
    /// average as it is, but for what is not worth telling; any other something between all that it ever saw.
    pub(super) fn contradicts(&self, subnet: Subnet, row: &Row) -> Option<String> {
        let Some((least, most)) = self.ever.get(&subnet).copied() else {
            return Some(format!("{subnet} was never seen"));
        };
        let is_now = self.told.is_some_and(|told| told.epoch == row.epoch);
        let average_us = self.now.get(&subnet).and_then(|seen| seen.average_us);
        let (least, most) = match average_us.filter(|_| is_now) {
            Some(average) => (average, average),
            None => (f64::from(least), f64::from(most)),
        };
        let told = f64::from(row.rtt_us);
        // What moved by a fiftieth is told; nine bits are off by a part of 512.
        let off = told / 50.0 + told / 400.0 + 2.0;
        let is_near = (least - off..=most + off).contains(&told);
        (!is_near)
            .then(|| format!("{subnet} is told as {told} us and took {least:.0} to {most:.0}"))
    }
}

/// What a table holds of an agent about one network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The life that told it: of two that said the same either will do.
    pub(super) epoch: u64,
    pub(super) rtt_us: u32,
    pub(super) deviation_us: u32,
    pub(super) samples: u32,
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        let said = |row: &Self| (row.rtt_us, row.deviation_us, row.samples);
        said(self) == said(other)
    }
}

/// All that a table holds of an agent, whether it counts or not.
pub(super) fn rows_of(table: &Table, agent: &AgentId) -> BTreeMap<(u16, Subnet), Row> {
    let (mut rows, mut cursor, mut from) = (BTreeMap::new(), Cursor::new(), None);
    while let Some((epoch, report)) = table.next_report(agent, from, READ_ROWS, &mut cursor) {
        from = Some(Position { epoch, sequence: report.through });
        for port in &report.ports {
            rows.extend(port.rows.iter().map(|row| {
                let rtt_us = row.rtt_us.us();
                let (deviation_us, samples) = (row.deviation_us, row.samples);
                ((port.port, row.subnet), Row { epoch, rtt_us, deviation_us, samples })
            }));
        }
    }
    rows
}
