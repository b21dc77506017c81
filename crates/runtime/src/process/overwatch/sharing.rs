//! What operators make where several overwatches share it: a change is worked out, decided about by etcd,
//! and only then carried out, here as at the others. See decision 59.
//!
//! One change is under way at a time. Whoever asks is answered once it is decided and kept here too; with etcd
//! gone they are told so at once. Answering DNS has nothing to do with any of it.
//!
//! - `standing`: how things stand with etcd, and what is said of that,
//! - `decided`: what came of a change,
//! - `local`: words about what is not shared,
//! - `heard`: what others changed.

mod standing;

mod decided;

mod local;

mod heard;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use ::overwatch::{Change, Command, Custody, Event, Said, Snapshot};
use config::OverwatchConfig;
use dns::NameBuf;
use model::Time;
use store::{Known, Proposal};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info, warn};

use self::decided::failed_here;
pub(in crate::process) use self::standing::SharingCounters;
pub(super) use self::standing::Standing;
use super::super::StartError;
use super::super::keeper::Keeping;
use super::Process;
use super::making::Wanted as Made;
use super::running::Prepared;
use crate::etcd::commit::{self, Outcome};
use crate::etcd::{Etcd, EtcdError, Following, News};
use crate::http::Told;
use crate::logs::chain;
use crate::panics::survived;
use crate::random;

/// Changes that wait: as many as the API has connections. The next one is refused.
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
    /// Lines about what was done here alone; they are in the store as well.
    lines: VecDeque<Wanted>,
    /// The number that the next one has there.
    next_line: u64,
    /// Whether the lines wait for the next tick.
    is_resting: bool,
    under_way: Option<UnderWay>,
    /// Changes that were sent: each has its number.
    sent: u64,
    /// Nothing is begun before this revision is known.
    wait_for: u64,
    /// What was made through the API as it runs here.
    pub(super) applied: String,
    /// What was made elsewhere and does not run yet.
    pub(super) to_apply: Option<String>,
    /// It did not fit as it was tried last: when it is tried again, and what was said of it.
    untaken: Option<(Instant, Vec<String>)>,
    pub(super) counters: SharingCounters,
    following: Option<Following>,
    /// How often it was followed; news of an earlier time than this start are none.
    starts: u64,
    /// Whether the news are of this start.
    is_hearing: bool,
    /// How the first rows are brought in.
    bringing: heard::Bringing,
    news: mpsc::Sender<News>,
    decisions: mpsc::Sender<Decision>,
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
    /// The line of what was done here alone, and when it was; by its number among those that wait.
    Line { number: u64, what: String, at: Time },
    /// What time has changed.
    Drift,
}

/// The change that etcd decides about.
struct UnderWay {
    number: u64,
    wanted: Wanted,
    proposal: Proposal,
}

/// What came of a change, by its number.
#[derive(Debug)]
pub(super) struct Decision {
    number: u64,
    decided: Result<Outcome, EtcdError>,
}

/// Where it comes from.
pub(super) struct Sources {
    pub(super) news: mpsc::Receiver<News>,
    pub(super) decisions: mpsc::Receiver<Decision>,
}

/// As configured; nothing where nothing is shared.
pub(super) fn of(
    config: &OverwatchConfig,
    (kept, keeping): (&mut Snapshot, &mut Keeping),
    now: Time,
) -> Result<(Option<Sharing>, Sources), StartError> {
    let Some(settings) = &config.etcd else {
        keeping.keep(local::take_home(kept));
        let silent = Sources { news: mpsc::channel(1).1, decisions: mpsc::channel(1).1 };
        return Ok((None, silent));
    };
    let etcd = Etcd::new(settings, &config.identity.node_id).map_err(StartError::Etcd)?;
    let (mut sharing, sources) = Sharing::new(etcd, kept, now);
    sharing.remember_lines(std::mem::take(&mut kept.unshared));
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
            lines: VecDeque::new(),
            next_line: 0,
            is_resting: false,
            under_way: None,
            sent: 0,
            wait_for: 0,
            applied: kept.made.clone(),
            to_apply: None,
            untaken: None,
            counters: SharingCounters::default(),
            following: None,
            starts: 0,
            is_hearing: false,
            bringing: heard::Bringing::new(),
            news,
            decisions,
        };
        (sharing, Sources { news: heard, decisions: decided })
    }

    /// Follows etcd from now on.
    pub(super) fn start(&mut self) {
        self.starts += 1;
        self.following = Some(Following::start(&self.etcd, &self.news, self.starts));
    }

    /// Leaves etcd to another process.
    fn stop(&mut self, now: Time) {
        self.following = None;
        self.is_hearing = false;
        if let Some(lease) = self.lease.take() {
            let etcd = Arc::clone(&self.etcd);
            tokio::spawn(async move { etcd.give_back(lease).await });
        }
        let why = "another process takes over".to_owned();
        self.standing = Standing::Away { since: now, why };
    }

    /// What is next. Lines wait where nothing can be changed; all else is told so.
    fn next_wanted(&mut self) -> Option<Wanted> {
        let is_their_time = self.refusal().is_none() && !self.is_resting;
        let line = if is_their_time { self.lines.pop_front() } else { None };
        line.or_else(|| self.waiting.pop_front())
    }
}

