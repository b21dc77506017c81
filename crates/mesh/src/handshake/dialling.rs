//! The side of a session that dialled, agent or overwatch: after its hello it awaits a challenge, then a
//! welcome. What it proves is not known here.

use super::{HandshakeFault, check_name, check_protocol};
use crate::frame::{Challenge, Frame, OverwatchId, Proof, Welcome};
use crate::peer::{KeyHash, Peer};
use crate::proof::Binding;

/// A session that was begun.
#[derive(Debug)]
pub(super) struct Dialling {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Hello was sent.
    AwaitsChallenge { peer: Box<Peer> },
    /// Proof was sent.
    AwaitsWelcome { overwatch_id: OverwatchId },
    /// Over, one way or the other.
    Ended,
}

/// What the side that dialled does next.
#[derive(Debug, PartialEq)]
pub enum DialStep {
    /// The overwatch has proven itself: send this, and pin `pin` to its address. From here on its
    /// frames may be long.
    Prove {
        /// The proof.
        send: Frame,
        /// The overwatch's key.
        pin: KeyHash,
    },
    /// The session stands.
    Welcomed {
        /// Who the overwatch is.
        overwatch_id: OverwatchId,
        /// What it said.
        welcome: Welcome,
    },
}

impl Dialling {
    /// With an overwatch that shows the key that is pinned for its address, if one is.
    pub(super) fn start(peer: Peer, pinned: Option<KeyHash>) -> Result<Self, HandshakeFault> {
        if let Some(pinned) = pinned.filter(|pinned| *pinned != peer.key) {
            return Err(HandshakeFault::OverwatchKeyChanged { pinned, seen: peer.key });
        }
        Ok(Self { state: State::AwaitsChallenge { peer: Box::new(peer) } })
    }

    /// Takes the overwatch's next frame; `prove` checks its proofs and answers the first that holds.
    pub(super) fn on_frame(
        &mut self,
        frame: Frame,
        prove: impl FnOnce(&Binding, &Challenge) -> Result<Proof, HandshakeFault>,
    ) -> Result<DialStep, HandshakeFault> {
        match (std::mem::replace(&mut self.state, State::Ended), frame) {
            (_, Frame::Refused(refusal)) => Err(HandshakeFault::Refused(refusal)),
            (State::AwaitsChallenge { peer }, Frame::Challenge(challenge)) => {
                check_protocol(challenge.protocol)?;
                check_name(challenge.overwatch_id.as_str(), &peer.name)?;
                let Peer { exporter, key, own_key, .. } = *peer;
                let binding = Binding { exporter, agent_key: own_key, overwatch_key: key };
                let proof = prove(&binding, &challenge)?;
                self.state = State::AwaitsWelcome { overwatch_id: challenge.overwatch_id };
                Ok(DialStep::Prove { send: Frame::Proof(proof), pin: key })
            }
            (State::AwaitsWelcome { overwatch_id }, Frame::Welcome(welcome)) => {
                Ok(DialStep::Welcomed { overwatch_id, welcome })
            }
            (state, frame) => Err(HandshakeFault::Unexpected {
                got: frame.kind(),
                awaited: match state {
                    State::AwaitsChallenge { .. } => "a challenge",
                    State::AwaitsWelcome { .. } => "a welcome",
                    State::Ended => "nothing more",
                },
            }),
        }
    }
}
