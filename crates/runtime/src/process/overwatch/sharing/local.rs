//! Words about what is not shared: agents, and sources from outside.
//!
//! They are carried out here at once, with etcd as without it; only the line that says so is shared, as soon as
//! etcd takes it. Until then it stands in this overwatch's own store, so a restart loses none. Must never hold
//! such a word back, nor share a line twice: what was taken unseen is known by its time and words.

use std::collections::BTreeMap;

use ::overwatch::{AuditLine, Change, Command, Event, Said, Snapshot};
use model::Time;
use tracing::{info, warn};

use super::super::Process;
use super::{Sharing, Wanted, What};
use crate::http::Told;

/// Lines that wait for etcd: a day of words about agents in a large installation. The next one is in this
/// overwatch's log alone.
const LINES_MAX: usize = 256;

impl Process {
    /// Carries a word out that is of this overwatch alone, and shares the line of it. Says whether it was carried
    /// out wholly.
    pub(in super::super) fn carry_out_here(&mut self, command: Command, said: Said) -> bool {
        let now = self.clock.now();
        // Afterwards there may be nothing left that it could be said of.
        let line = self.node.draft(&command, &said, now).ok().into_iter().flatten();
        let line = line.into_iter().find_map(|change| match change {
            Change::PutAudit(_, line) => Some(line),
            _ => None,
        });
        let is_done = self.handle(Event::Command { command, said });
        let (Some(line), Some(sharing)) = (line, &mut self.sharing) else { return is_done };
        if sharing.refusal().is_some() {
            let by = line.by.as_deref().unwrap_or_default();
            info!("{}, by {by}; the list says so once etcd is there", line.what);
        }
        let kept = sharing.keep_line(line);
        self.keeping.keep(kept.into_iter().collect());
        self.share_next();
        is_done
    }

    /// A line waits no more.
    pub(super) fn forget_line(&mut self, number: u64) {
        self.keeping.keep(vec![Change::RemoveUnshared(number)]);
    }
}

impl Sharing {
    /// Lines of an earlier life that etcd did not take wait on.
    pub(super) fn remember_lines(&mut self, lines: BTreeMap<u64, AuditLine>) {
        for (number, line) in lines {
            self.next_line = number + 1;
            self.lines.push_back(wanted(number, line));
        }
    }

    /// Has a line wait until etcd takes it; what keeps it over a restart.
    pub(super) fn keep_line(&mut self, line: AuditLine) -> Option<Change> {
        if self.lines.len() >= LINES_MAX {
            warn!("{LINES_MAX} lines wait for etcd: this one is only here: {}", line.what);
            return None;
        }
        let number = self.next_line;
        self.next_line += 1;
        self.lines.push_back(wanted(number, line.clone()));
        Some(Change::PutUnshared(number, line))
    }

    /// A line was not taken: it is tried again with the next tick, unless it never can be; then its number is
    /// told.
    pub(super) fn put_line_back(&mut self, wanted: Wanted, told: &Told) -> Option<u64> {
        self.is_resting = true;
        if let (What::Line { number, what, .. }, Told::TooMuch(why)) = (&wanted.what, told) {
            warn!("this line is only here: {what}: {why}");
            return Some(*number);
        }
        // The one that was under way has its place beyond the limit.
        self.lines.push_front(Wanted { tries: 0, ..wanted });
        None
    }

    /// Whether a line is known already: it was taken, and nobody said so.
    pub(super) fn has_line(&self, what: &str, at: Time) -> bool {
        self.known.rows().audit.values().any(|line| line.at == at && line.what == what)
    }
}

fn wanted(number: u64, line: AuditLine) -> Wanted {
    let AuditLine { at, what, by, reason } = line;
    let said = Said { by: by.unwrap_or_default(), reason, ..Said::default() };
    Wanted { what: What::Line { number, what, at }, said, expected: None, reply: None, tries: 0 }
}

/// Where nothing is shared any more: what waited to be stands in this overwatch's own list.
pub(super) fn take_home(kept: &mut Snapshot) -> Vec<Change> {
    let mut changes = Vec::new();
    for (number, line) in kept.unshared.clone() {
        let next = kept.audit.last_key_value().map_or(0, |(last, _)| last + 1);
        changes.extend([Change::PutAudit(next, line.clone()), Change::RemoveUnshared(number)]);
        kept.audit.insert(next, line);
    }
    kept.unshared.clear();
    changes
}