impl Process {
    /// Leaves etcd to another process, and says so to whoever waits: nobody else will.
    pub(super) fn stop_sharing(&mut self) {
        let now = self.clock.now();
        let Some(sharing) = &mut self.sharing else { return };
        sharing.stop(now);
        let (waiting, under_way) = (std::mem::take(&mut sharing.waiting), sharing.under_way.take());
        if let Some(UnderWay { wanted, .. }) = under_way {
            let why =
                "another process takes over while etcd is asked: whether that is done shows there";
            self.end_shared(wanted, Told::StoreAway(why.to_owned()));
        }
        for wanted in waiting {
            let why = "nothing was changed: another process takes over".to_owned();
            self.end_shared(wanted, Told::StoreAway(why));
        }
        let lines = self.sharing.as_ref().map_or(0, |sharing| sharing.lines.len());
        if lines > 0 {
            info!("{lines} lines about agents wait in the store for etcd");
        }
    }

    /// Looks after what waits for its time.
    pub(super) fn look_after_shared(&mut self) {
        if let Some(sharing) = &mut self.sharing {
            sharing.is_resting = false;
        }
        self.share_next();
        self.share_drift();
        self.take_again();
    }

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
    fn share_drift(&mut self) {
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
        if sharing.waiting.len() >= WAITING_MAX {
            sharing.counters.refused += 1;
            let why = format!("nothing was changed: {WAITING_MAX} changes wait for etcd already");
            return self.end_shared(wanted, Told::StoreAway(why));
        }
        sharing.waiting.push_back(wanted);
        self.share_next();
    }

    /// Begins the next change that nothing speaks against, unless one is under way.
    pub(super) fn share_next(&mut self) {
        while let Some(sharing) = &mut self.sharing
            && sharing.under_way.is_none()
            && (sharing.known.revision() >= sharing.wait_for || sharing.refusal().is_some())
            && let Some(wanted) = sharing.next_wanted()
        {
            if let Some(why) = sharing.refusal() {
                sharing.counters.refused += 1;
                self.end_shared(wanted, Told::StoreAway(why));
                continue;
            }
            // Whoever waits is told of a fault; a change that was made through the API leaves room for the next.
            match survived(|| self.work_out(&wanted)).unwrap_or_else(|| Err(failed_here())) {
                Ok(changes) if changes.is_empty() => {
                    if let What::Line { number, .. } = wanted.what {
                        self.forget_line(number);
                    }
                }
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
            What::Line { what, at, .. } => {
                let is_there = self.sharing.as_ref().is_some_and(|s| s.has_line(what, *at));
                Ok(if is_there { Vec::new() } else { node.draft_line(what, said, *at) })
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
        sharing.sent += 1;
        let number = sharing.sent;
        sharing.under_way = Some(UnderWay { number, wanted, proposal });
        tokio::spawn(async move {
            let decided = commit::commit(&etcd, &rows, lease).await;
            // The loop may have ended meanwhile.
            let _ = decisions.send(Decision { number, decided }).await;
        });
    }

    /// A change came to nothing.
    fn end_shared(&mut self, wanted: Wanted, told: Told) {
        if let (What::Line { .. }, Some(sharing)) = (&wanted.what, &mut self.sharing) {
            if let Some(number) = sharing.put_line_back(wanted, &told) {
                self.forget_line(number);
            }
            return;
        }
        match (wanted.what, wanted.reply) {
            (What::Made(..), _) => self.end_making(told),
            // Who asked may have gone.
            (_, Some(reply)) => drop(reply.send(told)),
            (What::Keys(zone), None) => warn!("no keys were made for {zone}: {}", told.why()),
            (_, None) if matches!(told, Told::TooMuch(_)) => {
                warn!("what time changed is not shared: {}", told.why());
            }
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

#[cfg(test)]
mod tests;
