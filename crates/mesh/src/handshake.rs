//! How a session begins: both sides prove what they know, the overwatch first (decision 10).
//!
//! ```text
//! agent                                      overwatch
//!   Hello{id, epoch, service, region} ->
//!                                     <-     Challenge{id, proofs}      its proofs
//!   Proof{index, mac}                 ->                                the agent's
//!                                     <-     Welcome | Refused
//! ```
//!
//! An overwatch that dials another begins with `PeerHello{id}`, and both prove the mesh key under labels
//! of their own: neither side's proof is any good in an agent's session, nor the other way round.
//!
//! Fed by frames, sans I/O: the two values here know no time and no socket. Whether a proven agent
//! is welcome (its key, its id, its session) is the registry's to say, not theirs.

mod agent;
mod dialling;
mod overwatch;
mod peer;
#[cfg(test)]
mod tests;

use model::{Region, Service};

use crate::frame::{FrameKind, PROTOCOL};
use crate::peer::KeyHash;
use crate::refusal::{Refusal, RefusalReason};

pub use agent::{AgentHandshake, AgentIdentity};
pub use dialling::DialStep;
pub use overwatch::{
    OverwatchHandshake, OverwatchIdentity, OverwatchStep, ProvenAgent, ProvenPeer,
};
pub use peer::PeerHandshake;

/// Why a session does not come about. Each ends it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeFault {
    /// No common version.
    #[error("the peer speaks version {theirs} of the mesh protocol, this node {ours}", ours = PROTOCOL)]
    Protocol {
        /// The peer's version.
        theirs: u32,
    },
    /// A frame that has no place here.
    #[error("a {} frame came where {awaited} was awaited", got.as_str())]
    Unexpected {
        /// What came.
        got: FrameKind,
        /// What should have come.
        awaited: &'static str,
    },
    /// The peer calls itself otherwise than its certificate does.
    #[error("the peer says it is {claimed}, its certificate says {certificate:?}")]
    NameMismatch {
        /// The id in the frame.
        claimed: String,
        /// The name in the certificate.
        certificate: String,
    },
    /// The overwatch has no token for what the agent will claim.
    #[error("there is no token for {0}")]
    UnknownService(Service),
    /// The overwatch has tokens for it, but none for the agent's region.
    #[error("there is no token for {}", place(.service, .region.as_ref()))]
    UnknownRegion {
        /// What the agent will claim.
        service: Service,
        /// Where it stands; `None` if it did not say.
        region: Option<Region>,
    },
    /// The overwatch proved none of the agent's mesh keys.
    #[error("the overwatch proved none of this agent's mesh keys")]
    WrongMeshKey,
    /// Another overwatch proved none of this one's mesh keys.
    #[error("the other overwatch proved none of this one's mesh keys")]
    WrongPeerProof,
    /// A mesh key in common but no token; or an agent whose proof is wrong.
    #[error("the proof of the service token is wrong")]
    WrongToken,
    /// The pinned key is another.
    #[error("the overwatch shows key {seen}, pinned is {pinned}")]
    OverwatchKeyChanged {
        /// What was pinned at first contact.
        pinned: KeyHash,
        /// What was shown now.
        seen: KeyHash,
    },
    /// The peer said no.
    #[error("the peer refused: {0}")]
    Refused(Refusal),
}

impl HandshakeFault {
    /// The reason, for logs, counters and the other side.
    #[must_use]
    pub const fn reason(&self) -> RefusalReason {
        match self {
            Self::Protocol { .. } => RefusalReason::ProtocolVersion,
            Self::Unexpected { .. } => RefusalReason::UnexpectedFrame,
            Self::NameMismatch { .. } => RefusalReason::NameMismatch,
            Self::UnknownService(_) => RefusalReason::UnknownService,
            Self::UnknownRegion { .. } => RefusalReason::UnknownRegion,
            Self::WrongMeshKey | Self::WrongPeerProof => RefusalReason::WrongMeshKey,
            Self::WrongToken => RefusalReason::WrongToken,
            Self::OverwatchKeyChanged { .. } => RefusalReason::OverwatchKeyChanged,
            Self::Refused(refusal) => refusal.reason,
        }
    }

    /// What to send before closing; nothing where the peer was the one who refused.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused(_) => None,
            Self::UnknownService(service) => Some(Refusal::new(self.reason(), service.as_str())),
            Self::UnknownRegion { service, region } => {
                Some(Refusal::new(self.reason(), &place(service, region.as_ref())))
            }
            _ => Some(self.reason().into()),
        }
    }
}

/// A service and where it is to be claimed.
fn place(service: &Service, region: Option<&Region>) -> String {
    format!("{service} in {}", region.map_or("a region that was not named", Region::as_str))
}

/// Refuses a peer that speaks another version.
fn check_protocol(theirs: u32) -> Result<(), HandshakeFault> {
    if theirs == PROTOCOL { Ok(()) } else { Err(HandshakeFault::Protocol { theirs }) }
}

/// Refuses a peer whose certificate names somebody else.
fn check_name(claimed: &str, certificate: &str) -> Result<(), HandshakeFault> {
    if claimed.eq_ignore_ascii_case(certificate) {
        return Ok(());
    }
    Err(HandshakeFault::NameMismatch {
        claimed: claimed.to_owned(),
        // From a stranger, and it will be logged.
        certificate: certificate.chars().take(64).collect(),
    })
}
