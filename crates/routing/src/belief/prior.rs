//! One belief in the making: a mean and a variance that each narrower group, and at last the
//! network's own row, pulls to itself as far as it is surer.
//!
//! The model is nested: a network lies around the mean of its group, that mean around what the
//! wider ones let one expect. A group whose networks differ more than the belief is unsure by
//! then, such as a prefix cut into two cities, tells nothing and is passed over.
//!
//! Networks are not normally distributed: a few lie far from all others of their kind. So what is
//! told counts for more, and the belief so far for less, the further they are apart.

use latency::RegionEstimate;
use model::{Rtt, Time};

use super::group::{Level, Moments};
use super::line::Line;
use super::spread::Spreads;
use super::weight;
use super::{Belief, Source};

/// Degrees of freedom of Student's distribution: how heavy the tails are that surprise is judged
/// by. Few are usual for round-trip times.
const FREEDOM: f64 = 3.0;

/// What is believed so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prior {
    expected_us: f64,
    mean_us: f64,
    /// In squared microseconds.
    variance: f64,
    source: Source,
    /// How much of the mean is this source's.
    share: f64,
    samples: f64,
    around: f64,
    own: f64,
    observed_at: Option<Time>,
}

impl Prior {
    /// What the distance lets one expect.
    pub(super) fn of_distance(line: &Line, spreads: &Spreads, km: Option<u16>) -> Self {
        let expected_us = line.expected_us(km);
        Self {
            expected_us,
            mean_us: expected_us,
            variance: spreads.of_distance(line, km),
            source: if km.is_some() { Source::Distance } else { Source::Nothing },
            share: 1.0,
            samples: 0.0,
            around: 0.0,
            own: 0.0,
            observed_at: None,
        }
    }

    /// What a narrower group says.
    pub(super) fn narrow(
        &mut self,
        level: Level,
        group: &Moments,
        spreads: &Spreads,
        observed_at: impl FnOnce() -> Time,
    ) {
        let spread = spreads.of_group(level, group);
        let unsure = (spread + group.noise) / group.effective;
        let apart = self.expected_us + group.residual_us - self.mean_us;
        let between = self.variance * self.surprise(apart, unsure) - spread;
        if between <= 0.0 {
            return;
        }
        let gain = between / (between + unsure);
        self.mean_us += gain * apart;
        self.variance = spread + between * (1.0 - gain);
        if !matches!(level, Level::Region | Level::Country) {
            self.around = self.around.max(group.effective);
        }
        let source = match level {
            Level::Region => Source::Region,
            Level::Country => Source::Country,
            Level::AsCountry => Source::AsCountry,
            Level::Place => Source::Place,
            Level::AsPlace => Source::AsPlace,
            Level::Wide | Level::Narrow => Source::Prefix,
        };
        self.heed(gain, source, group.effective, observed_at);
    }

    /// What the network's own connections say.
    pub(super) fn measure(&mut self, row: &RegionEstimate, now: Time) {
        let samples = weight::effective_samples(row, now);
        let unsure = weight::variance(row, samples);
        let apart = f64::from(row.rtt.us()) - self.mean_us;
        let surprise = self.surprise(apart, unsure);
        // A few connections may themselves be the odd ones.
        let odd = 1.0 + (surprise - 1.0) / weight::samples(row).powi(2);
        let (before, unsure) = (self.variance * surprise, unsure * odd);
        let gain = before / (before + unsure);
        self.mean_us += gain * apart;
        self.variance = before * (1.0 - gain);
        self.own = samples;
        self.heed(gain, Source::OwnSubnet, samples, || row.observed_at);
    }

    /// How many times less sure the belief becomes by something so far from it: 1 where it is what
    /// was to be expected, as a scale mixture of normal distributions has it.
    fn surprise(&self, apart: f64, unsure: f64) -> f64 {
        let squared = apart * apart / (self.variance + unsure);
        ((FREEDOM + squared) / (FREEDOM + 1.0)).max(1.0)
    }

    /// Names the source if it weighs more than the one named before.
    fn heed(
        &mut self,
        gain: f64,
        source: Source,
        samples: f64,
        observed_at: impl FnOnce() -> Time,
    ) {
        self.share *= 1.0 - gain;
        if gain >= self.share {
            self.share = gain;
            self.source = source;
            self.samples = samples;
            self.observed_at = Some(observed_at());
        }
    }

    /// The belief, not below what is possible.
    pub(super) fn belief(&self, floor_us: f64, own: Option<RegionEstimate>) -> Belief {
        let rtt_us = self.mean_us.max(floor_us).clamp(1.0, f64::from(Rtt::MAX_US));
        Belief {
            rtt_us: rounded(rtt_us),
            deviation_us: rounded(self.variance.sqrt()),
            source: self.source,
            samples: rounded_up(self.samples),
            evidence: self.around + self.own,
            observed_at: self.observed_at,
            own,
        }
    }
}

/// To the next whole number. Not by the library: that is a call for each where the processor may
/// be an old one, and half of what a belief costs beside the divisions.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and a cast saturates"
)]
fn rounded(value: f64) -> u32 {
    (value + 0.5) as u32
}

/// To the next whole number above.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and a cast saturates"
)]
fn rounded_up(value: f64) -> u32 {
    let whole = value as u32;
    whole.saturating_add(u32::from(f64::from(whole) < value))
}
