//! What others changed, and what becomes of it here.
//!
//! What was made through the API is configuration: it is checked aside as a start checks it, and what does
//! not fit to this overwatch's files is left out and logged. All else is taken in at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use config::Made;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use ::overwatch::Change;
use store::Taken;

use super::super::Process;
use super::super::making::Step;
use super::super::running::Prepared;
use super::{Sharing, Standing};
use crate::backoff::Backoff;
use crate::etcd::{News, commit};
use crate::logs::chain;
use crate::panics::caught;

/// Differences that are named in the log when all rows were read; of the others it says how many.
const NAMED_MAX: usize = 20;
/// How long until rows are brought in again that etcd did not take: all of them are sent anew.
const BRINGS_AGAIN: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// How soon what was made elsewhere is tried again that did not fit, since a file here cannot be read: a
/// certificate that is being renewed is there again by then.
const TAKEN_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How the first rows are brought in.
#[derive(Debug)]
pub(super) struct Bringing {
    is_under_way: bool,
    /// What etcd said against it last.
    refused: Option<String>,
    rests: Backoff,
    /// When it is tried again.
    pub(super) again: Option<Instant>,
}

impl Bringing {
    pub(super) const fn new() -> Self {
        Self { is_under_way: false, refused: None, rests: BRINGS_AGAIN, again: None }
    }

    pub(super) fn may_begin(&self) -> bool {
        !self.is_under_way && self.again.is_none_or(|again| Instant::now() >= again)
    }

    /// It is done, or was refused.
    pub(super) fn ended(&mut self, refused: Option<String>) {
        if let Some(why) = refused.as_ref().filter(|_| self.refused != refused) {
            warn!("what operators made here is not in etcd yet: {why}");
        }
        self.again = refused.is_some().then(|| Instant::now() + self.rests.next_pause());
        if self.again.is_none() {
            self.rests.reset();
        }
        (self.is_under_way, self.refused) = (false, refused);
    }
}

impl Sharing {
    /// Nothing is in etcd yet: why that is so.
    pub(super) fn tell_empty(&mut self) {
        let Standing::Away { why, .. } = &mut self.standing else { return };
        *why = match &self.bringing.refused {
            Some(refused) => format!("it does not take what operators made here: {refused}"),
            None => "nothing is there yet: whoever holds the lease brings its rows in".to_owned(),
        };
    }
}

impl Process {
    /// etcd, or the way to it, has news.
    pub(in super::super) fn on_news(&mut self, news: News) {
        let now = self.clock.now();
        let Some(sharing) = &mut self.sharing else { return };
        match news {
            News::Begins(number) => sharing.is_hearing = number == sharing.starts,
            News::BroughtIn(refused) => sharing.bringing.ended(refused),
            // Told before etcd was left to another process.
            _ if !sharing.is_hearing || sharing.following.is_none() => return,
            News::Empty => {
                sharing.tell_empty();
                self.bring_in();
            }
            News::All(rows, revision) => {
                let taken = sharing.known.take_all(rows, revision);
                // All is known; an etcd that was restored may never come to the revision that was waited for.
                sharing.wait_for = 0;
                differences(&taken.changes);
                self.take(taken);
            }
            News::Changed(rows) => {
                for row in rows {
                    let Some(sharing) = &mut self.sharing else { return };
                    let taken = sharing.known.take(row);
                    sharing.counters.heard += taken.changes.len() as u64;
                    self.take(taken);
                }
            }
            News::InStep => {
                if sharing.standing != Standing::InStep {
                    info!("etcd is there: what operators make is shared");
                    sharing.standing = Standing::InStep;
                }
                self.settle_custody();
            }
            News::Away(why) => {
                if let Standing::Away { why: known, .. } = &mut sharing.standing {
                    *known = why;
                } else {
                    warn!("etcd is not reached: {why}; answers go on, changes are refused");
                    sharing.standing = Standing::Away { since: now, why };
                }
                self.settle_custody();
            }
            News::Lease(lease) => {
                if lease.is_some() && sharing.lease.is_none() {
                    info!(
                        "this overwatch looks after what is shared in etcd, and makes zones' keys"
                    );
                }
                sharing.lease = lease;
                self.settle_custody();
            }
        }
        self.share_next();
    }

    /// The first rows are this overwatch's, where it is the one to bring them in.
    fn bring_in(&mut self) {
        let Some(sharing) = self.sharing.as_mut().filter(|sharing| sharing.bringing.may_begin())
        else {
            return;
        };
        let Some(lease) = sharing.lease else { return };
        sharing.bringing.is_under_way = true;
        let news = sharing.news.clone();
        let (etcd, rows) = (Arc::clone(&sharing.etcd), sharing.known.rows().clone());
        info!("nothing is in etcd yet: what operators made here is brought in");
        tokio::spawn(async move {
            // Tried again as long as nothing is there, also after a fault of this program.
            let refused = match caught(commit::bring_in(&etcd, &rows, Some(lease))).await {
                Ok(Ok(true)) => {
                    info!("what operators made here is in etcd");
                    None
                }
                Ok(Ok(false)) => {
                    info!("another overwatch brings its rows in: those are read");
                    None
                }
                Ok(Err(error)) => Some(chain(&error)),
                Err(_) => Some("this program failed".to_owned()),
            };
            // The loop may have ended meanwhile.
            let _ = news.send(News::BroughtIn(refused)).await;
        });
    }

