//! All that can happen to an overwatch, and all that it can want. Both lists are closed.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use dns::NameBuf;
use health::{CheckSpec, Outcome};
use mesh::{Frame, KeyHash, Peer, RefusalReason};
use model::{AgentId, BackendKey, Time, TokenName};

use crate::{
    Change, Custody, HandOrder, KeyOrder, Note, OutsideRow, OutsideSource, Reload, Said, Secrets,
    TokenOrder, View,
};

/// One connection of one agent; the edge never uses a number twice.
pub type LinkId = u64;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A TLS session with an agent stands; nothing is proven yet.
    LinkOpened {
        /// The connection.
        link: LinkId,
        /// Who is at the other end, as far as TLS knows.
        peer: Peer,
    },
    /// A TLS session stands with another overwatch that this one dialled; nothing is proven yet.
    PeerReached {
        /// The connection.
        link: LinkId,
        /// As dialled.
        address: String,
        /// Who is at the other end, as far as TLS knows.
        peer: Peer,
        /// The key that is pinned for the address.
        pinned: Option<KeyHash>,
    },
    /// The agent, or the other overwatch, said something.
    FrameReceived {
        /// The connection.
        link: LinkId,
        /// What.
        frame: Frame,
    },
    /// The session is gone.
    LinkClosed {
        /// The connection.
        link: LinkId,
        /// What the edge told the peer, where its bytes were at fault.
        refusal: Option<RefusalReason>,
    },
    /// A connection that became no session, by the other end's fault.
    LinkFailed {
        /// Where it came from.
        address: IpAddr,
        /// What was wrong with it.
        reason: RefusalReason,
    },
    /// An own check finished.
    Checked {
        /// Whose.
        backend: BackendKey,
        /// How it went.
        outcome: Outcome,
    },
    /// A checked server showed a certificate.
    CertificateSeen {
        /// Whose.
        backend: BackendKey,
        /// When it ends.
        ends: Time,
    },
    /// Own checks leave from this address: agents must not learn from it.
    ProbeSource(IpAddr),
    /// An operator said something.
    Command {
        /// What.
        command: Command,
        /// How.
        said: Said,
    },
    /// Other settings hold from now on.
    Reload(Box<Reload>),
    /// What operators made is this overwatch's alone from now on, or shared.
    Custody(Custody),
    /// Rows that operators made, here or at another overwatch, and that were decided about.
    Shared(Vec<Change>),
    /// Something was done that is no command: it is kept in the list of changes.
    Done {
        /// What.
        what: String,
        /// How.
        said: Said,
    },
    /// These sources from outside are trusted from now on, and no others.
    OutsideSources(Vec<OutsideSource>),
    /// One of them reports; what came of it is at [`crate::Overwatch::outside_taken`].
    OutsideReport {
        /// Which.
        source: TokenName,
        /// What.
        rows: Vec<OutsideRow>,
    },
    /// Random bytes came, as they were asked for.
    Drawn {
        /// The zone that needs keys.
        zone: Box<NameBuf>,
        /// The bytes.
        secrets: Secrets,
    },
    /// The machine's own clock says this, by which signatures are dated; the time of events is counted
    /// from the start, and may have begun at a wrong one.
    ClockRead(Time),
    /// Time passed; expected about once a second.
    Tick,
}

/// What an operator can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Let a pending or revoked agent in.
    Approve {
        /// Which.
        agent: AgentId,
        /// Which key it goes by, where more than one was seen.
        key: Option<KeyHash>,
    },
    /// Throw an agent out for good.
    Revoke(AgentId),
    /// Believe what a held agent says.
    Accept(AgentId),
    /// Know an agent no more that is not there.
    Forget(AgentId),
    /// Forget what a source from outside reported; it may report anew.
    ForgetSource(TokenName),
    /// Something about the API's tokens.
    Tokens(TokenOrder),
    /// Something about servers or routing.
    Hand(HandOrder),
    /// Something about keys.
    Keys(Box<KeyOrder>),
}

/// What to do.
#[derive(Debug)]
pub enum Effect {
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
    /// Keep a connection to the other overwatches at these addresses, and to no others.
    DialPeers(BTreeSet<String>),
    /// The overwatch at this address has proven itself: from now on it must show this key.
    PinPeer {
        /// As dialled.
        address: String,
        /// Its key.
        key: KeyHash,
    },
    /// Check this backend from now on; replaces an earlier word about it.
    Watch {
        /// Which.
        backend: BackendKey,
        /// What to ask of it, and how often.
        spec: CheckSpec,
    },
    /// Check this backend no more.
    Unwatch {
        /// Which.
        backend: BackendKey,
    },
    /// Answer queries by this view from now on.
    Publish(Arc<View>),
    /// Draw random bytes for the keys of a zone.
    Draw {
        /// Which.
        zone: NameBuf,
    },
    /// Keep this over a restart.
    Keep(Vec<Change>),
    /// Log a line.
    Log(Note),
}
