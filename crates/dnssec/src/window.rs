//! From when until when a signature holds.
//!
//! The times are rounded to whole days, so that all overwatches make the same ones, and a signature
//! that was made once serves all day. Must never depend on more than the time.

use model::Time;

/// How long one window serves, in seconds. A day: short beside [`VALIDITY_S`], and a name costs one
/// signature a day.
const PERIOD_S: u32 = 86_400;
/// How far back signatures are dated from the beginning of their window, in seconds: for validators
/// whose clocks are behind by as much.
pub const INCEPTION_BACK_S: u32 = 3 * 3_600;
/// For how long signatures hold from the beginning of their window, in seconds. A cache may keep one
/// until then, and it is never asked to for less than six days.
pub const VALIDITY_S: u32 = 7 * 86_400;

/// A day and its signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When it begins, in seconds since the epoch, as records count them: modulo 2^32 (RFC 4034,
    /// 3.1.5).
    start_s: u64,
}

impl Window {
    /// The window at a moment.
    #[must_use]
    pub const fn at(now: Time) -> Self {
        let now_s = now.unix_s();
        Self { start_s: now_s - now_s % PERIOD_S as u64 }
    }

    /// From when its signatures hold.
    #[must_use]
    pub const fn inception(self) -> Time {
        Time::from_unix_ms(self.start_s.saturating_mul(1_000))
            .minus_ms(INCEPTION_BACK_S as u64 * 1_000)
    }

    /// Until when.
    #[must_use]
    pub const fn expiration(self) -> Time {
        Time::from_unix_ms(self.start_s.saturating_mul(1_000)).plus_ms(VALIDITY_S as u64 * 1_000)
    }

    /// Both as records have them, the expiration first.
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        let half = |time: Time| {
            let [_, _, _, _, a, b, c, d] = time.unix_s().to_be_bytes();
            [a, b, c, d]
        };
        let ([a, b, c, d], [e, f, g, h]) = (half(self.expiration()), half(self.inception()));
        [a, b, c, d, e, f, g, h]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_window() {
        let day = 1_766_102_400;
        for (now_s, start_s) in [(day, day), (day + 86_399, day), (day - 1, day - 86_400)] {
            let window = Window::at(Time::from_unix_ms(now_s * 1_000 + 999));
            assert_eq!(window.inception().unix_s(), start_s - 10_800);
            assert_eq!(window.expiration().unix_s(), start_s + 604_800);
        }
    }

    #[test]
    fn times_beyond_32_bits_go_round() {
        let window = Window::at(Time::from_unix_ms(((1 << 32) + 86_400) * 1_000));
        let [a, b, c, d, ..] = window.to_bytes();
        assert!(u32::from_be_bytes([a, b, c, d]) < 8 * 86_400);
        assert_eq!(Window::at(Time::EPOCH).inception(), Time::EPOCH);
        let _ = Window::at(Time::from_unix_ms(u64::MAX)).to_bytes();
    }
}
