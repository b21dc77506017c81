//! Agents and overwatches over virtual time against a ping matrix: the instrument that judges the
//! learning (docs/decisions/0015-virtual-time.md).
//!
//! The nodes are the production values, and bytes travel between them. Only clock, network and
//! clients are made up here, from one seed. What is in it, in the order of the data:
//!
//! - [`random`]: numbers by chance, the same for the same seed,
//! - [`matrix`]: how far clients are from sites, from a file,
//! - [`cities`]: the same from a model,
//! - [`world`]: sites and client networks,
//! - [`clients`]: connections, and how long they take,
//! - `resolver`: DNS as a client speaks it,
//! - [`policies`]: who chooses a client's site,
//! - `settings`: what agents and overwatches are told,
//! - `nodes`: agents and overwatches with what their edge keeps for them,
//! - `network`: mesh connections and how they break,
//! - `queue`: what is yet to happen,
//! - [`simulation`]: the event loop,
//! - [`figures`]: an hour of connections as a few numbers,
//! - [`run`](mod@run): one world under every policy,
//! - [`report`]: what came of it, as JSON and as a table.
//!
//! In this version a share of the clients strays to any site, whatever DNS says. That is what
//! feeds the learning: it does not explore yet, so it knows only sites that somebody went to.
//!
//! Must never read a clock or draw from anything but the seed: the same seed gives the same output.

#![forbid(unsafe_code)]

pub mod random;

pub mod matrix;

pub mod cities;

pub mod world;

pub mod clients;

mod resolver;

pub mod policies;

mod settings;

mod nodes;

mod network;

mod queue;

pub mod simulation;

pub mod figures;

pub mod run;

pub mod report;

#[doc(hidden)]
pub mod fuzz;

pub use matrix::Matrix;
pub use network::Faults;
pub use policies::Policy;
pub use report::Report;
pub use run::{RunSettings, run};
pub use simulation::{Plan, Simulation};
pub use world::World;
