//! `weighted`: every healthy server of the domain, in proportion to its weight.
//!
//! **What.** As [`round_robin`](super::round_robin), but a server with weight 200 has twice the
//! turns of one with 100. The turns are evenly spread, not drawn by lot.
//!
//! **When.** Where servers differ in size, or a new one is to start with a small share.
//!
//! **Keys.** `weight` of each server; 0 takes it out.
//!
//! **Order.** A region's part of the turns is the sum of its healthy servers' weights in one
//! family (the family where it is greater); inside the region, each server's part is its weight.
//! Up to a sum of 1,024 (after a common divisor is taken out) the parts are exact; beyond it they
//! are within a thousandth of the whole.
//!
//! **A and AAAA.** As in [`round_robin`](super::round_robin): with the same turn both name the
//! same region.
//!
//! **Falls back** to doubtful servers where no server is up, then to the domain's policy.
//!
//! **Scope.** All clients of the family, unless a constraint tells them apart.

/// As many turns as the weight says.
pub(crate) const fn turns_of(weight: u32) -> u64 {
    weight as u64
}
