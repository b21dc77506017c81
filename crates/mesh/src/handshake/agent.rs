//! The agent's side of a session's beginning.

use model::{AgentId, Region, Service};

use super::HandshakeFault;
use super::dialling::{DialStep, Dialling};
use crate::frame::{Challenge, Frame, Hello, PROTOCOL, Proof};
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
    identity: Box<AgentIdentity>,
    dialling: Dialling,
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
        let dialling = Dialling::start(peer, pinned)?;
        let hello = Hello {
            protocol: PROTOCOL,
            agent_id: identity.agent_id.clone(),
            epoch: identity.epoch,
            service: identity.service.clone(),
            region: Some(identity.region.clone()),
        };
        Ok((Self { identity: Box::new(identity), dialling }, Frame::Hello(hello)))
    }

    /// Takes the overwatch's next frame.
    ///
    /// # Errors
    ///
    /// The session must end: the peer refused, or is not who it should be.
    pub fn on_frame(&mut self, frame: Frame) -> Result<DialStep, HandshakeFault> {
        let Self { identity, dialling } = self;
        dialling.on_frame(frame, |binding, challenge| prove(identity, binding, challenge))
    }
}

/// Checks the overwatch's proofs and answers the first that holds.
fn prove(
    identity: &AgentIdentity,
    binding: &Binding,
    challenge: &Challenge,
) -> Result<Proof, HandshakeFault> {
    for mesh_key in identity.keys.iter() {
        for token in &identity.tokens {
            let key = ProofKey::of_token(mesh_key, token, &identity.service);
            let holds = |mac| key.verifies(mac, Role::Overwatch, binding);
            if let Some((index, _)) = (0..).zip(&challenge.proofs).find(|(_, mac)| holds(*mac)) {
                return Ok(Proof { index, mac: key.mac(Role::Agent, binding) });
            }
        }
    }
    let is_member = identity.keys.iter().map(ProofKey::of_member).any(|key| {
        let mut macs = challenge.memberships.iter();
        macs.any(|mac| key.verifies(mac, Role::OverwatchMember, binding))
    });
    Err(if is_member { HandshakeFault::WrongToken } else { HandshakeFault::WrongMeshKey })
}
