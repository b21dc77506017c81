//! Every line that an agent can ask to have logged: a closed list, so that nothing a stranger does
//! can write a log of his own. Lines about learning contain the word `latency`.

use std::fmt;

use health::{CheckStatus, Strain};
use latency::Concentration;
use mesh::Refusal;
use model::BackendKey;

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Worth knowing when looking for something.
    Debug,
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warn,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A session with an overwatch stands.
    Joined {
        /// The overwatch.
        overwatch: String,
        /// Where the reports go on from.
        resume: u64,
    },
    /// The overwatch could not be believed, or did not believe us.
    NotJoined {
        /// Its address or name.
        overwatch: String,
        /// Why, and what to do.
        reason: String,
    },
    /// An overwatch goes by two addresses; one session with it is enough.
    Double {
        /// Its name.
        overwatch: String,
        /// The address that was dialled in vain.
        dialled: String,
        /// That of the session.
        first: String,
    },
    /// A session ended.
    Left {
        /// The overwatch.
        overwatch: String,
    },
    /// The overwatch refused something that was said.
    Refused {
        /// The overwatch.
        overwatch: String,
        /// What and why.
        refusal: Refusal,
    },
    /// The other side did not keep to the protocol.
    Protocol {
        /// The overwatch.
        overwatch: String,
        /// What was wrong.
        fault: String,
    },
    /// An own backend's verdict changed.
    BackendHealth {
        /// Which.
        backend: BackendKey,
        /// What it is now.
        status: CheckStatus,
        /// The last failure.
        error: Option<String>,
    },
    /// Something strains, and the overwatches are told to send less.
    Bleeding {
        /// Which backend gets less; all of them where it is the machine.
        backend: Option<BackendKey>,
        /// What strains.
        strain: Strain,
    },
    /// It has been taken out of the answers by that.
    BledOut {
        /// As above.
        backend: Option<BackendKey>,
        /// What strains.
        strain: Strain,
    },
    /// It gets its whole share again.
    Recovered {
        /// As above.
        backend: Option<BackendKey>,
    },
    /// A round of learning was published.
    Published {
        /// Rows held.
        rows: usize,
        /// Samples counted since the start.
        samples: u64,
        /// Readings that did not count since the start.
        refused: u64,
    },
    /// A few addresses hold most samples.
    Concentrated(Concentration),
    /// There are as many client networks as may be kept: some make room.
    Full {
        /// How many may be kept.
        max: usize,
    },
    /// None had to lately.
    HasRoom,
}

impl Note {
    /// How much it matters.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Published { .. } => Level::Debug,
            Self::Joined { .. }
            | Self::Double { .. }
            | Self::Left { .. }
            | Self::Recovered { .. }
            | Self::HasRoom => Level::Info,
            Self::BackendHealth { status, .. } => match status {
                CheckStatus::Up | CheckStatus::Unknown => Level::Info,
                CheckStatus::Down => Level::Warn,
            },
            Self::NotJoined { .. }
            | Self::Refused { .. }
            | Self::Protocol { .. }
            | Self::Bleeding { .. }
            | Self::BledOut { .. }
            | Self::Concentrated(_)
            | Self::Full { .. } => Level::Warn,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joined { overwatch, resume: 0 } => {
                write!(f, "joined overwatch {overwatch}; it gets the whole latency table")
            }
            Self::Joined { overwatch, resume } => {
                write!(f, "joined overwatch {overwatch}; latency reports go on after {resume}")
            }
            Self::NotJoined { overwatch, reason } => {
                write!(f, "cannot join overwatch {overwatch}: {reason}")
            }
            Self::Double { overwatch, dialled, first } => {
                write!(f, "overwatch {overwatch} is at {dialled} too; its session is at {first}")
            }
            Self::Left { overwatch } => write!(f, "the session with overwatch {overwatch} ended"),
            Self::Refused { overwatch, refusal } => {
                write!(f, "overwatch {overwatch} refused: {refusal}")
            }
            Self::Protocol { overwatch, fault } => {
                write!(f, "overwatch {overwatch} broke the protocol: {fault}")
            }
            Self::BackendHealth { backend, status, error } => {
                write!(f, "backend {backend} is {}", status.as_str())?;
                match error {
                    Some(error) if *status == CheckStatus::Down => write!(f, ": {error}"),
                    _ => Ok(()),
                }
            }
            Self::Bleeding { backend, strain } => write!(
                f,
                "{} gets less of the clients step by step: {}",
                who(backend.as_ref()),
                said_of(strain)
            ),
            Self::BledOut { backend, strain } => {
                let (who, strain) = (who(backend.as_ref()), said_of(strain));
                write!(f, "{who} gets no new clients: {strain}")
            }
            Self::Recovered { backend } => {
                write!(f, "{} gets its whole share again", who(backend.as_ref()))
            }
            Self::Published { rows, samples, refused } => write!(
                f,
                "latency learned for {rows} client networks from {samples} samples, \
                 {refused} readings did not count"
            ),
            Self::Full { max } => write!(
                f,
                "latency is learned for as many client networks as may be, {max}: those seen longest ago make \
                 room: raise agent.latency_learning.max_subnets"
            ),
            Self::HasRoom => {
                f.write_str("latency: no client network had to make room for two hours")
            }
            Self::Concentrated(Concentration { addresses, samples }) => {
                let certain: u64 = addresses.iter().map(|(_, count)| count).sum();
                write!(
                    f,
                    "latency is learned from few addresses: {certain} of {samples} samples are from"
                )?;
                for (address, _) in addresses {
                    write!(f, " {address}")?;
                }
                f.write_str(
                    "; if a proxy or a NAT stands in front, run the agent there, \
                     or list it in agent.latency_learning.exclude",
                )
            }
        }
    }
}

/// Who gets less.
fn who(backend: Option<&BackendKey>) -> String {
    backend.map_or_else(|| "every backend".to_owned(), |backend| format!("backend {backend}"))
}

/// `cpu was 96.5, its limit is 90`.
fn said_of(strain: &Strain) -> String {
    let Strain { signal, value, threshold } = strain;
    format!("{} was {value:.1}, its limit is {threshold}", signal.as_str())
}
