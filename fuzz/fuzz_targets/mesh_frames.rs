//! Bytes of a session, from a peer who has yet to prove itself and from one who has.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mesh::fuzz::frames(data));
