//! The session with one overwatch, from hello to goodbye.
//!
//! A report is sent, then its acknowledgement is awaited: at most one chunk is in flight, so a slow
//! overwatch slows the agent down and nothing piles up. What the overwatch has is one number; a
//! reconnect goes on from there, and an overwatch that forgot gets everything
//! (docs/decisions/0005-one-sequence-per-learner.md).

use std::net::IpAddr;

use latency::{Learner, Position};
use mesh::{
    AgentHandshake, AgentIdentity, DialStep, Frame, HandshakeFault, KeyHash, OverwatchId, Peer,
    Refusal, RefusalReason, Welcome,
};

use crate::{Effect, LinkId, Note};

/// Rows in one report: some 30 KiB on the wire, a few milliseconds of an overwatch's time, so that
/// a full resync of 100,000 rows neither holds up heartbeats nor takes long.
const REPORT_ROWS_MAX: usize = 4096;

/// One session.
#[derive(Debug)]
pub(crate) struct Link {
    id: LinkId,
    /// The address that was dialled.
    pub(crate) dialled: String,
    /// The key of whoever answers there.
    key: KeyHash,
    state: State,
    /// Addresses that this overwatch told not to learn from.
    pub(crate) exclude: Vec<IpAddr>,
}

#[derive(Debug)]
enum State {
    Proving(Box<AgentHandshake>),
    Speaking {
        overwatch_id: OverwatchId,
        /// For the log: the same with its address.
        overwatch: String,
        /// What the overwatch has of this epoch.
        acknowledged: u64,
        /// Whether a report awaits its acknowledgement.
        in_flight: bool,
    },
    Ended,
}

/// What a frame of the overwatch asks of the agent as a whole.
#[derive(Debug, PartialEq)]
pub(crate) enum Asked {
    /// Nothing.
    Nothing,
    /// The session stands now: the overwatch wants to know what is offered.
    Registration {
        /// Where the overwatch stands with this agent's reports.
        resume: Option<Position>,
        /// Other overwatches to talk to.
        peers: Vec<String>,
    },
    /// The list of excluded addresses changed.
    Lists {
        /// Other overwatches to talk to.
        peers: Vec<String>,
    },
    /// Something was acknowledged: more may be sent.
    More,
}

impl Link {
    /// Begins a session.
    pub(crate) fn open(
        id: LinkId,
        dialled: String,
        identity: AgentIdentity,
        peer: Peer,
        pinned: Option<KeyHash>,
        out: &mut Vec<Effect>,
    ) -> Option<Self> {
        let key = peer.key;
        match AgentHandshake::start(identity, peer, pinned) {
            Ok((handshake, hello)) => {
                out.push(Effect::Send { link: id, frame: hello });
                let state = State::Proving(Box::new(handshake));
                Some(Self { id, dialled, key, state, exclude: Vec::new() })
            }
            Err(fault) => {
                not_joined(id, &dialled, &fault, out);
                out.push(Effect::Close { link: id });
                None
            }
        }
    }

    /// Takes the overwatch's next frame. `epoch` is the agent's own.
    pub(crate) fn on_frame(&mut self, frame: Frame, epoch: u64, out: &mut Vec<Effect>) -> Asked {
        match (&mut self.state, frame) {
            (State::Proving(handshake), frame) => match handshake.on_frame(frame) {
                Ok(DialStep::Prove { send, pin }) => {
                    let dialled = self.dialled.clone();
                    out.push(Effect::Pin { link: self.id, dialled, key: pin });
                    out.push(Effect::Send { link: self.id, frame: send });
                    Asked::Nothing
                }
                Ok(DialStep::Welcomed { overwatch_id, welcome }) => {
                    self.welcomed(overwatch_id, welcome, epoch, out)
                }
                Err(fault) => {
                    not_joined(self.id, &self.dialled, &fault, out);
                    self.end(out);
                    Asked::Nothing
                }
            },
            (State::Speaking { .. }, Frame::Welcome(welcome)) => {
                self.exclude = welcome.exclude;
                Asked::Lists { peers: welcome.peers }
            }
            (State::Speaking { acknowledged, in_flight, .. }, Frame::Ack(position)) => {
                // An acknowledgement of an earlier life says nothing about this one.
                if position.epoch != epoch {
                    return Asked::Nothing;
                }
                *acknowledged = position.sequence;
                *in_flight = false;
                Asked::More
            }
            (State::Speaking { overwatch, in_flight, .. }, Frame::Refused(refusal)) => {
                // What was refused is tried again with the next publication, not at once.
                *in_flight = false;
                let overwatch = overwatch.clone();
                let ends = refusal.reason.ends_session();
                out.push(Effect::Log(Note::Refused { overwatch, refusal }));
                if ends {
                    self.end(out);
                }
                Asked::Nothing
            }
            (State::Speaking { overwatch, .. }, Frame::Goodbye) => {
                out.push(Effect::Log(Note::Left { overwatch: overwatch.clone() }));
                self.end(out);
                Asked::Nothing
            }
            (State::Speaking { overwatch, .. }, frame) => {
                let fault = format!("{} has no place here", frame.kind().as_str());
                out.push(Effect::Log(Note::Protocol { overwatch: overwatch.clone(), fault }));
                let reason = RefusalReason::UnexpectedFrame;
                let refusal = Refusal::new(reason, frame.kind().as_str());
                out.push(Effect::Send { link: self.id, frame: Frame::Refused(refusal) });
                self.end(out);
                Asked::Nothing
            }
            // Frames that were on their way when the session ended.
            (State::Ended, _) => Asked::Nothing,
        }
    }

