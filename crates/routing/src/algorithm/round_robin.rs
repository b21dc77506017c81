//! `round-robin`: every healthy server of the domain, one after the other.
//!
//! **What.** Each turn goes to the next server, whatever its region. Regions interleave.
//!
//! **When.** Where all sites are equally near, as in one city.
//!
//! **Keys.** `regions`. A weight of 0 takes a server out; other weights do not count.
//!
//! **Order.** A region has as many turns in a cycle as it has healthy servers of one family (of
//! the family that has more), evenly spread; inside the region the servers follow one another.
//!
//! **A and AAAA.** The turn gives the region, the region gives the servers of both families: with
//! the same turn, both questions name the same region. Where a region has servers of one family
//! only, the other family's answer is empty at its turns.
//!
//! **Falls back** to doubtful servers where no server is up, then to the domain's policy.
//!
//! **Scope.** All clients of the family, unless a constraint tells them apart.

/// Every server one turn, but for those taken out.
pub(crate) const fn turns_of(weight: u32) -> u64 {
    if weight == 0 { 0 } else { 1 }
}
