//! `learned_latency`: the region with the lowest round-trip time to the client's own network.
//!
//! **What.** Agents read the round-trip times of real connections from their kernels and report
//! them by client network. For each network, the region with the lowest time comes first, once the
//! region that geography names has a time too: one number alone has nothing to be compared with.
//! Where rows of several widths cover a client (a /24 inside a /20), each region's most specific
//! row counts.
//!
//! **When.** Wherever agents run. Nothing else sees the path between client and server. A region
//! without an agent keeps the clients that geography sends there.
//!
//! **Keys.** `latency_config.min_samples`: a row that rests on fewer connections does not count;
//! a wider row that has enough counts in its place. `latency_config.max_latency_ms`: a region
//! above it is out, unless every other allowed region is out or down; then the lowest is taken,
//! with the reason `learned_over_limit`. Without the key there is no limit. `regions`,
//! `countries`, `continents`, `default_region` and the custom networks, for what was not learned.
//!
//! **Order.** Geography's choice, for as long as it has no time (`geo_fallback`;
//! docs/decisions/0016-geography-holds-until-measured.md). Then regions with a time, the lowest
//! first (`learned_latency`); then regions without one, as [`geolocation`](super::geolocation)
//! orders them (`geo_fallback`); last those over the limit (`learned_over_limit`). Equal times keep
//! the geographic order.
//!
//! **Falls back** to [`geolocation`](super::geolocation) for a network of which nothing is known,
//! as it is at every cold start, or nothing of the region that geography names. The reason is then
//! `geo_fallback`.
//!
//! **Servers** of the region take turns by weight.
//!
//! **Scope.** The widest network around the client that ranks the same regions for the same
//! reasons. A learned network that crosses a border is cut there if geography decides about a
//! part of its ranking.

use crate::Reason;
use crate::estimates::RegionRtt;
use crate::ranking::{ByTime, RankedRegion};

/// Puts the allowed regions of a client, given in geographic order, in the order of what was
/// learned.
pub(crate) fn rank(
    regions: &mut [RankedRegion],
    learned: &[RegionRtt],
    max_latency_ms: Option<u32>,
) {
    let time_of =
        |region: u16| learned.iter().find(|time| time.region == region).map(|time| time.rtt);
    let by_time = ByTime {
        max_latency_ms,
        known: Reason::LearnedLatency,
        over_limit: Reason::LearnedOverLimit,
    };
    match regions {
        // Nothing is known to be better than what was never measured.
        [first, others @ ..] if time_of(first.region).is_none() => by_time.rank(others, time_of),
        all => by_time.rank(all, time_of),
    }
}
