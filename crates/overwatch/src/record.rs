//! What must survive a restart, in the words of the field, and how it changes.
//!
//! Plain values: nothing here knows a file. The learned table is not among them; agents refill it.

use std::collections::BTreeMap;

use dnssec::KeyRing;
use health::{CheckSpec, HeartbeatTerms, Standing};
use model::{AgentId, Backend, BackendKey, Time, TokenName};

use crate::{ApiToken, AuditLine, HandRow, Pin, signing};

/// All that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The registry.
    pub backends: BTreeMap<BackendKey, BackendRow>,
    /// How backends last stood.
    pub health: BTreeMap<BackendKey, HealthRow>,
    /// Which agent is known by which key.
    pub pins: BTreeMap<AgentId, Pin>,
    /// The keys of zones, by name in lower case.
    pub keys: BTreeMap<String, KeyRing>,
    /// What operators made by hand about routing, by [`crate::HandItem::name`].
    pub hand: BTreeMap<String, HandRow>,
    /// What operators said, by number; the largest is the newest.
    pub audit: BTreeMap<u64, AuditLine>,
    /// What was made through the API: one document, which `config` understands; empty where nothing
    /// was.
    pub made: String,
    /// The tokens of the API.
    pub tokens: BTreeMap<TokenName, ApiToken>,
    /// Lines about what was done at this overwatch alone that the others are still to see, by number; the
    /// smallest is the oldest. Whoever shares them bounds them.
    pub unshared: BTreeMap<u64, AuditLine>,
}

/// One backend of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendRow {
    /// Where it is, and its weight.
    pub backend: Backend,
    /// Who brought it.
    pub source: Source,
    /// The kind of check that is right for it; absent where none was given.
    pub check: Option<CheckSpec>,
    /// What an operator said it is: for releases that know no more of it than that.
    pub override_: Option<bool>,
    /// Whether an operator is emptying it; likewise.
    pub is_draining: bool,
}

/// Who brought a backend into the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The overwatch's own configuration.
    Config,
    /// An agent that registered it.
    Agent {
        /// Which one.
        id: AgentId,
        /// How long its word holds while it is out of sight, also over a restart.
        heartbeat: HeartbeatTerms,
    },
}

/// How one backend last stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthRow {
    /// Its standing.
    pub standing: Standing,
    /// Since when.
    pub since: Time,
    /// When it was last seen up; absent where it never was. `last_healthy` answers go by it.
    pub last_up: Option<Time>,
}

/// One change of what is kept. To put a row is to replace it whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A backend came or changed.
    PutBackend(BackendRow),
    /// A backend left.
    RemoveBackend(BackendKey),
    /// A backend's standing changed.
    PutHealth(BackendKey, HealthRow),
    /// A standing is of no more use.
    RemoveHealth(BackendKey),
    /// An agent was pinned, or its pin changed.
    PutPin(AgentId, Pin),
    /// An agent is not known any more.
    RemovePin(AgentId),
    /// The keys of a zone changed.
    PutKeys(KeyRing),
    /// Something was made by hand, or is otherwise now.
    PutHand(HandRow),
    /// It was taken back.
    RemoveHand(String),
    /// An operator said something.
    PutAudit(u64, AuditLine),
    /// That is too long ago.
    RemoveAudit(u64),
    /// What was made through the API is this from now on.
    PutMade(String),
    /// A token was made.
    PutToken(ApiToken),
    /// A token was revoked.
    RemoveToken(TokenName),
    /// A line waits to be shared.
    PutUnshared(u64, AuditLine),
    /// It is shared, or never will be.
    RemoveUnshared(u64),
}

impl Snapshot {
    /// What is kept after `change`: the same rule in memory as on disk.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::PutBackend(row) => {
                self.backends.insert(row.backend.key.clone(), row);
            }
            Change::RemoveBackend(key) => {
                self.backends.remove(&key);
            }
            Change::PutHealth(key, row) => {
                self.health.insert(key, row);
            }
            Change::RemoveHealth(key) => {
                self.health.remove(&key);
            }
            Change::PutPin(id, pin) => {
                self.pins.insert(id, pin);
            }
            Change::RemovePin(id) => {
                self.pins.remove(&id);
            }
            Change::PutMade(document) => self.made = document,
            Change::PutKeys(ring) => {
                self.keys.insert(signing::key_of(ring.apex()), ring);
            }
            Change::PutHand(row) => {
                self.hand.insert(row.item.name(), row);
            }
            Change::RemoveHand(name) => {
                self.hand.remove(&name);
            }
            Change::PutAudit(number, line) => {
                self.audit.insert(number, line);
            }
            Change::RemoveAudit(number) => {
                self.audit.remove(&number);
            }
            Change::PutToken(token) => {
                self.tokens.insert(token.name.clone(), token);
            }
            Change::RemoveToken(name) => {
                self.tokens.remove(&name);
            }
            Change::PutUnshared(number, line) => {
                self.unshared.insert(number, line);
            }
            Change::RemoveUnshared(number) => {
                self.unshared.remove(&number);
            }
        }
    }
}
