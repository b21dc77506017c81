//! Bytes as a database of countries and of networks.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| geo::fuzz::fuzz(data));
