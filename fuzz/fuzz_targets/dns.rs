//! Bytes as a packet from anybody, a name and a text.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dns::fuzz::fuzz(data));
