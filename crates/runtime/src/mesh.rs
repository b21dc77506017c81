//! The mesh's edge: TLS sessions that carry [`mesh::Frame`]s between agents and overwatches.
//!
//! ```text
//!   server ─┐ accepts      ┌─ reads ──▶ Event ──▶ one bounded queue of the node
//!           ├─▶ connection ┤
//!   client ─┘ dials        └─ writes ◀─ Connection::send, one bounded queue each
//! ```
//!
//! - [`identity`]: this node's key and certificate, made at first start,
//! - [`pins`]: the overwatches' keys that an agent has seen proven,
//! - [`tls`]: TLS 1.3 with self-signed certificates, and what it established,
//! - [`connection`]: one session, whoever opened it,
//! - [`server`], [`client`]: who opens them,
//! - `files`: files that only this user may read, written whole or not at all.
//!
//! Moves frames and nothing more: who is trusted is decided by the node, with the state machines of
//! [`mesh::handshake`]. The one thing taken from the frames is when a session counts as established
//! ([`connection`]), for the limits on strangers.

pub mod identity;

pub mod pins;

pub mod tls;

pub mod connection;

pub mod server;

pub mod client;

mod files;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;

use mesh::{EncodeError, Frame, FrameError, Peer, RefusalReason};
use tokio::sync::SemaphorePermit;

pub use client::{Client, ClientLimits};
pub use connection::{Connection, SessionLimits};
pub use identity::{Identity, IdentityError, IdentityFiles, Provenance};
pub use pins::{Pins, PinsError};
pub use server::{ListenError, Server, ServerLimits};
pub use tls::{CertificateFault, TlsSetupError};

/// One connection of this process; never used twice.
pub type ConnectionId = u64;

/// What the mesh tells its node. Each connection yields one `Opened`, its frames, one `Closed`.
#[derive(Debug)]
pub enum Event {
    /// A TLS session stands; nothing is proven.
    Opened {
        /// To send on it. Dropping it closes the connection.
        connection: Connection,
        /// Who is at the other end, as far as TLS knows.
        peer: Peer,
        /// Who opened it.
        origin: Origin,
    },
    /// The peer said something.
    Frame {
        /// The connection.
        id: ConnectionId,
        /// What.
        frame: Frame,
        /// Its bytes, out of [`connection::WAITING_BYTES_MAX`], until this is dropped.
        held: SemaphorePermit<'static>,
    },
    /// The connection is gone. One that was dialled is tried again by itself.
    Closed {
        /// The connection.
        id: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// A connection did not come about. One that is dialled is tried again by itself.
    Failed {
        /// Who opened it.
        origin: Origin,
        /// The other end, where one is known.
        address: Option<SocketAddr>,
        /// Why.
        reason: FailReason,
    },
}

/// Who opened a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The other end.
    Accepted,
    /// This node.
    Dialled {
        /// As configured, `host:port`.
        address: String,
    },
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum CloseReason {
    /// The node closed it.
    #[error("closed by this side")]
    Local,
    /// The peer closed it in good order.
    #[error("closed by the peer")]
    Peer,
    /// The network or the peer died.
    #[error("the connection was lost")]
    Lost(#[source] io::Error),
    /// The peer sent what is no frame; it was told so.
    #[error("the peer sent what is no frame")]
    Malformed(#[source] FrameError),
    /// The session was not established in time; the peer was told so.
    #[error("the session was not established in time")]
    HandshakeTimeout,
    /// The peer does not read, or not as fast as it is written to.
    #[error("the peer does not read what it is sent")]
    Backlog,
    /// The node wanted to send what cannot be sent.
    #[error("a frame could not be sent")]
    Unsendable(#[source] EncodeError),
    /// This program is at fault: it panicked in this session, and in no other.
    #[error("a fault in this program")]
    Fault,
}

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
pub enum FailReason {
    /// The name has no address.
    #[error("the address could not be looked up")]
    Resolve(#[source] io::Error),
    /// Nobody there.
    #[error("no connection could be made")]
    Connect(#[source] io::Error),
    /// No answer in time, from TCP or from TLS.
    #[error("no TLS session within the time allowed")]
    Timeout,
    /// No TLS 1.3 with a certificate of its own: not a node of the mesh, or the network in between
    /// meddles.
    #[error("the other end does not speak TLS 1.3 as a node of the mesh does")]
    Tls(#[source] io::Error),
    /// A certificate without a usable name or key.
    #[error("the other end's certificate cannot be used")]
    Certificate(#[source] CertificateFault),
    /// Too many connections that have proven nothing, from everywhere or from one address.
    #[error("too many connections have proven nothing yet")]
    TooManyUnproven,
    /// Too many connections.
    #[error("too many connections are open")]
    TooManyConnections,
    /// The system has no connection to give: mostly too few file descriptors.
    #[error("no connection could be accepted")]
    Accept(#[source] io::Error),
}

impl FailReason {
    /// What the other end did wrong, if it did. Who only knocks and goes is not at fault: monitors
    /// and scanners do.
    #[must_use]
    pub fn refusal(&self) -> Option<RefusalReason> {
        match self {
            // So does the TLS library report bytes that are not TLS.
            Self::Tls(error) if error.kind() == io::ErrorKind::InvalidData => {
                Some(RefusalReason::MalformedFrame)
            }
            Self::Certificate(_) => Some(RefusalReason::MalformedFrame),
            Self::Timeout => Some(RefusalReason::HandshakeTimeout),
            Self::TooManyUnproven | Self::TooManyConnections => {
                Some(RefusalReason::TooManyConnections)
            }
            Self::Resolve(_) | Self::Connect(_) | Self::Tls(_) | Self::Accept(_) => None,
        }
    }
}

impl CloseReason {
    /// The reason that the peer was told, where it was at fault.
    #[must_use]
    pub const fn refusal(&self) -> Option<RefusalReason> {
        match self {
            Self::Malformed(error) => Some(error.reason()),
            Self::HandshakeTimeout => Some(RefusalReason::HandshakeTimeout),
            Self::Local
            | Self::Peer
            | Self::Lost(_)
            | Self::Backlog
            | Self::Unsendable(_)
            | Self::Fault => None,
        }
    }
}
