//! By how much another clock is ahead of the one that counts, or behind it.
//!
//! A process counts its time from its start, and never backward. Signatures are for those who go by the
//! time of the world, which the machine's clock has: it is set now and then. Must never read either.

use model::Time;

/// The difference of two clocks. The default: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Correction {
    /// In milliseconds; one of the two is zero.
    ahead_ms: u64,
    behind_ms: u64,
}

impl Correction {
    /// What makes `counted` into `told`.
    #[must_use]
    pub const fn between(counted: Time, told: Time) -> Self {
        Self { ahead_ms: told.ms_since(counted), behind_ms: counted.ms_since(told) }
    }

    /// The time that the other clock tells when this one has counted to `now`.
    #[must_use]
    pub const fn of(self, now: Time) -> Time {
        now.plus_ms(self.ahead_ms).minus_ms(self.behind_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_two_clocks_leads_from_one_to_the_other() {
        let at = Time::from_unix_ms;
        for (counted, told) in [(5, 5), (5, 9), (9, 5), (0, u64::MAX), (u64::MAX, 0)] {
            let correction = Correction::between(at(counted), at(told));
            assert_eq!(correction.of(at(counted)), at(told), "{counted} {told}");
        }
        let behind = Correction::between(at(100), at(40));
        assert_eq!((behind.of(at(160)), behind.of(at(10))), (at(100), Time::EPOCH));
        assert_eq!(Correction::default().of(at(7)), at(7));
    }
}
