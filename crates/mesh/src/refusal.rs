//! Every reason for which one end of a session says no to the other.
//!
//! One closed list: the number on the wire, the word in logs and metrics, whether the session ends,
//! and the sentence for the operator, which also says what to do next. A number is never used for
//! another reason, also not after the reason is gone.

use std::fmt;

/// A no, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: RefusalReason,
    /// What it was about, as in `app.demo.local in ap-southeast`. From a stranger where it was
    /// received, but printable and at most [`Refusal::DETAIL_CHARS_MAX`] long.
    detail: String,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalReason {
    /// The other side knows a reason that this version does not.
    Unlisted = 0,
    /// No common version of the protocol.
    ProtocolVersion = 1,
    /// Bytes that are no frame.
    MalformedFrame = 2,
    /// A frame over the limit.
    OversizedFrame = 3,
    /// A frame that has no place here.
    UnexpectedFrame = 4,
    /// The proof did not come in time.
    HandshakeTimeout = 5,
    /// Too many connections that have proven nothing.
    TooManyConnections = 6,
    /// The id is not the one in the certificate.
    NameMismatch = 7,
    /// The overwatch has no token for the service.
    UnknownService = 8,
    /// No mesh key in common.
    WrongMeshKey = 9,
    /// A mesh key in common, but no token.
    WrongToken = 10,
    /// An overwatch with another key than the pinned one.
    OverwatchKeyChanged = 11,
    /// An agent id with another key than the registered one.
    AgentKeyChanged = 12,
    /// The operator revoked the agent.
    AgentRevoked = 13,
    /// The operator has to approve the agent first.
    ApprovalPending = 14,
    /// The agent has a live session already.
    AlreadyConnected = 15,
    /// The token is not valid for the service.
    ServiceNotGranted = 16,
    /// The token is not valid for the region.
    RegionNotGranted = 17,
    /// The token is not valid for the address.
    AddressNotGranted = 18,
    /// The backend belongs to another agent.
    BackendTaken = 19,
    /// The backend belonged to a revoked agent.
    BackendBlocked = 20,
    /// A registration that makes no sense or is over a limit.
    InvalidRegistration = 21,
    /// A report of an earlier life of the agent.
    StaleEpoch = 22,
    /// A report that does not follow the last one.
    SequenceGap = 23,
    /// A report with impossible rows.
    InvalidReport = 24,
    /// A report for a port that was not registered.
    UnknownPort = 25,
    /// The table is full. Only overwatches of an earlier release say so: today's takes what fits.
    TableFull = 26,
    /// The overwatch has tokens for the service, but none for the agent's region.
    UnknownRegion = 27,
    /// The overwatch knows as many agents as it may, and none of them can be forgotten.
    TooManyAgents = 28,
}

/// One line of the list.
type Line = (RefusalReason, &'static str, Session, &'static str);

/// What becomes of the session after a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Session {
    Ends,
    GoesOn,
}
use Session::{Ends, GoesOn};

