//! Which rows are worth telling, and under which number.
//!
//! See `docs/decisions/0005-one-sequence-per-learner.md`.

use std::collections::BTreeMap;

use model::Rtt;

use crate::aggregate::{Aggregate, Places, Row, hash};
use crate::packed::Packed;
use crate::report::{PortReport, RefreshRow, Report, ReportRow};
use crate::settings::LearningSettings;

/// A row has moved when a time of it changed by more than a fiftieth of the last told average,
/// 2 %: below what decides between two regions.
const MOVED_PART: u32 = 50;

/// A row that is in use is told whole once in so long, moved or not: a table may have dropped it meanwhile,
/// and could do nothing with a refresh. More often where `subnet_ttl` is shorter. Each row has a turn of its
/// own, so that no report is longer for it than others.
const WHOLE_AGAIN_MS: u64 = 3_600_000;

/// What was last told about a row: frozen, so that one number means one value to everybody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    rtt: Rtt,
    deviation_us: u32,
    min_rtt: Rtt,
    samples: u32,
    observed_at: Packed,
    /// The number under which it was last told, whole or not.
    sequence: Packed,
    /// The number under which it was last told whole.
    whole_sequence: Packed,
}

/// Hands out the numbers of one learner.
#[derive(Debug)]
pub(crate) struct Publisher {
    /// The last number given; 0 before the first.
    sequence: u64,
    /// The last number given before the last publication.
    before: u64,
    /// The places of the rows that the last publication told.
    told: Places,
}

/// What one publication told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Rows told whole.
    pub(crate) whole: u64,
    /// Rows only refreshed.
    pub(crate) refreshed: u64,
}

impl Publisher {
    /// Before the first number.
    pub(crate) const fn new() -> Self {
        Self { sequence: 0, before: 0, told: Places::new() }
    }

    /// Gives the next numbers to the rows worth telling, in the order of their ports and subnets,
    /// which packs reports best. Walks the rows that changed since the last time.
    pub(crate) fn publish(&mut self, rows: &mut Aggregate, settings: &LearningSettings) -> Told {
        let (changed, min_samples) = (rows.take_changed(), settings.min_samples);
        let again_ms = whole_again_ms(settings);
        let is_due = |place: &u32| {
            let row = rows.row(*place)?;
            worth_telling(row, &current(row, min_samples)?, again_ms)
        };
        let mut due: Vec<u32> = changed.iter().filter(|place| is_due(place).is_some()).collect();
        // The keys stay where they are: a copy of all would be the most that a learner ever needs.
        due.sort_unstable_by_key(|place| rows.row(*place).map(|row| (row.port, row.subnet)));
        self.before = self.sequence;
        self.told = Places::new();
        let mut told = Told::default();
        for place in &due {
            let Some(row) = rows.row_mut(*place) else { continue };
            let Some(current) = current(row, min_samples) else { continue };
            let is_whole = worth_telling(row, &current, again_ms) == Some(true);
            self.sequence += 1;
            self.told.add(*place);
            let sequence = Packed::of(self.sequence);
            row.published = Some(match row.published {
                Some(last) if !is_whole => {
                    told.refreshed += 1;
                    let Published { samples, observed_at, .. } = current;
                    Published { samples, observed_at, sequence, ..last }
                }
                _ => {
                    told.whole += 1;
                    Published { sequence, whole_sequence: sequence, ..current }
                }
            });
        }
        told
    }

    /// The first `rows_max` rows (at least one) told after `sequence`, in the order of their
    /// numbers. `None` where there are none. Walks the rows of the last publication, or all rows
    /// where it is asked for more.
    pub(crate) fn report_after(
        &self,
        rows: &Aggregate,
        sequence: u64,
        rows_max: usize,
    ) -> Option<Report> {
        if sequence >= self.sequence {
            return None;
        }
        let after = |row| told_after(row, sequence);
        let rows_max = rows_max.max(1);
        let mut after = if sequence >= self.before {
            let told = self.told.iter().filter_map(|place| rows.row(place));
            first_numbers(told.filter_map(after), rows_max)
        } else {
            first_numbers(rows.rows().filter_map(after), rows_max)
        };
        let through = after.iter().map(|(number, ..)| *number).max()?;
        after.sort_unstable_by_key(|(_, row, _)| (row.port, row.subnet));
        let mut ports: BTreeMap<u16, PortReport> = BTreeMap::new();
        for (_, row, published) in after {
            let port = row.port;
            let empty = || PortReport { port, rows: Vec::new(), refreshed: Vec::new() };
            let report = ports.entry(port).or_insert_with(empty);
            if published.whole_sequence.number() > sequence {
                report.rows.push(whole(row, published));
            } else {
                report.refreshed.push(refresh(row, published));
            }
        }
        Some(Report { after: sequence, through, ports: ports.into_values().collect() })
    }
}

