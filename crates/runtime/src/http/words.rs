//! The words between the API and the node: what it is asked, and what comes back. Nothing is decided
//! here.

use std::net::IpAddr;

use config::{EntityKind, EntityName};
use dns::NameBuf;
use model::{Subnet, TokenName};
use overwatch::{Command, LatencyPage, LatencySearch, LatencyWanted, Objection, OutsideRow, Said};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// A question to the node and where the answer goes.
#[derive(Debug)]
pub struct Ask {
    /// What is asked.
    pub question: Question,
    /// By whom, as the log of changes calls them; and why, and for how long, where they said so.
    pub said: Said,
    /// The number of the last change as they know it: if there was another one since, nothing is
    /// done. `None` where they do not mind.
    pub expected: Option<u64>,
    /// Who waits for it; gone where a client gave up.
    pub reply: oneshot::Sender<Told>,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which program and which configuration this is.
    Version,
    /// Rows of the learned table, of as many whole networks as make so many rows.
    Latency {
        /// Which.
        wanted: LatencyWanted,
        /// How many.
        rows_max: usize,
    },
    /// A search of the learned table, to be gone on with.
    LatencySearch(Box<LatencySearch>),
    /// The steered domains.
    Domains,
    /// The backends.
    Backends,
    /// The agents.
    Agents,
    /// `GET /api/v1/overwatch/peers`
    Peers,
    /// The sources of times that are no agents.
    Sources,
    /// The whole, in short.
    Cluster {
        /// How many agents there should be.
        expected_agents: Option<usize>,
    },
    /// Where a client is sent, and why.
    Explain {
        /// Of which domain.
        domain: String,
        /// Which network; its first address.
        client: Subnet,
    },
    /// Where geography has an address.
    Locate(IpAddr),
    /// The networks that are pinned by hand.
    Pins,
    /// The regions, and how far they are drained by hand.
    Regions,
    /// What learning may do.
    Learning,
    /// Whose questions resolvers ask.
    Resolvers,
    /// What operators said.
    Audit,
    /// The signed zones.
    SignedZones,
    /// What the zone above has to say of one.
    DsRecords(NameBuf),
    /// A zone's keys, secrets included.
    ExportKeys(NameBuf),
    /// The tokens of the API.
    Tokens,
    /// Whether answers are good.
    Ready,
    /// The configuration is to be read again.
    Reload,
    /// All things of a kind that the configuration has.
    Entities(EntityKind),
    /// One of them.
    Entity(EntityName),
    /// One is to be made, or taken back.
    Make(Wish),
    /// A source from outside reports.
    Report {
        /// Which.
        source: TokenName,
        /// What.
        rows: Vec<OutsideRow>,
    },
    /// All that is in the store, secrets included.
    BackUp,
    /// An operator's word.
    Command(Command),
}

/// What is to be made through the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// This, or this anew.
    Put {
        /// Which.
        name: EntityName,
        /// Its settings as JSON.
        settings: serde_json::Value,
        /// Whether it must be new, or must be there.
        create: Option<bool>,
    },
    /// This no more.
    Remove(EntityName),
}

/// Why something was neither made nor taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotMade {
    /// In one word.
    pub why: Why,
    /// What does not fit: a JSON pointer for what is wrong in what was sent, and the fault.
    pub faults: Vec<(Option<String>, String)>,
}

/// That word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is none of that name.
    Unknown,
    /// There is one of that name.
    Exists,
    /// A file defines it.
    ReadOnly {
        /// Which.
        file: String,
        /// Where.
        line: usize,
    },
    /// It does not fit.
    Faulty,
    /// It cannot be stored.
    NotStored(String),
}

/// What comes back.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// A document.
    Document(Document),
    /// Rows of the learned table.
    Latency(LatencyPage),
    /// A search that was gone on with.
    Searched {
        /// With what it found so far.
        search: Box<LatencySearch>,
        /// Whether it is at its end.
        is_done: bool,
    },
    /// That answers are good, or not.
    Ready {
        /// Whether they are.
        is_ready: bool,
        /// The document that says so.
        document: String,
    },
    /// The configuration was not taken: every fault.
    Invalid(Vec<String>),
    /// A zone's keys.
    Keys(KeyText),
    /// The word was carried out.
    Done,
    /// The word was not carried out.
    Objected(Objection),
    /// Nothing was done: something was changed since; the number of the last change.
    Changed(u64),
    /// It was carried out, but is not in the store; why not.
    NotKept(String),
    /// What was made through the API is so from now on.
    Made {
        /// Whether it is new.
        is_new: bool,
        /// The document that shows it.
        document: Document,
    },
    /// It was not made, nor taken back.
    NotMade(NotMade),
    /// Nothing can be changed now, or nobody knows whether it was: what is shared is not reached.
    StoreAway(String),
    /// Nothing was done: another overwatch changed the same at the same moment.
    Lost,
    /// Nothing was done: it is more than can be shared at once.
    TooMuch(String),
}

/// A document as JSON, its fields in the order of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The JSON.
    pub text: String,
    /// The number of the last change that it knows of.
    pub revision: Option<u64>,
}

/// A zone's keys as text: wiped when it is dropped, and never shown by accident.
#[derive(Clone, PartialEq)]
pub struct KeyText(Zeroizing<String>);

impl KeyText {
    /// Of secret text.
    #[must_use]
    pub const fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The secrets.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for KeyText {
    /// Without the text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyText")
    }
}

impl Told {
    /// Why something was not done, for a log; the rest is told in documents.
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            Self::Objected(objection) => objection.to_string(),
            Self::StoreAway(why) | Self::TooMuch(why) | Self::NotKept(why) => why.clone(),
            Self::Lost => "another overwatch changed it first".to_owned(),
            _ => String::new(),
        }
    }
}
