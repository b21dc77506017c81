//! What a row counts: how many samples, how fresh, and how far its average may be off. In whole
//! numbers where rows are added up, so that the order of the rows cannot show and a row taken away
//! leaves no trace.

use latency::RegionEstimate;
use model::Time;

use super::line::Line;

/// After this long a sample counts half. The region a network uses is measured all the time; what
/// is known of the others was explored, and the budget for that allows about a connection a day.
const HALF_LIFE_MS: u64 = 24 * 3_600_000;
/// Weights are relative to an epoch so many half-lives long.
const EPOCH_HALF_LIVES: u64 = 8;
/// Rows this much later than the epoch's beginning weigh no more: the refit moves it on first.
const HALVINGS_MAX: u32 = 10;

/// An average with `ewma_alpha` 0.3 has the variance of the mean of 5.7 equal samples,
/// (2 - a) / a, and each of them is a median of an interval; so more samples than this make no
/// row surer.
const SAMPLES_MAX: u64 = 8;
/// For others of its kind a network says the more the more of its connections are known, up to this.
const COUNTED_MAX: u64 = SAMPLES_MAX * 4;
/// In this time a sample loses a thirty-fifth of what it counts: until then seen again is no news.
const OLD_MS: u64 = HALF_LIFE_MS / 24;
/// One connection's deviation where a row has too few to tell: a part of the time, and a constant.
const DEVIATION_PART: f64 = 0.05;
const DEVIATION_US: f64 = 2_000.0;
/// The samples that this guess weighs.
const DEVIATION_SAMPLES: f64 = 3.0;
/// Samples after which the row's own deviation is as good as it gets.
const DEVIATION_KNOWN: u64 = 64;
/// Mean distance to standard deviation, squared: pi / 2 for a normal distribution.
const MEAN_DISTANCE: f64 = std::f64::consts::FRAC_PI_2;
/// What no number of samples takes away: clients of one network differ.
const FLOOR_US: f64 = 500.0;

/// Residuals are added up in tenths of a millisecond,
pub(super) const TICK_US: f64 = 100.0;
/// and cut at 400 ms, so that one broken path does not speak for a country.
const TICKS_MAX: f64 = 4_000.0;
/// The sampling deviation is cut at 100 ms.
const NOISE_TICKS_MAX: f64 = 1_000.0;
/// The weight of a network with many samples, observed when the epoch began.
pub(super) const FULL: u64 = 256;

/// The moment that weights are relative to: a multiple of eight half-lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch(u64);

/// What a row adds to its groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contribution {
    /// At least 1; below 2^19.
    pub(super) weight: u64,
    /// Minutes after [`Epoch::first`], below 2^18.
    pub(super) minute: u64,
    /// The distance from the line, in ticks; at most 4,000 either way.
    pub(super) residual: i64,
    /// The variance of the average because it has few samples, in squared ticks.
    pub(super) noise: u64,
}

/// Samples that a row is worth when it is fresh.
pub(super) fn samples(row: &RegionEstimate) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "at most 8")]
    let samples = row.samples.clamp(1, SAMPLES_MAX) as f64;
    samples
}

/// The effective samples of a row now.
pub(super) fn effective_samples(row: &RegionEstimate, now: Time) -> f64 {
    samples(row) * faded(now.ms_since(row.observed_at))
}

/// Whether a row says more about its network than the one before it did: another time, or as many
/// samples more as count; or the earlier one had grown old.
pub(super) fn is_news(old: &RegionEstimate, new: &RegionEstimate) -> bool {
    let has_enough = old.samples >= COUNTED_MAX && new.samples >= old.samples;
    let is_old = new.observed_at.ms_since(old.observed_at) >= OLD_MS;
    (old.rtt, old.deviation_us) != (new.rtt, new.deviation_us) || !has_enough || is_old
}

/// The variance of a row with so many effective samples as the network's time, in squared
/// microseconds.
pub(super) fn variance(row: &RegionEstimate, effective_samples: f64) -> f64 {
    one_variance(row) / effective_samples + FLOOR_US * FLOOR_US
}