    fn welcomed(
        &mut self,
        overwatch_id: OverwatchId,
        welcome: Welcome,
        epoch: u64,
        out: &mut Vec<Effect>,
    ) -> Asked {
        let overwatch = format!("{overwatch_id} at {}", self.dialled);
        let ours = welcome.resume.filter(|position| position.epoch == epoch);
        let acknowledged = ours.map_or(0, |position| position.sequence);
        out.push(Effect::Log(Note::Joined { overwatch: overwatch.clone(), resume: acknowledged }));
        self.state = State::Speaking { overwatch_id, overwatch, acknowledged, in_flight: false };
        self.exclude = welcome.exclude;
        Asked::Registration { resume: welcome.resume, peers: welcome.peers }
    }

    /// Whether the one that names itself to a new link is the one of this session, by way of another address.
    pub(crate) fn is_with(&self, new: &Self, who: &OverwatchId) -> bool {
        let (State::Speaking { overwatch_id, .. }, State::Proving(_)) = (&self.state, &new.state)
        else {
            return false;
        };
        (overwatch_id, self.key) == (who, new.key) && self.dialled != new.dialled
    }

    /// Sends a frame if the session stands.
    pub(crate) fn say(&self, frame: Frame, out: &mut Vec<Effect>) {
        if let State::Speaking { .. } = self.state {
            out.push(Effect::Send { link: self.id, frame });
        }
    }

    /// Sends the next chunk of what the overwatch lacks, unless one is in flight.
    pub(crate) fn report(&mut self, learner: &Learner, epoch: u64, out: &mut Vec<Effect>) {
        let State::Speaking { acknowledged, in_flight: in_flight @ false, .. } = &mut self.state
        else {
            return;
        };
        if let Some(report) = learner.report_after(*acknowledged, REPORT_ROWS_MAX) {
            *in_flight = true;
            out.push(Effect::Send { link: self.id, frame: Frame::Report { epoch, report } });
        }
    }

    /// Says goodbye and closes.
    pub(crate) fn leave(&mut self, out: &mut Vec<Effect>) {
        self.say(Frame::Goodbye, out);
        self.end(out);
    }

    /// Closes without a goodbye; the edge dials again.
    pub(crate) fn hang_up(&mut self, out: &mut Vec<Effect>) {
        self.end(out);
    }

    /// The connection broke; a line where a session had stood.
    pub(crate) fn broken(self) -> Option<Note> {
        match self.state {
            State::Speaking { overwatch, .. } => Some(Note::Left { overwatch }),
            State::Proving(_) | State::Ended => None,
        }
    }

    fn end(&mut self, out: &mut Vec<Effect>) {
        self.state = State::Ended;
        out.push(Effect::Close { link: self.id });
    }
}

/// Tells both sides why there will be no session.
fn not_joined(link: LinkId, dialled: &str, fault: &HandshakeFault, out: &mut Vec<Effect>) {
    if let Some(refusal) = fault.refusal() {
        out.push(Effect::Send { link, frame: Frame::Refused(refusal) });
    }
    let reason = match fault {
        // The peer's words say what to do already.
        HandshakeFault::Refused(refusal) => refusal.to_string(),
        fault => format!("{fault}: {}", fault.reason().sentence()),
    };
    out.push(Effect::Log(Note::NotJoined { overwatch: dialled.to_owned(), reason }));
}
