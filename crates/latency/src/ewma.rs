//! The exponentially weighted moving average, by itself: `new = a * sample + (1 - a) * old`.
//!
//! It knows no time: who steps it decides what a step is
//! (`docs/decisions/0004-one-average-step-per-interval.md`).

use std::num::NonZeroU32;

/// An average that has seen at least one value.
///
/// Kept in single precision: 24 bits are 1/128 us at 85 ms, far below what kernels measure, and
/// there are two for each row. Its bits are kept turned round: those of no time are all ones, so no
/// average is zero, and a row without one needs no room to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ewma(NonZeroU32);

impl Ewma {
    /// The average of one value.
    pub(crate) const fn first(value: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "rounding is what is wanted")]
        let bits = !(value as f32).to_bits();
        Self(match NonZeroU32::new(bits) {
            Some(bits) => bits,
            None => NonZeroU32::MAX,
        })
    }

    /// Takes one more value with weight `alpha`, above 0 and at most 1.
    pub(crate) fn step(&mut self, value: f64, alpha: f64) {
        debug_assert!(alpha > 0.0 && alpha <= 1.0, "alpha is checked with the settings");
        *self = Self::first(alpha * value + (1.0 - alpha) * self.get());
    }

    /// The average.
    pub(crate) fn get(self) -> f64 {
        f64::from(self.value())
    }

    const fn value(self) -> f32 {
        f32::from_bits(!self.0.get())
    }

    /// The average as whole microseconds, to the nearest.
    pub(crate) fn rounded_us(self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "averages of times up to 60 s; a cast saturates"
        )]
        let us = self.value().round() as u32;
        us
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_formula_to_the_letter() {
        let mut average = Ewma::first(100.0);
        average.step(200.0, 0.3);
        assert!((average.get() - 130.0).abs() < 1e-3);
        average.step(200.0, 0.3);
        assert!((average.get() - 151.0).abs() < 1e-3);
        assert_eq!(average.rounded_us(), 151);
    }

    #[test]
    fn all_weight_on_the_newest_forgets() {
        let mut average = Ewma::first(5.0);
        average.step(60_000_000.0, 1.0);
        assert_eq!(average.rounded_us(), 60_000_000);
    }

    #[test]
    fn half_of_a_change_is_believed_after_log_half_steps() {
        // (1 - 0.3)^2 = 0.49.
        let mut average = Ewma::first(0.0);
        for _ in 0..2 {
            average.step(1000.0, 0.3);
        }
        assert_eq!(average.rounded_us(), 510);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_stays_among_its_values(
            values in prop::collection::vec(1u32..60_000_000, 1..50),
            alpha in 0.01f64..=1.0,
        ) {
            let mut average = Ewma::first(f64::from(values[0]));
            for value in &values {
                average.step(f64::from(*value), alpha);
            }
            let (low, high) = (*values.iter().min().unwrap(), *values.iter().max().unwrap());
            // Single precision: 4 us at 60 s.
            prop_assert!(average.get() >= f64::from(low) - 8.0);
            prop_assert!(average.get() <= f64::from(high) + 8.0);
        }
    }
}
