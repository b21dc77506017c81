//! How much networks differ that have something in common: the usual spread of each level, over
//! all its groups. A small group has no spread of its own; it borrows this one.

use super::group::{Groups, Level, Moments};
use super::line::Line;

/// The spreads assumed before any row, in microseconds, by level. Where distances are known the
/// wide levels are what is left beside the distance.
const START_PLACED_US: [f64; Level::COUNT] =
    [20_000.0, 12_000.0, 10_000.0, 6_000.0, 4_000.0, 8_000.0, 4_000.0];
/// The same where no distance is known: a country is as wide as it is, a region's world is the
/// world.
const START_UNPLACED_US: [f64; Level::COUNT] =
    [60_000.0, 25_000.0, 20_000.0, 6_000.0, 4_000.0, 15_000.0, 5_000.0];
/// The networks that the start weighs.
const START_NETWORKS: u64 = 20;
/// Networks of one group beyond this add no weight to the level's spread: a level is its groups.
const GROUP_NETWORKS_MAX: u32 = 64;
/// The networks that the level's spread weighs in a group's own.
const BORROWED: f64 = 4.0;

/// How far from the line the time over a distance lies, before fitting: a constant and a part of
/// what is expected,
const DISTANCE_US: f64 = 5_000.0;
const DISTANCE_PART: f64 = 0.3;
/// and where no distance is known, a part of the constant that stands for the line.
const FLAT_PART: f64 = 0.8;
/// The scale of it stays within these, squared: a third and three times as much.
const SCALE_MIN: f64 = 0.1;
const SCALE_MAX: f64 = 9.0;

/// The usual spreads, as variances in squared microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spreads {
    levels: [f64; Level::COUNT],
    /// How much wider than at the start the times lie around the line.
    distance_scale: f64,
}

/// How far all rows lie from the line, as sums of whole numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scatter {
    /// Squared residuals as thousandths of what is usual over the distance.
    thousandths: u64,
    rows: u64,
}

impl Spreads {
    /// The spreads before any row. `placed`: whether distances are known at all.
    pub(super) fn start(placed: bool) -> Self {
        Self { levels: start_levels(placed), distance_scale: 1.0 }
    }

    /// The spreads that these groups and rows have.
    pub(super) fn fit(groups: &Groups, scatter: Scatter, placed: bool) -> Self {
        // Whole squared microseconds, so that the order of the groups cannot show.
        let mut sums = [(0u128, 0u64); Level::COUNT];
        for (key, group) in groups.iter() {
            let Some((sum, count)) = Level::of(key).and_then(|level| sums.get_mut(level as usize))
            else {
                continue;
            };
            for regional in group.iter().filter(|sums| sums.networks > 1) {
                let Some(moments) = regional.moments(0.0) else { continue };
                let weight = (regional.networks - 1).min(GROUP_NETWORKS_MAX);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut")]
                let spread = moments.spread.round() as u64;
                *sum += u128::from(spread) * u128::from(weight);
                *count += u64::from(weight);
            }
        }
        let mut levels = start_levels(placed);
        #[expect(clippy::cast_precision_loss, reason = "53 bits are more than is measured")]
        for (level, (sum, count)) in levels.iter_mut().zip(sums) {
            let start = START_NETWORKS as f64;
            *level = (*level * start + sum as f64) / (start + count as f64);
        }
        Self { levels, distance_scale: scatter.scale() }
    }

    /// The variance of a time of which only the distance is known.
    pub(super) fn of_distance(&self, line: &Line, km: Option<u16>) -> f64 {
        usual(line, km) * self.distance_scale
    }

    /// The spread of a group of this level: its own where it has many networks.
    pub(super) fn of_group(&self, level: Level, moments: &Moments) -> f64 {
        let own = moments.networks - 1.0;
        let usual = self.levels.get(level as usize).copied().unwrap_or_default();
        (usual * BORROWED + moments.spread * own) / (BORROWED + own)
    }
}

impl Scatter {
    /// One row over a distance, this far from the line.
    pub(super) fn add(&mut self, line: &Line, km: Option<u16>, residual_us: f64) {
        if km.is_none() {
            return;
        }
        let part = (residual_us * residual_us / usual(line, km)).min(SCALE_MAX * SCALE_MAX);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut above")]
        let thousandths = (part * 1e3).round() as u64;
        self.thousandths += thousandths;
        self.rows += 1;
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits are more than is measured")]
    fn scale(self) -> f64 {
        let start = START_NETWORKS as f64;
        let sum = start + self.thousandths as f64 / 1e3;
        (sum / (start + self.rows as f64)).clamp(SCALE_MIN, SCALE_MAX)
    }
}

fn start_levels(placed: bool) -> [f64; Level::COUNT] {
    let start = if placed { START_PLACED_US } else { START_UNPLACED_US };
    start.map(|us| us * us)
}

fn usual(line: &Line, km: Option<u16>) -> f64 {
    let expected = line.expected_us(km);
    let deviation =
        if km.is_some() { DISTANCE_US + DISTANCE_PART * expected } else { FLAT_PART * expected };
    deviation * deviation
}
