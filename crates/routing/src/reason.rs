//! Why a region was chosen. One enum: the word in the log, the label of the metric, the text of an
//! explanation. Decides nothing.

use std::fmt;

/// Why a decision is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The lowest learned round-trip time.
    LearnedLatency,
    /// The lowest learned round-trip time, although over `max_latency_ms`: nothing better is up.
    LearnedOverLimit,
    /// In turn for a while, so that it is measured: it may be better than what is known.
    Exploration,
    /// An operator sent the network there by hand.
    Pinned,
    /// Nothing was learned about the region for this client; geography chose it, or nothing better
    /// is up.
    GeoFallback,
    /// A better region has as many connections as it may; the next one that has room.
    Capacity,
    /// Geography, as asked.
    Geolocation,
    /// The lowest connect time, measured from the overwatch.
    Latency,
    /// The lowest connect time, although over `max_latency_ms`: nothing better is up.
    LatencyOverLimit,
    /// No connect time is known yet; the first region of the domain that is up.
    LatencyUnknown,
    /// Its turn.
    RoundRobin,
    /// Its turn, by weight.
    Weighted,
    /// The first region in the domain's order that is up.
    Failover,
    /// Nothing else serves: servers that are being emptied.
    Draining,
    /// Nothing is healthy: servers that were up last.
    LastHealthy,
    /// Nothing is healthy, and nothing ever was or the policy asks for it: all servers.
    AllServers,
    /// Nothing is healthy and no server may be named.
    NoneHealthy,
    /// A constraint leaves this client none of the domain's regions.
    NoneAllowed,
}

impl Reason {
    /// Every reason there is.
    pub const ALL: [Self; 18] = [
        Self::LearnedLatency,
        Self::LearnedOverLimit,
        Self::Exploration,
        Self::Pinned,
        Self::GeoFallback,
        Self::Capacity,
        Self::Geolocation,
        Self::Latency,
        Self::LatencyOverLimit,
        Self::LatencyUnknown,
        Self::RoundRobin,
        Self::Weighted,
        Self::Failover,
        Self::Draining,
        Self::LastHealthy,
        Self::AllServers,
        Self::NoneHealthy,
        Self::NoneAllowed,
    ];

    /// The word, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LearnedLatency => "learned_latency",
            Self::LearnedOverLimit => "learned_over_limit",
            Self::Exploration => "exploration",
            Self::Pinned => "pinned",
            Self::GeoFallback => "geo_fallback",
            Self::Capacity => "capacity",
            Self::Geolocation => "geolocation",
            Self::Latency => "latency",
            Self::LatencyOverLimit => "latency_over_limit",
            Self::LatencyUnknown => "latency_unknown",
            Self::RoundRobin => "round_robin",
            Self::Weighted => "weighted",
            Self::Failover => "failover",
            Self::Draining => "draining",
            Self::LastHealthy => "last_healthy",
            Self::AllServers => "all_servers",
            Self::NoneHealthy => "none_healthy",
            Self::NoneAllowed => "none_allowed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_in_order_and_no_word_stands_twice() {
        for (i, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, i);
            let same = |other: &&Reason| other.as_str() == reason.as_str();
            assert_eq!(Reason::ALL.iter().filter(same).count(), 1);
        }
        // The last variant: one added after it must be added to the list too.
        assert_eq!(Reason::ALL.len(), Reason::NoneAllowed as usize + 1);
    }
}
