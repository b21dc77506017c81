//! What an agent and an overwatch can say to one another, and two overwatches, and how much of it.
//!
//! Values only: the bytes are made in [`crate::codec`]. Must never hold a secret.

use std::net::IpAddr;

use health::{CheckSpec, Strain};
use latency::{Position, Report};
use model::name::Name;
use model::{AgentId, BackendKey, Region, Service};

use crate::authority::Grant;
use crate::peer::KeyHash;
use crate::proof::Mac;
use crate::refusal::Refusal;

/// The version of the protocol that this code speaks; carried by [`Hello`] and [`Challenge`].
/// It changes only when an old peer would misread a frame: new fields and new kinds of frames are
/// skipped by those who do not know them.
pub const PROTOCOL: u32 = 1;

/// The longest frame, length prefix not counted: 1 MiB holds the longest possible report
/// ([`crate::report::ROWS_MAX`] rows of IPv6 hosts take about 0.6 MiB). A longer one ends the
/// session, before memory is reserved for it.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// The longest [`Frame::Relayed`]: what an agent said in the longest frame, with who said it (some 300
/// bytes) and what it grows by where this version writes a word longer than the agent did. Such a frame is
/// no agent's: from anybody else the limit is [`FRAME_BYTES_MAX`].
pub const RELAYED_BYTES_MAX: usize = FRAME_BYTES_MAX + 64 * 1024;

/// The longest frame of a peer that has not proven itself: a `Challenge` with all its proofs takes
/// under 600 bytes. Longer ends the session.
pub const UNPROVEN_FRAME_BYTES_MAX: usize = 4096;

/// Most backends in one registration: an agent on a proxy in front of a large site has some
/// hundreds. More is refused whole; the site needs a second agent.
pub const BACKENDS_MAX: usize = 1024;

/// Most addresses that an overwatch excludes from learning: a few per overwatch. More is refused.
pub const EXCLUDES_MAX: usize = 1024;

/// Most peers that an overwatch names: ten times the overwatches of any known site. More is refused.
pub const PEERS_MAX: usize = 64;

/// Most ports in one load: as many as a registration has backends. More is refused.
pub const LOAD_PORTS_MAX: usize = BACKENDS_MAX;

/// Most agents in one [`Have`]: with the longest names half a MiB. More follow in another.
pub const HAVES_MAX: usize = 1024;

/// Most grants of one agent: one for each backend of a registration. More is refused.
pub const GRANTS_MAX: usize = BACKENDS_MAX;

/// The longest heartbeat interval, an hour: a longer one says nothing about who lives.
pub const HEARTBEAT_MS_MAX: u64 = 3_600_000;

/// Most heartbeats that may be missed: beyond 1,000 nobody waits for them.
pub const MISSED_THRESHOLD_MAX: u32 = 1_000;

/// The longest that a row may be good for, ten years; it keeps sums of times small.
pub const SUBNET_TTL_MS_MAX: u64 = 10 * 365 * 86_400_000;

/// Names one overwatch, as in its certificate.
pub type OverwatchId = Name<OverwatchKind>;

/// Marks an [`OverwatchId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OverwatchKind {}

/// One message of the mesh.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// Agent, first: who it is.
    Hello(Hello),
    /// Overwatch, second: its proof.
    Challenge(Challenge),
    /// Agent, third: its proof.
    Proof(Proof),
    /// Overwatch: the session stands. Sent again when its lists change; it replaces the earlier.
    Welcome(Welcome),
    /// Either side: a no, and why.
    Refused(Refusal),
    /// Agent: all it offers; replaces the earlier one. Sent at each change.
    Registration(Registration),
    /// Agent, each interval: it lives.
    Heartbeat,
    /// Agent, after a heartbeat: how busy its ports are. Only where it reads the kernel.
    Load(Load),
    /// Agent, at each change and while it lasts after each heartbeat: which of its backends should
    /// get less than their share. Replaces the earlier one. From an agent that never sends it all
    /// take theirs.
    Condition(Condition),
    /// Agent: what it learned.
    Report {
        /// The life of the agent's learner that the report's sequences belong to.
        epoch: u64,
        /// The rows.
        report: Report,
    },
    /// Overwatch: everything up to `sequence` of `epoch` is in its table.
    Ack(Position),
    /// Either side: a clean stop. An agent's backends leave the answers at once.
    Goodbye,
    /// Overwatch that dialled another, first: who it is.
    PeerHello(PeerHello),
    /// Overwatch that dialled: how far it heard agents, where that changed since it said so last.
    Have(Have),
    /// Overwatch that was dialled: an agent that it hears in person; replaces the earlier one.
    Vouched(Vouched),
    /// Overwatch that was dialled: what an agent said, word for word. It replaces what the agent said
    /// of the kind before; rows follow those before them.
    Relayed {
        /// Which agent.
        agent_id: AgentId,
        /// The key that it is known by there. Rows have to have it: an agent of another key is another
        /// one. `None` from who does not know this field.
        key: Option<KeyHash>,
        /// A registration, condition, load or report.
        said: Box<Self>,
    },
    /// Overwatch that was dialled: the answer to a [`Have`] ends.
    Told {
        /// Whether it was cut short: ask again at once.
        has_more: bool,
    },
}

