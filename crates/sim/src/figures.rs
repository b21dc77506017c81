//! An hour of connections as a few figures.

use serde::Serialize;

/// Round-trip times of an hour's connections, each counting once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// The mean in milliseconds.
    pub mean_ms: f64,
    /// The median in milliseconds.
    pub p50_ms: f64,
    /// 95 of 100 are not above it.
    pub p95_ms: f64,
    /// 99 of 100 are not above it.
    pub p99_ms: f64,
}

impl Figures {
    /// The figures of these times in microseconds; `None` where nobody connected.
    #[must_use]
    pub fn of(mut times_us: Vec<u32>) -> Option<Self> {
        times_us.sort_unstable();
        let sum: u64 = times_us.iter().map(|us| u64::from(*us)).sum();
        let count = times_us.len();
        // The nearest rank: the least value that so many hundredths are not above.
        let percentile_ms = |percent: usize| {
            let rank = (count * percent).div_ceil(100);
            times_us.get(rank.checked_sub(1)?).map(|us| f64::from(*us) / 1000.0)
        };
        Some(Self {
            mean_ms: sum as f64 / count as f64 / 1000.0,
            p50_ms: percentile_ms(50)?,
            p95_ms: percentile_ms(95)?,
            p99_ms: percentile_ms(99)?,
        })
    }
}

/// The share of what the oracle gains over geography that a policy gains too: 1 is all of it, below
/// 0 is worse than geography. `None` where there is nothing to gain.
#[must_use]
pub fn captured(geolocation_ms: f64, policy_ms: f64, oracle_ms: f64) -> Option<f64> {
    let possible_ms = geolocation_ms - oracle_ms;
    // Under a microsecond is rounding.
    (possible_ms > 0.001).then(|| (geolocation_ms - policy_ms) / possible_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_nearest_rank() {
        assert_eq!(Figures::of(Vec::new()), None);
        let of = |times: std::ops::RangeInclusive<u32>| {
            Figures::of(times.map(|ms| ms * 1000).rev().collect()).unwrap()
        };
        let expect = Figures { mean_ms: 50.5, p50_ms: 50.0, p95_ms: 95.0, p99_ms: 99.0 };
        assert_eq!(of(1..=100), expect);
        let expect = Figures { mean_ms: 2.0, p50_ms: 2.0, p95_ms: 3.0, p99_ms: 3.0 };
        assert_eq!(of(1..=3), expect);
        assert_eq!(of(7..=7).p50_ms, 7.0);
    }

    #[test]
    fn the_gain_is_measured_between_geography_and_oracle() {
        assert_eq!(captured(60.0, 60.0, 40.0), Some(0.0));
        assert_eq!(captured(60.0, 45.0, 40.0), Some(0.75));
        assert_eq!(captured(60.0, 70.0, 40.0), Some(-0.5));
        assert_eq!(captured(60.0, 60.0, 60.0), None);
    }
}
