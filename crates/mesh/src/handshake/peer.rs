//! The side of an overwatch that dials another.

use super::{HandshakeFault, OverwatchIdentity, check_name, check_protocol};
use crate::frame::{Challenge, Frame, OverwatchId, PROTOCOL, PeerHello, Proof, Welcome};
use crate::peer::{KeyHash, Peer};
use crate::proof::{Binding, ProofKey, Role};

/// A session that an overwatch has begun with another.
#[derive(Debug)]
pub struct PeerHandshake {
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

/// What an overwatch that dialled does next.
#[derive(Debug, PartialEq)]
pub enum PeerStep {
    /// The other one has proven itself: send this, and pin `pin` to its address.
    Prove {
        /// The proof.
        send: Frame,
        /// The other one's key.
        pin: KeyHash,
    },
    /// The session stands.
    Welcomed {
        /// Who the other one is.
        overwatch_id: OverwatchId,
        /// What it said.
        welcome: Welcome,
    },
}

impl PeerHandshake {
    /// Begins a session; the frame is to be sent at once.
    ///
    /// # Errors
    ///
    /// An overwatch that shows another key than the one `pinned` for its address.
    pub fn start(
        overwatch_id: OverwatchId,
        peer: Peer,
        pinned: Option<KeyHash>,
    ) -> Result<(Self, Frame), HandshakeFault> {
        if let Some(pinned) = pinned.filter(|pinned| *pinned != peer.key) {
            return Err(HandshakeFault::OverwatchKeyChanged { pinned, seen: peer.key });
        }
        let hello = PeerHello { protocol: PROTOCOL, overwatch_id };
        let state = State::AwaitsChallenge { peer: Box::new(peer) };
        Ok((Self { state }, Frame::PeerHello(hello)))
    }

    /// Takes the other one's next frame.
    ///
    /// # Errors
    ///
    /// The session must end: the other one refused, or is not who it should be.
    pub fn on_frame(
        &mut self,
        frame: Frame,
        identity: &OverwatchIdentity,
    ) -> Result<PeerStep, HandshakeFault> {
        match (std::mem::replace(&mut self.state, State::Ended), frame) {
            (_, Frame::Refused(refusal)) => Err(HandshakeFault::Refused(refusal)),
            (State::AwaitsChallenge { peer }, Frame::Challenge(challenge)) => {
                let proof = prove(identity, &peer, &challenge)?;
                self.state = State::AwaitsWelcome { overwatch_id: challenge.overwatch_id };
                Ok(PeerStep::Prove { send: Frame::Proof(proof), pin: peer.key })
            }
            (State::AwaitsWelcome { overwatch_id }, Frame::Welcome(welcome)) => {
                Ok(PeerStep::Welcomed { overwatch_id, welcome })
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

/// Checks the other one's proofs and answers the first that holds.
fn prove(
    identity: &OverwatchIdentity,
    peer: &Peer,
    challenge: &Challenge,
) -> Result<Proof, HandshakeFault> {
    check_protocol(challenge.protocol)?;
    check_name(challenge.overwatch_id.as_str(), &peer.name)?;
    let binding = Binding {
        exporter: peer.exporter.clone(),
        agent_key: peer.own_key,
        overwatch_key: peer.key,
    };
    for key in identity.keys.iter().map(ProofKey::of_peer) {
        let holds = |mac| key.verifies(mac, Role::PeerDialled, &binding);
        if let Some((index, _)) = (0..).zip(&challenge.memberships).find(|(_, mac)| holds(*mac)) {
            return Ok(Proof { index, mac: key.mac(Role::PeerDialling, &binding) });
        }
    }
    Err(HandshakeFault::WrongPeerProof)
}

#[cfg(test)]
mod tests;
