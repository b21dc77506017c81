//! The ways to choose that are set side by side.

use routing::Algorithm;

/// Who chooses a client's site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Each site in its turn.
    RoundRobin,
    /// The site at the least distance, with perfect coordinates of every client network.
    Geolocation,
    /// The same as `Learned`, but nobody is ever sent anywhere to find out.
    LearnedNoExploration,
    /// The site that is believed to be fastest, and the nearest where nothing was learned.
    Learned,
    /// The site with the least mean time in the matrix. Nobody can know it; no DNS is asked.
    Oracle,
}

impl Policy {
    /// All, in the order of the table.
    pub const ALL: [Self; 5] = [
        Self::RoundRobin,
        Self::Geolocation,
        Self::LearnedNoExploration,
        Self::Learned,
        Self::Oracle,
    ];

    /// Those that ask an overwatch.
    pub const ASKING: [Self; 4] =
        [Self::RoundRobin, Self::Geolocation, Self::LearnedNoExploration, Self::Learned];

    /// Whether agents measure for it.
    #[must_use]
    pub const fn learns(self) -> bool {
        matches!(self, Self::LearnedNoExploration | Self::Learned)
    }

    /// What decides beside it where a scenario wants shadows: each of the two that an operator
    /// changes between is the other's.
    #[must_use]
    pub const fn shadow(self) -> Option<Self> {
        match self {
            Self::Geolocation => Some(Self::Learned),
            Self::Learned => Some(Self::Geolocation),
            Self::RoundRobin | Self::LearnedNoExploration | Self::Oracle => None,
        }
    }

    /// The name in table and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "round-robin",
            Self::Geolocation => "geolocation",
            Self::LearnedNoExploration => "learned-no-exploration",
            Self::Learned => "learned",
            Self::Oracle => "oracle",
        }
    }

    /// How an overwatch is set for it; `None` for the policy that asks no overwatch. `min_samples`
    /// is the domain's.
    #[must_use]
    pub const fn algorithm(self, min_samples: u32) -> Option<Algorithm> {
        match self {
            Self::RoundRobin => Some(Algorithm::RoundRobin),
            Self::Geolocation => Some(Algorithm::Geolocation),
            Self::LearnedNoExploration | Self::Learned => {
                Some(Algorithm::LearnedLatency { max_latency_ms: None, min_samples })
            }
            Self::Oracle => None,
        }
    }
}
