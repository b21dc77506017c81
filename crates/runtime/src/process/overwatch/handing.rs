//! From one process to the next, both ends, as the loop sees them.

use std::time::Instant;

use ::overwatch::Event;
use latency::Position;
use model::{AgentId, Time};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use super::super::StartError;
use super::super::handover::giving::{Given, Request};
use super::super::handover::taking::Outcome;
use super::super::handover::wire::Expected;
use super::super::handover::{HandoverError, RESYNC_MAX};
use super::super::keeper::{Keeper, written};
use super::Process;
use super::opening::Taken;
use crate::http::Ask;
use crate::logs::chain;
use crate::notify;

/// The agents that a process waits for before it answers.
pub(super) struct Awaiting {
    agents: Vec<(AgentId, Option<Position>)>,
    /// How many these were, and how many of them had told what they learned.
    were: (usize, usize),
    until: Instant,
    /// To the process that still answers.
    answering: oneshot::Sender<()>,
    /// The store.
    keeper: Keeper,
    pid: u32,
    /// What operators want done meanwhile.
    held: Vec<Ask>,
}

/// What is held; as many as the API has connections. Who asks for more is told to ask again.
const HELD_MAX: usize = 256;

impl Awaiting {
    /// Waits for nothing where nobody was taken over from.
    pub(super) fn of(taken: Option<Taken>) -> (mpsc::Receiver<Outcome>, Option<Self>) {
        match taken {
            None => (mpsc::channel(1).1, None),
            Some(taken) => Self::new(taken),
        }
    }

    /// Waits for these, until they are there or not for longer than [`RESYNC_MAX`]. What becomes of
    /// the other process comes out of the receiver.
    fn new(Taken { taking, agents, keeper }: Taken) -> (mpsc::Receiver<Outcome>, Option<Self>) {
        let (to_outcomes, outcomes) = mpsc::channel(1);
        let pid = taking.pid();
        let agents = agents.into_iter().filter_map(|expected| {
            let position = expected.position.map(|(epoch, sequence)| Position { epoch, sequence });
            Some((expected.agent.parse().ok()?, position))
        });
        let agents: Vec<(AgentId, Option<Position>)> = agents.collect();
        let with_rows = agents.iter().filter(|(_, position)| position.is_some());
        let were = (agents.len(), with_rows.count());
        let (answering, until) = (taking.watch(to_outcomes), Instant::now() + RESYNC_MAX);
        (outcomes, Some(Self { agents, were, until, answering, keeper, pid, held: Vec::new() }))
    }

    /// Holds a word until this process answers: should it fail before, the other one goes on by what it knows,
    /// and would undo what somebody was told is done.
    pub(super) fn hold(&mut self, ask: Ask) {
        if self.held.len() < HELD_MAX {
            self.held.push(ask);
        }
    }
}

impl Process {
    /// The other process has a word for this one. The sender of the last word, if this one ends.
    pub(super) fn on_request(&mut self, request: Request) -> Option<oneshot::Sender<()>> {
        match request {
            Request::Write(reply) => {
                let kept = self.keeping.keep_now(Vec::new());
                // Who asked may have broken off.
                tokio::spawn(async move { drop(reply.send(written(kept.await))) });
                None
            }
            Request::Give(reply) => {
                // Who does not take it has broken off: there is nobody who goes on.
                if let Err(Ok(Given { keeper, .. })) = reply.send(self.give()) {
                    self.resume(Some(keeper));
                }
                None
            }
            Request::Resume(keeper) => {
                self.resume(keeper);
                None
            }
            Request::Leave(left) => Some(left),
        }
    }

    /// Stops all but DNS and own checks; nothing where the store is not here. Agents are cut off without
    /// a word: for this process they stay as they were, for as long as their own terms allow.
    fn give(&mut self) -> Result<Given, String> {
        let positions = self.node.positions(self.clock.now());
        if !self.keeping.is_open() {
            return Err("it has not got the store, or not back: try again".to_owned());
        }
        self.edges.give();
        self.dialling.end();
        self.give_rows();
        self.stop_sharing();
        let keeper = self.keeping.give().ok_or("it has not got the store")?;
        let agents = positions.into_iter().map(|(agent, position)| Expected {
            agent: agent.to_string(),
            position: position.map(|position| (position.epoch, position.sequence)),
        });
        Ok(Given { agents: agents.collect(), keeper })
    }

