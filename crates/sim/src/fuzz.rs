//! Any bytes at all, for the fuzzer and the tests: nothing here may panic.

use crate::{matrix, resolver, scenario};

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

/// Bytes that are taken for a scenario.
pub fn scenario(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = scenario::Scenario::read(text);
    }
}
