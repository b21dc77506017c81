//! Whether a cell leaves its region, and how much traffic may move.
//!
//! A measurement wobbles; a client that is sent to and fro pays for it each time. So a cell moves
//! only to a region where enough was learned, that is better by a margin, and surely so. Health is not decided here: a region
//! that is down is passed over by each query.

use model::Time;

use super::prospect::{Prospect, Standing};
use super::terms::HoldTerms;

/// How sure it must be that the other region is better at all, in standard deviations of the
/// difference. One: five of six such moves are right, and a wrong one costs little, since what is
/// measured there shows it.
const SURE_Z: f64 = 1.0;

/// How much may be saved up: so many minutes' moves.
const SAVED_MINUTES: f64 = 10.0;

/// The region that a cell would rather be in; `None` where it stays. `prospects` are the allowed
/// regions in geographic order, the held one among them.
pub(crate) fn wish(prospects: &[Prospect], held: u16, terms: &HoldTerms) -> Option<u16> {
    let current = prospects.iter().find(|prospect| prospect.region == held)?;
    let others = || prospects.iter().filter(|prospect| prospect.region != held);
    let least = |standing: Standing, than_us: Option<u32>| {
        others()
            .filter(|other| other.standing == standing && other.is_learned)
            .filter(|other| than_us.is_none_or(|us| is_surely_better(other, current, us)))
            .min_by_key(|other| other.belief.rtt_us)
    };
    let nearest_guess = || {
        let is_nearer = |other: &&Prospect| other.belief.rtt_us < current.belief.rtt_us;
        let guesses = others().filter(|other| other.standing == Standing::Known);
        guesses.filter(is_nearer).min_by_key(|other| other.belief.rtt_us)
    };
    let margin_us = terms.margin_us(current.belief.rtt_us);
    let target = match current.standing {
        // Nothing can be known to be better than what nothing is known of.
        Standing::Unknown => None,
        Standing::Known if !current.is_measured => None,
        Standing::Known => least(Standing::Known, Some(margin_us)),
        // Where it is it must not be: then a guess will do.
        Standing::OverLimit => least(Standing::Known, None)
            .or_else(|| others().find(|other| other.standing == Standing::Unknown))
            .or_else(nearest_guess)
            .or_else(|| least(Standing::OverLimit, Some(margin_us))),
    };
    target.map(|target| target.region)
}

fn is_surely_better(other: &Prospect, current: &Prospect, margin_us: u32) -> bool {
    let gain_us = f64::from(current.belief.rtt_us) - f64::from(other.belief.rtt_us);
    let doubt_us = other.doubt_us.hypot(current.doubt_us);
    gain_us > f64::from(margin_us) && gain_us > SURE_Z * doubt_us
}

/// How much of the traffic may move now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MoveBudget {
    share: f64,
    at: Option<Time>,
}

impl MoveBudget {
    /// Everything may move once: after a start all stand where geography put them, and what was
    /// learned must not wait.
    pub(crate) const FULL: Self = Self { share: 1.0, at: None };

    /// Time passed.
    pub(crate) fn refill(&mut self, terms: &HoldTerms, now: Time) {
        let minutes = now.ms_since(self.at.unwrap_or(now)) as f64 / 60_000.0;
        let per_minute = f64::from(terms.moved_permille_per_minute) / 1_000.0;
        let saved_max = per_minute * SAVED_MINUTES;
        self.share = self.share.max((self.share + minutes * per_minute).min(saved_max));
        self.at = Some(now);
    }

    /// Whether a cell with this share of the traffic may move; then it has. One alone may be more
    /// than there is: it would never move otherwise.
    pub(crate) fn spend(&mut self, share: f64) -> bool {
        let has = self.share > 0.0;
        if has {
            self.share -= share;
        }
        has
    }
}
