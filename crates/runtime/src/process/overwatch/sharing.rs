//! What operators make where several overwatches share it: a change is worked out, decided about by etcd,
//! and only then carried out, here as at the others. See decision 59.
//!
//! One change is under way at a time. Whoever asks is answered once it is decided and kept here too; with etcd
//! gone they are told so at once. Answering DNS has nothing to do with any of it.
//!
//! - `heard`: what others changed.

mod heard;

use std::collections::VecDeque;
use std::sync::Arc;

use ::overwatch::{Change, Command, Custody, Event, Said, Snapshot};
use config::OverwatchConfig;
use dns::NameBuf;
use model::Time;
use store::{Known, Proposal};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, warn};

use super::super::StartError;
use super::super::numbers::Shared;
use super::Process;
use super::edges::access_of;
use super::making::Wanted as Made;
use super::running::Prepared;
use crate::etcd::commit::{self, Outcome};
use crate::etcd::{Etcd, EtcdError, Following, News};
use crate::http::Told;
use crate::logs::chain;
use crate::random;

/// Changes that wait: as many as the API has connections. The next one is not answered.
const WAITING_MAX: usize = 256;
/// News that wait for the loop; past it etcd waits.
const QUEUE_NEWS: usize = 64;
/// How often a change is worked out again whose line took a number that was just given to another's. With
/// several overwatches that are told things all the time it is one or two.
const TRIES_MAX: usize = 16;

/// What is shared, and how far.
pub(super) struct Sharing {
    etcd: Arc<Etcd>,
    pub(super) known: Known,
    pub(super) standing: Standing,
    /// The lease that makes this one the holder.
    pub(super) lease: Option<u64>,
    waiting: VecDeque<Wanted>,
    under_way: Option<(Wanted, Proposal)>,
    /// Nothing is begun before this revision is known.
    wait_for: u64,
    /// What was made through the API as it runs here.
    pub(super) applied: String,
    /// What was made elsewhere and does not run yet.
    pub(super) to_apply: Option<String>,
    pub(super) counters: SharingCounters,
    following: Option<Following>,
    news: mpsc::Sender<News>,
    decisions: mpsc::Sender<Decision>,
}

/// How things stand with etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// All that is there is known here.
    InStep,
    /// It is not followed.
    Away {
        /// Since when.
        since: Time,
        /// Why.
        why: String,
    },
}

/// What happened so far. Only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::process) struct SharingCounters {
    /// Changes of this overwatch that were taken.
    pub(in crate::process) done: u64,
    /// Those that another one was first at.
    pub(in crate::process) lost: u64,
    /// Those that were refused since etcd was not there.
    pub(in crate::process) refused: u64,
    /// Rows that others changed.
    pub(in crate::process) heard: u64,
}

/// A change, and who waits for it.
struct Wanted {
    what: What,
    said: Said,
    expected: Option<u64>,
    reply: Option<oneshot::Sender<Told>>,
    tries: usize,
}

/// What is to be changed.
enum What {
    /// An operator's word.
    Word(Command),
    /// What was made through the API: the configuration that it makes, the document that it was made
    /// of, and the line.
    Made(Box<Prepared>, String, String),
    /// Keys of a zone.
    Keys(NameBuf),
    /// What time has changed.
    Drift,
}

/// What came of the change under way.
#[derive(Debug)]
pub(super) struct Decision(Result<Outcome, EtcdError>);

/// Where it comes from.
pub(super) struct Sources {
    pub(super) news: mpsc::Receiver<News>,
    pub(super) decisions: mpsc::Receiver<Decision>,
}

/// As configured; nothing where nothing is shared.
pub(super) fn of(
    config: &OverwatchConfig,
    kept: &Snapshot,
    now: Time,
) -> Result<(Option<Sharing>, Sources), StartError> {
    let Some(settings) = &config.etcd else {
        let silent = Sources { news: mpsc::channel(1).1, decisions: mpsc::channel(1).1 };
        return Ok((None, silent));
    };
    let etcd = Etcd::new(settings, &config.identity.node_id).map_err(StartError::Etcd)?;
    let (sharing, sources) = Sharing::new(etcd, kept, now);
    Ok((Some(sharing), sources))
}

impl Sharing {
    /// With what was kept of an earlier life; nothing is asked of etcd yet.
    pub(super) fn new(etcd: Etcd, kept: &Snapshot, now: Time) -> (Self, Sources) {
        let (news, heard) = mpsc::channel(QUEUE_NEWS);
        let (decisions, decided) = mpsc::channel(1);
        let why = format!("{} was not reached yet", etcd.names());
        let sharing = Self {
            etcd: Arc::new(etcd),
            known: Known::new(kept),
            standing: Standing::Away { since: now, why },
            lease: None,
            waiting: VecDeque::new(),
            under_way: None,
            wait_for: 0,
            applied: kept.made.clone(),
            to_apply: None,
            counters: SharingCounters::default(),
            following: None,
            news,
            decisions,
        };
        (sharing, Sources { news: heard, decisions: decided })
    }

