//! What an operator says about the learning of a domain, checked by `config`. Holds no defaults.

/// How a domain explores, and how it holds on to what it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LearningTerms {
    /// Whether nothing moves but what health moves. Then nothing is explored either.
    pub is_frozen: bool,
    /// How regions are tried that were not measured.
    pub exploration: ExplorationTerms,
    /// When a network leaves its region.
    pub hold: HoldTerms,
}

/// How regions are tried that were not measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplorationTerms {
    /// Whether any is.
    pub is_enabled: bool,
    /// The connections that may be sent to a region because it is tried, in millionths of all,
    /// over a day.
    pub budget_ppm: u32,
    /// How long a block tries a region before it is asked anew whether it does, in milliseconds.
    /// No answer of a trial is kept longer.
    pub slot_ms: u64,
}

/// When a network leaves its region for another that is up, too. A region that is down is left at
/// once, whatever stands here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldTerms {
    /// The other region must be better by this many microseconds,
    pub margin_us: u32,
    /// and by this part of the present one's time, in thousandths.
    pub margin_permille: u32,
    /// How long a network stays once it has moved, in milliseconds.
    pub dwell_ms: u64,
    /// How much of the traffic may move in a minute, in thousandths.
    pub moved_permille_per_minute: u32,
}

impl HoldTerms {
    /// By how much another region must be better than one of this time, in microseconds.
    pub(crate) fn margin_us(&self, rtt_us: u32) -> u32 {
        let part = u64::from(rtt_us) * u64::from(self.margin_permille) / 1_000;
        self.margin_us.max(u32::try_from(part).unwrap_or(u32::MAX))
    }
}
