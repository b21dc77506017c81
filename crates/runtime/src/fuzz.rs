//! What must hold for any bytes of somebody who is not of the mesh: readers of the query log.
//!
//! The entry for fuzzers; a seeded loop in the tests calls the same one.

/// Takes `data` for what a reader of the query log says.
///
/// # Panics
///
/// Where a frame was read that is not there.
pub fn dnstap_reader(data: &[u8]) {
    crate::query_log::read_any(data);
}
