//! Every line that an overwatch can ask to have logged: a closed list, so that nothing a stranger
//! does can write a log of his own. Routing decisions are logged by the edge, which sees queries.

use std::fmt;

use dnssec::{Role, Step};
use health::{Authority, Standing, Strain};
use latency::Suspicion;
use mesh::{KeyHash, Refusal};
use model::{AgentId, BackendKey, Region, Time};

use crate::limits::LimitNote;

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warn,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// An agent is here.
    AgentJoined {
        /// Which.
        agent: AgentId,
        /// Whether its key was seen for the first time.
        is_new: bool,
        /// Its key.
        key: KeyHash,
    },
    /// An agent said what it offers.
    AgentRegistered {
        /// Which.
        agent: AgentId,
        /// Where it stands.
        region: Region,
        /// How many backends it speaks for.
        backends: usize,
    },
    /// An agent went.
    AgentLeft {
        /// Which.
        agent: AgentId,
        /// Whether it said goodbye.
        is_goodbye: bool,
    },
    /// An agent's reports do not count any more.
    AgentHeld {
        /// Which.
        agent: AgentId,
        /// Why.
        why: Suspicion,
        /// How many networks are against it.
        networks: usize,
    },
    /// A limit of the table begins to bind, or no longer does.
    Limit(LimitNote),
    /// Somebody was refused. Logged once in a while for each peer and reason; counted in full.
    Refused {
        /// The agent, or the address of somebody who has proven nothing.
        who: String,
        /// Why.
        refusal: Refusal,
    },
    /// The agent ended the session in its handshake. Logged once in a while, as above; its own
    /// words are left out, since it has proven nothing.
    AgentRefused {
        /// Its address.
        who: String,
        /// What it said.
        refusal: Refusal,
    },
    /// Another overwatch is there.
    PeerMet {
        /// What it calls itself.
        overwatch: String,
        /// Where it was dialled.
        address: String,
    },
    /// It is not any more.
    PeerLost {
        /// What it called itself.
        overwatch: String,
        /// Where it was dialled.
        address: String,
    },
    /// There is no session with another overwatch. Logged once in a while for each address and reason.
    PeerNotMet {
        /// Where it was dialled.
        address: String,
        /// Why.
        why: String,
    },
    /// A backend's standing changed.
    Standing {
        /// Which.
        backend: BackendKey,
        /// What it was.
        from: Standing,
        /// What it is.
        to: Standing,
        /// Who says so.
        by: Authority,
        /// Why the last check failed, if one did.
        error: Option<String>,
    },
    /// Backends of an agent strain, and get less of the clients step by step.
    Straining {
        /// Which agent tells so.
        agent: AgentId,
        /// How many of its backends.
        backends: usize,
        /// What strains.
        strain: Option<Strain>,
    },
    /// They get their whole share again.
    StrainOver {
        /// Which agent tells so.
        agent: AgentId,
    },
    /// The certificate that a checked server shows is about to end, or has.
    CertificateEnds {
        /// Which server.
        backend: BackendKey,
        /// Days left; negative where it has ended.
        days: i64,
    },
    /// An agent that was away for long, or longest when room was needed, was forgotten.
    AgentForgotten {
        /// Which one.
        agent: AgentId,
        /// Since when it was away.
        since: Time,
    },
    /// A backend that nobody vouches for was forgotten.
    BackendForgotten {
        /// Which.
        backend: BackendKey,
    },
    /// Keys were made.
    KeysMade {
        /// The zone.
        zone: String,
        /// The role and tag of each.
        keys: Vec<(Role, u16)>,
    },
    /// Keys that were due were not made.
    KeysNotMade {
        /// The zone.
        zone: String,
        /// Why not.
        why: String,
    },
    /// A key is where it was not before.
    KeyMoved {
        /// The zone.
        zone: String,
        /// Which, and where it is.
        step: Step,
    },
    /// Something keeps zones from being signed well.
    Signing {
        /// What.
        fault: String,
    },
    /// That is over.
    SigningMended {
        /// Its name and zone.
        fault: String,
    },
    /// An operator's word was carried out.
    Commanded {
        /// What was said.
        what: String,
        /// By whom.
        by: String,
        /// Why, if they said so.
        reason: Option<String>,
    },
}

impl Note {
    /// How much it matters.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Refused { .. } | Self::AgentRefused { .. } | Self::AgentHeld { .. } => {
                Level::Warn
            }
            Self::PeerLost { .. } | Self::PeerNotMet { .. } => Level::Warn,
            Self::Straining { .. } | Self::CertificateEnds { .. } => Level::Warn,
            Self::Limit(limit) if limit.is_loss() => Level::Warn,
            Self::KeysNotMade { .. } | Self::Signing { .. } => Level::Warn,
            Self::Standing { to: Standing::Down, .. } => Level::Warn,
            _ => Level::Info,
        }
    }
}

