//! Text as each kind of file that can be brought along.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| import::fuzz::fuzz(data));
