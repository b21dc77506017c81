//! What is known about one client network through one port.

use model::{Rtt, Subnet, Time};

use crate::admission::Measured;
use crate::ewma::Ewma;
use crate::interval::Pending;
use crate::median::median;
use crate::packed::Packed;
use crate::publish::Published;
use crate::settings::Averaging;

/// How slowly the minimum rises: by this part of its distance to the average, once at the
/// beginning of each interval with traffic. A path that became longer is believed to two thirds
/// after 64 of them, ten minutes at 10 s; on a steady path the next connection brings it down.
const MIN_RISE: u32 = 64;

/// How far above the average a sample counts in full, where the average is robust: so many
/// deviations, or this part of the average where it hardly varies, but at least a millisecond.
/// Connections beyond three mean deviations are fewer than one in fifty on a steady path.
const SPIKE_DEVIATIONS: f64 = 3.0;
const SPIKE_PART: f64 = 1.0 / 16.0;
const SPIKE_US: f64 = 1_000.0;

/// One port's client network. Its size counts: there are `max_subnets` of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The port the clients connected to.
    pub(crate) port: u16,
    /// The client network.
    pub(crate) subnet: Subnet,
    /// Connections counted since the row began; stays at the type's maximum.
    pub(crate) samples: u32,
    /// The least seen lately: falls at once, rises slowly.
    pub(crate) min_rtt: Rtt,
    /// `None` until the first interval ended.
    pub(crate) average: Option<Average>,
    /// When the last connection was counted.
    pub(crate) last_seen: Packed,
    /// The running interval's connections.
    pub(crate) pending: Pending,
    /// What was last told, `None` where nothing was.
    pub(crate) published: Option<Published>,
}

/// What the intervals add up to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Average {
    /// The round-trip time in microseconds.
    pub(crate) rtt: Ewma,
    /// How far connections lie from it, in microseconds.
    pub(crate) deviation: Ewma,
}

impl Row {
    /// A row that begins with its first connection, which is still to be recorded.
    pub(crate) const fn new(port: u16, subnet: Subnet, first: Measured, now: Time) -> Self {
        Self {
            port,
            subnet,
            samples: 0,
            min_rtt: first.min_rtt,
            average: None,
            last_seen: Packed::of_time(now),
            pending: Pending::NONE,
            published: None,
        }
    }

    /// Counts a connection. Its time goes to the interval.
    pub(crate) fn record(&mut self, measured: Measured, now: Time) {
        if self.pending == Pending::NONE {
            self.let_min_rise();
        }
        self.samples = self.samples.saturating_add(1);
        self.min_rtt = self.min_rtt.min(measured.min_rtt);
        self.last_seen = Packed::of_time(now);
    }

    /// One step of the average, from an interval's connections with their weights. Nothing
    /// happens where there are none.
    pub(crate) fn step(&mut self, values: &mut [(u32, u32)], alpha: f64, averaging: Averaging) {
        let Some(sample) = median(values).map(f64::from) else { return };
        match &mut self.average {
            Some(average) => {
                let spread = mean_distance(values, average.rtt.get());
                let sample = match averaging {
                    Averaging::Ewma => sample,
                    Averaging::Robust => sample.min(average.spike_us()),
                };
                average.deviation.step(spread, alpha);
                average.rtt.step(sample, alpha);
            }
            None => {
                let spread = mean_distance(values, sample);
                let (rtt, deviation) = (Ewma::first(sample), Ewma::first(spread));
                self.average = Some(Average { rtt, deviation });
            }
        }
    }

    fn let_min_rise(&mut self) {
        let Some(average) = &self.average else { return };
        let least_us = self.min_rtt.us();
        let rise_us = average.rtt.rounded_us().saturating_sub(least_us) / MIN_RISE;
        if let Ok(risen) = Rtt::from_us(u64::from(least_us) + u64::from(rise_us)) {
            self.min_rtt = risen;
        }
    }
}