impl Note {
    /// A line about another overwatch.
    fn of_peer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerMet { overwatch, address } => {
                write!(f, "overwatch {overwatch} at {address} is there; it tells what agents say")
            }
            Self::PeerLost { overwatch, address } => {
                write!(f, "overwatch {overwatch} at {address} is lost; trying on")
            }
            Self::PeerNotMet { address, why } => {
                write!(f, "no session with the overwatch at {address}: {why}")
            }
            // Those that are told themselves.
            Self::AgentJoined { .. }
            | Self::AgentRegistered { .. }
            | Self::AgentLeft { .. }
            | Self::AgentHeld { .. }
            | Self::Limit(_)
            | Self::Refused { .. }
            | Self::AgentRefused { .. }
            | Self::Standing { .. }
            | Self::Straining { .. }
            | Self::StrainOver { .. }
            | Self::CertificateEnds { .. }
            | Self::AgentForgotten { .. }
            | Self::BackendForgotten { .. }
            | Self::KeysMade { .. }
            | Self::KeysNotMade { .. }
            | Self::KeyMoved { .. }
            | Self::Signing { .. }
            | Self::SigningMended { .. }
            | Self::Commanded { .. } => Ok(()),
        }
    }
}

/// When something ends, or that it ended.
fn ends_in(days: i64) -> String {
    match days {
        0.. => format!("ends in {days} days"),
        _ => format!("ended {} days ago", days.unsigned_abs()),
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AgentJoined { agent, is_new: true, key } => {
                write!(f, "agent {agent} joined for the first time; pinned to key {key}")
            }
            Self::AgentJoined { agent, is_new: false, .. } => write!(f, "agent {agent} joined"),
            Self::AgentRegistered { agent, region, backends } => {
                write!(f, "agent {agent} registered {backends} backends in {region}")
            }
            Self::AgentLeft { agent, is_goodbye: true } => {
                write!(f, "agent {agent} said goodbye; its backends leave the answers")
            }
            Self::AgentLeft { agent, is_goodbye: false } => {
                write!(f, "agent {agent} is gone without a goodbye")
            }
            Self::AgentHeld { agent, why, networks } => write!(
                f,
                "agent {agent} is held: {networks} networks {}; what it said before stays in \
                 force; where the change is real, say opengslb-cli learning accept {agent}",
                said_of(*why)
            ),
            Self::Limit(limit) => limit.fmt(f),
            Self::Refused { who, refusal } => write!(f, "refused {who}: {refusal}"),
            Self::AgentRefused { who, refusal } => {
                write!(f, "the agent at {who} ended the handshake: {refusal}")
            }
            Self::PeerMet { .. } | Self::PeerLost { .. } | Self::PeerNotMet { .. } => {
                self.of_peer(f)
            }
            Self::Standing { backend, from, to, by, error } => {
                let (from, to) = (from.as_str(), to.as_str());
                let why = error.as_ref().map_or_else(String::new, |error| format!(": {error}"));
                write!(f, "backend {backend} is {to}, was {from}, says {}{why}", by.as_str())
            }
            Self::Straining { agent, backends, strain } => {
                let why = strain.as_ref().map_or_else(String::new, over_limit);
                write!(f, "{backends} backends of agent {agent} get less of the clients{why}")
            }
            Self::StrainOver { agent } => {
                write!(f, "all backends of agent {agent} get their whole share again")
            }
            Self::CertificateEnds { backend, days } => {
                write!(f, "backend {backend} shows a certificate that {}", ends_in(*days))
            }
            Self::AgentForgotten { agent, since } => {
                write!(f, "agent {agent} is forgotten: it was away since {}", since.to_rfc3339())
            }
            Self::BackendForgotten { backend } => {
                write!(f, "backend {backend} is forgotten: nobody has vouched for it for long")
            }
            Self::KeysMade { zone, keys } => {
                write!(f, "zone {zone}: keys were made: {}", listed(keys))
            }
            Self::KeysNotMade { zone, why } => write!(f, "zone {zone}: no keys were made: {why}"),
            Self::KeyMoved { zone, step: Step { tag, role, to, .. } } => match to {
                Some(state) => write!(f, "zone {zone}: the {role} {tag} is {state}"),
                None => write!(f, "zone {zone}: the {role} {tag} is removed"),
            },
            Self::Signing { fault } => write!(f, "signing: {fault}"),
            Self::SigningMended { fault } => write!(f, "signing: no longer {fault}"),
            Self::Commanded { what, by, reason: None } => write!(f, "{what}, by {by}"),
            Self::Commanded { what, by, reason: Some(reason) } => {
                write!(f, "{what}, by {by}: {reason}")
            }
        }
    }
}

/// `KSK 1, ZSK 2`.
fn listed(keys: &[(Role, u16)]) -> String {
    let keys: Vec<String> = keys.iter().map(|(role, tag)| format!("{role} {tag}")).collect();
    keys.join(", ")
}

/// `: cpu was 96.5, its limit is 90`.
fn over_limit(Strain { signal, value, threshold }: &Strain) -> String {
    format!(": {} was {value:.1}, its limit is {threshold}", signal.as_str())
}

/// What is said of the networks that hold an agent.
const fn said_of(why: Suspicion) -> &'static str {
    match why {
        Suspicion::Fell => "fell by more than 30 % at once",
        Suspicion::Alike => "are new and have one and the same time",
        Suspicion::Before => "were against it before a restart",
    }
}
