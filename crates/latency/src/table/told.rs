//! What the table has of an agent, told on: to another table that heard it less far, or not at all.
//!
//! A row carries the life of the agent and the number of the report that brought it, or a later number.
//! So what another table lacks after a position is what stands here under a later one, in reports
//! like the agent's own. Never says more than the agent did: a row is told as it was told.

use std::collections::BTreeMap;

use model::{AgentId, Rtt, Subnet, Time};

use super::agent::{AgentRows, PortRows, Taken, Terms};
use super::row::mix;
use super::rows::said;
use super::{Applied, Position, Table, TableRefusal, check};
use crate::report::{PortReport, Report, ReportRow};

/// Most rows of one number: as many as the longest report brings (`mesh` takes no longer one). What is
/// beyond is not told on; its agent tells it again within the hour.
const NUMBER_ROWS_MAX: usize = 16_384;

/// A row and when its agent told it, with its port.
type Told = (Position, u16, ReportRow);

impl Table {
    /// What an agent told after `from`, as far as it is still here: the next report of its life, and
    /// which life that is. At most `rows_max` rows, but never less than one report brought. `None`
    /// where there is nothing more.
    ///
    /// Refreshed rows are told whole. The least round-trip time is not kept here; the average stands
    /// in its place.
    #[must_use]
    pub fn report_after(
        &self,
        agent: &AgentId,
        from: Option<Position>,
        rows_max: usize,
    ) -> Option<(u64, Report)> {
        let known = self.agents.get(agent)?;
        let end = known.position?;
        if from.is_some_and(|from| from >= end) {
            return None;
        }
        let mut rows: Vec<Told> = known.told().filter(|(told, ..)| Some(*told) > from).collect();
        // Where the last rows are gone the position still has to be told.
        let epoch = rows.iter().map(|(told, ..)| told.epoch).min().unwrap_or(end.epoch);
        rows.retain(|(told, ..)| told.epoch == epoch);
        let is_cut = cut(&mut rows, rows_max);
        let last = rows.iter().map(|(told, ..)| told.sequence).max();
        let through = if is_cut || epoch < end.epoch { last? } else { end.sequence };
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
        let known = self.agents.get_mut(agent).ok_or(TableRefusal::UnknownAgent)?;
        let position = known.position.ok_or(TableRefusal::UnknownAgent)?;
        for told in &mut report.ports {
            let Some(port) = known.ports.get(&told.port) else { continue };
            told.rows.retain(|row| port.word(row.subnet) < Some(word(epoch, row)));
            told.refreshed.clear();
        }
        let limits = known.limits(self.limits);
        let added = check::check_rows_of(known, &report, &limits, now)?;
        let before = known.len();
        let others = self.len.saturating_sub(before);
        let after = (before + added).min(limits.rows_per_agent_max);
        if after > before && others + after > limits.rows_max {
            return Err(TableRefusal::TableFull { max: limits.rows_max });
        }
        let is_held = known.held.is_some();
        let told = Position { epoch, sequence: report.through };
        let mut taken = Taken::default();
        for port in &report.ports {
            let room = limits.rows_per_agent_max.saturating_sub(known.waiting());
            if let Some(rows) = known.ports.get_mut(&port.port) {
                let room = room + rows.waiting.len();
                taken += rows.take(port, &Terms { limits: &limits, is_held, room, told, now });
                self.changes.mark(&rows.lane, port.rows.iter().map(|row| row.subnet));
            }
        }
        let evicted = known.evict_beyond(limits.rows_per_agent_max, &mut self.changes);
        known.join_tellings();
        self.len = others + known.len();
        Ok(taken.applied(position, evicted, None))
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
    /// Every row as it was last told, whether it counts or not.
    fn told(&self) -> impl Iterator<Item = Told> {
        self.ports.iter().flat_map(|(port, known)| {
            let counting = known.rows.iter();
            let counting = counting.filter(|(subnet, _)| !known.waiting.contains_key(subnet));
            let waiting = known.waiting.iter().map(|(subnet, waiting)| (*subnet, waiting.row));
            counting.chain(waiting).map(|(subnet, row)| {
                let told = ReportRow {
                    subnet,
                    rtt_us: row.rtt,
                    deviation_us: row.deviation_us,
                    min_rtt: row.rtt,
                    samples: row.samples,
                    observed_at: row.observed_at,
                };
                (row.told, *port, told)
            })
        })
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
    fn word(&self, subnet: Subnet) -> Option<Word> {
        let waiting = self.waiting.get(&subnet).map(|waiting| waiting.row);
        let row = waiting.or_else(|| self.rows.get(subnet))?;
        Some((row.told.epoch, row.samples, row.rtt, row.deviation_us))
    }
}

/// What of two rows is the later: that of the later life, and of one life that which counted more; else the
/// larger, so that two tables agree whichever told the other. Not the time of observation: each table
/// bounds that by its own clock.
type Word = (u64, u32, Rtt, u32);

const fn word(epoch: u64, row: &ReportRow) -> Word {
    (epoch, row.samples, row.rtt_us, row.deviation_us)
}

/// Leaves the first `rows_max` rows in the order of their numbers, or all of the first number where
/// those are more: one number is never cut. Says whether something was left out.
fn cut(rows: &mut Vec<Told>, rows_max: usize) -> bool {
    let rows_max = rows_max.max(1);
    let Some(first) = rows.iter().map(|(told, ..)| *told).min() else { return false };
    if rows.len() <= rows_max {
        return false;
    }
    let (_, (beyond, ..), _) = rows.select_nth_unstable_by_key(rows_max, |(told, ..)| *told);
    let beyond = *beyond;
    let before = rows.len();
    rows.retain(|(told, ..)| *told < beyond || *told == first);
    // What a report of the largest size brought and was mended since may be more than fits one.
    rows.truncate(NUMBER_ROWS_MAX.max(rows_max));
    rows.len() < before
}

fn report((after, through): (u64, u64), mut rows: Vec<Told>) -> Report {
    rows.sort_unstable_by_key(|(_, port, row)| (*port, row.subnet));
    let mut ports: BTreeMap<u16, PortReport> = BTreeMap::new();
    for (_, port, row) in rows {
        let empty = || PortReport { port, rows: Vec::new(), refreshed: Vec::new() };
        ports.entry(port).or_insert_with(empty).rows.push(row);
    }
    Report { after, through, ports: ports.into_values().collect() }
}

#[cfg(test)]
mod tests;
