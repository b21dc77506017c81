//! What must survive a restart: the backends that were known, how they last stood, and which agent
//! is pinned to which key.
//!
//! In the order of the data:
//!
//! - [`record`]: what is kept, in the words of the field, and how it changes,
//! - `row`: one record as a row of the file, and back,
//! - [`store`](mod@store): the file,
//! - [`error`]: what can go wrong with it, and what to do then.
//!
//! The edge to the disk, and nothing more: no decision is made here, and the file is read once, at
//! start (docs/decisions/0014-embedded-store.md). The learned table is not kept; agents refill it.

#![forbid(unsafe_code)]

pub mod record;

mod row;

pub mod store;

pub mod error;

pub use error::StoreError;
pub use record::{BackendRow, Change, HealthRow, Pin, PinState, Snapshot, Source};
pub use store::Store;
