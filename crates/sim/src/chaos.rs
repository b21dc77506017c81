//! Bad days: agents and overwatches that crash, hang, lose sight of each other, forget what was not on
//! the disk yet, and have clocks of their own; and what must hold at every step all the same.
//!
//! In the order of a step:
//!
//! - `site`: what agents and overwatches are told,
//! - `nodes`: agents and overwatches, their clocks and disks,
//! - `wires`: connections and how they break,
//! - `clients`: how far networks are from servers, and connections that close,
//! - `truth`: what agents really saw,
//! - `world`: the event loop,
//! - `links`: who dials whom, and what is carried,
//! - `lives`: who dies, starts and hangs,
//! - `checks`: what nodes find out for themselves about servers,
//! - `faults`: what goes wrong, and when,
//! - `invariants`: what must hold,
//! - `learned`: what must hold of rows,
//! - `seam`: where a test breaks the product, to see that it is noticed,
//! - [`partition`]: one partition alone, and what its heal costs.
//!
//! As in the rest of this crate the nodes are the production values, and the seed decides everything else: a
//! seed that breaks something breaks it again. TLS is outside. Inside of a connection nothing is lost, doubled
//! or overtaken, as with TCP: packets that are show as delay and as connections that break, at any byte. What was
//! under way on an old connection may still arrive when a new one stands, and what was heard and not acknowledged
//! is told again, or comes by way of another overwatch too.
//!
//! A run is a row of bad stretches. After each everything heals, and ten seconds later all overwatches must
//! hold the same. In half of the worlds there is less room than there are rows.

mod checks;

mod clients;

mod faults;

mod invariants;

mod learned;

mod links;

mod lives;

mod nodes;

pub mod partition;

mod seam;

mod site;

mod truth;

mod wires;

mod world;

use crate::settings::SetUpError;

pub use invariants::Broken;

/// How large a world is, and how long it is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChaosSettings {
    /// Agents, 1 to 100; each has a server, two of them stand in each region.
    pub agents: usize,
    /// Overwatches, 1 to 16.
    pub overwatches: usize,
    /// Minutes of virtual time.
    pub minutes: u64,
}

impl ChaosSettings {
    /// Some bad stretches: half a second in a debug build.
    pub const SHORT: Self = Self { agents: 6, overwatches: 3, minutes: 3 };
}

/// What happened in a run in which nothing was broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChaosSummary {
    /// Events.
    pub steps: u64,
    /// Things that went wrong.
    pub faults: u64,
    /// Times that everything healed and was compared.
    pub heals: u64,
    /// Rows that overwatches told one another.
    pub rows_told: u64,
    /// Questions that were asked of overwatches, and answered.
    pub answers: u64,
    /// Checks of servers by overwatches.
    pub checks: u64,
    /// Rows that made room for others of their agents.
    pub evicted: u64,
    /// Reports or rows for which a table had no room.
    pub no_room: u64,
    /// Words of operators that were told to be not kept, since the disk refused.
    pub refused: u64,
}

/// Why there is no summary.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    /// The world could not be built.
    #[error("the world cannot be built")]
    SetUp(#[from] SetUpError),
    /// Something that must hold did not.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Lives through the bad days of a seed.
///
/// # Errors
///
/// The first thing that did not hold, and when.
pub fn chaos(seed: u64, settings: ChaosSettings) -> Result<ChaosSummary, ChaosError> {
    world::World::new(seed, settings)?.run()
}

#[cfg(test)]
mod tests;
