//! Bytes as what a reader of the query log says.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| runtime::fuzz::dnstap_reader(data));
