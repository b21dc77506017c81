//! The ways to choose a region. Each has a file whose head is its manual page.
//!
//! An algorithm does at most three things: rank the allowed regions of a client before anything
//! was learned, put the regions of a pool in order by what is measured there, and share turns out.
//! Constraints and health are not its business: they hold for all of them alike.

pub mod learned_latency;

pub mod geolocation;

pub mod latency;

pub mod round_robin;

pub mod weighted;

pub mod failover;

use geo::GeoClass;

use crate::ranking::RankedRegion;
use crate::{DomainSettings, Reason};

/// How a domain chooses the region of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// The lowest round-trip time that the servers' kernels measured: [`learned_latency`].
    LearnedLatency {
        /// A region above it is used only where no other is left, in milliseconds.
        max_latency_ms: Option<u32>,
        /// Connections that a row must rest on before it counts.
        min_samples: u32,
    },
    /// The region responsible for the client's place: [`geolocation`].
    Geolocation,
    /// The lowest connect time from the overwatch: [`latency`].
    Latency {
        /// A region above it is used only where no other is left, in milliseconds.
        max_latency_ms: Option<u32>,
    },
    /// One server after the other: [`round_robin`].
    RoundRobin,
    /// Servers in proportion to their weights: [`weighted`].
    Weighted,
    /// The first region that is up: [`failover`].
    Failover,
}

/// How a region is found among the allowed ones, once it is known which have a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The first of the client's ranking.
    ByRank,
    /// The first in the order of the pool's connect times.
    ByConnectTime { max_latency_ms: Option<u32> },
    /// Each in its turn.
    InTurn,
}

impl Algorithm {
    /// The name, as the configuration and the API write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LearnedLatency { .. } => "learned_latency",
            Self::Geolocation => "geolocation",
            Self::Latency { .. } => "latency",
            Self::RoundRobin => "round-robin",
            Self::Weighted => "weighted",
            Self::Failover => "failover",
        }
    }

    /// Appends the ranking of a client of this class to `out`, as far as it is known without
    /// anything learned. `allowed` is in the domain's order.
    pub(crate) fn rank_unlearned(
        self,
        settings: &DomainSettings,
        class: &GeoClass,
        allowed: &[u16],
        out: &mut Vec<RankedRegion>,
    ) {
        let reason = match self {
            Self::LearnedLatency { .. } => Reason::GeoFallback,
            Self::Geolocation => Reason::Geolocation,
            Self::Latency { .. } => Reason::LatencyUnknown,
            Self::RoundRobin => Reason::RoundRobin,
            Self::Weighted => Reason::Weighted,
            Self::Failover => Reason::Failover,
        };
        out.extend(allowed.iter().map(|region| RankedRegion { region: *region, reason }));
        match self {
            Self::LearnedLatency { .. } | Self::Geolocation => {
                geolocation::rank(out, settings, class);
            }
            Self::Latency { .. } | Self::RoundRobin | Self::Weighted | Self::Failover => {}
        }
    }

    pub(crate) const fn choice(self) -> Choice {
        match self {
            Self::LearnedLatency { .. } | Self::Geolocation | Self::Failover => Choice::ByRank,
            Self::Latency { max_latency_ms } => Choice::ByConnectTime { max_latency_ms },
            Self::RoundRobin | Self::Weighted => Choice::InTurn,
        }
    }

    /// A server's part of the turns of its region, out of its weight. 0 is out, whatever the
    /// algorithm.
    pub(crate) const fn turns_of(self, weight: u32) -> u64 {
        match self {
            Self::RoundRobin => round_robin::turns_of(weight),
            Self::LearnedLatency { .. }
            | Self::Geolocation
            | Self::Latency { .. }
            | Self::Weighted
            | Self::Failover => weighted::turns_of(weight),
        }
    }
}
