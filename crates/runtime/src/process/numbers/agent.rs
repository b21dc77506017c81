//! An agent's numbers.

use std::sync::Arc;

use ::agent::Agent;
use model::Time;

use super::super::reload::ReloadCounters;
use super::of_process;
use crate::collect::CollectorCounters;
use crate::metrics::families::agent as family;
use crate::metrics::{Configured, Page};

/// All of them; `collector` is what the kernel was heard to say, where it is listened to.
pub(in crate::process) fn agent(
    agent: &Agent,
    collector: Option<CollectorCounters>,
    sessions: usize,
    (reloads, now): (&ReloadCounters, Time),
) -> Page {
    // No label of an agent is bounded by its configuration.
    let mut page = Page::new(Arc::new(Configured::default()));
    of_process(&mut page, reloads, now);
    page.set(&family::SESSIONS, sessions as u64);
    if let Some(kernel) = collector {
        page.set(&family::CLOSED, kernel.events);
        page.set(&family::LOST, kernel.lost);
        page.set(&family::DUMPS, kernel.dumps);
        page.set(&family::OPEN, kernel.dumped);
        page.set(&family::COLLECTOR_ERRORS, kernel.errors);
        let sources = [("destroy_events", kernel.has_destroy_events), ("dump", kernel.has_dump)];
        page.each(&family::SOURCES, sources.map(|(name, is_active)| (name, is_active.into())));
    }
    if let Some((learned, rows)) = agent.learning() {
        let refused = learned.refused.iter().map(|(why, count)| (why.as_str(), count));
        page.set(&family::OBSERVATIONS, learned.admitted);
        page.each(&family::OBSERVATIONS_DROPPED, refused);
        page.set(&family::SUBNETS_TRACKED, rows as u64);
        page.set(&family::SUBNETS_EVICTED, learned.evicted);
        page.set(&family::SUBNETS_PRUNED, learned.expired);
        page.set(&family::ROWS_PUBLISHED, learned.published);
        page.set(&family::ROWS_REFRESHED, learned.refreshed);
    }
    page
}
