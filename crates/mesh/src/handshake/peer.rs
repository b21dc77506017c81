//! The side of an overwatch that dials another.

use super::dialling::{DialStep, Dialling};
use super::{HandshakeFault, OverwatchIdentity};
use crate::frame::{Challenge, Frame, OverwatchId, PROTOCOL, PeerHello, Proof};
use crate::peer::{KeyHash, Peer};
use crate::proof::{Binding, ProofKey, Role};

/// A session that an overwatch has begun with another.
#[derive(Debug)]
pub struct PeerHandshake {
    dialling: Dialling,
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
        let dialling = Dialling::start(peer, pinned)?;
        let hello = PeerHello { protocol: PROTOCOL, overwatch_id };
        Ok((Self { dialling }, Frame::PeerHello(hello)))
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
    ) -> Result<DialStep, HandshakeFault> {
        self.dialling.on_frame(frame, |binding, challenge| prove(identity, binding, challenge))
    }
}

/// Checks the other one's proofs and answers the first that holds.
fn prove(
    identity: &OverwatchIdentity,
    binding: &Binding,
    challenge: &Challenge,
) -> Result<Proof, HandshakeFault> {
    for key in identity.keys.iter().map(ProofKey::of_peer) {
        let holds = |mac| key.verifies(mac, Role::PeerDialled, binding);
        if let Some((index, _)) = (0..).zip(&challenge.memberships).find(|(_, mac)| holds(*mac)) {
            return Ok(Proof { index, mac: key.mac(Role::PeerDialling, binding) });
        }
    }
    Err(HandshakeFault::WrongPeerProof)
}

#[cfg(test)]
mod tests;
