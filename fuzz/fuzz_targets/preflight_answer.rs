//! Bytes as an answer to a question of the pre-flight.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| preflight::fuzz::fuzz(data));
