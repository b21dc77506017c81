//! A network's row of one region in twenty bytes. What it adds to its groups follows from it, so that
//! is worked out each time and kept nowhere.

use latency::RegionEstimate;
use model::{Rtt, Time};

/// The bits that a number of agents has: more are as many as fit.
const AGENTS_BITS: u32 = 6;
/// The bits that a moment has, in milliseconds since 1970: until the year 2109.
const OBSERVED_BITS: u32 = 42;

/// A row of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    rtt: Rtt,
    deviation_us: u32,
    /// Four thousand million connections are all that a row counts.
    samples: u32,
    /// The lower half of the moment,
    observed_low: u32,
    /// and the rest of it, with the number of agents below.
    observed_high_and_agents: u16,
    /// Which of the domain's regions, counted from 0.
    pub(super) region: u16,
}

// Rows are most of what is kept of a network.
const _: () = assert!(size_of::<Row>() == 20, "a row has twenty bytes");

impl Row {
    /// The row of a region.
    #[expect(clippy::cast_possible_truncation, reason = "cut just before, or meant to be")]
    pub(super) fn new(region: u16, estimate: &RegionEstimate) -> Self {
        let observed_ms = estimate.observed_at.unix_ms().min((1 << OBSERVED_BITS) - 1);
        let agents = estimate.agents.min((1 << AGENTS_BITS) - 1) as u16;
        Self {
            rtt: estimate.rtt,
            deviation_us: estimate.deviation_us,
            samples: u32::try_from(estimate.samples).unwrap_or(u32::MAX),
            observed_low: observed_ms as u32,
            observed_high_and_agents: (observed_ms >> u32::BITS << AGENTS_BITS) as u16 | agents,
            region,
        }
    }

    /// The time, in microseconds.
    pub(super) const fn rtt_us(&self) -> u32 {
        self.rtt.us()
    }

    /// When it was observed.
    pub(super) fn observed_at(&self) -> Time {
        let high = u64::from(self.observed_high_and_agents >> AGENTS_BITS);
        Time::from_unix_ms(high << u32::BITS | u64::from(self.observed_low))
    }

    /// The connections counted.
    pub(super) fn samples(&self) -> u64 {
        u64::from(self.samples)
    }

    /// What the table said.
    pub(super) fn estimate(&self) -> RegionEstimate {
        RegionEstimate {
            rtt: self.rtt,
            deviation_us: self.deviation_us,
            samples: self.samples(),
            observed_at: self.observed_at(),
            agents: u32::from(self.observed_high_and_agents) & ((1 << AGENTS_BITS) - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(estimate: RegionEstimate, expect: RegionEstimate) {
        let row = Row::new(7, &estimate);
        assert_eq!((row.region, row.estimate()), (7, expect));
        assert_eq!(row.rtt_us(), expect.rtt.us());
    }

    #[test]
    fn a_row_says_what_the_table_said() {
        let usual = RegionEstimate {
            rtt: Rtt::from_us(23_456).unwrap(),
            deviation_us: 1_234,
            samples: 77,
            observed_at: Time::from_unix_ms(1_766_138_700_123),
            agents: 3,
        };
        check(usual, usual);
        let most = RegionEstimate {
            rtt: Rtt::from_us(u64::from(Rtt::MAX_US)).unwrap(),
            deviation_us: u32::MAX,
            samples: u64::from(u32::MAX),
            observed_at: Time::from_unix_ms((1 << OBSERVED_BITS) - 1),
            agents: 63,
        };
        check(most, most);
        // What has no room is as much as has.
        let more = RegionEstimate {
            samples: u64::MAX,
            observed_at: Time::from_unix_ms(u64::MAX),
            agents: u32::MAX,
            ..most
        };
        check(more, most);
        let least = RegionEstimate {
            rtt: Rtt::from_us(1).unwrap(),
            deviation_us: 0,
            samples: 0,
            observed_at: Time::EPOCH,
            agents: 0,
        };
        check(least, least);
    }
}
