//! What a distance alone lets one expect: a straight line through all rows of a domain, and how
//! far rows lie from it. Knows no network by name and no group.

/// Light in fibre goes 200 km in a millisecond, there and back 100 km: nothing is faster
/// (refractive index 1.47).
const FIBRE_US_PER_KM: f64 = 10.0;
/// How wrong the distance may be: what [`geo`] believes of coordinates, and their rounding. 5 ms.
const ERROR_KM: f64 = geo::Geo::PLACE_ERROR_KM as f64;

/// Cables follow coasts and roads: half as long again as the great circle.
const START_NS_PER_KM: i64 = 15_000;
/// The last mile, there and back.
const START_INTERCEPT_US: i64 = 5_000;
/// What is expected where no distance is known and no row is: half of all pairs of a client and a
/// server on different continents are nearer.
const START_FLAT_US: i64 = 100_000;

/// The line is rounded, so that it rests while rows come and go, and rows taken in another order
/// lead to the same one: a quarter of a microsecond a kilometre is 5 ms at the antipodes.
const SLOPE_STEP_NS: i64 = 250;
const OFFSET_STEP_US: i64 = 500;

/// Rows are put together by distance, as wide as no route is exact.
const BIN_KM: u16 = 500;
const BINS: usize = 41;
/// Networks of a bin beyond this add no weight: near ones are by far the most.
const BIN_NETWORKS_MAX: usize = 64;
/// What the start weighs: as two bins of eight networks 2,000 km apart.
const START_SLOPE_WEIGHT: u64 = 8 * 8 * 2_000;
const START_NETWORKS: u64 = 8;

/// Expected microseconds by kilometres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    intercept_us: i64,
    slope_ns_per_km: i64,
    /// For pairs without a known distance.
    flat_us: i64,
}

/// All rows, for the fit: their times, by distance.
#[derive(Debug)]
pub(super) struct Observed {
    bins: Vec<Bin>,
    flat: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
struct Bin {
    km: u64,
    times_us: Vec<u32>,
}

/// The least that a path of this length can take; 0 where the length is not known.
pub(super) fn floor_us(km: Option<u16>) -> f64 {
    km.map_or(0.0, |km| ((f64::from(km) - ERROR_KM) * FIBRE_US_PER_KM).max(0.0))
}

impl Line {
    /// The line before any row.
    pub(super) const START: Self = Self {
        intercept_us: START_INTERCEPT_US,
        slope_ns_per_km: START_NS_PER_KM,
        flat_us: START_FLAT_US,
    };

    /// What is expected over a distance, in microseconds.
    pub(super) fn expected_us(&self, km: Option<u16>) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most seconds in microseconds")]
        match km {
            Some(km) => {
                self.intercept_us as f64 + self.slope_ns_per_km as f64 * f64::from(km) / 1e3
            }
            None => self.flat_us as f64,
        }
    }

    /// The line through these rows, by medians (Theil and Sen's), so that rows far off cannot bend
    /// it. Where there are few rows, or all of about one distance, the start has its weight.
    pub(super) fn fit(mut observed: Observed) -> Self {
        let mut points: Vec<(i64, i64, u64)> = Vec::with_capacity(BINS);
        for bin in &mut observed.bins {
            let count = bin.times_us.len();
            if let Some(median) = median(&mut bin.times_us) {
                let km = i64::try_from(bin.km / count as u64).unwrap_or(0);
                points.push((km, median, count.min(BIN_NETWORKS_MAX) as u64));
            }
        }
        let mut slopes = vec![(START_NS_PER_KM, START_SLOPE_WEIGHT)];
        for (number, (km, us, weight)) in points.iter().enumerate() {
            for (further_km, further_us, further_weight) in points.iter().skip(number + 1) {
                let apart = further_km - km;
                if apart > 0 {
                    let slope = (further_us - us) * 1_000 / apart;
                    slopes.push((slope, weight * further_weight * apart.unsigned_abs()));
                }
            }
        }
        // Never flatter than light, never steeper than five times as slow.
        let slope = round(weighted_median(slopes), SLOPE_STEP_NS).clamp(10_000, 50_000);
        let mut offsets = vec![(START_INTERCEPT_US, START_NETWORKS)];
        offsets.extend(points.iter().map(|(km, us, weight)| (us - km * slope / 1_000, *weight)));
        let mut flat = vec![(START_FLAT_US, START_NETWORKS)];
        let count = observed.flat.len() as u64;
        flat.extend(median(&mut observed.flat).map(|median| (median, count)));
        Self {
            intercept_us: round(weighted_median(offsets), OFFSET_STEP_US).max(0),
            slope_ns_per_km: slope,
            flat_us: round(weighted_median(flat), OFFSET_STEP_US),
        }
    }
}

