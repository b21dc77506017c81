//! The overwatch as a value, and the query path.
//!
//! An overwatch hears agents, keeps what they learned, checks the servers, and answers DNS. Two
//! sides that meet in one published value (docs/decisions/0002-learning-and-answering-apart.md):
//!
//! Answering, in the order of a query. Start here:
//!
//! - [`mod@resolve`]: a query's bytes to an answer's bytes,
//! - [`reply`]: who asks, and what came of it,
//! - `write`: a decision to an answer's bytes,
//! - `page`: an answer while it is written, and what signs its sets,
//! - `steered`: the records of a decision,
//! - `denial`: what a signed zone says of itself and of what is not there,
//! - [`mod@foresee`]: what a query will read, told before,
//! - [`worker`]: what a worker keeps from one query to the next,
//! - [`signers`]: what signs which zone,
//! - [`view`]: all that an answer reads.
//!
//! Learning, in the order of a report:
//!
//! - [`settings`]: what an overwatch is told at start,
//! - [`event`]: all that can happen to it, all that it can want,
//! - [`node`]: the one handler,
//! - `command`: an operator's word,
//! - `session`: one connection of an agent, from hello to goodbye,
//! - `joining`: an agent that has proven itself,
//! - `speaking`: what a welcome agent says,
//! - [`outside`]: what trusted sources say that are no agents,
//! - [`agents`]: who may speak,
//! - [`peers`]: the other overwatches, and what agents said to them,
//! - `held`: agents whose reports do not count,
//! - `loads`: how busy each region is,
//! - `straining`: servers that get less since they strain,
//! - [`certificates`]: the certificates that servers show,
//! - [`registry`]: every backend and its standing,
//! - [`mod@reload`]: other settings while it runs,
//! - [`hand`]: what operators did by hand about routing,
//! - [`tokens`]: the tokens of the API,
//! - [`shared`]: what operators make, where several overwatches share it,
//! - [`signing`]: the keys of signed zones, and how they change,
//! - `resync`: from one process to the next,
//! - [`learned`]: the table, and a note of what changed it,
//! - [`limits`]: which limits of the table bind,
//! - [`recall`]: what was learned before a restart,
//! - `settle`: what follows from an event that may have changed a standing,
//! - `returning`: regions that were down and come back bit by bit,
//! - `publish`: table, registry and settings to a new view,
//! - [`record`]: what must survive a restart,
//! - [`documents`]: what the API says,
//! - [`note`]: every line it can ask to have logged,
//! - `news`: which refusals are worth one.
//!
//! And `fuzz`: what must hold for any packet from anybody.
//!
//! Pure: no socket, file, clock, thread or log.

#![forbid(unsafe_code)]

pub mod resolve;

pub mod reply;

mod write;

mod page;

mod steered;

mod denial;

pub mod foresee;

pub mod worker;

pub mod signers;

pub mod view;

pub mod settings;

pub mod event;

pub mod node;

mod command;

mod session;

mod joining;

mod speaking;

mod forgetting;

pub mod outside;

pub mod agents;

pub mod peers;

pub mod registry;

pub mod reload;

pub mod hand;

pub mod tokens;

mod held;

mod loads;

mod straining;

pub mod certificates;

pub mod shared;

pub mod signing;

mod resync;

pub mod learned;

pub mod limits;

pub mod recall;

mod settle;

mod returning;

mod publish;

pub mod record;

pub mod documents;

pub mod note;

mod news;

#[doc(hidden)]
pub mod fuzz;

pub use agents::{Enrolment, Objection, Pin, PinState};
pub use documents::learned::{LatencyPage, LatencySearch, LatencyWanted};
pub use event::{Command, Effect, Event, LinkId};
pub use foresee::foresee;
pub use hand::order::{HandFault, HandOrder};
pub use hand::{AuditLine, HandItem, HandRow, Said};
pub use learned::steps::{Replayed, batch_of_none, replay};
pub use limits::LimitNote;
pub use node::{Counters, Overwatch};
pub use note::{Level, Note};
pub use outside::{OutsideFault, OutsideRow, OutsideSource, OutsideTaken};
pub use peers::{PeerCounters, PeerStatus};
pub use recall::Recalled;
pub use record::{BackendRow, Change, HealthRow, Snapshot, Source};
pub use registry::CheckTerms;
pub use reload::Reload;
pub use reply::{Asker, Outcome, Reply, Transport};
pub use resolve::resolve;
pub use routing::Drain;
pub use settings::{AnswerTerms, ConfiguredBackend, EcsPolicy, Settings, StaleTerms};
pub use shared::Custody;
pub use signers::Signers;
pub use signing::SignedZone;
pub use signing::order::{KeyFault, KeyOrder};
pub use signing::secrets::Secrets;
pub use tokens::{ApiToken, TokenFault, TokenOrder};
pub use view::{DomainView, View};
pub use worker::Worker;
