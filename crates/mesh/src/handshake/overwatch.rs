//! The overwatch's side of a session's beginning.

use model::{AgentId, Service};

use super::{HandshakeFault, check_name, check_protocol};
use crate::authority::{Authority, Grant};
use crate::frame::{Challenge, Frame, Hello, OverwatchId, PROTOCOL, PeerHello, Proof};
use crate::peer::{KeyHash, Peer};
use crate::proof::{Binding, ProofKey, Role};
use crate::secret::{MeshKeys, Tokens};

/// Who an overwatch is and what it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverwatchIdentity {
    /// Its id, as in its certificate.
    pub overwatch_id: OverwatchId,
    /// The mesh keys it knows.
    pub keys: MeshKeys,
    /// All tokens it accepts.
    pub tokens: Tokens,
}

/// A session that somebody has begun with an overwatch.
#[derive(Debug)]
pub struct OverwatchHandshake {
    binding: Binding,
    peer_name: String,
    peer_key: KeyHash,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was said yet.
    AwaitsHello,
    /// The challenge was sent; the candidates stand in the order of its proofs. They are kept, so
    /// that a change of secrets in between cannot mix them up.
    AwaitsProof { hello: Hello, candidates: Vec<Candidate> },
    /// The same to another overwatch; a candidate for each mesh key.
    AwaitsPeerProof { overwatch_id: OverwatchId, candidates: Vec<ProofKey> },
    /// Over, one way or the other.
    Ended,
}

/// One pair of mesh key and token that the agent may know.
#[derive(Debug)]
struct Candidate {
    key: ProofKey,
    authority: Authority,
}

/// What an overwatch does next.
#[derive(Debug, PartialEq)]
pub enum OverwatchStep {
    /// Send this.
    Send(Frame),
    /// The agent has proven itself. Whether it is welcome is the registry's to say; it awaits a
    /// `Welcome` or a `Refused`.
    Proven(ProvenAgent),
    /// Another overwatch has: it is to be told what agents said, and believed in nothing. It awaits a
    /// `Welcome`.
    ProvenPeer(ProvenPeer),
}

/// An overwatch that dialled this one, knows a mesh key and holds its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenPeer {
    /// What it calls itself.
    pub overwatch_id: OverwatchId,
    /// Its public key.
    pub key: KeyHash,
}

/// An agent that knows a mesh key and a token, and holds its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenAgent {
    /// Its id. Proven is only that it knows the token: two agents of one service could show one id,
    /// so the registry compares the key.
    pub agent_id: AgentId,
    /// Its public key.
    pub key: KeyHash,
    /// Grows with each of its starts.
    pub epoch: u64,
    /// The service it named.
    pub service: Service,
    /// What it may speak for.
    pub authority: Authority,
}

impl OverwatchHandshake {
    /// A session with a peer that has said nothing yet.
    #[must_use]
    pub fn new(peer: Peer) -> Self {
        let binding =
            Binding { exporter: peer.exporter, agent_key: peer.key, overwatch_key: peer.own_key };
        Self { binding, peer_name: peer.name, peer_key: peer.key, state: State::AwaitsHello }
    }

    /// Takes the peer's next frame.
    ///
    /// # Errors
    ///
    /// The session must end: the peer refused, or cannot prove what it should.
    pub fn on_frame(
        &mut self,
        frame: Frame,
        identity: &OverwatchIdentity,
    ) -> Result<OverwatchStep, HandshakeFault> {
        match (std::mem::replace(&mut self.state, State::Ended), frame) {
            (_, Frame::Refused(refusal)) => Err(HandshakeFault::Refused(refusal)),
            (State::AwaitsHello, Frame::Hello(hello)) => self.challenge(hello, identity),
            (State::AwaitsHello, Frame::PeerHello(hello)) => self.challenge_peer(hello, identity),
            (State::AwaitsPeerProof { overwatch_id, candidates }, Frame::Proof(proof)) => {
                self.verify_peer(overwatch_id, &candidates, &proof)
            }
            (State::AwaitsProof { hello, candidates }, Frame::Proof(proof)) => {
                self.verify(hello, candidates, &proof)
            }
            (state, frame) => Err(HandshakeFault::Unexpected {
                got: frame.kind(),
                awaited: match state {
                    State::AwaitsHello => "a hello",
                    State::AwaitsProof { .. } | State::AwaitsPeerProof { .. } => "a proof",
                    State::Ended => "nothing more",
                },
            }),
        }
    }

