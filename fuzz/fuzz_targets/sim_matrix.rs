//! Bytes as a matrix of pings from a file.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sim::fuzz::matrix(data));
