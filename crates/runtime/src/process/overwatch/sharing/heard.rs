//! What others changed, and what becomes of it here.
//!
//! What was made through the API is configuration: it is checked aside as a start checks it, and what does
//! not fit to this overwatch's files is left out and logged. All else is taken in at once.

use std::sync::Arc;

use config::Made;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use ::overwatch::Change;
use store::Taken;

use super::super::Process;
use super::super::making::Step;
use super::super::running::Prepared;
use super::Standing;
use crate::etcd::{News, commit};
use crate::logs::chain;

/// Differences that are named in the log when all rows were read; of the others it says how many.
const NAMED_MAX: usize = 20;

impl Process {
    /// etcd, or the way to it, has news.
    pub(in super::super) fn on_news(&mut self, news: News) {
        let now = self.clock.now();
        let Some(sharing) = &mut self.sharing else { return };
        match news {
            News::Empty => self.bring_in(),
            News::All(rows, revision) => {
                let taken = sharing.known.take_all(rows, revision);
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
    fn bring_in(&self) {
        let Some(sharing) = &self.sharing else { return };
        let Some(lease) = sharing.lease else { return };
        let (etcd, rows) = (Arc::clone(&sharing.etcd), sharing.known.rows().clone());
        info!("nothing is in etcd yet: what operators made here is brought in");
        tokio::spawn(async move {
            // Tried again as long as nothing is there.
            if let Err(error) = commit::bring_in(&etcd, &rows, Some(lease)).await {
                warn!("what operators made here is not in etcd yet: {}", chain(&error));
            }
        });
    }

    fn take(&mut self, Taken { changes, faults }: Taken) {
        for fault in faults {
            error!("a row in etcd means nothing to this release, and is passed over: {fault}");
        }
        for change in &changes {
            if let (Change::PutMade(document), Some(sharing)) = (change, &mut self.sharing) {
                sharing.to_apply = Some(document.clone());
            }
        }
        self.take_in(changes);
        self.begin_next();
    }

    /// Begins to check what was made elsewhere, where that is so.
    pub(in super::super) fn begin_taking(&mut self) {
        let Some(document) = self.sharing.as_mut().and_then(|sharing| sharing.to_apply.take())
        else {
            return;
        };
        self.making.is_taking = true;
        let (running, steps) = (Arc::clone(&self.running), self.making.steps());
        tokio::spawn(async move {
            let of = document.clone();
            let checked = spawn_blocking(move || {
                let (made, set_aside) = match of.as_str() {
                    "" => (Made::none(), Vec::new()),
                    text => Made::from_document(text),
                };
                let (prepared, mut lines) = running.with_kept(&made);
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
        for line in lines {
            error!("made at another overwatch, and left out here: {line}");
        }
        match prepared {
            Some(prepared) => {
                self.apply(*prepared);
                if let Some(sharing) = &mut self.sharing {
                    sharing.applied = document;
                }
            }
            None => error!("what was made at another overwatch does not run here"),
        }
        self.begin_next();
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
