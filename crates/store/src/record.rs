//! What is kept, in the words of the field, and how it changes.
//!
//! Plain values: nothing here knows the file's format, and no other crate needs to.

use std::collections::{BTreeMap, BTreeSet};

use health::{CheckSpec, HeartbeatTerms, Standing};
use model::{AgentId, Backend, BackendKey, Time};

/// All that the file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The registry.
    pub backends: BTreeMap<BackendKey, BackendRow>,
    /// How backends last stood; also of some that are no longer in the registry.
    pub health: BTreeMap<BackendKey, HealthRow>,
    /// Which agent is known by which key.
    pub pins: BTreeMap<AgentId, Pin>,
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
    /// The port its connections arrive at, where the agent reads round-trip times.
    pub listen_port: u16,
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

/// What ties an agent's name to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// SHA-256 of the public key (SPKI) in the agent's certificate.
    pub spki_sha256: [u8; 32],
    /// Whether it may speak.
    pub state: PinState,
    /// When the key was first seen.
    pub first_seen: Time,
    /// Backends that nobody may offer before an operator approves: those of a revoked agent.
    pub blocked: BTreeSet<BackendKey>,
}

/// Whether a pinned agent may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinState {
    /// It may.
    Enrolled,
    /// An operator has yet to approve it.
    Pending,
    /// It may not any more.
    Revoked,
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
    /// A pin was removed.
    RemovePin(AgentId),
}

impl Snapshot {
    /// What the file holds after `change`: the same rule in memory as on disk.
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
        }
    }
}
