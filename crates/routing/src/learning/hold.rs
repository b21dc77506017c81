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

/// How long a start lasts, from the first map on: agents are back within half a minute and tell all they
/// know, and within ten minutes the tables of forty million networks are judged. As much as is learned
/// later moves as fast as on any other day.
const START_MS: u64 = 600_000;

/// How much of the traffic may move now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MoveBudget {
    share: f64,
    /// When time was first counted, and when last.
    counted: Option<(Time, Time)>,
}

impl MoveBudget {
    /// Everything may move once while a start lasts: all stand where geography put them, and what was
    /// learned must not wait.
    pub(crate) const FULL: Self = Self { share: 1.0, counted: None };

    /// Time passed.
    pub(crate) fn refill(&mut self, terms: &HoldTerms, now: Time) {
        let (began, at) = self.counted.unwrap_or((now, now));
        let minutes = now.ms_since(at) as f64 / 60_000.0;
        let per_minute = f64::from(terms.moved_permille_per_minute) / 1_000.0;
        let saved = (self.share + minutes * per_minute).min(per_minute * SAVED_MINUTES);
        let is_start = now.ms_since(began) < START_MS;
        self.share = if is_start { self.share.max(saved) } else { saved };
        self.counted = Some((began, now));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::NOW;

    const MINUTE_MS: u64 = 60_000;

    /// What may move at so many minutes behind the start, where this much has at these.
    fn check(spent: &[(u64, f64)], minutes: u64, expect: f64) {
        // A twentieth of the traffic in a minute.
        let (margin_us, margin_permille, dwell_ms) = (0, 0, 0);
        let moved_permille_per_minute = 50;
        let terms = HoldTerms { margin_us, margin_permille, dwell_ms, moved_permille_per_minute };
        let mut budget = MoveBudget::FULL;
        for minute in 0..=minutes {
            budget.refill(&terms, NOW.plus_ms(minute * MINUTE_MS));
            for (_, share) in spent.iter().filter(|(at, _)| *at == minute) {
                assert!(budget.spend(*share));
            }
        }
        assert!((budget.share - expect).abs() < 1e-9, "{minutes} min: {}", budget.share);
    }

    #[test]
    fn everything_may_move_once_and_only_while_a_start_lasts() {
        check(&[], 0, 1.0);
        check(&[], 9, 1.0);
        // What nobody needed by then is over.
        check(&[], 10, 0.5);
        check(&[], 10_000, 0.5);
        check(&[(3, 0.2)], 9, 0.8);
        check(&[(3, 0.2)], 10, 0.5);
        // What did move is saved up as ever.
        check(&[(3, 1.0)], 9, 0.3);
        check(&[(3, 1.0)], 10, 0.35);
        check(&[(3, 1.0), (20, 0.5)], 22, 0.1);
    }
}
