//! Which regions a cell tries, and how often: within the budget, the most promising first.
//!
//! A share of a block's slots costs the same share of its connections, however many it has. So the
//! budget holds without knowing who connects how often; the agents' counts only tell where a share
//! that some do not need can be spent instead.

use model::Time;

use super::prospect::{Prospect, Standing};
use super::terms::{ExplorationTerms, HoldTerms};
use crate::ranking::Trial;

/// Most of its slots that a block spends on trials, unless the budget itself is larger: one in 16,
/// so that even a block that knows nothing mostly serves.
const BLOCK_SHARE_MAX: f64 = 1.0 / 16.0;

/// The part of the budget that comes in evenly. The rest is there at the start, when nothing is
/// known: what is found in the first hours pays all day, and whoever moves, moves early.
const EVEN_PART: f64 = 0.5;

/// How much can be saved, in milliseconds of the whole budget: what is not even, for a day. So the
/// first day, which starts with all of it, spends no more than any other.
const SAVED_MS: f64 = 12.0 * 3_600_000.0;

/// With most of the savings left, this many times the even rate is spent: for two to three hours
/// after a start.
const BURST: f64 = 6.0;

/// With less, this many times: for some hours more.
const SPREE: f64 = 3.0;

/// Of two regions, the more promising one gets this part of a block's trials.
const FIRST_PART: f64 = 0.75;

/// What may be spent, and what is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Purse {
    saved_ms: f64,
    at: Option<Time>,
}

/// The traffic of the cells of one kind, in the units of [`super::volume`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    /// Of all cells.
    pub(crate) all: f64,
    /// Of those with something to try.
    pub(crate) trying: f64,
    /// What trials get of it.
    pub(crate) spent: f64,
}

impl Traffic {
    /// The share that trials get.
    pub(crate) fn spent_share(&self) -> f64 {
        if self.all > 0.0 { (self.spent / self.all).clamp(0.0, 1.0) } else { 0.0 }
    }
}

impl Purse {
    /// Time passed, with this share of the connections spent on trials.
    pub(crate) fn refill(&mut self, terms: &ExplorationTerms, spent_share: f64, now: Time) {
        let Some(at) = self.at.replace(now) else {
            self.saved_ms = SAVED_MS;
            return;
        };
        let budget = budget(terms).max(f64::EPSILON);
        let gained = now.ms_since(at) as f64 * (EVEN_PART - spent_share / budget);
        self.saved_ms = (self.saved_ms + gained).clamp(-SAVED_MS, SAVED_MS);
    }

    /// The share of connections that may be spent now.
    pub(crate) fn share(&self, terms: &ExplorationTerms) -> f64 {
        let even = budget(terms) * EVEN_PART;
        let saved = self.saved_ms / SAVED_MS;
        // In few steps: each one changes every block that tries something.
        match saved {
            _ if saved > 0.5 => even * BURST,
            _ if saved > 0.1 => even * SPREE,
            _ if saved >= 0.0 => even,
            _ => even / 2.0,
        }
    }
}

fn budget(terms: &ExplorationTerms) -> f64 {
    f64::from(terms.budget_ppm) / 1e6
}

/// The share of its slots that a cell may try something in, where `share` of all connections may
/// be spent on cells of its kind.
pub(crate) fn rate(terms: &ExplorationTerms, share: f64, traffic: &Traffic) -> f64 {
    let spread = if traffic.trying > 0.0 { (traffic.all / traffic.trying).max(1.0) } else { 1.0 };
    (share * spread).min(BLOCK_SHARE_MAX.max(budget(terms)))
}

/// The regions that a cell tries: at most two of those that `may_try` lets pass, and may turn out
/// better than the present one by the margin. The most promising first.
pub(crate) fn candidates(
    prospects: &[Prospect],
    held: u16,
    terms: &HoldTerms,
    may_try: impl Fn(u16) -> bool,
) -> [Option<u16>; 2] {
    let mut found = [None, None];
    let Some(current) = prospects.iter().find(|prospect| prospect.region == held) else {
        return found;
    };
    // What there is to beat is measured first, by the cell's own connections; and a region over the
    // limit is left for good, not for a while.
    if current.standing != Standing::Known {
        return found;
    }
    let promising = |prospect: &&Prospect| {
        prospect.region != held
            && prospect.standing != Standing::OverLimit
            && prospect.may_beat(current, terms)
            && may_try(prospect.region)
    };
    let is_before = |a: &Prospect, b: Option<&Prospect>| b.is_none_or(|b| a.low_us() < b.low_us());
    let (mut first, mut second): (Option<&Prospect>, Option<&Prospect>) = (None, None);
    for prospect in prospects.iter().filter(promising) {
        if is_before(prospect, first) {
            (first, second) = (Some(prospect), first);
        } else if is_before(prospect, second) {
            second = Some(prospect);
        }
    }
    found = [first, second].map(|prospect| prospect.map(|prospect| prospect.region));
    found
}

/// The trials of a cell that tries these regions in this share of its slots.
pub(crate) fn trials(found: [Option<u16>; 2], rate: f64) -> impl Iterator<Item = Trial> {
    let [first, second] = found;
    let first_part = if second.is_some() { FIRST_PART } else { 1.0 };
    [(first, first_part), (second, 1.0 - FIRST_PART)]
        .into_iter()
        .filter_map(move |(region, part)| Trial::new(region?, rate * part))
}
