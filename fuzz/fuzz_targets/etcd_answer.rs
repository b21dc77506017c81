//! Bytes as what etcd answers.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| runtime::fuzz::etcd_answer(data));