    /// Follows etcd from now on.
    pub(super) fn start(&mut self) {
        self.following = Some(Following::start(&self.etcd, &self.news));
    }

    /// Leaves etcd to another process; whoever waits is not answered by this one.
    pub(super) fn stop(&mut self, now: Time) {
        self.following = None;
        self.waiting.clear();
        self.under_way = None;
        if let Some(lease) = self.lease.take() {
            let etcd = Arc::clone(&self.etcd);
            tokio::spawn(async move { etcd.give_back(lease).await });
        }
        let why = "another process takes over".to_owned();
        self.standing = Standing::Away { since: now, why };
    }

    /// What is said of etcd where something asks: a line, and whether all is well.
    pub(super) fn status(&self) -> api::status::SharedStore {
        let holder = self.lease.is_some();
        match &self.standing {
            Standing::InStep => {
                api::status::SharedStore { in_step: true, since: None, why: None, holder }
            }
            Standing::Away { since, why } => api::status::SharedStore {
                in_step: false,
                since: Some(since.to_rfc3339()),
                why: Some(why.clone()),
                holder,
            },
        }
    }

    /// What is counted, for the page of metrics.
    pub(super) fn numbers(&self) -> Shared {
        Shared {
            is_in_step: self.standing == Standing::InStep,
            is_holder: self.lease.is_some(),
            revision: self.known.revision(),
            counters: self.counters,
        }
    }

    /// Why nothing can be changed now.
    fn refusal(&self) -> Option<String> {
        match &self.standing {
            Standing::InStep => None,
            Standing::Away { since, why } => Some(format!(
                "nothing was changed: etcd is not reached since {}: {why}. Answers go on by what is known",
                since.to_rfc3339()
            )),
        }
    }
}

impl Process {
    /// Has an operator's word decided about.
    pub(super) fn share_word(
        &mut self,
        command: Command,
        (said, expected): (Said, Option<u64>),
        reply: oneshot::Sender<Told>,
    ) {
        let what = What::Word(command);
        self.share(Wanted { what, said, expected, reply: Some(reply), tries: 0 });
    }

    /// Has a configuration decided about that was checked.
    pub(super) fn share_made(&mut self, prepared: Prepared, base: String, line: String) {
        let Some(Made { said, expected, .. }) = self.making.under_way.as_ref() else { return };
        let (said, expected) = (said.clone(), *expected);
        let what = What::Made(Box::new(prepared), base, line);
        self.share(Wanted { what, said, expected, reply: None, tries: 0 });
    }

    /// Has keys of a zone decided about, that are to be made.
    pub(super) fn share_keys(&mut self, zone: NameBuf) {
        let said = Said::default();
        self.share(Wanted { what: What::Keys(zone), said, expected: None, reply: None, tries: 0 });
    }

    /// Brings to the others what time has changed, where this one is to do that.
    pub(super) fn share_drift(&mut self) {
        let Some(sharing) = &self.sharing else { return };
        let is_idle = sharing.under_way.is_none() && sharing.waiting.is_empty();
        if !is_idle || sharing.lease.is_none() || sharing.standing != Standing::InStep {
            return;
        }
        if !self.node.drift(sharing.known.rows(), self.clock.now()).is_empty() {
            let said = Said::default();
            self.share(Wanted { what: What::Drift, said, expected: None, reply: None, tries: 0 });
        }
    }

    fn share(&mut self, wanted: Wanted) {
        let Some(sharing) = &mut self.sharing else { return };
        if sharing.waiting.len() < WAITING_MAX {
            sharing.waiting.push_back(wanted);
        }
        self.share_next();
    }

    /// Begins the next change that nothing speaks against, unless one is under way.
    pub(super) fn share_next(&mut self) {
        while let Some(sharing) = &mut self.sharing
            && sharing.under_way.is_none()
            && (sharing.known.revision() >= sharing.wait_for || sharing.refusal().is_some())
            && let Some(wanted) = sharing.waiting.pop_front()
        {
            if let Some(why) = sharing.refusal() {
                sharing.counters.refused += 1;
                self.end_shared(wanted, Told::StoreAway(why));
                continue;
            }
            match self.work_out(&wanted) {
                Ok(changes) if changes.is_empty() => {}
                Ok(changes) => self.send(wanted, changes),
                Err(told) => self.end_shared(wanted, told),
            }
        }
    }

