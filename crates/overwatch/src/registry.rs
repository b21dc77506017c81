//! Every backend that can stand in an answer, and what is known about each: the one source of
//! truth, whoever brought it.
//!
//! A backend comes from the configuration, from an agent, or from both; then the configuration
//! says where it stands and what it weighs, and the agent says how it does. Standing is always
//! derived ([`health::standing()`]), never set. Whether an agent may speak for a backend is decided
//! before it comes here, except for who holds it.

pub(crate) mod reconfigure;

use std::collections::BTreeMap;

use health::{
    Authority, CheckSpec, CheckState, CheckStatus, Evidence, Outcome, SessionLiveness, Standing,
    standing,
};
use mesh::BackendOffer;
use model::{AgentId, Backend, BackendKey, Region, Service, Time};

use crate::HealthRow;

/// The backends.
#[derive(Debug)]
pub struct Registry {
    entries: BTreeMap<BackendKey, Entry>,
    terms: CheckTerms,
}

/// How this overwatch checks on its own.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckTerms {
    /// Whether it does at all.
    pub enabled: bool,
    /// Milliseconds between two checks of one backend that an agent brought.
    pub interval_ms: u64,
    /// Milliseconds that one such check may take.
    pub timeout_ms: u64,
    /// The weight of the newest connect time in the average that `latency` routing reads, by
    /// service. A service that is not named here is not routed by it.
    pub smoothing_factors: BTreeMap<Service, f64>,
}

impl CheckTerms {
    fn smoothing_factor(&self, service: &Service) -> f64 {
        // Nobody reads the average of the others; any factor will do.
        self.smoothing_factors.get(service).copied().unwrap_or(1.0)
    }
}

/// One backend.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is.
    pub backend: Backend,
    /// Whether the configuration names it.
    pub is_configured: bool,
    /// The agent that speaks for it.
    pub agent: Option<AgentId>,
    /// How it says it wants to be checked.
    pub check: Option<CheckSpec>,
    /// What the agent said last.
    pub claim: Option<bool>,
    /// What the overwatch's own check says.
    pub validation: Option<CheckState>,
    /// What an operator said.
    pub override_: Option<bool>,
    /// Whether an operator is emptying it.
    pub is_draining: bool,
    /// What follows from all of it, and whose word decided.
    pub standing: (Standing, Authority),
    /// When it was last up, if it ever was: `last_healthy` goes by it. Not kept current while it
    /// is up.
    pub last_up: Option<Time>,
    /// Since when it has its standing.
    pub since: Time,
    /// Whether its agent said goodbye: then no policy may name it.
    pub has_left: bool,
    /// Since when nobody vouches for it.
    pub stale_since: Option<Time>,
}

/// A standing that changed; or the same standing of a backend that is new, or whose agent left or
/// came back, which changes whether a policy may name it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which backend.
    pub key: BackendKey,
    /// What it was.
    pub from: Standing,
    /// What it is.
    pub to: Standing,
    /// Who says so.
    pub by: Authority,
}

impl Registry {
    /// No backend yet.
    #[must_use]
    pub const fn new(terms: CheckTerms) -> Self {
        Self { entries: BTreeMap::new(), terms }
    }

    /// Adds a backend of the configuration.
    pub fn configure(&mut self, backend: Backend, check: Option<CheckSpec>) {
        let entry = self.entry(backend.clone());
        entry.backend = backend;
        entry.is_configured = true;
        entry.check = check;
    }

