//! Text as a zone file, the zone made of it, and questions for its names.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zone::fuzz::fuzz(data));
