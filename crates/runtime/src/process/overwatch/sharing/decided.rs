//! What came of a change that etcd was asked for: carried out here too, or told to whoever waits.
//!
//! A fault of this program is told as well, and leaves room for the next change. Must never say that something
//! was not done which may be.

use ::overwatch::{Change, Event};
use store::Proposal;
use tracing::debug;

use super::super::Process;
use super::super::edges::access_of;
use super::{Decision, TRIES_MAX, UnderWay, Wanted, What};
use crate::etcd::EtcdError;
use crate::etcd::commit::Outcome;
use crate::http::Told;
use crate::logs::chain;
use crate::panics::survived;

impl Process {
    /// It was decided about the change under way.
    pub(in super::super) fn on_decision(&mut self, Decision { number, decided }: Decision) {
        let Some(sharing) = &mut self.sharing else { return };
        // Nobody waits for it where the process was about to be left meanwhile.
        let asked = sharing.under_way.take_if(|under_way| under_way.number == number);
        let Some(UnderWay { wanted, proposal, .. }) = asked else { return };
        let is_made = matches!(wanted.what, What::Made(..));
        if survived(|| self.decided(wanted, proposal, decided)).is_none() && is_made {
            self.making.under_way = None;
        }
        self.share_next();
        self.begin_next();
    }

    fn decided(&mut self, wanted: Wanted, proposal: Proposal, decided: Result<Outcome, EtcdError>) {
        let Some(sharing) = &mut self.sharing else { return };
        match decided {
            Ok(Outcome::Done(revision)) => {
                sharing.counters.done += 1;
                let changes = sharing.known.committed(proposal, revision);
                self.carry_out_shared(wanted, changes);
            }
            Ok(Outcome::Lost(names, since)) => {
                sharing.counters.lost += 1;
                let is_only_late = proposal.is_only_late(names.iter().map(String::as_str));
                if is_only_late && wanted.tries < TRIES_MAX {
                    sharing.wait_for = since;
                    sharing.waiting.push_front(Wanted { tries: wanted.tries + 1, ..wanted });
                } else {
                    debug!("another overwatch was first at {}", names.join(", "));
                    self.end_shared(wanted, Told::Lost);
                }
            }
            Ok(Outcome::NotHeld) => self.end_shared(wanted, Told::Lost),
            Err(error) => {
                let why = self.failed(&error);
                self.end_shared(wanted, why);
            }
        }
    }

    /// What whoever waits is told of a change that failed.
    fn failed(&mut self, error: &EtcdError) -> Told {
        if let Some(sharing) = &mut self.sharing {
            sharing.counters.refused += 1;
        }
        Told::StoreAway(said_of(error))
    }

    /// A change was taken: carries it out, and answers.
    fn carry_out_shared(&mut self, wanted: Wanted, changes: Vec<Change>) {
        let Wanted { what, reply, .. } = wanted;
        match what {
            What::Word(_) => {
                let is_done = self.take_in(changes);
                if let Some(reply) = reply {
                    self.answer_what_is_done(is_done, reply, Told::Done);
                }
            }
            What::Made(prepared, ..) => {
                let document = prepared.running.made.to_document();
                self.take_in(changes);
                let is_applied = self.apply_made(*prepared);
                self.has_applied(is_applied, document, Vec::new());
            }
            What::Keys(_) | What::Drift => drop(self.take_in(changes)),
            What::Line { number, .. } => {
                self.take_in(changes);
                // Behind them: between the two a restart finds it taken.
                self.forget_line(number);
            }
        }
    }

    /// Rows that were decided about are so from now on. Says whether this program took them wholly.
    pub(super) fn take_in(&mut self, changes: Vec<Change>) -> bool {
        if changes.is_empty() {
            return true;
        }
        let is_token = |c: &Change| matches!(c, Change::PutToken(_) | Change::RemoveToken(_));
        let is_about_tokens = changes.iter().any(is_token);
        let is_done = self.handle(Event::Shared(changes));
        if is_about_tokens {
            self.edges.allow(access_of(&self.running.config, self.node.tokens()));
        }
        is_done
    }
}

/// What is said of a change that a fault of this program ends before etcd is asked.
pub(super) fn failed_here() -> Told {
    Told::StoreAway("nothing was changed: this program failed while it worked that out".to_owned())
}

/// What is said of a change that failed: where it may be done all the same, nobody is told that it is not.
pub(super) fn said_of(error: &EtcdError) -> String {
    let why = chain(error);
    match error {
        EtcdError::Silent { .. }
        | EtcdError::Nonsense { .. }
        | EtcdError::Refused { is_certain: false, .. } => format!(
            "etcd went while it was asked: {why}. Whether that was done shows as soon as it is back"
        ),
        EtcdError::Fault => {
            "this program failed while it asked etcd. Whether that was done shows in a moment"
                .to_owned()
        }
        _ => format!("nothing was changed: etcd says no, or is not reached: {why}"),
    }
}
