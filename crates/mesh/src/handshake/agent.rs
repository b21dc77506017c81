//! The agent's side of a session's beginning.

use model::{AgentId, Region, Service};

use super::{HandshakeFault, check_name, check_protocol};
use crate::frame::{Challenge, Frame, Hello, OverwatchId, PROTOCOL, Proof, Welcome};
use crate::peer::{KeyHash, Peer};
use crate::proof::{Binding, ProofKey, Role};
use crate::secret::{MeshKeys, TokenSecret};

/// Who an agent is and what it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentIdentity {
    /// Its id, as in its certificate.
    pub agent_id: AgentId,
    /// Grows with each start.
    pub epoch: u64,
    /// One service it will claim.
    pub service: Service,
    /// The site it stands in.
    pub region: Region,
    /// The mesh keys it knows.
    pub keys: MeshKeys,
    /// Its service tokens: one, or two while it is being changed.
    pub tokens: Vec<TokenSecret>,
}

/// A session that an agent has begun.
#[derive(Debug)]
pub struct AgentHandshake {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Hello was sent.
    AwaitsChallenge { identity: Box<AgentIdentity>, peer: Box<Peer> },
    /// Proof was sent.
    AwaitsWelcome { overwatch_id: OverwatchId },
    /// Over, one way or the other.
    Ended,
}

/// What an agent does next.
#[derive(Debug, PartialEq)]
pub enum AgentStep {
    /// The overwatch has proven itself: send this, and pin `pin` to its address. From here on its
    /// frames may be long.
    Prove {
        /// The agent's proof.
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

impl AgentHandshake {
    /// Begins a session with an overwatch; the frame is to be sent at once.
    ///
    /// # Errors
    ///
    /// An overwatch that shows another key than the one `pinned` for its address.
    pub fn start(
        identity: AgentIdentity,
        peer: Peer,
        pinned: Option<KeyHash>,
    ) -> Result<(Self, Frame), HandshakeFault> {
        if let Some(pinned) = pinned.filter(|pinned| *pinned != peer.key) {
            return Err(HandshakeFault::OverwatchKeyChanged { pinned, seen: peer.key });
        }
        let hello = Hello {
            protocol: PROTOCOL,
            agent_id: identity.agent_id.clone(),
            epoch: identity.epoch,
            service: identity.service.clone(),
            region: Some(identity.region.clone()),
        };
        let (identity, peer) = (Box::new(identity), Box::new(peer));
        Ok((Self { state: State::AwaitsChallenge { identity, peer } }, Frame::Hello(hello)))
    }

    /// Takes the overwatch's next frame.
    ///
    /// # Errors
    ///
    /// The session must end: the peer refused, or is not who it should be.
    pub fn on_frame(&mut self, frame: Frame) -> Result<AgentStep, HandshakeFault> {
        match (std::mem::replace(&mut self.state, State::Ended), frame) {
            (_, Frame::Refused(refusal)) => Err(HandshakeFault::Refused(refusal)),
            (State::AwaitsChallenge { identity, peer }, Frame::Challenge(challenge)) => {
                let proof = prove(&identity, &peer, &challenge)?;
                self.state = State::AwaitsWelcome { overwatch_id: challenge.overwatch_id };
                Ok(AgentStep::Prove { send: Frame::Proof(proof), pin: peer.key })
            }
            (State::AwaitsWelcome { overwatch_id }, Frame::Welcome(welcome)) => {
                Ok(AgentStep::Welcomed { overwatch_id, welcome })
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

/// Checks the overwatch's proofs and answers the first that holds.
fn prove(
    identity: &AgentIdentity,
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
    for mesh_key in identity.keys.iter() {
        for token in &identity.tokens {
            let key = ProofKey::of_token(mesh_key, token, &identity.service);
            let holds = |mac| key.verifies(mac, Role::Overwatch, &binding);
            if let Some((index, _)) = (0..).zip(&challenge.proofs).find(|(_, mac)| holds(*mac)) {
                return Ok(Proof { index, mac: key.mac(Role::Agent, &binding) });
            }
        }
    }
    let is_member = identity.keys.iter().map(ProofKey::of_member).any(|key| {
        let mut macs = challenge.memberships.iter();
        macs.any(|mac| key.verifies(mac, Role::OverwatchMember, &binding))
    });
    Err(if is_member { HandshakeFault::WrongToken } else { HandshakeFault::WrongMeshKey })
}
