//! Bytes as a packet from anybody, through the whole query path.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| overwatch::fuzz::fuzz(data));
