//! What the table has of an agent, told on: to another table that heard it less far, or not at all.
//!
//! A row carries the life of the agent and the number of the report that brought it, or a later number.
//! So what another table lacks after a position is what stands here under a later one, in reports
//! like the agent's own. Never says more than the agent did: a row is told as it was told.

pub mod cursor;

use std::collections::BTreeMap;

use model::{AgentId, Rtt, Subnet, Time};

use self::cursor::Cursor;
use super::agent::{AgentRows, PortRows};
use super::row::{Row, mix};
use super::rows::said;
use super::{Applied, Position, Table, TableRefusal, Teller, Word, check};
use crate::report::{PortReport, Report, ReportRow};

impl Table {
    /// What an agent told after `from`, as far as it is still here: the next report of its life, and
    /// which life that is. At most `rows_max` rows, but never less than one report brought. `None`
    /// where there is nothing more.
    ///
    /// Refreshed rows are told whole. The least round-trip time is not kept here; the average stands
    /// in its place. Walks all rows of the agent: who wants more than one report asks
    /// [`Table::next_report`].
    #[must_use]
    pub fn report_after(
        &self,
        agent: &AgentId,
        from: Option<Position>,
        rows_max: usize,
    ) -> Option<(u64, Report)> {
        self.next_report(agent, from, rows_max, &mut Cursor::of(rows_max))
    }

    /// The same for who goes on where the last report ended: what the next ones tell is in the cursor, so
    /// that all rows are walked once for many reports. Any cursor will do for any agent and position.
    #[must_use]
    pub fn next_report(
        &self,
        agent: &AgentId,
        from: Option<Position>,
        rows_max: usize,
        cursor: &mut Cursor,
    ) -> Option<(u64, Report)> {
        let known = self.agents.get(agent)?;
        let end = known.position?;
        if from.is_some_and(|from| from >= end) {
            cursor.clear();
            return None;
        }
        let (epoch, through, rows) = cursor.next((agent, known), from, rows_max)?;
        let after = from.filter(|from| from.epoch == epoch).map_or(0, |from| from.sequence);
        (through > after).then(|| (epoch, report((after, through), rows)))
    }

    /// Takes rows again that came before the agent's position, from another table that stands where this
    /// one does and does not hold the same: there an earlier life of the agent was heard further, or a row
    /// that the agent was about to tell again. Only what is not here, or is an earlier word here. The
    /// position stays.
    ///
    /// # Errors
    ///
    /// See [`TableRefusal`]; then nothing has changed.
    pub fn mend(
        &mut self,
        agent: &AgentId,
        epoch: u64,
        mut report: Report,
        now: Time,
    ) -> Result<Applied, TableRefusal> {
        report.ports.iter_mut().for_each(|told| told.refreshed.clear());
        self.take_again(agent, (epoch, report), Teller::OtherTable, now)
    }

    /// The same where the agent tells itself what others may have told here before. It is judged as all is that
    /// an agent tells, and what was only seen again is taken where it was counted more often.
    ///
    /// # Errors
    ///
    /// See [`TableRefusal`]; then nothing has changed.
    pub fn repeat(
        &mut self,
        agent: &AgentId,
        epoch: u64,
        report: Report,
        now: Time,
    ) -> Result<Applied, TableRefusal> {
        self.take_again(agent, (epoch, report), Teller::AgentAgain, now)
    }

    fn take_again(
        &mut self,
        agent: &AgentId,
        (epoch, mut report): (u64, Report),
        teller: Teller,
        now: Time,
    ) -> Result<Applied, TableRefusal> {
        let known = self.agents.get(agent).ok_or(TableRefusal::UnknownAgent)?;
        let position = known.position.ok_or(TableRefusal::UnknownAgent)?;
        for told in &mut report.ports {
            let Some(port) = known.ports.get(&told.port) else { continue };
            told.rows.retain(|row| port.word(row.subnet) < Some(word(epoch, row)));
            told.refreshed.retain(|row| port.counted(row.subnet) < Some((epoch, row.samples)));
        }
        check::check_rows_of(known, &report)?;
        let told = Position { epoch, sequence: report.through };
        let applied = self.take(agent, &Word { report: &report, told, teller }, now)?;
        self.counters.count_again(&applied);
        Ok(Applied { position, ..applied })
    }