impl Published {
    /// The number under which a receiver at `sequence` hears of the row next. One that lacks the
    /// whole row hears of it under the number of the whole: were it the later number of a refresh,
    /// a report could end between the two, and the next one would only refresh what was never had.
    fn number_after(&self, sequence: u64) -> Option<u64> {
        let numbers = [self.whole_sequence, self.sequence].map(Packed::number);
        numbers.into_iter().find(|number| *number > sequence)
    }
}

/// A row with what is told of it, under which number.
type Numbered<'a> = (u64, &'a Row, &'a Published);

/// The `rows_max` with the lowest numbers, in no order. Holds no more than twice as many at a time.
fn first_numbers<'a>(
    rows: impl Iterator<Item = Numbered<'a>>,
    rows_max: usize,
) -> Vec<Numbered<'a>> {
    let mut first = Vec::new();
    let keep = |first: &mut Vec<Numbered<'a>>| {
        if first.len() > rows_max {
            first.select_nth_unstable_by_key(rows_max, |(number, ..)| *number);
            first.truncate(rows_max);
        }
    };
    for row in rows {
        first.push(row);
        if first.len() >= rows_max.saturating_mul(2) {
            keep(&mut first);
        }
    }
    keep(&mut first);
    first
}

/// A row with what was told of it after this number, and the number it was told under; `None` where
/// nothing was.
fn told_after(row: &Row, sequence: u64) -> Option<Numbered<'_>> {
    let published = row.published.as_ref()?;
    Some((published.number_after(sequence)?, row, published))
}

/// What a row could tell now, with no number yet; `None` before its first step or below
/// `min_samples`.
///
/// Those of the running interval are not counted yet: of one life and one count there is one average, so
/// that of two words about a row the later can be told from the earlier.
fn current(row: &Row, min_samples: u32) -> Option<Published> {
    let samples = row.samples.saturating_sub(row.pending.count());
    let average = row.average.as_ref().filter(|_| samples >= min_samples)?;
    // Averages of sane times are sane.
    let rtt = Rtt::from_us(u64::from(average.rtt.rounded_us())).unwrap_or(row.min_rtt);
    Some(Published {
        rtt,
        deviation_us: average.deviation.rounded_us(),
        min_rtt: row.min_rtt,
        samples,
        observed_at: row.last_seen,
        sequence: Packed::of(0),
        whole_sequence: Packed::of(0),
    })
}

/// How often a row in use is told whole.
fn whole_again_ms(settings: &LearningSettings) -> u64 {
    let in_time_ms = settings.subnet_ttl_ms.saturating_sub(settings.report_interval_ms);
    WHOLE_AGAIN_MS.min(in_time_ms).max(1)
}

/// Whether a row is to be told whole (true), only refreshed (false) or not at all.
fn worth_telling(row: &Row, current: &Published, again_ms: u64) -> Option<bool> {
    let Some(last) = &row.published else { return Some(true) };
    let is_seen = last.samples != current.samples;
    let step_us = last.rtt.us() / MOVED_PART;
    let moved = last.rtt.us().abs_diff(current.rtt.us()) > step_us
        || last.deviation_us.abs_diff(current.deviation_us) > step_us
        || last.min_rtt.us().abs_diff(current.min_rtt.us()) > step_us;
    if moved || (is_seen && is_its_turn(row, (last, current), again_ms)) {
        Some(true)
    } else {
        is_seen.then_some(false)
    }
}

/// Whether a row's turn to be told whole came since it was last seen: each row has one in `again_ms`, at a
/// time that its port and network draw.
fn is_its_turn(row: &Row, (last, current): (&Published, &Published), again_ms: u64) -> bool {
    let drawn_ms = hash(row.port, row.subnet) % again_ms;
    let turn = |told: &Published| told.observed_at.number().saturating_add(drawn_ms) / again_ms;
    turn(last) != turn(current)
}

fn whole(row: &Row, published: &Published) -> ReportRow {
    ReportRow {
        subnet: row.subnet,
        rtt_us: published.rtt,
        deviation_us: published.deviation_us,
        min_rtt: published.min_rtt,
        samples: published.samples,
        observed_at: published.observed_at.time(),
    }
}

const fn refresh(row: &Row, published: &Published) -> RefreshRow {
    RefreshRow {
        subnet: row.subnet,
        samples: published.samples,
        observed_at: published.observed_at.time(),
    }
}