    fn take(&mut self, Taken { changes, faults }: Taken) {
        for fault in faults {
            error!("a row in etcd means nothing to this release, and is passed over: {fault}");
        }
        for change in &changes {
            if let (Change::PutMade(document), Some(sharing)) = (change, &mut self.sharing) {
                sharing.to_apply = Some(document.clone());
                sharing.untaken = None;
            }
        }
        self.take_in(changes);
        self.begin_next();
    }

    /// Tries again what did not fit, where its time has come.
    pub(super) fn take_again(&mut self) {
        let untaken = self.sharing.as_ref().and_then(|sharing| sharing.untaken.as_ref());
        if untaken.is_some_and(|(again, _)| Instant::now() >= *again) {
            self.begin_next();
        }
    }

    /// What did not fit may fit now: the files are others.
    pub(in super::super) fn take_now(&mut self) {
        let untaken = self.sharing.as_mut().and_then(|sharing| sharing.untaken.as_mut());
        if let Some((again, _)) = untaken {
            *again = Instant::now();
        }
    }

    /// Begins to check what was made elsewhere, where that is so.
    pub(in super::super) fn begin_taking(&mut self) {
        let Some(sharing) = &mut self.sharing else { return };
        if sharing.untaken.as_ref().is_some_and(|(again, _)| Instant::now() < *again) {
            return;
        }
        let Some(document) = sharing.to_apply.take() else { return };
        self.making.is_taking = true;
        let (running, steps) = (Arc::clone(&self.running), self.making.steps());
        tokio::spawn(async move {
            let of = document.clone();
            let checked = spawn_blocking(move || {
                let (made, set_aside) = match of.as_str() {
                    "" => (Made::none(), Vec::new()),
                    text => Made::from_document(text),
                };
                let (prepared, mut lines) = running.with_shared(&made);
                lines.extend(set_aside.iter().map(|fault| chain(fault)));
                (prepared.map(Box::new), lines)
            });
            let failed = || (None, vec!["this program failed while it checked that".to_owned()]);
            let (prepared, lines) = checked.await.unwrap_or_else(|_| failed());
            // The loop may have ended meanwhile.
            let _ = steps.send(Step::Taken(document, prepared, lines)).await;
        });
    }

    /// What was made elsewhere was checked.
    pub(in super::super) fn end_taking(
        &mut self,
        document: String,
        prepared: Option<Box<Prepared>>,
        lines: Vec<String>,
    ) {
        self.making.is_taking = false;
        let said = self.sharing.as_mut().and_then(|sharing| sharing.untaken.take());
        if said.is_none_or(|(_, said)| said != lines) {
            for line in &lines {
                error!("made at another overwatch, and left out here: {line}");
            }
            if prepared.is_none() {
                error!("what was made at another overwatch does not run here; it is tried again");
            }
        }
        let is_applied = prepared.is_some_and(|prepared| self.apply(*prepared).is_some());
        self.has_applied(is_applied, document, lines);
        self.begin_next();
    }

    /// What is in etcd runs here from now on; or it is tried again, unless something newer is there.
    pub(super) fn has_applied(&mut self, is_applied: bool, document: String, said: Vec<String>) {
        match &mut self.sharing {
            Some(sharing) if is_applied => sharing.applied = document,
            Some(sharing) if sharing.to_apply.is_none() => {
                sharing.to_apply = Some(document);
                sharing.untaken = Some((Instant::now() + TAKEN_AGAIN_AFTER, said));
            }
            _ => {}
        }
    }
}

/// Names what differs from what was known here.
fn differences(changes: &[Change]) {
    for change in changes.iter().take(NAMED_MAX) {
        match change {
            Change::PutMade(_) => info!("etcd differs: what was made through the API"),
            Change::PutHand(row) => info!("etcd differs: {}", row.item.name()),
            Change::RemoveHand(name) => info!("etcd differs: {name} is no more"),
            Change::PutToken(token) => info!("etcd differs: token {}", token.name),
            Change::RemoveToken(name) => info!("etcd differs: token {name} is no more"),
            Change::PutKeys(ring) => info!("etcd differs: the keys of {}", ring.apex()),
            // The list of changes is shown by the API.
            _ => {}
        }
    }
    if changes.len() > NAMED_MAX {
        info!("etcd differs in {} rows in all", changes.len());
    }
}
