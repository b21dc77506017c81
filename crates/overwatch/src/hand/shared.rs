//! Rows and lines that were made at another overwatch, or decided about before they were carried out.
//!
//! Must never judge them: somebody did.

use super::carrying::taken_back;
use super::{Hand, HandRow};
use crate::Change;

impl Hand {
    /// Takes in a row or a line. Nothing else is taken.
    pub(crate) fn take(&mut self, change: &Change) {
        match change {
            Change::PutHand(row) => {
                self.rows.insert(row.item.name(), row.clone());
                self.is_due = true;
            }
            Change::RemoveHand(name) => drop(self.remove(name)),
            Change::PutAudit(number, line) => drop(self.audit.insert(*number, line.clone())),
            Change::RemoveAudit(number) => drop(self.audit.remove(number)),
            _ => {}
        }
    }

    /// Whether there is a row of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.rows.contains_key(name)
    }
}

impl HandRow {
    /// What is said when its time is over.
    pub(crate) fn line_of_end(&self) -> String {
        format!("{}: its time is over", taken_back(&self.item))
    }
}
