//! The crate from outside: zone files and questions in, answers as text out; the look-up against a
//! naive model; the fuzz entry in a seeded loop.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop where it is surprised"
)]

mod render;

mod dialogues;

mod model;

mod fuzz_loop;
