//! The health of the agent's own backends: what it claims about each.

use std::collections::BTreeMap;

use health::{CheckState, CheckStatus, Outcome};
use model::{BackendKey, Time};

use crate::{Note, Offer};

/// One verdict a backend.
#[derive(Debug)]
pub(crate) struct Checks {
    states: BTreeMap<BackendKey, CheckState>,
}

impl Checks {
    pub(crate) fn new(offers: &[Offer]) -> Self {
        let states = offers.iter().filter_map(|offer| {
            let spec = offer.check.as_ref()?;
            let state = CheckState::new(spec.thresholds(), CONNECT_SMOOTHING);
            Some((offer.backend.key.clone(), state))
        });
        Self { states: states.collect() }
    }

    /// Other backends: those that stay keep their verdict, those with another check until it says
    /// otherwise.
    pub(crate) fn reconfigure(&mut self, before: &[Offer], after: &[Offer]) {
        let mut known = std::mem::replace(self, Self::new(after)).states;
        let spec = |offers: &[Offer], key: &BackendKey| {
            let offer = offers.iter().find(|offer| offer.backend.key == *key);
            offer.and_then(|offer| offer.check.clone())
        };
        for (key, state) in &mut self.states {
            let Some(old) = known.remove(key) else { continue };
            let check = spec(after, key);
            *state = match &check {
                Some(other) if check != spec(before, key) => {
                    CheckState::resumed(other.thresholds(), CONNECT_SMOOTHING, old.status())
                }
                _ => old,
            };
        }
    }

    /// Takes in a result; a note comes back where the verdict changed.
    pub(crate) fn record(&mut self, key: &BackendKey, outcome: Outcome, now: Time) -> Option<Note> {
        let state = self.states.get_mut(key)?;
        let transition = state.record(outcome, now)?;
        Some(Note::BackendHealth {
            backend: key.clone(),
            status: transition.to,
            error: state.last_error().map(ToString::to_string),
        })
    }

    /// What the agent claims: a backend without a check is up, one never yet checked is not.
    pub(crate) fn is_healthy(&self, key: &BackendKey) -> bool {
        self.states.get(key).is_none_or(|state| state.status() == CheckStatus::Up)
    }
}

/// An agent does not look at connect times, but the state wants to know; the brief's factor.
const CONNECT_SMOOTHING: f64 = 0.3;