impl Average {
    /// Above this a sample says more about one moment than about the path. Times are only ever
    /// lengthened, by queues and lost packets, so there is no such limit below.
    fn spike_us(&self) -> f64 {
        let average = self.rtt.get();
        let deviations = SPIKE_DEVIATIONS * self.deviation.get();
        average + deviations.max(SPIKE_PART * average).max(SPIKE_US)
    }
}

/// The weighted mean distance of values from a point, in microseconds.
fn mean_distance(values: &[(u32, u32)], from: f64) -> f64 {
    let weight: f64 = values.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let distance =
        |&(value, weight): &(u32, u32)| (f64::from(value) - from).abs() * f64::from(weight);
    values.iter().map(distance).sum::<f64>() / weight.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(us: u32) -> Measured {
        let rtt = Rtt::from_us(u64::from(us)).unwrap();
        Measured { rtt, min_rtt: rtt }
    }

    fn row() -> Row {
        Row::new(80, "192.0.2.0/24".parse().unwrap(), measured(85_000), Time::EPOCH)
    }

    fn numbers(row: &Row) -> (u32, u32) {
        let average = row.average.unwrap();
        (average.rtt.rounded_us(), average.deviation.rounded_us())
    }

    #[test]
    fn average_and_deviation_take_one_step_an_interval() {
        let mut row = row();
        row.step(&mut [(84_000, 1), (85_000, 1), (95_000, 1)], 0.3, Averaging::Ewma);
        // Median 85,000; distances from it 1000, 0, 10,000.
        assert_eq!(numbers(&row), (85_000, 3_667));
        row.step(&mut [(95_000, 1)], 0.3, Averaging::Ewma);
        // 0.3 * 95,000 + 0.7 * 85,000; 0.3 * 10,000 + 0.7 * 3,666.7.
        assert_eq!(numbers(&row), (88_000, 5_567));
        row.step(&mut [], 0.3, Averaging::Ewma);
        assert_eq!(numbers(&row), (88_000, 5_567));
    }

    /// The average in whole milliseconds after each sample.
    fn check(averaging: Averaging, samples_ms: &[u32], expect_ms: &[u32]) {
        let mut row = row();
        let step = |ms: &u32| {
            row.step(&mut [(ms * 1_000, 1)], 0.3, averaging);
            (numbers(&row).0 + 500) / 1_000
        };
        let averages: Vec<u32> = samples_ms.iter().map(step).collect();
        assert_eq!(averages, expect_ms, "{averaging:?} {samples_ms:?}");
    }

    #[test]
    fn a_robust_average_forgives_a_spike_and_follows_the_path() {
        let spike = [85, 85, 300, 85, 85];
        check(Averaging::Ewma, &spike, &[85, 85, 150, 130, 117]);
        check(Averaging::Robust, &spike, &[85, 85, 87, 86, 86]);
        let longer = [85, 150, 150, 150, 150, 150, 150];
        check(Averaging::Ewma, &longer, &[85, 105, 118, 128, 134, 139, 142]);
        check(Averaging::Robust, &longer, &[85, 87, 104, 118, 128, 134, 139]);
        // What falls is believed alike.
        check(Averaging::Robust, &[300, 85, 85], &[300, 236, 190]);
        check(Averaging::Ewma, &[300, 85, 85], &[300, 236, 190]);
    }

    #[test]
    fn the_minimum_falls_at_once_and_rises_slowly() {
        let mut row = row();
        row.record(measured(80_000), Time::EPOCH);
        assert_eq!(row.min_rtt.us(), 80_000);
        row.step(&mut [(144_000, 1)], 0.3, Averaging::Ewma);
        for _ in 0..64 {
            row.record(measured(144_000), Time::EPOCH);
        }
        // Between half and three quarters of the way.
        assert!((112_000..128_000).contains(&row.min_rtt.us()), "{}", row.min_rtt);
    }

    #[test]
    fn a_row_stays_small() {
        // 10.2 MiB at 100,000 rows, with 8 bytes of links and at most 11 of index.
        assert!(size_of::<Option<Row>>() <= 88, "{}", size_of::<Option<Row>>());
    }
}