/// The kinds of [`Frame`], for errors and counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameKind {
    /// [`Frame::Hello`]
    Hello,
    /// [`Frame::Challenge`]
    Challenge,
    /// [`Frame::Proof`]
    Proof,
    /// [`Frame::Welcome`]
    Welcome,
    /// [`Frame::Refused`]
    Refused,
    /// [`Frame::Registration`]
    Registration,
    /// [`Frame::Heartbeat`]
    Heartbeat,
    /// [`Frame::Load`]
    Load,
    /// [`Frame::Condition`]
    Condition,
    /// [`Frame::Report`]
    Report,
    /// [`Frame::Ack`]
    Ack,
    /// [`Frame::Goodbye`]
    Goodbye,
    /// [`Frame::PeerHello`]
    PeerHello,
    /// [`Frame::Have`]
    Have,
    /// [`Frame::Vouched`]
    Vouched,
    /// [`Frame::Relayed`]
    Relayed,
    /// [`Frame::Told`]
    Told,
}

/// Who an agent says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The newest protocol it speaks.
    pub protocol: u32,
    /// Its id, as in its certificate.
    pub agent_id: AgentId,
    /// Grows with each start of the agent.
    pub epoch: u64,
    /// One service it will claim; tells the overwatch which tokens to prove.
    pub service: Service,
    /// The site it stands in, for the same end. Who names none is asked only for tokens that are
    /// valid in any region.
    pub region: Option<Region>,
}

/// What the overwatch proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The protocol of this session.
    pub protocol: u32,
    /// Its id, as in its certificate.
    pub overwatch_id: OverwatchId,
    /// One MAC for each of its mesh keys alone; at most two.
    pub memberships: Vec<Mac>,
    /// One MAC for each of its mesh keys with each token of the service that is
    /// valid in the agent's region; at most four.
    pub proofs: Vec<Mac>,
}

/// What the agent proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Which of [`Challenge::proofs`] it answers.
    pub index: u32,
    /// The agent's MAC under the same secrets.
    pub mac: Mac,
}

/// What an agent needs to know to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Up to where the overwatch has the agent's reports; `None` asks for all.
    pub resume: Option<Position>,
    /// Addresses whose connections must not be learned from: the overwatches' own checks.
    /// At most [`EXCLUDES_MAX`].
    pub exclude: Vec<IpAddr>,
    /// The other overwatches, as `host:port`. At most [`PEERS_MAX`].
    pub peers: Vec<String>,
}

/// All that an agent offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// The site that all of its backends stand in.
    pub region: Region,
    /// Its backends; at most [`BACKENDS_MAX`].
    pub backends: Vec<BackendOffer>,
    /// How often it sends a heartbeat, in milliseconds; 1 to [`HEARTBEAT_MS_MAX`].
    pub heartbeat_ms: u64,
    /// After how many missed heartbeats it counts as gone; 1 to [`MISSED_THRESHOLD_MAX`].
    pub missed_threshold: u32,
    /// How long its rows are good for after they were observed, in milliseconds; 1 to
    /// [`SUBNET_TTL_MS_MAX`].
    pub subnet_ttl_ms: u64,
}

/// One backend, as its agent sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendOffer {
    /// Service, address and port.
    pub key: BackendKey,
    /// The port that the kernel shows for its connections: its own, or the proxy's in front of it.
    pub listen_port: u16,
    /// Its share among the servers of its region.
    pub weight: u32,
    /// How the agent checks it, so that an overwatch can check alike; `None`: not at all, or in a
    /// way that is not told. [`health::CheckKind::Command`] is never told: nobody may start programs
    /// on another machine. A kind that the other side does not know arrives as `None`.
    pub check: Option<CheckSpec>,
    /// Whether the agent's own check says that it is up.
    pub healthy: bool,
}

