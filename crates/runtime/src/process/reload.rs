//! Reading the configuration again: off every loop, one reading at a time, taken whole or not at all.

use std::fmt;
use std::sync::Arc;

use config::{Config, Entity, Fault, Made};
use model::Time;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use super::comparison::Comparison;
use crate::clock;
use crate::http::{Document, Told};
use crate::notify;
use crate::panics::caught;

/// A configuration as it was read.
#[derive(Debug)]
pub struct Reread {
    /// The settings.
    pub config: Config,
    /// What somebody should know about the file.
    pub warnings: Vec<String>,
    /// What the API knows by name, whoever defined it.
    pub entities: Vec<Entity>,
}

/// Reads the configuration; or says why it cannot.
pub type Read = Arc<dyn Fn() -> Result<Files, Vec<String>> + Send + Sync>;

/// The texts of a configuration as they were read once: what is made through the API is checked with
/// these, whatever somebody writes meanwhile.
#[derive(Clone)]
pub struct Files(Arc<Check>);

/// Checks them, with what was made.
type Check = dyn Fn(&Made) -> Result<Reread, Vec<Fault>> + Send + Sync;

impl Files {
    /// Texts that are checked by `check`, together with what was made.
    pub fn new(
        check: impl Fn(&Made) -> Result<Reread, Vec<Fault>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(check))
    }

    /// Checks them, with what was made.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the two together.
    pub fn check(&self, made: &Made) -> Result<Reread, Vec<Fault>> {
        (self.0)(made)
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Files")
    }
}

/// Who waits to hear what came of it; nobody, where a signal asked.
type Reply = Option<oneshot::Sender<Told>>;

/// Who asked. Whoever asks while the configuration is being read may have changed it since: it is
/// read once more, for all of those.
#[derive(Debug)]
pub(super) struct Reloads<T> {
    done: mpsc::Sender<Result<T, Vec<String>>>,
    is_under_way: bool,
    served: Vec<Reply>,
    waiting: Vec<Reply>,
    counters: ReloadCounters,
}

/// What came of it so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReloadCounters {
    /// When the process started.
    pub(super) started: Time,
    /// When the configuration that runs was read.
    pub(super) loaded: Time,
    /// Times that it was read again, and taken.
    pub(super) applied: u64,
    /// Times that it had faults.
    pub(super) refused: u64,
}

/// Those who wait: as many as the API has connections. The next one is not answered.
const WAITING_MAX: usize = 256;

impl<T: Send + 'static> Reloads<T> {
    /// Nobody asked. What was read comes out of the receiver.
    pub(super) fn new() -> (Self, mpsc::Receiver<Result<T, Vec<String>>>) {
        let (done, read) = mpsc::channel(1);
        let now = clock::wall();
        let counters = ReloadCounters { started: now, loaded: now, applied: 0, refused: 0 };
        let (served, waiting) = (Vec::new(), Vec::new());
        (Self { done, is_under_way: false, served, waiting, counters }, read)
    }

    /// Somebody asks.
    pub(super) fn ask(&mut self, reply: Reply) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push(reply);
        }
    }

    /// Whether something is being read.
    pub(super) const fn is_under_way(&self) -> bool {
        self.is_under_way
    }

    /// Begins to read, if somebody asked and nothing is being read.
    pub(super) fn begin<F>(&mut self, prepare: impl FnOnce() -> F)
    where
        F: Future<Output = Result<T, Vec<String>>> + Send + 'static,
    {
        if self.is_under_way || self.waiting.is_empty() {
            return;
        }
        self.served = std::mem::take(&mut self.waiting);
        self.is_under_way = true;
        notify::reloading();
        let (done, prepared) = (self.done.clone(), prepare());
        tokio::spawn(async move {
            let prepared = caught(prepared).await.unwrap_or_else(|_| Err(vec![FAULT.to_owned()]));
            // The loop may have ended meanwhile.
            let _ = done.send(prepared).await;
        });
    }

    /// What was begun has come to its end, which is told to all who asked for it. To nothing, where this
    /// program failed while it took it: then nobody answers them, which says so.
    pub(super) fn end(&mut self, told: Option<&Told>) {
        self.is_under_way = false;
        notify::ready();
        if matches!(told, None | Some(Told::Invalid(_))) {
            self.counters.refused += 1;
        } else {
            self.counters.applied += 1;
            self.counters.loaded = clock::wall();
        }
        let served = std::mem::take(&mut self.served);
        let Some(told) = told else {
            return error!("the configuration was not reloaded: {HALF}");
        };
        for reply in served.into_iter().flatten() {
            // Who asked may have gone.
            let _ = reply.send(told.clone());
        }
    }

    /// What came of all so far.
    pub(super) const fn counters(&self) -> &ReloadCounters {
        &self.counters
    }
}

/// What is said of a reading that panicked.
const FAULT: &str = "this program failed while it read it";

/// What is said of one that this program failed at while it took it.
const HALF: &str = "this program failed while it took it, and may go by a part of it: the next reload takes all \
    of it anew, whatever has changed";

/// Does work that takes time on a thread of its own.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Vec<String>> + Send + 'static,
) -> Result<T, Vec<String>> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(vec![FAULT.to_owned()]))
}

/// Says what came of a reload; the same for those who asked.
pub(super) fn tell(
    result: Result<(&Comparison, &[String]), &[String]>,
    config_digest: &str,
) -> Told {
    match result {
        Ok((comparison, warnings)) => {
            let Comparison { changed, needs_restart } = comparison;
            warnings.iter().for_each(|warning| warn!("{warning}"));
            if comparison.is_empty() {
                info!("the configuration was read again: nothing changed");
            } else {
                info!(changed = %changed.join(", "), "the configuration was reloaded");
            }
            if !needs_restart.is_empty() {
                let keys = needs_restart.join(", ");
                warn!("stays as it was until a restart or a hand-over: {keys}");
            }
            told(&api::reload::Reloaded {
                changed: changed.clone(),
                needs_restart: needs_restart.clone(),
                warnings: warnings.to_vec(),
                config_digest: config_digest.to_owned(),
            })
        }
        Err(faults) => {
            for fault in faults {
                error!("the configuration was not reloaded, nothing changes: {fault}");
            }
            Told::Invalid(faults.to_vec())
        }
    }
}

fn told(document: &impl serde::Serialize) -> Told {
    // Plain data: there is nothing in it that JSON cannot say.
    let text = serde_json::to_string(document).unwrap_or_default();
    Told::Document(Document { text, revision: None })
}
