//! What must hold for any bytes of somebody who is not of the mesh: readers of the query log, and etcd.
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

/// Takes `data` for what etcd says.
///
/// # Panics
///
/// Where a refusal would be more than a line of a log.
pub fn etcd_answer(data: &[u8]) {
    crate::etcd::wire::read_any(data);
}