/// How busy an agent's ports are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// How long closed connections were counted, in milliseconds; 1 to [`HEARTBEAT_MS_MAX`].
    pub period_ms: u64,
    /// By listening port, ascending; at most [`LOAD_PORTS_MAX`].
    pub ports: Vec<PortLoad>,
}

/// How busy one port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortLoad {
    /// The port that the clients connect to.
    pub port: u16,
    /// Connections that were established at the last look.
    pub open: u32,
    /// Connections that closed in the period.
    pub closed: u32,
}

/// Which backends of an agent should get less than their share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// At most [`BACKENDS_MAX`]; those that are not named take their whole share.
    pub backends: Vec<BackendCondition>,
}

/// How much one backend should get.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendCondition {
    /// Which.
    pub key: BackendKey,
    /// Of its share, in thousandths; below [`health::WHOLE_PERMILLE`].
    pub share_permille: u16,
    /// Why; `None` where it is a reason that this version does not know.
    pub strain: Option<Strain>,
}

/// Who an overwatch says it is that dialled another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerHello {
    /// The newest protocol it speaks.
    pub protocol: u32,
    /// Its id, as in its certificate.
    pub overwatch_id: OverwatchId,
}

/// How far an overwatch heard agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Have {
    /// At most [`HAVES_MAX`]; an agent that was never named is not asked about.
    pub agents: Vec<AgentHave>,
    /// Whether an answer is wanted; not where another one of these follows.
    pub asks: bool,
}

/// How far an overwatch heard one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentHave {
    /// Which agent.
    pub agent_id: AgentId,
    /// The key that it is known by here: rows of another one's are not wanted. `None` from who does not
    /// know this field.
    pub key: Option<KeyHash>,
    /// Up to where it has the agent's reports; `None` where it has none.
    pub position: Option<Position>,
    /// Of the agent's rows ([`latency::Table::digest`]).
    pub digest: u64,
}

/// An agent that an overwatch hears, or heard, in person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Which agent.
    pub agent_id: AgentId,
    /// The key that it holds.
    pub key: KeyHash,
    /// The service that it named.
    pub service: Service,
    /// The life that it named.
    pub epoch: u64,
    /// Where its session comes from.
    pub address: IpAddr,
    /// What of the grants of the token that it proved its backends need; at most [`GRANTS_MAX`].
    pub grants: Vec<Grant>,
    /// Whether it is there.
    pub presence: Presence,
}

/// Whether an agent is there, as the overwatch sees it that it talked to. Of two that differ about one
/// life of an agent the later in this list is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// Its session is lost, or silent.
    Away,
    /// It is heard.
    There,
    /// It said goodbye.
    Gone,
}

impl Frame {
    /// Which kind of frame this is.
    #[must_use]
    pub const fn kind(&self) -> FrameKind {
        match self {
            Self::Hello(_) => FrameKind::Hello,
            Self::Challenge(_) => FrameKind::Challenge,
            Self::Proof(_) => FrameKind::Proof,
            Self::Welcome(_) => FrameKind::Welcome,
            Self::Refused(_) => FrameKind::Refused,
            Self::Registration(_) => FrameKind::Registration,
            Self::Heartbeat => FrameKind::Heartbeat,
            Self::Load(_) => FrameKind::Load,
            Self::Condition(_) => FrameKind::Condition,
            Self::Report { .. } => FrameKind::Report,
            Self::Ack(_) => FrameKind::Ack,
            Self::Goodbye => FrameKind::Goodbye,
            Self::PeerHello(_) => FrameKind::PeerHello,
            Self::Have(_) => FrameKind::Have,
            Self::Vouched(_) => FrameKind::Vouched,
            Self::Relayed { .. } => FrameKind::Relayed,
            Self::Told { .. } => FrameKind::Told,
        }
    }
}

impl FrameKind {
    /// The most bytes that a frame of the kind may have, length prefix not counted.
    #[must_use]
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Relayed => RELAYED_BYTES_MAX,
            _ => FRAME_BYTES_MAX,
        }
    }

    /// The kind as a word, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Challenge => "challenge",
            Self::Proof => "proof",
            Self::Welcome => "welcome",
            Self::Refused => "refused",
            Self::Registration => "registration",
            Self::Heartbeat => "heartbeat",
            Self::Load => "load",
            Self::Condition => "condition",
            Self::Report => "report",
            Self::Ack => "ack",
            Self::Goodbye => "goodbye",
            Self::PeerHello => "peer_hello",
            Self::Have => "have",
            Self::Vouched => "vouched",
            Self::Relayed => "relayed",
            Self::Told => "told",
        }
    }
}
