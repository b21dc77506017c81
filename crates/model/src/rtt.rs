//! A round-trip time that is known to be sane.
//!
//! Whatever comes from a kernel or a network becomes an [`Rtt`] once, at its border, or is refused
//! there. So no later arithmetic has to ask whether a time is zero, negative or absurd.

use std::num::NonZeroU32;

/// A round-trip time in microseconds, from 1 to [`Rtt::MAX_US`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rtt(NonZeroU32);

/// Why a number is no round-trip time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RttError {
    /// Kernels say 0 where nothing was measured.
    #[error("a round-trip time of 0 us means that nothing was measured")]
    Zero,
    /// More than a path on this planet can take.
    #[error("a round-trip time of {0} us is over the limit of 60 s")]
    TooLong(u64),
}

impl Rtt {
    /// 60 s: twice the longest times seen on satellite paths with full queues, and Linux's own
    /// "not measured" (`~0`) lies far above. A longer one is refused, not clamped.
    pub const MAX_US: u32 = 60_000_000;

    /// A round-trip time from microseconds.
    ///
    /// # Errors
    ///
    /// Zero, and more than [`Rtt::MAX_US`].
    pub const fn from_us(us: u64) -> Result<Self, RttError> {
        if us > Self::MAX_US as u64 {
            return Err(RttError::TooLong(us));
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded by MAX_US just above")]
        match NonZeroU32::new(us as u32) {
            Some(us) => Ok(Self(us)),
            None => Err(RttError::Zero),
        }
    }

    /// Microseconds.
    #[must_use]
    pub const fn us(self) -> u32 {
        self.0.get()
    }

    /// Whole milliseconds, halves up: the `rtt_ms` of the API.
    #[must_use]
    pub const fn ms_rounded(self) -> u32 {
        (self.us() + 500) / 1000
    }
}

impl std::fmt::Display for Rtt {
    /// Milliseconds with one decimal, as in `85.3ms`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1}ms", f64::from(self.us()) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sane_times_are_times() {
        assert_eq!(Rtt::from_us(0), Err(RttError::Zero));
        assert_eq!(Rtt::from_us(60_000_001), Err(RttError::TooLong(60_000_001)));
        assert_eq!(Rtt::from_us(u64::from(u32::MAX)), Err(RttError::TooLong(4_294_967_295)));
        assert_eq!(Rtt::from_us(60_000_000).map(Rtt::us), Ok(60_000_000));
    }

    #[test]
    fn milliseconds_round_to_the_nearest() {
        for (us, ms) in [(1, 0), (499, 0), (500, 1), (85_499, 85), (85_500, 86)] {
            assert_eq!(Rtt::from_us(us).map(Rtt::ms_rounded), Ok(ms));
        }
    }
}
