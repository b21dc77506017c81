//! Text as a zone's signing keys, as an operator imports them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dnssec::fuzz::fuzz(data));
