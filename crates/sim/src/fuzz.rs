//! Any bytes at all, for the fuzzer and the tests: nothing here may panic.

use crate::{matrix, resolver};

/// Bytes that are taken for a ping matrix.
pub fn matrix(data: &[u8]) {
    if let Ok(matrix) = matrix::Matrix::read(data) {
        for client in matrix.clients() {
            assert!(matrix.path(client, client).is_some());
        }
    }
}

/// Bytes that are taken for a DNS answer.
pub fn answer(data: &[u8]) {
    let _ = resolver::read(data);
}
