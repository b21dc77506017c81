//! The average connect time of a backend: what the `latency` algorithm compares.
//!
//! An exponential moving average by count: checks come at a fixed interval, so counting steps is
//! counting time. The first value stands as it is.

use model::Rtt;

/// A moving average of round-trip times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Average {
    /// The share of each new value, above 0 and at most 1.
    smoothing_factor: f64,
    /// The average so far, in microseconds, from 1 to [`Rtt::MAX_US`].
    value_us: Option<f64>,
    samples: u64,
}

impl Average {
    /// An average of nothing yet. A factor outside (0, 1] means 1: the latest value alone.
    #[must_use]
    pub fn new(smoothing_factor: f64) -> Self {
        let is_sane = smoothing_factor > 0.0 && smoothing_factor <= 1.0;
        let smoothing_factor = if is_sane { smoothing_factor } else { 1.0 };
        Self { smoothing_factor, value_us: None, samples: 0 }
    }

    /// Takes one value in.
    pub fn record(&mut self, rtt: Rtt) {
        let sample = f64::from(rtt.us());
        let old = self.value_us.unwrap_or(sample);
        self.value_us = Some(old + self.smoothing_factor * (sample - old));
        self.samples = self.samples.saturating_add(1);
    }

    /// The average, to the nearest microsecond; nothing before the first value.
    #[must_use]
    pub fn value(&self) -> Option<Rtt> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an average of times from 1 us to 60 s lies between them"
        )]
        self.value_us.and_then(|us| Rtt::from_us(us.round() as u64).ok())
    }

    /// How many values were taken in.
    #[must_use]
    pub const fn samples(&self) -> u64 {
        self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(smoothing_factor: f64, values_us: &[u64], expect_us: Option<u32>) {
        let mut average = Average::new(smoothing_factor);
        for us in values_us {
            average.record(Rtt::from_us(*us).unwrap());
        }
        assert_eq!(average.value().map(Rtt::us), expect_us);
        assert_eq!(average.samples(), values_us.len() as u64);
    }

    #[test]
    fn averages() {
        check(0.3, &[], None);
        check(0.3, &[1_000], Some(1_000));
        check(0.3, &[1_000, 2_000], Some(1_300));
        check(0.3, &[1_000, 2_000, 2_000], Some(1_510));
        check(1.0, &[1_000, 2_000], Some(2_000));
        for senseless in [0.0, -1.0, 1.1, f64::NAN, f64::INFINITY] {
            check(senseless, &[1_000, 2_000], Some(2_000));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn an_average_lies_between_its_values(
            smoothing_factor in 0.001_f64..=1.0,
            values_us in prop::collection::vec(1_u64..=60_000_000, 1..50),
        ) {
            let mut average = Average::new(smoothing_factor);
            for us in &values_us {
                average.record(Rtt::from_us(*us).unwrap());
            }
            let value = u64::from(average.value().unwrap().us());
            prop_assert!(*values_us.iter().min().unwrap() <= value);
            prop_assert!(value <= *values_us.iter().max().unwrap());
        }
    }
}
