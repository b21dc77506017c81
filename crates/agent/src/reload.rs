//! Other settings while it runs: what is still there keeps all that is known of it.
//!
//! What was learned, the verdicts of checks and the sessions stay. Where what an agent proves itself
//! with, or for, is another, it hangs up without a goodbye and comes back at once: its servers stay in
//! the answers.

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{Service, Time};

use crate::{Agent, Effect, Settings};

/// What is to hold from now on.
#[derive(Clone, Debug)]
pub struct Reload {
    /// All of the settings. The agent's name, whether it learns at all, and the widths of its networks
    /// are not among what can change: they stay as they are.
    pub settings: Settings,
    /// The addresses that overwatches are known to live at.
    pub overwatches: Vec<IpAddr>,
}

impl Agent {
    /// Goes by other settings from now on.
    pub(crate) fn reload(&mut self, reload: Reload, now: Time, out: &mut Vec<Effect>) {
        let Reload { settings, overwatches } = reload;
        self.checks.reconfigure(&self.settings.offers, &settings.offers);
        if let (Some(learner), Some(learning)) = (&mut self.learner, &settings.learning) {
            let ports = settings.offers.iter().map(|offer| offer.listen_port).collect();
            learner.reconfigure(learning.clone(), ports);
        }
        self.shares.reconfigure(&settings.offers, settings.predictive.is_some(), now);
        let next_heartbeat = now.plus_ms(settings.heartbeat.interval_ms);
        self.next_heartbeat = self.next_heartbeat.min(next_heartbeat);
        let old = std::mem::replace(&mut self.settings, settings);
        // The learner is to be told again whom it excludes.
        self.exclude(overwatches);
        if proves_otherwise(&old, &self.settings) {
            self.links.values_mut().for_each(|link| link.hang_up(out));
        } else {
            self.register_everywhere(out);
            self.tell_condition(out);
        }
    }
}

/// Whether a session that was opened with the old settings does not do for the new ones.
fn proves_otherwise(old: &Settings, new: &Settings) -> bool {
    let services = |settings: &Settings| -> BTreeSet<Service> {
        settings.offers.iter().map(|offer| offer.backend.key.service.clone()).collect()
    };
    old.token != new.token
        || old.region != new.region
        || !old.keys.are_all_in(&new.keys)
        || services(old) != services(new)
}
