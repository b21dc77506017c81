//! Bytes as a DNS answer, as the simulated clients read it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::answer(data));
