//! The crate as its callers see it: text dialogues, the comparison with the library `domain`, the
//! fuzz entry in a seeded loop, and which packets are queries by `domain` and by `hickory-proto`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop where it is surprised"
)]

mod oracle;

mod dialogues;

mod differential;

mod fuzz_loop;

mod readers;
