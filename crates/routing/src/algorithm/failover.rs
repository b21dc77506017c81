//! `failover`: the first region in the domain's order that has a healthy server.
//!
//! **What.** One region serves everybody; the next one waits until it falls.
//!
//! **When.** Where one site has the data, and the others are there for the day it is lost.
//!
//! **Keys.** `regions`, in the order of preference.
//!
//! **Order.** The domain's. A region where any server is up comes before one whose servers are all
//! doubtful.
//!
//! **Falls back** to the next region, and to the domain's policy where none is left. When a region
//! is healthy again its clients return with the next answer they ask for.
//!
//! **Servers** of the region take turns by weight.
//!
//! **Scope.** All clients of the family, unless a constraint tells them apart. A and AAAA name the
//! same region.
