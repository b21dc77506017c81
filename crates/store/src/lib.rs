//! What must survive a restart: the backends that were known, how they last stood, which agent is
//! pinned to which key, what operators did by hand, and the keys that zones are signed with.
//!
//! In the order of the data:
//!
//! - `row`: one record of the overwatch as a row of the file, and back,
//! - `hand`: the same of what operators did by hand,
//! - `keys`: the keys of a zone likewise,
//! - `change`: what a change makes of a row,
//! - [`store`](mod@store): the file,
//! - [`shared`]: the rows that several overwatches share,
//! - [`backup`]: all of it as one document,
//! - [`table`]: the files of what was learned,
//! - [`error`]: what can go wrong with it, and what to do then.
//!
//! What is kept is said in `overwatch`'s own words ([`overwatch::Snapshot`], [`overwatch::Change`]);
//! only the file's format lives here.
//!
//! The edge to the disk, and nothing more: no decision is made here, and the file is read once, at
//! start (docs/decisions/0014-embedded-store.md). The learned table has files of its own, where it is kept
//! at all; otherwise agents refill it.

#![forbid(unsafe_code)]

mod row;

mod hand;

mod keys;

mod tokens;

mod change;

pub mod store;

pub mod shared;

pub mod backup;

pub mod table;

#[doc(hidden)]
pub mod fuzz;

pub mod error;

pub use backup::{Backup, BackupError};
pub use error::StoreError;
pub use shared::{Known, Proposal, SharedRow, Taken};
pub use store::{Mended, Store};
pub use table::{Found, TableCopy, TableError, TableFiles, TableLock};
