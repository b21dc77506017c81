//! A change as what it does to a row: in the file, and wherever else rows are kept.

use overwatch::Change;
use zeroize::Zeroizing;

use crate::store::{
    BACKENDS, Cause, HAND, HEALTH, KEYS, MADE, MADE_ROW, PINS, Rows, SERVER_WORDS, TOKENS,
    UNSHARED_WORDS, WORDS,
};
use crate::{hand, keys, row, tokens};

/// What a row is from now on.
pub(crate) struct Row {
    /// Its table.
    pub(crate) table: Rows<'static>,
    /// Its name in there.
    pub(crate) name: String,
    /// What it says; `None` where it goes. Zones' keys may be in it.
    pub(crate) bytes: Option<Zeroizing<Vec<u8>>>,
}

impl Row {
    /// What a change makes of its row.
    pub(crate) fn of(change: &Change) -> Result<Self, Cause> {
        let (table, name, bytes) = match change {
            Change::PutBackend(backend) => {
                let name = row::name_of(&backend.backend.key);
                (BACKENDS, name, Some(row::write_backend(backend)?))
            }
            Change::RemoveBackend(key) => (BACKENDS, row::name_of(key), None),
            Change::PutHealth(key, health) => {
                (HEALTH, row::name_of(key), Some(row::write_health(key, health)?))
            }
            Change::RemoveHealth(key) => (HEALTH, row::name_of(key), None),
            Change::PutPin(id, pin) => (PINS, id.to_string(), Some(row::write_pin(pin)?)),
            Change::RemovePin(id) => (PINS, id.to_string(), None),
            Change::PutKeys(ring) => {
                (KEYS, keys::name_of(ring), Some(keys::write_keys(ring).as_bytes().to_vec()))
            }
            Change::PutHand(row) => {
                let name = row.item.name();
                (hand_table(&name), name, Some(hand::write_hand(row)?))
            }
            Change::RemoveHand(name) => (hand_table(name), name.clone(), None),
            Change::PutMade(document) => {
                (MADE, MADE_ROW.to_owned(), Some(document.as_bytes().to_vec()))
            }
            Change::PutAudit(number, line) => {
                (WORDS, hand::name_of_word(*number), Some(hand::write_word(line)?))
            }
            Change::RemoveAudit(number) => (WORDS, hand::name_of_word(*number), None),
            Change::PutToken(token) => {
                (TOKENS, token.name.to_string(), Some(tokens::write_token(token)?))
            }
            Change::RemoveToken(name) => (TOKENS, name.to_string(), None),
            Change::PutUnshared(number, line) => {
                (UNSHARED_WORDS, hand::name_of_word(*number), Some(hand::write_word(line)?))
            }
            Change::RemoveUnshared(number) => (UNSHARED_WORDS, hand::name_of_word(*number), None),
        };
        Ok(Self { table, name, bytes: bytes.map(Zeroizing::new) })
    }
}

fn hand_table(name: &str) -> Rows<'static> {
    if hand::is_about_server(name) { SERVER_WORDS } else { HAND }
}