    /// A digest of all that an agent told and that is here, whether it counts or not; the same in two
    /// tables that hold the same rows. Times of observation are not in it: each table bounds them by
    /// its own clock, and they move with the counts. Costs the rows that wait.
    #[must_use]
    pub fn digest(&self, agent: &AgentId) -> u64 {
        let Some(known) = self.agents.get(agent) else { return 0 };
        let of_port = |(port, known): (&u16, &PortRows)| match known.said() {
            0 => 0,
            said => mix(u64::from(*port), said),
        };
        known.ports.iter().map(of_port).fold(0, u64::wrapping_add)
    }
}

impl AgentRows {
    /// What told each row last, and the row's port and network; whether it counts or not.
    pub(super) fn told(&self) -> impl Iterator<Item = (Position, u16, Subnet)> {
        self.ports.iter().flat_map(|(port, known)| {
            let counting = known.rows.iter_told();
            let has_none_waiting = known.waiting.is_empty();
            let counting = counting
                .filter(move |(subnet, _)| has_none_waiting || !known.waiting.contains_key(subnet));
            let waiting = known.waiting.iter().map(|(subnet, waiting)| (*subnet, waiting.row.told));
            counting.chain(waiting).map(|(subnet, told)| (told, *port, subnet))
        })
    }

    /// A row as it was last told, whether it counts or not; and what told it.
    pub(super) fn last_told(&self, port: u16, subnet: Subnet) -> Option<(Position, ReportRow)> {
        let row = self.ports.get(&port)?.last_told(subnet)?;
        let told = ReportRow {
            subnet,
            rtt_us: row.rtt,
            deviation_us: row.deviation_us,
            min_rtt: row.rtt,
            samples: row.samples,
            observed_at: row.observed_at,
        };
        Some((row.told, told))
    }
}

impl PortRows {
    /// What all rows say as they were last told, whether they count or not: the sum of [`said`].
    fn said(&self) -> u64 {
        self.waiting.iter().fold(self.rows.said(), |sum, (subnet, waiting)| {
            let counting = self.rows.get(*subnet).map_or(0, |row| said(*subnet, &row));
            sum.wrapping_sub(counting).wrapping_add(said(*subnet, &waiting.row))
        })
    }

    /// The last word about a network, whether it counts or not.
    fn word(&self, subnet: Subnet) -> Option<Rank> {
        let row = self.last_told(subnet)?;
        Some((row.told.epoch, row.samples, row.rtt, row.deviation_us))
    }

    /// The same of what a refresh says.
    fn counted(&self, subnet: Subnet) -> Option<(u64, u32)> {
        self.word(subnet).map(|(epoch, samples, ..)| (epoch, samples))
    }

    fn last_told(&self, subnet: Subnet) -> Option<Row> {
        let waiting = self.waiting.get(&subnet).map(|waiting| waiting.row);
        waiting.or_else(|| self.rows.get(subnet))
    }
}

/// What of two rows is the later: that of the later life, and of one life that which counted more; else the
/// larger, so that two tables agree whichever told the other. Not the time of observation: each table
/// bounds that by its own clock.
type Rank = (u64, u32, Rtt, u32);

const fn word(epoch: u64, row: &ReportRow) -> Rank {
    (epoch, row.samples, row.rtt_us, row.deviation_us)
}

fn report((after, through): (u64, u64), mut rows: Vec<(u16, ReportRow)>) -> Report {
    rows.sort_unstable_by_key(|(port, row)| (*port, row.subnet));
    let mut ports: BTreeMap<u16, PortReport> = BTreeMap::new();
    for (port, row) in rows {
        let empty = || PortReport { port, rows: Vec::new(), refreshed: Vec::new() };
        ports.entry(port).or_insert_with(empty).rows.push(row);
    }
    Report { after, through, ports: ports.into_values().collect() }
}

#[cfg(test)]
mod tests;
