//! The one clock of the pure crates: milliseconds since the Unix epoch, handed in by the edge.
//!
//! The edge reads the wall clock once at start and then only counts a monotonic clock on top, so
//! within one process time never goes back. Nothing here reads a clock.

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The epoch itself; earlier than any observation.
    pub const EPOCH: Self = Self(0);

    /// The moment `unix_ms` milliseconds after the epoch.
    #[must_use]
    pub const fn from_unix_ms(unix_ms: u64) -> Self {
        Self(unix_ms)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn unix_s(self) -> u64 {
        self.0 / 1000
    }

    /// Milliseconds from `earlier` to this moment; zero where `earlier` is later.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `ms` milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The moment `ms` milliseconds earlier, the epoch at the earliest.
    #[must_use]
    pub const fn minus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// RFC 3339 in UTC with whole seconds, as in `2025-12-19T10:05:00Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let seconds = self.unix_s();
        let (year, month, day) = civil_from_days(seconds / 86_400);
        let second_of_day = seconds % 86_400;
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second_of_day / 3600,
            second_of_day / 60 % 60,
            second_of_day % 60
        )
    }
}

/// The Gregorian date of a day counted from 1970-01-01.
///
/// Walks whole years and months: at most a few hundred steps, and nobody asks often.
fn civil_from_days(mut days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    // 400 Gregorian years have 146,097 days; this keeps the walk short for any input.
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_the_brief_writes_them() {
        for (unix_s, expect) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_766_138_700, "2025-12-19T10:05:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(Time::from_unix_ms(unix_s * 1000 + 999).to_rfc3339(), expect);
        }
    }

    #[test]
    fn a_later_start_is_no_time_ago() {
        assert_eq!(Time::from_unix_ms(5).ms_since(Time::from_unix_ms(9)), 0);
        assert_eq!(Time::from_unix_ms(9).ms_since(Time::from_unix_ms(5)), 4);
    }
}