    /// Takes back what was given: nobody goes on.
    fn resume(&mut self, keeper: Option<Keeper>) {
        warn!("this process goes on");
        // Where it could not be closed. One that was is opened below: nobody wrote to it meanwhile.
        keeper.into_iter().for_each(|keeper| self.keeping.take_back(keeper));
        // Their connections were cut. An agent that comes back takes its own place again, and nobody
        // notices; of those that do not, it is told later.
        let links = std::mem::take(&mut self.connections).into_keys().collect();
        self.cut_off = Some((Instant::now() + RESYNC_MAX, links));
        if let Err(error) = self.edges.serve() {
            error!("agents and the API cannot be served again: {}", chain(&error));
        }
        self.dialling.read_pins(&self.running.config.identity.key_path);
        self.dial_again();
        self.edges.look_after_store(&self.running.config, &mut self.keeping);
        self.take_rows_back();
        if let Some(sharing) = &mut self.sharing {
            sharing.start();
        }
    }

    /// Tells of the connections that a hand-over cut, once their agents had time to come back.
    pub(super) fn look_after_cut_off(&mut self) {
        let is_due = |(until, _): &mut (Instant, _)| Instant::now() >= *until;
        if let Some((_, links)) = self.cut_off.take_if(is_due) {
            for link in links {
                self.handle(Event::LinkClosed { link, refusal: None });
            }
        }
    }

    /// Ends: another process answers.
    pub(super) async fn leave(mut self, left: oneshot::Sender<()>) {
        info!("handed over; the last answers go out");
        self.dns.leave().await;
        // Nobody has to hear it.
        let _ = left.send(());
        info!("overwatch stops");
    }

    /// Answers once all agents that were there have told what they had told, and it is in the maps;
    /// or once that has taken too long.
    pub(super) fn look_whether_all_are_back(&mut self) -> Result<(), StartError> {
        let Some(awaiting) = &mut self.awaiting else { return Ok(()) };
        let (node, now): (_, Time) = (&self.node, self.clock.now());
        awaiting.agents.retain(|(agent, position)| !node.has_caught_up(agent, *position, now));
        let (missing, is_late) = (awaiting.agents.len(), Instant::now() >= awaiting.until);
        if missing > 0 && !is_late {
            return Ok(());
        }
        // What was just told goes into the maps.
        self.handle(Event::Tick);
        if !self.node.is_compiled() && !is_late {
            return Ok(());
        }
        if is_late {
            warn!("{missing} agents that were there are not back; answering without them");
        }
        self.answer()
    }

    /// Answers from now on; the other process, if it is there, is told so.
    fn answer(&mut self) -> Result<(), StartError> {
        let Some(awaiting) = self.awaiting.take() else { return Ok(()) };
        let Awaiting { were: (agents, with_rows), answering, keeper, pid, held, .. } = awaiting;
        self.dns.serve()?;
        self.keeping.take_back(keeper);
        info!(
            "took over from process {pid}: {agents} agents awaited, {with_rows} of them with rows"
        );
        notify::followed_by(std::process::id());
        notify::ready();
        // Where it is gone there is nobody to tell.
        let _ = answering.send(());
        // Who hung up does not wait for it any more.
        for ask in held.into_iter().filter(|ask| !ask.reply.is_closed()) {
            self.step(|it| it.on_ask(ask));
        }
        Ok(())
    }

    /// What became of the other process.
    pub(super) fn on_outcome(&mut self, outcome: Outcome) -> Result<(), StartError> {
        match outcome {
            Outcome::TooLate => Err(HandoverError::TooLate.into()),
            Outcome::IsGone => {
                if self.awaiting.is_some() {
                    warn!("the process that was taken over from is gone; answering at once");
                }
                self.answer()
            }
        }
    }
}
