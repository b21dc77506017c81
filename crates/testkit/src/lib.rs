//! What the tests of several crates share. No product crate may depend on it, and it depends on none:
//! so a pure crate's tests can use it too.
//!
//! - [`CountingHeap`]: proves that a path touches the heap nowhere.
//! - [`Random`]: the same numbers in each run, from a seed.
//! - [`read_ns`], [`copy_ms`]: what this machine takes, for costs to stand beside; [`took_s`]: what a piece of work took.
//! - [`bend()`]: what a fuzzer does to an input, in a loop that every `cargo test` runs.

mod bend;
mod heap;
mod machine;
mod random;

pub use bend::bend;
pub use heap::{CountingHeap, allocations, heap_bytes, heap_calls};
pub use machine::{copy_ms, read_ns, took_s};
pub use random::Random;
