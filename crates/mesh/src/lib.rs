//! Identity, sessions and reports on the wire: what an agent and an overwatch, and two overwatches, say
//! to one another, byte for byte, and what each must have proven before it is believed.
//!
//! In the order of the data:
//!
//! - [`frame`]: what can be said, and how much of it,
//! - `bits`, `column`: a column of numbers in few bits,
//! - [`report`]: a [`latency::Report`] as columns,
//! - `wire`: the protobuf twins of the frames,
//! - [`codec`]: frames to bytes and back, bounded,
//! - [`peer`]: what TLS established about the other end,
//! - [`secret`]: mesh keys and service tokens,
//! - [`proof`]: the MACs that show knowledge of both without telling them,
//! - [`handshake`]: both sides of a session's beginning, fed by frames,
//! - [`authority`]: what a proven agent may speak for,
//! - [`refusal`]: every reason for a no, with its number on the wire and its sentence.
//!
//! Pure: no socket, file, clock, thread, randomness or log. TLS is the edge's; what it established
//! comes in as a [`Peer`].

#![forbid(unsafe_code)]

pub mod frame;

mod bits;
mod column;
pub mod report;

mod wire;

pub mod codec;

pub mod peer;

pub mod secret;

pub mod proof;

pub mod handshake;

pub mod authority;

pub mod refusal;

#[doc(hidden)]
pub mod fuzz;

#[cfg(test)]
mod tests;

pub use authority::{Authority, ClaimRefusal, Grant};
pub use codec::{EncodeError, FrameDecoder, FrameError, encode};
pub use frame::{
    AgentHave, BackendCondition, BackendOffer, Challenge, Condition, Frame, FrameKind, Have, Hello,
    Load, OverwatchId, PeerHello, PortLoad, Presence, Proof, Registration, Vouched, Welcome,
};
pub use handshake::{
    AgentHandshake, AgentIdentity, DialStep, HandshakeFault, OverwatchHandshake, OverwatchIdentity,
    OverwatchStep, PeerHandshake, ProvenAgent, ProvenPeer,
};
pub use peer::{Exporter, KeyHash, Peer};
pub use proof::Mac;
pub use refusal::{Refusal, RefusalReason};
pub use secret::{MeshKeys, SecretError, Token, TokenSecret, Tokens};