/// The list, in the order of the numbers: the reason, its word, what follows, its sentence.
const LIST: [Line; 29] = [
    (
        RefusalReason::Unlisted,
        "unlisted",
        Ends,
        "the other side gave a reason that this version does not know: see its log",
    ),
    (
        RefusalReason::ProtocolVersion,
        "protocol_version",
        Ends,
        "the two sides speak no common version of the mesh protocol: update the older one",
    ),
    (
        RefusalReason::MalformedFrame,
        "malformed_frame",
        Ends,
        "the bytes are no frame of the mesh: check that the peer is an opengslb node",
    ),
    (
        RefusalReason::OversizedFrame,
        "oversized_frame",
        Ends,
        "a frame was longer than its limit: check that the peer is an opengslb node",
    ),
    (
        RefusalReason::UnexpectedFrame,
        "unexpected_frame",
        Ends,
        "a frame came where it has no place: check that both sides run released versions",
    ),
    (
        RefusalReason::HandshakeTimeout,
        "handshake_timeout",
        Ends,
        "the peer did not prove itself in time: check the network between the two",
    ),
    (
        RefusalReason::TooManyConnections,
        "too_many_connections",
        Ends,
        "too many connections have proven nothing yet: find out who opens them",
    ),
    (
        RefusalReason::NameMismatch,
        "name_mismatch",
        Ends,
        "the id differs from the name in the certificate: restart that node, it renews it",
    ),
    (
        RefusalReason::UnknownService,
        "unknown_service",
        Ends,
        "the overwatch has no token for this service: add it to overwatch.agent_tokens",
    ),
    (
        RefusalReason::WrongMeshKey,
        "wrong_mesh_key",
        Ends,
        "the two sides share no mesh key, or the overwatch is an impostor: compare \
                 gossip.encryption_key on both",
    ),
    (
        RefusalReason::WrongToken,
        "wrong_token",
        Ends,
        "the mesh key is right and the service token is not: compare \
                 agent.identity.service_token with overwatch.agent_tokens for the agent's region",
    ),
    (
        RefusalReason::OverwatchKeyChanged,
        "overwatch_key_changed",
        Ends,
        "the overwatch at this address shows another key than before: if it was rebuilt, \
                 remove its line from the file of pinned keys",
    ),
    (
        RefusalReason::AgentKeyChanged,
        "agent_key_changed",
        Ends,
        "an agent with this id is there with another key: a rebuilt machine gets in once the \
                 old one is stopped; else give each agent an id of its own",
    ),
    (
        RefusalReason::AgentRevoked,
        "agent_revoked",
        Ends,
        "this agent was revoked: approve it on the overwatch if it may come back",
    ),
    (
        RefusalReason::ApprovalPending,
        "approval_pending",
        Ends,
        "this agent waits for approval: approve it on the overwatch",
    ),
    (
        RefusalReason::AlreadyConnected,
        "already_connected",
        Ends,
        "this agent id has a live session: give each agent an id of its own",
    ),
    (
        RefusalReason::ServiceNotGranted,
        "service_not_granted",
        GoesOn,
        "the agent's token is not valid for this service: see overwatch.agent_tokens",
    ),
    (
        RefusalReason::RegionNotGranted,
        "region_not_granted",
        GoesOn,
        "the agent's token is not valid for this region: see regions in \
                 overwatch.agent_tokens",
    ),
    (
        RefusalReason::AddressNotGranted,
        "address_not_granted",
        GoesOn,
        "the agent's token is not valid for a backend at this address: see networks in \
                 overwatch.agent_tokens",
    ),
    (
        RefusalReason::BackendTaken,
        "backend_taken",
        GoesOn,
        "the backend is registered by another agent: stop one of the two",
    ),
    (
        RefusalReason::BackendBlocked,
        "backend_blocked",
        GoesOn,
        "the backend belonged to a revoked agent: approve the new agent on the overwatch",
    ),
    (
        RefusalReason::InvalidRegistration,
        "invalid_registration",
        Ends,
        "the registration is over a limit or makes no sense: see the agent's configuration",
    ),
    (
        RefusalReason::StaleEpoch,
        "stale_epoch",
        Ends,
        "the report is of an earlier life of the agent: check its clock, and that its id \
                 is not used twice",
    ),
    (
        RefusalReason::SequenceGap,
        "sequence_gap",
        Ends,
        "the report does not follow the last one: the agent will send everything again",
    ),
    (
        RefusalReason::InvalidReport,
        "invalid_report",
        Ends,
        "the report holds impossible rows: check that the peer is a released version",
    ),
    (
        RefusalReason::UnknownPort,
        "unknown_port",
        GoesOn,
        "the report is for a port that the agent has not registered",
    ),
    (
        RefusalReason::TableFull,
        "table_full",
        GoesOn,
        "the overwatch's table is full: raise its limit or lower the agents' max_subnets",
    ),
    (
        RefusalReason::UnknownRegion,
        "unknown_region",
        Ends,
        "the overwatch has tokens for this service, but none for the agent's region: compare \
                 agent.identity.region with regions in overwatch.agent_tokens",
    ),
    (
        RefusalReason::TooManyAgents,
        "too_many_agents",
        Ends,
        "the overwatch knows as many agents as it may, and all are there, hold servers or were \
                 revoked: forget those that will not come back (agents forget)",
    ),
];

impl RefusalReason {
    /// All of them, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        LIST.into_iter().map(|(reason, ..)| reason)
    }

    /// Its number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The reason with this number; [`RefusalReason::Unlisted`] where there is none.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        Self::all().find(|reason| reason.number() == number).unwrap_or(Self::Unlisted)
    }

    /// The word for logs and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        LIST[self as usize].1
    }

    /// Whether the side that refuses closes the session after it.
    #[must_use]
    pub const fn ends_session(self) -> bool {
        matches!(LIST[self as usize].2, Ends)
    }

    /// What happened and what to do next, for the operator.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        LIST[self as usize].3
    }
}

impl Refusal {
    /// Longest detail kept or sent: a claim spelled out, its names at their longest cut off.
    pub const DETAIL_CHARS_MAX: usize = 256;

    /// A refusal about `detail`; what cannot be printed is replaced, what is too long is cut.
    #[must_use]
    pub fn new(reason: RefusalReason, detail: &str) -> Self {
        let printable = |c: char| if c.is_control() { '?' } else { c };
        let detail = detail.chars().take(Self::DETAIL_CHARS_MAX).map(printable).collect();
        Self { reason, detail }
    }

    /// What it was about; may be empty.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl From<RefusalReason> for Refusal {
    fn from(reason: RefusalReason) -> Self {
        Self { reason, detail: String::new() }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Refusal {
    /// The sentence, and what it was about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.sentence())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_are_stable_and_used_once() {
        assert_eq!(RefusalReason::all().count(), RefusalReason::TooManyAgents as usize + 1);
        for (number, reason) in (0..).zip(RefusalReason::all()) {
            assert_eq!(reason.number(), number, "{reason}");
            assert_eq!(RefusalReason::from_number(number), reason);
            assert!(reason.sentence().contains(' ') && !reason.sentence().contains("  "));
        }
        let words: std::collections::BTreeSet<&str> =
            RefusalReason::all().map(RefusalReason::as_str).collect();
        assert_eq!(words.len(), RefusalReason::all().count());
        assert_eq!(RefusalReason::from_number(4_000), RefusalReason::Unlisted);
    }

    #[test]
    fn a_detail_is_printable_and_short() {
        let refusal = Refusal::new(RefusalReason::WrongToken, "one\nline\u{1b}[2J");
        assert_eq!(refusal.detail(), "one?line?[2J");
        let long = Refusal::new(RefusalReason::WrongToken, &"ä".repeat(1000));
        assert_eq!(long.detail().chars().count(), Refusal::DETAIL_CHARS_MAX);
    }
}