    /// What a change comes to, by what is known now.
    fn work_out(&self, wanted: &Wanted) -> Result<Vec<Change>, Told> {
        let (node, now, said) = (&self.node, self.clock.now(), &wanted.said);
        let revision = node.revision();
        if wanted.expected.is_some_and(|expected| expected != revision) {
            return Err(Told::Changed(revision));
        }
        match &wanted.what {
            What::Word(command) => node.draft(command, said, now).map_err(Told::Objected),
            What::Made(prepared, base, line) => {
                let is_same = |sharing: &Sharing| sharing.known.rows().made == *base;
                if !self.sharing.as_ref().is_some_and(is_same) {
                    return Err(Told::Lost);
                }
                let mut changes = vec![Change::PutMade(prepared.running.made.to_document())];
                changes.extend(node.draft_line(line, said, now));
                Ok(changes)
            }
            What::Keys(zone) => Ok(node.draft_keys(zone.as_name(), random::secrets(), now)),
            What::Drift => {
                Ok(self.sharing.as_ref().map_or_else(Vec::new, |s| node.drift(s.known.rows(), now)))
            }
        }
    }

    fn send(&mut self, wanted: Wanted, changes: Vec<Change>) {
        let Some(sharing) = &mut self.sharing else { return };
        let proposal = match sharing.known.propose(changes) {
            Ok(proposal) if proposal.rows.len() <= commit::ROWS_MAX => proposal,
            Ok(proposal) => {
                let (rows, most) = (proposal.rows.len(), commit::ROWS_MAX);
                let why =
                    format!("nothing was changed: {rows} rows at once, and etcd takes {most}");
                return self.end_shared(wanted, Told::TooMuch(why));
            }
            Err(fault) => {
                let why = format!("nothing was changed: {}", chain(fault.as_ref()));
                return self.end_shared(wanted, Told::TooMuch(why));
            }
        };
        // What operators say needs no holder.
        let lease = sharing.lease.filter(|_| matches!(wanted.what, What::Keys(_) | What::Drift));
        let (etcd, decisions) = (Arc::clone(&sharing.etcd), sharing.decisions.clone());
        let rows = proposal.rows.clone();
        sharing.under_way = Some((wanted, proposal));
        tokio::spawn(async move {
            let decided = commit::commit(&etcd, &rows, lease).await;
            // The loop may have ended meanwhile.
            let _ = decisions.send(Decision(decided)).await;
        });
    }

    /// It was decided about the change under way.
    pub(super) fn on_decision(&mut self, Decision(decided): Decision) {
        let Some(sharing) = &mut self.sharing else { return };
        // Nobody waits for it where the process was about to be left meanwhile.
        let Some((wanted, proposal)) = sharing.under_way.take() else { return };
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
        self.share_next();
    }

    /// What whoever waits is told of a change that failed.
    fn failed(&mut self, error: &EtcdError) -> Told {
        if let Some(sharing) = &mut self.sharing {
            sharing.counters.refused += 1;
        }
        let why = chain(error);
        Told::StoreAway(match error {
            EtcdError::Silent { .. } | EtcdError::Nonsense { .. } => format!(
                "etcd went while it was asked: {why}. Whether that was done shows as soon as it is back"
            ),
            _ => format!("nothing was changed: etcd says no, or is not reached: {why}"),
        })
    }

    /// A change was taken: carries it out, and answers.
    fn carry_out_shared(&mut self, wanted: Wanted, changes: Vec<Change>) {
        let Wanted { what, said, reply, .. } = wanted;
        match what {
            What::Word(command) => {
                if command.is_of_this_overwatch() {
                    self.handle(Event::Command { command, said });
                }
                self.take_in(changes);
                if let Some(reply) = reply {
                    self.answer_when_kept(reply, Told::Done);
                }
            }
            What::Made(prepared, ..) => {
                let document = prepared.running.made.to_document();
                if let Some(sharing) = &mut self.sharing {
                    sharing.applied = document;
                }
                self.take_in(changes);
                self.apply_made(*prepared);
            }
            What::Keys(_) | What::Drift => self.take_in(changes),
        }
    }

    /// Rows that were decided about are so from now on.
    fn take_in(&mut self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        let is_token = |c: &Change| matches!(c, Change::PutToken(_) | Change::RemoveToken(_));
        let is_about_tokens = changes.iter().any(is_token);
        self.handle(Event::Shared(changes));
        if is_about_tokens {
            self.edges.allow(access_of(&self.running.config, self.node.tokens()));
        }
    }

    /// A change came to nothing.
    fn end_shared(&mut self, wanted: Wanted, told: Told) {
        match (wanted.what, wanted.reply) {
            (What::Made(..), _) => self.end_making(told),
            // Who asked may have gone.
            (_, Some(reply)) => drop(reply.send(told)),
            (What::Keys(zone), None) => warn!("no keys were made for {zone}: {}", told.why()),
            (_, None) => debug!("what time changed is not shared yet: {}", told.why()),
        }
    }

    /// Who looks after the rows follows from the lease.
    fn settle_custody(&mut self) {
        let Some(sharing) = &self.sharing else { return };
        let is_holding = sharing.lease.is_some() && sharing.standing == Standing::InStep;
        let custody = if is_holding { Custody::Holds } else { Custody::Waits };
        self.handle(Event::Custody(custody));
    }
}
