//! Which site a client is sent to, and why.
//!
//! Twice, in the order of the data. What was learned, geography and the operator's rules become a
//! map, in batches; the map, the health of the servers and a client become a decision, per query:
//!
//! - [`settings`]: what an operator says about a domain,
//! - [`algorithm`]: the ways to choose, one manual page each,
//! - [`reason`]: why a region was chosen; the word in logs, metrics and explanations,
//! - [`ranking`]: regions in order, each with its reason,
//! - `allowed`: which regions a constraint leaves to a client,
//! - `baseline`: the ranking of every address before anything was learned,
//! - [`belief`]: what is believed of every network and region, and how firmly,
//! - [`learning`]: the one value of a domain that changes: who stays, who moves, who tries what,
//! - `slot`: which block tries what, when,
//! - [`map`]: what is read of it all: every address to its block,
//! - `smooth`: weights as an even order of turns,
//! - `rotation`: servers that take turns,
//! - `drain`: regions that are emptied by hand,
//! - [`pool`]: the servers of a domain and how they are,
//! - [`capacity`]: what of a full region is sent on,
//! - [`decide`](mod@decide): a client to a region and its servers,
//! - [`shadow`]: what another algorithm would have done,
//! - [`explain`](mod@explain): why.
//!
//! A map knows no health and a pool knows no clients, so each is replaced without the other.
//!
//! Pure: no socket, file, clock, thread, randomness or log. Nothing here knows a DNS packet.

#![forbid(unsafe_code)]

pub mod settings;

pub mod algorithm;

pub mod reason;

pub mod ranking;

mod allowed;

mod baseline;

pub mod belief;

pub mod learning;

mod slot;

pub mod map;

mod smooth;

mod rotation;

mod drain;

pub mod pool;

pub mod decide;

pub mod shadow;

pub mod capacity;

pub mod explain;

#[cfg(test)]
mod fixture;

pub use algorithm::Algorithm;
pub use belief::{Belief, Beliefs, Heard, Source, Spot};
pub use capacity::{Capacity, RegionLoad, Spill};
pub use decide::{Candidate, Decision, decide};
pub use drain::Drain;
pub use explain::explain;
pub use learning::terms::{ExplorationTerms, HoldTerms, LearningTerms};
pub use learning::{HandWork, Learning, LearningCounters};
pub use map::{DomainMap, compile};
pub use pool::{Server, ServerPool};
pub use ranking::{RankedRegion, Ranking, Trial};
pub use reason::Reason;
pub use rotation::{ANSWERS_MAX, Pick};
pub use settings::{Constraint, DomainSettings, Names, NonePolicy, RegionSettings};
pub use shadow::Shadow;