impl Observed {
    pub(super) fn new() -> Self {
        Self { bins: vec![Bin::default(); BINS], flat: Vec::new() }
    }

    /// One row.
    pub(super) fn add(&mut self, km: Option<u16>, rtt_us: u32) {
        match km.and_then(|km| Some((km, self.bins.get_mut(usize::from(km / BIN_KM))?))) {
            Some((km, bin)) => {
                bin.km += u64::from(km);
                bin.times_us.push(rtt_us);
            }
            None => self.flat.push(rtt_us),
        }
    }
}

fn median(values: &mut [u32]) -> Option<i64> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| i64::from(*values.select_nth_unstable(middle).1))
}

/// The value at which half of the weight is reached.
fn weighted_median(mut values: Vec<(i64, u64)>) -> i64 {
    values.sort_unstable();
    let total: u64 = values.iter().map(|(_, weight)| weight).sum();
    let mut below = 0;
    let reached = values.iter().find(|(_, weight)| {
        below += weight;
        below * 2 >= total
    });
    reached.map_or(0, |(value, _)| *value)
}

const fn round(value: i64, step: i64) -> i64 {
    (value + step / 2).div_euclid(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows over these distances, of a world with this slope and last mile; one in `outliers` of
    /// them takes a second. Expects slope in ns and intercept in us.
    fn check(
        world: (u32, u32),
        km: impl Iterator<Item = u16>,
        outliers: usize,
        expect: (i64, i64),
    ) {
        let mut observed = Observed::new();
        for (number, km) in km.enumerate() {
            let us = world.1 + u32::from(km) * world.0;
            let us = if number % outliers == outliers - 1 { 1_000_000 } else { us };
            observed.add(Some(km), us);
        }
        let line = Line::fit(observed);
        assert_eq!((line.slope_ns_per_km, line.intercept_us), expect);
    }

    #[test]
    fn it_calibrates_on_the_world_it_is_in() {
        check((18, 8_000), (0..600).map(|n| n * 20), 100, (18_000, 8_000));
        // Within 500 km, where the median of a quarter of outliers is.
        check((18, 8_000), (0..600).map(|n| n * 20), 4, (18_000, 9_500));
        check((12, 2_000), (0..600).map(|n| n * 30), 10, (12_000, 2_500));
        // Faster than light is not believed.
        check((5, 40_000), (0..600).map(|n| n * 20), 100, (10_000, 9_000));
    }

    #[test]
    fn few_rows_leave_the_start() {
        check((40, 8_000), 0..0, 2, (15_000, 5_000));
        check((40, 8_000), (0..3).map(|n| n * 700), 5, (15_000, 5_000));
        // All of one distance: the line moves up and down, and does not turn.
        check((15, 25_000), (0..200).map(|n| 900 + n % 50), 50, (15_000, 25_000));
    }

    #[test]
    fn nothing_is_faster_than_light() {
        assert_eq!([None, Some(0), Some(400)].map(floor_us), [0.0; 3]);
        assert!((floor_us(Some(10_500)) - 100_000.0).abs() < 1e-6);
        assert!((Line::START.expected_us(Some(1_000)) - 20_000.0).abs() < 1e-6);
        assert!((Line::START.expected_us(None) - 100_000.0).abs() < 1e-6);
    }

    #[test]
    fn without_distances_the_line_is_the_middle() {
        let mut observed = Observed::new();
        (1..=99).for_each(|ms| observed.add(None, ms * 1_000));
        assert_eq!(Line::fit(observed).flat_us, 50_000);
    }
}
