//! Who asks, and what came of it: the words in which the query path speaks with its caller.
//!
//! Must never decide anything: that is [`mod@crate::resolve`]'s.

use std::net::IpAddr;

use dns::{CookieStanding, Rcode, RecordType, Verdict};
use model::{Subnet, Time};
use routing::Decision;

/// Who asks, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The source of the packet; a v4-mapped address is folded.
    pub address: IpAddr,
    /// The address of ours that was asked.
    pub local: IpAddr,
    /// Over what.
    pub transport: Transport,
    /// When: cookies and limits depend on it.
    pub now: Time,
}

/// Over what a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram.
    Udp,
    /// A stream.
    Tcp,
}

/// What to send, and what was decided.
#[derive(Debug)]
pub struct Reply<'v, 'b> {
    /// The answer; empty where there is nothing to say.
    pub bytes: &'b [u8],
    /// What became of the query, for counters and logs.
    pub outcome: Outcome<'v>,
    /// Which type was asked for; `None` where nothing was, or not as it is asked.
    pub qtype: Option<RecordType>,
    /// What the asker's cookie proved.
    pub cookie: CookieStanding,
    /// Whether the answer was cut or kept back because there were too many.
    pub verdict: Verdict,
}

/// What became of a query.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'v> {
    /// No query at all; nothing is sent.
    Dropped,
    /// Malformed, or of a kind that is not served.
    Faulty(Rcode),
    /// No question: somebody wants a cookie (RFC 7873, 5.4).
    Cookie(Rcode),
    /// Outside what we are an authority for.
    Refused,
    /// The name does not exist. To those who read signatures the code may be NOERROR (RFC 9824, 3.1).
    NoName(Rcode),
    /// The name exists, the type does not.
    NoData,
    /// The zone's own records, an alias of somebody else's name, or a fact about the server.
    Static,
    /// Somebody else answers for the name: the zone delegates it.
    Referral,
    /// A steered name: answered by this decision, for this client network.
    Steered {
        /// The domain: its place in [`View::domains`](crate::View::domains).
        place: usize,
        /// Where the client was sent, and why.
        decision: Decision<'v>,
        /// Whom the decision was made for: the network in the query, or the asker itself.
        client: Subnet,
        /// What the answer says.
        rcode: Rcode,
    },
}

impl Outcome<'_> {
    /// What the answer says.
    pub(crate) const fn rcode(&self) -> Rcode {
        match self {
            Self::Refused => Rcode::REFUSED,
            Self::Steered { rcode, .. }
            | Self::NoName(rcode)
            | Self::Faulty(rcode)
            | Self::Cookie(rcode) => *rcode,
            Self::Dropped | Self::NoData | Self::Static | Self::Referral => Rcode::NOERROR,
        }
    }
}
