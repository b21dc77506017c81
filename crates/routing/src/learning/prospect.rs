//! What a region promises to a cell: its belief, as far as the cell's decisions need it.

use super::terms::HoldTerms;
use crate::Reason;
use crate::belief::{Belief, Source};

/// One allowed region of a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prospect {
    pub(crate) region: u16,
    pub(crate) belief: Belief,
    pub(crate) standing: Standing,
    /// Whether what was learned is enough to say so.
    pub(crate) is_learned: bool,
    /// Whether it is known well enough to be left: by its own connections, where it has any.
    pub(crate) is_measured: bool,
    /// How far the time may be off what the cell is judged by, as a standard deviation, in
    /// microseconds.
    pub(crate) doubt_us: f64,
}

/// What is known of a region, in the order in which regions are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// There is a time to go by.
    Known,
    /// There is none.
    Unknown,
    /// It was learned, and is over the operator's limit.
    OverLimit,
}

/// A cell without rows stands for many networks, and their mean is what it is judged by. It is
/// surer than any of them, the more were measured; beyond this many the rest is not chance but
/// networks that differ from those that were.
const NETWORKS_AVERAGED_MAX: u32 = 25;

/// So many networks must have been measured for others of their kind to leave a region.
const MEASURED_MIN: f64 = 3.0;

impl Prospect {
    /// What a belief comes to for a cell with rows of its own, or for one without.
    pub(crate) fn new(
        region: u16,
        belief: Belief,
        has_rows: bool,
        (min_samples, max_latency_ms): (u32, Option<u32>),
    ) -> Self {
        // Begun ones count: as `ceil` has it, which is a call on old processors.
        let is_learned = belief.evidence > f64::from(min_samples) - 1.0 && belief.samples > 0;
        let is_many = !has_rows || belief.source == Source::Clients;
        let is_measured = belief.own.is_some() || is_many && belief.evidence >= MEASURED_MIN;
        let limit_us = max_latency_ms.map(|ms| u64::from(ms) * 1000);
        let is_over = limit_us.is_some_and(|limit_us| u64::from(belief.rtt_us) > limit_us);
        let standing = match belief.source {
            Source::Nothing => Standing::Unknown,
            _ if is_learned && is_over => Standing::OverLimit,
            _ => Standing::Known,
        };
        let averaged = if has_rows { 1 } else { belief.samples.clamp(1, NETWORKS_AVERAGED_MAX) };
        let doubt_us = f64::from(belief.deviation_us) / f64::from(averaged).sqrt();
        Self { region, belief, standing, is_learned, is_measured, doubt_us }
    }

    /// The best that the region may turn out to be, in microseconds.
    pub(crate) fn low_us(&self) -> f64 {
        match self.standing {
            Standing::Unknown => 0.0,
            Standing::Known | Standing::OverLimit => {
                f64::from(self.belief.rtt_us) - Belief::Z * self.doubt_us
            }
        }
    }

    /// The ends of the interval that decisions go by, in microseconds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
    pub(crate) fn interval_us(&self) -> (u32, u32) {
        let (rtt_us, half_us) = (f64::from(self.belief.rtt_us), Belief::Z * self.doubt_us);
        ((rtt_us - half_us).round() as u32, (rtt_us + half_us).round() as u32)
    }

    /// Whether it may turn out better than the present region by the margin.
    pub(crate) fn may_beat(&self, current: &Self, terms: &HoldTerms) -> bool {
        let rtt_us = current.belief.rtt_us;
        self.low_us() < f64::from(rtt_us) - f64::from(terms.margin_us(rtt_us))
    }

    /// The reason of a decision for it.
    pub(crate) const fn reason(&self) -> Reason {
        match self.standing {
            Standing::OverLimit => Reason::LearnedOverLimit,
            Standing::Known if self.is_learned => Reason::LearnedLatency,
            Standing::Known | Standing::Unknown => Reason::GeoFallback,
        }
    }

    /// Where it stands among those that are not chosen: by time, in steps of a fifth, so that
    /// neighbours whose times differ by little are still one block.
    pub(crate) const fn step(&self) -> (Standing, u32) {
        match self.standing {
            Standing::Unknown => (self.standing, 0),
            Standing::Known | Standing::OverLimit => {
                let rtt_us = self.belief.rtt_us | 4;
                let octave = rtt_us.ilog2();
                (self.standing, octave << 2 | (rtt_us >> (octave - 2)) & 3)
            }
        }
    }
}
