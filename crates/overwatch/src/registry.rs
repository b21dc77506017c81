//! Every backend that can stand in an answer, and what is known about each: the one source of
//! truth, whoever brought it.
//!
//! A backend comes from the configuration, from an agent, or from both; then the configuration
//! says where it stands and what it weighs, and the agent says how it does. Standing is always
//! derived ([`health::standing()`]), never set. Whether an agent may speak for a backend is decided
//! before it comes here, except for who holds it.

pub(crate) mod reconfigure;

pub(crate) mod strains;

use std::collections::BTreeMap;

use health::{
    Authority, CheckSpec, CheckState, CheckStatus, Evidence, Outcome, SessionLiveness, Standing,
    standing,
};
use mesh::BackendOffer;
use model::{AgentId, Backend, BackendKey, Region, Service, Time};

use self::strains::Less;
use crate::HealthRow;
use crate::hand::Spoken;

/// Two looks around: after that the last step of a drain is in the answers.
const MOMENT_MS: u64 = 2_000;

/// The backends.
#[derive(Debug)]
pub struct Registry {
    entries: BTreeMap<BackendKey, Entry>,
    terms: CheckTerms,
    /// What operators say of servers, also of some that are not here.
    spoken: BTreeMap<BackendKey, Spoken>,
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
    /// What operators say of it.
    pub(crate) spoken: Spoken,
    /// Why it gets less than its share, as its agent tells.
    pub less: Option<Less>,
    /// What follows from all of it, and whose word decided.
    pub standing: (Standing, Authority),
    /// What would follow, were it not drained.
    pub(crate) undrained: Standing,
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

/// A standing that changed; or the same standing of a backend that is new, that is drained and
/// serves or does not any more, or whose agent left or came back: whether it may be named changed.
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
        Self { entries: BTreeMap::new(), terms, spoken: BTreeMap::new() }
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
            entry.less = None;
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

    /// Goes by what operators say of servers from now on: these are all that anything is said of. Which
    /// of those here are spoken of otherwise than before.
    pub(crate) fn speak(&mut self, spoken: BTreeMap<BackendKey, Spoken>) -> Vec<BackendKey> {
        self.spoken = spoken;
        let mut touched = Vec::new();
        for (key, entry) in &mut self.entries {
            let spoken = self.spoken.get(key).copied().unwrap_or_default();
            if std::mem::replace(&mut entry.spoken, spoken) != spoken {
                touched.push(key.clone());
            }
        }
        touched
    }

    /// The services with a server that is being emptied, or was until a moment ago.
    pub(crate) fn emptying(&self, now: Time) -> impl Iterator<Item = &Service> {
        let is_moving = move |spoken: &Spoken| {
            spoken.drain.is_some_and(|drain| now <= drain.began.plus_ms(drain.over_ms + MOMENT_MS))
        };
        let moving = self.spoken.iter().filter(move |(_, spoken)| is_moving(spoken));
        moving.map(|(key, _)| &key.service)
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
        let key = backend.key.clone();
        self.entries.entry(key.clone()).or_insert_with(|| Entry {
            backend,
            is_configured: false,
            agent: None,
            check: None,
            claim: None,
            validation: None,
            spoken: self.spoken.get(&key).copied().unwrap_or_default(),
            less: None,
            standing: (Standing::Down, Authority::Session),
            undrained: Standing::Down,
            last_up: None,
            since: Time::EPOCH,
            has_left: false,
            stale_since: None,
        })
    }
}

impl Entry {
    /// Its weight, less what it is drained of and what it gets less since it strains. While it gets
    /// new clients at all it has some. Drained of all it stands behind all others, and weighs there
    /// what it weighs.
    pub(crate) fn weight(&self, now: Time) -> u32 {
        let kept = self.spoken.drain.map_or(1_000, |drain| 1_000 - drain.permille(now).min(1_000));
        let kept = if kept == 0 { 1_000 } else { kept };
        let weight = u64::from(self.backend.weight) * u64::from(kept);
        let weight = weight * u64::from(self.left_permille());
        u32::try_from(weight.div_ceil(1_000_000)).unwrap_or(self.backend.weight)
    }

    /// How it stands to answers. Drained of all it is emptied, whoever else called it up; and down
    /// where it does not serve either, since nobody is to be sent there before one that was up.
    pub(crate) fn standing_in_answers(&self, now: Time) -> (Standing, Option<Time>) {
        let last_up = |standing: Standing| match standing {
            Standing::Up => Some(now),
            Standing::Doubtful | Standing::Draining | Standing::Down => self.last_up,
        };
        if !self.is_drained(now) {
            return (self.standing.0, last_up(self.standing.0));
        }
        match self.undrained {
            Standing::Up | Standing::Doubtful => (Standing::Draining, last_up(self.undrained)),
            Standing::Draining | Standing::Down => (Standing::Down, None),
        }
    }

    /// Whether it is drained of all.
    fn is_drained(&self, now: Time) -> bool {
        self.is_bled_out() || self.spoken.drain.is_some_and(|drain| drain.permille(now) >= 1_000)
    }

    fn refresh(
        &mut self,
        key: &BackendKey,
        now: Time,
        liveness: impl Fn(&AgentId) -> SessionLiveness,
    ) -> Option<Change> {
        let session = self.agent.as_ref().map_or(SessionLiveness::NotAnAgent, &liveness);
        let undrained = Evidence {
            override_: self.spoken.override_,
            draining: false,
            validation: self.validation.as_ref().map(CheckState::status),
            session,
            claim: self.claim,
        };
        let new = standing(&Evidence { draining: self.is_drained(now), ..undrained });
        let undrained = standing(&undrained).0;
        let was_undrained = std::mem::replace(&mut self.undrained, undrained);
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
        } else if had_left == has_left
            && (new.0 != Standing::Draining || was_undrained == undrained)
        {
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
}
