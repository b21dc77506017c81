//! Times and numbers in six bytes: a row has four of them, and there are `max_subnets` rows. Loses nothing
//! that can come.

use model::Time;

/// A number below 2^48. As milliseconds that is the year 10889, as a learner's sequence ninety years of
/// 100,000 rows a second; more stays there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed([u8; 6]);

impl Packed {
    /// A number.
    pub(crate) const fn of(number: u64) -> Self {
        const MAX: u64 = (1 << 48) - 1;
        let number = if number > MAX { MAX } else { number };
        let [a, b, c, d, e, f, ..] = number.to_le_bytes();
        Self([a, b, c, d, e, f])
    }

    /// A time.
    pub(crate) const fn of_time(time: Time) -> Self {
        Self::of(time.unix_ms())
    }

    /// The number.
    pub(crate) const fn number(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
    }

    /// The time.
    pub(crate) const fn time(self) -> Time {
        Time::from_unix_ms(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_come_comes_back() {
        for number in [0, 1, 0x0123_4567_89ab, 1_766_138_700_000, (1 << 48) - 1] {
            assert_eq!(Packed::of(number).number(), number);
            assert_eq!(Packed::of_time(Time::from_unix_ms(number)).time().unix_ms(), number);
        }
        assert_eq!(Packed::of(u64::MAX), Packed::of((1 << 48) - 1));
    }
}
