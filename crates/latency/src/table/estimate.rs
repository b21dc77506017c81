//! What the rows of a region's agents say together about one client network: a pure function of
//! the rows, whatever their order, so that a liar's rows can be withdrawn without a trace.

use model::{Rtt, Time};

use super::row::Row;

/// A region's value for one client network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionEstimate {
    /// The mean of the agents' averages, weighted by fresh samples.
    pub rtt: Rtt,
    /// How far a connection lies from it, in microseconds: the agents' own deviations and their
    /// distance from one another.
    pub deviation_us: u32,
    /// Connections counted by all of them.
    pub samples: u64,
    /// The latest observation of any of them.
    pub observed_at: Time,
    /// How many agents had a say.
    pub agents: u32,
}

/// Samples beyond this add no weight: an average with `ewma_alpha` rests on the last intervals,
/// so an agent that has run for a month is not surer than one that has run for a day.
const SAMPLES_WEIGHED_MAX: u32 = 256;

/// A row observed this much earlier than the region's latest counts half as much: about as long
/// as a path through the Internet keeps its length at busy hours.
const HALF_LIFE_MS: u64 = 3_600_000;

/// Room for halving: after so many half-lives a row's weight is at the least, 1.
const WEIGHT_SHIFT: u32 = 16;

/// Merges the rows of one region for one subnet, each with a number that is its agent's and
/// ascends. `None` where there are none.
pub(crate) fn merge(rows: &[(u32, Row)]) -> Option<RegionEstimate> {
    let observed_at = rows.iter().map(|(_, row)| row.observed_at).max()?;
    let mean_us = weighted_mean(rows, observed_at, |row| u64::from(row.rtt.us()));
    // A mean of sane times is sane.
    let rtt = Rtt::from_us(mean_us).ok()?;
    let deviation_us = weighted_mean(rows, observed_at, |row| {
        u64::from(row.deviation_us) + u64::from(row.rtt.us().abs_diff(rtt.us()))
    });
    let mut agents: Vec<u32> = rows.iter().map(|(agent, _)| *agent).collect();
    agents.dedup();
    Some(RegionEstimate {
        rtt,
        deviation_us: u32::try_from(deviation_us).unwrap_or(u32::MAX),
        samples: rows.iter().map(|(_, row)| u64::from(row.samples)).sum(),
        observed_at,
        agents: u32::try_from(agents.len()).unwrap_or(u32::MAX),
    })
}

/// The mean of a value of the rows by their weights, halves up. In whole numbers, so that the
/// order of the rows cannot show.
fn weighted_mean(rows: &[(u32, Row)], newest: Time, value: impl Fn(&Row) -> u64) -> u64 {
    let (mut total, mut sum) = (0, 0);
    for (_, row) in rows {
        let weight = u128::from(weight(row, newest));
        total += weight;
        sum += weight * u128::from(value(row));
    }
    let mean = (sum + total / 2).checked_div(total).unwrap_or(0);
    u64::try_from(mean).unwrap_or(u64::MAX)
}

/// A row's weight: its samples, halved for each half-life it is behind `newest`; at least 1.
fn weight(row: &Row, newest: Time) -> u32 {
    let half_lives = newest.ms_since(row.observed_at) / HALF_LIFE_MS;
    let full = row.samples.min(SAMPLES_WEIGHED_MAX) << WEIGHT_SHIFT;
    let halvings = u32::try_from(half_lives).unwrap_or(u32::MAX);
    full.checked_shr(halvings).unwrap_or(0).max(1)
}

#[cfg(test)]
mod tests {
    use super::super::Position;
    use super::super::level::Level;
    use super::*;

    fn row(ms: u64, samples: u32, observed_h: u64) -> Row {
        Row {
            rtt: Rtt::from_us(ms * 1000).unwrap(),
            deviation_us: 500,
            samples,
            observed_at: Time::from_unix_ms(observed_h * 3_600_000),
            level: Level::new(Rtt::from_us(ms * 1000).unwrap(), Time::EPOCH),
            told: Position { epoch: 1, sequence: 1 },
        }
    }

    /// Rows as (agent, ms, samples, hour observed); expects ms, samples, agents.
    fn check(rows: &[(u32, u64, u32, u64)], rtt_ms: u64, samples: u64, agents: u32) {
        let rows: Vec<(u32, Row)> =
            rows.iter().map(|(a, ms, samples, at)| (*a, row(*ms, *samples, *at))).collect();
        let merged = merge(&rows).unwrap();
        assert_eq!(u64::from(merged.rtt.ms_rounded()), rtt_ms, "{rows:?}");
        assert_eq!((merged.samples, merged.agents), (samples, agents), "{rows:?}");
    }

    #[test]
    fn fresh_samples_weigh() {
        check(&[(0, 85, 10, 5)], 85, 10, 1);
        check(&[(0, 80, 10, 5), (1, 90, 10, 5)], 85, 20, 2);
        check(&[(0, 80, 30, 5), (1, 90, 10, 5)], 83, 40, 2);
        // One hour older: half the weight. A day older: next to none.
        check(&[(0, 80, 10, 4), (1, 90, 10, 5)], 87, 20, 2);
        check(&[(0, 80, 10, 1), (1, 90, 10, 25)], 90, 20, 2);
        // A month of samples is worth no more than a busy hour's.
        check(&[(0, 80, 1_000_000, 5), (1, 90, 256, 5)], 85, 1_000_256, 2);
        // Two ports of one agent are one agent.
        check(&[(3, 80, 10, 5), (3, 90, 10, 5)], 85, 20, 1);
    }

    #[test]
    fn disagreement_shows_in_the_deviation() {
        let (a, b) = (row(80, 10, 5), row(90, 10, 5));
        assert_eq!(merge(&[(0, a), (1, b)]).unwrap().deviation_us, 5_500);
        assert_eq!(merge(&[(0, a)]).unwrap().deviation_us, 500);
        assert_eq!(merge(&[]), None);
    }

    #[test]
    fn the_oldest_row_alone_still_has_a_weight() {
        check(&[(0, 85, 1, 0)], 85, 1, 1);
        check(&[(0, 60_000, u32::MAX, 0), (1, 60_000, 1, 1_000_000)], 60_000, 4_294_967_296, 2);
    }
}
