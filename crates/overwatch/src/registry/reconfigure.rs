//! The backends of another configuration: those that stay keep their standing, their verdicts and
//! what operators said of them.

use std::collections::{BTreeMap, BTreeSet};

use health::CheckState;
use model::{AgentId, BackendKey};

use super::{CheckTerms, Registry};
use crate::ConfiguredBackend;

/// What follows from another configuration.
#[derive(Debug, Default)]
pub(crate) struct Reconfigured {
    /// The backends that came, left or changed.
    pub(crate) touched: BTreeSet<BackendKey>,
    /// Agents that hold a backend of which the configuration said what it is, and does no more:
    /// their own word about it was not kept.
    pub(crate) orphaned: BTreeSet<AgentId>,
}

impl Registry {
    /// Checks by other terms from now on.
    pub(crate) fn set_terms(&mut self, terms: CheckTerms) {
        let old = std::mem::replace(&mut self.terms, terms);
        for (key, entry) in &mut self.entries {
            let factor = self.terms.smoothing_factor(&key.service);
            if factor.total_cmp(&old.smoothing_factor(&key.service)).is_ne() {
                // Another average; the verdict is as it was.
                let verdict = entry.validation.take().zip(entry.check.as_ref());
                entry.validation = verdict.map(|(old, check)| {
                    CheckState::resumed(check.thresholds(), factor, old.status())
                });
            }
        }
    }

    /// Has these backends of the configuration, and no others.
    pub(crate) fn reconfigure(&mut self, backends: Vec<ConfiguredBackend>) -> Reconfigured {
        let mut result = Reconfigured::default();
        let configured: BTreeMap<BackendKey, ConfiguredBackend> =
            backends.into_iter().map(|new| (new.backend.key.clone(), new)).collect();
        self.entries.retain(|key, entry| {
            if !entry.is_configured || configured.contains_key(key) {
                return true;
            }
            entry.is_configured = false;
            result.touched.insert(key.clone());
            result.orphaned.extend(entry.agent.clone());
            entry.agent.is_some()
        });
        for (key, ConfiguredBackend { backend, check }) in configured {
            let old = self.entries.get(&key);
            let is_same = |old: &&super::Entry| {
                old.is_configured && old.backend == backend && old.check == check
            };
            if old.is_some_and(|old| is_same(&old)) {
                continue;
            }
            let is_checked_alike = old.is_some_and(|old| old.check == check);
            let factor = self.terms.smoothing_factor(&key.service);
            self.configure(backend, check);
            if let Some(entry) = self.entries.get_mut(&key).filter(|_| !is_checked_alike) {
                // Another check: its own thresholds from now on, the verdict until then.
                let verdict = entry.validation.take().zip(entry.check.as_ref());
                entry.validation = verdict.map(|(old, check)| {
                    CheckState::resumed(check.thresholds(), factor, old.status())
                });
            }
            result.touched.insert(key);
        }
        result
    }
}
