//! A zone's keys, and what is signed with them: signatures, denials, rollovers.
//!
//! In the order of the data:
//!
//! - [`algorithm`] and [`role`]: what a key can do, and what it is for,
//! - [`key`]: one key: its secret, its records, its signatures,
//! - [`ring`]: all keys of a zone, and where each is in its life,
//! - [`mod@rollover`]: how keys change,
//! - [`fault`]: what is wrong with keys and clocks, by name,
//! - [`correction`]: by how much the machine's clock differs from the one that counts,
//! - [`signer`]: what signs a zone now,
//! - [`window`]: from when until when a signature holds,
//! - `canonical` and [`message`]: what exactly is signed,
//! - `cache`, private: signatures that were made, found again,
//! - [`signatures`]: a set of records to its RRSIG records,
//! - [`denial`]: the record that says what is not there.
//!
//! Answers are signed while they are given. Why, and how a flood of names is borne: decision record
//! 33. How overwatches come to sign alike: decision record 34.
//!
//! Pure: no socket, file, clock, thread or log; random bytes for keys are arguments.

#![forbid(unsafe_code)]

pub mod algorithm;

pub mod role;

pub mod key;

pub mod ring;

pub mod rollover;

pub mod fault;

pub mod correction;

pub mod signer;

pub mod window;

mod canonical;

pub mod message;

mod cache;

pub mod signatures;

pub mod denial;

#[doc(hidden)]
pub mod fuzz;

pub use algorithm::Algorithm;
pub use correction::Correction;
pub use denial::Nsec;
pub use fault::{Fault, compare_clocks};
pub use key::{Key, KeyFault, KeyTextError};
pub use message::Set;
pub use ring::{Descent, DrawError, KeyRing, Layout, Member, RingTextError, State};
pub use role::Role;
pub use rollover::{DsError, RollError, RolloverTerms, Step};
pub use signatures::{Signatures, Standing, Unsigned};
pub use signer::Signer;
