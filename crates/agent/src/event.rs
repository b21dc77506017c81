//! All that can happen to an agent, and all that it can want. Both lists are closed.

use health::Outcome;
use mesh::{Frame, KeyHash, Peer};
use model::{BackendKey, Sample};

use crate::{Note, Reload, Vitals};

/// One connection to one overwatch; the edge never uses a number twice.
pub type LinkId = u64;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The kernel reported connections that closed, or those of a dump.
    Samples(Vec<Sample>),
    /// The dump that [`Effect::Poll`] asked for is complete.
    PollEnded,
    /// It failed; what samples came of it count.
    PollFailed,
    /// A check of an own backend finished.
    Checked {
        /// Whose.
        backend: BackendKey,
        /// How it went.
        outcome: Outcome,
    },
    /// The machine was looked at, as [`Effect::Look`] asked.
    Looked(Vitals),
    /// A TLS session with an overwatch stands; nothing is proven yet.
    LinkOpened {
        /// The connection.
        link: LinkId,
        /// The address that was dialled, as the operator or another overwatch wrote it.
        dialled: String,
        /// Who is at the other end, as far as TLS knows.
        peer: Peer,
        /// The key that is pinned for that address, if any.
        pinned: Option<KeyHash>,
    },
    /// The overwatch said something.
    FrameReceived {
        /// The connection.
        link: LinkId,
        /// What.
        frame: Frame,
    },
    /// The session is gone. The edge tries again by itself, for ever.
    LinkClosed {
        /// The connection.
        link: LinkId,
    },
    /// Other settings hold from now on.
    Reload(Box<Reload>),
    /// [`crate::Agent::next_deadline`] has come.
    Tick,
    /// The process was asked to end.
    Stop,
}

/// What to do.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Read the established sockets now; samples follow, then [`Event::PollEnded`].
    Poll,
    /// Look at the machine; [`Event::Looked`] follows.
    Look,
    /// Send a frame.
    Send {
        /// The connection.
        link: LinkId,
        /// What to send.
        frame: Frame,
    },
    /// Send what is queued, then close.
    Close {
        /// The connection.
        link: LinkId,
    },
    /// The overwatch has proven itself: remember its key for the address that was dialled, and
    /// take long frames from it.
    Pin {
        /// The connection.
        link: LinkId,
        /// The address that was dialled.
        dialled: String,
        /// Its public key's hash.
        key: KeyHash,
    },
    /// Keep a connection to this overwatch too, if there is none yet.
    Dial {
        /// `host:port`.
        address: String,
    },
    /// Log a line.
    Log(Note),
}
