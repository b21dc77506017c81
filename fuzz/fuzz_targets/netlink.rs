//! Bytes as if the kernel had sent them: destroy events and the answer to a dump.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tcpstat::fuzz::fuzz(data));
