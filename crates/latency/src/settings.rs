//! What an operator sets about learning. No defaults here: those live in `config` alone.

use model::{Subnet, SubnetWidths};

/// The `latency_learning` block of an agent, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningSettings {
    /// `poll_interval`: milliseconds between two dumps of open sockets, and between two steps of
    /// the average.
    pub poll_interval_ms: u64,
    /// `min_connection_age`: how long an open socket must have been known before it counts, in
    /// milliseconds, from the first poll that saw it. A closed connection counts whatever its age.
    pub min_connection_age_ms: u64,
    /// `ipv4_prefix`, `ipv6_prefix`: the networks that clients are grouped into.
    pub widths: SubnetWidths,
    /// `ewma_alpha`: the weight of the newest interval, above 0 and at most 1.
    pub ewma_alpha: f64,
    /// `average`: what an interval far above the average does to it.
    pub averaging: Averaging,
    /// `max_subnets`: the most rows kept, one for each port and client network; at least 1. At the
    /// limit the row seen longest ago makes room.
    pub max_subnets: usize,
    /// `subnet_ttl`: milliseconds after its last connection at which a row is dropped.
    pub subnet_ttl_ms: u64,
    /// `min_samples`: the connections a row needs before it is reported.
    pub min_samples: u32,
    /// `report_interval`: milliseconds between two publications.
    pub report_interval_ms: u64,
    /// `rtt_source`: which of the kernel's two times counts.
    pub rtt_source: RttSource,
    /// `exclude`: clients that never count, such as load balancers and monitoring.
    pub exclude: Vec<Subnet>,
}

/// How an interval's sample changes the average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Averaging {
    /// `new = a * sample + (1 - a) * old`, whatever the sample.
    Ewma,
    /// The same, but a sample far above the average counts as one a little above it. A path that
    /// became longer is followed a few intervals later, when the deviation has grown.
    Robust,
}

/// Which of the kernel's round-trip times counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RttSource {
    /// The connection's minimum: near the path's true time, since delayed acknowledgements only
    /// ever lengthen a reading. Where a kernel does not tell it, the smoothed time stands in.
    Min,
    /// The smoothed time: with what delayed acknowledgements and queues add.
    Smoothed,
}
