//! Agents and overwatches over virtual time against a ping matrix: the instrument that judges the
//! learning (docs/decisions/0015-virtual-time.md).
//!
//! The nodes are the production values, and bytes travel between them. Only clock, network and
//! clients are made up here, from one seed. What is in it, in the order of the data:
//!
//! - [`random`]: numbers by chance, the same for the same seed,
//! - [`matrix`]: how far clients are from sites, from a file,
//! - [`cities`]: the same from a model,
//! - [`places`]: where cities are, from the distances between them,
//! - [`providers`]: countries and ASes,
//! - `yaml`, [`scenario`]: everything that a file says about clients and what goes wrong,
//! - [`world`]: sites, client networks and their resolvers,
//! - `conditions`: what is different from hour to hour,
//! - [`clients`]: connections, and how long they take,
//! - `resolver`, `cache`: DNS as a resolver speaks it, and what it keeps,
//! - [`policies`]: who chooses a client's site,
//! - `words`: what operators say,
//! - `settings`: what agents and overwatches are told,
//! - `nodes`: agents and overwatches with what their edge keeps for them,
//! - `network`: mesh connections and how they break,
//! - `queue`: what is yet to happen,
//! - [`simulation`]: the event loop,
//! - `reference`: what could be had at best,
//! - [`figures`]: an hour of connections as a few numbers,
//! - [`run`](mod@run): one world under every policy,
//! - [`report`]: what came of it, as JSON, as a table and as a picture,
//! - [`mod@chaos`]: another world, of bad days, in which nothing may break.
//!
//! Must never read a clock or draw from anything but the seed: the same seed gives the same output.

#![forbid(unsafe_code)]

pub mod random;

pub mod matrix;

pub mod cities;

pub mod places;

pub mod providers;

mod yaml;

pub mod scenario;

pub mod world;

mod conditions;

pub mod clients;

mod resolver;

mod cache;

pub mod policies;

mod words;

mod settings;

mod nodes;

mod network;

mod queue;

pub mod simulation;

mod reference;

pub mod figures;

pub mod run;

pub mod report;

pub mod chaos;

#[doc(hidden)]
pub mod fuzz;

pub use matrix::Matrix;
pub use network::Faults;
pub use policies::Policy;
pub use report::Report;
pub use run::{RunSettings, run};
pub use scenario::Scenario;
pub use simulation::{Plan, Simulation};
pub use world::World;