    /// Adds a backend that was known before a restart, with what was known about it.
    pub fn remember(&mut self, backend: Backend, agent: Option<AgentId>, last: Remembered) {
        let smoothing = self.terms.smoothing_factor(&backend.key.service);
        let entry = self.entry(backend);
        entry.agent = entry.agent.take().or(agent);
        entry.check = entry.check.take().or(last.check);
        entry.override_ = last.override_;
        entry.is_draining = last.is_draining;
        let Some(health) = last.health else { return };
        entry.last_up = health.last_up;
        entry.since = health.since;
        entry.standing.0 = health.standing;
        // What was down stays so until its agent says otherwise: losing sight makes nothing better.
        let was_down = entry.agent.is_some() && health.standing == Standing::Down;
        entry.claim = was_down.then_some(false);
        let status = match health.standing {
            Standing::Up => CheckStatus::Up,
            Standing::Down => CheckStatus::Down,
            // What checks said of it was not kept.
            Standing::Doubtful | Standing::Draining => return,
        };
        if let Some(spec) = &entry.check {
            entry.validation = Some(CheckState::resumed(spec.thresholds(), smoothing, status));
        }
    }

    /// Replaces all that an agent offers. What it no longer offers leaves, unless the
    /// configuration names it.
    pub fn offer(&mut self, agent: &AgentId, region: &Region, offers: &[BackendOffer]) {
        let offered = |key: &BackendKey| offers.iter().any(|offer| offer.key == *key);
        self.release(agent, |key| !offered(key));
        for offer in offers {
            let smoothing = self.terms.smoothing_factor(&offer.key.service);
            let backend =
                Backend { key: offer.key.clone(), region: region.clone(), weight: offer.weight };
            let entry = self.entry(backend.clone());
            if !entry.is_configured {
                entry.backend = backend;
                if entry.check != offer.check {
                    entry.check.clone_from(&offer.check);
                    entry.validation = entry.validation.take().zip(offer.check.as_ref()).map(
                        // Another check: its own thresholds from now on, the verdict until then.
                        |(old, check)| {
                            CheckState::resumed(check.thresholds(), smoothing, old.status())
                        },
                    );
                }
            }
            entry.agent = Some(agent.clone());
            entry.claim = Some(offer.healthy);
        }
    }

    /// Takes from an agent every backend that `leaves` names.
    pub fn release(&mut self, agent: &AgentId, leaves: impl Fn(&BackendKey) -> bool) {
        self.entries.retain(|key, entry| {
            if entry.agent.as_ref() != Some(agent) || !leaves(key) {
                return true;
            }
            entry.agent = None;
            entry.claim = None;
            entry.is_configured
        });
    }

    /// The agent that holds a backend, if any.
    #[must_use]
    pub fn holder(&self, key: &BackendKey) -> Option<&AgentId> {
        self.entries.get(key)?.agent.as_ref()
    }

    /// Takes in the result of an own check. A result for a backend that left meanwhile is dropped.
    pub fn record(&mut self, key: &BackendKey, outcome: Outcome, now: Time) {
        if let Some(validation) = self.entries.get_mut(key).and_then(|e| e.validation.as_mut()) {
            validation.record(outcome, now);
        }
    }

    /// What an operator says: `None` takes it back. Says whether the backend is known.
    pub fn set_override(&mut self, key: &BackendKey, is_up: Option<bool>) -> bool {
        self.entries.get_mut(key).map(|entry| entry.override_ = is_up).is_some()
    }

    /// Begins or ends emptying a backend. Says whether the backend is known.
    pub fn set_draining(&mut self, key: &BackendKey, is_draining: bool) -> bool {
        self.entries.get_mut(key).map(|entry| entry.is_draining = is_draining).is_some()
    }

    /// Derives every standing anew and says what changed.
    pub fn refresh(
        &mut self,
        now: Time,
        liveness: impl Fn(&AgentId) -> SessionLiveness,
    ) -> Vec<Change> {
        let entries = self.entries.iter_mut();
        entries.filter_map(|(key, entry)| entry.refresh(key, now, &liveness)).collect()
    }

    /// Derives one standing anew.
    pub fn refresh_one(
        &mut self,
        key: &BackendKey,
        now: Time,
        liveness: impl Fn(&AgentId) -> SessionLiveness,
    ) -> Option<Change> {
        self.entries.get_mut(key)?.refresh(key, now, &liveness)
    }

