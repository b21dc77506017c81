//! Taking load off servers that strain, before they fail: what of its share each backend should get.
//!
//! Processor, memory and load are those of the machine and concern all backends; the error rate is
//! that of a backend's own checks and concerns that one. The overwatches are told at each change and
//! after each heartbeat while it lasts.

use std::collections::{BTreeMap, VecDeque};

use health::{Bleeding, Limits, Outcome, Signal, Strain, WHOLE_PERMILLE};
use mesh::{BackendCondition, Condition};
use model::{BackendKey, Time};

use crate::vitals::{CpuTimes, Vitals};
use crate::{Note, Offer};

/// How to take load off servers that strain.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictive {
    /// Milliseconds between two looks at the machine.
    pub check_interval_ms: u64,
    /// When each signal strains, and how fast the share goes.
    pub limits: Limits,
    /// Milliseconds for which a check counts in the error rate.
    pub error_window_ms: u64,
}

/// Checks in the window below which no rate is reckoned: of four, one that failed would be a quarter.
const CHECKS_MIN: usize = 5;
/// Checks that are remembered of one backend, the latest: more would move the rate by less than a
/// thousandth each.
const CHECKS_MAX: usize = 1_024;

/// The shares of all backends.
#[derive(Debug)]
pub(crate) struct Shares {
    own: BTreeMap<BackendKey, Own>,
    /// Processor time at the last look.
    cpu: Option<CpuTimes>,
    pub(crate) next_look: Time,
}

/// One backend.
#[derive(Debug, Default)]
struct Own {
    bleeding: Bleeding,
    /// When checks ended, and whether they passed.
    checks: VecDeque<(Time, bool)>,
    /// What was last logged: by what it strains, and whether nothing is left. None while it is whole.
    said: Option<(Signal, bool)>,
}

impl Shares {
    /// All of them whole.
    pub(crate) fn new(offers: &[Offer], now: Time) -> Self {
        let own = offers.iter().map(|offer| (offer.backend.key.clone(), Own::default()));
        Self { own: own.collect(), cpu: None, next_look: now }
    }

    /// Other backends; those that stay keep their share, but where nothing is watched any more.
    pub(crate) fn reconfigure(&mut self, offers: &[Offer], is_watched: bool, now: Time) {
        let mut before = std::mem::replace(&mut self.own, Self::new(offers, now).own);
        for (key, own) in &mut self.own {
            if let Some(old) = before.remove(key).filter(|_| is_watched) {
                *own = old;
            }
        }
        self.next_look = now;
    }

    /// Takes in the result of a check.
    pub(crate) fn checked(&mut self, key: &BackendKey, outcome: &Outcome, now: Time) {
        let Some(own) = self.own.get_mut(key) else { return };
        if own.checks.len() >= CHECKS_MAX {
            own.checks.pop_front();
        }
        own.checks.push_back((now, matches!(outcome, Outcome::Pass { .. })));
    }

    /// Takes in a look at the machine. Tells whether the overwatches are to be told.
    pub(crate) fn look(&mut self, vitals: &Vitals, by: &Predictive, now: Time) -> bool {
        let signals = vitals.signals(self.cpu);
        self.cpu = vitals.cpu;
        let since = now.minus_ms(by.error_window_ms);
        let mut is_changed = false;
        for own in self.own.values_mut() {
            let mut signals = signals.clone();
            signals.extend(own.error_rate(since).map(|rate| (Signal::ErrorRate, rate)));
            is_changed |= own.bleeding.read(&signals, &by.limits, now);
        }
        is_changed
    }

    /// Goes the steps that are due. Tells whether the overwatches are to be told.
    pub(crate) fn advance(&mut self, now: Time) -> bool {
        let mut is_changed = false;
        for own in self.own.values_mut() {
            is_changed |= own.bleeding.advance(now);
        }
        is_changed
    }

    /// When something is due next.
    pub(crate) fn next_deadline(&self) -> Time {
        let steps = self.own.values().filter_map(|own| own.bleeding.next_step());
        steps.fold(self.next_look, Time::min)
    }

    /// What the overwatches are to know.
    pub(crate) fn condition(&self) -> Condition {
        let less = self.less().map(|(key, share_permille, strain)| {
            let strain = Some(strain);
            BackendCondition { key: key.clone(), share_permille, strain }
        });
        Condition { backends: less.collect() }
    }

    /// Backends that do not get their whole share: how much, and why.
    pub(crate) fn less(&self) -> impl Iterator<Item = (&BackendKey, u16, Strain)> {
        self.own.iter().filter_map(|(key, own)| {
            let share = own.bleeding.share_permille();
            let strain = own.bleeding.strain()?;
            (share < WHOLE_PERMILLE).then_some((key, share, strain))
        })
    }

    /// What is new about shares since this was last asked, each said once: what the machine does
    /// concerns all backends and is one line.
    pub(crate) fn news(&mut self) -> Vec<Note> {
        let mut news: Vec<Note> = Vec::new();
        for (key, own) in &mut self.own {
            let note = own.news(key);
            news.extend(note.filter(|note| !news.contains(note)));
        }
        news
    }
}

impl Own {
    /// What is new about this one.
    fn news(&mut self, key: &BackendKey) -> Option<Note> {
        let share = self.bleeding.share_permille();
        let strain = self.bleeding.strain().filter(|_| share < WHOLE_PERMILLE);
        let said = strain.map(|strain| (strain.signal, share == 0));
        let before = std::mem::replace(&mut self.said, said);
        let signal = said.or(before).map(|(signal, _)| signal)?;
        let backend = (signal == Signal::ErrorRate).then(|| key.clone());
        match (before, strain) {
            (None, Some(strain)) => Some(Note::Bleeding { backend, strain }),
            (Some((_, false)), Some(strain)) if share == 0 => {
                Some(Note::BledOut { backend, strain })
            }
            (Some(_), None) => Some(Note::Recovered { backend }),
            _ => None,
        }
    }

    /// Checks that failed since then, in percent; nothing where they are too few to say.
    fn error_rate(&mut self, since: Time) -> Option<f64> {
        while self.checks.front().is_some_and(|(at, _)| *at < since) {
            self.checks.pop_front();
        }
        let failed = self.checks.iter().filter(|(_, has_passed)| !has_passed).count();
        let count = self.checks.len();
        (count >= CHECKS_MIN).then(|| failed as f64 * 100.0 / count as f64)
    }
}
