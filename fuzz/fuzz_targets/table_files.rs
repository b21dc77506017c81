//! Bytes as the files of the learned table, and as what is in them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| store::fuzz::table(data));