/// The variance of one connection: the row's own, and where it has few samples the usual one.
fn one_variance(row: &RegionEstimate) -> f64 {
    let own = f64::from(row.deviation_us).powi(2) * MEAN_DISTANCE;
    let usual = (DEVIATION_US + DEVIATION_PART * f64::from(row.rtt.us())).powi(2);
    #[expect(clippy::cast_precision_loss, reason = "cut")]
    let samples = row.samples.clamp(1, DEVIATION_KNOWN) as f64;
    (own * samples + usual * DEVIATION_SAMPLES) / (samples + DEVIATION_SAMPLES)
}

/// What is left of a weight after a time.
fn faded(ms: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of years have 40 bits")]
    let half_lives = ms as f64 / HALF_LIFE_MS as f64;
    (-half_lives).exp2()
}

impl Epoch {
    /// The epoch of rows of which this is the newest.
    pub(super) const fn of(newest: Time) -> Self {
        let length = HALF_LIFE_MS * EPOCH_HALF_LIVES;
        Self(newest.unix_ms() / length * length)
    }

    /// The earliest moment that is told apart: eight epochs before. Older rows count as of then.
    const fn first(self) -> Time {
        Time::from_unix_ms(self.0).minus_ms(8 * HALF_LIFE_MS * EPOCH_HALF_LIVES)
    }

    /// The moment of a number of minutes.
    pub(super) const fn time(self, minute: u64) -> Time {
        self.first().plus_ms(minute * 60_000)
    }

    /// What turns a sum of weights into a number of networks, fresh and with many samples, now.
    pub(super) fn networks(self, now: Time) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "256")]
        let full = FULL as f64;
        let epoch = Time::from_unix_ms(self.0);
        // Before the epoch began, by a clock that is behind, weights count more, not less.
        let faded =
            if now < epoch { 1.0 / faded(epoch.ms_since(now)) } else { faded(now.ms_since(epoch)) };
        faded / full
    }

    /// A weight at the epoch's beginning as of another moment: doubled for each half-life, evenly
    /// in between.
    fn weigh(self, full: u64, at: Time) -> u64 {
        let since = at.unix_ms().saturating_sub(self.0);
        if since > 0 {
            let doublings = u32::try_from(since / HALF_LIFE_MS).unwrap_or(u32::MAX);
            let rest = since % HALF_LIFE_MS;
            let full = full + full * rest / HALF_LIFE_MS;
            return if doublings >= HALVINGS_MAX {
                full << HALVINGS_MAX
            } else {
                full << doublings
            };
        }
        let before = self.0.saturating_sub(at.unix_ms());
        let halvings = u32::try_from(before / HALF_LIFE_MS).unwrap_or(u32::MAX);
        let rest = before % HALF_LIFE_MS;
        let full = full - full * rest / (2 * HALF_LIFE_MS);
        full.checked_shr(halvings).unwrap_or(0).max(1)
    }
}

impl Contribution {
    /// What a row over a distance adds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "cut to a few thousand just before"
    )]
    pub(super) fn new(row: &RegionEstimate, km: Option<u16>, line: &Line, epoch: Epoch) -> Self {
        let residual = (f64::from(row.rtt.us()) - line.expected_us(km)) / TICK_US;
        let deviation = (one_variance(row) / samples(row)).sqrt() / TICK_US;
        // A network of which one connection is known says a third of what a well-known one says
        // about others: its own peculiarity and two of its connections' weigh about the same.
        let count = row.samples.clamp(1, COUNTED_MAX);
        Self {
            weight: epoch.weigh(FULL * count / (count + 2), row.observed_at),
            minute: (row.observed_at.ms_since(epoch.first()) / 60_000).min((1 << 18) - 1),
            residual: residual.clamp(-TICKS_MAX, TICKS_MAX).round() as i64,
            noise: deviation.min(NOISE_TICKS_MAX).powi(2).round() as u64,
        }
    }
}
