//! `latency`: the region that the overwatch itself reaches fastest.
//!
//! **What.** The overwatch's own health checks time how long a connection takes. A region's time
//! is that of its fastest server that is up or doubtful. The region with the lowest time comes
//! first, for every client alike.
//!
//! **When.** Where clients sit beside the overwatch, as in one office or one data centre. For
//! clients anywhere else it measures the wrong path: use
//! [`learned_latency`](super::learned_latency).
//!
//! **Keys.** `latency_config.max_latency_ms`: a region above it is out, unless every other allowed
//! region is out or down; then the lowest is taken, with the reason `latency_over_limit`. Without
//! the key there is no limit.
//!
//! **Order.** Regions with a time, the lowest first (`latency`); then regions without one, in the
//! domain's order (`latency_unknown`); last those over the limit (`latency_over_limit`).
//!
//! **Falls back** to the domain's order while nothing is timed.
//!
//! **Servers** of the region take turns by weight.
//!
//! **Scope.** All clients of the family, unless a constraint tells them apart. A and AAAA name the
//! same region.

use model::Rtt;

use crate::Reason;
use crate::ranking::{ByTime, RankedRegion};

/// The allowed regions, given in the domain's order, in the order of their connect times.
pub(crate) fn rank(
    allowed: &[u16],
    connect_rtt: impl Fn(u16) -> Option<Rtt>,
    max_latency_ms: Option<u32>,
) -> Vec<RankedRegion> {
    let reason = Reason::LatencyUnknown;
    let mut regions: Vec<RankedRegion> =
        allowed.iter().map(|region| RankedRegion { region: *region, reason }).collect();
    let by_time =
        ByTime { max_latency_ms, known: Reason::Latency, over_limit: Reason::LatencyOverLimit };
    by_time.rank(&mut regions, connect_rtt);
    regions
}
