//! The overwatch as a whole, with whole agents at the other end of its sessions.
//!
//! - `settings`: an overwatch and agents as a site would set them up,
//! - `bench`: agents and an overwatch joined by wires in memory, under a clock of the test's own,
//! - `wire`: questions as bytes, answers as words,
//!
//! and then what must hold:
//!
//! - `dialogues`: what a resolver is told, as text in `testdata/`,
//! - `refusals`: what is refused, with which one line, and that nothing is left of it,
//! - `learning`: each key of `latency_learning`, from a socket to the answer,
//! - `windows`: connections of a Windows server, from its tables to the overwatch's,
//! - `restart`: what a restart keeps and what comes back by itself,
//! - `reload`: other settings while everything runs,
//! - `by_hand`: what operators do about routing,
//! - `shared`: what operators make, where several overwatches share it,
//! - `held`: an agent that is not believed any more,
//! - `outside`: times that no agent measured,
//! - `searching`: the first rows of an order,
//! - `peers`: several overwatches, and what they tell one another,
//! - `claims`: who holds a name or a backend that several want,
//! - `lifecycle`: how backends come, go and stand,
//! - `scopes`: for whom answers say that they hold,
//! - `decoding`: what bytes can do before they are a frame,
//! - `fuzz_loop`: what no packet can do to the query path,
//! - `trials`: how long an answer is kept while a region is tried,
//! - `turns`: which server of several is named,
//! - `validators`: what a validator of somebody else's says of signed zones,
//! - `version_1`: an agent of an early build of this version of the protocol.
//!
//! No socket, no clock, no sleep; but a validator needs the first two.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop where it is surprised"
)]

mod bench;
mod by_hand;
mod claims;
mod decoding;
mod dialogues;
mod fuzz_loop;
mod held;
mod keys;
mod learning;
mod lifecycle;
mod outside;
mod peers;
mod recall;
mod refusals;
mod reload;
mod restart;
mod resync;
mod scopes;
mod searching;
mod settings;
mod shared;
mod strains;
mod trials;
mod turns;
mod validators;
mod version_1;
mod windows;
mod wire;