    fn challenge(
        &mut self,
        hello: Hello,
        identity: &OverwatchIdentity,
    ) -> Result<OverwatchStep, HandshakeFault> {
        check_protocol(hello.protocol)?;
        check_name(hello.agent_id.as_str(), &self.peer_name)?;
        let secrets = identity.tokens.secrets_of(&hello.service, hello.region.as_ref());
        if secrets.is_empty() {
            let Hello { service, region, .. } = hello;
            return Err(match identity.tokens.have(&service) {
                true => HandshakeFault::UnknownRegion { service, region },
                false => HandshakeFault::UnknownService(service),
            });
        }
        let mut candidates = Vec::new();
        for mesh_key in identity.keys.iter() {
            for secret in &secrets {
                let grants = identity.tokens.entries_of(secret).map(Grant::from).collect();
                candidates.push(Candidate {
                    key: ProofKey::of_token(mesh_key, secret, &hello.service),
                    authority: Authority::new(grants),
                });
            }
        }
        let member = |key| ProofKey::of_member(key).mac(Role::OverwatchMember, &self.binding);
        let proof = |candidate: &Candidate| candidate.key.mac(Role::Overwatch, &self.binding);
        let challenge = Challenge {
            protocol: PROTOCOL,
            overwatch_id: identity.overwatch_id.clone(),
            memberships: identity.keys.iter().map(member).collect(),
            proofs: candidates.iter().map(proof).collect(),
        };
        self.state = State::AwaitsProof { hello, candidates };
        Ok(OverwatchStep::Send(Frame::Challenge(challenge)))
    }

    fn challenge_peer(
        &mut self,
        hello: PeerHello,
        identity: &OverwatchIdentity,
    ) -> Result<OverwatchStep, HandshakeFault> {
        check_protocol(hello.protocol)?;
        check_name(hello.overwatch_id.as_str(), &self.peer_name)?;
        let candidates: Vec<ProofKey> = identity.keys.iter().map(ProofKey::of_peer).collect();
        let mac = |key: &ProofKey| key.mac(Role::PeerDialled, &self.binding);
        let challenge = Challenge {
            protocol: PROTOCOL,
            overwatch_id: identity.overwatch_id.clone(),
            memberships: candidates.iter().map(mac).collect(),
            proofs: Vec::new(),
        };
        self.state = State::AwaitsPeerProof { overwatch_id: hello.overwatch_id, candidates };
        Ok(OverwatchStep::Send(Frame::Challenge(challenge)))
    }

    fn verify_peer(
        &self,
        overwatch_id: OverwatchId,
        candidates: &[ProofKey],
        proof: &Proof,
    ) -> Result<OverwatchStep, HandshakeFault> {
        let named = usize::try_from(proof.index).unwrap_or(usize::MAX);
        let key = candidates.get(named).ok_or(HandshakeFault::WrongPeerProof)?;
        if !key.verifies(&proof.mac, Role::PeerDialling, &self.binding) {
            return Err(HandshakeFault::WrongPeerProof);
        }
        Ok(OverwatchStep::ProvenPeer(ProvenPeer { overwatch_id, key: self.peer_key }))
    }

    fn verify(
        &self,
        hello: Hello,
        candidates: Vec<Candidate>,
        proof: &Proof,
    ) -> Result<OverwatchStep, HandshakeFault> {
        let named = usize::try_from(proof.index).unwrap_or(usize::MAX);
        let candidate = candidates.into_iter().nth(named).ok_or(HandshakeFault::WrongToken)?;
        if !candidate.key.verifies(&proof.mac, Role::Agent, &self.binding) {
            return Err(HandshakeFault::WrongToken);
        }
        Ok(OverwatchStep::Proven(ProvenAgent {
            agent_id: hello.agent_id,
            key: self.peer_key,
            epoch: hello.epoch,
            service: hello.service,
            authority: candidate.authority,
        }))
    }
}
