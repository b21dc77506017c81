//! Bytes as the report of an agent.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mesh::fuzz::report(data));
