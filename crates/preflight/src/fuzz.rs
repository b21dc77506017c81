//! What must hold for any bytes whatever: they are read or refused, and nothing panics.
//!
//! The entry for fuzzers; a seeded loop in the tests calls the same one.

use crate::message::{Message, NoAnswer};
use crate::{Name, Question, RecordType};

/// Takes `data` for an answer to a question about the root's SOA.
///
/// # Panics
///
/// Where a promise of the crate is broken.
pub fn fuzz(data: &[u8]) {
    let server = ([127, 0, 0, 1], 53).into();
    let question = Question::new(server, &Name::root_vec(), RecordType::SOA);
    let id = data.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
    for question in [question.clone(), question.by_tcp()] {
        match Message::read(data, &question, id) {
            Ok(message) => {
                // No record has fewer than eleven bytes.
                let records =
                    message.answer.len() + message.authority.len() + message.additional.len();
                assert!(records * 11 <= data.len(), "more records than bytes");
            }
            Err(NoAnswer::Foreign | NoAnswer::Malformed(_)) => {}
        }
    }
}
