//! The numbers of checks, of either node.

use ::agent::Agent;
use ::overwatch::Overwatch;
use model::Time;

use crate::metrics::Page;
use crate::metrics::families::health as family;
use crate::probe::ProbeCounters;

/// How the node's own checks went.
pub(in crate::process) fn of_checks(page: &mut Page, checks: &ProbeCounters) {
    page.set(&family::PASSED, checks.passed);
    page.each(&family::FAILED, checks.failed);
    page.set(&family::LATE, checks.late);
    page.set(&family::LATENESS_MS, checks.lateness_ms);
}

/// Which of an agent's backends strain.
pub(in crate::process) fn of_agent_strains(page: &mut Page, agent: &Agent) {
    let signals: Vec<&str> = agent.less().map(|(_, _, strain)| strain.signal.as_str()).collect();
    count(page, &signals);
}

/// Which backends strain as their agents tell, and whose certificates end.
pub(in crate::process) fn of_servers(page: &mut Page, node: &Overwatch, now: Time) {
    let less = node.strained_servers().map(|less| less.strain);
    let unknown = family::UNKNOWN_SIGNAL;
    let signals = less.map(|strain| strain.map_or(unknown, |strain| strain.signal.as_str()));
    count(page, &signals.collect::<Vec<_>>());
    let (days, ending) = node.certificates(now);
    page.set(&family::CERTIFICATES_ENDING, ending as u64);
    if let Some(days) = days {
        page.set(&family::CERTIFICATE_DAYS, u64::try_from(days).unwrap_or(0));
    }
}

fn count(page: &mut Page, signals: &[&str]) {
    let words = ::health::Signal::ALL.map(::health::Signal::as_str);
    let words = words.into_iter().chain([family::UNKNOWN_SIGNAL]);
    let of = |word| signals.iter().filter(|signal| **signal == word).count() as u64;
    page.each(&family::STRAINED, words.map(|word| (word, of(word))));
}
