//! Bytes as an answer to a DNS check.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| health::fuzz::dns_answer(data));
