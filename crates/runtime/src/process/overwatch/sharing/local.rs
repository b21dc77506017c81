//! Words about what is not shared: agents, and sources from outside.
//!
//! They are carried out here at once, with etcd as without it; only the line that says so is shared, as soon as
//! etcd takes it. Must never hold such a word back.

use ::overwatch::{Change, Command, Event, Said};
use model::Time;
use tracing::{info, warn};

use super::super::Process;
use super::{Sharing, Wanted, What};
use crate::http::Told;

/// Lines that wait for etcd: a day of words about agents in a large installation. The next one is in this
/// overwatch's log alone.
const LINES_MAX: usize = 256;

impl Process {
    /// Carries a word out that is of this overwatch alone, and shares the line of it.
    pub(in super::super) fn carry_out_here(&mut self, command: Command, said: Said) {
        let now = self.clock.now();
        // Afterwards there may be nothing left that it could be said of.
        let line = self.node.draft(&command, &said, now).ok().into_iter().flatten();
        let what = line.into_iter().find_map(|change| match change {
            Change::PutAudit(_, line) => Some(line.what),
            _ => None,
        });
        self.handle(Event::Command { command, said: said.clone() });
        let (Some(what), Some(sharing)) = (what, &mut self.sharing) else { return };
        if sharing.refusal().is_some() {
            info!("{what}, by {}; the list says so once etcd is there", said.by);
        }
        let what = What::Line(what, now);
        sharing.keep_line(Wanted { what, said, expected: None, reply: None, tries: 0 });
        self.share_next();
    }
}

impl Sharing {
    /// Keeps a line until etcd takes it.
    pub(super) fn keep_line(&mut self, wanted: Wanted) {
        if self.lines.len() < LINES_MAX {
            self.lines.push_back(wanted);
        } else if let What::Line(what, _) = &wanted.what {
            warn!("{LINES_MAX} lines wait for etcd: this one is only here: {what}");
        }
    }

    /// A line was not taken: it is tried again with the next tick.
    pub(super) fn put_line_back(&mut self, wanted: Wanted, told: &Told) {
        match (&wanted.what, told) {
            (What::Line(what, _), Told::TooMuch(why)) => {
                warn!("this line is only here: {what}: {why}");
            }
            _ if self.lines.len() >= LINES_MAX => self.keep_line(wanted),
            _ => self.lines.push_front(Wanted { tries: 0, ..wanted }),
        }
        self.is_resting = true;
    }

    /// Whether a line is known already: it was taken, and nobody said so.
    pub(super) fn has_line(&self, what: &str, at: Time) -> bool {
        self.known.rows().audit.values().any(|line| line.at == at && line.what == what)
    }
}
