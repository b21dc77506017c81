//! What operators shut out: the keys of revoked agents, and the backends that were theirs.
//!
//! The pins say it; this is where it is looked up, for each agent that comes and each backend that is
//! offered. Must never say anything else than the pins.

use std::collections::BTreeSet;

use mesh::KeyHash;
use model::BackendKey;

use super::{Pin, PinState};

/// Bounded by the pins that it is of.
#[derive(Debug)]
pub(super) struct Barred {
    keys: BTreeSet<KeyHash>,
    backends: BTreeSet<BackendKey>,
}

impl Barred {
    /// Nothing is shut out.
    pub(super) const NONE: Self = Self { keys: BTreeSet::new(), backends: BTreeSet::new() };

    /// What these pins shut out.
    pub(super) fn of<'a>(pins: impl Iterator<Item = &'a Pin>) -> Self {
        let mut barred = Self::NONE;
        pins.for_each(|pin| barred.add(pin));
        barred
    }

    /// And what one more does.
    pub(super) fn add(&mut self, pin: &Pin) {
        if pin.state == PinState::Revoked {
            self.keys.insert(pin.key);
        }
        self.backends.extend(pin.blocked.iter().cloned());
    }

    /// Whether a key is that of a revoked agent.
    pub(super) fn has_key(&self, key: &KeyHash) -> bool {
        self.keys.contains(key)
    }

    /// Whether a backend waits for an operator.
    pub(super) fn has_backend(&self, backend: &BackendKey) -> bool {
        self.backends.contains(backend)
    }
}
