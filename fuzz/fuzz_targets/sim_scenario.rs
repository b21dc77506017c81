//! Bytes as a scenario from a file.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::scenario(data));