    /// Drops backends that nobody has vouched for in `after_ms`; those of the configuration and
    /// those that the own check finds up stay.
    pub fn remove_stale(&mut self, now: Time, after_ms: u64) -> Vec<BackendKey> {
        let is_dead = |entry: &Entry| {
            !entry.is_configured
                && entry.standing.0 != Standing::Up
                && entry.stale_since.is_some_and(|since| now.ms_since(since) >= after_ms)
        };
        let dead: Vec<BackendKey> =
            self.entries.iter().filter(|(_, e)| is_dead(e)).map(|(key, _)| key.clone()).collect();
        for key in &dead {
            self.entries.remove(key);
        }
        dead
    }

    /// Every check that this overwatch should be running, by backend.
    ///
    /// Also makes room for the results of those that are new, and forgets those that are gone.
    pub fn watches(&mut self) -> BTreeMap<BackendKey, CheckSpec> {
        let terms = &self.terms;
        let mut watches = BTreeMap::new();
        for (key, entry) in &mut self.entries {
            let Some(check) = entry.check.as_ref().filter(|_| terms.enabled) else {
                entry.validation = None;
                continue;
            };
            // The agent's kind of check at this overwatch's own pace; the configuration says both.
            let spec = if entry.is_configured {
                check.clone()
            } else {
                let timeout_ms = terms.timeout_ms.min(terms.interval_ms);
                CheckSpec { interval_ms: terms.interval_ms, timeout_ms, ..check.clone() }
            };
            if entry.validation.is_none() {
                let state =
                    CheckState::new(spec.thresholds(), terms.smoothing_factor(&key.service));
                entry.validation = Some(state);
            }
            watches.insert(key.clone(), spec);
        }
        watches
    }

    /// All backends, sorted by service, address and port.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// One backend.
    #[must_use]
    pub fn get(&self, key: &BackendKey) -> Option<&Entry> {
        self.entries.get(key)
    }

    fn entry(&mut self, backend: Backend) -> &mut Entry {
        self.entries.entry(backend.key.clone()).or_insert_with(|| Entry {
            backend,
            is_configured: false,
            agent: None,
            check: None,
            claim: None,
            validation: None,
            override_: None,
            is_draining: false,
            standing: (Standing::Down, Authority::Session),
            last_up: None,
            since: Time::EPOCH,
            has_left: false,
            stale_since: None,
        })
    }
}

impl Entry {
    fn refresh(
        &mut self,
        key: &BackendKey,
        now: Time,
        liveness: impl Fn(&AgentId) -> SessionLiveness,
    ) -> Option<Change> {
        let session = self.agent.as_ref().map_or(SessionLiveness::NotAnAgent, &liveness);
        let new = standing(&Evidence {
            override_: self.override_,
            draining: self.is_draining,
            validation: self.validation.as_ref().map(CheckState::status),
            session,
            claim: self.claim,
        });
        let is_stale = matches!(session, SessionLiveness::Stale | SessionLiveness::Gone);
        self.stale_since = is_stale.then(|| self.stale_since.unwrap_or(now));
        let has_left = session == SessionLiveness::Gone && !self.is_configured;
        let had_left = std::mem::replace(&mut self.has_left, has_left);
        let old = std::mem::replace(&mut self.standing, new);
        if old.0 == Standing::Up {
            self.last_up = Some(now);
        }
        let is_first = self.since == Time::EPOCH;
        if old.0 != new.0 || is_first {
            self.since = now;
        } else if had_left == has_left {
            return None;
        }
        Some(Change { key: key.clone(), from: old.0, to: new.0, by: new.1 })
    }
}

/// What was known about a backend before a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct Remembered {
    /// How it wanted to be checked.
    pub check: Option<CheckSpec>,
    /// How it stood at the end, if that was kept.
    pub health: Option<HealthRow>,
    /// What an operator had said.
    pub override_: Option<bool>,
    /// Whether an operator was emptying it.
    pub is_draining: bool,
}
